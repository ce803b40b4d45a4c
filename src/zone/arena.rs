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

use crate::wire::{Name, Rtype};

use super::piece::{NodeAt, Piece};
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
/// Octets of a node before its owner.
pub(super) const NODE_HEADER: usize = 4;
pub(super) const ENTRY_LEN: usize = 8;
pub(super) const FULL_HEADER: usize = 8;
pub(super) const HOST_LEN: usize = 8;
pub(super) const MIX: u64 = 0xff51_afd7_ed55_8ccd;

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

    /// Returns the arena from a node on.
    #[inline(always)]
    fn octets_of(&self, node: NodeAt) -> &[u8] {
        &self.arena[node.0 as usize * 8..]
    }

    /// Returns the owner relative to the apex: folded labels without the root label.
    #[inline(always)]
    pub fn owner(&self, node: NodeAt) -> &[u8] {
        let octets = self.octets_of(node);
        &octets[NODE_HEADER..NODE_HEADER + usize::from(octets[0])]
    }

    /// Returns the flags of a node.
    #[inline(always)]
    pub fn flags(&self, node: NodeAt) -> u8 {
        self.octets_of(node)[1]
    }

    /// Returns every node, in no order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeAt> + '_ {
        let numbers = self.slots.iter().map(|slot| *slot as u32);
        numbers.filter_map(|number| number.checked_sub(1).map(NodeAt))
    }

    /// Returns the entry of a type in a node's directory.
    #[inline]
    pub fn entry(&self, node: NodeAt, rtype: Rtype) -> Option<Entry<'_>> {
        let octets = self.octets_of(node);
        let mut entries = directory(octets).iter();
        let entry = entries.find(|entry| kept_type(entry) == rtype)?;
        Some(read_entry(octets, *entry))
    }

    /// Returns the entry that answers a type at a node: that of the type, or the CNAME, or the policy that may answer a
    /// CNAME to any type (rule a27); with the type that it is kept under.
    #[inline(always)]
    pub fn entry_for(&self, node: NodeAt, rtype: Rtype) -> Option<(Rtype, Entry<'_>)> {
        let octets = self.octets_of(node);
        let (mut best, mut best_rank) = (None, 0);
        for entry in directory(octets) {
            let kept = kept_type(entry);
            let rank = match kept {
                _ if kept == rtype => {
                    best = Some(*entry);
                    break;
                }
                Rtype::CNAME => 2,
                ANY_TYPE => 1,
                _ => 0,
            };
            if rank > best_rank {
                (best, best_rank) = (Some(*entry), rank);
            }
        }
        best.map(|entry| (kept_type(&entry), read_entry(octets, entry)))
    }

    /// Returns every entry of a node with its type, in the order of types.
    pub fn entries(&self, node: NodeAt) -> impl Iterator<Item = (Rtype, Entry<'_>)> {
        let octets = self.octets_of(node);
        directory(octets)
            .iter()
            .map(move |entry| (kept_type(entry), read_entry(octets, *entry)))
    }
}

/// Returns the directory of the node that octets start with.
#[inline(always)]
fn directory(octets: &[u8]) -> &[[u8; ENTRY_LEN]] {
    let start = NODE_HEADER + usize::from(octets[0]).next_multiple_of(4);
    let end = start + usize::from(octets[2]) * ENTRY_LEN;
    octets[start..end].as_chunks().0
}

#[inline(always)]
const fn kept_type(entry: &[u8; ENTRY_LEN]) -> Rtype {
    Rtype(u16::from_le_bytes([entry[0], entry[1]]))
}

/// Reads an entry of the node that octets start with.
#[inline(always)]
fn read_entry(octets: &[u8], entry: [u8; ENTRY_LEN]) -> Entry<'_> {
    let kind = u16::from_le_bytes([entry[2], entry[3]]);
    let start = usize::from(u16::from_le_bytes([entry[4], entry[5]])) * 4;
    let len = usize::from(u16::from_le_bytes([entry[6], entry[7]]));
    match kind {
        KIND_PLAIN => {
            // Two divisions by constants are cheaper than one by a variable.
            let (stride, count) = match kept_type(&entry) {
                Rtype::A => (16, len / 16),
                _ => (28, len / 28),
            };
            Entry::Static(Piece {
                records: &octets[start..start + len],
                count: count as u16,
                stride,
                patches: &[],
                hosts: &[],
            })
        }
        KIND_DYNAMIC => {
            let root = [
                octets[start],
                octets[start + 1],
                octets[start + 2],
                octets[start + 3],
            ];
            Entry::Dynamic(u32::from_le_bytes(root))
        }
        _ => Entry::Static(read_full(&octets[start..], len)),
    }
}

/// Reads the piece that octets start with.
#[inline]
fn read_full(octets: &[u8], len: usize) -> Piece<'_> {
    let number = |at: usize| u16::from_le_bytes([octets[at], octets[at + 1]]);
    let hosts_start = FULL_HEADER + usize::from(number(4)) * 2;
    let records_start = hosts_start + usize::from(number(6)) * HOST_LEN;
    Piece {
        records: &octets[records_start..records_start + len],
        count: number(0),
        stride: number(2),
        patches: &octets[FULL_HEADER..hosts_start],
        hosts: &octets[hosts_start..records_start],
    }
}
