//! Our reading and writing against two other implementations: hickory-proto and domain.
//!
//! Every difference that we know of stands in a table with its reason; a difference elsewhere is a failure.

use domain::base::iana::Rtype as DomainRtype;
use domain::base::rdata::ComposeRecordData;
use domain::base::{ParsedName, rdata::ParseAnyRecordData};
use domain::dep::octseq::Parser;
use domain::rdata::AllRecordData;
use hickory_proto::rr::{RData, RecordType};
use hickory_proto::serialize::binary::{
    BinDecoder, BinEncodable, BinEncoder, NameEncoding, Restrict,
};

use super::cases::{GOOD, origin, rows};
use super::layout::every_layout;
use super::*;
use crate::wire::code::Rtype;
use crate::wire::name::Name;

/// All good rows and samples as octets.
fn samples() -> impl Iterator<Item = (Rtype, String, Box<[u8]>)> {
    let listed = rows(GOOD).map(|(rtype, text, _)| (rtype, text));
    let sampled = every_layout()
        .into_iter()
        .map(|layout| (layout.rtype, layout.sample));
    listed.chain(sampled).map(|(rtype, text)| {
        let parsed = parse_rdata(rtype, text, &origin()).expect(text);
        (rtype, text.to_owned(), parsed.octets)
    })
}

/// Types whose text hickory-proto 0.26 reads; it knows no other master-file form without its DNSSEC features.
const HICKORY_TEXT: &[Rtype] = &[
    Rtype::A,
    Rtype::NS,
    Rtype::CNAME,
    Rtype::SOA,
    Rtype::PTR,
    Rtype::HINFO,
    Rtype::MX,
    Rtype::TXT,
    Rtype::AAAA,
    Rtype::SRV,
    Rtype::NAPTR,
    Rtype::SSHFP,
    Rtype::TLSA,
    Rtype::SMIMEA,
    Rtype::OPENPGPKEY,
    Rtype::CSYNC,
    Rtype::SVCB,
    Rtype::HTTPS,
    Rtype::CAA,
];

/// Pieces of text that hickory-proto 0.26 reads otherwise or not at all, and why we differ.
const HICKORY_DIFFERS: &[(&str, &str)] = &[
    (
        "alpn=\"f",
        "keeps the backslashes of RFC 9460, appendix A.1",
    ),
    (
        "hello\\210",
        "takes `\\210` for a character and writes it as UTF-8; RFC 1035 says one octet",
    ),
    ("dohpath=", "does not know the key of RFC 9461"),
    ("ohttp", "does not know the key of RFC 9540"),
];

/// Pieces of text of records that hickory-proto 0.26 refuses.
const HICKORY_REFUSES: &[(&str, &str)] = &[(
    "contactphonenumber",
    "takes at most 15 octets in a tag of CAA, as RFC 6844 had it; RFC 8659, section 4.1, has no such bound",
)];

/// Pieces of text that domain 0.12 writes otherwise than RFC 9460 has them.
const DOMAIN_DIFFERS: &[(&str, &str)] = &[
    (
        "alpn=f",
        "leaves out the backslashes of RFC 9460, appendix A.1",
    ),
    (
        "alpn=\"f",
        "leaves out the backslashes of RFC 9460, appendix A.1",
    ),
    ("no-default-alpn", "writes `nodefaultalpn`"),
];

fn is_listed(table: &[(&str, &str)], text: &str) -> bool {
    table.iter().any(|(piece, _)| text.contains(piece))
}

#[test]
fn hickory_reads_our_octets_back() {
    let mut differences = Vec::new();
    for (rtype, text, octets) in samples() {
        if reads_back(rtype, &octets) == is_listed(HICKORY_REFUSES, &text) {
            differences.push(format!("{rtype} {text}"));
        }
    }
    assert_eq!(differences, [""; 0]);
}

/// Returns whether hickory-proto reads these octets and writes the same.
fn reads_back(rtype: Rtype, octets: &[u8]) -> bool {
    let Ok(length) = u16::try_from(octets.len()) else {
        return false;
    };
    let mut decoder = BinDecoder::new(octets);
    let Ok(rdata) = RData::read(
        &mut decoder,
        RecordType::from(rtype.0),
        Restrict::new(length),
    ) else {
        return false;
    };
    let mut written = Vec::with_capacity(octets.len());
    let mut encoder = BinEncoder::new(&mut written);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    rdata.emit(&mut encoder).is_ok() && written == octets
}

#[test]
fn hickory_reads_our_text_to_the_same_octets() {
    let mut differences = Vec::new();
    for (rtype, _, octets) in samples() {
        let text = rdata_text(rtype, &octets);
        let differs = is_listed(HICKORY_DIFFERS, &text) || is_listed(HICKORY_REFUSES, &text);
        if !HICKORY_TEXT.contains(&rtype) || differs {
            continue;
        }
        let Ok(rdata) = RData::try_from_str(RecordType::from(rtype.0), &text) else {
            differences.push(format!("{rtype} {text}: refused"));
            continue;
        };
        let mut written = Vec::new();
        let mut encoder = BinEncoder::new(&mut written);
        encoder.set_name_encoding(NameEncoding::Uncompressed);
        if rdata.emit(&mut encoder).is_err() || *written != *octets {
            differences.push(format!("{rtype} {text}: other octets"));
        }
    }
    assert_eq!(differences, [""; 0]);
}

#[test]
fn domain_reads_our_octets_back_and_we_read_its_text() {
    let mut differences = Vec::new();
    for (rtype, text, octets) in samples() {
        let mut parser = Parser::from_ref(&*octets);
        let parsed = AllRecordData::<&[u8], ParsedName<&[u8]>>::parse_any_rdata(
            DomainRtype::from_int(rtype.0),
            &mut parser,
        );
        let Ok(data) = parsed else {
            differences.push(format!("{rtype} {text}: refused"));
            continue;
        };
        let mut written: Vec<u8> = Vec::new();
        data.compose_rdata(&mut written).expect("room");
        if parser.remaining() > 0 || *written != *octets {
            differences.push(format!("{rtype} {text}: other octets"));
        }
        let shown = data.to_string();
        match parse_rdata(rtype, &shown, &Name::root()) {
            Ok(parsed) if parsed.octets == octets => {}
            _ if is_listed(DOMAIN_DIFFERS, &text) => {}
            other => differences.push(format!("{rtype} {text}: shown as {shown}: {other:?}")),
        }
    }
    assert_eq!(differences, [""; 0]);
}
