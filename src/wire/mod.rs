//! DNS messages as bytes: names, types, RDATA, EDNS.
//!
//! In: octets from the network and RDATA as text from zone files. Out: names, numbers and octets. Never here: TTL
//! opinions, lookups, policies. hickory-proto, our codec for rare RDATA, is named in this module only.

mod code;
mod name;

pub use code::{Class, Opcode, Rcode, Rtype};
pub use name::{Name, NameFault};
