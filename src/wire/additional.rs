//! Records behind the question of a query: the OPT record, a TSIG record, others that are skipped.
//!
//! In: the message and the end of its question. Out: EDNS, and the response code that follows from the records. Never
//! here: the meaning of answer records; a query has none.

use super::edns::{Edns, OPT_FIXED, parse_opt};
use super::tsig::is_well_formed;
use super::walk::{RECORD_FIXED, skip_name, u16_at};
use super::{Class, Rcode, Rtype};

/// Records that are walked in the additional section before the query is taken for malformed (chosen: OPT, TSIG,
/// SIG(0) and room).
const ADDITIONAL_MAX: u16 = 16;

/// Result of reading the records behind the question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    /// NOERROR if the query can be answered.
    pub(super) rcode: Rcode,
    /// EDNS, as far as it could be read.
    pub(super) edns: Option<Edns>,
    /// Offset of a TSIG record.
    pub(super) tsig: Option<u16>,
}

impl Rest {
    const fn malformed(self) -> Self {
        Self {
            rcode: Rcode::FORMERR,
            tsig: None,
            ..self
        }
    }
}

/// Reads what most queries end in: an OPT record of version 0 without options, and nothing else. `None` leaves it to
/// [`read_rest`], which would read the same.
#[inline(always)]
pub(super) fn read_bare_opt(input: &[u8], end: usize) -> Option<Edns> {
    let opt: &[u8; OPT_FIXED] = input.get(end..)?.try_into().ok()?;
    let [0, 0, 41, fields @ .., _, 0, 0] = opt else {
        return None;
    };
    if input.get(6..12)? != [0, 0, 0, 0, 0, 1] || fields[3] != 0 {
        return None;
    }
    parse_opt(*fields, &[], 0).ok()
}

/// Reads what follows the question: only the additional section may hold records (IXFR's SOA apart), and nothing
/// follows it, as BIND and Knot have it.
#[inline]
pub(super) fn read_rest(input: &[u8], end: usize, rtype: Rtype) -> Rest {
    let mut rest = Rest {
        rcode: Rcode::NOERROR,
        edns: None,
        tsig: None,
    };
    let count = |at| u16_at(input, at).unwrap_or(0);
    let (answers, authorities, additionals) = (count(6), count(8), count(10));
    if answers != 0 || authorities > u16::from(rtype == Rtype::IXFR) {
        return rest.malformed();
    }
    if additionals > ADDITIONAL_MAX {
        return rest.malformed();
    }
    let mut at = end;
    for n in 0..authorities + additionals {
        let Some(record) = read_record(input, at) else {
            return rest.malformed();
        };
        // RFC 8945, section 5.1: a TSIG record is the last.
        if rest.tsig.is_some() {
            return rest.malformed();
        }
        if record.rtype == Rtype::OPT {
            // RFC 6891, section 6.1.1: one OPT record, in the additional section, owned by the root.
            if n < authorities || rest.edns.is_some() || !record.is_root {
                return rest.malformed();
            }
            match parse_opt(
                record.fields,
                record.rdata,
                record.next - record.rdata.len(),
            ) {
                Ok(edns) => rest.edns = Some(edns),
                Err(edns) => {
                    rest.edns = Some(edns);
                    rest.rcode = Rcode::FORMERR;
                }
            }
        } else if record.rtype == Rtype::TSIG {
            let is_any = u16::from_be_bytes([record.fields[0], record.fields[1]]) == Class::ANY.0;
            if n < authorities || !is_any || !is_well_formed(record.rdata) {
                return rest.malformed();
            }
            rest.tsig = u16::try_from(at).ok();
        }
        at = record.next;
    }
    if at != input.len() || rest.rcode != Rcode::NOERROR {
        return rest.malformed();
    }
    rest.rcode = match rest.edns {
        // RFC 6891, section 6.1.3.
        Some(edns) if edns.version != 0 => Rcode::BADVERS,
        // RFC 8945, section 5.2.1: no key is known here.
        _ if rest.tsig.is_some() => Rcode::NOTAUTH,
        _ => Rcode::NOERROR,
    };
    rest
}

/// Fields of a record that are looked at.
struct Record<'i> {
    is_root: bool,
    rtype: Rtype,
    /// Class, and the first three octets of the TTL.
    fields: [u8; 5],
    rdata: &'i [u8],
    /// Offset of the next record.
    next: usize,
}

#[inline]
fn read_record(input: &[u8], at: usize) -> Option<Record<'_>> {
    let (name_len, is_root) = skip_name(input, at)?;
    let start = at + name_len;
    let fixed: &[u8; RECORD_FIXED] = input.get(start..)?.first_chunk()?;
    let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
    let data = start + RECORD_FIXED;
    Some(Record {
        is_root,
        rtype: Rtype(u16::from_be_bytes([fixed[0], fixed[1]])),
        fields: [fixed[2], fixed[3], fixed[4], fixed[5], fixed[6]],
        rdata: input.get(data..data + length)?,
        next: data + length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPT: &[u8] = &[0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0];
    const A: &[u8] = &[1, b'a', 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1];
    const TSIG: &[u8] = &[
        1, b'k', 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 19, 1, b'h', 0, 0, 0, 1, 2, 3, 4, 1, 44, 0, 0,
        0x12, 0x34, 0, 0, 0, 0,
    ];

    /// Title, counts of the sections, records, what comes out, whether EDNS is read.
    type Case<'c> = (&'c str, [u8; 3], &'c [&'c [u8]], Rcode, bool);

    fn read(counts: [u8; 3], records: &[&[u8]]) -> Rest {
        let mut message = vec![0u8; 12];
        for (n, count) in counts.into_iter().enumerate() {
            message[7 + n * 2] = count;
        }
        let tail = records.concat();
        message.extend_from_slice(&tail);
        read_rest(&message, 12, Rtype::A)
    }

    #[test]
    fn judges_records_behind_the_question() {
        let mut tsig = TSIG.to_vec();
        // One octet longer than its parts say.
        tsig[12] = 20;
        tsig.push(0);
        let mut tsig_in = TSIG.to_vec();
        tsig_in[6] = 1;
        let mut version_1 = OPT.to_vec();
        version_1[6] = 1;
        let mut owned = vec![1, b'a'];
        owned.extend_from_slice(OPT);
        let cases: [Case<'_>; 16] = [
            ("OPT", [0, 0, 1], &[OPT], Rcode::NOERROR, true),
            ("A, OPT", [0, 0, 2], &[A, OPT], Rcode::NOERROR, true),
            ("nothing", [0, 0, 0], &[], Rcode::NOERROR, false),
            ("one too few", [0, 0, 2], &[OPT], Rcode::FORMERR, true),
            ("one too many", [0, 0, 1], &[OPT, A], Rcode::FORMERR, true),
            ("two OPT", [0, 0, 2], &[OPT, OPT], Rcode::FORMERR, true),
            ("owned OPT", [0, 0, 1], &[&owned], Rcode::FORMERR, false),
            ("OPT as answer", [1, 0, 0], &[OPT], Rcode::FORMERR, false),
            ("OPT as authority", [0, 1, 0], &[OPT], Rcode::FORMERR, false),
            ("version 1", [0, 0, 1], &[&version_1], Rcode::BADVERS, true),
            ("TSIG", [0, 0, 1], &[TSIG], Rcode::NOTAUTH, false),
            ("OPT, TSIG", [0, 0, 2], &[OPT, TSIG], Rcode::NOTAUTH, true),
            ("TSIG, OPT", [0, 0, 2], &[TSIG, OPT], Rcode::FORMERR, false),
            ("bad TSIG", [0, 0, 1], &[&tsig], Rcode::FORMERR, false),
            ("TSIG class", [0, 0, 1], &[&tsig_in], Rcode::FORMERR, false),
            ("17 records", [0, 0, 17], &[A; 17], Rcode::FORMERR, false),
        ];
        for (case, counts, records, rcode, has_edns) in cases {
            let rest = read(counts, records);
            assert_eq!(
                (rest.rcode, rest.edns.is_some()),
                (rcode, has_edns),
                "{case}"
            );
            assert_eq!(rest.tsig.is_some(), rcode == Rcode::NOTAUTH, "{case}");
        }
    }

    #[test]
    fn skips_names_of_any_form() {
        let cases: [(&[u8], Option<usize>, bool); 6] = [
            (&[0], Some(1), true),
            (&[1, b'a', 0], Some(3), false),
            (&[1, b'a', 0xc0, 12], Some(4), false),
            (&[1, b'a'], None, false),
            (&[0x40], None, false),
            (&[0x80, 0], None, false),
        ];
        for (octets, len, is_root) in cases {
            let wanted = len.map(|len| (len, is_root));
            assert_eq!(skip_name(octets, 0), wanted, "{octets:?}");
        }
    }
}
