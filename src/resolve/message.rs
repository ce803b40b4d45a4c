//! DNS messages as a stub resolver needs them: a question written, the chain and the addresses of an answer read.
//!
//! In: a question; octets from the network. Out: a query; where the aliases of a response lead, and the addresses there.
//! Never here: sockets, time, trust in anything that does not belong to the question.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::{HEADER_LEN, NAME_MAX, Name, Rcode, Rtype};

/// Most records of a response that are looked at.
const RECORDS_MAX: usize = 512;
/// Most pointers that are followed in one name; each leads backwards (RFC 1035, section 4.1.4).
const POINTERS_MAX: usize = 32;
/// Most aliases from the name asked to its addresses, in one response or several.
pub(super) const CHAIN_MAX: usize = 16;
/// Octets that we take in one datagram (RFC 9715, section 3.2).
const PAYLOAD_SIZE: u16 = 1232;
const CLASS_IN: u16 = 1;

/// Whether a query says that it takes large datagrams (RFC 6891).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    Offered,
    /// For servers that answer FORMERR to the other.
    Left,
}

/// What a response says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) rcode: Rcode,
    /// Whether it was cut off (TC); then it says nothing else.
    pub(super) is_truncated: bool,
    /// Names that aliases lead to, in order.
    pub(super) aliases: Vec<Name>,
    /// Addresses of the last of them, or of the name asked.
    pub(super) addresses: Vec<IpAddr>,
    /// Smallest TTL on the way, or of the negative answer (RFC 2308, section 5); none without records.
    pub(super) ttl: Option<u32>,
    /// Whether it proves that there is no more: an SOA stands in it (RFC 2308, section 2).
    pub(super) is_negative: bool,
}

/// Why octets are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoResponse {
    /// They answer another question, or none.
    Stray,
    /// They break off or contradict themselves.
    Broken,
}

/// Writes a query: recursion desired (RFC 1035, section 4.1).
pub(super) fn write_query(id: u16, name: &Name, rtype: Rtype, extension: Extension) -> Vec<u8> {
    let mut octets = Vec::with_capacity(HEADER_LEN + name.octets().len() + 15);
    octets.extend_from_slice(&id.to_be_bytes());
    let additional = u8::from(extension == Extension::Offered);
    octets.extend_from_slice(&[0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, additional]);
    octets.extend_from_slice(name.octets());
    octets.extend_from_slice(&rtype.0.to_be_bytes());
    octets.extend_from_slice(&CLASS_IN.to_be_bytes());
    if extension == Extension::Offered {
        octets.extend_from_slice(&[0, 0, 41]);
        octets.extend_from_slice(&PAYLOAD_SIZE.to_be_bytes());
        octets.extend_from_slice(&[0; 6]);
    }
    octets
}

/// One record, its RDATA still in the message.
struct Record {
    owner: Name,
    rtype: Rtype,
    ttl: u32,
    start: usize,
    end: usize,
}

/// Reads the response to a query for the addresses of a name.
pub(super) fn read_response(
    id: u16,
    name: &Name,
    rtype: Rtype,
    message: &[u8],
) -> Result<Response, NoResponse> {
    let header = message.get(..HEADER_LEN).ok_or(NoResponse::Stray)?;
    let is_response = header[2] & 0x80 != 0 && header[2] & 0x78 == 0;
    if header[..2] != id.to_be_bytes() || !is_response {
        return Err(NoResponse::Stray);
    }
    let count = |at: usize| usize::from(u16::from_be_bytes([header[at], header[at + 1]]));
    let mut response = Response {
        rcode: Rcode(u16::from(header[3] & 0x0f)),
        is_truncated: header[2] & 0x02 != 0,
        aliases: Vec::new(),
        addresses: Vec::new(),
        ttl: None,
        is_negative: false,
    };
    // Some servers refuse without repeating the question.
    if count(4) == 0 && response.rcode != Rcode::NOERROR && response.rcode != Rcode::NXDOMAIN {
        return Ok(response);
    }
    let (asked, mut at) = read_name(message, HEADER_LEN).ok_or(NoResponse::Stray)?;
    let fixed = message.get(at..at + 4).ok_or(NoResponse::Stray)?;
    let [high, low] = rtype.0.to_be_bytes();
    if count(4) != 1 || asked != *name || fixed != [high, low, 0, 1] {
        return Err(NoResponse::Stray);
    }
    at += 4;
    if response.is_truncated {
        return Ok(response);
    }
    let mut answers = Vec::new();
    for _ in 0..count(6).min(RECORDS_MAX) {
        let (record, next) = read_record(message, at).ok_or(NoResponse::Broken)?;
        answers.extend(record);
        at = next;
    }
    follow(message, name, rtype, &answers, &mut response).ok_or(NoResponse::Broken)?;
    if response.addresses.is_empty() {
        let mut negative = None;
        for _ in 0..count(8).min(RECORDS_MAX) {
            let (record, next) = read_record(message, at).ok_or(NoResponse::Broken)?;
            let soa = record.filter(|record| record.rtype == Rtype::SOA);
            negative = negative.or_else(|| soa.and_then(|soa| negative_ttl(message, &soa)));
            at = next;
        }
        response.is_negative = negative.is_some();
        response.ttl = match (response.ttl, negative) {
            (Some(alias), Some(negative)) => Some(alias.min(negative)),
            (alias, negative) => negative.or(alias),
        };
    }
    Ok(response)
}

/// Follows aliases from the name asked; what hangs on other names is not looked at.
fn follow(
    message: &[u8],
    name: &Name,
    rtype: Rtype,
    answers: &[Record],
    response: &mut Response,
) -> Option<()> {
    let mut at = name.clone();
    for _ in 0..CHAIN_MAX {
        let mut own = answers.iter().filter(|record| record.owner == at);
        let Some(alias) = own.clone().find(|record| record.rtype == Rtype::CNAME) else {
            for record in own.by_ref().filter(|record| record.rtype == rtype) {
                let address = read_address(rtype, &message[record.start..record.end])?;
                if !response.addresses.contains(&address) {
                    response.addresses.push(address);
                }
                response.ttl = Some(response.ttl.map_or(record.ttl, |ttl| ttl.min(record.ttl)));
            }
            return Some(());
        };
        let (target, end) = read_name(message, alias.start)?;
        if end != alias.end {
            return None;
        }
        response.ttl = Some(response.ttl.map_or(alias.ttl, |ttl| ttl.min(alias.ttl)));
        response.aliases.push(target.clone());
        at = target;
    }
    // A circle, or a chain as long: whoever asked sees its length.
    Some(())
}

/// Reads a record; one of another class than IN is passed over.
fn read_record(message: &[u8], at: usize) -> Option<(Option<Record>, usize)> {
    let (owner, at) = read_name(message, at)?;
    let fixed = message.get(at..at + 10)?;
    let number = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    let start = at + 10;
    let end = start + usize::from(number(8));
    if end > message.len() {
        return None;
    }
    let ttl = u32::from(number(4)) << 16 | u32::from(number(6));
    let record = Record {
        owner,
        rtype: Rtype(number(0)),
        // With the highest bit set it means 0 (RFC 2181, section 8).
        ttl: if ttl > i32::MAX as u32 { 0 } else { ttl },
        start,
        end,
    };
    Some(((number(2) == CLASS_IN).then_some(record), end))
}

fn read_address(rtype: Rtype, rdata: &[u8]) -> Option<IpAddr> {
    match rtype {
        Rtype::A => <[u8; 4]>::try_from(rdata)
            .ok()
            .map(|octets| Ipv4Addr::from(octets).into()),
        _ => <[u8; 16]>::try_from(rdata)
            .ok()
            .map(|octets| Ipv6Addr::from(octets).into()),
    }
}

/// The smaller of the SOA's own TTL and its last field (RFC 2308, section 5).
fn negative_ttl(message: &[u8], soa: &Record) -> Option<u32> {
    let last = message.get(soa.end.checked_sub(4)?.max(soa.start)..soa.end)?;
    let minimum = u32::from_be_bytes(last.try_into().ok()?);
    Some(minimum.min(soa.ttl))
}

/// Reads a name that may be compressed; returns where what follows it begins.
fn read_name(message: &[u8], start: usize) -> Option<(Name, usize)> {
    let mut octets = Vec::new();
    let (mut at, mut after, mut pointers) = (start, None, 0);
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
                octets.extend_from_slice(message.get(at..next)?);
                if octets.len() > NAME_MAX {
                    return None;
                }
                if length == 0 {
                    let (name, _) = Name::from_wire(&octets).ok()?;
                    return Some((name, after.unwrap_or(next)));
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

    fn name(text: &str) -> Name {
        Name::parse_absolute(text).expect("a name")
    }

    /// A response to `question A` with records given as owner, type, TTL, RDATA.
    fn response(question: &str, answers: &[(&str, Rtype, u32, &[u8])]) -> Vec<u8> {
        let mut message = write_query(7, &name(question), Rtype::A, Extension::Left);
        message[2] |= 0x80;
        message[7] = answers.len() as u8;
        for (owner, rtype, ttl, rdata) in answers {
            message.extend_from_slice(name(owner).octets());
            message.extend_from_slice(&rtype.0.to_be_bytes());
            message.extend_from_slice(&[0, 1]);
            message.extend_from_slice(&ttl.to_be_bytes());
            message.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
            message.extend_from_slice(rdata);
        }
        message
    }

    fn read(message: &[u8]) -> Result<Response, NoResponse> {
        read_response(7, &name("a.example."), Rtype::A, message)
    }

    #[test]
    fn follows_the_chain_and_nothing_beside_it() {
        let (b, c) = (name("b.example."), name("c.example."));
        let message = response(
            "a.example.",
            &[
                ("x.example.", Rtype::A, 5, &[192, 0, 2, 66]),
                ("b.example.", Rtype::CNAME, 40, c.octets()),
                ("A.example.", Rtype::CNAME, 300, b.octets()),
                ("c.example.", Rtype::A, 60, &[192, 0, 2, 1]),
                ("c.example.", Rtype::A, 60, &[192, 0, 2, 2]),
                ("c.example.", Rtype::A, 60, &[192, 0, 2, 1]),
            ],
        );
        let found = read(&message).expect("an answer");
        assert_eq!(found.aliases, [b, c]);
        let shown: Vec<String> = found.addresses.iter().map(IpAddr::to_string).collect();
        assert_eq!(shown, ["192.0.2.1", "192.0.2.2"]);
        assert_eq!(found.ttl, Some(40));
    }

    #[test]
    fn a_circle_of_aliases_ends() {
        let (a, b) = (name("a.example."), name("b.example."));
        let message = response(
            "a.example.",
            &[
                ("a.example.", Rtype::CNAME, 9, b.octets()),
                ("b.example.", Rtype::CNAME, 9, a.octets()),
            ],
        );
        let found = read(&message).expect("an answer");
        assert_eq!((found.aliases.len(), found.addresses.len()), (CHAIN_MAX, 0));
    }

    #[test]
    fn a_negative_answer_lives_as_long_as_its_soa_says() {
        let mut message = response("a.example.", &[]);
        message[3] = 3;
        message[9] = 1;
        message.extend_from_slice(name("example.").octets());
        message.extend_from_slice(&[0, 6, 0, 1, 0, 0, 0x0e, 0x10, 0, 22, 0, 0]);
        message.extend_from_slice(&[0; 16]);
        message.extend_from_slice(&90u32.to_be_bytes());
        let found = read(&message).expect("an answer");
        assert_eq!((found.rcode, found.ttl), (Rcode::NXDOMAIN, Some(90)));
    }

    #[test]
    fn takes_only_what_answers_the_question() {
        let good = response(
            "a.example.",
            &[("a.example.", Rtype::A, 60, &[192, 0, 2, 1])],
        );
        let changed = |change: fn(&mut Vec<u8>)| {
            let mut message = good.clone();
            change(&mut message);
            read(&message).map(|found| found.addresses.len())
        };
        type Change = fn(&mut Vec<u8>);
        let cases: [(&str, Change, Result<usize, NoResponse>); 9] = [
            ("as it is", |_| {}, Ok(1)),
            (
                "another id",
                |message| message[1] = 8,
                Err(NoResponse::Stray),
            ),
            (
                "a query",
                |message| message[2] &= 0x7f,
                Err(NoResponse::Stray),
            ),
            (
                "another name",
                |message| message[13] = b'b',
                Err(NoResponse::Stray),
            ),
            ("another case", |message| message[13] = b'A', Ok(1)),
            (
                "another type",
                |message| message[24] = 28,
                Err(NoResponse::Stray),
            ),
            (
                "cut short",
                |message| message.truncate(5),
                Err(NoResponse::Stray),
            ),
            (
                "an octet lost",
                |message| {
                    message.pop();
                },
                Err(NoResponse::Broken),
            ),
            ("cut off", |message| message[2] |= 2, Ok(0)),
        ];
        for (title, change, wanted) in cases {
            assert_eq!(changed(change), wanted, "{title}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_octets(tail: Vec<u8>, flags: [u8; 2], answers: u8, authority: u8) {
            let mut message = response("a.example.", &[]);
            message[2] = flags[0] | 0x80;
            message[3] = flags[1];
            message[7] = answers;
            message[9] = authority;
            message.extend_from_slice(&tail);
            let _ = read(&message);
        }
    }
}
