//! The engine's entry: a batch of queries in, a batch of messages out, bytes to bytes.
//!
//! Passes over the batch: parse, fold and hash; read each zone slot; read each node; where policies ask for a place, read
//! the place; answer, directly if it is one RRset. The reads of the middle passes bring the lines into the cache while
//! the others' are under way (design, A7); for a batch of one they are skipped. No lock, no allocation, no clock, no log.

use std::net::{IpAddr, SocketAddr};

use crate::clock::{Moment, WallTime};
use crate::wire::{
    Class, CookieStanding, Query, Rcode, Refusal, Rtype, Scratch, Unanswerable, write_bad_key,
};
use crate::zone::{Entry, Found, LocationMap};

use super::asker::{Asker, asking_address};
use super::assemble::{assemble, assemble_error};
use super::chance::Chance;
use super::chaos::write_chaos;
use super::direct::answer_directly;
use super::exchange::{Exchange, Limited, Tally, Transport};
use super::gather::{Any, Gathering, Hosts};
use super::lookup::Lookup;
use super::message::{Answer, Apex, Source};
use super::rate::Kind;
use super::terms::{Gate, Terms, kind_of};
use super::why::{answer_why, may_ask_why};
use super::world::World;

/// Exchanges in one batch.
pub const BATCH_MAX: usize = 32;
/// TC in the third octet of a message.
const TC_HIGH: u8 = 0x02;

/// What one worker keeps between batches.
#[derive(Debug)]
pub struct Worker {
    lookups: Box<[Lookup; BATCH_MAX]>,
    chain: Box<Scratch>,
    chance: Chance,
    gate: Gate,
    touched: u64,
}

impl Worker {
    /// Makes a worker whose draws follow from a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            lookups: Box::new(std::array::from_fn(|_| Lookup::default())),
            chain: Box::default(),
            chance: Chance::new(seed),
            gate: Gate::new(seed),
            touched: 0,
        }
    }

    /// Tells the civil time that cookies are made and judged with; a second's precision is enough.
    pub fn tell_wall(&mut self, wall: WallTime) {
        // RFC 9018, section 4.3: 32 bits that wrap.
        self.gate.wall_secs = (wall.millis() / 1000) as u32;
    }
}

/// Answers a batch of at most [`BATCH_MAX`] exchanges; further ones stay silent.
pub fn respond(world: &World, batch: &mut [Exchange<'_>], worker: &mut Worker, now: Moment) {
    worker.gate.now = now;
    let count = batch.len().min(BATCH_MAX);
    let zones = &world.snapshot.zones;
    for (exchange, lookup) in batch[..count].iter().zip(worker.lookups.iter_mut()) {
        lookup.take(&world.snapshot, exchange.input);
    }
    if count > 1 {
        let mut touched = 0;
        for lookup in &worker.lookups[..count] {
            if let Some(zone) = lookup.zone {
                touched ^= zones[zone].zone.read_slot(lookup.aim);
            }
        }
        let mut has_places = false;
        for lookup in &mut worker.lookups[..count] {
            if let Some(zone) = lookup.zone {
                let served = &zones[zone];
                touched ^= served.zone.read_node(&mut lookup.aim);
                has_places |= !served.maps.is_empty();
            }
        }
        if has_places {
            touched ^= read_places(world, &batch[..count], &mut worker.lookups[..count]);
        }
        // Kept, so that the reads are not optimised away.
        worker.touched ^= touched;
    }
    for (exchange, lookup) in batch[..count].iter_mut().zip(worker.lookups.iter_mut()) {
        let is_direct = answer_directly(
            world,
            exchange,
            lookup,
            &mut worker.chance,
            &mut worker.gate,
        );
        if !is_direct {
            answer_one(
                world,
                exchange,
                lookup,
                &mut worker.chain,
                &mut worker.chance,
                &mut worker.gate,
            );
        }
    }
}

/// Answers a batch without the direct way: what that is held to.
#[cfg(test)]
pub(super) fn respond_wholly(
    world: &World,
    batch: &mut [Exchange<'_>],
    worker: &mut Worker,
    now: Moment,
) {
    worker.gate.now = now;
    for exchange in batch {
        let lookup = &mut worker.lookups[0];
        lookup.take(&world.snapshot, exchange.input);
        let (chance, gate) = (&mut worker.chance, &mut worker.gate);
        answer_one(world, exchange, lookup, &mut worker.chain, chance, gate);
    }
}

/// Reads where the clients are in the location maps that their answers ask: tables of megabytes, which random clients
/// find in no cache.
#[inline(never)]
fn read_places(world: &World, batch: &[Exchange<'_>], lookups: &mut [Lookup]) -> u64 {
    let mut asked: [Option<(&LocationMap, IpAddr)>; BATCH_MAX] = [None; BATCH_MAX];
    let mut touched = 0;
    for ((exchange, lookup), asked) in batch.iter().zip(lookups).zip(&mut asked) {
        let Some(zone) = lookup.zone else {
            continue;
        };
        let query = &lookup.query;
        let served = &world.snapshot.zones[zone];
        if served.maps.is_empty() {
            continue;
        }
        let found = served.zone.find_from(&lookup.scratch, lookup.aim);
        lookup.found = Some(found);
        let (Found::Exact(node) | Found::Wildcard(node)) = found else {
            continue;
        };
        if let Some((_, Entry::Dynamic(root))) = served.zone.entry_for(node, query.rtype)
            && let Some(map) = served.map_of(root)
        {
            let subnet = query.edns.and_then(|edns| edns.subnet);
            let address = asking_address(client_ip(exchange.client), subnet);
            touched ^= map.read_top(address);
            *asked = Some((map, address));
        }
    }
    for (map, address) in asked.iter().flatten() {
        touched ^= map.read_below(*address);
    }
    u64::from(touched)
}

/// Answers a query the whole way.
#[inline(never)]
fn answer_one(
    world: &World,
    exchange: &mut Exchange<'_>,
    lookup: &Lookup,
    chain: &mut Scratch,
    chance: &mut Chance,
    gate: &mut Gate,
) {
    exchange.silence();
    match lookup.fault {
        None => {}
        Some(Unanswerable::Silence) => return,
        Some(Unanswerable::Refuse(refusal)) => return refuse(world, exchange, refusal, gate),
    }
    let query = &lookup.query;
    // An answer borrows from the world, so the worker cannot keep the room for it.
    let answer = &mut Answer::room();
    let mut terms = gate.admit(&world.conduct, exchange, &query.edns);
    if terms.needs_cookie(&world.conduct) {
        return refuse(world, exchange, bad_cookie(query), gate);
    }
    if may_ask_why(&lookup.scratch.folded)
        && answer_why(world, exchange, (query, lookup), &mut terms, gate, answer)
    {
        return;
    }
    let subnet = query.edns.and_then(|edns| edns.subnet);
    match lookup.zone {
        Some(zone) if !lookup.is_transfer() => {
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
                any: match exchange.transport {
                    Transport::Udp => Any::One,
                    _ => Any::All,
                },
                world: Some(world),
                apex: Apex::Question,
            };
            let found = match lookup.found {
                Some(found) => found,
                None => gathering.zone().find_from(&lookup.scratch, lookup.aim),
            };
            gathering.gather_found(&lookup.scratch, found, chain, chance, answer);
        }
        zone => {
            answer.reset(refusal_code(world, zone, query, lookup), Source::Refused);
            answer.is_authoritative = false;
        }
    }
    deliver(world, exchange, (query, lookup), &mut terms, gate, answer);
}

/// Writes a composed answer as far as the terms of its query allow.
#[inline(always)]
fn deliver<'w>(
    world: &'w World,
    exchange: &mut Exchange<'_>,
    (query, lookup): (&Query, &Lookup),
    terms: &mut Terms<'w>,
    gate: &mut Gate,
    answer: &mut Answer<'_>,
) {
    let conduct = &*world.conduct;
    let identity = match query.class {
        Class::CH if matches!(query.rtype, Rtype::TXT | Rtype::ANY) => {
            conduct.identity.chaos(lookup.scratch.name())
        }
        _ => None,
    };
    if identity.is_some() {
        answer.rcode = Rcode::NOERROR;
        answer.source = Source::Static;
    }
    let said = (answer.rcode, answer.source, answer.scope_len);
    terms.settle(conduct, query, said);
    exchange.tally = Tally {
        rtype: query.rtype,
        rcode: answer.rcode,
        source: answer.source,
        cookie: terms.standing,
        ..Tally::default()
    };
    let kind = kind_of(answer.source, lookup.zone);
    let asked = (query.rtype, &query.edns);
    let limit = match gate.size_max(conduct, exchange, asked, terms.is_proven, kind) {
        Ok(limit) => limit,
        Err(Limited::Slipped) => {
            exchange.tally.limited = Limited::Slipped;
            0
        }
        Err(limited) => {
            exchange.tally.limited = limited;
            return;
        }
    };
    let opt = terms.opt(conduct);
    if let Some(identity) = identity
        && let Some(len) = write_chaos(query, exchange.input, identity, opt, limit, exchange.out)
    {
        exchange.len = terms.pad(exchange.out, len);
        return;
    }
    let mut written = assemble(answer, query, exchange.input, opt, limit, exchange.out);
    if limit == 0 || identity.is_some() {
        // Nothing is in it, whatever there was to say: the client asks again by TCP.
        exchange.out[2] |= TC_HIGH;
        written.is_truncated = true;
    }
    exchange.len = terms.pad(exchange.out, written.len);
    exchange.tally.is_truncated = written.is_truncated;
}

/// Asks for a cookie before anything is answered (RFC 7873, section 5.2.3).
#[cold]
fn bad_cookie(query: &Query) -> Refusal {
    Refusal {
        rcode: Rcode::BADCOOKIE,
        question_end: Some(query.question_end() as u16),
        edns: query.edns,
        tsig: None,
    }
}

/// Answers a message that is not looked up with a bare response code.
#[cold]
fn refuse(world: &World, exchange: &mut Exchange<'_>, refusal: Refusal, gate: &mut Gate) {
    let conduct = &*world.conduct;
    let mut terms = gate.admit(conduct, exchange, &refusal.edns);
    let mut rcode = refusal.rcode;
    if rcode == Rcode::NOERROR {
        // RFC 7873, section 5.4: a query without a question asks for a cookie, which means nothing if they are off.
        rcode = match terms.standing {
            CookieStanding::Absent => Rcode::FORMERR,
            CookieStanding::Bad => Rcode::BADCOOKIE,
            CookieStanding::ClientOnly | CookieStanding::Valid => Rcode::NOERROR,
        };
    }
    terms.settle_refusal(conduct, rcode);
    exchange.tally = Tally {
        rcode,
        source: Source::Error,
        cookie: terms.standing,
        ..Tally::default()
    };
    let asked = (Rtype(0), &refusal.edns);
    let limit = match gate.size_max(conduct, exchange, asked, terms.is_proven, (Kind::Error, 0)) {
        Err(Limited::Dropped) => {
            exchange.tally.limited = Limited::Dropped;
            return;
        }
        limit => limit.unwrap_or(0),
    };
    let question_end = refusal.question_end.map(usize::from);
    let opt = terms.opt(conduct);
    let mut len = assemble_error(exchange.input, rcode, question_end, opt, exchange.out);
    if limit == 0 {
        exchange.out[2] |= TC_HIGH;
        exchange.tally.limited = Limited::Slipped;
        exchange.tally.is_truncated = true;
    } else {
        len = terms.pad(exchange.out, len);
        if let Some(tsig) = refusal.tsig {
            let room = limit.min(exchange.out.len()).max(len);
            let out = &mut exchange.out[..room];
            len = write_bad_key(exchange.input, usize::from(tsig), out, len).unwrap_or(len);
        }
    }
    exchange.len = len;
}

/// Says why nothing is answered: transfers of a zone that is not ours are NOTAUTH, as every peer has it; all else is
/// refused (RFC 8906, section 3.1.6).
#[cold]
fn refusal_code(world: &World, zone: Option<usize>, query: &Query, lookup: &Lookup) -> Rcode {
    let is_apex = zone
        .is_some_and(|zone| world.snapshot.zones[zone].zone.apex_labels() == lookup.scratch.labels);
    if lookup.is_transfer() && query.class == Class::IN && !is_apex {
        return Rcode::NOTAUTH;
    }
    Rcode::REFUSED
}

fn client_ip(client: SocketAddr) -> IpAddr {
    client.ip().to_canonical()
}
