//! An answer as a plain value: which records stand in which section, before any octet is written.

use crate::wire::{NAME_MAX, Rcode};
use crate::zone::{ADDITIONAL_MAX, Piece, Policies, Run};

/// Links of a CNAME chain in one answer (chosen: what BIND follows; a resolver asks on from there).
pub const CHAIN_MAX: usize = 16;
/// Parts of one answer: links with their DNAMEs, the last RRset, authority, two families for each host.
pub const PARTS_MAX: usize = CHAIN_MAX * 2 + 2 + ADDITIONAL_MAX * 2;
/// Octets of names made for one answer: four synthesised targets.
pub(super) const MADE_MAX: usize = 4 * NAME_MAX;
/// Picked members in one answer, additional addresses included.
pub const PICKS_MAX: usize = 256;

/// What owns the records of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The question's name.
    Question,
    /// The suffix of the question's name that has so many octets.
    Suffix(u8),
    /// The name that stands at an offset inside another part.
    InPart(u8, u16),
}

/// Records of one RRset.
#[derive(Clone, Copy, Debug)]
pub enum Records<'a> {
    /// A stored RRset, rotated by so many records.
    Stored(Piece<'a>, u16),
    /// Picked members: where their numbers start among the picks, how many, and the TTL.
    Members(&'a Policies, &'a Run, u16, u16, u32),
    /// A CNAME synthesised from a DNAME (RFC 6672, section 3.1): TTL, and where its target stands among the made names.
    Synthesised(u32, u16, u16),
}

/// One RRset in an answer.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its records.
    pub records: Records<'a>,
    /// What owns them.
    pub owner: Owner,
}

/// A section of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Answer.
    Answer,
    /// Authority.
    Authority,
    /// Additional.
    Additional,
}

/// Where an answer came from, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Source {
    /// Static records.
    Static,
    /// A policy.
    Dynamic,
    /// NXDOMAIN or NODATA.
    Negative,
    /// A referral.
    Referral,
    /// Outside our zones.
    Refused,
    /// The query was malformed or not implemented.
    Error,
    /// Nothing was sent.
    #[default]
    Silent,
}

/// A composed answer.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// Response code.
    pub rcode: Rcode,
    /// Whether AA is set.
    pub is_authoritative: bool,
    /// Where it came from.
    pub source: Source,
    /// Scope for client subnet: the longest of all decisions (RFC 7871, section 7.2.1).
    pub scope_len: u8,
    /// Whether additional records are required: glue (RFC 9471).
    pub needs_additional: bool,
    parts: [Part<'a>; PARTS_MAX],
    /// Parts in answer, authority and additional.
    counts: [u8; 3],
    picks: [u16; PICKS_MAX],
    picked: usize,
    made: [u8; MADE_MAX],
    made_len: usize,
}

const NO_PART: Part<'static> = Part {
    records: Records::Stored(Piece::EMPTY, 0),
    owner: Owner::Question,
};

impl<'a> Answer<'a> {
    /// Makes room for answers; [`Self::reset`] starts each.
    #[inline]
    pub fn room() -> Self {
        Self {
            rcode: Rcode::NOERROR,
            is_authoritative: true,
            source: Source::Static,
            scope_len: 0,
            needs_additional: false,
            parts: [NO_PART; PARTS_MAX],
            counts: [0; 3],
            picks: [0; PICKS_MAX],
            picked: 0,
            made: [0; MADE_MAX],
            made_len: 0,
        }
    }

    /// Starts an empty answer in the same room.
    #[inline]
    pub fn reset(&mut self, rcode: Rcode, source: Source) {
        self.rcode = rcode;
        self.source = source;
        self.is_authoritative = true;
        self.scope_len = 0;
        self.needs_additional = false;
        self.counts = [0; 3];
        self.picked = 0;
        self.made_len = 0;
    }

    /// Keeps a made name; says where it starts, or `None` if there is no room.
    pub fn keep_made(&mut self, name: &[u8]) -> Option<u16> {
        let start = self.made_len;
        self.made
            .get_mut(start..start + name.len())?
            .copy_from_slice(name);
        self.made_len += name.len();
        Some(start as u16)
    }

    /// Returns a made name.
    pub fn made(&self, start: u16, len: u16) -> &[u8] {
        &self.made[usize::from(start)..usize::from(start) + usize::from(len)]
    }

    /// Adds a part; sections are filled in their order. Says where it stands, or `None` if there is no room.
    #[inline]
    pub fn push(&mut self, section: Section, part: Part<'a>) -> Option<u8> {
        let at = self.len();
        *self.parts.get_mut(at)? = part;
        self.counts[section as usize] += 1;
        Some(at as u8)
    }

    /// Keeps picked members; says where they start, or `None` if there is no room.
    #[inline]
    pub fn keep_picks(&mut self, members: &[u16]) -> Option<u16> {
        let start = self.picked;
        self.picks
            .get_mut(start..start + members.len())?
            .copy_from_slice(members);
        self.picked += members.len();
        Some(start as u16)
    }

    /// Returns kept picks.
    #[inline]
    pub fn picks(&self, start: u16, len: u16) -> &[u16] {
        &self.picks[usize::from(start)..usize::from(start) + usize::from(len)]
    }

    /// Counts the parts.
    #[inline]
    pub fn len(&self) -> usize {
        self.counts.iter().map(|&count| usize::from(count)).sum()
    }

    /// Says whether no section has a part.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns all parts in order.
    #[inline]
    pub fn parts(&self) -> &[Part<'a>] {
        &self.parts[..self.len()]
    }

    /// Returns how many parts answer, authority and additional have.
    #[inline]
    pub fn counts(&self) -> [usize; 3] {
        self.counts.map(usize::from)
    }
}
