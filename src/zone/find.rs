//! Finding: what a name leads to in a zone, by its own hash or that of a suffix.
//!
//! In: a name with the hash of every suffix. Out: [`Found`]. Never here: what is answered.
//!
//! A batch is searched in three passes: [`Zone::aim`] and a first look at each slot, a first look at each node, and
//! [`Zone::find_from`]; the looks of a pass wait for memory side by side (design, A7).

use crate::wire::{QueryName, fold, hash_label, same_octets};

use super::arena::{FLAG_CUT, FLAG_DNAME, FLAG_OCCLUDED, FLAG_WILDCARD_CHILD, MIX, Zone};

use super::piece::NodeAt;

/// Slots that are looked through ahead of a search: one line of the cache (chosen; at load 0.6 few names stand further).
const AHEAD_MAX: usize = 8;
/// The label `*` in wire form.
const WILDCARD: &[u8; 2] = b"\x01*";

/// Result of the search for a name in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The name itself.
    Exact(NodeAt),
    /// The wildcard that is the source of synthesis (RFC 4592, section 3.3.1).
    Wildcard(NodeAt),
    /// A cut above the name, or the name itself; with the labels of the cut.
    Cut(NodeAt, usize),
    /// A DNAME above the name; with the labels of its owner.
    Dname(NodeAt, usize),
    /// The name does not exist.
    Nothing,
}

/// Position of a search in the slots, and the tag that it looks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Aim {
    tag: u32,
    index: usize,
}

/// Result of a look at one slot.
enum Look {
    /// Empty: the search is over.
    Empty,
    /// The name.
    Owner(NodeAt),
    /// Another name.
    Other,
}

impl Zone {
    /// Returns the apex node.
    pub fn apex_node(&self) -> Option<NodeAt> {
        let mut query_name = QueryName::default();
        query_name
            .take(self.apex.octets())
            .then(|| self.probe_suffix(&query_name, self.apex_labels))
            .flatten()
    }

    /// Returns the start of the search for a name at or below the apex: its own slot, or, if it has more labels than
    /// any name here, that of its longest suffix that could be here.
    #[inline(always)]
    pub fn aim(&self, name: &QueryName) -> Aim {
        let depth = (name.labels - self.apex_labels).min(self.depth_max);
        self.aim_at(name.hashes[self.apex_labels + depth])
    }

    #[inline(always)]
    fn aim_at(&self, hash: u64) -> Aim {
        let mixed = fold(hash ^ self.seed, MIX);
        Aim {
            tag: mixed as u32,
            index: ((u128::from(mixed) * self.slots.len() as u128) >> 64) as usize,
        }
    }

    /// Reads the slot that a search begins at, so that it is in the cache later.
    #[inline(always)]
    pub fn read_slot(&self, aim: Aim) -> u64 {
        self.slots.get(aim.index).copied().unwrap_or(0)
    }

    /// Moves a search on to the first slot that could end it, and reads the node there, so that it is in the cache later.
    #[inline]
    pub fn read_node(&self, aim: &mut Aim) -> u64 {
        for _ in 0..AHEAD_MAX {
            let slot = self.read_slot(*aim);
            if slot == 0 {
                return 0;
            }
            if (slot >> 32) as u32 == aim.tag {
                let at = (slot as u32 - 1) as usize * 8;
                // A node with an address has 40 to 80 octets.
                let near = self.arena.get(at).copied().unwrap_or(0);
                let far = self.arena.get(at + 64).copied().unwrap_or(0);
                return u64::from(near) ^ u64::from(far);
            }
            *aim = self.next(*aim);
        }
        0
    }

    #[inline(always)]
    fn next(&self, aim: Aim) -> Aim {
        let index = aim.index + 1;
        Aim {
            index: if index == self.slots.len() { 0 } else { index },
            ..aim
        }
    }

    /// Finds the node that a search leads to.
    #[inline(always)]
    fn probe(&self, mut aim: Aim, is_owner: impl Fn(&[u8]) -> bool) -> Option<NodeAt> {
        // The table is never full, so an empty slot ends this.
        for _ in 0..self.slots.len() {
            match self.look(aim, &is_owner) {
                Look::Empty => return None,
                Look::Owner(node) => return Some(node),
                Look::Other => aim = self.next(aim),
            }
        }
        None
    }

    /// Looks at the slot where a search stands.
    #[inline(always)]
    fn look(&self, aim: Aim, is_owner: impl Fn(&[u8]) -> bool) -> Look {
        let slot = self.read_slot(aim);
        if slot == 0 {
            return Look::Empty;
        }
        let node = NodeAt((slot as u32).wrapping_sub(1));
        if (slot >> 32) as u32 == aim.tag && is_owner(self.owner(node)) {
            return Look::Owner(node);
        }
        Look::Other
    }

    /// Finds the node of a name, most often where its aim was moved to.
    #[inline(always)]
    fn probe_name(&self, name: &QueryName, aim: Aim) -> Option<NodeAt> {
        let relative = self.relative(name, name.labels);
        match self.look(aim, |owner| same_octets(owner, relative)) {
            Look::Empty => None,
            Look::Owner(node) => Some(node),
            Look::Other => self.probe_behind(name, self.next(aim)),
        }
    }

    #[inline(never)]
    fn probe_behind(&self, name: &QueryName, aim: Aim) -> Option<NodeAt> {
        let relative = self.relative(name, name.labels);
        self.probe(aim, |owner| same_octets(owner, relative))
    }

    #[inline]
    fn probe_suffix(&self, name: &QueryName, labels: usize) -> Option<NodeAt> {
        let aim = self.aim_at(name.hashes[labels]);
        let suffix = self.relative(name, labels);
        self.probe(aim, |owner| same_octets(owner, suffix))
    }

    /// Returns a suffix of a name without the apex.
    #[inline]
    fn relative<'n>(&self, name: &'n QueryName, labels: usize) -> &'n [u8] {
        let end = usize::from(name.starts[self.apex_labels]);
        let start = usize::from(name.starts[labels]);
        &name.folded[start..end]
    }

    /// Finds what a name at or below the apex leads to (RFC 1034, section 4.3.2; RFC 4592, section 3.3.1).
    #[inline]
    pub fn find(&self, name: &QueryName) -> Found {
        self.find_from(name, self.aim(name))
    }

    /// Finds what a name leads to, from the position of its aim.
    #[inline(always)]
    pub fn find_from(&self, name: &QueryName, aim: Aim) -> Found {
        let depth = name.labels - self.apex_labels;
        if depth <= self.depth_max
            && let Some(node) = self.probe_name(name, aim)
        {
            let flags = self.flags(node);
            if flags & (FLAG_OCCLUDED | FLAG_CUT) == 0 {
                return Found::Exact(node);
            }
            return match flags & FLAG_OCCLUDED {
                0 => Found::Cut(node, name.labels),
                _ => self.find_redirection(name).unwrap_or(Found::Exact(node)),
            };
        }
        self.find_missing(name, depth)
    }

    /// Finds the result for a name that has no node of its own.
    #[inline(never)]
    fn find_missing(&self, name: &QueryName, depth: usize) -> Found {
        let (encloser, labels) = self.find_closest_encloser(name, depth.min(self.depth_max + 1));
        let flags = self.flags(encloser);
        if flags & (FLAG_OCCLUDED | FLAG_CUT | FLAG_DNAME) != 0 {
            // What is not occluded has no cut above it.
            if flags & FLAG_OCCLUDED != 0 {
                if let Some(found) = self.find_redirection(name) {
                    return found;
                }
            } else if flags & FLAG_CUT != 0 {
                return Found::Cut(encloser, labels);
            } else {
                return Found::Dname(encloser, labels);
            }
        }
        match self.find_source(name, encloser, labels) {
            Some(source) => Found::Wildcard(source),
            None => Found::Nothing,
        }
    }

    /// Finds the source of synthesis below a closest encloser of so many labels.
    #[inline]
    fn find_source(&self, name: &QueryName, encloser: NodeAt, labels: usize) -> Option<NodeAt> {
        if self.flags(encloser) & FLAG_WILDCARD_CHILD == 0 {
            return None;
        }
        let suffix = self.relative(name, labels);
        let aim = self.aim_at(hash_label(name.hashes[labels], WILDCARD));
        self.probe(aim, |owner| {
            owner
                .split_first_chunk()
                .is_some_and(|(head, tail)| head == WILDCARD && same_octets(tail, suffix))
        })
    }

    /// Returns whether a name lies at or below the apex.
    pub fn contains(&self, name: &QueryName) -> bool {
        name.labels >= self.apex_labels && {
            let suffix = &name.folded[usize::from(name.starts[self.apex_labels])..name.len];
            self.apex.octets().eq_ignore_ascii_case(suffix)
        }
    }

    /// Finds the node of a host whose addresses are sent along: its own, occluded or not, or the source of synthesis.
    pub fn find_host(&self, name: &QueryName) -> Option<NodeAt> {
        if !self.contains(name) {
            return None;
        }
        let depth = name.labels - self.apex_labels;
        if depth <= self.depth_max
            && let Some(node) = self.probe_suffix(name, name.labels)
        {
            return Some(node);
        }
        let (encloser, labels) = self.find_closest_encloser(name, depth.min(self.depth_max + 1));
        self.find_source(name, encloser, labels)
    }

    /// Finds the longest existing suffix above a missing name. Existence along the path is monotone, since empty
    /// non-terminals are nodes, so after one try at the parent the rest is searched by halves.
    fn find_closest_encloser(&self, name: &QueryName, missing_depth: usize) -> (NodeAt, usize) {
        let mut missing = missing_depth;
        let mut known = (NodeAt(0), self.apex_labels);
        let mut exists = 0;
        let mut next = missing.saturating_sub(1);
        while missing > exists + 1 {
            match self.probe_suffix(name, self.apex_labels + next) {
                Some(node) => {
                    exists = next;
                    known = (node, self.apex_labels + next);
                }
                None => missing = next,
            }
            next = exists + (missing - exists) / 2;
        }
        if exists == 0 {
            known.0 = self
                .probe_suffix(name, self.apex_labels)
                .unwrap_or(NodeAt(0));
        }
        known
    }

    /// Finds the topmost cut at or above the name, or DNAME above it.
    fn find_redirection(&self, name: &QueryName) -> Option<Found> {
        for labels in self.apex_labels..=name.labels.min(self.apex_labels + self.depth_max) {
            let node = self.probe_suffix(name, labels)?;
            let flags = self.flags(node);
            if flags & FLAG_CUT != 0 {
                return Some(Found::Cut(node, labels));
            }
            if flags & FLAG_DNAME != 0 && labels < name.labels {
                return Some(Found::Dname(node, labels));
            }
        }
        None
    }
}
