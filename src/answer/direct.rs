//! The direct way of an answer that is one RRset: stored records, addresses that a policy picks, or the SOA of a denial,
//! from where they are kept into the message.
//!
//! In: a query and what its name leads to. Out: the very octets and counts that [`super::gather`] and
//! [`assemble`](super::assemble()) make of it, without an [`Answer`](super::message::Answer) between; a property test
//! holds the two to each other. Never here: a decision of its own; policies are decided by [`Gathering::decide`] as on
//! the whole way. Aliases, referrals, hosts and ANY go that way.

use crate::wire::{Query, Rcode, Rtype, copy_octets};
use crate::zone::{Entry, Found, OWNER_QUESTION, RootId};

use super::asker::Asker;
use super::assemble::{write_head, write_record, write_stored};
use super::chance::Chance;
use super::decide::Outcome;
use super::draw::{Draw, Picked};
use super::exchange::{Exchange, Limited, Tally};
use super::gather::{Any, Gathering, Hosts};
use super::lookup::Lookup;
use super::message::{Apex, Source, members_len};
use super::terms::{Gate, Terms, client_ip, kind_of};
use super::why::may_ask_why;
use super::world::World;

/// What is said, beside its octets.
struct Said {
    rcode: Rcode,
    /// A denial stands in authority, all else in the answer.
    source: Source,
    /// Scope for client subnet.
    scope_len: u8,
    /// Records.
    count: u16,
    /// Octets of the records.
    octets: usize,
}

/// Answers a query that was looked up. False, with nothing written, counted or drawn, if the answer goes the whole way.
#[inline(never)]
pub(super) fn answer_directly(
    world: &World,
    exchange: &mut Exchange<'_>,
    lookup: &mut Lookup,
    chance: &mut Chance,
    gate: &mut Gate,
) -> bool {
    let Some(number) = lookup.zone else {
        return false;
    };
    let is_whole = lookup.query.rtype == Rtype::ANY || lookup.is_transfer();
    if is_whole || may_ask_why(&lookup.scratch.folded) {
        return false;
    }
    if lookup.query.edns.is_some() {
        return answer_with_edns(world, exchange, (lookup, number), chance, gate);
    }
    let mut terms = Terms::without_edns(exchange);
    answer_on(world, exchange, (lookup, number), &mut terms, chance, gate)
}

/// Does so for a query with an OPT record. Apart, so that those without one, whose terms are few, are answered by code
/// that knows it.
#[inline(never)]
fn answer_with_edns(
    world: &World,
    exchange: &mut Exchange<'_>,
    (lookup, number): (&mut Lookup, usize),
    chance: &mut Chance,
    gate: &mut Gate,
) -> bool {
    let mut terms = gate.admit(&world.conduct, exchange, &lookup.query.edns);
    if terms.needs_cookie(&world.conduct) {
        return false;
    }
    answer_on(world, exchange, (lookup, number), &mut terms, chance, gate)
}

/// Answers on terms that are known.
#[inline(always)]
fn answer_on<'w>(
    world: &'w World,
    exchange: &mut Exchange<'_>,
    (lookup, number): (&mut Lookup, usize),
    terms: &mut Terms<'w>,
    chance: &mut Chance,
    gate: &mut Gate,
) -> bool {
    let query = &lookup.query;
    let zone = &*world.snapshot.zones[number].zone;
    let found = match lookup.found {
        Some(found) => found,
        None => zone.find_from(&lookup.scratch, lookup.aim),
    };
    let asked = (query, number);
    match found {
        Found::Exact(node) | Found::Wildcard(node) => match zone.entry_for(node, query.rtype) {
            Some((kept, Entry::Static(piece))) if kept == query.rtype && piece.hosts.is_empty() => {
                let turn = match piece.count {
                    2.. if piece.stride > 0 => chance.turn(piece.count),
                    _ => 0,
                };
                let said = Said {
                    rcode: Rcode::NOERROR,
                    source: Source::Static,
                    scope_len: 0,
                    count: piece.count,
                    octets: piece.records.len(),
                };
                send(world, exchange, asked, terms, gate, said, |out| {
                    write_stored(&piece, turn, query.name_end() as u16, out);
                });
                return true;
            }
            Some((kept, Entry::Dynamic(root)))
                if kept == query.rtype && matches!(kept, Rtype::A | Rtype::AAAA) =>
            {
                answer_decided(world, exchange, asked, root, terms, chance, gate);
                return true;
            }
            None => {
                deny(world, exchange, asked, terms, gate, (Rcode::NOERROR, 0));
                return true;
            }
            Some(_) => {}
        },
        Found::Nothing => {
            deny(world, exchange, asked, terms, gate, (Rcode::NXDOMAIN, 0));
            return true;
        }
        Found::Cut(..) | Found::Dname(..) => {}
    }
    lookup.found = Some(found);
    false
}

/// Answers with the addresses that a policy picks.
#[inline(never)]
fn answer_decided<'w>(
    world: &'w World,
    exchange: &mut Exchange<'_>,
    (query, number): (&Query, usize),
    root: RootId,
    terms: &mut Terms<'w>,
    chance: &mut Chance,
    gate: &mut Gate,
) {
    let subnet = query.edns.and_then(|edns| edns.subnet);
    let gathering = Gathering {
        served: &world.snapshot.zones[number],
        view: &world.view.zones[number],
        asker: Asker::new(client_ip(exchange), subnet, &world.snapshot.locations),
        rtype: query.rtype,
        hosts: Hosts::Leave,
        any: Any::One,
        world: Some(world),
        apex: Apex::Question,
    };
    let mut picked = Picked::default();
    let mut scope_len = 0;
    let decision = gathering.decide(root, &mut scope_len, chance, &mut picked);
    let asked = (query, number);
    match decision.outcome {
        Outcome::NoData => deny(
            world,
            exchange,
            asked,
            terms,
            gate,
            (Rcode::NOERROR, scope_len),
        ),
        Outcome::ServFail => {
            let said = Said {
                rcode: Rcode::SERVFAIL,
                source: Source::Dynamic,
                scope_len,
                count: 0,
                octets: 0,
            };
            send(world, exchange, asked, terms, gate, said, |_| {});
        }
        Outcome::Members(run) => {
            let policies = &gathering.zone().policies;
            let run = &policies.runs[run as usize];
            let members = &picked.members[..picked.len];
            let said = Said {
                rcode: Rcode::NOERROR,
                source: Source::Dynamic,
                scope_len,
                count: members.len() as u16,
                octets: members_len(policies, run, members),
            };
            send(world, exchange, asked, terms, gate, said, |out| {
                let mut at = 0;
                for &member in members {
                    let rdata = policies.rdata(run, usize::from(member));
                    let out = &mut out[at..];
                    at += write_record(out, OWNER_QUESTION, run.rtype.0, decision.ttl, rdata);
                }
            });
        }
    }
}

/// Answers with the SOA of the zone (RFC 2308, sections 2.1 and 2.2).
#[inline(never)]
fn deny<'w>(
    world: &'w World,
    exchange: &mut Exchange<'_>,
    (query, number): (&Query, usize),
    terms: &mut Terms<'w>,
    gate: &mut Gate,
    (rcode, scope_len): (Rcode, u8),
) {
    let zone = &*world.snapshot.zones[number].zone;
    let soa = zone.negative_piece();
    let said = Said {
        rcode,
        source: Source::Negative,
        scope_len,
        count: soa.count,
        octets: soa.records.len(),
    };
    send(world, exchange, (query, number), terms, gate, said, |out| {
        let name_end = query.name_end() as u16;
        write_stored(&soa, 0, name_end, out);
        // Its owner is the end of the question's name.
        let owner = 0xc000 | (name_end - zone.apex().octets().len() as u16);
        out[..2].copy_from_slice(&owner.to_be_bytes());
    });
}

/// Writes the message as far as the terms of its query allow.
#[inline(always)]
fn send<'w>(
    world: &'w World,
    exchange: &mut Exchange<'_>,
    (query, number): (&Query, usize),
    terms: &mut Terms<'w>,
    gate: &mut Gate,
    said: Said,
    write: impl FnOnce(&mut [u8]),
) {
    let conduct = &*world.conduct;
    terms.settle(conduct, query, (said.rcode, said.source, said.scope_len));
    exchange.tally = Tally {
        rtype: query.rtype,
        rcode: said.rcode,
        source: said.source,
        cookie: terms.standing,
        ..Tally::default()
    };
    let kind = kind_of(said.source, Some(number));
    let asked = (query.rtype, &query.edns);
    let limit = match gate.size_max(conduct, exchange, asked, terms.is_proven, kind) {
        Ok(limit) => limit,
        Err(limited) => {
            exchange.tally.limited = limited;
            if limited == Limited::Dropped {
                exchange.len = 0;
                return;
            }
            0
        }
    };
    let opt = terms.opt(conduct);
    let question_end = query.question_end();
    let reserved = opt.map_or(0, |(opt, _)| opt.len());
    let room = limit
        .min(exchange.out.len())
        .saturating_sub(question_end + reserved);
    let is_truncated = said.octets > room || limit == 0;
    exchange.tally.is_truncated = is_truncated;
    copy_octets(&exchange.input[..question_end], exchange.out);
    let mut at = question_end;
    let mut counts = [0; 3];
    if !is_truncated {
        write(&mut exchange.out[at..]);
        at += said.octets;
        counts[usize::from(said.source == Source::Negative)] = said.count;
    }
    if let Some((opt, payload_size)) = opt {
        opt.write(payload_size, &mut exchange.out[at..]);
        at += reserved;
        counts[2] = 1;
    }
    let flags = (true, is_truncated);
    write_head(query.flags, said.rcode, flags, counts, exchange.out);
    exchange.len = terms.pad(exchange.out, at);
}
