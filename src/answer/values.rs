//! An answer as a plain value: the RRsets of each section, without octets of a message.
//!
//! In: RRsets, as any [`Sink`] takes them. Out: the same, to look at or to give to another sink. Never here: limits of
//! size, or serving, which writes octets at once.

use crate::wire::{Class, HEADER_LEN, Rtype};
use crate::zone::{Piece, Policies, Run};

use super::sink::{Head, Part, Records, Section, Sink};

/// A composed answer.
#[derive(Clone, Debug, Default)]
pub struct Answer<'a> {
    /// The fields beside its records.
    pub head: Head,
    held: Vec<Held<'a>>,
    /// Picked members of all RRsets, as indices within their runs.
    members: Vec<u16>,
    /// Names and RDATA made for this answer.
    made: Vec<u8>,
    /// Offset of the next record in a message.
    at: u16,
}

/// An RRset of the answer.
#[derive(Clone, Copy, Debug)]
struct Held<'a> {
    section: Section,
    owner: u16,
    records: HeldRecords<'a>,
}

/// [`Records`] with places in the answer instead of borrowed parts: start and length.
#[derive(Clone, Copy, Debug)]
enum HeldRecords<'a> {
    Stored(Piece<'a>, u16, u16),
    Picked(&'a Policies, &'a Run, (usize, usize), u32),
    Synthesised((usize, usize), u16, u32),
    Made((Class, Rtype), (usize, usize), u32),
}

impl<'a> Answer<'a> {
    /// Starts an empty answer to a question whose name has `name_len` octets, in the same room.
    pub fn reset(&mut self, name_len: usize) {
        self.head = Head::default();
        self.held.clear();
        self.members.clear();
        self.made.clear();
        // A name has at most 255 octets; type and class follow it.
        self.at = (HEADER_LEN + name_len + 4) as u16;
    }

    /// Returns the RRsets in order.
    pub fn parts(&self) -> impl Iterator<Item = Part<'a, '_>> {
        self.held.iter().map(|held| Part {
            section: held.section,
            owner: held.owner,
            records: self.records(&held.records),
        })
    }

    /// Pushes the whole answer into another sink.
    pub fn pour<'b>(&self, sink: &mut impl Sink<'b>)
    where
        'a: 'b,
    {
        *sink.head() = self.head;
        for part in self.parts() {
            sink.push(part);
        }
    }

    fn records(&self, held: &HeldRecords<'a>) -> Records<'a, '_> {
        let made = |(start, len): (usize, usize)| &self.made[start..start + len];
        match *held {
            HeldRecords::Stored(piece, turn, apex) => Records::Stored { piece, turn, apex },
            HeldRecords::Picked(policies, run, (start, len), ttl) => Records::Picked {
                policies,
                run,
                members: &self.members[start..start + len],
                ttl,
            },
            HeldRecords::Synthesised(place, kept_len, ttl) => Records::Synthesised {
                target: made(place),
                kept_len,
                ttl,
            },
            HeldRecords::Made((class, rtype), place, ttl) => Records::Made {
                class,
                rtype,
                ttl,
                rdata: made(place),
            },
        }
    }

    fn hold_made(&mut self, octets: &[u8]) -> (usize, usize) {
        let start = self.made.len();
        self.made.extend_from_slice(octets);
        (start, octets.len())
    }

    fn hold(&mut self, records: Records<'a, '_>) -> HeldRecords<'a> {
        match records {
            Records::Stored { piece, turn, apex } => HeldRecords::Stored(piece, turn, apex),
            Records::Picked {
                policies,
                run,
                members,
                ttl,
            } => {
                let start = self.members.len();
                self.members.extend_from_slice(members);
                HeldRecords::Picked(policies, run, (start, members.len()), ttl)
            }
            Records::Synthesised {
                target,
                kept_len,
                ttl,
            } => HeldRecords::Synthesised(self.hold_made(target), kept_len, ttl),
            Records::Made {
                class,
                rtype,
                ttl,
                rdata,
            } => HeldRecords::Made((class, rtype), self.hold_made(rdata), ttl),
        }
    }
}

impl<'a> Sink<'a> for Answer<'a> {
    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    fn push(&mut self, part: Part<'a, '_>) -> u16 {
        let at = self.at;
        if part.is_reachable() {
            let octets = u16::try_from(part.records.octets()).unwrap_or(u16::MAX);
            self.at = at.saturating_add(octets);
            let records = self.hold(part.records);
            self.held.push(Held {
                section: part.section,
                owner: part.owner,
                records,
            });
        }
        at
    }
}
