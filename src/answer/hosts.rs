//! Hosts: the addresses that go along with names in RDATA, and referrals, whose glue they are.
//!
//! In: an RRset that stands in the answer already. Out: RRsets of the additional section. Never here: a host of
//! another zone, whose data this zone has no authority over (RFC 2181, section 5.4.1).

use crate::wire::{QueryName, Rtype, additional_start};
use crate::zone::{Entry, Host, NodeAt, POSITION_OWNER, Piece, RR_FIXED, Run};

use super::draw::Draw;
use super::gather::{Hosts, Place, ZoneQuestion, push};
use super::sink::{Section, Sink, Source};

impl<'a> ZoneQuestion<'a> {
    /// Adds addresses of hosts named in a piece that starts at `start` and is owned by `place`, in our own zone only;
    /// static ones, and dynamic ones by the same decision. Those of in-domain hosts come first, into `in_domain`.
    #[inline(never)]
    pub(super) fn add_hosts<S: Sink<'a>>(
        &self,
        piece: Piece<'a>,
        start: u16,
        (place, in_domain): (Place, Section),
        draw: &mut impl Draw,
        sink: &mut S,
    ) {
        if self.hosts == Hosts::Leave {
            return;
        }
        for host in piece.hosts() {
            let owner = match host.position {
                POSITION_OWNER => place.owner,
                // Past the end of a message if the piece did not fit; the addresses are left out then.
                position => start.saturating_add(position),
            };
            let section = if host.is_in_domain {
                in_domain
            } else {
                Section::Additional
            };
            let to = (place.owned(owner), section);
            self.add_service(&piece, host, to, draw, sink);
            self.add_host(host.node, to, draw, sink);
        }
    }

    /// Adds the records of the same type at the target of an SVCB or HTTPS record in AliasMode (RFC 9460, section 4.2).
    fn add_service<S: Sink<'a>>(
        &self,
        piece: &Piece<'a>,
        host: Host,
        (place, section): (Place, Section),
        draw: &mut impl Draw,
        sink: &mut S,
    ) {
        let number = |at: usize| u16::from_be_bytes([piece.records[at], piece.records[at + 1]]);
        let rtype = Rtype(number(2));
        if !matches!(rtype, Rtype::SVCB | Rtype::HTTPS) || host.position == POSITION_OWNER {
            return;
        }
        // The priority stands before the target; 0 is AliasMode.
        let is_alias = number(usize::from(host.position) - 2) == 0;
        if is_alias {
            self.add_type(host.node, rtype, (place, section), draw, sink);
        }
    }

    /// Adds addresses of hosts named in picked members: SRV, MX and their like. The names are looked up here, since
    /// members are not stored by zone.
    #[cold]
    #[inline(never)]
    pub(super) fn add_member_hosts<S: Sink<'a>>(
        &self,
        (node, place): (NodeAt, Place),
        (run, members): (&Run, &[u16]),
        start: u16,
        draw: &mut impl Draw,
        sink: &mut S,
    ) {
        if self.hosts == Hosts::Leave {
            return;
        }
        let zone = self.zone();
        let mut name = QueryName::default();
        let mut record = usize::from(start);
        for (n, &member) in members.iter().enumerate() {
            let rdata = zone.policies.rdata(run, usize::from(member));
            let position = record + RR_FIXED;
            record = position + rdata.len();
            let name_start = additional_start(run.rtype, rdata);
            let Some(name_start) = name_start.filter(|&start| name.take(&rdata[start..])) else {
                continue;
            };
            let is_same = |&earlier: &u16| {
                let earlier = zone.policies.rdata(run, usize::from(earlier));
                let known = earlier.get(name_start..name_start + name.len);
                known.is_some_and(|known| known.eq_ignore_ascii_case(name.name()))
            };
            if members[..n].iter().any(is_same) {
                continue;
            }
            let (host, owner) = if name.labels == 0 {
                // RFC 9460, section 2.5.2: the root stands for the owner.
                (Some(node), place.owner)
            } else {
                let owner = u16::try_from(position + name_start).unwrap_or(u16::MAX);
                (zone.find_host(&name), owner)
            };
            if let Some(host) = host {
                let to = (place.owned(owner), Section::Additional);
                self.add_host(host, to, draw, sink);
            }
        }
    }

    fn add_host<S: Sink<'a>>(
        &self,
        node: NodeAt,
        to: (Place, Section),
        draw: &mut impl Draw,
        sink: &mut S,
    ) {
        for rtype in [Rtype::A, Rtype::AAAA] {
            self.add_type(node, rtype, to, draw, sink);
        }
    }

    /// Adds the records of one type at a node, if it has any for this client now.
    fn add_type<S: Sink<'a>>(
        &self,
        node: NodeAt,
        rtype: Rtype,
        (place, section): (Place, Section),
        draw: &mut impl Draw,
        sink: &mut S,
    ) {
        match self.zone().entry(node, rtype) {
            Some(Entry::Static(piece)) => {
                push(section, place.owner, place.stored(piece, 0), sink);
            }
            Some(Entry::Dynamic(root)) => {
                let of_type = Self { rtype, ..*self };
                of_type.add_decided((root, node), (place, section), draw, sink);
            }
            None => {}
        }
    }

    /// Composes a referral to a cut whose name stands at `owner`: its NS in authority, glue in additional (RFC 1034,
    /// section 4.3.2; RFC 9471).
    pub(super) fn refer<S: Sink<'a>>(
        &self,
        node: NodeAt,
        (place, owner): (Place, u16),
        draw: &mut impl Draw,
        sink: &mut S,
    ) {
        // AA belongs to the first owner in the answer section (RFC 1035, section 4.1.1).
        if place.is_question() {
            let head = sink.head();
            head.is_authoritative = false;
            head.source = Source::Referral;
        }
        let Some(Entry::Static(piece)) = self.zone().entry(node, Rtype::NS) else {
            return;
        };
        let at = push(Section::Authority, owner, place.stored(piece, 0), sink);
        let to = (place.owned(owner), Section::Glue);
        self.add_hosts(piece, at, to, draw, sink);
    }
}
