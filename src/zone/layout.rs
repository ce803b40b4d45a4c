//! Lays a zone out: nodes with their records in one arena, names that exist only through others, what cuts hide, and
//! the slots.
//!
//! In: records grouped by owner. Out: the zone. Never here: where records come from, the search for a name.
//!
//! Everything is written once, in the order of the log: no node is made before it stands in the arena. What depends on
//! other nodes (flags, hosts) is patched when all stand.

use crate::wire::{Name, QueryName, Rtype, fold, hash_label, hash_name, hash_root};

use super::arena::{
    ENTRY_LEN, FLAG_CUT, FLAG_DNAME, FLAG_DYNAMIC, FLAG_EMPTY, FLAG_OCCLUDED, FLAG_WILDCARD_CHILD,
    FULL_HEADER, HOST_LEN, KIND_DYNAMIC, KIND_FULL, KIND_PLAIN, MIX, NODE_HEADER, Zone,
};
use super::owner_table::OwnerTable;
use super::piece::{OWNER_QUESTION, PieceOwner, PieceSpec, RR_FIXED};
use super::policy::Policies;
use super::record_log::{RecordLog, Row};
use super::soa::{BuildFault, Soa};

/// Longest probe that a seed should leave (engine bound).
const PROBE_MAX: usize = 64;
/// Longest probe that the last seed may leave: zones of many millions of names need some more than the above. What is
/// longer still is no chance. So laying out is bounded whatever the names are.
const LAST_PROBE_MAX: usize = 4_096;
/// Seeds that are tried, each drawn from the key of all hashes.
const SEEDS_MAX: u64 = 16;
/// Types at one name: the greatest count that a node holds.
const TYPES_MAX: usize = 255;
/// Stands for "no node".
const ABSENT: u32 = u32::MAX;
/// The label `*` in wire form.
const WILDCARD: &[u8; 2] = b"\x01*";

/// A zone that is being laid out.
pub(super) struct Layout<'l> {
    apex: &'l Name,
    apex_labels: usize,
    /// The apex in lower case, as owners end.
    apex_folded: Vec<u8>,
    log: &'l RecordLog,
    /// The node of each name of the log.
    nodes: Vec<u32>,
    /// Names that exist only through names below them (RFC 4592, section 2.2.2), and their nodes.
    between: OwnerTable,
    between_nodes: Vec<u32>,
    arena: Vec<u8>,
    /// Places in the arena that wait for the node of a host.
    hosts: Vec<(usize, Name)>,
    /// The RRset at hand.
    piece: PieceSpec,
    depth_max: usize,
    name_count: usize,
    has_wildcard: bool,
    has_redirection: bool,
}

impl<'l> Layout<'l> {
    /// Takes grouped records that lie at or below the apex.
    pub(super) fn new(apex: &'l Name, log: &'l RecordLog) -> Self {
        let heads = log.names.len() * (NODE_HEADER + 3 + 7);
        let bodies = log.rows.len() * (ENTRY_LEN + RR_FIXED + 3);
        Self {
            apex,
            apex_labels: apex.label_count(),
            apex_folded: apex.to_folded(),
            log,
            nodes: vec![ABSENT; log.names.len()],
            between: OwnerTable::default(),
            between_nodes: Vec::new(),
            // Rather too large; what is over is given back.
            arena: Vec::with_capacity(heads + bodies + log.octets_len()),
            hosts: Vec::new(),
            piece: PieceSpec::default(),
            depth_max: 0,
            name_count: 0,
            has_wildcard: false,
            has_redirection: false,
        }
    }

    /// Lays the zone out; `touched` names exist whether they own records or not.
    pub(super) fn build(
        mut self,
        touched: &[u32],
        soa: Soa<'_>,
        policies: Policies,
    ) -> Result<Zone, BuildFault> {
        let negative = soa.negative(self.apex)?;
        self.place_owners(touched)?;
        self.place_between()?;
        if self.has_wildcard || self.has_redirection {
            self.mark();
        }
        self.lead_to_hosts();
        let (slots, seed) = self.slots()?;
        let patches = negative.patches.iter();
        Ok(Zone {
            apex_labels: self.apex_labels,
            depth_max: self.depth_max,
            name_count: self.name_count,
            apex: self.apex.clone(),
            slots,
            seed,
            arena: self.arena.into(),
            negative_patches: patches.flat_map(|patch| patch.to_le_bytes()).collect(),
            negative: negative.records.into(),
            serial: soa.serial(),
            policies,
        })
    }

    /// Writes the nodes of all names that own something, the apex first.
    fn place_owners(&mut self, touched: &[u32]) -> Result<(), BuildFault> {
        let log = self.log;
        let apex = log
            .names
            .find(&self.apex_folded, hash_name(&self.apex_folded));
        if let Some(apex) = apex {
            self.place(apex, log.rows_of(apex))?;
        }
        for rows in log.rows.chunk_by(|one, other| one.owner == other.owner) {
            if Some(rows[0].owner) != apex {
                self.place(rows[0].owner, rows)?;
            }
        }
        for &owner in touched {
            if self.nodes[owner as usize] == ABSENT {
                self.place(owner, &[])?;
            }
        }
        Ok(())
    }

    fn place(&mut self, owner: u32, rows: &[Row]) -> Result<(), BuildFault> {
        let octets = self.log.names.octets(owner);
        self.nodes[owner as usize] = self.write_node(octets, 0, rows)?;
        self.name_count += 1;
        Ok(())
    }

    /// Writes the nodes of names that own nothing and have names below them.
    fn place_between(&mut self) -> Result<(), BuildFault> {
        let log = self.log;
        let mut name = QueryName::default();
        let mut looked_at: &[u8] = &[];
        for number in 0..log.names.len() {
            let octets = log.names.octets(number as u32);
            if self.nodes[number] == ABSENT || octets.len() <= self.apex_folded.len() {
                continue;
            }
            // Most names stand right below the apex, or beside the one before.
            let parent = &octets[1 + usize::from(octets[0])..];
            if parent.len() == self.apex_folded.len() || parent == looked_at {
                continue;
            }
            looked_at = parent;
            if !name.take(octets) {
                continue;
            }
            for labels in (self.apex_labels + 1..name.labels).rev() {
                let above = &name.folded[usize::from(name.starts[labels])..name.len];
                let hash = name.hashes[labels];
                if self.find(above, hash).is_some() {
                    break;
                }
                let node = self.write_node(above, FLAG_EMPTY, &[])?;
                let added = self.between.intern(above, hash);
                added.map_err(|fault| BuildFault::of_table(fault, || name_of(above)))?;
                self.between_nodes.push(node);
            }
        }
        Ok(())
    }

    /// Returns the node of a name.
    fn find(&self, folded: &[u8], hash: u64) -> Option<u32> {
        let known = self.log.names.find(folded, hash);
        let known = known.map(|number| self.nodes[number as usize]);
        known.filter(|node| *node != ABSENT).or_else(|| {
            let number = self.between.find(folded, hash)?;
            Some(self.between_nodes[number as usize])
        })
    }

    /// Writes a node with its records; returns its position.
    fn write_node(&mut self, octets: &[u8], flags: u8, rows: &[Row]) -> Result<u32, BuildFault> {
        let start = self.arena.len();
        let node = u32::try_from(start / 8).ok().filter(|node| *node < ABSENT);
        let node = node.ok_or(BuildFault::ZoneTooLarge)?;
        let too_large = || BuildFault::NameTooLarge(name_of(octets));
        let relative = octets.strip_suffix(&self.apex_folded[..]);
        let relative = relative.ok_or_else(|| BuildFault::OutOfZone(name_of(octets)))?;
        let labels = count_labels(relative);
        let is_of_entry =
            |one: &Row, other: &Row| one.is_of_set(other) && !is_policy(one) && !is_policy(other);
        let entries = rows.chunk_by(is_of_entry).count();
        if entries > TYPES_MAX {
            return Err(too_large());
        }
        self.depth_max = self.depth_max.max(labels);
        self.has_wildcard |= relative.starts_with(WILDCARD);
        self.arena
            .extend_from_slice(&[relative.len() as u8, flags, entries as u8, labels as u8]);
        self.arena.extend_from_slice(relative);
        self.pad(4);
        let mut directory = self.arena.len();
        self.arena.resize(directory + entries * ENTRY_LEN, 0);
        let mut flags = flags;
        for set in rows.chunk_by(is_of_entry) {
            let at = u16::try_from((self.arena.len() - start) / 4).map_err(|_| too_large())?;
            let (kind, len) = self.write_body(octets, set)?;
            self.pad(4);
            flags |= match set[0].rtype {
                _ if kind == KIND_DYNAMIC => FLAG_DYNAMIC,
                Rtype::NS if labels > 0 => FLAG_CUT,
                Rtype::DNAME => FLAG_DNAME,
                _ => 0,
            };
            let entry = &mut self.arena[directory..directory + ENTRY_LEN];
            let numbers = [set[0].rtype.0, kind, at, len];
            for (into, number) in entry.as_chunks_mut::<2>().0.iter_mut().zip(numbers) {
                *into = number.to_le_bytes();
            }
            directory += ENTRY_LEN;
        }
        self.arena[start + 1] = flags;
        self.has_redirection |= flags & (FLAG_CUT | FLAG_DNAME) != 0;
        self.pad(8);
        Ok(node)
    }

    fn pad(&mut self, multiple: usize) {
        let len = self.arena.len().next_multiple_of(multiple);
        self.arena.resize(len, 0);
    }

    /// Writes one RRset or policy; returns its kind, and the octets of its records.
    fn write_body(&mut self, owner: &[u8], set: &[Row]) -> Result<(u16, u16), BuildFault> {
        let (log, first) = (self.log, &set[0]);
        if let Some(root) = first.root() {
            self.arena.extend_from_slice(&root.to_le_bytes());
            return Ok((KIND_DYNAMIC, 4));
        }
        let too_large = || BuildFault::RrsetTooLarge(name_of(owner), first.rtype);
        let width = match first.rtype {
            Rtype::A => 4,
            Rtype::AAAA => 16,
            _ => 0,
        };
        if width > 0 && set.iter().all(|row| log.rdata(row).len() == width) {
            let len = u16::try_from(set.len() * (RR_FIXED + width)).map_err(|_| too_large())?;
            for row in set {
                self.write_address((row.rtype, first.ttl), log.rdata(row));
            }
            return Ok((KIND_PLAIN, len));
        }
        let whose = PieceOwner {
            apex: &self.apex_folded,
            owner,
        };
        let rdata = set.iter().map(|row| log.rdata(row));
        self.piece
            .encode(whose, first.rtype, first.ttl, rdata)
            .ok_or_else(too_large)?;
        let len = u16::try_from(self.piece.records.len()).map_err(|_| too_large())?;
        self.write_full().ok_or_else(too_large)?;
        Ok((KIND_FULL, len))
    }

    /// Writes a record of an address, owned by the question.
    fn write_address(&mut self, (rtype, ttl): (Rtype, u32), octets: &[u8]) {
        let mut fixed = [0; RR_FIXED];
        fixed[..2].copy_from_slice(&OWNER_QUESTION.to_be_bytes());
        fixed[2..4].copy_from_slice(&rtype.0.to_be_bytes());
        fixed[5] = 1;
        fixed[6..10].copy_from_slice(&ttl.to_be_bytes());
        fixed[11] = octets.len() as u8;
        self.arena.extend_from_slice(&fixed);
        self.arena.extend_from_slice(octets);
    }

    /// Writes the piece at hand; nodes of its hosts follow later.
    fn write_full(&mut self) -> Option<()> {
        let piece = &mut self.piece;
        let (patches, hosts) = (piece.patches.len(), piece.hosts.len());
        self.arena
            .reserve(FULL_HEADER + patches * 2 + hosts * HOST_LEN + piece.records.len());
        let patches = u16::try_from(patches).ok()?;
        for number in [piece.count, piece.stride, patches, hosts as u16] {
            self.arena.extend_from_slice(&number.to_le_bytes());
        }
        for patch in &piece.patches {
            self.arena.extend_from_slice(&patch.to_le_bytes());
        }
        for host in piece.hosts.drain(..) {
            self.hosts.push((self.arena.len(), host.name));
            self.arena.extend_from_slice(&[0; 4]);
            self.arena.extend_from_slice(&host.position.to_le_bytes());
            self.arena
                .extend_from_slice(&[u8::from(host.is_in_domain), 0]);
        }
        self.arena.extend_from_slice(&piece.records);
        Some(())
    }

    /// Sets the flags that depend on other names: wildcard children and occlusion.
    fn mark(&mut self) {
        let log = self.log;
        let mut name = QueryName::default();
        for number in 0..log.names.len() {
            let node = self.nodes[number];
            if node != ABSENT && name.take(log.names.octets(number as u32)) {
                self.mark_node(node, &name);
            }
        }
        for number in 0..self.between.len() {
            if name.take(self.between.octets(number as u32)) {
                self.mark_node(self.between_nodes[number], &name);
            }
        }
    }

    fn mark_node(&mut self, node: u32, name: &QueryName) {
        let above = |labels: usize| &name.folded[usize::from(name.starts[labels])..name.len];
        let is_below = name.labels > self.apex_labels;
        if is_below
            && name.name().starts_with(WILDCARD)
            && let Some(parent) = self.find(above(name.labels - 1), name.hashes[name.labels - 1])
        {
            *self.flags_mut(parent) |= FLAG_WILDCARD_CHILD;
        }
        if !self.has_redirection {
            return;
        }
        for labels in self.apex_labels..name.labels {
            let Some(parent) = self.find(above(labels), name.hashes[labels]) else {
                continue;
            };
            if *self.flags_mut(parent) & (FLAG_CUT | FLAG_DNAME) != 0 {
                *self.flags_mut(node) |= FLAG_OCCLUDED;
                return;
            }
        }
    }

    fn flags_mut(&mut self, node: u32) -> &mut u8 {
        &mut self.arena[node as usize * 8 + 1]
    }

    /// Writes the node of each host into the records that name it.
    fn lead_to_hosts(&mut self) {
        let mut name = QueryName::default();
        for (at, host) in std::mem::take(&mut self.hosts) {
            if !name.take(host.octets()) {
                continue;
            }
            // Nodes are numbered from 0; 0 in the arena says that the host does not exist here.
            let node = self.node_of(&name).map_or(0, |node| node + 1);
            self.arena[at..at + 4].copy_from_slice(&node.to_le_bytes());
        }
    }

    /// Finds the node of a host in the zone: its own, or the source of synthesis that it exists through (RFC 4592,
    /// section 3.3.1).
    fn node_of(&self, name: &QueryName) -> Option<u32> {
        let above = |labels: usize| &name.folded[usize::from(name.starts[labels])..name.len];
        let find = |labels: usize| self.find(above(labels), name.hashes[labels]);
        find(name.labels).or_else(|| {
            let encloser = (self.apex_labels..name.labels)
                .rev()
                .find(|&labels| find(labels).is_some())?;
            let mut source = WILDCARD.to_vec();
            source.extend_from_slice(above(encloser));
            self.find(&source, hash_label(name.hashes[encloser], WILDCARD))
        })
    }

    /// Fills the slot table at a load of 0.6 under the first seed whose longest probe is short enough.
    fn slots(&self) -> Result<(Box<[u64]>, u64), BuildFault> {
        let present = self.nodes.iter().filter(|node| **node != ABSENT).count();
        let size = (present + self.between.len()) * 5 / 3 + 1;
        let mut slots = vec![0u64; size].into_boxed_slice();
        let mut crowded = ABSENT;
        for number in 1..=SEEDS_MAX {
            let seed = fold(number ^ hash_root(), MIX);
            let probe_max = match number {
                SEEDS_MAX => LAST_PROBE_MAX,
                _ => PROBE_MAX,
            };
            match self.fill(&mut slots, seed, probe_max)? {
                Filled::Whole => return Ok((slots, seed)),
                Filled::Crowded(node) => crowded = node,
            }
            slots.fill(0);
        }
        Err(BuildFault::TooAlike(self.name_at(crowded)))
    }

    /// Fills empty slots, unless a probe gets longer than it may.
    fn fill(&self, slots: &mut [u64], seed: u64, probe_max: usize) -> Result<Filled, BuildFault> {
        let size = slots.len();
        let own = self.log.names.hashes().iter().zip(&self.nodes);
        let between = self.between.hashes().iter().zip(&self.between_nodes);
        for (hash, &node) in own.chain(between) {
            if node == ABSENT {
                continue;
            }
            let mixed = fold(hash ^ seed, MIX);
            let mut index = ((u128::from(mixed) * size as u128) >> 64) as usize;
            let mut probes = 1;
            // A load below one leaves an empty slot.
            while slots[index] != 0 {
                index = if index + 1 == size { 0 } else { index + 1 };
                probes += 1;
                if probes > probe_max {
                    return Ok(Filled::Crowded(node));
                }
            }
            let at = node.checked_add(1).ok_or(BuildFault::ZoneTooLarge)?;
            slots[index] = (mixed << 32) | u64::from(at);
        }
        Ok(Filled::Whole)
    }

    /// Returns the name of a node.
    fn name_at(&self, node: u32) -> Name {
        let start = node as usize * 8;
        let len = usize::from(self.arena[start]);
        let relative = &self.arena[start + 4..start + 4 + len];
        name_of(&[relative, &self.apex_folded].concat())
    }
}

/// Result of an attempt to fill the slots.
enum Filled {
    /// Every name has its slot.
    Whole,
    /// The name of this node would lie too far from the start of its search.
    Crowded(u32),
}

fn is_policy(row: &Row) -> bool {
    row.root().is_some()
}

fn count_labels(relative: &[u8]) -> usize {
    let (mut rest, mut labels) = (relative, 0);
    while let Some((&length, after)) = rest.split_first() {
        rest = after.get(usize::from(length)..).unwrap_or_default();
        labels += 1;
    }
    labels
}

fn name_of(octets: &[u8]) -> Name {
    Name::from_wire(octets).map_or_else(|_| Name::root(), |(name, _)| name)
}
