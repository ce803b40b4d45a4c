//! The direct way of a plain answer: one stored RRset, or the SOA of a denial, from the arena into the message.
//!
//! In: a query and what its name leads to. Out: the very octets and counts that [`super::gather`] and
//! [`assemble`](super::assemble()) make of it, without an [`Answer`](super::message::Answer) between; a property test
//! holds the two to each other. Never here: a decision. Policies, aliases, referrals, hosts, ANY and options of EDNS go the whole way.

use crate::wire::{Edns, OPT_FIXED, Rcode, ResponseEdns, Rtype, copy_octets};
use crate::zone::{Entry, Found, Piece, Zone};

use super::assemble::{write_head, write_stored};
use super::chance::Chance;
use super::draw::Draw;
use super::exchange::{Exchange, Tally, Transport};
use super::message::Source;
use super::rate::Kind;
use super::respond::{Lookup, is_transfer};
use super::terms::{Gate, Limited};
use super::why::may_ask_why;
use super::world::World;

/// What is sent: records, and whether they deny.
struct Plain<'a> {
    piece: Piece<'a>,
    rcode: Rcode,
    is_denial: bool,
}

/// Answers a query that was looked up. False, with nothing written, counted or drawn, if the answer is none of the plain
/// ones.
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
    let query = &lookup.query;
    let has_options = query.edns.as_ref().is_some_and(Edns::has_options);
    if has_options || is_meta(query.rtype) || may_ask_why(&lookup.scratch.folded) {
        return false;
    }
    let zone = &*world.snapshot.zones[number].zone;
    let found = match lookup.found {
        Some(found) => found,
        None => zone.find_from(&lookup.scratch, lookup.aim),
    };
    let Some(plain) = find_plain(zone, found, query.rtype) else {
        lookup.found = Some(found);
        return false;
    };
    let (piece, is_denial) = (&plain.piece, plain.is_denial);
    let (kind, source, turn) = if is_denial {
        (Kind::Negative, Source::Negative, 0)
    } else if piece.stride > 0 && piece.count > 1 {
        (Kind::Records, Source::Static, chance.turn(piece.count))
    } else {
        (Kind::Records, Source::Static, 0)
    };
    exchange.tally = Tally {
        rtype: query.rtype,
        rcode: plain.rcode,
        source,
        ..Tally::default()
    };
    let conduct = &*world.conduct;
    let asked = (query.rtype, &query.edns);
    let is_proven = exchange.transport != Transport::Udp;
    let limit = match gate.size_max(conduct, exchange, asked, is_proven, (kind, number)) {
        Ok(limit) => limit,
        Err(limited) => {
            exchange.tally.limited = limited;
            if limited == Limited::Dropped {
                exchange.len = 0;
                return true;
            }
            0
        }
    };
    let question_end = query.question_end();
    let reserved = if query.edns.is_some() { OPT_FIXED } else { 0 };
    let whole = question_end + piece.records.len() + reserved;
    let is_truncated = whole > limit.min(exchange.out.len());
    exchange.tally.is_truncated = is_truncated;
    copy_octets(&exchange.input[..question_end], exchange.out);
    let mut at = question_end;
    let mut counts = [0; 3];
    if !is_truncated {
        let name_end = query.name_end() as u16;
        let out = &mut exchange.out[at..];
        write_stored(piece, turn, name_end, out);
        if is_denial {
            // The owner of the SOA is the end of the question's name.
            let apex_len = zone.apex().octets().len() as u16;
            out[..2].copy_from_slice(&(0xc000 | (name_end - apex_len)).to_be_bytes());
        }
        counts[usize::from(is_denial)] = piece.count;
        at += piece.records.len();
    }
    if let Some(edns) = &query.edns {
        let opt = ResponseEdns {
            is_dnssec_ok: edns.is_dnssec_ok,
            ..ResponseEdns::default()
        };
        opt.write(conduct.payload_size, &mut exchange.out[at..]);
        at += OPT_FIXED;
        counts[2] = 1;
    }
    let flags = (true, is_truncated);
    write_head(query.flags, plain.rcode, flags, counts, exchange.out);
    exchange.len = at;
    true
}

/// Says whether a type asks for more than one RRset.
const fn is_meta(rtype: Rtype) -> bool {
    matches!(rtype, Rtype::ANY) || is_transfer(rtype)
}

/// Finds the records that are sent as they are stored.
#[inline(always)]
fn find_plain(zone: &Zone, found: Found, rtype: Rtype) -> Option<Plain<'_>> {
    let rcode = match found {
        Found::Exact(node) | Found::Wildcard(node) => match zone.entry_for(node, rtype) {
            Some((kept, Entry::Static(piece))) if kept == rtype && piece.hosts.is_empty() => {
                return Some(Plain {
                    piece,
                    rcode: Rcode::NOERROR,
                    is_denial: false,
                });
            }
            Some(_) => return None,
            None => Rcode::NOERROR,
        },
        Found::Nothing => Rcode::NXDOMAIN,
        Found::Cut(..) | Found::Dname(..) => return None,
    };
    Some(Plain {
        piece: zone.negative_piece(),
        rcode,
        is_denial: true,
    })
}
