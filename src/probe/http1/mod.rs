//! HTTP/1 as a checker needs it: a request written as the check says, a response read as leniently as curl reads it.
//!
//! In: requests, octets. Out: heads and bodies. Never here: sockets, the meaning of a response.

mod body;
mod head;
mod request;

pub(super) use body::Framing;
pub(super) use head::{Head, HeadFault, HeadReader};
pub(super) use request::{Request, write_request};
