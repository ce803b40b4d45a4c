//! Builds a zone: collects RRsets by owner, adds empty non-terminals, marks cuts and occlusion, lays out the arena.

use crate::wire::{Name, Rtype, Scratch, fold, hash_label};

use super::arena::{
    ENTRY_LEN, FLAG_CUT, FLAG_DNAME, FLAG_DYNAMIC, FLAG_EMPTY, FLAG_OCCLUDED, FLAG_WILDCARD_CHILD,
    FULL_HEADER, HOST_LEN, KIND_DYNAMIC, KIND_FULL, KIND_PLAIN, MIX, Zone,
};
use super::owner_table::OwnerTable;
use super::piece::{OWNER_QUESTION, PieceSpec, RR_FIXED};
use super::policy::{Policies, RootId};

/// Longest probe that a seed may leave (engine bound).
const PROBE_MAX: usize = 64;
/// Seeds that are tried before the best one is taken.
const SEEDS_MAX: u64 = 16;

/// Why a zone cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildFault {
    /// A name outside the zone.
    OutOfZone(Name),
    /// An RRset that no DNS message can hold (65,535 octets).
    RrsetTooLarge(Name, Rtype),
    /// More than 255 types or 256 KiB at one name.
    NameTooLarge(Name),
    /// More than 4 GiB of names, or 32 GiB of arena.
    ZoneTooLarge,
}

impl std::fmt::Display for BuildFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OutOfZone(name) => write!(f, "{name} lies outside the zone"),
            Self::RrsetTooLarge(name, rtype) => write!(
                f,
                "{name} {rtype} exceeds the 65,535 octets of a DNS message"
            ),
            Self::NameTooLarge(name) => {
                write!(f, "{name} has more than 255 types or 256 KiB of records")
            }
            Self::ZoneTooLarge => f.write_str("the zone exceeds what 32-bit offsets can hold"),
        }
    }
}

#[derive(Debug)]
enum Content {
    /// Addresses: records in the flat log, where they start and how many octets they have.
    Plain(u32, u16),
    Static(Box<PieceSpec>),
    Dynamic(RootId),
}

/// The owner that has no parent: the apex.
const NO_PARENT: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Owner {
    relative: Box<[u8]>,
    labels: u8,
    flags: u8,
    /// The owner one label shorter.
    parent: u32,
    entries: Vec<(Rtype, Content)>,
}

/// Collects what a zone holds.
#[derive(Debug)]
pub struct ZoneBuilder {
    apex: Name,
    owners: Vec<Owner>,
    table: OwnerTable,
    /// Records of addresses, the bulk of most zones, one after the other.
    plain: Vec<u8>,
    scratch: Box<Scratch>,
    negative: PieceSpec,
    serial: u32,
}

impl ZoneBuilder {
    /// Starts a zone with its SOA. `negative_ttl` is the TTL of the SOA in negative answers (RFC 2308, section 5).
    ///
    /// # Errors
    /// If the SOA RDATA is malformed.
    pub fn new(
        apex: &Name,
        soa: &[u8],
        soa_ttl: u32,
        negative_ttl: u32,
    ) -> Result<Self, BuildFault> {
        let rdata = [soa];
        let fault = || BuildFault::RrsetTooLarge(apex.clone(), Rtype::SOA);
        let negative =
            PieceSpec::encode(apex, apex, Rtype::SOA, negative_ttl, &rdata).ok_or_else(fault)?;
        let serial = soa.len().checked_sub(20).and_then(|at| soa.get(at..at + 4));
        let serial = serial.map_or(0, |octets| {
            u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]])
        });
        let mut builder = Self {
            apex: apex.clone(),
            owners: Vec::new(),
            table: OwnerTable::default(),
            plain: Vec::new(),
            scratch: Box::default(),
            negative,
            serial,
        };
        builder.rrset(apex, Rtype::SOA, soa_ttl, &rdata)?;
        Ok(builder)
    }

    /// Adds a static RRset.
    ///
    /// # Errors
    /// If the owner lies outside the zone or the RRset is too large.
    pub fn rrset<R: AsRef<[u8]>>(
        &mut self,
        owner: &Name,
        rtype: Rtype,
        ttl: u32,
        rdata: &[R],
    ) -> Result<(), BuildFault> {
        let too_large = || BuildFault::RrsetTooLarge(owner.clone(), rtype);
        let rdata_len = match rtype {
            Rtype::A => 4,
            Rtype::AAAA => 16,
            _ => 0,
        };
        if rdata_len > 0
            && rdata
                .iter()
                .all(|octets| octets.as_ref().len() == rdata_len)
        {
            let start = u32::try_from(self.plain.len()).map_err(|_| BuildFault::ZoneTooLarge)?;
            let len = u16::try_from(rdata.len() * (RR_FIXED + rdata_len));
            let len = len.map_err(|_| too_large())?;
            for octets in rdata {
                push_address(&mut self.plain, rtype, ttl, octets.as_ref());
            }
            return self.add(owner, rtype, Content::Plain(start, len));
        }
        let piece = PieceSpec::encode(&self.apex, owner, rtype, ttl, rdata);
        let piece = Box::new(piece.ok_or_else(too_large)?);
        self.add(owner, rtype, Content::Static(piece))
    }

    /// Adds a policy for a type; [`super::ANY_TYPE`] answers every type that has no entry of its own.
    ///
    /// # Errors
    /// If the owner lies outside the zone.
    pub fn dynamic(&mut self, owner: &Name, rtype: Rtype, root: RootId) -> Result<(), BuildFault> {
        self.add(owner, rtype, Content::Dynamic(root))
    }

    /// Makes the owner exist although it has no data yet.
    ///
    /// # Errors
    /// If the owner lies outside the zone.
    pub fn touch(&mut self, owner: &Name) -> Result<(), BuildFault> {
        let at = self.owner_at(owner)?;
        self.owners[at].flags &= !FLAG_EMPTY;
        Ok(())
    }

    fn add(&mut self, owner: &Name, rtype: Rtype, content: Content) -> Result<(), BuildFault> {
        let at = self.owner_at(owner)?;
        let node = &mut self.owners[at];
        node.flags &= !FLAG_EMPTY;
        if node.entries.len() >= 255 {
            return Err(BuildFault::NameTooLarge(owner.clone()));
        }
        node.entries.push((rtype, content));
        Ok(())
    }

    /// Returns the index of an owner; adds it and the empty non-terminals above it.
    fn owner_at(&mut self, owner: &Name) -> Result<usize, BuildFault> {
        let name = &mut *self.scratch;
        let top = self.apex.label_count();
        let is_inside = name.take(owner.octets()) && name.labels >= top && {
            let suffix = &name.folded[usize::from(name.starts[top])..name.len];
            self.apex.octets().eq_ignore_ascii_case(suffix)
        };
        if !is_inside {
            return Err(BuildFault::OutOfZone(owner.clone()));
        }
        let end = usize::from(name.starts[top]);
        let mut wanted = None;
        let mut below: Option<usize> = None;
        for labels in (top..=name.labels).rev() {
            let relative = &name.folded[usize::from(name.starts[labels])..end];
            let hash = name.hashes[labels];
            let known = self
                .table
                .find(hash, |at| *self.owners[at].relative == *relative);
            let at = match known {
                Some(at) => at,
                None => self.table.push(hash).ok_or(BuildFault::ZoneTooLarge)?,
            };
            if let Some(below) = below {
                self.owners[below].parent = at as u32;
            }
            wanted = wanted.or(Some(at));
            if known.is_some() {
                break;
            }
            self.owners.push(Owner {
                relative: relative.into(),
                labels: (labels - top) as u8,
                flags: FLAG_EMPTY,
                parent: NO_PARENT,
                entries: Vec::new(),
            });
            below = Some(at);
        }
        wanted.ok_or(BuildFault::ZoneTooLarge)
    }

    /// Lays out the zone.
    ///
    /// # Errors
    /// If a name or the zone is larger than offsets can tell.
    pub fn finish(mut self, policies: Policies) -> Result<Zone, BuildFault> {
        self.mark();
        let mut offsets = Vec::with_capacity(self.owners.len());
        let mut size = 0usize;
        for owner in &self.owners {
            offsets.push(u32::try_from(size / 8).map_err(|_| BuildFault::ZoneTooLarge)?);
            size += owner.size().next_multiple_of(8);
        }
        let mut arena = Vec::with_capacity(size);
        for owner in &self.owners {
            owner
                .write(&self.plain, &mut arena, |host| self.node_of(host, &offsets))
                .ok_or_else(|| BuildFault::NameTooLarge(self.name_of(&owner.relative)))?;
        }
        let (slots, seed) = self.slots(&offsets)?;
        Ok(Zone {
            apex_labels: self.apex.label_count(),
            depth_max: self
                .owners
                .iter()
                .map(|owner| usize::from(owner.labels))
                .max()
                .unwrap_or(0),
            name_count: self
                .owners
                .iter()
                .filter(|owner| owner.flags & FLAG_EMPTY == 0)
                .count(),
            apex: self.apex,
            slots,
            seed,
            arena: arena.into(),
            negative_patches: self
                .negative
                .patches
                .iter()
                .flat_map(|patch| patch.to_le_bytes())
                .collect(),
            negative: self.negative.records.into(),
            serial: self.serial,
            policies,
        })
    }

    fn name_of(&self, relative: &[u8]) -> Name {
        let mut octets = relative.to_vec();
        octets.extend_from_slice(self.apex.octets());
        Name::from_wire(&octets).map_or_else(|_| self.apex.clone(), |(name, _)| name)
    }

    /// Sets the flags that depend on other names: wildcard children, cuts, DNAMEs, occlusion.
    fn mark(&mut self) {
        for owner in &mut self.owners {
            // By type: addresses, which are asked for most, are found first, and ANY gets the lowest.
            owner.entries.sort_by_key(|(rtype, _)| rtype.0);
            let has = |rtype| owner.entries.iter().any(|(known, _)| *known == rtype);
            let is_dynamic = owner
                .entries
                .iter()
                .any(|(_, content)| matches!(content, Content::Dynamic(_)));
            let mut flags = 0;
            flags |= if has(Rtype::NS) && owner.labels > 0 {
                FLAG_CUT
            } else {
                0
            };
            flags |= if has(Rtype::DNAME) { FLAG_DNAME } else { 0 };
            flags |= if is_dynamic { FLAG_DYNAMIC } else { 0 };
            owner.flags |= flags;
        }
        let redirects = |owner: &Owner| owner.flags & (FLAG_CUT | FLAG_DNAME) != 0;
        let has_redirection = self.owners.iter().any(redirects);
        for at in 0..self.owners.len() {
            let mut parent = self.owners[at].parent;
            if self.owners[at].relative.starts_with(b"\x01*") && parent != NO_PARENT {
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
        let find = |labels: usize| {
            let relative = &name.folded[usize::from(name.starts[labels])..end];
            let is_it = |at: usize| *self.owners[at].relative == *relative;
            self.table.find(name.hashes[labels], is_it)
        };
        if let Some(at) = find(name.labels) {
            return Some(offsets[at]);
        }
        let encloser = (top..name.labels)
            .rev()
            .find(|&labels| find(labels).is_some())?;
        let mut source = b"\x01*".to_vec();
        source.extend_from_slice(&name.folded[usize::from(name.starts[encloser])..end]);
        let hash = hash_label(name.hashes[encloser], b"\x01*");
        let at = self
            .table
            .find(hash, |at| *self.owners[at].relative == *source)?;
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
}

/// Appends a record of an address, owned by the question.
fn push_address(records: &mut Vec<u8>, rtype: Rtype, ttl: u32, octets: &[u8]) {
    records.extend_from_slice(&OWNER_QUESTION.to_be_bytes());
    records.extend_from_slice(&rtype.0.to_be_bytes());
    records.extend_from_slice(&[0, 1]);
    records.extend_from_slice(&ttl.to_be_bytes());
    records.extend_from_slice(&(octets.len() as u16).to_be_bytes());
    records.extend_from_slice(octets);
}

impl Owner {
    fn head(&self) -> usize {
        4 + self.relative.len().next_multiple_of(4) + self.entries.len() * ENTRY_LEN
    }

    fn size(&self) -> usize {
        self.head()
            + self
                .entries
                .iter()
                .map(|(_, content)| body_size(content).next_multiple_of(4))
                .sum::<usize>()
    }

    fn write(
        &self,
        plain: &[u8],
        arena: &mut Vec<u8>,
        node_of: impl Fn(&Name) -> Option<u32>,
    ) -> Option<()> {
        let start = arena.len();
        arena.extend_from_slice(&[
            self.relative.len() as u8,
            self.flags,
            self.entries.len() as u8,
            self.labels,
        ]);
        arena.extend_from_slice(&self.relative);
        arena.resize(arena.len().next_multiple_of(4), 0);
        let mut at = self.head();
        for (rtype, content) in &self.entries {
            let (kind, len) = match content {
                Content::Dynamic(_) => (KIND_DYNAMIC, 4),
                Content::Plain(_, len) => (KIND_PLAIN, usize::from(*len)),
                Content::Static(piece) => (KIND_FULL, piece.records.len()),
            };
            arena.extend_from_slice(&rtype.0.to_le_bytes());
            arena.extend_from_slice(&kind.to_le_bytes());
            arena.extend_from_slice(&u16::try_from(at / 4).ok()?.to_le_bytes());
            arena.extend_from_slice(&u16::try_from(len).ok()?.to_le_bytes());
            at += body_size(content).next_multiple_of(4);
        }
        for (_, content) in &self.entries {
            match content {
                Content::Dynamic(root) => arena.extend_from_slice(&root.to_le_bytes()),
                Content::Plain(start, len) => {
                    let start = *start as usize;
                    arena.extend_from_slice(plain.get(start..start + usize::from(*len))?);
                }
                Content::Static(piece) => write_full(piece, arena, &node_of)?,
            }
            arena.resize(arena.len().next_multiple_of(4), 0);
        }
        debug_assert_eq!(
            arena.len() - start,
            self.size(),
            "the layout was computed before"
        );
        arena.resize(arena.len().next_multiple_of(8), 0);
        Some(())
    }
}

fn body_size(content: &Content) -> usize {
    match content {
        Content::Dynamic(_) => 4,
        Content::Plain(_, len) => usize::from(*len),
        Content::Static(piece) => {
            FULL_HEADER
                + piece.patches.len() * 2
                + piece.hosts.len() * HOST_LEN
                + piece.records.len()
        }
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
