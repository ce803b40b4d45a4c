//! Writes a message: the sink that serving fills, and the only code that lays records out in octets.
//!
//! In: the octets of a question, RRsets, how long the message may be, the OPT record. Out: the message. Never here:
//! which RRsets are answered, or who may have a longer message.
//!
//! | An RRset that does not fit | Then |
//! |---|---|
//! | answer, authority | every record goes, TC is set (RFC 2181, section 9): the client asks again by TCP |
//! | in-domain glue | it and what follows is left out, TC is set (RFC 9471, section 3.1) |
//! | optional additional | it and what follows is left out |
//!
//! The limit that counts may turn out smaller after the records are there: OPT takes its room, and a client that asks
//! too often gets less. So [`MessageWriter::finish`] cuts once more, by the same table.

use arrayvec::ArrayVec;

use crate::wire::{Class, HEADER_LEN, ResponseEdns, Rtype, copy_octets};
use crate::zone::{ADDITIONAL_MAX, OWNER_QUESTION, Piece, Policies, RR_FIXED, Run};

use super::exchange::NO_TTL;
use super::sink::{Head, Part, Records, Section, Sink, Source, made_rdata};

const FLAG_QR: u16 = 0x8000;
const FLAG_AA: u16 = 0x0400;
const FLAG_TC: u16 = 0x0200;
/// The operation: 0 is a query.
const FLAGS_OPCODE: u16 = 0x7800;
/// RD and CD are copied from the query (RFC 1035, section 4.1.1; RFC 4035, section 3.1.6).
pub(super) const FLAGS_COPIED: u16 = 0x0110;
/// RRsets in the additional section: two families of each host.
const ADDITIONALS_MAX: usize = ADDITIONAL_MAX * 2;

/// A message while it is written.
#[derive(Debug)]
pub struct MessageWriter<'o> {
    pub(super) head: Head,
    out: &'o mut [u8],
    /// Offset of the first record, behind the question.
    start: usize,
    /// Offset of the next record.
    at: usize,
    /// Offset that records may reach at most.
    end: usize,
    /// Records in answer, authority and additional.
    counts: [u16; 3],
    is_truncated: bool,
    /// Lowest TTL of the answer section, or that of the SOA of a negative answer, seconds.
    ttl: u32,
    /// RRsets in the additional section, the first of which ends what is required but for glue.
    additionals: ArrayVec<Additional, ADDITIONALS_MAX>,
}

/// An RRset in the additional section.
#[derive(Clone, Copy, Debug)]
struct Additional {
    at: u16,
    count: u16,
    is_glue: bool,
}

/// A record before its RDATA.
#[derive(Clone, Copy)]
struct Fixed {
    /// Pointer to the owner's name.
    owner: u16,
    rtype: Rtype,
    class: Class,
    ttl: u32,
}

impl<'o> MessageWriter<'o> {
    /// Starts a response with the octets that it repeats, header and question, to be written into `out`, which also
    /// holds at least an OPT record with every option. It may have `limit` octets.
    #[inline(always)]
    pub fn new(question: &[u8], limit: usize, out: &'o mut [u8]) -> Self {
        copy_octets(question, out);
        Self {
            head: Head::default(),
            start: question.len(),
            at: question.len(),
            end: limit.min(out.len()),
            out,
            counts: [0; 3],
            is_truncated: false,
            ttl: NO_TTL,
            additionals: ArrayVec::new(),
        }
    }

    /// Takes every record out and sets TC.
    pub fn truncate(&mut self) {
        self.at = self.start;
        self.end = self.start;
        self.counts = [0; 3];
        self.additionals.clear();
        self.ttl = NO_TTL;
        self.is_truncated = true;
    }

    /// Returns whether TC is set.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Returns the lifetime of the answer, seconds: the lowest TTL of its answer section, or that of the SOA of a negative
    /// answer (RFC 2308, section 5); [`NO_TTL`] without either.
    #[inline(always)]
    pub fn ttl(&self) -> u32 {
        self.ttl
    }

    #[inline(always)]
    fn is_negative(&self) -> bool {
        self.head.source == Source::Negative
    }

    /// Writes OPT and header of a message of at most `limit` octets, which responds to `flags` of a query. Returns its
    /// length.
    #[inline(always)]
    pub fn finish(
        &mut self,
        flags: u16,
        limit: usize,
        opt: Option<(&ResponseEdns<'_>, u16)>,
    ) -> usize {
        let reserved = opt.map_or(0, |(opt, _)| opt.len());
        let end = limit.min(self.out.len()).saturating_sub(reserved);
        if self.at > end {
            self.cut(end);
        }
        let mut at = self.at;
        let [answers, authorities, mut additionals] = self.counts;
        if let Some((opt, payload_size)) = opt {
            at += opt.write(payload_size, &mut self.out[at..]);
            additionals += 1;
        }
        let questions = u64::from(self.start > HEADER_LEN);
        let counts = questions << 48
            | u64::from(answers) << 32
            | u64::from(authorities) << 16
            | u64::from(additionals);
        let flags = self.flags(flags).to_be_bytes();
        let header = &mut self.out[..HEADER_LEN];
        header[2..4].copy_from_slice(&flags);
        header[4..].copy_from_slice(&counts.to_be_bytes());
        at
    }

    /// Returns the flags of a response to a message with these.
    #[inline(always)]
    fn flags(&self, asked: u16) -> u16 {
        // RD and CD are those of a query (RFC 6895, section 2). Other operations use their bits for themselves and
        // require them to be zero (RFC 2136, section 2.2; RFC 8490, section 5.4.1), and those of an unknown one have an
        // unknown meaning: they are not copied, as BIND does.
        let copied = match asked & FLAGS_OPCODE {
            0 => FLAGS_COPIED,
            _ => FLAGS_OPCODE,
        };
        let mut flags = FLAG_QR | (asked & copied) | (self.head.rcode.0 & 15);
        flags |= if self.head.is_authoritative {
            FLAG_AA
        } else {
            0
        };
        flags | if self.is_truncated { FLAG_TC } else { 0 }
    }

    /// Ends the records at `end`, or earlier.
    #[cold]
    #[inline(never)]
    fn cut(&mut self, end: usize) {
        while self.at > end
            && let Some(last) = self.additionals.pop()
        {
            self.at = usize::from(last.at);
            self.counts[2] -= last.count;
            self.is_truncated |= last.is_glue;
        }
        if self.at > end.max(self.start) {
            self.truncate();
        }
    }

    /// Answers without an RRset that does not fit.
    #[cold]
    #[inline(never)]
    fn leave_out(&mut self, section: Section) {
        match section {
            Section::Answer | Section::Authority => self.truncate(),
            Section::Glue => {
                self.end = self.at;
                self.is_truncated = true;
            }
            Section::Additional => self.end = self.at,
        }
    }

    #[inline(always)]
    fn write(&mut self, records: &Records<'_, '_>, owner: u16) {
        let pointer = 0xc000 | owner;
        let out = &mut self.out[self.at..];
        match *records {
            Records::Stored { piece, turn, apex } => {
                write_stored(&piece, turn, apex, out);
                match piece.count {
                    _ if pointer == OWNER_QUESTION => {}
                    1 => out[..2].copy_from_slice(&pointer.to_be_bytes()),
                    _ => set_owners(&mut out[..piece.records.len()], pointer),
                }
            }
            Records::Picked {
                policies,
                run,
                members,
                ttl,
            } => write_members(
                policies,
                run,
                members,
                Fixed::of(pointer, run.rtype, ttl),
                out,
            ),
            Records::Synthesised {
                target,
                kept_len,
                ttl,
            } => {
                write_record(Fixed::of(pointer, Rtype::CNAME, ttl), target, out);
                // The letters as asked: a made name is folded, but its first labels stand unfolded at the owner.
                let from = usize::from(owner);
                let kept = from..from + usize::from(kept_len);
                self.out.copy_within(kept, self.at + RR_FIXED);
            }
            Records::Made {
                class,
                rtype,
                ttl,
                rdata,
            } => {
                let fixed = Fixed {
                    class,
                    ..Fixed::of(pointer, rtype, ttl)
                };
                write_made(rdata, fixed, out);
            }
        }
    }
}

impl<'a> Sink<'a> for MessageWriter<'_> {
    #[inline(always)]
    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    #[inline(always)]
    fn push(&mut self, part: Part<'a, '_>) -> u16 {
        let Part {
            section,
            owner,
            ref records,
        } = part;
        debug_assert!(
            section.index() == 2 || self.additionals.is_empty(),
            "sections are filled in their order"
        );
        // No message is longer than 65,535 octets.
        let position = self.at as u16;
        let octets = records.octets();
        if self.at + octets > self.end {
            self.leave_out(section);
            return position;
        }
        if !part.is_reachable() {
            return position;
        }
        let count = records.count();
        if section.index() == 2 {
            let additional = Additional {
                at: position,
                count,
                is_glue: section == Section::Glue,
            };
            if self.additionals.try_push(additional).is_err() {
                self.leave_out(section);
                return position;
            }
        }
        self.write(records, owner);
        self.at += octets;
        self.counts[section.index()] += count;
        if section == Section::Answer || (section == Section::Authority && self.is_negative()) {
            self.ttl = self.ttl.min(records.ttl());
        }
        position
    }
}

impl Fixed {
    #[inline(always)]
    const fn of(owner: u16, rtype: Rtype, ttl: u32) -> Self {
        Self {
            owner,
            rtype,
            class: Class::IN,
            ttl,
        }
    }
}

#[inline(always)]
fn write_members(policies: &Policies, run: &Run, members: &[u16], fixed: Fixed, out: &mut [u8]) {
    let mut at = 0;
    for &member in members {
        let rdata = policies.rdata(run, usize::from(member));
        at += write_record(fixed, rdata, &mut out[at..]);
    }
}

#[cold]
fn write_made(rdata: &[u8], fixed: Fixed, out: &mut [u8]) {
    let mut at = 0;
    for rdata in made_rdata(rdata) {
        at += write_record(fixed, rdata, &mut out[at..]);
    }
}

/// Writes a record; returns its octets.
#[inline]
fn write_record(fixed: Fixed, rdata: &[u8], out: &mut [u8]) -> usize {
    let (owner, rtype, class, ttl, len) = (
        fixed.owner.to_be_bytes(),
        fixed.rtype.0.to_be_bytes(),
        fixed.class.0.to_be_bytes(),
        fixed.ttl.to_be_bytes(),
        (rdata.len() as u16).to_be_bytes(),
    );
    let octets: [u8; RR_FIXED] = [
        owner[0], owner[1], rtype[0], rtype[1], class[0], class[1], ttl[0], ttl[1], ttl[2], ttl[3],
        len[0], len[1],
    ];
    out[..RR_FIXED].copy_from_slice(&octets);
    copy_octets(rdata, &mut out[RR_FIXED..]);
    RR_FIXED + rdata.len()
}

/// Copies a stored RRset of a zone whose apex stands at `apex`.
#[inline(always)]
fn write_stored(piece: &Piece<'_>, turn: u16, apex: u16, out: &mut [u8]) {
    if turn == 0 {
        copy_octets(piece.records, out);
    } else {
        let split = usize::from(turn) * usize::from(piece.stride);
        let (tail, head) = piece.records.split_at(split);
        copy_octets(head, out);
        copy_octets(tail, &mut out[head.len()..]);
    }
    for at in piece.patches() {
        out[at..at + 2].copy_from_slice(&(0xc000 | apex).to_be_bytes());
    }
}

/// Overwrites the owner of each record.
#[inline]
fn set_owners(records: &mut [u8], owner: u16) {
    let mut at = 0;
    while at + RR_FIXED <= records.len() {
        records[at..at + 2].copy_from_slice(&owner.to_be_bytes());
        at += RR_FIXED + usize::from(u16::from_be_bytes([records[at + 10], records[at + 11]]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Rcode;

    /// X20: RD and CD come back in every error that answers a query, and in no other.
    #[test]
    fn errors_copy_rd_and_cd_of_queries_and_of_no_other_operation() {
        let codes = [
            Rcode::FORMERR,
            Rcode::SERVFAIL,
            Rcode::NOTIMP,
            Rcode::REFUSED,
            Rcode::NOTAUTH,
            Rcode::BADVERS,
            Rcode::BADCOOKIE,
        ];
        for rcode in codes {
            for opcode in 0..16u16 {
                // Every flag of a query is set, those that only a response has among them.
                let asked = (opcode << 11 | 0x07ff) & !FLAG_QR;
                let mut out = [0; 64];
                let mut writer = MessageWriter::new(&[0; HEADER_LEN], 64, &mut out);
                writer.head.rcode = rcode;
                writer.head.is_authoritative = false;
                assert_eq!(writer.finish(asked, 64, None), HEADER_LEN);
                let flags = u16::from_be_bytes([out[2], out[3]]);
                let copied = if opcode == 0 { 0x0110 } else { 0 };
                let wanted = FLAG_QR | opcode << 11 | copied | (rcode.0 & 15);
                assert_eq!(flags, wanted, "{rcode:?} to opcode {opcode}");
                assert_eq!(out[4..HEADER_LEN], [0; 8]);
            }
        }
    }
}
