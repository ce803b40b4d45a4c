//! Kind of a reply to the resolver: an answer, a referral, or neither.
//!
//! In: the zone that was asked, the question, a reply. Out: a [`Step`] with its TTL. Never here: sockets, caches.

use std::net::{IpAddr, SocketAddr};

use hickory_server::proto::op::{Message, ResponseCode};
use hickory_server::proto::rr::{LowerName, Name, RData, Record, RecordType};

/// Longest TTL of a record, seconds (chosen; RFC 8767, section 4 suggests days, and no lab runs as long).
const TTL_MAX: u32 = 86_400;
/// Longest TTL of a denial, seconds (RFC 2308, section 5: one to three hours).
const NEGATIVE_TTL_MAX: u32 = 10_800;

/// Records that answer a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) rcode: ResponseCode,
    pub(super) answers: Vec<Record>,
    /// The SOA of a denial.
    pub(super) authorities: Vec<Record>,
}

/// Name servers of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delegation {
    pub(super) zone: LowerName,
    pub(super) servers: Vec<SocketAddr>,
}

/// Kind of a reply, with its TTL in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The question is answered.
    Answer(Found, u32),
    /// Servers of a zone nearer to the name are known.
    Referral(Delegation, u32),
    /// The server is lame: it refuses, or does not serve the zone.
    Lame,
}

/// Reads a reply of a server of `zone` to a question about `name`; servers that a referral names are asked at `port`.
pub(super) fn read_reply(zone: &LowerName, name: &LowerName, reply: Message, port: u16) -> Step {
    let rcode = reply.metadata.response_code;
    if !matches!(rcode, ResponseCode::NoError | ResponseCode::NXDomain) {
        return Step::Lame;
    }
    // What lies outside the zone its server knows nothing of (RFC 5452, section 6).
    let answers: Vec<Record> = inside(zone, reply.answers).collect();
    let soa = |record: &Record| record.record_type() == RecordType::SOA;
    let authorities: Vec<Record> = inside(zone, reply.authorities).collect();
    if !answers.is_empty() || authorities.iter().any(soa) {
        let mut found = Found {
            rcode,
            answers,
            authorities: authorities.into_iter().filter(soa).collect(),
        };
        let ttl = limit_ttl(&mut found);
        return Step::Answer(found, ttl);
    }
    let glue: Vec<Record> = inside(zone, reply.additionals).collect();
    match read_referral((zone, name), &authorities, &glue, port) {
        Some((delegation, ttl)) => Step::Referral(delegation, ttl),
        None => Step::Lame,
    }
}

fn inside(zone: &LowerName, records: Vec<Record>) -> impl Iterator<Item = Record> {
    let is_inside = |record: &Record| zone.zone_of(&LowerName::new(&record.name));
    records.into_iter().filter(is_inside)
}

/// Brings the TTLs of an answer within bounds, and returns the lowest, seconds.
fn limit_ttl(found: &mut Found) -> u32 {
    for record in &mut found.answers {
        record.ttl = record.ttl.min(TTL_MAX);
    }
    for record in &mut found.authorities {
        if let RData::SOA(soa) = &record.data {
            record.ttl = record.ttl.min(soa.minimum).min(NEGATIVE_TTL_MAX);
        }
    }
    let all = found.answers.iter().chain(&found.authorities);
    all.map(|record| record.ttl).min().unwrap_or(0)
}

/// Reads name servers and their glue. The cut must lie below the zone that was asked, and the name at or below the cut:
/// each referral leads nearer to the name.
fn read_referral(
    (zone, name): (&LowerName, &LowerName),
    authorities: &[Record],
    glue: &[Record],
    port: u16,
) -> Option<(Delegation, u32)> {
    let names: Vec<(LowerName, &Name, u32)> = authorities
        .iter()
        .filter_map(|record| match &record.data {
            RData::NS(server) => Some((LowerName::new(&record.name), &server.0, record.ttl)),
            _ => None,
        })
        .collect();
    let cut = names.first().map(|(cut, ..)| cut.clone())?;
    if cut == *zone || !zone.zone_of(&cut) || !cut.zone_of(name) {
        return None;
    }
    let mut ttl = TTL_MAX;
    let mut servers = Vec::new();
    for (_, server, ns_ttl) in names.iter().filter(|(owner, ..)| *owner == cut) {
        for record in glue.iter().filter(|record| record.name == **server) {
            // The lab talks to loopback addresses only, whatever a zone file says.
            if let Some(ip) = record.data.ip_addr().filter(IpAddr::is_loopback) {
                servers.push(SocketAddr::new(ip, port));
                ttl = ttl.min(*ns_ttl).min(record.ttl);
            }
        }
    }
    let delegation = Delegation { zone: cut, servers };
    (!delegation.servers.is_empty()).then_some((delegation, ttl))
}

#[cfg(test)]
mod tests {
    use hickory_server::proto::op::{MessageType, OpCode};
    use hickory_server::proto::rr::rdata::{A, CNAME, NS, SOA};

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    fn lower(text: &str) -> LowerName {
        LowerName::new(&name(text))
    }

    fn ns(owner: &str, server: &str) -> Record {
        Record::from_rdata(name(owner), 60, RData::NS(NS(name(server))))
    }

    fn a(owner: &str, ttl: u32, address: [u8; 4]) -> Record {
        Record::from_rdata(name(owner), ttl, RData::A(A(address.into())))
    }

    fn soa(owner: &str, ttl: u32, minimum: u32) -> Record {
        let data = SOA::new(
            name("ns.example."),
            name("admin.example."),
            1,
            2,
            3,
            4,
            minimum,
        );
        Record::from_rdata(name(owner), ttl, RData::SOA(data))
    }

    fn reply(answers: Vec<Record>, authorities: Vec<Record>, additionals: Vec<Record>) -> Message {
        let mut message = Message::new(1, MessageType::Response, OpCode::Query);
        message.answers = answers;
        message.authorities = authorities;
        message.additionals = additionals;
        message
    }

    fn read(message: Message) -> Step {
        read_reply(
            &lower("example."),
            &lower("www.lab.example."),
            message,
            5300,
        )
    }

    #[test]
    fn follows_delegations_that_lead_nearer_and_have_glue_on_loopback() {
        let glue = |address| vec![a("ns1.lab.example.", 30, address)];
        let cases = [
            (
                "with glue",
                ns("lab.example.", "ns1.lab.example."),
                glue([127, 0, 0, 1]),
                true,
            ),
            (
                "without glue",
                ns("lab.example.", "ns1.lab.example."),
                vec![],
                false,
            ),
            (
                "elsewhere",
                ns("lab.example.", "ns1.lab.example."),
                glue([192, 0, 2, 1]),
                false,
            ),
            (
                "of the zone itself",
                ns("example.", "ns1.lab.example."),
                glue([127, 0, 0, 1]),
                false,
            ),
            (
                "upwards",
                ns(".", "ns1.lab.example."),
                glue([127, 0, 0, 1]),
                false,
            ),
            (
                "beside",
                ns("shop.example.", "ns1.lab.example."),
                glue([127, 0, 0, 1]),
                false,
            ),
        ];
        for (title, server, glue, is_followed) in cases {
            let step = read(reply(vec![], vec![server], glue));
            let wanted = match is_followed {
                false => Step::Lame,
                true => Step::Referral(
                    Delegation {
                        zone: lower("lab.example."),
                        servers: vec!["127.0.0.1:5300".parse().expect("an address")],
                    },
                    30,
                ),
            };
            assert_eq!(step, wanted, "{title}");
        }
    }

    #[test]
    fn keeps_answers_for_their_lowest_ttl_and_denials_for_that_of_the_soa() {
        let ttl = |step| match step {
            Step::Answer(_, ttl) => Some(ttl),
            _ => None,
        };
        let www = |ttl| a("www.lab.example.", ttl, [127, 0, 1, 1]);
        let cases = [
            ("two", reply(vec![www(5), www(7)], vec![], vec![]), Some(5)),
            (
                "very long",
                reply(vec![www(1 << 30)], vec![], vec![]),
                Some(TTL_MAX),
            ),
            (
                "no data",
                reply(vec![], vec![soa("lab.example.", 60, 9)], vec![]),
                Some(9),
            ),
            (
                "long denial",
                reply(vec![], vec![soa("lab.example.", 86_400, 86_400)], vec![]),
                Some(NEGATIVE_TTL_MAX),
            ),
            ("nothing", reply(vec![], vec![], vec![]), None),
            (
                "of others",
                reply(vec![a("www.invalid.", 5, [127, 0, 0, 9])], vec![], vec![]),
                None,
            ),
        ];
        for (title, message, wanted) in cases {
            assert_eq!(ttl(read(message)), wanted, "{title}");
        }
        let mut refused = reply(vec![www(5)], vec![], vec![]);
        refused.metadata.response_code = ResponseCode::Refused;
        assert_eq!(read(refused), Step::Lame);
        let alias = RData::CNAME(CNAME(name("www.lab.example.")));
        let alias = Record::from_rdata(name("alias.lab.example."), 3, alias);
        assert_eq!(
            ttl(read(reply(vec![alias, www(5)], vec![], vec![]))),
            Some(3)
        );
    }
}
