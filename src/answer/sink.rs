//! The sink of an answer: where the walk puts RRsets, in the order of a message's sections.
//!
//! In: RRsets, and where in the message their owner names stand. Out: where each RRset stands itself, since a later
//! owner may be a name inside it. Never here: which RRsets are answered, or octets.
//!
//! Chance is a [`Draw`](super::Draw), the answer is a `Sink`: serving and explaining run one walk over both.
//!
//! | Sink | An RRset becomes | Used by |
//! |---|---|---|
//! | [`MessageWriter`](super::MessageWriter) | octets of a message, at once | serving |
//! | [`Answer`](super::Answer) | a value | explain, simulate, expectations, tests |
//!
//! Positions are offsets in the message. A sink without octets counts them all the same, so that every sink numbers alike.

use crate::wire::{Class, HEADER_LEN, Rcode, Rtype};
use crate::zone::{Piece, Policies, RR_FIXED, Run};

/// Offset of the query name in a message.
pub const QUESTION_AT: u16 = HEADER_LEN as u16;
/// Octets of a message that a compression pointer reaches (RFC 1035, section 4.1.4).
const POINTER_MAX: u16 = 0x3fff;

/// Takes the RRsets of one answer.
pub trait Sink<'a> {
    /// Returns the fields of the answer beside its records.
    fn head(&mut self) -> &mut Head;

    /// Adds an RRset behind those before it. Returns the offset of its first record; if there is no room for it, or no
    /// pointer leads to its owner, the RRset is left out and the offset is meaningless.
    fn push(&mut self, part: Part<'a, '_>) -> u16;
}

/// The fields of an answer beside its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Response code.
    pub rcode: Rcode,
    /// True if AA is set.
    pub is_authoritative: bool,
    /// Kind of data that the answer was made from.
    pub source: Source,
    /// Scope for client subnet: the longest of all decisions (RFC 7871, section 7.2.1).
    pub scope_len: u8,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            rcode: Rcode::NOERROR,
            is_authoritative: true,
            source: Source::Static,
            scope_len: 0,
        }
    }
}

/// Kind of data that an answer was made from, for counting.
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
    /// No message was sent.
    #[default]
    Silent,
}

/// The section of a message that an RRset belongs to, and whether the answer may do without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Answer; required.
    Answer,
    /// Authority; required.
    Authority,
    /// Additional, required: in-domain glue (RFC 9471, section 3.1). It stands before what is optional.
    Glue,
    /// Additional, optional.
    Additional,
}

impl Section {
    /// Returns the number of the section among answer, authority and additional.
    #[inline(always)]
    pub const fn index(self) -> usize {
        match self {
            Self::Answer => 0,
            Self::Authority => 1,
            Self::Glue | Self::Additional => 2,
        }
    }
}

/// An RRset on its way into a sink.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a, 's> {
    /// Section of the message.
    pub section: Section,
    /// Offset of its owner name in the message.
    pub owner: u16,
    /// Records, in the order they are sent.
    pub records: Records<'a, 's>,
}

/// Records of one RRset: those of a zone live as long as it, those made for this answer as long as the call.
#[derive(Clone, Copy, Debug)]
pub enum Records<'a, 's> {
    /// A stored RRset.
    Stored {
        /// The ready octets.
        piece: Piece<'a>,
        /// Number of records that it is rotated by.
        turn: u16,
        /// Offset of its zone's apex, which stored pointers lead to.
        apex: u16,
    },
    /// Members that a policy picked.
    Picked {
        /// The policies of the zone.
        policies: &'a Policies,
        /// The run.
        run: &'a Run,
        /// Indices within the run.
        members: &'s [u16],
        /// TTL, seconds.
        ttl: u32,
    },
    /// A CNAME synthesised from a DNAME (RFC 6672, section 3.1).
    Synthesised {
        /// The target.
        target: &'s [u8],
        /// Octets of the target that are the owner's first labels; they are sent in the letters that the owner has.
        kept_len: u16,
        /// TTL of the DNAME, seconds.
        ttl: u32,
    },
    /// Records made for this answer: open hints filled (rule a55), texts of the server itself.
    Made {
        /// Class.
        class: Class,
        /// Type.
        rtype: Rtype,
        /// TTL, seconds.
        ttl: u32,
        /// RDATA of each record, with its length in 16 bits before it.
        rdata: &'s [u8],
    },
}

impl Part<'_, '_> {
    /// Returns whether pointers lead to its owner and to the apex: not to a host in an RRset of 16 KiB, nor to the end
    /// of a chain of the longest names.
    #[inline(always)]
    pub(super) fn is_reachable(&self) -> bool {
        let apex = match self.records {
            Records::Stored { apex, .. } => apex,
            _ => 0,
        };
        self.owner.max(apex) <= POINTER_MAX
    }
}

impl Records<'_, '_> {
    /// Returns the octets that the records take in a message.
    #[inline(always)]
    pub(super) fn octets(&self) -> usize {
        match self {
            Self::Stored { piece, .. } => piece.records.len(),
            Self::Picked {
                policies,
                run,
                members,
                ..
            } => members_octets(policies, run, members),
            Self::Synthesised { target, .. } => RR_FIXED + target.len(),
            // Each has two octets of length before it, which a record has too.
            Self::Made { rdata, .. } => rdata.len() + made_rdata(rdata).count() * (RR_FIXED - 2),
        }
    }

    /// Counts the records.
    #[inline(always)]
    pub(super) fn count(&self) -> u16 {
        match self {
            Self::Stored { piece, .. } => piece.count,
            Self::Picked { members, .. } => members.len() as u16,
            Self::Synthesised { .. } => 1,
            Self::Made { rdata, .. } => made_rdata(rdata).count() as u16,
        }
    }

    /// Returns the TTL, seconds: an RRset has one (RFC 2181, section 5.2).
    #[inline(always)]
    pub(super) fn ttl(&self) -> u32 {
        match self {
            Self::Stored { piece, .. } => piece.ttl(),
            Self::Picked { ttl, .. } | Self::Synthesised { ttl, .. } | Self::Made { ttl, .. } => {
                *ttl
            }
        }
    }
}

#[inline(always)]
fn members_octets(policies: &Policies, run: &Run, members: &[u16]) -> usize {
    match run.stride {
        0 => {
            let rdata = |member: &u16| policies.rdata(run, usize::from(*member)).len();
            members.iter().map(|member| RR_FIXED + rdata(member)).sum()
        }
        stride => members.len() * (RR_FIXED + usize::from(stride)),
    }
}

/// Returns the RDATA of each of the records of [`Records::Made`].
pub fn made_rdata(mut rdata: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&[high, low], rest) = rdata.split_first_chunk::<2>()?;
        let len = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (first, rest) = rest.split_at(len);
        rdata = rest;
        Some(first)
    })
}
