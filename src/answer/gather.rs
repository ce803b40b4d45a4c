//! Gathers an answer: walks to the name, selects, chases aliases, adds hosts; plain values only.
//!
//! Steps in the order of RFC 1034, section 4.3.2: the zone is known; cut -> referral; name -> RRset, alias or
//! NODATA; DNAME -> synthesis; wildcard -> source of synthesis (RFC 4592); else NXDOMAIN.

use ipnet::IpNet;

use crate::view::ZoneView;
use crate::wire::{Rcode, Rtype, Scratch};
use crate::zone::{
    ANY_TYPE, Entry, Found, NONE, NodeAt, Piece, Policies, Root, RootId, ServedZone, Whereabouts,
    Zone,
};

use super::asker::Asker;
use super::chain::{Link, is_sent, link_name};
use super::decide::{Decision, Outcome, Scene};
use super::draw::{Draw, Picked};
use super::kept::Kept;
use super::locus::Locus;
use super::message::{Answer, Apex, Owner, Part, Records, Section, Source};
use super::world::World;

/// What one gathering reads.
#[derive(Clone, Copy)]
pub struct Gathering<'a> {
    /// The zone that the question's name lies in.
    pub served: &'a ServedZone,
    /// Its view.
    pub view: &'a ZoneView,
    /// Who asks.
    pub asker: Asker<'a>,
    /// Type asked.
    pub rtype: Rtype,
    /// Whether addresses of hosts are added.
    pub hosts: Hosts,
    /// What a question for ANY gets.
    pub any: Any,
    /// The world whose other zones chains are followed into; none keeps them in this zone.
    pub world: Option<&'a World>,
    /// Where the apex of the zone stands in the message.
    pub apex: Apex,
}

/// What becomes of addresses of hosts that RDATA names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// They are added, as a message carries them.
    Add,
    /// They are left out: explain asks for the answer alone.
    Leave,
}

/// What a question for ANY gets (RFC 8482).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Any {
    /// One RRset, so that a datagram does not amplify (section 4.1).
    One,
    /// Every RRset, where the client has proven its address by a stream.
    All,
}

impl<'a> Gathering<'a> {
    pub(super) fn zone(&self) -> &'a Zone {
        &self.served.zone
    }

    /// Gathers the answer to a question into `answer`. `chain` is room for the names of aliases.
    #[inline]
    pub fn gather(
        &self,
        name: &Scratch,
        chain: &mut Scratch,
        draw: &mut impl Draw,
        answer: &mut Answer<'a>,
    ) {
        self.gather_found(name, self.zone().find(name), chain, draw, answer);
    }

    /// Does the same for a name that has been found already.
    #[inline(always)]
    pub(super) fn gather_found(
        &self,
        name: &Scratch,
        found: Found,
        chain: &mut Scratch,
        draw: &mut impl Draw,
        answer: &mut Answer<'a>,
    ) {
        answer.reset(Rcode::NOERROR, Source::Static);
        let link = self.link((name, found), Owner::Question, answer, chain, draw);
        if let Link::Alias(owner) = link {
            self.chase(name, owner, answer, chain, draw);
        }
    }

    #[inline(always)]
    pub(super) fn link(
        &self,
        (name, found): (&Scratch, Found),
        owner: Owner,
        answer: &mut Answer<'a>,
        chain: &mut Scratch,
        draw: &mut impl Draw,
    ) -> Link {
        match found {
            // A chain came to the very DNAME that led it here: no record stands twice (RFC 2181, section 5).
            Found::Exact(node)
                if self.rtype == Rtype::DNAME
                    && matches!(self.zone().entry(node, Rtype::DNAME),
                        Some(Entry::Static(piece)) if is_sent(answer, &piece)) =>
            {
                Link::Done
            }
            Found::Exact(node) | Found::Wildcard(node) => {
                self.answer_node(node, owner, answer, chain, draw)
            }
            Found::Cut(node, labels) => {
                let is_cut_itself = labels == name.labels;
                if is_cut_itself && self.rtype == Rtype::DS {
                    // The parent side of a cut holds DS (RFC 4035, section 3.1.4.1).
                    return self.answer_node(node, owner, answer, chain, draw);
                }
                self.refer(node, name, labels, owner, answer, draw);
                Link::Done
            }
            Found::Dname(node, labels) => self.synthesise(node, name, labels, owner, answer, chain),
            Found::Nothing => {
                // The response code is that of the last name of the chain (RFC 6604, section 3).
                answer.rcode = Rcode::NXDOMAIN;
                self.deny(answer);
                Link::Done
            }
        }
    }

    /// Adds the SOA for a negative answer (RFC 2308, sections 2.1 and 2.2).
    fn deny(&self, answer: &mut Answer<'a>) {
        if answer.is_empty() {
            answer.source = Source::Negative;
        }
        let zone = self.zone();
        let owner = match self.apex {
            Apex::Question => Owner::Suffix(zone.apex().octets().len() as u8),
            Apex::InPart(at, offset) => Owner::InPart(at, offset),
        };
        let soa = Records::Stored(zone.negative_piece(), 0);
        self.push(Section::Authority, soa, owner, answer);
    }

    /// Adds a part of this zone; says where it stands, or `None` if there is no room.
    #[inline(always)]
    pub(super) fn push(
        &self,
        section: Section,
        records: Records<'a>,
        owner: Owner,
        answer: &mut Answer<'a>,
    ) -> Option<u8> {
        let apex = self.apex;
        answer.push(
            section,
            Part {
                records,
                owner,
                apex,
            },
        )
    }

    #[inline(always)]
    fn answer_node(
        &self,
        node: NodeAt,
        owner: Owner,
        answer: &mut Answer<'a>,
        chain: &mut Scratch,
        draw: &mut impl Draw,
    ) -> Link {
        let zone = self.zone();
        if self.rtype == Rtype::ANY {
            return self.answer_any(node, owner, answer, draw);
        }
        match zone.entry_for(node, self.rtype) {
            Some((_, Entry::Dynamic(root))) => {
                self.add_dynamic(root, node, owner, answer, chain, draw)
            }
            Some((rtype, Entry::Static(piece))) if rtype == self.rtype => {
                self.add_static(piece, owner, answer, draw);
                Link::Done
            }
            Some((_, Entry::Static(piece))) => {
                let records = Records::Stored(piece, 0);
                let at = self.push(Section::Answer, records, owner, answer);
                match (at, link_name(zone, &piece, chain)) {
                    (Some(at), true) => Link::Alias(Owner::InPart(at, 12)),
                    _ => Link::Done,
                }
            }
            None => {
                self.deny(answer);
                Link::Done
            }
        }
    }

    /// Answers ANY with what is there: one RRset or all of them (RFC 8482, section 4.1). What a policy holds is
    /// decided as for its own type; the one is that of the lowest type that has something for this client, as in Knot.
    #[cold]
    fn answer_any(
        &self,
        node: NodeAt,
        owner: Owner,
        answer: &mut Answer<'a>,
        draw: &mut impl Draw,
    ) -> Link {
        let before = answer.len();
        for (rtype, entry) in self.zone().entries(node) {
            match entry {
                Entry::Static(piece) => {
                    let records = Records::Stored(piece, 0);
                    let at = self.push(Section::Answer, records, owner, answer);
                    if let (Some(at), Any::One) = (at, self.any) {
                        self.add_hosts(&piece, at, answer, draw);
                    }
                }
                Entry::Dynamic(root) => {
                    let rtype = if rtype == ANY_TYPE {
                        Rtype::CNAME
                    } else {
                        rtype
                    };
                    let of_type = Self { rtype, ..*self };
                    of_type.add_decided((root, node), Section::Answer, owner, answer, draw);
                }
            }
            if answer.len() > before && self.any == Any::One {
                break;
            }
        }
        if answer.len() == before {
            self.deny(answer);
        }
        Link::Done
    }

    /// Adds the members that a policy picks for the type alone, if it has any now.
    pub(super) fn add_decided(
        &self,
        (root, node): (RootId, NodeAt),
        section: Section,
        owner: Owner,
        answer: &mut Answer<'a>,
        draw: &mut impl Draw,
    ) {
        let mut picked = Picked::default();
        let decision = self.decide(root, &mut answer.scope_len, draw, &mut picked);
        let policies: &'a Policies = &self.zone().policies;
        if let Outcome::Members(run) = decision.outcome
            && let run = &policies.runs[run as usize]
            && run.rtype == self.rtype
            && let Some(start) = answer.keep_picks(&picked.members[..picked.len])
        {
            if section == Section::Answer && answer.source == Source::Static {
                answer.source = Source::Dynamic;
            }
            if run.has_open_hints {
                let members = (run, &picked.members[..picked.len], decision.ttl);
                return self.add_hinted(node, members, section, owner, answer, draw);
            }
            let records = Records::Members(policies, run, start, picked.len as u16, decision.ttl);
            self.push(section, records, owner, answer);
        }
    }

    #[inline(always)]
    fn add_static(
        &self,
        piece: Piece<'a>,
        owner: Owner,
        answer: &mut Answer<'a>,
        draw: &mut impl Draw,
    ) {
        let turn = if piece.stride > 0 && piece.count > 1 {
            draw.turn(piece.count)
        } else {
            0
        };
        let records = Records::Stored(piece, turn);
        let at = self.push(Section::Answer, records, owner, answer);
        if let (Some(at), false) = (at, piece.hosts.is_empty()) {
            self.add_hosts(&piece, at, answer, draw);
        }
    }

    fn add_dynamic(
        &self,
        root: RootId,
        node: NodeAt,
        owner: Owner,
        answer: &mut Answer<'a>,
        chain: &mut Scratch,
        draw: &mut impl Draw,
    ) -> Link {
        if matches!(answer.source, Source::Static) {
            answer.source = Source::Dynamic;
        }
        let mut picked = Picked::default();
        let policies: &'a Policies = &self.zone().policies;
        let decision = self.decide(root, &mut answer.scope_len, draw, &mut picked);
        match decision.outcome {
            Outcome::NoData => self.deny(answer),
            Outcome::ServFail => answer.rcode = Rcode::SERVFAIL,
            Outcome::Members(run) => {
                let run = &policies.runs[run as usize];
                let members = &picked.members[..picked.len];
                if run.has_open_hints {
                    let picked = (run, members, decision.ttl);
                    self.add_hinted(node, picked, Section::Answer, owner, answer, draw);
                    return Link::Done;
                }
                let Some(start) = answer.keep_picks(members) else {
                    return Link::Done;
                };
                let records =
                    Records::Members(policies, run, start, members.len() as u16, decision.ttl);
                let at = self.push(Section::Answer, records, owner, answer);
                let is_alias = run.rtype == Rtype::CNAME && self.rtype != Rtype::CNAME;
                if let (false, Some(at)) = (is_alias, at) {
                    self.add_member_hosts(node, (run, members), at, answer, chain, draw);
                }
                if let (true, Some(at), Some(&member)) = (is_alias, at, members.first())
                    && chain.take(policies.rdata(run, usize::from(member)))
                {
                    return Link::Alias(Owner::InPart(at, 12));
                }
            }
        }
        Link::Done
    }

    /// Runs the one decision, for where this client is, and lengthens the scope by it.
    pub(super) fn decide(
        &self,
        root: RootId,
        answer_scope_len: &mut u8,
        draw: &mut impl Draw,
        picked: &mut Picked,
    ) -> Decision {
        let policies: &'a Policies = &self.zone().policies;
        let mut known = Whereabouts::default();
        let Root {
            map: root_map,
            sticky,
            ..
        } = policies.roots[root as usize];
        let locus = if root_map == NONE {
            Locus::Anywhere
        } else {
            let map = &self.served.maps[root_map as usize];
            let (locus, scope_len) = self.asker.locus(map, &mut known);
            *answer_scope_len = (*answer_scope_len).max(scope_len);
            locus
        };
        let scene = Scene {
            policies,
            view: self.view,
            locus,
        };
        if sticky != (0, 0)
            && let Asker::Prefix { prefix, .. } = self.asker
        {
            // The scope follows from what the root can reach, never from the way taken (`route53` 4.6, rule a46).
            let kept = match prefix {
                IpNet::V4(_) => sticky.0,
                IpNet::V6(_) => sticky.1,
            };
            *answer_scope_len = (*answer_scope_len).max(kept.min(prefix.prefix_len()));
            let mut draw = Kept::new(draw, policies, prefix);
            return scene.decide(root, self.rtype, &mut draw, picked);
        }
        scene.decide(root, self.rtype, draw, picked)
    }
}
