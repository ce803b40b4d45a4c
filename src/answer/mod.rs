//! The pure engine: find the zone, walk to the name, decide, gather, assemble.
//!
//! In: a world (snapshot and view), octets of queries, who asks, a stream of chance. Out: octets of answers. Never
//! here: clocks, sockets, locks, allocations on the way of a query, logs. Serving, explain and expectations all call
//! [`Gathering::gather`] and below it [`Scene::decide`]; nothing decides anywhere else.

mod asker;
mod assemble;
mod capacity;
mod chain;
mod chance;
mod chaos;
mod conduct;
mod decide;
mod direct;
#[cfg(test)]
mod direct_laws;
mod draw;
mod exchange;
mod gather;
mod hints;
mod hosts;
mod kept;
mod locus;
mod lookup;
mod message;
mod prefixes;
mod rate;
mod respond;
mod terms;
mod why;
mod world;

pub use asker::Asker;
pub use assemble::{Written, assemble};
pub use chance::Chance;
pub use conduct::{Conduct, Cookies, Identity, UDP_PAYLOAD_MAX, WithoutCookie};
pub use decide::{ANSWERS_DEFAULT, Decision, Outcome, PATH_MAX, Scene};
pub use draw::{
    ANSWERS_MAX, Among, Candidates, Draw, LAST_KNOWN, Note, Picked, SHUFFLE_MAX, Weights,
};
pub use exchange::{Exchange, Limited, OUT_MIN, Tally, Transport};
pub use gather::{Any, Gathering, Hosts};
pub use locus::Locus;
pub use message::{
    Answer, Apex, CHAIN_MAX, MadeSet, Owner, PARTS_MAX, PICKS_MAX, Part, Records, Section, Source,
    Synthesised,
};
pub use prefixes::Prefixes;
pub use rate::{RateLimits, Rates, prefix_bits};
pub use respond::{BATCH_MAX, Worker, respond};
pub use why::{Reasons, TellWhy, WhyAsked};
pub use world::World;
