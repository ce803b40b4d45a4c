//! DNS over QUIC (RFC 9250): every query a stream of its own.
//!
//! In: bound sockets, certificates, limits. Out: messages to the engine, its replies on the streams that asked. Never
//! here: what is in messages, but for the id and the one option that section 4.2.1 and 5.5.2 forbid.

mod connections;
mod endpoint;
mod query;
mod settings;

pub(super) use endpoint::run;
pub(super) use settings::open;
