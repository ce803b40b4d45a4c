//! The engine's entry: a batch of queries in, a batch of messages out, bytes to bytes.
//!
//! Passes over the batch: parse, fold and hash; read each zone slot; read each node; answer and assemble. The reads
//! of the middle passes bring the lines into the cache while the others' are under way (engine.md, A7); for a batch
//! of one they are skipped. No lock, no allocation, no clock, no log.

use std::net::{IpAddr, SocketAddr};

use crate::clock::Moment;
use crate::wire::{Class, Query, Rcode, ResponseEdns, Rtype, Scratch, Unanswerable, parse_query};

use super::asker::Asker;
use super::assemble::{assemble, assemble_error};
use super::chance::Chance;
use super::gather::{Gathering, Hosts};
use super::message::{Answer, Source};
use super::world::World;

/// Exchanges in one batch.
pub const BATCH_MAX: usize = 32;
/// Largest UDP payload that is sent or offered (DNS flag day 2020; RFC 9715).
pub const UDP_PAYLOAD_MAX: u16 = 1232;
/// Largest UDP payload without EDNS (RFC 1035, section 4.2.1).
const UDP_PLAIN_MAX: usize = 512;
/// Octets that an output buffer must hold at least: header, longest question, OPT with client subnet.
pub const OUT_MIN: usize = 512;

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A datagram.
    Udp,
    /// A stream with its own length.
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS (RFC 8484).
    Https,
    /// DNS over QUIC (RFC 9250).
    Quic,
}

impl Transport {
    /// Says whether nobody on the way can read what is said.
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Https | Self::Quic)
    }

    /// Returns its name as metrics and threads show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Quic => "quic",
        }
    }
}

/// One query and its answer.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The message as received.
    pub input: &'a [u8],
    /// Where it came from.
    pub client: SocketAddr,
    /// How it came.
    pub transport: Transport,
    /// Room for the answer, at least [`OUT_MIN`] octets.
    pub out: &'a mut [u8],
    /// Octets of the answer; 0 is silence.
    pub len: usize,
    /// What to count.
    pub tally: Tally,
}

impl<'a> Exchange<'a> {
    /// Makes an exchange that is silent until the engine fills it.
    pub fn new(
        transport: Transport,
        client: SocketAddr,
        input: &'a [u8],
        out: &'a mut [u8],
    ) -> Self {
        Self {
            input,
            client,
            transport,
            out,
            len: 0,
            tally: Tally::default(),
        }
    }

    /// Takes back what was written.
    pub fn silence(&mut self) {
        self.len = 0;
        self.tally = Tally::default();
    }
}

/// What to count about one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Type asked; type 0 if there was no question.
    pub rtype: Rtype,
    /// Response code sent.
    pub rcode: Rcode,
    /// Where the answer came from.
    pub source: Source,
    /// Whether TC was set.
    pub is_truncated: bool,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            rtype: Rtype(0),
            rcode: Rcode::NOERROR,
            source: Source::Silent,
            is_truncated: false,
        }
    }
}

/// What one worker keeps between batches.
#[derive(Debug)]
pub struct Worker {
    lookups: Box<[Lookup; BATCH_MAX]>,
    chain: Box<Scratch>,
    chance: Chance,
    touched: u64,
}

#[derive(Clone, Debug)]
struct Lookup {
    scratch: Scratch,
    query: Result<Query, Unanswerable>,
    zone: Option<usize>,
    slot: u64,
}

impl Worker {
    /// Makes a worker whose draws follow from a seed.
    pub fn new(seed: u64) -> Self {
        let lookup = Lookup {
            scratch: Scratch::default(),
            query: Err(Unanswerable::Silence),
            zone: None,
            slot: 0,
        };
        Self {
            lookups: Box::new(std::array::from_fn(|_| lookup.clone())),
            chain: Box::default(),
            chance: Chance::new(seed),
            touched: 0,
        }
    }
}

/// Answers a batch of at most [`BATCH_MAX`] exchanges; further ones stay silent.
pub fn respond(world: &World, batch: &mut [Exchange<'_>], worker: &mut Worker, _now: Moment) {
    let count = batch.len().min(BATCH_MAX);
    for (exchange, lookup) in batch[..count].iter().zip(worker.lookups.iter_mut()) {
        lookup.query = parse_query(exchange.input, &mut lookup.scratch);
        lookup.zone = match &lookup.query {
            Ok(query) if query.class == Class::IN => find_zone(world, query, &lookup.scratch),
            _ => None,
        };
    }
    if count > 1 {
        let mut touched = 0;
        for lookup in &mut worker.lookups[..count] {
            if let Some(zone) = lookup.zone {
                lookup.slot = world.snapshot.zones[zone].zone.touch_slot(&lookup.scratch);
            }
        }
        for lookup in &worker.lookups[..count] {
            if let Some(zone) = lookup.zone {
                touched ^= world.snapshot.zones[zone].zone.touch_node(lookup.slot);
            }
        }
        // Kept, so that the reads are not optimised away.
        worker.touched ^= touched;
    }
    // Made once a batch: an answer borrows from the world, so the worker cannot keep it.
    let mut answer = Answer::room();
    for (exchange, lookup) in batch[..count].iter_mut().zip(worker.lookups.iter()) {
        answer_one(
            world,
            exchange,
            lookup,
            &mut worker.chain,
            &mut worker.chance,
            &mut answer,
        );
    }
}

/// Finds the zone of a question; DS at one of our apexes is asked of the parent zone if that is ours too (RFC 4035,
/// section 3.1.4.1).
fn find_zone(world: &World, query: &Query, name: &Scratch) -> Option<usize> {
    let zone = world.snapshot.find(name, name.labels)?;
    if query.rtype == Rtype::DS
        && name.labels > 0
        && world.snapshot.zones[zone].zone.apex_labels() == name.labels
    {
        return world.snapshot.find(name, name.labels - 1).or(Some(zone));
    }
    Some(zone)
}

fn answer_one<'w>(
    world: &'w World,
    exchange: &mut Exchange<'_>,
    lookup: &Lookup,
    chain: &mut Scratch,
    chance: &mut Chance,
    answer: &mut Answer<'w>,
) {
    exchange.len = 0;
    exchange.tally = Tally::default();
    let query = match lookup.query {
        Ok(query) => query,
        Err(Unanswerable::Silence) => return,
        Err(Unanswerable::Refuse {
            rcode,
            question_end,
            has_edns,
        }) => return refuse(exchange, rcode, question_end, has_edns),
    };
    let subnet = query.edns.and_then(|edns| edns.subnet);
    match lookup.zone {
        Some(zone) if !is_transfer(query.rtype) => {
            let asker = Asker::new(
                client_ip(exchange.client),
                subnet,
                &world.snapshot.locations,
            );
            let gathering = Gathering {
                served: &world.snapshot.zones[zone],
                view: &world.view.zones[zone],
                asker,
                rtype: query.rtype,
                hosts: Hosts::Add,
            };
            gathering.gather(&lookup.scratch, chain, chance, answer);
        }
        _ => {
            answer.reset(Rcode::REFUSED, Source::Refused);
            answer.is_authoritative = false;
        }
    }
    let edns = response_edns(&query, answer.scope_len);
    let limit = match exchange.transport {
        Transport::Tcp | Transport::Tls | Transport::Https | Transport::Quic => {
            usize::from(u16::MAX)
        }
        Transport::Udp => query.edns.map_or(UDP_PLAIN_MAX, |edns| {
            usize::from(edns.payload_size.min(UDP_PAYLOAD_MAX))
        }),
    };
    let written = assemble(answer, &query, exchange.input, edns, limit, exchange.out);
    exchange.len = written.len;
    exchange.tally = Tally {
        rtype: query.rtype,
        rcode: answer.rcode,
        source: answer.source,
        is_truncated: written.is_truncated,
    };
}

/// Answers a message that cannot be looked up with a bare response code.
fn refuse(exchange: &mut Exchange<'_>, rcode: Rcode, question_end: Option<usize>, has_edns: bool) {
    let edns = ResponseEdns {
        rcode_high: (rcode.0 >> 4) as u8,
        ..ResponseEdns::default()
    };
    let edns = has_edns.then_some((edns, UDP_PAYLOAD_MAX));
    exchange.len = assemble_error(exchange.input, rcode, question_end, edns, exchange.out);
    exchange.tally = Tally {
        rcode,
        source: Source::Error,
        ..Tally::default()
    };
}

/// Composes the OPT record for a query that has one. Source length 0 asks for no tailoring: scope 0 (RFC 7871, 7.1.2).
#[inline]
fn response_edns(query: &Query, scope_len: u8) -> Option<(ResponseEdns, u16)> {
    let edns = query.edns?;
    let subnet = edns.subnet.map(|subnet| match subnet.source_len {
        0 => (subnet, 0),
        _ => (subnet, scope_len),
    });
    let response = ResponseEdns {
        rcode_high: 0,
        is_dnssec_ok: edns.is_dnssec_ok,
        subnet,
    };
    Some((response, UDP_PAYLOAD_MAX))
}

const fn is_transfer(rtype: Rtype) -> bool {
    matches!(rtype, Rtype::AXFR | Rtype::IXFR)
}

fn client_ip(client: SocketAddr) -> IpAddr {
    client.ip().to_canonical()
}
