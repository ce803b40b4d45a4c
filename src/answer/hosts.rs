//! Hosts: the addresses that go along with names in RDATA, and referrals, whose glue they are.
//!
//! In: a piece or picked members that stand in the answer already. Out: additional parts. Never here: a host of
//! another zone, whose data may not be ours to tell (RFC 2181, section 5.4.1).

use crate::wire::{Rtype, Scratch, additional_start};
use crate::zone::{Entry, Host, NodeAt, POSITION_OWNER, Piece, RR_FIXED, Run};

use super::chain::suffix_owner;
use super::draw::Draw;
use super::gather::{Gathering, Hosts};
use super::message::{Answer, Owner, Records, Section, Source};

impl<'a> Gathering<'a> {
    /// Adds addresses of hosts named in a piece, in our own zone only; static ones, and dynamic ones by the same
    /// decision. Returns how many parts belong to in-domain hosts; they come first.
    pub(super) fn add_hosts(
        &self,
        piece: &Piece<'a>,
        part: u8,
        answer: &mut Answer<'a>,
        draw: &mut impl Draw,
    ) -> u8 {
        let mut in_domain = 0;
        if self.hosts == Hosts::Leave {
            return in_domain;
        }
        for host in piece.hosts() {
            let owner = match host.position {
                POSITION_OWNER => answer.parts()[usize::from(part)].owner,
                position => Owner::InPart(part, position),
            };
            let before = answer.len();
            self.add_service(piece, host, owner, answer, draw);
            self.add_host(host.node, owner, answer, draw);
            if host.is_in_domain {
                in_domain += (answer.len() - before) as u8;
            }
        }
        in_domain
    }

    /// Adds the records of the same type at the target of an SVCB or HTTPS record in AliasMode (RFC 9460, section 4.2).
    fn add_service(
        &self,
        piece: &Piece<'a>,
        host: Host,
        owner: Owner,
        answer: &mut Answer<'a>,
        draw: &mut impl Draw,
    ) {
        let number = |at: usize| u16::from_be_bytes([piece.records[at], piece.records[at + 1]]);
        let rtype = Rtype(number(2));
        if !matches!(rtype, Rtype::SVCB | Rtype::HTTPS) || host.position == POSITION_OWNER {
            return;
        }
        // The priority stands before the target; 0 is AliasMode.
        let is_alias = number(usize::from(host.position) - 2) == 0;
        match self.zone().entry(host.node, rtype) {
            Some(Entry::Static(piece)) if is_alias => {
                let records = Records::Stored(piece, 0);
                self.push(Section::Additional, records, owner, answer);
            }
            Some(Entry::Dynamic(root)) if is_alias => {
                let of_type = Self { rtype, ..*self };
                let at = (root, host.node);
                of_type.add_decided(at, Section::Additional, owner, answer, draw);
            }
            _ => {}
        }
    }

    /// Adds addresses of hosts named in picked members: SRV, MX and their like. The names are looked up here, since
    /// members are not stored by zone.
    pub(super) fn add_member_hosts(
        &self,
        node: NodeAt,
        (run, members): (&Run, &[u16]),
        part: u8,
        answer: &mut Answer<'a>,
        room: &mut Scratch,
        draw: &mut impl Draw,
    ) {
        // Addresses, which nearly all policies hold, name no host.
        if matches!(run.rtype, Rtype::A | Rtype::AAAA) || self.hosts == Hosts::Leave {
            return;
        }
        let zone = self.zone();
        let mut record = 0;
        for (n, &member) in members.iter().enumerate() {
            let rdata = zone.policies.rdata(run, usize::from(member));
            let start = additional_start(run.rtype, rdata);
            let position = record + RR_FIXED;
            record = position + rdata.len();
            let Some(start) = start.filter(|&start| room.take(&rdata[start..])) else {
                continue;
            };
            let is_same = |&earlier: &u16| {
                let earlier = zone.policies.rdata(run, usize::from(earlier));
                let name = earlier.get(start..start + room.len);
                name.is_some_and(|name| name.eq_ignore_ascii_case(room.name()))
            };
            if members[..n].iter().any(is_same) {
                continue;
            }
            let (host, owner) = if room.labels == 0 {
                // RFC 9460, section 2.5.2: the root stands for the owner.
                (Some(node), answer.parts()[usize::from(part)].owner)
            } else {
                let owner = Owner::InPart(part, (position + start) as u16);
                (zone.find_host(room), owner)
            };
            if let Some(host) = host {
                self.add_host(host, owner, answer, draw);
            }
        }
    }

    fn add_host(&self, node: NodeAt, owner: Owner, answer: &mut Answer<'a>, draw: &mut impl Draw) {
        for rtype in [Rtype::A, Rtype::AAAA] {
            match self.zone().entry(node, rtype) {
                Some(Entry::Static(piece)) => {
                    let records = Records::Stored(piece, 0);
                    self.push(Section::Additional, records, owner, answer);
                }
                Some(Entry::Dynamic(root)) => {
                    let of_type = Self { rtype, ..*self };
                    of_type.add_decided((root, node), Section::Additional, owner, answer, draw);
                }
                None => {}
            }
        }
    }

    /// Composes a referral: NS of the cut in authority, glue in additional (RFC 1034, section 4.3.2; RFC 9471).
    pub(super) fn refer(
        &self,
        node: NodeAt,
        name: &Scratch,
        labels: usize,
        owner: Owner,
        answer: &mut Answer<'a>,
        draw: &mut impl Draw,
    ) {
        // AA belongs to the first owner in the answer section (RFC 1035, section 4.1.1).
        if answer.is_empty() {
            answer.is_authoritative = false;
            answer.source = Source::Referral;
        }
        let Some(Entry::Static(piece)) = self.zone().entry(node, Rtype::NS) else {
            return;
        };
        let owner = suffix_owner(name, labels, owner);
        let records = Records::Stored(piece, 0);
        if let Some(at) = self.push(Section::Authority, records, owner, answer) {
            answer.glue_len = self.add_hosts(&piece, at, answer, draw);
        }
    }
}
