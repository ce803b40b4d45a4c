//! The pure engine: find the zone, walk to the name, decide, gather into a sink.
//!
//! In: a world (snapshot and view), octets of queries, client addresses, a stream of chance. Out: octets of answers.
//! Never here: clocks, sockets, locks, allocations on the way of a query, logs. There is one walk
//! ([`ZoneQuestion::gather`]) and below it one decision ([`DecisionInputs::decide`]); serving, explain and expectations
//! differ in the [`Sink`] and the [`Draw`] that they pass. There is one envelope for every response, and one writer of
//! octets ([`MessageWriter`]).

mod capacity;
mod chain;
mod chance;
mod chaos;
mod client;
mod decide;
mod draw;
mod exchange;
mod gather;
mod hints;
mod hosts;
mod lookup;
mod prefixes;
mod rate;
mod reasons;
mod reply;
mod respond;
mod response_context;
mod root_location;
mod serving_options;
mod sink;
mod sticky;
mod values;
mod why;
mod world;
mod writer;

pub use chain::{CHAIN_MAX, Chain};
pub use chance::Chance;
pub use client::Client;
pub use decide::{ANSWERS_DEFAULT, Decision, DecisionInputs, Outcome, PATH_MAX};
pub use draw::{
    ANSWERS_MAX, Among, Candidates, Draw, LAST_KNOWN, Note, Picked, SHUFFLE_MAX, Weights,
};
pub use exchange::{Exchange, Limited, NO_TTL, OUT_MIN, Tally, Transport};
pub use gather::{Any, Hosts, ZoneQuestion};
pub use prefixes::Prefixes;
pub use rate::{RateLimits, Rates, prefix_bits};
pub use reasons::{Reasons, TellWhy, WhyAsked};
pub use respond::{BATCH_MAX, Worker, respond};
pub use root_location::RootLocation;
pub use serving_options::{Cookies, Identity, ServingOptions, UDP_PAYLOAD_MAX, WithoutCookie};
pub use sink::{Head, Part, QUESTION_AT, Records, Section, Sink, Source, made_rdata};
pub use values::Answer;
pub use world::World;
pub use writer::MessageWriter;
