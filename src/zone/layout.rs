//! Lays out a zone: sorts what was collected, marks cuts and occlusion, writes the arena and its slot table.
//!
//! In: a [`ZoneBuilder`] and its policies. Out: a [`Zone`]. Never here: which records a zone should hold.

use crate::wire::{Name, Rtype, Scratch, fold, hash_label, same_octets};

use super::arena::{
    ENTRY_LEN, FLAG_CUT, FLAG_DNAME, FLAG_DYNAMIC, FLAG_EMPTY, FLAG_OCCLUDED, FLAG_WILDCARD_CHILD,
    FULL_HEADER, HOST_LEN, KIND_DYNAMIC, KIND_FULL, KIND_PLAIN, MIX, Zone,
};
use super::build::{BuildFault, Content, NO_PARENT, Owner, Placed, ZoneBuilder};
use super::piece::PieceSpec;
use super::policy::Policies;

/// Longest probe that a seed may leave (engine bound).
const PROBE_MAX: usize = 64;
/// Seeds that are tried before the best one is taken.
const SEEDS_MAX: u64 = 16;
/// Types at one name: what a node can count.
const TYPES_MAX: usize = 255;

impl ZoneBuilder {
    /// Lays out the zone.
    ///
    /// # Errors
    /// If a name or the zone is larger than offsets can tell.
    pub fn finish(mut self, policies: Policies) -> Result<Zone, BuildFault> {
        // By type: addresses, which are asked for most, are found first, and ANY gets the lowest.
        self.placed
            .sort_by_key(|placed| (placed.owner, placed.rtype.0));
        let starts = self.starts();
        self.mark(&starts);
        let mut offsets = Vec::with_capacity(self.owners.len());
        let mut size = 0usize;
        for (owner, entries) in self.owners.iter().zip(starts.windows(2)) {
            offsets.push(u32::try_from(size / 8).map_err(|_| BuildFault::ZoneTooLarge)?);
            let entries = &self.placed[entries[0] as usize..entries[1] as usize];
            size += self.size(owner, entries).next_multiple_of(8);
        }
        let mut arena = Vec::with_capacity(size);
        for number in 0..self.owners.len() {
            let entries = &self.placed[starts[number] as usize..starts[number + 1] as usize];
            self.write(number, entries, &mut arena, &offsets)
                .ok_or_else(|| BuildFault::NameTooLarge(self.name_of(number as u32)))?;
        }
        let (slots, seed) = self.slots(&offsets)?;
        let labels = self.owners.iter().map(|owner| usize::from(owner.labels));
        let is_named = |owner: &&Owner| owner.flags & FLAG_EMPTY == 0;
        let patches = self.negative.patches.iter();
        Ok(Zone {
            apex_labels: self.apex.label_count(),
            depth_max: labels.max().unwrap_or(0),
            name_count: self.owners.iter().filter(is_named).count(),
            slots,
            seed,
            arena: arena.into(),
            negative_patches: patches.flat_map(|patch| patch.to_le_bytes()).collect(),
            negative: self.negative.records.into(),
            serial: self.serial,
            apex: self.apex,
            policies,
        })
    }

    /// Returns where the entries of each owner start, and where the last ones end.
    fn starts(&self) -> Vec<u32> {
        let mut starts = Vec::with_capacity(self.owners.len() + 1);
        let mut at = 0;
        for owner in 0..=self.owners.len() {
            while self
                .placed
                .get(at)
                .is_some_and(|placed| (placed.owner as usize) < owner)
            {
                at += 1;
            }
            starts.push(at as u32);
        }
        starts
    }

    /// Sets the flags that depend on other names: wildcard children, cuts, DNAMEs, occlusion.
    fn mark(&mut self, starts: &[u32]) {
        for (owner, entries) in self.owners.iter_mut().zip(starts.windows(2)) {
            for placed in &self.placed[entries[0] as usize..entries[1] as usize] {
                owner.flags |= match placed.rtype {
                    Rtype::NS if owner.labels > 0 => FLAG_CUT,
                    Rtype::DNAME => FLAG_DNAME,
                    _ => 0,
                };
                if matches!(placed.content, Content::Dynamic(_)) {
                    owner.flags |= FLAG_DYNAMIC;
                }
            }
        }
        let redirects = |owner: &Owner| owner.flags & (FLAG_CUT | FLAG_DNAME) != 0;
        let has_redirection = self.owners.iter().any(redirects);
        for at in 0..self.owners.len() {
            let mut parent = self.owners[at].parent;
            if parent != NO_PARENT && self.relative(&self.owners[at]).starts_with(b"\x01*") {
                self.owners[parent as usize].flags |= FLAG_WILDCARD_CHILD;
            }
            while has_redirection && parent != NO_PARENT {
                let above = &self.owners[parent as usize];
                parent = above.parent;
                if redirects(above) {
                    self.owners[at].flags |= FLAG_OCCLUDED;
                    break;
                }
            }
        }
    }

    /// Finds the node of a host in the zone: its own, or the source of synthesis that it exists through (RFC 4592,
    /// section 3.3.1).
    fn node_of(&self, host: &Name, offsets: &[u32]) -> Option<u32> {
        let top = self.apex.label_count();
        let mut name = Scratch::default();
        if !name.take(host.octets()) || name.labels < top {
            return None;
        }
        let end = usize::from(name.starts[top]);
        let find_at = |hash: u64, relative: &[u8]| {
            let is_it = |at: usize| same_octets(self.relative(&self.owners[at]), relative);
            self.table.find(hash, is_it).ok().flatten()
        };
        let find = |labels: usize| {
            let relative = &name.folded[usize::from(name.starts[labels])..end];
            find_at(name.hashes[labels], relative)
        };
        if let Some(at) = find(name.labels) {
            return Some(offsets[at]);
        }
        let encloser = (top..name.labels)
            .rev()
            .find(|&labels| find(labels).is_some())?;
        let mut source = b"\x01*".to_vec();
        source.extend_from_slice(&name.folded[usize::from(name.starts[encloser])..end]);
        let at = find_at(hash_label(name.hashes[encloser], b"\x01*"), &source)?;
        Some(offsets[at])
    }

    /// Fills the slot table at a load of 0.6 with the first seed whose longest probe is short enough.
    fn slots(&self, offsets: &[u32]) -> Result<(Box<[u64]>, u64), BuildFault> {
        let size = self.owners.len() * 5 / 3 + 1;
        let mut best: Option<(usize, Box<[u64]>, u64)> = None;
        for seed in 0..SEEDS_MAX {
            let seed = fold(seed + 1, MIX);
            let mut slots = vec![0u64; size].into_boxed_slice();
            let mut longest = 0;
            for (hash, offset) in self.table.hashes().iter().zip(offsets) {
                let mixed = fold(hash ^ seed, MIX);
                let mut index = ((u128::from(mixed) * size as u128) >> 64) as usize;
                let mut probes = 1;
                while slots[index] != 0 {
                    index = if index + 1 == size { 0 } else { index + 1 };
                    probes += 1;
                }
                longest = longest.max(probes);
                let at = offset.checked_add(1).ok_or(BuildFault::ZoneTooLarge)?;
                slots[index] = (mixed << 32) | u64::from(at);
            }
            if best.as_ref().is_none_or(|(known, ..)| longest < *known) {
                best = Some((longest, slots, seed));
            }
            if longest <= PROBE_MAX {
                break;
            }
        }
        best.map(|(_, slots, seed)| (slots, seed))
            .ok_or(BuildFault::ZoneTooLarge)
    }

    fn head(owner: &Owner, entries: &[Placed]) -> usize {
        4 + usize::from(owner.len).next_multiple_of(4) + entries.len() * ENTRY_LEN
    }

    fn size(&self, owner: &Owner, entries: &[Placed]) -> usize {
        let bodies = entries
            .iter()
            .map(|placed| self.body_size(placed.content).next_multiple_of(4));
        Self::head(owner, entries) + bodies.sum::<usize>()
    }

    fn body_size(&self, content: Content) -> usize {
        match content {
            Content::Dynamic(_) => 4,
            Content::Plain(_, len) => usize::from(len),
            Content::Static(piece) => {
                let piece = &self.pieces[piece as usize];
                FULL_HEADER
                    + piece.patches.len() * 2
                    + piece.hosts.len() * HOST_LEN
                    + piece.records.len()
            }
        }
    }

    fn write(
        &self,
        number: usize,
        entries: &[Placed],
        arena: &mut Vec<u8>,
        offsets: &[u32],
    ) -> Option<()> {
        let owner = &self.owners[number];
        let start = arena.len();
        if entries.len() > TYPES_MAX {
            return None;
        }
        arena.extend_from_slice(&[owner.len, owner.flags, entries.len() as u8, owner.labels]);
        arena.extend_from_slice(self.relative(owner));
        arena.resize(arena.len().next_multiple_of(4), 0);
        let mut at = Self::head(owner, entries);
        for placed in entries {
            let (kind, len) = match placed.content {
                Content::Dynamic(_) => (KIND_DYNAMIC, 4),
                Content::Plain(_, len) => (KIND_PLAIN, usize::from(len)),
                Content::Static(piece) => (KIND_FULL, self.pieces[piece as usize].records.len()),
            };
            arena.extend_from_slice(&placed.rtype.0.to_le_bytes());
            arena.extend_from_slice(&kind.to_le_bytes());
            arena.extend_from_slice(&u16::try_from(at / 4).ok()?.to_le_bytes());
            arena.extend_from_slice(&u16::try_from(len).ok()?.to_le_bytes());
            at += self.body_size(placed.content).next_multiple_of(4);
        }
        for placed in entries {
            match placed.content {
                Content::Dynamic(root) => arena.extend_from_slice(&root.to_le_bytes()),
                Content::Plain(start, len) => {
                    let start = start as usize;
                    arena.extend_from_slice(self.plain.get(start..start + usize::from(len))?);
                }
                Content::Static(piece) => {
                    let node_of = |host: &Name| self.node_of(host, offsets);
                    write_full(&self.pieces[piece as usize], arena, &node_of)?;
                }
            }
            arena.resize(arena.len().next_multiple_of(4), 0);
        }
        let size = arena.len() - start;
        debug_assert_eq!(size, self.size(owner, entries), "computed before");
        arena.resize(arena.len().next_multiple_of(8), 0);
        Some(())
    }
}

fn write_full(
    piece: &PieceSpec,
    arena: &mut Vec<u8>,
    node_of: &impl Fn(&Name) -> Option<u32>,
) -> Option<()> {
    for number in [
        piece.count,
        piece.stride,
        u16::try_from(piece.patches.len()).ok()?,
        piece.hosts.len() as u16,
    ] {
        arena.extend_from_slice(&number.to_le_bytes());
    }
    for patch in &piece.patches {
        arena.extend_from_slice(&patch.to_le_bytes());
    }
    for host in &piece.hosts {
        // Nodes are numbered from 0; 0 in the arena says that the host does not exist here.
        let node = node_of(&host.name).map_or(0, |node| node + 1);
        arena.extend_from_slice(&node.to_le_bytes());
        arena.extend_from_slice(&host.position.to_le_bytes());
        arena.extend_from_slice(&[u8::from(host.is_in_domain), 0]);
    }
    arena.extend_from_slice(&piece.records);
    Some(())
}
