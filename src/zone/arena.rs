//! A zone as a byte arena and a slot table: names, flags, directories and pieces.
//!
//! ```text
//! slot  = tag u32 (low half of the mixed hash) << 32 | arena offset / 8 + 1; 0 is empty
//! node  = rel_len u8, flags u8, entries u8, labels u8 | owner relative to the apex, folded, padded to 4
//!         | entries of 8: type u16, kind u16, offset u16 (units of 4 past the node), len u16 | bodies
//! body  = Plain: the records | Full: count, stride, patches, hosts (u16 each), patches, hosts, records
//!         | Dynamic: root u32
//! ```
//! All numbers in the arena are little-endian; nodes start at multiples of 8.

use crate::wire::{Name, Rtype, Scratch, fold, hash_label};

use super::piece::Piece;
use super::policy::{Policies, RootId};

/// The node has a child `*`.
pub const FLAG_WILDCARD_CHILD: u8 = 1;
/// The node exists only through names below it (RFC 4592, section 2.2.2).
pub const FLAG_EMPTY: u8 = 2;
/// A zone cut: NS below the apex.
pub const FLAG_CUT: u8 = 4;
/// Below a cut or a DNAME: occluded (RFC 2136, section 7.18; RFC 6672, section 2.4).
pub const FLAG_OCCLUDED: u8 = 8;
/// Owns a DNAME.
pub const FLAG_DNAME: u8 = 16;
/// Has a dynamic entry.
pub const FLAG_DYNAMIC: u8 = 32;

/// The pseudo type under which a name that may answer a CNAME to any type keeps its root (rule a27).
pub const ANY_TYPE: Rtype = Rtype(0);

pub(super) const KIND_PLAIN: u16 = 0;
pub(super) const KIND_FULL: u16 = 1;
pub(super) const KIND_DYNAMIC: u16 = 2;
pub(super) const ENTRY_LEN: usize = 8;
pub(super) const FULL_HEADER: usize = 8;
pub(super) const HOST_LEN: usize = 8;
/// Slots that are looked through ahead of a lookup: one line of the cache (chosen; at load 0.6 few names stand further).
const TOUCH_MAX: usize = 8;
pub(super) const MIX: u64 = 0xff51_afd7_ed55_8ccd;

/// A node by its arena offset divided by 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeAt(pub u32);

/// What a name leads to in a zone.
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
    /// No such name.
    Nothing,
}

/// An entry of a node's directory.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A static RRset.
    Static(Piece<'a>),
    /// A policy.
    Dynamic(RootId),
}

/// A zone, immutable.
#[derive(Debug)]
pub struct Zone {
    pub(super) apex: Name,
    pub(super) apex_labels: usize,
    pub(super) depth_max: usize,
    pub(super) slots: Box<[u64]>,
    pub(super) seed: u64,
    pub(super) arena: Box<[u8]>,
    pub(super) negative: Box<[u8]>,
    pub(super) negative_patches: Box<[u8]>,
    pub(super) serial: u32,
    pub(super) name_count: usize,
    /// The policies of the zone.
    pub policies: Policies,
}

impl Zone {
    /// Returns the apex.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// Counts the labels of the apex.
    pub fn apex_labels(&self) -> usize {
        self.apex_labels
    }

    /// Returns the serial of the SOA.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// Counts the owner names, empty non-terminals not included.
    pub fn name_count(&self) -> usize {
        self.name_count
    }

    /// Returns the octets that names and records take.
    pub fn size_bytes(&self) -> usize {
        self.arena.len() + self.slots.len() * 8
    }

    /// Returns the SOA as negative answers carry it (RFC 2308, section 5). Its owner is the apex.
    #[inline]
    pub fn negative_piece(&self) -> Piece<'_> {
        Piece {
            records: &self.negative,
            count: 1,
            stride: 0,
            patches: &self.negative_patches,
            hosts: &[],
        }
    }

    #[inline]
    fn mixed(&self, hash: u64) -> u64 {
        fold(hash ^ self.seed, MIX)
    }

    #[inline]
    fn slot_index(&self, mixed: u64) -> usize {
        ((u128::from(mixed) * self.slots.len() as u128) >> 64) as usize
    }

    /// Reads the slot where a name would be, so that it is in the cache later.
    #[inline]
    pub fn touch_slot(&self, name: &Scratch) -> u64 {
        let depth = (name.labels - self.apex_labels).min(self.depth_max);
        self.slots[self.slot_index(self.mixed(name.hashes[self.apex_labels + depth]))]
    }

    /// Reads the node that a name's slot points to, so that it is in the cache later. Names that other names pushed from
    /// their own slot are looked for in those behind it.
    #[inline]
    pub fn touch_node(&self, name: &Scratch) -> u64 {
        let depth = (name.labels - self.apex_labels).min(self.depth_max);
        let mixed = self.mixed(name.hashes[self.apex_labels + depth]);
        let mut index = self.slot_index(mixed);
        for _ in 0..TOUCH_MAX {
            let slot = self.slots[index];
            if slot == 0 {
                return 0;
            }
            if (slot >> 32) as u32 == mixed as u32 {
                let at = (slot as u32 - 1) as usize * 8;
                let far = self.arena.get(at + 64).copied().unwrap_or(0);
                return u64::from(self.arena[at]) ^ u64::from(far);
            }
            index = if index + 1 == self.slots.len() {
                0
            } else {
                index + 1
            };
        }
        0
    }

    /// Finds a node by the hash of its absolute name and the two parts of its relative name.
    #[inline]
    fn probe(&self, hash: u64, head: &[u8], tail: &[u8]) -> Option<NodeAt> {
        let mixed = self.mixed(hash);
        let tag = mixed as u32;
        let mut index = self.slot_index(mixed);
        for _ in 0..self.slots.len() {
            let slot = self.slots[index];
            if slot == 0 {
                return None;
            }
            if (slot >> 32) as u32 == tag {
                let at = NodeAt((slot as u32) - 1);
                let owner = self.owner(at);
                if owner.len() == head.len() + tail.len()
                    && owner.starts_with(head)
                    && (tail.is_empty() || owner.ends_with(tail))
                {
                    return Some(at);
                }
            }
            index += 1;
            if index == self.slots.len() {
                index = 0;
            }
        }
        None
    }

    #[inline]
    fn probe_suffix(&self, name: &Scratch, labels: usize) -> Option<NodeAt> {
        let end = usize::from(name.starts[self.apex_labels]);
        let start = usize::from(name.starts[labels]);
        self.probe(name.hashes[labels], &name.folded[start..end], &[])
    }

    /// Returns the owner relative to the apex: folded labels without the root label.
    #[inline]
    pub fn owner(&self, node: NodeAt) -> &[u8] {
        let at = node.0 as usize * 8;
        let len = usize::from(self.arena[at]);
        &self.arena[at + 4..at + 4 + len]
    }

    /// Returns the flags of a node.
    #[inline]
    pub fn flags(&self, node: NodeAt) -> u8 {
        self.arena[node.0 as usize * 8 + 1]
    }

    /// Returns every node, in no order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeAt> + '_ {
        let numbers = self.slots.iter().map(|slot| *slot as u32);
        numbers.filter_map(|number| number.checked_sub(1).map(NodeAt))
    }

    /// Returns the apex node.
    pub fn apex_node(&self) -> Option<NodeAt> {
        let mut scratch = Scratch::default();
        scratch
            .take(self.apex.octets())
            .then(|| self.probe_suffix(&scratch, self.apex_labels))
            .flatten()
    }

    /// Finds what a name at or below the apex leads to (RFC 1034, section 4.3.2; RFC 4592, section 3.3.1).
    #[inline]
    pub fn find(&self, name: &Scratch) -> Found {
        let depth = name.labels - self.apex_labels;
        if depth <= self.depth_max
            && let Some(node) = self.probe_suffix(name, name.labels)
        {
            let flags = self.flags(node);
            if flags & (FLAG_OCCLUDED | FLAG_CUT) == 0 {
                return Found::Exact(node);
            }
            return self.find_redirection(name).unwrap_or(Found::Exact(node));
        }
        let (encloser, labels) = self.find_closest_encloser(name, depth.min(self.depth_max + 1));
        let flags = self.flags(encloser);
        if flags & (FLAG_OCCLUDED | FLAG_CUT | FLAG_DNAME) != 0
            && let Some(found) = self.find_redirection(name)
        {
            return found;
        }
        match self.find_source(name, encloser, labels) {
            Some(source) => Found::Wildcard(source),
            None => Found::Nothing,
        }
    }

    /// Finds the source of synthesis below a closest encloser of so many labels.
    #[inline]
    fn find_source(&self, name: &Scratch, encloser: NodeAt, labels: usize) -> Option<NodeAt> {
        if self.flags(encloser) & FLAG_WILDCARD_CHILD == 0 {
            return None;
        }
        let end = usize::from(name.starts[self.apex_labels]);
        let start = usize::from(name.starts[labels]);
        let hash = hash_label(name.hashes[labels], b"\x01*");
        self.probe(hash, b"\x01*", &name.folded[start..end])
    }

    /// Says whether a name lies at or below the apex.
    pub fn contains(&self, name: &Scratch) -> bool {
        name.labels >= self.apex_labels && {
            let suffix = &name.folded[usize::from(name.starts[self.apex_labels])..name.len];
            self.apex.octets().eq_ignore_ascii_case(suffix)
        }
    }

    /// Finds the node of a host whose addresses are sent along: its own, occluded or not, or the source of synthesis.
    pub fn find_host(&self, name: &Scratch) -> Option<NodeAt> {
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
    fn find_closest_encloser(&self, name: &Scratch, missing_depth: usize) -> (NodeAt, usize) {
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
    fn find_redirection(&self, name: &Scratch) -> Option<Found> {
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

    /// Returns the entry of a type in a node's directory.
    #[inline]
    pub fn entry(&self, node: NodeAt, rtype: Rtype) -> Option<Entry<'_>> {
        let at = node.0 as usize * 8;
        let entries = usize::from(self.arena[at + 2]);
        let directory = at + 4 + usize::from(self.arena[at]).next_multiple_of(4);
        let octets = &self.arena[directory..directory + entries * ENTRY_LEN];
        for entry in octets.as_chunks::<ENTRY_LEN>().0 {
            if u16::from_le_bytes([entry[0], entry[1]]) == rtype.0 {
                return Some(self.read_entry(at, *entry));
            }
        }
        None
    }

    /// Returns every entry of a node with its type, in the order of types.
    pub fn entries(&self, node: NodeAt) -> impl Iterator<Item = (Rtype, Entry<'_>)> {
        let at = node.0 as usize * 8;
        let entries = usize::from(self.arena[at + 2]);
        let directory = at + 4 + usize::from(self.arena[at]).next_multiple_of(4);
        let octets = &self.arena[directory..directory + entries * ENTRY_LEN];
        octets.as_chunks::<ENTRY_LEN>().0.iter().map(move |entry| {
            (
                Rtype(u16::from_le_bytes([entry[0], entry[1]])),
                self.read_entry(at, *entry),
            )
        })
    }

    #[inline]
    fn read_entry(&self, at: usize, entry: [u8; ENTRY_LEN]) -> Entry<'_> {
        let kind = u16::from_le_bytes([entry[2], entry[3]]);
        let start = at + usize::from(u16::from_le_bytes([entry[4], entry[5]])) * 4;
        let len = usize::from(u16::from_le_bytes([entry[6], entry[7]]));
        match kind {
            KIND_PLAIN => {
                let records = &self.arena[start..start + len];
                let rtype = u16::from_le_bytes([entry[0], entry[1]]);
                let stride = if Rtype(rtype) == Rtype::A { 16 } else { 28 };
                Entry::Static(Piece {
                    records,
                    count: (len / stride) as u16,
                    stride: stride as u16,
                    patches: &[],
                    hosts: &[],
                })
            }
            KIND_DYNAMIC => {
                let root = [
                    self.arena[start],
                    self.arena[start + 1],
                    self.arena[start + 2],
                    self.arena[start + 3],
                ];
                Entry::Dynamic(u32::from_le_bytes(root))
            }
            _ => Entry::Static(self.read_full(start, len)),
        }
    }

    fn read_full(&self, start: usize, len: usize) -> Piece<'_> {
        let number =
            |at: usize| u16::from_le_bytes([self.arena[start + at], self.arena[start + at + 1]]);
        let patches_start = start + FULL_HEADER;
        let hosts_start = patches_start + usize::from(number(4)) * 2;
        let records_start = hosts_start + usize::from(number(6)) * HOST_LEN;
        Piece {
            records: &self.arena[records_start..records_start + len],
            count: number(0),
            stride: number(2),
            patches: &self.arena[patches_start..hosts_start],
            hosts: &self.arena[hosts_start..records_start],
        }
    }
}
