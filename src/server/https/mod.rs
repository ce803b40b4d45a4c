//! DNS over HTTPS (RFC 8484) by HTTP/1.1 and HTTP/2.
//!
//! In: accepted streams, certificates, the path of the resource. Out: messages to the engine, its replies as HTTP
//! responses. Never here: accepting, or who has to leave ([`super::accept`]).

mod conversation;
mod freshness;
mod options;
mod pulse;
mod resource;

pub(super) use conversation::run;
pub use options::{HttpsGuise, HttpsOptions};
