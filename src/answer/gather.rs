//! Gathers an answer: walks to the name, selects, chases aliases, adds hosts; plain values only.
//!
//! Steps in the order of RFC 1034, section 4.3.2: the zone is known; cut -> referral; name -> RRset, alias or
//! NODATA; DNAME -> synthesis; wildcard -> source of synthesis (RFC 4592); else NXDOMAIN.

use crate::wire::{NAME_MAX, Rcode, Rtype, Scratch};
use crate::zone::{
    ANY_TYPE, Entry, FLAG_EMPTY, Found, NONE, NodeAt, POSITION_OWNER, Piece, Policies, RootId,
    ServedZone, Whereabouts, Zone,
};

use super::asker::Asker;
use super::decide::{Outcome, Scene};
use super::draw::{Draw, Picked};
use super::locus::Locus;
use super::message::{Answer, CHAIN_MAX, Owner, Part, Records, Section, Source};
use super::view::ZoneView;

/// TTL of the HINFO record that stands for ANY (RFC 8482, section 4.2; chosen, an hour).
const ANY_TTL: [u8; 4] = [0, 0, 0x0e, 0x10];
/// The HINFO record of RFC 8482: CPU "RFC8482", OS "".
const ANY_RECORD: [u8; 21] = [
    0xc0, 0x0c, 0, 13, 0, 1, ANY_TTL[0], ANY_TTL[1], ANY_TTL[2], ANY_TTL[3], 0, 9, 7, b'R', b'F',
    b'C', b'8', b'4', b'8', b'2', 0,
];
const ANY_PIECE: Piece<'static> = Piece {
    records: &ANY_RECORD,
    count: 1,
    stride: 21,
    patches: &[],
    hosts: &[],
};

/// What one gathering reads.
#[derive(Clone, Copy)]
pub struct Gathering<'a> {
    /// The zone that the question's name lies in.
    pub served: &'a ServedZone,
    /// Its view.
    pub view: &'a ZoneView,
    /// Who asks.
    pub asker: Asker,
    /// Type asked.
    pub rtype: Rtype,
    /// Whether addresses of hosts are added.
    pub hosts: Hosts,
}

/// What becomes of addresses of hosts that RDATA names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// They are added, as a message carries them.
    Add,
    /// They are left out: explain asks for the answer alone.
    Leave,
}

/// What a link of the chain came to.
enum Link {
    Done,
    /// Go on with the name now in the chain scratch; its owner in the message.
    Alias(Owner),
}

impl<'a> Gathering<'a> {
    fn zone(&self) -> &'a Zone {
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
        answer.reset(Rcode::NOERROR, Source::Static);
        if let Link::Alias(owner) = self.link(name, Owner::Question, answer, chain, draw) {
            self.chase(name, owner, answer, chain, draw);
        }
    }

    /// Follows aliases inside the zone, at most [`CHAIN_MAX`] of them; a loop ends where a name comes back (RFC 1034,
    /// section 3.6.2), so that no record is sent twice (RFC 2181, section 5).
    fn chase(
        &self,
        first: &Scratch,
        first_owner: Owner,
        answer: &mut Answer<'a>,
        chain: &mut Scratch,
        draw: &mut impl Draw,
    ) {
        let mut owner = first_owner;
        let mut seen = [0; CHAIN_MAX];
        seen[0] = first.hashes[first.labels];
        for links in 1..CHAIN_MAX {
            seen[links] = chain.hashes[chain.labels];
            if seen[..links].contains(&seen[links]) {
                return;
            }
            let name = chain.clone();
            let labels = self.zone().apex_labels();
            let is_inside = name.labels >= labels && {
                let suffix = &name.folded[usize::from(name.starts[labels])..name.len];
                self.zone().apex().octets().eq_ignore_ascii_case(suffix)
            };
            if !is_inside {
                return;
            }
            match self.link(&name, owner, answer, chain, draw) {
                Link::Done => return,
                Link::Alias(next) => owner = next,
            }
        }
    }

    fn link(
        &self,
        name: &Scratch,
        owner: Owner,
        answer: &mut Answer<'a>,
        chain: &mut Scratch,
        draw: &mut impl Draw,
    ) -> Link {
        match self.zone().find(name) {
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
        let soa = self.zone().negative_piece();
        let apex_len = self.zone().apex().octets().len() as u8;
        answer.push(
            Section::Authority,
            Part {
                records: Records::Stored(soa, 0),
                owner: Owner::Suffix(apex_len),
            },
        );
    }

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
            return self.answer_any(node, owner, answer);
        }
        if let Some(entry) = zone.entry(node, self.rtype) {
            match entry {
                Entry::Static(piece) => self.add_static(piece, owner, answer, draw),
                Entry::Dynamic(root) => return self.add_dynamic(root, owner, answer, chain, draw),
            }
            return Link::Done;
        }
        match zone.entry(node, Rtype::CNAME) {
            Some(Entry::Static(piece)) => {
                let records = Records::Stored(piece, 0);
                let at = answer.push(Section::Answer, Part { records, owner });
                return match (at, link_name(zone, &piece, chain)) {
                    (Some(at), true) => Link::Alias(Owner::InPart(at, 12)),
                    _ => Link::Done,
                };
            }
            Some(Entry::Dynamic(root)) => {
                return self.add_dynamic(root, owner, answer, chain, draw);
            }
            None => {}
        }
        if let Some(Entry::Dynamic(root)) = zone.entry(node, ANY_TYPE) {
            return self.add_dynamic(root, owner, answer, chain, draw);
        }
        self.deny(answer);
        Link::Done
    }

    /// Answers ANY with a CNAME if there is one, else with the record of RFC 8482, section 4.2.
    fn answer_any(&self, node: NodeAt, owner: Owner, answer: &mut Answer<'a>) -> Link {
        if self.zone().flags(node) & FLAG_EMPTY != 0 {
            self.deny(answer);
            return Link::Done;
        }
        let piece = match self.zone().entry(node, Rtype::CNAME) {
            Some(Entry::Static(piece)) => piece,
            _ => ANY_PIECE,
        };
        answer.push(
            Section::Answer,
            Part {
                records: Records::Stored(piece, 0),
                owner,
            },
        );
        Link::Done
    }

    #[inline]
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
        let at = answer.push(
            Section::Answer,
            Part {
                records: Records::Stored(piece, turn),
                owner,
            },
        );
        if let (Some(at), false) = (at, piece.hosts.is_empty()) {
            self.add_hosts(&piece, at, answer, draw);
        }
    }

    fn add_dynamic(
        &self,
        root: RootId,
        owner: Owner,
        answer: &mut Answer<'a>,
        chain: &mut Scratch,
        draw: &mut impl Draw,
    ) -> Link {
        if matches!(answer.source, Source::Static) {
            answer.source = Source::Dynamic;
        }
        let mut picked = Picked::default();
        let policies = &self.zone().policies;
        let decision = self.decide(root, answer, draw, &mut picked);
        match decision.outcome {
            Outcome::NoData => self.deny(answer),
            Outcome::ServFail => answer.rcode = Rcode::SERVFAIL,
            Outcome::Members(run) => {
                let run = &policies.runs[run as usize];
                let members = &picked.members[..picked.len];
                let Some(start) = answer.keep_picks(members) else {
                    return Link::Done;
                };
                let records =
                    Records::Members(policies, run, start, members.len() as u16, decision.ttl);
                let at = answer.push(Section::Answer, Part { records, owner });
                let is_alias = run.rtype == Rtype::CNAME && self.rtype != Rtype::CNAME;
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
    fn decide(
        &self,
        root: RootId,
        answer: &mut Answer<'a>,
        draw: &mut impl Draw,
        picked: &mut Picked,
    ) -> super::decide::Decision {
        let policies: &'a Policies = &self.zone().policies;
        let mut known = Whereabouts::default();
        let root_map = policies.roots[root as usize].map;
        let locus = if root_map == NONE {
            Locus::Anywhere
        } else {
            let map = &self.served.maps[root_map as usize];
            let (locus, scope_len) = self.asker.locus(map, &mut known);
            answer.scope_len = answer.scope_len.max(scope_len);
            locus
        };
        Scene {
            policies,
            view: self.view,
            locus,
        }
        .decide(root, self.rtype, draw, picked)
    }

    /// Adds addresses of hosts named in a piece, in our own zone only; static ones, and dynamic ones by the same
    /// decision.
    fn add_hosts(
        &self,
        piece: &Piece<'a>,
        part: u8,
        answer: &mut Answer<'a>,
        draw: &mut impl Draw,
    ) {
        if self.hosts == Hosts::Leave {
            return;
        }
        for (node, position) in piece.hosts() {
            let Some(node) = node.checked_sub(1).map(NodeAt) else {
                continue;
            };
            let owner = match position {
                POSITION_OWNER => answer.parts()[usize::from(part)].owner,
                _ => Owner::InPart(part, position),
            };
            for rtype in [Rtype::A, Rtype::AAAA] {
                self.add_host(node, rtype, owner, answer, draw);
            }
        }
    }

    fn add_host(
        &self,
        node: NodeAt,
        rtype: Rtype,
        owner: Owner,
        answer: &mut Answer<'a>,
        draw: &mut impl Draw,
    ) {
        match self.zone().entry(node, rtype) {
            Some(Entry::Static(piece)) => {
                answer.push(
                    Section::Additional,
                    Part {
                        records: Records::Stored(piece, 0),
                        owner,
                    },
                );
            }
            Some(Entry::Dynamic(root)) => {
                let mut picked = Picked::default();
                let of_type = Self { rtype, ..*self };
                let decision = of_type.decide(root, answer, draw, &mut picked);
                let policies: &'a Policies = &self.zone().policies;
                if let Outcome::Members(run) = decision.outcome
                    && let run = &policies.runs[run as usize]
                    && run.rtype == rtype
                    && let Some(start) = answer.keep_picks(&picked.members[..picked.len])
                {
                    let records =
                        Records::Members(policies, run, start, picked.len as u16, decision.ttl);
                    answer.push(Section::Additional, Part { records, owner });
                }
            }
            None => {}
        }
    }

    /// Composes a referral: NS of the cut in authority, glue in additional (RFC 1034, section 4.3.2; RFC 9471).
    fn refer(
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
        let part = Part {
            records: Records::Stored(piece, 0),
            owner: suffix_owner(name, labels, owner),
        };
        let Some(at) = answer.push(Section::Authority, part) else {
            return;
        };
        answer.needs_additional = !piece.hosts.is_empty();
        self.add_hosts(&piece, at, answer, draw);
    }

    /// Synthesises a CNAME from a DNAME (RFC 6672, sections 2.2 and 3.1).
    fn synthesise(
        &self,
        node: NodeAt,
        name: &Scratch,
        labels: usize,
        owner: Owner,
        answer: &mut Answer<'a>,
        chain: &mut Scratch,
    ) -> Link {
        let Some(Entry::Static(piece)) = self.zone().entry(node, Rtype::DNAME) else {
            return Link::Done;
        };
        let start = usize::from(name.starts[labels]);
        let dname_owner = suffix_owner(name, labels, owner);
        answer.push(
            Section::Answer,
            Part {
                records: Records::Stored(piece, 0),
                owner: dname_owner,
            },
        );
        let target = &piece.records[12..];
        let len = start + target.len();
        if len > NAME_MAX {
            answer.rcode = Rcode::YXDOMAIN;
            return Link::Done;
        }
        let mut octets = [0; NAME_MAX];
        octets[..start].copy_from_slice(&name.folded[..start]);
        octets[start..len].copy_from_slice(target);
        let ttl = u32::from_be_bytes([
            piece.records[6],
            piece.records[7],
            piece.records[8],
            piece.records[9],
        ]);
        let Some(made) = answer.keep_made(&octets[..len]) else {
            return Link::Done;
        };
        let records = Records::Synthesised(ttl, made, len as u16);
        match answer.push(Section::Answer, Part { records, owner }) {
            Some(at) if chain.take(&octets) => Link::Alias(Owner::InPart(at, 12)),
            _ => Link::Done,
        }
    }
}

/// Says where the suffix of `labels` labels stands of a name that stands at `owner`. Below the apex it stands there
/// whole; the apex itself may be a pointer, which is as good.
fn suffix_owner(name: &Scratch, labels: usize, owner: Owner) -> Owner {
    let start = usize::from(name.starts[labels]);
    match owner {
        Owner::Question => Owner::Suffix((name.len - start) as u8),
        Owner::InPart(at, offset) => Owner::InPart(at, offset + start as u16),
        other @ Owner::Suffix(_) => other,
    }
}

/// Takes the target of a stored CNAME into the chain scratch; its end may be a stored pointer to the apex.
fn link_name(zone: &Zone, piece: &Piece<'_>, chain: &mut Scratch) -> bool {
    let Some(patch) = piece.patches().next() else {
        return chain.take(&piece.records[12..]);
    };
    let relative = &piece.records[12..patch];
    let apex = zone.apex().octets();
    let mut octets = [0; NAME_MAX];
    let len = relative.len() + apex.len();
    let Some(room) = octets.get_mut(..len) else {
        return false;
    };
    room[..relative.len()].copy_from_slice(relative);
    room[relative.len()..].copy_from_slice(apex);
    chain.take(&octets[..len])
}
