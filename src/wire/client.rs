//! Messages of our DNS clients, the `dns` check and the stub resolver: a query as octets, and the records of its reply.
//!
//! In: a question; octets from the network. Out: a query; what a reply holds of use to its question. Never here:
//! sockets, time, what a reply means.
//!
//! hickory-proto writes the query and reads header, question, names and numbers. Records are walked one by one: its
//! `Message` makes room for as many questions as a header claims, reads sections that no client of ours looks at, and
//! refuses a whole reply for one record of another type.

use hickory_proto::op::{Edns, Header, Message, MessageType, OpCode, Query as Question};
use hickory_proto::rr::{DNSClass, Name as WireName, RecordType};
use hickory_proto::serialize::binary::{
    BinDecodable as _, BinDecoder, BinEncodable as _, Restrict,
};

use super::code::{Rcode, Rtype};
use super::name::Name;

/// Most records of a section that are looked at. Chosen: far more than any set of addresses or mail servers.
const RECORDS_MAX: u16 = 512;

/// A query that one of our clients sends: recursion desired, class IN (RFC 1035, section 4.1).
#[derive(Clone, Debug)]
pub struct ClientQuery {
    /// Message id.
    pub id: u16,
    /// Name asked for.
    pub name: Name,
    /// Type asked for.
    pub rtype: Rtype,
    /// Octets that are taken in one datagram (RFC 6891), at least 512; without EDNS if absent.
    pub payload_size: Option<u16>,
}

/// Reply to a [`ClientQuery`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Response code of the header.
    pub rcode: Rcode,
    /// True if it was cut off (TC); its records are not read then.
    pub is_truncated: bool,
    /// True if it repeats the question; some servers refuse without, and such a reply has no records.
    pub has_question: bool,
    /// Answer section.
    pub answers: Vec<ReplyRecord>,
    /// Authority section; it may break off where the answer section is whole.
    pub authorities: Result<Vec<ReplyRecord>, NoReply>,
}

/// Record of class IN whose type is the one asked for, CNAME or SOA; others are passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyRecord {
    /// Owner name.
    pub owner: Name,
    /// Type.
    pub rtype: Rtype,
    /// TTL in seconds; one with the highest bit set counts as 0 (RFC 2181, section 8).
    pub ttl: u32,
    /// RDATA, its names in full.
    pub rdata: Vec<u8>,
}

/// Reason why octets are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoReply {
    /// They answer another question, or have no question.
    Stray,
    /// They break off or contradict themselves.
    Broken,
}

impl ClientQuery {
    /// Returns the query as octets.
    pub fn octets(&self) -> Vec<u8> {
        let mut message = Message::new(self.id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        let name = WireName::from_bytes(self.name.octets()).expect("a name is well formed");
        message.add_query(Question::query(name, RecordType::from(self.rtype.0)));
        if let Some(size) = self.payload_size {
            let mut edns = Edns::new();
            edns.set_max_payload(size);
            message.set_edns(edns);
        }
        message.to_vec().expect("one question fits a message")
    }

    /// Reads the reply to this query.
    ///
    /// # Errors
    /// If the octets are no reply, or one to another question.
    pub fn read_reply(&self, octets: &[u8]) -> Result<Reply, NoReply> {
        let mut decoder = BinDecoder::new(octets);
        let header = Header::read(&mut decoder).map_err(|_| NoReply::Stray)?;
        let is_response =
            header.message_type == MessageType::Response && header.op_code == OpCode::Query;
        if header.id != self.id || !is_response {
            return Err(NoReply::Stray);
        }
        let mut reply = Reply {
            rcode: Rcode(u16::from(header.response_code)),
            is_truncated: header.truncation,
            has_question: header.counts.queries > 0,
            answers: Vec::new(),
            authorities: Ok(Vec::new()),
        };
        if !reply.has_question && reply.rcode != Rcode::NOERROR {
            return Ok(reply);
        }
        if header.counts.queries != 1 || !self.is_asked_by(&mut decoder) {
            return Err(NoReply::Stray);
        }
        if reply.is_truncated {
            return Ok(reply);
        }
        let counts = header.counts;
        reply.answers = self.read_section(&mut decoder, counts.answers)?;
        reply.authorities = match counts.answers {
            ..=RECORDS_MAX => self.read_section(&mut decoder, counts.authorities),
            // It begins after records that were not looked at.
            _ => Err(NoReply::Broken),
        };
        Ok(reply)
    }

    /// Returns whether the question that follows is this query's; letters may change their case on the way.
    fn is_asked_by(&self, decoder: &mut BinDecoder<'_>) -> bool {
        let Some(name) = read_name(decoder) else {
            return false;
        };
        let numbers = [decoder.read_u16(), decoder.read_u16()];
        let [Ok(rtype), Ok(class)] = numbers.map(|number| number.map(Restrict::unverified)) else {
            return false;
        };
        name == self.name && rtype == self.rtype.0 && class == u16::from(DNSClass::IN)
    }

    fn read_section(
        &self,
        decoder: &mut BinDecoder<'_>,
        count: u16,
    ) -> Result<Vec<ReplyRecord>, NoReply> {
        let mut records = Vec::new();
        for _ in 0..count.min(RECORDS_MAX) {
            records.extend(self.read_record(decoder).ok_or(NoReply::Broken)?);
        }
        Ok(records)
    }

    /// Reads one record; `None` inside if it is of no use to the question.
    fn read_record(&self, decoder: &mut BinDecoder<'_>) -> Option<Option<ReplyRecord>> {
        let owner = read_name(decoder)?;
        let rtype = Rtype(decoder.read_u16().ok()?.unverified());
        let class = decoder.read_u16().ok()?.unverified();
        let ttl = decoder.read_u32().ok()?.unverified();
        let length = decoder.read_u16().ok()?.unverified();
        let is_of_use = [self.rtype, Rtype::CNAME, Rtype::SOA].contains(&rtype);
        if !is_of_use || class != u16::from(DNSClass::IN) {
            decoder.read_slice(usize::from(length)).ok()?;
            return Some(None);
        }
        Some(Some(ReplyRecord {
            owner,
            rtype,
            ttl: if ttl > i32::MAX as u32 { 0 } else { ttl },
            rdata: read_rdata(decoder, rtype, usize::from(length))?,
        }))
    }
}

/// Reads RDATA and writes its names in full. Only the types of RFC 1035 may hold compressed names (RFC 3597, section 4);
/// SRV is read so as well, since some servers compress it.
fn read_rdata(decoder: &mut BinDecoder<'_>, rtype: Rtype, length: usize) -> Option<Vec<u8>> {
    let end = decoder.index() + length;
    let (before, names) = match rtype {
        Rtype::CNAME | Rtype::NS | Rtype::PTR => (0, 1),
        Rtype::MX => (2, 1),
        Rtype::SRV => (6, 1),
        Rtype::SOA => (0, 2),
        _ => (0, 0),
    };
    let mut rdata = decoder.read_slice(before).ok()?.unverified().to_vec();
    for _ in 0..names {
        rdata.extend_from_slice(read_name(decoder)?.octets());
    }
    let rest = end.checked_sub(decoder.index())?;
    rdata.extend_from_slice(decoder.read_slice(rest).ok()?.unverified());
    Some(rdata)
}

/// Reads a name that may be compressed. Each pointer leads before the name that holds it, so that no message keeps the
/// reader longer than one way back through 16,384 octets a name (RFC 1035, section 4.1.4).
fn read_name(decoder: &mut BinDecoder<'_>) -> Option<Name> {
    let octets = WireName::read(decoder).ok()?.to_bytes().ok()?;
    let (name, _) = Name::from_wire(&octets).ok()?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn query(name: &str, rtype: Rtype) -> ClientQuery {
        ClientQuery {
            id: 7,
            name: Name::parse_absolute(name).expect("a name"),
            rtype,
            payload_size: None,
        }
    }

    /// A reply with one record whose owner points at the question.
    fn reply(query: &ClientQuery, flags: [u8; 2], rdata: &[u8]) -> Vec<u8> {
        let mut message = query.octets();
        message[2..4].copy_from_slice(&flags);
        message[7] = 1;
        message.extend_from_slice(&[0xc0, 12]);
        message.extend_from_slice(&query.rtype.0.to_be_bytes());
        message.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        message.extend_from_slice(&u16::try_from(rdata.len()).unwrap().to_be_bytes());
        message.extend_from_slice(rdata);
        message
    }

    #[test]
    fn writes_a_question_with_and_without_edns() {
        let mut query = query("a.Example.", Rtype::AAAA);
        let plain =
            b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07Example\x00\x00\x1c\x00\x01";
        assert_eq!(query.octets(), plain);
        query.payload_size = Some(1232);
        let mut extended = plain.to_vec();
        extended[11] = 1;
        extended.extend_from_slice(&[0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(query.octets(), extended);
    }

    #[test]
    fn reads_names_that_point_back() {
        let query = query("WWW.Example.com.", Rtype::MX);
        // Preference 10, then `Mail` and a pointer to `Example.com.` in the question.
        let message = reply(&query, [0x84, 0], b"\x00\x0a\x04Mail\xc0\x10");
        let reply = query.read_reply(&message).unwrap();
        assert_eq!(reply.rcode, Rcode::NOERROR);
        assert_eq!(reply.answers.len(), 1);
        assert_eq!(
            reply.answers[0].rdata,
            b"\x00\x0a\x04Mail\x07Example\x03com\x00"
        );
    }

    #[test]
    fn takes_only_what_answers_the_question() {
        let query = query("a.example.", Rtype::A);
        let good = reply(&query, [0x81, 0x80], &[192, 0, 2, 1]);
        let changed = |change: fn(&mut Vec<u8>)| {
            let mut message = good.clone();
            change(&mut message);
            query.read_reply(&message).map(|reply| reply.answers.len())
        };
        type Change = fn(&mut Vec<u8>);
        let cases: [(&str, Change, Result<usize, NoReply>); 12] = [
            ("as it is", |_| {}, Ok(1)),
            ("another id", |message| message[1] = 8, Err(NoReply::Stray)),
            ("a query", |message| message[2] = 0, Err(NoReply::Stray)),
            (
                "an update",
                |message| message[2] |= 0x28,
                Err(NoReply::Stray),
            ),
            (
                "another name",
                |message| message[13] = b'b',
                Err(NoReply::Stray),
            ),
            ("another case", |message| message[13] = b'A', Ok(1)),
            (
                "another type",
                |message| message[24] = 28,
                Err(NoReply::Stray),
            ),
            (
                "another class",
                |message| message[26] = 3,
                Err(NoReply::Stray),
            ),
            (
                "two questions",
                |message| message[5] = 2,
                Err(NoReply::Stray),
            ),
            (
                "cut short",
                |message| message.truncate(5),
                Err(NoReply::Stray),
            ),
            (
                "an octet lost",
                |message| {
                    message.pop();
                },
                Err(NoReply::Broken),
            ),
            ("cut off", |message| message[2] |= 2, Ok(0)),
        ];
        for (title, change, wanted) in cases {
            assert_eq!(changed(change), wanted, "{title}");
        }
    }

    #[test]
    fn takes_a_refusal_without_a_question_and_no_success() {
        let query = query("a.example.", Rtype::A);
        let cases = [
            (5, Ok(Rcode::REFUSED)),
            (3, Ok(Rcode::NXDOMAIN)),
            (0, Err(NoReply::Stray)),
        ];
        for (rcode, wanted) in cases {
            let message = [0, 7, 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0];
            let read = query.read_reply(&message);
            assert!(read.as_ref().map_or(true, |reply| !reply.has_question));
            assert_eq!(read.map(|reply| reply.rcode), wanted, "{rcode}");
        }
    }

    #[test]
    fn passes_over_records_of_other_types_and_broken_authorities() {
        let query = query("a.example.", Rtype::A);
        let mut message = reply(&query, [0x84, 0], &[192, 0, 2, 1]);
        message[7] = 2;
        message[9] = 1;
        // An MX without room for its preference, then octets that are no record.
        message.extend_from_slice(&[0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 60, 0, 1, 9]);
        message.extend_from_slice(&[0xc0, 0xff]);
        let reply = query.read_reply(&message).unwrap();
        assert_eq!(reply.answers.len(), 1);
        assert_eq!(reply.authorities, Err(NoReply::Broken));
    }

    #[test]
    fn ends_where_pointers_run_in_circles() {
        let query = query("a.example.", Rtype::NS);
        let at = u8::try_from(query.octets().len() + 12).unwrap();
        let message = reply(&query, [0x84, 0], &[0xc0, at]);
        assert_eq!(query.read_reply(&message), Err(NoReply::Broken));
    }

    #[test]
    fn reads_the_longest_way_back_through_pointers() {
        // Each pointer leads to the one before, up to the farthest that a pointer reaches, for as many records as count.
        let query = query("a.example.", Rtype::TXT);
        let mut message = reply(&query, [0x84, 0], &[]);
        message[6..8].copy_from_slice(&u16::MAX.to_be_bytes());
        let mut before = 12u16;
        let mut chain = Vec::new();
        let start = message.len() + 12;
        while start + chain.len() + 2 < 1 << 14 {
            chain.extend_from_slice(&(0xc000 | before).to_be_bytes());
            before = (start + chain.len() - 2) as u16;
        }
        let length = u16::try_from(chain.len()).unwrap();
        message.extend_from_slice(&[0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0]);
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(&chain);
        for _ in 0..RECORDS_MAX {
            message.extend_from_slice(&(0xc000 | before).to_be_bytes());
            message.extend_from_slice(&[0, 16, 0, 1, 0, 0, 0, 0, 0, 0]);
        }
        let reply = query.read_reply(&message).unwrap();
        assert_eq!(reply.answers.len(), usize::from(RECORDS_MAX));
        assert!(
            reply
                .answers
                .iter()
                .all(|record| record.owner == query.name)
        );
    }

    proptest! {
        #[test]
        fn takes_any_octets(tail: Vec<u8>, flags: [u8; 2], counts: [u8; 2]) {
            for rtype in [Rtype::MX, Rtype::SOA, Rtype::A] {
                let query = query("a.example.", rtype);
                let mut message = query.octets();
                message[2..4].copy_from_slice(&flags);
                message[2] |= 0x80;
                message[7] = counts[0];
                message[9] = counts[1];
                message.extend_from_slice(&tail);
                let _ = query.read_reply(&message);
                let _ = query.read_reply(&tail);
            }
        }
    }
}
