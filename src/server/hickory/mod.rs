//! Failover zones inside hickory-server: a `RequestHandler` around our engine, beside another one.
//!
//! In: requests as hickory-server hands them over. Out: the engine's answers as hickory-server's responses; requests for
//! names outside our zones go to the other handler. Never here: sockets, decisions.
//!
//! Programs on hickory-server (a forwarder, a blocklist, a recursor) serve failover zones in the same process so. Port
//! 53 of our own stays with the loops of this room: hickory-server takes 6 to 12 us for a query, they take 2.

mod reply;
mod zones;

pub use zones::FailoverZones;
