//! Collects what a zone holds: RRsets and policies by owner, and the empty non-terminals above owners.
//!
//! In: names, types, RDATA, in any order. Out: flat logs, which [`super::layout`] makes an arena of. Never here: what
//! depends on more than one name. Nothing is allocated for a name or an address: the largest zones have millions.

use crate::wire::{Name, Rtype, Scratch, same_octets};

use super::arena::FLAG_EMPTY;
use super::owner_table::{Crowded, OwnerTable};
use super::piece::{OWNER_QUESTION, PieceSpec};
use super::policy::RootId;

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
    /// Names that were chosen so that their hashes collide.
    NamesCollide,
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
            Self::NamesCollide => f.write_str("the hashes of too many names collide"),
        }
    }
}

/// What stands under a type at an owner.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// Addresses: records in the flat log, where they start and how many octets they have.
    Plain(u32, u16),
    /// A piece by its number.
    Static(u32),
    /// A policy.
    Dynamic(RootId),
}

/// One type at one owner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) owner: u32,
    pub(super) rtype: Rtype,
    pub(super) content: Content,
}

/// The owner that has no parent: the apex.
pub(super) const NO_PARENT: u32 = u32::MAX;

/// An owner name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    /// Where the name relative to the apex starts among the names.
    pub(super) start: u32,
    pub(super) len: u8,
    pub(super) labels: u8,
    pub(super) flags: u8,
    /// The owner one label shorter.
    pub(super) parent: u32,
}

/// An owner of a zone under construction, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerId(u32);

/// Collects what a zone holds.
#[derive(Debug)]
pub struct ZoneBuilder {
    pub(super) apex: Name,
    pub(super) owners: Vec<Owner>,
    pub(super) table: OwnerTable,
    /// Owners relative to the apex, one after the other.
    pub(super) names: Vec<u8>,
    /// What stands at owners, in the order it came.
    pub(super) placed: Vec<Placed>,
    /// Records of addresses, the bulk of most zones, one after the other.
    pub(super) plain: Vec<u8>,
    pub(super) pieces: Vec<PieceSpec>,
    scratch: Box<Scratch>,
    pub(super) negative: PieceSpec,
    pub(super) serial: u32,
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
            names: Vec::new(),
            placed: Vec::new(),
            plain: Vec::new(),
            pieces: Vec::new(),
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
        let at = self.owner(owner.octets())?;
        self.add_rrset(at, rtype, ttl, rdata.iter().map(AsRef::as_ref))
    }

    /// Adds a static RRset to an owner.
    ///
    /// # Errors
    /// If the RRset is too large.
    pub fn add_rrset<'r>(
        &mut self,
        owner: OwnerId,
        rtype: Rtype,
        ttl: u32,
        rdata: impl Iterator<Item = &'r [u8]> + Clone,
    ) -> Result<(), BuildFault> {
        let rdata_len = match rtype {
            Rtype::A => 4,
            Rtype::AAAA => 16,
            _ => 0,
        };
        if rdata_len > 0 && rdata.clone().all(|octets| octets.len() == rdata_len) {
            let start = u32::try_from(self.plain.len()).map_err(|_| BuildFault::ZoneTooLarge)?;
            for octets in rdata {
                push_address(&mut self.plain, rtype, ttl, octets);
            }
            let len = u16::try_from(self.plain.len() - start as usize)
                .map_err(|_| BuildFault::RrsetTooLarge(self.name_of(owner.0), rtype))?;
            return self.place(owner, rtype, Content::Plain(start, len));
        }
        let name = self.name_of(owner.0);
        let rdata: Vec<&[u8]> = rdata.collect();
        let piece = PieceSpec::encode(&self.apex, &name, rtype, ttl, &rdata);
        let piece = piece.ok_or(BuildFault::RrsetTooLarge(name, rtype))?;
        let number = self.pieces.len() as u32;
        self.pieces.push(piece);
        self.place(owner, rtype, Content::Static(number))
    }

    /// Adds a policy for a type; [`super::ANY_TYPE`] answers every type that has no entry of its own.
    ///
    /// # Errors
    /// If the owner lies outside the zone.
    pub fn dynamic(&mut self, owner: &Name, rtype: Rtype, root: RootId) -> Result<(), BuildFault> {
        let at = self.owner(owner.octets())?;
        self.place(at, rtype, Content::Dynamic(root))
    }

    /// Makes the owner exist although it has no data yet.
    ///
    /// # Errors
    /// If the owner lies outside the zone.
    pub fn touch(&mut self, owner: &Name) -> Result<(), BuildFault> {
        let at = self.owner(owner.octets())?;
        self.owners[at.0 as usize].flags &= !FLAG_EMPTY;
        Ok(())
    }

    fn place(&mut self, owner: OwnerId, rtype: Rtype, content: Content) -> Result<(), BuildFault> {
        self.owners[owner.0 as usize].flags &= !FLAG_EMPTY;
        if self.placed.len() == u32::MAX as usize {
            return Err(BuildFault::ZoneTooLarge);
        }
        self.placed.push(Placed {
            owner: owner.0,
            rtype,
            content,
        });
        Ok(())
    }

    /// Returns the owner with an absolute name in wire form; adds it and the empty non-terminals above it.
    ///
    /// # Errors
    /// If the name lies outside the zone, or the zone is too large.
    pub fn owner(&mut self, name: &[u8]) -> Result<OwnerId, BuildFault> {
        let octets = name;
        let name = &mut *self.scratch;
        let top = self.apex.label_count();
        let is_inside = name.take(octets) && name.labels >= top && {
            let suffix = &name.folded[usize::from(name.starts[top])..name.len];
            self.apex.octets().eq_ignore_ascii_case(suffix)
        };
        if !is_inside {
            let name = Name::from_wire(octets).map_or_else(|_| Name::root(), |(name, _)| name);
            return Err(BuildFault::OutOfZone(name));
        }
        let end = usize::from(name.starts[top]);
        let mut wanted = None;
        let mut below: Option<usize> = None;
        for labels in (top..=name.labels).rev() {
            let relative = &name.folded[usize::from(name.starts[labels])..end];
            let hash = name.hashes[labels];
            let is_it =
                |at: usize| same_octets(relative_of(&self.names, &self.owners[at]), relative);
            let known = self
                .table
                .find(hash, is_it)
                .map_err(|Crowded| BuildFault::NamesCollide)?;
            let at = match known {
                Some(at) => at,
                None => self.table.push(hash).ok_or(BuildFault::ZoneTooLarge)?,
            };
            if let Some(below) = below {
                self.owners[below].parent = at as u32;
            }
            wanted = wanted.or(Some(OwnerId(at as u32)));
            if known.is_some() {
                break;
            }
            let start = u32::try_from(self.names.len()).map_err(|_| BuildFault::ZoneTooLarge)?;
            self.names.extend_from_slice(relative);
            self.owners.push(Owner {
                start,
                len: relative.len() as u8,
                labels: (labels - top) as u8,
                flags: FLAG_EMPTY,
                parent: NO_PARENT,
            });
            below = Some(at);
        }
        wanted.ok_or(BuildFault::ZoneTooLarge)
    }

    pub(super) fn relative(&self, owner: &Owner) -> &[u8] {
        relative_of(&self.names, owner)
    }

    pub(super) fn name_of(&self, owner: u32) -> Name {
        let mut octets = self.relative(&self.owners[owner as usize]).to_vec();
        octets.extend_from_slice(self.apex.octets());
        Name::from_wire(&octets).map_or_else(|_| self.apex.clone(), |(name, _)| name)
    }
}

fn relative_of<'n>(names: &'n [u8], owner: &Owner) -> &'n [u8] {
    let start = owner.start as usize;
    &names[start..start + usize::from(owner.len)]
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
