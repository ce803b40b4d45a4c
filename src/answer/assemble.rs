//! Writes an [`Answer`] as a message: the only function that does, for every transport.
//!
//! Lengths are summed before anything is copied, with OPT reserved first; what does not fit is dropped by whole
//! RRsets: additional addresses from the end, then everything with TC set (RFC 2181, section 9). In-domain glue is no
//! such address: a referral without all of it has TC set (RFC 9471, section 3.1).

use crate::wire::{HEADER_LEN, Query, Rcode, ResponseEdns, Rtype, copy_octets};
use crate::zone::{OWNER_QUESTION, Piece, RR_FIXED};

use super::message::{Answer, Apex, MadeSet, Owner, POSITIONS_MAX, Part, Records};

const FLAG_QR: u16 = 0x8000;
const FLAG_AA: u16 = 0x0400;
const FLAG_TC: u16 = 0x0200;
/// The operation: 0 is a query.
const FLAGS_OPCODE: u16 = 0x7800;
/// RD and CD are copied from the query (RFC 1035, section 4.1.1; RFC 4035, section 3.1.6).
const FLAGS_COPIED: u16 = 0x0110;

/// Octets of a message that a compression pointer reaches (RFC 1035, section 4.1.4).
const POINTER_MAX: u16 = 0x3fff;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Octets of the message.
    pub len: usize,
    /// Whether TC is set.
    pub is_truncated: bool,
}

/// Writes the message into `out`, at most `limit` octets, which must hold at least header, question and OPT.
#[inline]
pub fn assemble(
    answer: &Answer<'_>,
    query: &Query,
    input: &[u8],
    edns: Option<(&ResponseEdns<'_>, u16)>,
    limit: usize,
    out: &mut [u8],
) -> Written {
    let question_end = query.question_end();
    let reserved = edns.map_or(0, |(edns, _)| edns.len());
    let room = limit.min(out.len()).saturating_sub(question_end + reserved);
    let (kept, is_truncated) = if answer.octets() <= room {
        (answer.len(), false)
    } else {
        fit(answer, room)
    };
    copy_octets(&input[..question_end], out);
    let mut positions = [0u16; POSITIONS_MAX];
    let mut records = [0u16; 3];
    let mut at = question_end;
    let [in_answer, in_authority, _] = answer.counts();
    for (n, part) in answer.parts()[..kept].iter().enumerate() {
        if let Some(position) = positions.get_mut(n) {
            *position = at as u16;
        }
        let name_end = query.name_end() as u16;
        let owner = find_owner(part.owner, name_end, &positions);
        let apex = match part.apex {
            Apex::Question => 0,
            Apex::InPart(at, offset) => positions[usize::from(at)] + offset,
        };
        if owner.max(apex) > POINTER_MAX {
            // No pointer leads there: a host in an RRset of 16 KiB, or the end of a chain of the longest names.
            continue;
        }
        let (count, octets) = write_part(answer, part, (owner, name_end), &positions, out, at);
        at += octets;
        let section = usize::from(n >= in_answer) + usize::from(n >= in_answer + in_authority);
        records[section] += count;
    }
    if let Some((edns, payload_size)) = edns {
        edns.write(payload_size, &mut out[at..]);
        at += edns.len();
        records[2] += 1;
    }
    let flags = (answer.is_authoritative, is_truncated);
    write_head(query.flags, answer.rcode, flags, records, out);
    Written {
        len: at,
        is_truncated,
    }
}

/// Writes flags and counts of a header whose ID is there already.
#[inline(always)]
pub(super) fn write_head(
    asked_flags: u16,
    rcode: Rcode,
    (is_authoritative, is_truncated): (bool, bool),
    [answers, authorities, additionals]: [u16; 3],
    out: &mut [u8],
) {
    let mut flags = FLAG_QR | (asked_flags & FLAGS_COPIED) | (rcode.0 & 15);
    flags |= if is_authoritative { FLAG_AA } else { 0 };
    flags |= if is_truncated { FLAG_TC } else { 0 };
    let counts = u64::from(answers) << 32 | u64::from(authorities) << 16 | u64::from(additionals);
    out[2..4].copy_from_slice(&flags.to_be_bytes());
    out[4..HEADER_LEN].copy_from_slice(&(1 << 48 | counts).to_be_bytes());
}

/// Says how many parts of an answer that is too long fit, and whether TC must be set.
#[cold]
fn fit(answer: &Answer<'_>, room: usize) -> (usize, bool) {
    let [in_answer, in_authority, _] = answer.counts();
    let required = in_answer + in_authority;
    let mut total = 0;
    let mut kept = 0;
    for part in answer.parts() {
        total += answer.part_len(part);
        if total > room {
            break;
        }
        kept += 1;
    }
    if kept < required {
        // Cut short: the client asks again by TCP. A part of the answer would only be thrown away.
        return (0, true);
    }
    (kept, kept < required + usize::from(answer.glue_len))
}

/// Says where an owner stands in the message.
#[inline(always)]
fn find_owner(owner: Owner, name_end: u16, positions: &[u16; POSITIONS_MAX]) -> u16 {
    match owner {
        Owner::Question => HEADER_LEN as u16,
        Owner::Suffix(len) => name_end - u16::from(len),
        Owner::InPart(at, offset) => positions[usize::from(at)] + offset,
    }
}

/// Writes the records of a part at `at`; returns how many, and their octets.
#[inline(always)]
fn write_part(
    answer: &Answer<'_>,
    part: &Part<'_>,
    (owner_at, name_end): (u16, u16),
    positions: &[u16; POSITIONS_MAX],
    out: &mut [u8],
    at: usize,
) -> (u16, usize) {
    let owner = 0xc000 | owner_at;
    match &part.records {
        Records::Stored(piece, turn) => {
            let out = &mut out[at..];
            match part.apex {
                Apex::Question => write_stored(piece, *turn, name_end, out),
                Apex::InPart(at, offset) => {
                    copy_stored(piece, *turn, out);
                    let apex_at = positions[usize::from(at)] + offset;
                    for at in piece.patches() {
                        out[at..at + 2].copy_from_slice(&(0xc000 | apex_at).to_be_bytes());
                    }
                }
            }
            if owner != OWNER_QUESTION {
                set_owners(&mut out[..piece.records.len()], owner);
            }
            (piece.count, piece.records.len())
        }
        Records::Members(policies, run, start, len, ttl) => {
            let start_at = at;
            let mut at = at;
            for &member in answer.picks(*start, *len) {
                let rdata = policies.rdata(run, usize::from(member));
                at += write_record(&mut out[at..], owner, run.rtype.0, *ttl, rdata);
            }
            (*len, at - start_at)
        }
        Records::Synthesised(made) => {
            let target = answer.made(made.start, made.len);
            let octets = write_record(&mut out[at..], owner, Rtype::CNAME.0, made.ttl, target);
            // The letters as asked: a made name is folded, but its first labels stand unfolded at the owner.
            let (from, len) = (usize::from(owner_at), usize::from(made.kept_len));
            out.copy_within(from..from + len, at + RR_FIXED);
            (1, octets)
        }
        Records::Made(set) => (set.count, write_made(answer, set, owner, &mut out[at..])),
    }
}

/// Writes records made for this answer; returns their octets.
#[cold]
fn write_made(answer: &Answer<'_>, set: &MadeSet, owner: u16, out: &mut [u8]) -> usize {
    let mut at = 0;
    let mut left = answer.made(set.start, set.len);
    while let Some((&[high, low], rest)) = left.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (rdata, rest) = rest.split_at(len);
        at += write_record(&mut out[at..], owner, set.rtype.0, set.ttl, rdata);
        left = rest;
    }
    at
}

#[inline]
pub(super) fn write_record(
    out: &mut [u8],
    owner: u16,
    rtype: u16,
    ttl: u32,
    rdata: &[u8],
) -> usize {
    let (owner, rtype, ttl, len) = (
        owner.to_be_bytes(),
        rtype.to_be_bytes(),
        ttl.to_be_bytes(),
        (rdata.len() as u16).to_be_bytes(),
    );
    let fixed = [
        owner[0], owner[1], rtype[0], rtype[1], 0, 1, ttl[0], ttl[1], ttl[2], ttl[3], len[0],
        len[1],
    ];
    out[..RR_FIXED].copy_from_slice(&fixed);
    copy_octets(rdata, &mut out[RR_FIXED..]);
    RR_FIXED + rdata.len()
}

/// Writes a stored RRset of a zone whose apex the question's name ends in.
#[inline(always)]
pub(super) fn write_stored(piece: &Piece<'_>, turn: u16, name_end: u16, out: &mut [u8]) {
    copy_stored(piece, turn, out);
    // Stored pointers hold the length of the apex: its distance from the end of the question's name.
    for at in piece.patches() {
        let to = name_end - u16::from_be_bytes([out[at], out[at + 1]]);
        out[at..at + 2].copy_from_slice(&(0xc000 | to).to_be_bytes());
    }
}

#[inline(always)]
fn copy_stored(piece: &Piece<'_>, turn: u16, out: &mut [u8]) {
    if turn == 0 {
        return copy_octets(piece.records, out);
    }
    let split = usize::from(turn) * usize::from(piece.stride);
    let (tail, head) = piece.records.split_at(split);
    copy_octets(head, out);
    copy_octets(tail, &mut out[head.len()..]);
}

/// Overwrites the owner of each record.
fn set_owners(records: &mut [u8], owner: u16) {
    let mut at = 0;
    while at + RR_FIXED <= records.len() {
        records[at..at + 2].copy_from_slice(&owner.to_be_bytes());
        at += RR_FIXED + usize::from(u16::from_be_bytes([records[at + 10], records[at + 11]]));
    }
}

/// Writes an answer without a question to look up: header with a response code, the question if there is one, OPT
/// if asked for.
pub(super) fn assemble_error(
    input: &[u8],
    rcode: Rcode,
    question_end: Option<usize>,
    edns: Option<(&ResponseEdns<'_>, u16)>,
    out: &mut [u8],
) -> usize {
    let mut at = question_end.unwrap_or(HEADER_LEN);
    out[..at].copy_from_slice(&input[..at]);
    let asked = u16::from_be_bytes([input[2], input[3]]);
    // RD and CD are those of a query (RFC 6895, section 2). Other operations keep their bits for themselves and want
    // them zero (RFC 2136, section 2.2; RFC 8490, section 5.4.1), and of an unknown one nobody knows what they mean: they
    // are not copied, as BIND does.
    let copied = match asked & FLAGS_OPCODE {
        0 => FLAGS_COPIED,
        _ => FLAGS_OPCODE,
    };
    let flags = FLAG_QR | (asked & copied) | (rcode.0 & 15);
    out[2..4].copy_from_slice(&flags.to_be_bytes());
    out[4..12].copy_from_slice(&[
        0,
        u8::from(question_end.is_some()),
        0,
        0,
        0,
        0,
        0,
        u8::from(edns.is_some()),
    ]);
    if let Some((edns, payload_size)) = edns {
        edns.write(payload_size, &mut out[at..]);
        at += edns.len();
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

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
                let mut input = [0; HEADER_LEN];
                input[2..4].copy_from_slice(&asked.to_be_bytes());
                let mut out = [0; 64];
                assemble_error(&input, rcode, None, None, &mut out);
                let flags = u16::from_be_bytes([out[2], out[3]]);
                let copied = if opcode == 0 { 0x0110 } else { 0 };
                let wanted = FLAG_QR | opcode << 11 | copied | (rcode.0 & 15);
                assert_eq!(flags, wanted, "{rcode:?} to opcode {opcode}");
            }
        }
    }
}
