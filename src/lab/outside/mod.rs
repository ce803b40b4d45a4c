//! The world outside: parent zone and resolver as a zone meets them on the Internet, on loopback and on hickory-server.
//!
//! In: the zones that Leeward serves. Out: a parent zone (`example.`) that delegates them, and a caching resolver that
//! finds them through that delegation, each listening on UDP and TCP. Never here: the lab's own zone, regions, outages.
//!
//! ```text
//! client -> resolver (127.0.0.1:5301) -> parent (127.0.0.1:5302): referral with glue, kept for its TTL
//!                                     -> Leeward (127.0.0.1:5300): answer, kept for its TTL
//! ```
//!
//! Glue carries an address and no port. The resolver has the parent's address, as real ones have the root's; servers
//! that a referral names are asked at the port of the lab's name server, which stands for port 53 in this world.
//!
//! hickory's recursor would do the same on port 53 alone, reads a clock of its own, and brings 13 more crates into a
//! first build; its zones give referrals without glue. Transports and messages on both sides are hickory's.

mod ask;
mod kept;
mod parent;
mod referral;
mod resolver;
mod respond;
#[cfg(test)]
mod tests;
mod world;

pub use resolver::LookedUp;
pub use world::{BehindResolver, Outside, OutsideFault, OutsidePlan, OutsideSockets};
