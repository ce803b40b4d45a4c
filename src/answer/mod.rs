//! The pure engine: find the zone, walk to the name, decide, gather into a sink.
//!
//! In: a world (snapshot and view), octets of queries, who asks, a stream of chance. Out: octets of answers. Never
//! here: clocks, sockets, locks, allocations on the way of a query, logs. There is one walk ([`Gathering::gather`]) and
//! below it one decision ([`Scene::decide`]); serving, explain and expectations differ in the [`Sink`] and the [`Draw`]
//! that they pass. There is one envelope of a response, whatever it says, and one writer of octets ([`MessageWriter`]).

mod asker;
mod capacity;
mod chain;
mod chance;
mod chaos;
mod conduct;
mod decide;
mod draw;
mod exchange;
mod gather;
mod hints;
mod hosts;
mod kept;
mod locus;
mod lookup;
mod prefixes;
mod rate;
mod reasons;
mod reply;
mod respond;
mod sink;
mod terms;
mod values;
mod why;
mod world;
mod writer;

pub use asker::Asker;
pub use chain::{CHAIN_MAX, Chain};
pub use chance::Chance;
pub use conduct::{Conduct, Cookies, Identity, UDP_PAYLOAD_MAX, WithoutCookie};
pub use decide::{ANSWERS_DEFAULT, Decision, Outcome, PATH_MAX, Scene};
pub use draw::{
    ANSWERS_MAX, Among, Candidates, Draw, LAST_KNOWN, Note, Picked, SHUFFLE_MAX, Weights,
};
pub use exchange::{Exchange, Limited, OUT_MIN, Tally, Transport};
pub use gather::{Any, Gathering, Hosts};
pub use locus::Locus;
pub use prefixes::Prefixes;
pub use rate::{RateLimits, Rates, prefix_bits};
pub use reasons::{Reasons, TellWhy, WhyAsked};
pub use respond::{BATCH_MAX, Worker, respond};
pub use sink::{Head, Part, QUESTION_AT, Records, Section, Sink, Source, made_rdata};
pub use values::Answer;
pub use world::World;
pub use writer::MessageWriter;
