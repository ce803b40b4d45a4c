//! Open hints of SVCB and HTTPS records: filled by what A and AAAA of the target name are for this client (rule a55).
//!
//! In: picked records with open hints. Out: whole records, and the same addresses in the additional section, so that both
//! say the same. A family that is NODATA now has no hint. Never here: names of other zones; their hints are left out.

use arrayvec::ArrayVec;

use crate::wire::{Class, QueryName, Rtype, additional_start, fill_hints};
use crate::zone::{Entry, NodeAt, Piece, Policies, RR_FIXED, Run};

use super::decide::Outcome;
use super::draw::{Draw, Picked};
use super::gather::{Hosts, Place, ZoneQuestion, push};
use super::sink::{Records, Section, Sink};

/// Records with open hints in one answer (chosen: as many as a pool answers by default).
pub(crate) const HINTED_MAX: usize = 8;
/// Addresses of one family in one record (as many as a pool answers by default).
const ADDRESSES_MAX: usize = 8;
/// Octets of one record with its hints filled; the readers of zones bound what is written.
const RDATA_MAX: usize = 1024;

/// Addresses of one host and family.
#[derive(Clone, Copy)]
enum Found<'a> {
    Nothing,
    Stored(Piece<'a>),
    /// Run, its members, TTL in seconds.
    Picked(&'a Run, Picked, u32),
}

/// Target host of a record: node, position of its name from the start of the records, and addresses by family.
struct Host<'a> {
    node: NodeAt,
    position: usize,
    is_owner: bool,
    families: [Found<'a>; 2],
}

impl<'a> ZoneQuestion<'a> {
    /// Adds picked records with their hints filled; they live no longer than the addresses.
    #[cold]
    #[inline(never)]
    pub(super) fn add_hinted<S: Sink<'a>>(
        &self,
        node: NodeAt,
        (run, members, mut ttl): (&'a Run, &[u16], u32),
        (place, section): (Place, Section),
        draw: &mut impl Draw,
        sink: &mut S,
    ) {
        let policies = &self.zone().policies;
        let mut room = QueryName::default();
        let mut hosts: ArrayVec<Host<'a>, HINTED_MAX> = ArrayVec::new();
        let mut made: ArrayVec<u8, { HINTED_MAX * RDATA_MAX }> = ArrayVec::new();
        let mut record = 0;
        draw.beside();
        for &member in members.iter().take(HINTED_MAX) {
            let rdata = policies.rdata(run, usize::from(member));
            let found = self.target(node, run.rtype, rdata, &mut room);
            let known = found.and_then(|(at, _, _)| hosts.iter().position(|host| host.node == at));
            let families = match (known, found) {
                (Some(known), _) => hosts[known].families,
                (None, Some((at, _, _))) => self.addresses(at, draw, sink),
                (None, None) => [Found::Nothing; 2],
            };
            ttl = families
                .iter()
                .fold(ttl, |ttl, found| ttl.min(ttl_of(found)));
            let Some(octets) = filled(policies, rdata, &families, &mut made) else {
                continue;
            };
            if let (None, Some((at, name_start, is_owner))) = (known, found) {
                // A record a host at most, so there is room.
                hosts.push(Host {
                    node: at,
                    position: record + RR_FIXED + name_start,
                    is_owner,
                    families,
                });
            }
            record += RR_FIXED + octets;
        }
        let records = Records::Made {
            class: Class::IN,
            rtype: run.rtype,
            ttl,
            rdata: &made,
        };
        let start = push(section, place.owner, records, sink);
        if section == Section::Answer && self.hosts == Hosts::Add {
            self.add_addresses(&hosts, start, place, sink);
        }
    }

    /// Finds the target of a record: its node, where its name starts, and whether that is the owner itself (RFC 9460,
    /// section 2.5.2).
    fn target(
        &self,
        node: NodeAt,
        rtype: Rtype,
        rdata: &[u8],
        room: &mut QueryName,
    ) -> Option<(NodeAt, usize, bool)> {
        let start = additional_start(rtype, rdata)?;
        if !room.take(&rdata[start..]) {
            return None;
        }
        if room.labels == 0 {
            return Some((node, start, true));
        }
        Some((self.zone().find_host(room)?, start, false))
    }

    /// Decides A and AAAA of a host, as a question for them would.
    fn addresses(
        &self,
        node: NodeAt,
        draw: &mut impl Draw,
        sink: &mut impl Sink<'a>,
    ) -> [Found<'a>; 2] {
        [Rtype::A, Rtype::AAAA].map(|rtype| match self.zone().entry(node, rtype) {
            Some(Entry::Static(piece)) => Found::Stored(piece),
            Some(Entry::Dynamic(root)) => {
                let of_type = Self { rtype, ..*self };
                let mut picked = Picked::default();
                let decision = of_type.decide(root, &mut sink.head().scope_len, draw, &mut picked);
                let policies: &'a Policies = &self.zone().policies;
                match decision.outcome {
                    Outcome::Members(run) if policies.runs[run as usize].rtype == rtype => {
                        Found::Picked(&policies.runs[run as usize], picked, decision.ttl)
                    }
                    _ => Found::Nothing,
                }
            }
            None => Found::Nothing,
        })
    }

    /// Adds the addresses that the hints of records from `start` on were made of.
    fn add_addresses(
        &self,
        hosts: &[Host<'a>],
        start: u16,
        place: Place,
        sink: &mut impl Sink<'a>,
    ) {
        for host in hosts {
            let owner = if host.is_owner {
                place.owner
            } else {
                u16::try_from(usize::from(start) + host.position).unwrap_or(u16::MAX)
            };
            for found in &host.families {
                let records = match found {
                    Found::Nothing => continue,
                    Found::Stored(piece) => place.stored(*piece, 0),
                    Found::Picked(run, picked, ttl) => Records::Picked {
                        policies: &self.zone().policies,
                        run,
                        members: &picked.members[..picked.len],
                        ttl: *ttl,
                    },
                };
                push(Section::Additional, owner, records, sink);
            }
        }
    }
}

/// Adds RDATA with its hints filled to those made before it, behind its length. Returns its octets; `None`, with nothing
/// added, if it is too long.
fn filled(
    policies: &Policies,
    rdata: &[u8],
    families: &[Found<'_>; 2],
    made: &mut ArrayVec<u8, { HINTED_MAX * RDATA_MAX }>,
) -> Option<usize> {
    let mut octets: ArrayVec<u8, RDATA_MAX> = ArrayVec::new();
    let [ipv4, ipv6] = families.each_ref().map(|found| hints(policies, found));
    let mut is_whole = true;
    fill_hints(rdata, &ipv4, &ipv6, |piece| {
        is_whole &= octets.try_extend_from_slice(piece).is_ok();
    });
    let len = u16::try_from(octets.len()).ok().filter(|_| is_whole)?;
    (made.remaining_capacity() >= octets.len() + 2).then_some(())?;
    made.extend(len.to_be_bytes());
    made.try_extend_from_slice(&octets).ok()?;
    Some(octets.len())
}

/// The TTL of addresses; the hints made of them live no longer.
fn ttl_of(found: &Found<'_>) -> u32 {
    match found {
        Found::Nothing => u32::MAX,
        Found::Stored(piece) => piece.ttl(),
        Found::Picked(_, _, ttl) => *ttl,
    }
}

/// Lists addresses as octets one after the other.
fn hints(policies: &Policies, found: &Found<'_>) -> ArrayVec<u8, { ADDRESSES_MAX * 16 }> {
    let mut octets = ArrayVec::new();
    let mut add = |address: &[u8]| octets.try_extend_from_slice(address).is_ok();
    match found {
        Found::Nothing => {}
        Found::Stored(piece) => {
            for record in piece
                .records
                .chunks_exact(usize::from(piece.stride).max(RR_FIXED + 1))
                .take(ADDRESSES_MAX)
            {
                add(&record[RR_FIXED..]);
            }
        }
        Found::Picked(run, picked, _) => {
            for &member in picked.members[..picked.len].iter().take(ADDRESSES_MAX) {
                add(policies.rdata(run, usize::from(member)));
            }
        }
    }
    octets
}
