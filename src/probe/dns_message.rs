//! DNS messages as a probe needs them: a question written, the records of an answer read.
//!
//! In: a question; octets from the network. Out: a query; what a response says to the question. Never here: sockets, time,
//! verdicts.

use crate::wire::{HEADER_LEN, NAME_MAX, Rcode, Rtype};

/// Most records of the answer section that are looked at.
const RECORDS_MAX: usize = 256;

/// Most pointers that are followed in one name; each leads backwards (RFC 1035, section 4.1.4).
const POINTERS_MAX: usize = 32;

const CLASS_IN: u16 = 1;

/// What a response says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) rcode: Rcode,
    /// Whether it was cut off (TC).
    pub(super) is_truncated: bool,
    /// RDATA of the type asked for, names in full and in lower case.
    pub(super) records: Vec<Vec<u8>>,
}

/// Why octets are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoReply {
    /// They answer another question, or none.
    Stray,
    /// They break off or contradict themselves.
    Broken,
}

/// Writes a query: recursion desired, no EDNS (RFC 1035, section 4.1).
pub(super) fn write_query(id: u16, name: &[u8], rtype: Rtype) -> Vec<u8> {
    let mut octets = Vec::with_capacity(HEADER_LEN + name.len() + 4);
    octets.extend_from_slice(&id.to_be_bytes());
    octets.extend_from_slice(&[0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    octets.extend_from_slice(name);
    octets.extend_from_slice(&rtype.0.to_be_bytes());
    octets.extend_from_slice(&CLASS_IN.to_be_bytes());
    octets
}

/// Reads the response to a query.
pub(super) fn read_reply(query: &[u8], rtype: Rtype, message: &[u8]) -> Result<Reply, NoReply> {
    let header = message.get(..HEADER_LEN).ok_or(NoReply::Stray)?;
    let is_response = header[2] & 0x80 != 0 && header[2] & 0x78 == 0;
    if header[..2] != query[..2] || !is_response {
        return Err(NoReply::Stray);
    }
    let rcode = Rcode(u16::from(header[3] & 0x0f));
    let is_truncated = header[2] & 0x02 != 0;
    let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let question = &query[HEADER_LEN..];
    if count(4) == 0 && rcode != Rcode::NOERROR {
        // Some servers refuse without repeating the question.
        return Ok(Reply {
            rcode,
            is_truncated,
            records: Vec::new(),
        });
    }
    let asked = message.get(HEADER_LEN..query.len()).ok_or(NoReply::Stray)?;
    // Letters may change their case on the way; type and class hold none that could.
    if count(4) != 1 || !asked.eq_ignore_ascii_case(question) {
        return Err(NoReply::Stray);
    }
    let records = match is_truncated {
        true => Vec::new(),
        false => read_records(message, query.len(), usize::from(count(6)), rtype)?,
    };
    Ok(Reply {
        rcode,
        is_truncated,
        records,
    })
}

fn read_records(
    message: &[u8],
    mut at: usize,
    count: usize,
    rtype: Rtype,
) -> Result<Vec<Vec<u8>>, NoReply> {
    let mut records = Vec::new();
    for _ in 0..count.min(RECORDS_MAX) {
        at = expand_name(message, at, &mut Vec::new()).ok_or(NoReply::Broken)?;
        let fixed = message.get(at..at + 10).ok_or(NoReply::Broken)?;
        let number = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let (start, length) = (at + 10, usize::from(number(8)));
        at = start + length;
        if at > message.len() {
            return Err(NoReply::Broken);
        }
        if Rtype(number(0)) == rtype && number(2) == CLASS_IN {
            records.push(plain_rdata(message, start, at, rtype).ok_or(NoReply::Broken)?);
        }
    }
    Ok(records)
}

/// Writes RDATA with its names in full and in lower case. Only the types of RFC 1035 may hold compressed names
/// (RFC 3597, section 4); SRV is read so as well, since some servers compress it.
pub(super) fn plain_rdata(
    message: &[u8],
    start: usize,
    end: usize,
    rtype: Rtype,
) -> Option<Vec<u8>> {
    let (before, names) = match rtype {
        Rtype::CNAME | Rtype::NS | Rtype::PTR => (0, 1),
        Rtype::MX => (2, 1),
        Rtype::SRV => (6, 1),
        Rtype::SOA => (0, 2),
        _ => (0, 0),
    };
    let mut plain = message.get(start..start + before)?.to_vec();
    let mut at = start + before;
    for _ in 0..names {
        at = expand_name(message, at, &mut plain)?;
    }
    plain.extend_from_slice(message.get(at..end)?);
    Some(plain)
}

/// Appends a name in full and in lower case; returns where what follows it begins.
fn expand_name(message: &[u8], start: usize, out: &mut Vec<u8>) -> Option<usize> {
    let (mut at, mut after, mut pointers, from) = (start, None, 0, out.len());
    // Ends with the root label, with `NAME_MAX` octets or with `POINTERS_MAX` pointers.
    loop {
        let length = *message.get(at)?;
        match length & 0xc0 {
            0xc0 => {
                let low = *message.get(at + 1)?;
                let goal = usize::from(length & 0x3f) << 8 | usize::from(low);
                after.get_or_insert(at + 2);
                pointers += 1;
                if goal >= at || pointers > POINTERS_MAX {
                    return None;
                }
                at = goal;
            }
            0 => {
                let next = at + 1 + usize::from(length);
                let label = message.get(at..next)?;
                out.extend(label.iter().map(u8::to_ascii_lowercase));
                if out.len() - from > NAME_MAX {
                    return None;
                }
                if length == 0 {
                    return Some(after.unwrap_or(next));
                }
                at = next;
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Box<[u8]> {
        let name = crate::wire::Name::parse_absolute(text);
        name.expect("a name").octets().into()
    }

    /// A response with one record whose owner points at the question.
    fn response(query: &[u8], flags: [u8; 2], rtype: Rtype, rdata: &[u8]) -> Vec<u8> {
        let mut message = query.to_vec();
        message[2..4].copy_from_slice(&flags);
        message[7] = 1;
        message.extend_from_slice(&[0xc0, 12]);
        message.extend_from_slice(&rtype.0.to_be_bytes());
        message.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        message.extend_from_slice(&u16::try_from(rdata.len()).unwrap().to_be_bytes());
        message.extend_from_slice(rdata);
        message
    }

    #[test]
    fn reads_names_that_point_back() {
        let query = write_query(7, &name("WWW.Example.com."), Rtype::MX);
        // Preference 10, then `mail` and a pointer to `Example.com.` in the question.
        let message = response(&query, [0x84, 0], Rtype::MX, b"\x00\x0a\x04Mail\xc0\x10");
        let reply = read_reply(&query, Rtype::MX, &message).unwrap();
        assert_eq!(reply.rcode, Rcode::NOERROR);
        assert_eq!(
            reply.records,
            [b"\x00\x0a\x04mail\x07example\x03com\x00".to_vec()]
        );
    }

    #[test]
    fn takes_only_what_answers_the_question() {
        let query = write_query(7, &name("a.example."), Rtype::A);
        let good = response(&query, [0x81, 0x80], Rtype::A, &[192, 0, 2, 1]);
        let changed = |change: fn(&mut Vec<u8>)| {
            let mut message = good.clone();
            change(&mut message);
            read_reply(&query, Rtype::A, &message).map(|reply| reply.records.len())
        };
        type Change = fn(&mut Vec<u8>);
        let cases: [(Change, Result<usize, NoReply>); 8] = [
            (|_| {}, Ok(1)),
            (|message| message[1] = 8, Err(NoReply::Stray)),
            (|message| message[2] = 0, Err(NoReply::Stray)),
            (|message| message[13] = b'b', Err(NoReply::Stray)),
            (|message| message[13] = b'A', Ok(1)),
            (|message| message.truncate(5), Err(NoReply::Stray)),
            (
                |message| message.truncate(message.len() - 1),
                Err(NoReply::Broken),
            ),
            (|message| message[2] |= 2, Ok(0)),
        ];
        for (number, (change, wanted)) in cases.into_iter().enumerate() {
            assert_eq!(changed(change), wanted, "case {number}");
        }
    }

    #[test]
    fn ends_where_pointers_run_in_circles() {
        let query = write_query(7, &name("a.example."), Rtype::NS);
        let at = u8::try_from(query.len() + 12).unwrap();
        let message = response(&query, [0x84, 0], Rtype::NS, &[0xc0, at]);
        assert_eq!(
            read_reply(&query, Rtype::NS, &message),
            Err(NoReply::Broken)
        );
    }

    proptest! {
        #[test]
        fn takes_any_octets(tail: Vec<u8>, flags: [u8; 2], answers: u8) {
            let query = write_query(7, &name("a.example."), Rtype::MX);
            let mut message = query.clone();
            message[2..4].copy_from_slice(&flags);
            message[2] |= 0x80;
            message[7] = answers;
            message.extend_from_slice(&tail);
            let _ = read_reply(&query, Rtype::MX, &message);
        }
    }
}
