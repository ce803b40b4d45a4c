//! The engine's entry: a batch of queries in, a batch of messages out, bytes to bytes.
//!
//! Passes over the batch: parse, fold and hash; read each zone slot; read each node; where policies ask for a place, read
//! the place; answer. The reads of the middle passes bring the lines into the cache while the others' are under way
//! (design, A7); for a batch of one they are skipped. No lock, no allocation, no clock, no log.

use std::net::IpAddr;

use crate::clock::{Moment, WallTime};
use crate::wire::{Class, CookieStanding, HEADER_LEN, Query, Rcode, Refusal, Rtype, Unanswerable};
use crate::zone::{Entry, Found, LocationMap};

use super::chain::Chain;
use super::chance::Chance;
use super::chaos::compose_chaos;
use super::client::{Client, asking_address};
use super::exchange::{Exchange, Received, Transport};
use super::gather::{Any, Gather, Hosts, Place, Step, ZoneQuestion, gather_found};
use super::lookup::Lookup;
use super::reply::{reply, reply_rarely};
use super::response_context::{Asked, RateLimiter, ResponseContext};
use super::sink::{Head, Source};
use super::why::{answer_why, may_ask_why};
use super::world::World;

/// Exchanges in one batch.
pub const BATCH_MAX: usize = 32;

/// State that one worker keeps between batches.
#[derive(Debug)]
pub struct Worker {
    lookups: Box<[Lookup; BATCH_MAX]>,
    state: State,
    touched: u64,
}

/// State that one answer leaves for the next: alias chain, random numbers, rate limiter.
#[derive(Debug)]
struct State {
    chain: Box<Chain>,
    chance: Chance,
    limiter: RateLimiter,
}

impl Worker {
    /// Makes a worker whose draws follow from a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            lookups: Box::new(std::array::from_fn(|_| Lookup::default())),
            state: State {
                chain: Box::default(),
                chance: Chance::new(seed),
                limiter: RateLimiter::new(seed),
            },
            touched: 0,
        }
    }

    /// Sets the civil time that cookies are made and judged with; a second's precision is enough.
    pub fn set_wall(&mut self, wall: WallTime) {
        // RFC 9018, section 4.3: 32 bits that wrap.
        self.state.limiter.wall_secs = (wall.millis() / 1000) as u32;
    }
}

/// Answers a batch of at most [`BATCH_MAX`] exchanges; further ones stay silent.
pub fn respond(world: &World, batch: &mut [Exchange<'_>], worker: &mut Worker, now: Moment) {
    worker.state.limiter.now = now;
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
        // Sticky, so that the reads are not optimised away.
        worker.touched ^= touched;
    }
    for (exchange, lookup) in batch[..count].iter_mut().zip(worker.lookups.iter()) {
        answer(world, exchange, lookup, &mut worker.state);
    }
}

/// Reads the classes of clients in the location maps that their answers need: tables of megabytes, which random
/// clients find in no cache.
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
        let found = served.zone.find_from(&lookup.query_name, lookup.aim);
        lookup.found = Some(found);
        let (Found::Exact(node) | Found::Wildcard(node)) = found else {
            continue;
        };
        if let Some((_, Entry::Dynamic(root))) = served.zone.entry_for(node, query.rtype)
            && let Some(map) = served.map_of(root)
        {
            let subnet = query.edns.and_then(|edns| edns.subnet);
            let address = asking_address(exchange.client.ip().to_canonical(), subnet);
            touched ^= map.read_top(address);
            *asked = Some((map, address));
        }
    }
    for (map, address) in asked.iter().flatten() {
        touched ^= map.read_below(*address);
    }
    u64::from(touched)
}

/// Answers one query.
#[inline(never)]
fn answer(world: &World, exchange: &mut Exchange<'_>, lookup: &Lookup, state: &mut State) {
    let zone = match lookup.zone {
        Some(zone) if !lookup.is_transfer() => zone,
        _ => return answer_outside(world, exchange, lookup, &mut state.limiter),
    };
    if may_ask_why(&lookup.query_name.folded)
        && answer_why(world, exchange, (lookup, zone), &mut state.limiter)
    {
        return;
    }
    if lookup.query.edns.is_some() {
        return answer_with_edns(world, exchange, (lookup, zone), state);
    }
    let (received, _) = exchange.split();
    let mut context = ResponseContext::plain(&world.serving, received, lookup.query.rtype);
    answer_from::<false>(world, exchange, (lookup, zone), &mut context, state);
}

/// Answers a query with an OPT record.
#[inline(never)]
fn answer_with_edns(
    world: &World,
    exchange: &mut Exchange<'_>,
    (lookup, zone): (&Lookup, usize),
    state: &mut State,
) {
    let query = &lookup.query;
    let (received, _) = exchange.split();
    let asked = Asked::of(query, zone);
    let mut context = state
        .limiter
        .admit(&world.serving, received, &asked, &query.edns);
    if context.needs_cookie(&world.serving) {
        return refuse(world, exchange, bad_cookie(query), &mut state.limiter);
    }
    answer_from::<true>(world, exchange, (lookup, zone), &mut context, state);
}

/// A query that a zone answers.
#[derive(Clone, Copy)]
struct Inquiry<'w, 'e> {
    world: &'w World,
    zone: usize,
    query: &'e Query,
    received: Received<'e>,
}

impl<'w> Gather<'w> for Inquiry<'w, '_> {
    #[inline(always)]
    fn question(&self) -> ZoneQuestion<'w> {
        let Self {
            world,
            zone,
            query,
            received,
        } = *self;
        ZoneQuestion {
            served: &world.snapshot.zones[zone],
            view: &world.view.zones[zone],
            client: Client::new(
                received.address(),
                query.edns.and_then(|edns| edns.subnet),
                &world.snapshot.locations,
            ),
            rtype: query.rtype,
            hosts: Hosts::Add,
            any: match received.transport {
                Transport::Udp => Any::One,
                _ => Any::All,
            },
            world: Some(world),
        }
    }
}

/// Answers a query from a zone. `HAS_EDNS` makes one copy for queries with an OPT record and one for those without,
/// whose response context has little in it.
#[inline(always)]
fn answer_from<'w, const HAS_EDNS: bool>(
    world: &'w World,
    exchange: &mut Exchange<'_>,
    (lookup, number): (&Lookup, usize),
    context: &mut ResponseContext<'w>,
    state: &mut State,
) {
    let State {
        chain,
        chance,
        limiter,
    } = state;
    let (received, outgoing) = exchange.split();
    let query = &lookup.query;
    let zone = &*world.snapshot.zones[number].zone;
    let from = Inquiry {
        world,
        zone: number,
        query,
        received,
    };
    let asked = Asked::of(query, number);
    reply(
        &world.serving,
        received,
        &asked,
        context,
        limiter,
        outgoing,
        |writer| {
            let step = Step {
                zone,
                rtype: query.rtype,
                name: &lookup.query_name,
                found: match lookup.found {
                    Some(found) => found,
                    None => zone.find_from(&lookup.query_name, lookup.aim),
                },
                place: Place::of_question(usize::from(query.name_len), zone),
            };
            gather_found(&step, &from, chain, chance, writer);
        },
    );
}

/// Answers what no zone answers: messages that are no queries, other classes, names outside, transfers.
#[cold]
#[inline(never)]
fn answer_outside(
    world: &World,
    exchange: &mut Exchange<'_>,
    lookup: &Lookup,
    limiter: &mut RateLimiter,
) {
    match lookup.fault {
        None => {}
        Some(Unanswerable::Silence) => return exchange.silence(),
        Some(Unanswerable::Refuse(refusal)) => return refuse(world, exchange, refusal, limiter),
    }
    let (query, serving) = (&lookup.query, &*world.serving);
    let (received, outgoing) = exchange.split();
    let asked = Asked::of(query, lookup.zone.unwrap_or(0));
    let mut context = limiter.admit(serving, received, &asked, &query.edns);
    if context.needs_cookie(serving) {
        return refuse(world, exchange, bad_cookie(query), limiter);
    }
    let identity = match query.class {
        Class::CH if matches!(query.rtype, Rtype::TXT | Rtype::ANY) => {
            serving.identity.chaos(lookup.query_name.name())
        }
        _ => None,
    };
    let refused = Head {
        rcode: refusal_code(world, lookup),
        is_authoritative: false,
        source: Source::Refused,
        scope_len: 0,
    };
    reply_rarely(
        serving,
        received,
        &asked,
        &mut context,
        limiter,
        outgoing,
        &mut |writer| match identity {
            Some(rdata) => compose_chaos(rdata, writer),
            None => writer.head = refused,
        },
    );
}

/// Returns the request for a cookie in place of an answer (RFC 7873, section 5.2.3).
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
fn refuse(world: &World, exchange: &mut Exchange<'_>, refusal: Refusal, limiter: &mut RateLimiter) {
    let serving = &*world.serving;
    let (received, outgoing) = exchange.split();
    let asked = Asked {
        // A message that is refused has a whole header.
        flags: u16::from_be_bytes([received.input[2], received.input[3]]),
        question_end: refusal.question_end.map_or(HEADER_LEN, usize::from),
        rtype: Rtype(0),
        class: Class(0),
        zone: 0,
        tsig: refusal.tsig,
    };
    let mut context = limiter.admit(serving, received, &asked, &refusal.edns);
    let mut rcode = refusal.rcode;
    if rcode == Rcode::NOERROR {
        // RFC 7873, section 5.4: a query without a question asks for a cookie, which means nothing if they are off.
        rcode = match context.standing {
            CookieStanding::Absent => Rcode::FORMERR,
            CookieStanding::Bad => Rcode::BADCOOKIE,
            CookieStanding::ClientOnly | CookieStanding::Valid => Rcode::NOERROR,
        };
    }
    let head = Head {
        rcode,
        is_authoritative: false,
        source: Source::Error,
        scope_len: 0,
    };
    reply_rarely(
        serving,
        received,
        &asked,
        &mut context,
        limiter,
        outgoing,
        &mut |writer| writer.head = head,
    );
}

/// Returns the code of a refusal: NOTAUTH for a transfer of a zone that is not ours, as every peer has it; else
/// REFUSED (RFC 8906, section 3.1.6).
#[cold]
fn refusal_code(world: &World, lookup: &Lookup) -> Rcode {
    let is_apex = lookup.zone.is_some_and(|zone| {
        world.snapshot.zones[zone].zone.apex_labels() == lookup.query_name.labels
    });
    if lookup.is_transfer() && lookup.query.class == Class::IN && !is_apex {
        return Rcode::NOTAUTH;
    }
    Rcode::REFUSED
}
