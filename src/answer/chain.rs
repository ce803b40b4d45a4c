//! Chains of aliases: from CNAME to CNAME and through DNAMEs, across every zone of ours, to what they end in.
//!
//! In: where an alias led. Out: further parts of the same answer, links with their DNAMEs first. The response code is
//! that of the last name (RFC 6604, section 3); AA that of the first owner (RFC 1035, section 4.1.1). Never here: names
//! outside our zones; a resolver asks on from there.

use crate::wire::{NAME_MAX, Rcode, Rtype, Scratch};
use crate::zone::{Entry, NodeAt, Piece, Zone};

use super::draw::Draw;
use super::gather::Gathering;
use super::message::{Answer, Apex, CHAIN_MAX, Owner, Part, Records, Section, Synthesised};

/// What a link of the chain came to.
pub(super) enum Link {
    Done,
    /// Go on with the name now in the chain scratch; its owner in the message.
    Alias(Owner),
}

impl<'a> Gathering<'a> {
    /// Follows aliases, at most [`CHAIN_MAX`] of them; a loop ends where a name comes back (RFC 1034, section 3.6.2), so
    /// that no record is sent twice (RFC 2181, section 5).
    pub(super) fn chase(
        &self,
        first: &Scratch,
        first_owner: Owner,
        answer: &mut Answer<'a>,
        chain: &mut Scratch,
        draw: &mut impl Draw,
    ) {
        let mut here = *self;
        let mut owner = first_owner;
        let mut seen = [0; CHAIN_MAX + 1];
        seen[0] = first.hashes[first.labels];
        let mut name = Scratch::default();
        for links in 1..=CHAIN_MAX {
            seen[links] = chain.hashes[chain.labels];
            if seen[..links].contains(&seen[links]) {
                return;
            }
            name.clone_from(chain);
            let Some((there, stands_at)) = here.enter(&name, owner) else {
                return;
            };
            here = there;
            let found = here.zone().find(&name);
            match here.link((&name, found), stands_at, answer, chain, draw) {
                Link::Done => return,
                Link::Alias(next) => owner = next,
            }
        }
    }

    /// Goes to the zone of the next name; `None` if it is not ours. Says where the name stands, too.
    fn enter(&self, name: &Scratch, owner: Owner) -> Option<(Self, Owner)> {
        let Some(world) = self.world else {
            return self.zone().contains(name).then_some((*self, owner));
        };
        let number = world.snapshot.find_for(name, self.rtype)?;
        let served = &world.snapshot.zones[number];
        if std::ptr::eq(served, self.served) {
            return Some((*self, owner));
        }
        let labels = served.zone.apex_labels();
        let from_apex = usize::from(name.starts[labels]) as u16;
        let (apex, owner) = if labels < self.zone().apex_labels() && self.zone().contains(name) {
            // DS at the apex of the zone that named it: its parent answers. Such a name may be stored as nothing but a
            // pointer to the apex, which is known to stand somewhere whole.
            match self.apex {
                Apex::Question => (Apex::Question, Owner::Suffix(name.len as u8)),
                Apex::InPart(at, offset) => (
                    Apex::InPart(at, offset + from_apex),
                    Owner::InPart(at, offset),
                ),
            }
        } else {
            // Any other zone is either deeper than what a stored pointer stands for, or the name is stored in full.
            match owner {
                Owner::InPart(at, offset) => (Apex::InPart(at, offset + from_apex), owner),
                Owner::Question | Owner::Suffix(_) => (Apex::Question, owner),
            }
        };
        let there = Self {
            served,
            view: &world.view.zones[number],
            apex,
            ..*self
        };
        Some((there, owner))
    }

    /// Synthesises a CNAME from a DNAME (RFC 6672, sections 2.2 and 3.1).
    pub(super) fn synthesise(
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
        // No record stands twice in a message (RFC 2181, section 5), though a chain may come by twice.
        if !is_sent(answer, &piece) {
            let dname_owner = suffix_owner(name, labels, owner);
            self.push(
                Section::Answer,
                Records::Stored(piece, 0),
                dname_owner,
                answer,
            );
        }
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
        let records = Records::Synthesised(Synthesised {
            ttl,
            start: made,
            len: len as u16,
            kept_len: start as u16,
        });
        let at = self.push(Section::Answer, records, owner, answer);
        // The synthesised CNAME is what was asked for (RFC 6672, section 3.2, step 3C).
        if self.rtype == Rtype::CNAME || !chain.take(&octets) {
            return Link::Done;
        }
        // A target at or below its owner grows for ever: the first step says all there is to say, as NSD has it.
        let is_growing = chain.labels >= labels
            && usize::from(chain.starts[labels]) >= start
            && chain.hashes[labels] == name.hashes[labels];
        match at {
            Some(at) if !is_growing => Link::Alias(Owner::InPart(at, 12)),
            _ => Link::Done,
        }
    }
}

/// Says whether a stored RRset is part of the answer already.
pub(super) fn is_sent(answer: &Answer<'_>, piece: &Piece<'_>) -> bool {
    let is_same = |part: &Part<'_>| match part.records {
        Records::Stored(sent, _) => std::ptr::eq(sent.records, piece.records),
        _ => false,
    };
    answer.parts().iter().any(is_same)
}

/// Says where the suffix of `labels` labels stands of a name that stands at `owner`. Below the apex it stands there
/// whole; the apex itself may be a pointer, which is as good.
pub(super) fn suffix_owner(name: &Scratch, labels: usize, owner: Owner) -> Owner {
    let start = usize::from(name.starts[labels]);
    match owner {
        Owner::Question => Owner::Suffix((name.len - start) as u8),
        Owner::InPart(at, offset) => Owner::InPart(at, offset + start as u16),
        Owner::Suffix(_) => Owner::Suffix((name.len - start) as u8),
    }
}

/// Takes the target of a stored CNAME into the chain scratch; its end may be a stored pointer to the apex.
pub(super) fn link_name(zone: &Zone, piece: &Piece<'_>, chain: &mut Scratch) -> bool {
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
