//! A message of our engine in hickory's types, octet for octet apart from compression.
//!
//! In: the octets of a message. Out: a [`Reply`]. Never here: what a record means: RDATA passes unread, except for the
//! five types whose names our engine compresses.

use std::{iter, slice};

use hickory_server::proto::op::{Edns, Header, Metadata, Query};
use hickory_server::proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_server::proto::rr::rdata::{NULL, OPT, TSIG};
use hickory_server::proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_server::proto::serialize::binary::{BinDecodable, BinDecoder, DecodeError};
use hickory_server::zone_handler::{MessageResponse, MessageResponseBuilder, Queries};

/// A response that borrows its records.
type Response<'a> = MessageResponse<
    'a,
    'a,
    slice::Iter<'a, Record>,
    slice::Iter<'a, Record>,
    iter::Empty<&'a Record>,
    slice::Iter<'a, Record>,
>;

/// DO, the first of the flags of an OPT record (RFC 6891, section 6.1.4).
const DNSSEC_OK: u16 = 0x8000;

/// A message of our engine.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// True if it repeats the question.
    pub(super) has_question: bool,
    pub(super) metadata: Metadata,
    pub(super) answers: Vec<Record>,
    pub(super) authorities: Vec<Record>,
    pub(super) additionals: Vec<Record>,
    pub(super) edns: Option<Edns>,
    pub(super) signature: Option<Box<Record<TSIG>>>,
}

/// A record other than those of the message itself, or one of these.
enum Piece {
    Record(Box<Record>),
    Edns(Edns),
    Signature(Box<Record<TSIG>>),
}

impl Reply {
    /// Reads a message.
    ///
    /// # Errors
    /// If the octets are no message; our engine writes none such.
    pub(super) fn read(octets: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = BinDecoder::new(octets);
        let Header { metadata, counts } = Header::read(&mut decoder)?;
        for _ in 0..counts.queries {
            Query::read(&mut decoder)?;
        }
        let mut reply = Self {
            has_question: counts.queries > 0,
            metadata,
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
            edns: None,
            signature: None,
        };
        for (count, section) in [
            (counts.answers, &mut reply.answers),
            (counts.authorities, &mut reply.authorities),
            (counts.additionals, &mut reply.additionals),
        ] {
            for _ in 0..count {
                match read_piece(&mut decoder)? {
                    Piece::Record(record) => section.push(*record),
                    Piece::Edns(edns) => {
                        reply.metadata.merge_response_code(edns.rcode_high());
                        reply.edns = Some(edns);
                    }
                    Piece::Signature(signature) => reply.signature = Some(signature),
                }
            }
        }
        Ok(reply)
    }

    /// Returns it as hickory-server sends it, with this question.
    pub(super) fn response<'a>(&'a self, queries: &'a Queries) -> Response<'a> {
        let builder = MessageResponseBuilder::new(queries, self.edns.as_ref());
        let mut response = builder.build(
            self.metadata,
            &self.answers,
            &self.authorities,
            iter::empty(),
            &self.additionals,
        );
        if let Some(signature) = &self.signature {
            response.set_signature(signature.clone());
        }
        response
    }

    /// Takes all records away and sets TC: the client asks again by TCP.
    pub(super) fn truncate(&mut self) {
        self.metadata.truncation = true;
        self.answers.clear();
        self.authorities.clear();
        self.additionals.clear();
    }
}

fn read_piece(decoder: &mut BinDecoder<'_>) -> Result<Piece, DecodeError> {
    let name = Name::read(decoder)?;
    let rtype = RecordType::from(decoder.read_u16()?.unverified());
    let class = decoder.read_u16()?.unverified();
    let ttl = decoder.read_u32()?.unverified();
    let length = decoder.read_u16()?;
    match rtype {
        RecordType::OPT => {
            let options = decoder.read_slice(usize::from(length.unverified()))?;
            Ok(Piece::Edns(read_edns(class, ttl, options.unverified())))
        }
        // Names in these may end in a pointer (RFC 3597, section 4), which would lead elsewhere in another message.
        RecordType::NS
        | RecordType::CNAME
        | RecordType::SOA
        | RecordType::PTR
        | RecordType::MX
        | RecordType::TSIG => match RData::read(decoder, rtype, length)? {
            RData::TSIG(tsig) => {
                let mut record = Record::from_rdata(name, ttl, tsig);
                record.dns_class = DNSClass::from(class);
                Ok(Piece::Signature(Box::new(record)))
            }
            data => Ok(Piece::Record(Box::new(record(name, class, ttl, data)))),
        },
        rtype => {
            let octets = decoder
                .read_vec(usize::from(length.unverified()))?
                .unverified();
            let rdata = match octets.is_empty() {
                true => NULL::new(),
                false => NULL::with(octets),
            };
            let data = RData::Unknown { code: rtype, rdata };
            Ok(Piece::Record(Box::new(record(name, class, ttl, data))))
        }
    }
}

fn record(name: Name, class: u16, ttl: u32, data: RData) -> Record {
    let mut record = Record::from_rdata(name, ttl, data);
    record.dns_class = DNSClass::from(class);
    record
}

/// Reads an OPT record; its options pass as they are.
fn read_edns(class: u16, ttl: u32, mut options: &[u8]) -> Edns {
    let [rcode_high, version, flags_high, flags_low] = ttl.to_be_bytes();
    let flags = u16::from_be_bytes([flags_high, flags_low]);
    let mut edns = Edns::new();
    edns.set_max_payload(class)
        .set_rcode_high(rcode_high)
        .set_version(version)
        .set_dnssec_ok(flags & DNSSEC_OK != 0);
    edns.flags_mut().z = flags & !DNSSEC_OK;
    let mut list = Vec::new();
    while let Some((&[c0, c1, l0, l1], rest)) = options.split_first_chunk::<4>() {
        let (code, len) = (
            u16::from_be_bytes([c0, c1]),
            usize::from(u16::from_be_bytes([l0, l1])).min(rest.len()),
        );
        let (value, after) = rest.split_at(len);
        list.push((
            EdnsCode::from(code),
            EdnsOption::Unknown(code, value.to_vec()),
        ));
        options = after;
    }
    *edns.options_mut() = OPT::new(list);
    edns
}
