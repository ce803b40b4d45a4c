//! Open hints of SVCB and HTTPS records: filled by what A and AAAA of the target name are for this client (rule a55).
//!
//! In: picked records with open hints. Out: whole records, and the same addresses in the additional section, so that both
//! say the same. A family that is NODATA now has no hint. Never here: names of other zones; their hints are left out.

use arrayvec::ArrayVec;

use crate::wire::{Rtype, Scratch, additional_start, fill_hints};
use crate::zone::{Entry, NodeAt, Piece, Policies, RR_FIXED, Run};

use super::decide::Outcome;
use super::draw::{Draw, Picked};
use super::gather::{Gathering, Hosts};
use super::message::{Answer, MadeSet, Owner, Records, Section};

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
    /// Run, where its picks start, how many, TTL.
    Picked(&'a Run, u16, u16, u32),
}

/// What a record's target has, and where the target's name stands in the part.
struct Host<'a> {
    node: NodeAt,
    position: usize,
    is_owner: bool,
    families: [Found<'a>; 2],
}

impl<'a> Gathering<'a> {
    /// Adds picked records with their hints filled; says how many seconds they live at most.
    #[cold]
    pub(super) fn add_hinted(
        &self,
        node: NodeAt,
        (run, members, ttl): (&'a Run, &[u16], u32),
        section: Section,
        owner: Owner,
        answer: &mut Answer<'a>,
        draw: &mut impl Draw,
    ) {
        let policies = &self.zone().policies;
        let mut room = Scratch::default();
        let mut hosts: ArrayVec<Host<'a>, HINTED_MAX> = ArrayVec::new();
        let start = answer.made_len();
        let (mut ttl, mut count, mut record) = (ttl, 0, 0);
        draw.beside();
        // Addresses first: what is made stands in one piece.
        for &member in members.iter().take(HINTED_MAX) {
            let rdata = policies.rdata(run, usize::from(member));
            let found = self.target(node, run.rtype, rdata, &mut room);
            let known = found.and_then(|(at, _, _)| hosts.iter().position(|host| host.node == at));
            let families = match (known, found) {
                (Some(known), _) => hosts[known].families,
                (None, Some((at, _, _))) => self.addresses(at, answer, draw),
                (None, None) => [Found::Nothing; 2],
            };
            ttl = families
                .iter()
                .fold(ttl, |ttl, found| ttl.min(ttl_of(found)));
            let mut octets: ArrayVec<u8, RDATA_MAX> = ArrayVec::new();
            let [ipv4, ipv6] = families.map(|found| hints(policies, answer, &found));
            let mut is_whole = true;
            fill_hints(rdata, &ipv4, &ipv6, |piece| {
                is_whole &= octets.try_extend_from_slice(piece).is_ok();
            });
            if !is_whole || !answer.keep_rdata(&octets) {
                continue;
            }
            count += 1;
            if let (None, Some((at, name_start, is_owner))) = (known, found) {
                // A record a host at most, so there is room.
                hosts.push(Host {
                    node: at,
                    position: record + RR_FIXED + name_start,
                    is_owner,
                    families,
                });
            }
            record += RR_FIXED + octets.len();
        }
        let set = MadeSet {
            rtype: run.rtype,
            ttl,
            count,
            start,
            len: answer.made_len() - start,
        };
        let part = self.push(section, Records::Made(set), owner, answer);
        if let (Some(part), Section::Answer, Hosts::Add) = (part, section, self.hosts) {
            self.add_addresses(&hosts, part, owner, answer);
        }
    }

    /// Finds the target of a record: its node, where its name starts, and whether that is the owner itself (RFC 9460,
    /// section 2.5.2).
    fn target(
        &self,
        node: NodeAt,
        rtype: Rtype,
        rdata: &[u8],
        room: &mut Scratch,
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
        answer: &mut Answer<'a>,
        draw: &mut impl Draw,
    ) -> [Found<'a>; 2] {
        [Rtype::A, Rtype::AAAA].map(|rtype| match self.zone().entry(node, rtype) {
            Some(Entry::Static(piece)) => Found::Stored(piece),
            Some(Entry::Dynamic(root)) => {
                let of_type = Self { rtype, ..*self };
                let mut picked = Picked::default();
                let decision = of_type.decide(root, &mut answer.scope_len, draw, &mut picked);
                let policies: &'a Policies = &self.zone().policies;
                let picks = &picked.members[..picked.len];
                match decision.outcome {
                    Outcome::Members(run) if policies.runs[run as usize].rtype == rtype => {
                        let run = &policies.runs[run as usize];
                        let kept = answer.keep_picks(picks);
                        kept.map_or(Found::Nothing, |start| {
                            Found::Picked(run, start, picks.len() as u16, decision.ttl)
                        })
                    }
                    _ => Found::Nothing,
                }
            }
            None => Found::Nothing,
        })
    }

    /// Adds the addresses that the hints were made of.
    fn add_addresses(&self, hosts: &[Host<'a>], part: u8, owner: Owner, answer: &mut Answer<'a>) {
        for host in hosts {
            let owner = if host.is_owner {
                owner
            } else {
                Owner::InPart(part, host.position as u16)
            };
            for found in host.families {
                let records = match found {
                    Found::Nothing => continue,
                    Found::Stored(piece) => Records::Stored(piece, 0),
                    Found::Picked(run, start, len, ttl) => {
                        Records::Members(&self.zone().policies, run, start, len, ttl)
                    }
                };
                self.push(Section::Additional, records, owner, answer);
            }
        }
    }
}

/// The TTL of addresses; the hints made of them live no longer.
fn ttl_of(found: &Found<'_>) -> u32 {
    match found {
        Found::Nothing => u32::MAX,
        Found::Stored(piece) => match piece.records.get(6..10) {
            Some(&[a, b, c, d]) => u32::from_be_bytes([a, b, c, d]),
            _ => u32::MAX,
        },
        Found::Picked(_, _, _, ttl) => *ttl,
    }
}

/// Lists addresses as octets one after the other.
fn hints(
    policies: &Policies,
    answer: &Answer<'_>,
    found: &Found<'_>,
) -> ArrayVec<u8, { ADDRESSES_MAX * 16 }> {
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
        Found::Picked(run, start, len, _) => {
            for &member in answer.picks(*start, *len).iter().take(ADDRESSES_MAX) {
                add(policies.rdata(run, usize::from(member)));
            }
        }
    }
    octets
}
