//! The SOA of a zone that is built, and why a zone cannot be.
//!
//! In: RDATA. Out: the SOA as negative answers carry it, or a fault in words. Never here: other records.

use crate::wire::{Name, Rtype};

use super::owner_table::TableFault;
use super::piece::{PieceOwner, PieceSpec};

/// Reason why a zone cannot be built.
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
    /// A name that hashes like too many others.
    TooAlike(Name),
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
            Self::TooAlike(name) => write!(
                f,
                "{name} was made to hash like other names of this zone, so that it would be slow to find"
            ),
        }
    }
}

impl BuildFault {
    /// Makes the fault of a name that cannot be added.
    pub(super) fn of_table(fault: TableFault, name: impl FnOnce() -> Name) -> Self {
        match fault {
            TableFault::TooLarge => Self::ZoneTooLarge,
            TableFault::TooAlike => Self::TooAlike(name()),
        }
    }
}

/// The SOA of a zone, and the TTL that it has in negative answers (RFC 2308, section 5).
#[derive(Clone, Copy, Debug)]
pub struct Soa<'a> {
    /// RDATA, uncompressed.
    pub rdata: &'a [u8],
    /// TTL of the SOA record in negative answers, seconds.
    pub negative_ttl: u32,
}

impl Soa<'_> {
    pub(super) fn serial(&self) -> u32 {
        let at = self.rdata.len().checked_sub(20);
        let serial = at.and_then(|at| self.rdata[at..].first_chunk::<4>());
        serial.map_or(0, |octets| u32::from_be_bytes(*octets))
    }

    /// Encodes it as negative answers carry it.
    pub(super) fn negative(&self, apex: &Name) -> Result<PieceSpec, BuildFault> {
        let whose = PieceOwner {
            apex: apex.octets(),
            owner: apex.octets(),
        };
        let mut piece = PieceSpec::default();
        piece
            .encode(
                whose,
                Rtype::SOA,
                self.negative_ttl,
                std::iter::once(self.rdata),
            )
            .ok_or_else(|| BuildFault::RrsetTooLarge(apex.clone(), Rtype::SOA))?;
        Ok(piece)
    }
}
