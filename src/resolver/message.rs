//! Replies as a stub resolver needs them: the chain and the addresses of an answer.
//!
//! In: the records of a reply. Out: where the aliases of a response lead, and the addresses there. Never here: sockets,
//! time, octets, trust in anything that does not belong to the question.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::{ClientQuery, Name, NoReply, Rcode, ReplyRecord, Rtype};

/// Most aliases from the name asked to its addresses, in one response or several.
pub(super) const CHAIN_MAX: usize = 16;

/// Content of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) rcode: Rcode,
    /// True if it was cut off (TC); its records are not to be used then.
    pub(super) is_truncated: bool,
    /// Names that aliases lead to, in order.
    pub(super) aliases: Vec<Name>,
    /// Addresses of the last alias, or of the name asked.
    pub(super) addresses: Vec<IpAddr>,
    /// Smallest TTL of the chain and of the negative answer (RFC 2308, section 5), seconds; `None` without records.
    pub(super) ttl: Option<u32>,
    /// True if it has no addresses and an SOA says so (RFC 2308, section 2).
    pub(super) is_negative: bool,
}

/// Reads the response to a query for the addresses of a name.
pub(super) fn read_response(query: &ClientQuery, message: &[u8]) -> Result<Response, NoReply> {
    let reply = query.read_reply(message)?;
    // Some servers refuse without repeating the question; that a name does not exist is said of a name.
    if !reply.has_question && reply.rcode == Rcode::NXDOMAIN {
        return Err(NoReply::Stray);
    }
    let mut response = Response {
        rcode: reply.rcode,
        is_truncated: reply.is_truncated,
        aliases: Vec::new(),
        addresses: Vec::new(),
        ttl: None,
        is_negative: false,
    };
    follow(query, &reply.answers, &mut response).ok_or(NoReply::Broken)?;
    if response.addresses.is_empty() {
        let authorities = reply.authorities?;
        let mut soas = authorities
            .iter()
            .filter(|record| record.rtype == Rtype::SOA);
        let negative = soas.find_map(negative_ttl);
        response.is_negative = negative.is_some();
        response.ttl = match (response.ttl, negative) {
            (Some(alias), Some(negative)) => Some(alias.min(negative)),
            (alias, negative) => negative.or(alias),
        };
    }
    Ok(response)
}

/// Follows aliases from the name asked, and ignores records of other names.
fn follow(query: &ClientQuery, answers: &[ReplyRecord], response: &mut Response) -> Option<()> {
    let mut at = query.name.clone();
    for _ in 0..CHAIN_MAX {
        let mut own = answers.iter().filter(|record| record.owner == at);
        let Some(alias) = own.clone().find(|record| record.rtype == Rtype::CNAME) else {
            for record in own.by_ref().filter(|record| record.rtype == query.rtype) {
                let address = read_address(query.rtype, &record.rdata)?;
                if !response.addresses.contains(&address) {
                    response.addresses.push(address);
                }
                response.ttl = Some(response.ttl.map_or(record.ttl, |ttl| ttl.min(record.ttl)));
            }
            return Some(());
        };
        let (target, length) = Name::from_wire(&alias.rdata).ok()?;
        if length != alias.rdata.len() {
            return None;
        }
        response.ttl = Some(response.ttl.map_or(alias.ttl, |ttl| ttl.min(alias.ttl)));
        response.aliases.push(target.clone());
        at = target;
    }
    // A circle, or a chain as long: whoever asked sees its length.
    Some(())
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
fn negative_ttl(soa: &ReplyRecord) -> Option<u32> {
    let minimum = u32::from_be_bytes(*soa.rdata.last_chunk()?);
    Some(minimum.min(soa.ttl))
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
        let mut message = query(question).octets();
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

    fn query(question: &str) -> ClientQuery {
        ClientQuery {
            id: 7,
            name: name(question),
            rtype: Rtype::A,
            payload_size: None,
        }
    }

    fn read(message: &[u8]) -> Result<Response, NoReply> {
        read_response(&query("a.example."), message)
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
    fn no_name_does_not_exist_without_a_question() {
        let refusal = |rcode| read(&[0, 7, 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(refusal(3), Err(NoReply::Stray));
        assert_eq!(refusal(5).map(|found| found.rcode), Ok(Rcode::REFUSED));
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
