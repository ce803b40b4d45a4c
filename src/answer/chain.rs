//! Chains of aliases: from CNAME to CNAME and through DNAMEs, across every zone of ours, to what they end in.
//!
//! In: where an alias led. Out: further RRsets of the same answer, links with their DNAMEs first. The response code is
//! that of the last name (RFC 6604, section 3); AA that of the first owner (RFC 1035, section 4.1.1). Never here: names
//! outside our zones; a resolver asks on from there.

use arrayvec::ArrayVec;

use crate::wire::{NAME_MAX, QueryName, Rcode, Rtype};
use crate::zone::{Entry, Found, NodeAt, Piece, RR_FIXED, Zone};

use super::draw::Draw;
use super::gather::{Place, Step, ZoneQuestion, answer_node, answer_step, push};
use super::sink::{Records, Section, Sink};

/// Links of a chain of aliases in one answer (chosen: as far as NSD goes; a resolver asks on from there).
pub const CHAIN_MAX: usize = 31;
/// Octets of an alias before its target.
pub(super) const TARGET_AT: u16 = RR_FIXED as u16;

/// Room for following aliases.
#[derive(Debug, Default)]
pub struct Chain {
    /// The name that the last alias leads to.
    pub(super) next: QueryName,
    /// Hashes of the owners of DNAMEs that the answer has.
    dnames: ArrayVec<u64, { CHAIN_MAX + 1 }>,
}

/// Outcome of one link of the chain.
#[derive(Clone, Copy)]
pub(super) enum Link {
    Done,
    /// Continue with the name in the room of the chain; its offset in the message.
    Alias(u16),
}

impl Chain {
    /// Empties the chain for the next answer.
    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.dnames.clear();
    }

    /// Records that the answer has the DNAME owned by the suffix of `labels` labels; false if it was recorded before.
    fn note_dname(&mut self, name: &QueryName, labels: usize) -> bool {
        // There is room for one a link.
        !self.has_dname(name, labels) && self.dnames.try_push(name.hashes[labels]).is_ok()
    }

    fn has_dname(&self, name: &QueryName, labels: usize) -> bool {
        self.dnames.contains(&name.hashes[labels])
    }
}

impl<'a> ZoneQuestion<'a> {
    /// Follows aliases from the name at `place`, at most [`CHAIN_MAX`] of them; a loop ends where a name comes back (RFC
    /// 1034, section 3.6.2), so that no record is sent twice (RFC 2181, section 5).
    #[inline(never)]
    pub(super) fn chase<S: Sink<'a>, D: Draw>(
        &self,
        first: &QueryName,
        first_place: Place,
        chain: &mut Chain,
        draw: &mut D,
        sink: &mut S,
    ) {
        let (mut here, mut place) = (*self, first_place);
        let mut seen = [0; CHAIN_MAX + 1];
        seen[0] = first.hashes[first.labels];
        let mut name = QueryName::default();
        for links in 1..=CHAIN_MAX {
            seen[links] = chain.next.hashes[chain.next.labels];
            if seen[..links].contains(&seen[links]) {
                return;
            }
            name.clone_from(&chain.next);
            let Some(entered) = here.enter(&name, place) else {
                return;
            };
            (here, place) = entered;
            let step = Step {
                zone: here.zone(),
                rtype: here.rtype,
                name: &name,
                found: here.zone().find(&name),
                place,
            };
            // A chain came to the very DNAME that led it here: no record stands twice (RFC 2181, section 5).
            let is_dname = here.rtype == Rtype::DNAME && matches!(step.found, Found::Exact(_));
            if is_dname && chain.has_dname(&name, name.labels) {
                return;
            }
            match answer_step(&step, &here, chain, draw, sink) {
                Link::Done => return,
                Link::Alias(target) => place = place.owned(target),
            }
        }
    }

    /// Goes to the zone of the next name, whose offset is in `place`; returns the question there with the offsets of
    /// name and apex, or `None` if the zone is not ours.
    fn enter(&self, name: &QueryName, place: Place) -> Option<(Self, Place)> {
        let Some(world) = self.world else {
            return self.zone().contains(name).then_some((*self, place));
        };
        let number = world.snapshot.find_for(name, self.rtype)?;
        let served = &world.snapshot.zones[number];
        if std::ptr::eq(served, self.served) {
            return Some((*self, place));
        }
        let labels = served.zone.apex_labels();
        let owner = if labels < self.zone().apex_labels() && self.zone().contains(name) {
            // DS at the apex of the zone that named it: its parent answers. Such a name may be stored as nothing but a
            // pointer to the apex, which is known to stand somewhere whole.
            place.apex
        } else {
            // Any other zone is either deeper than what a stored pointer stands for, or the name is stored in full.
            place.owner
        };
        let there = Self {
            served,
            view: &world.view.zones[number],
            ..*self
        };
        let apex = owner + u16::from(name.starts[labels]);
        Some((there, Place { owner, apex }))
    }

    /// Synthesises a CNAME from a DNAME (RFC 6672, sections 2.2 and 3.1).
    fn synthesise<S: Sink<'a>>(
        &self,
        step: &Step<'a, '_>,
        (node, labels): (NodeAt, usize),
        chain: &mut Chain,
        sink: &mut S,
    ) -> Link {
        let Step { name, place, .. } = *step;
        let Some(Entry::Static(piece)) = self.zone().entry(node, Rtype::DNAME) else {
            return Link::Done;
        };
        let start = usize::from(name.starts[labels]);
        // No record stands twice in a message (RFC 2181, section 5), though a chain may come by twice.
        if chain.note_dname(name, labels) {
            let owner = suffix_at(name, labels, place);
            push(Section::Answer, owner, place.stored(piece, 0), sink);
        }
        let target = &piece.records[RR_FIXED..];
        let len = start + target.len();
        if len > NAME_MAX {
            sink.head().rcode = Rcode::YXDOMAIN;
            return Link::Done;
        }
        let mut octets = [0; NAME_MAX];
        octets[..start].copy_from_slice(&name.folded[..start]);
        octets[start..len].copy_from_slice(target);
        let records = Records::Synthesised {
            target: &octets[..len],
            kept_len: start as u16,
            ttl: piece.ttl(),
        };
        let at = push(Section::Answer, place.owner, records, sink);
        // The synthesised CNAME is what was asked for (RFC 6672, section 3.2, step 3C).
        if self.rtype == Rtype::CNAME || !chain.next.take(&octets) {
            return Link::Done;
        }
        // A target at or below its owner grows for ever: the first step says all there is to say, as NSD has it.
        let next = &chain.next;
        let is_growing = next.labels >= labels
            && usize::from(next.starts[labels]) >= start
            && next.hashes[labels] == name.hashes[labels];
        if is_growing {
            Link::Done
        } else {
            Link::Alias(at + TARGET_AT)
        }
    }
}

/// Answers a name at or below a cut or below a DNAME.
#[inline(never)]
pub(super) fn refer_or_answer<'a, S: Sink<'a>, D: Draw>(
    question: ZoneQuestion<'a>,
    step: Step<'a, '_>,
    chain: &mut Chain,
    draw: &mut D,
    sink: &mut S,
) -> Link {
    match step.found {
        // The parent side of a cut holds DS (RFC 4035, section 3.1.4.1).
        Found::Cut(node, labels) if labels == step.name.labels && step.rtype == Rtype::DS => {
            answer_node(&question, &step, node, chain, draw, sink)
        }
        Found::Cut(node, labels) => {
            let owner = suffix_at(step.name, labels, step.place);
            question.refer(node, (step.place, owner), draw, sink);
            Link::Done
        }
        Found::Dname(node, labels) => question.synthesise(&step, (node, labels), chain, sink),
        Found::Exact(_) | Found::Wildcard(_) | Found::Nothing => Link::Done,
    }
}

/// Returns the offset of the suffix of `labels` labels of a name. Below the apex it stands there whole; the apex itself
/// may be a pointer, which is as good.
fn suffix_at(name: &QueryName, labels: usize, place: Place) -> u16 {
    place.owner + u16::from(name.starts[labels])
}

/// Takes the target of a stored CNAME into the room of the chain; its end may be a stored pointer to the apex.
pub(super) fn link_name(zone: &Zone, piece: Piece<'_>, chain: &mut Chain) -> bool {
    let Some(patch) = piece.patches().next() else {
        return chain.next.take(&piece.records[RR_FIXED..]);
    };
    let relative = &piece.records[RR_FIXED..patch];
    let apex = zone.apex().octets();
    let mut octets = [0; NAME_MAX];
    let len = relative.len() + apex.len();
    let Some(room) = octets.get_mut(..len) else {
        return false;
    };
    room[..relative.len()].copy_from_slice(relative);
    room[relative.len()..].copy_from_slice(apex);
    chain.next.take(&octets[..len])
}
