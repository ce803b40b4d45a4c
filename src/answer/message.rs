//! An answer as a plain value: which records stand in which section, before any octet is written.

use arrayvec::ArrayVec;

use crate::wire::{NAME_MAX, Rcode, Rtype};
use crate::zone::{ADDITIONAL_MAX, Piece, Policies, RR_FIXED, Run};

/// Links of a chain of aliases in one answer (chosen: as far as NSD goes; a resolver asks on from there).
pub const CHAIN_MAX: usize = 31;
/// Parts of one answer: links with their DNAMEs, the last RRset, authority, two families for each host.
pub const PARTS_MAX: usize = POSITIONS_MAX + ADDITIONAL_MAX * 2;
/// Parts that the owner of a later part may stand in: links with their DNAMEs, the last RRset, authority.
pub(super) const POSITIONS_MAX: usize = CHAIN_MAX * 2 + 2;
/// Octets of names made for one answer: a synthesised target for each link.
pub(super) const MADE_MAX: usize = CHAIN_MAX * NAME_MAX;
const _: () = assert!(
    MADE_MAX < u16::MAX as usize,
    "made octets are counted by 16 bits"
);
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
    /// A CNAME synthesised from a DNAME (RFC 6672, section 3.1).
    Synthesised(Synthesised),
    /// Records made for this answer.
    Made(MadeSet),
}

/// Records made for this answer: SVCB and HTTPS with their open hints filled (rule a55).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeSet {
    /// Type.
    pub rtype: Rtype,
    /// TTL.
    pub ttl: u32,
    /// Records.
    pub count: u16,
    /// Where they start among the made octets: length and RDATA of each.
    pub start: u16,
    /// Octets of all of them.
    pub len: u16,
}

/// A CNAME made of a DNAME.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synthesised {
    /// TTL, that of the DNAME.
    pub ttl: u32,
    /// Where its target starts among the made names.
    pub start: u16,
    /// Octets of the target.
    pub len: u16,
    /// Octets of the target that are the owner's own labels; they are sent in the letters that the owner has.
    pub kept_len: u16,
}

/// Where the apex of the zone that a part comes from stands in the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Apex {
    /// At the end of the question's name.
    #[default]
    Question,
    /// At an offset inside another part: the name by which a chain came into the zone.
    InPart(u8, u16),
}

/// One RRset in an answer.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its records.
    pub records: Records<'a>,
    /// What owns them.
    pub owner: Owner,
    /// Where stored pointers in them lead.
    pub apex: Apex,
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
    /// Additional parts that are required; they come first: in-domain glue (RFC 9471, section 3.1).
    pub glue_len: u8,
    parts: ArrayVec<Part<'a>, PARTS_MAX>,
    /// Parts in answer, authority and additional.
    counts: [u8; 3],
    /// Octets of all parts.
    octets: usize,
    picks: ArrayVec<u16, PICKS_MAX>,
    made: ArrayVec<u8, MADE_MAX>,
    made_count: usize,
}

/// Returns the octets of the records of picked members.
#[inline(always)]
pub(super) fn members_len(policies: &Policies, run: &Run, members: &[u16]) -> usize {
    match run.stride {
        0 => {
            let rdata = |member: &u16| policies.rdata(run, usize::from(*member)).len();
            members.iter().map(|member| RR_FIXED + rdata(member)).sum()
        }
        stride => members.len() * (RR_FIXED + usize::from(stride)),
    }
}

impl<'a> Answer<'a> {
    /// Makes room for answers; [`Self::reset`] starts each.
    #[inline]
    pub fn room() -> Self {
        Self {
            rcode: Rcode::NOERROR,
            is_authoritative: true,
            source: Source::Static,
            scope_len: 0,
            glue_len: 0,
            parts: ArrayVec::new(),
            counts: [0; 3],
            octets: 0,
            picks: ArrayVec::new(),
            made: ArrayVec::new(),
            made_count: 0,
        }
    }

    /// Starts an empty answer in the same room.
    #[inline(always)]
    pub fn reset(&mut self, rcode: Rcode, source: Source) {
        self.rcode = rcode;
        self.source = source;
        self.is_authoritative = true;
        self.scope_len = 0;
        self.glue_len = 0;
        self.parts.clear();
        self.counts = [0; 3];
        self.octets = 0;
        self.picks.clear();
        self.made.clear();
        self.made_count = 0;
    }

    /// Keeps a made name; says where it starts, or `None` if there is no room: a chain has [`CHAIN_MAX`] of them.
    pub fn keep_made(&mut self, name: &[u8]) -> Option<u16> {
        if self.made_count == CHAIN_MAX {
            return None;
        }
        self.made_count += 1;
        let start = self.made.len();
        self.made.try_extend_from_slice(name).ok()?;
        Some(start as u16)
    }

    /// Keeps RDATA with its length before it; says whether there was room.
    pub(super) fn keep_rdata(&mut self, rdata: &[u8]) -> bool {
        let (Ok(len), true) = (
            u16::try_from(rdata.len()),
            self.made.remaining_capacity() >= rdata.len() + 2,
        ) else {
            return false;
        };
        self.made.extend(len.to_be_bytes());
        self.made.try_extend_from_slice(rdata).is_ok()
    }

    /// Returns how many octets have been made.
    pub(super) fn made_len(&self) -> u16 {
        // A constant bounds them far below 65,536.
        self.made.len() as u16
    }

    /// Returns a made name, or made records.
    pub fn made(&self, start: u16, len: u16) -> &[u8] {
        &self.made[usize::from(start)..usize::from(start) + usize::from(len)]
    }

    /// Adds a part; sections are filled in their order. Says where it stands, or `None` if there is no room.
    #[inline(always)]
    pub fn push(&mut self, section: Section, part: Part<'a>) -> Option<u8> {
        let at = self.len();
        let octets = self.part_len(&part);
        self.parts.try_push(part).ok()?;
        self.octets += octets;
        self.counts[section as usize] += 1;
        Some(at as u8)
    }

    /// Returns the octets of a part whose picks and made names are kept already.
    #[inline(always)]
    pub(super) fn part_len(&self, part: &Part<'_>) -> usize {
        match &part.records {
            Records::Stored(piece, _) => piece.records.len(),
            Records::Members(policies, run, start, len, _) => {
                members_len(policies, run, self.picks(*start, *len))
            }
            Records::Synthesised(made) => RR_FIXED + usize::from(made.len),
            // Each has its length before it.
            Records::Made(set) => usize::from(set.len) + usize::from(set.count) * (RR_FIXED - 2),
        }
    }

    /// Returns the octets of all parts.
    #[inline(always)]
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// Keeps picked members; says where they start, or `None` if there is no room.
    #[inline]
    pub fn keep_picks(&mut self, members: &[u16]) -> Option<u16> {
        let start = self.picks.len();
        self.picks.try_extend_from_slice(members).ok()?;
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
        self.parts.len()
    }

    /// Says whether no section has a part.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns all parts in order.
    #[inline]
    pub fn parts(&self) -> &[Part<'a>] {
        &self.parts
    }

    /// Returns how many parts answer, authority and additional have.
    #[inline(always)]
    pub fn counts(&self) -> [usize; 3] {
        let [answer, authority, additional] = self.counts;
        [answer.into(), authority.into(), additional.into()]
    }
}
