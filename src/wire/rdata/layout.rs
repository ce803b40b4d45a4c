//! Layout of the RDATA of each type: one table that text reader, text writer and checker all walk.
//!
//! In: a type. Out: its fields in order, the same in text and on the wire, and a sample. Never here: how a field is
//! read or written.

pub(super) use super::kind::{Kind, NameUse};
use super::rare::RARE;
use crate::wire::code::Rtype;

/// A field of a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Name of the field with its article: "a preference".
    pub(super) phrase: &'static str,
    /// Form of the field.
    pub(super) kind: Kind,
}

impl Field {
    /// Returns the phrase without its article and its encoding: "digest".
    pub(super) fn noun(&self) -> &'static str {
        let phrase = self.phrase.split(" in ").next().unwrap_or(self.phrase);
        ["a ", "an "]
            .iter()
            .find_map(|article| phrase.strip_prefix(article))
            .unwrap_or(phrase)
    }
}

/// The fields of a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// The type.
    pub(super) rtype: Rtype,
    /// Fields in order.
    pub(super) fields: &'static [Field],
    /// RDATA as one would write it, for messages; it parses.
    pub(super) sample: &'static str,
}

impl Layout {
    /// Lists the fields for a sentence: "a preference and a host".
    pub(super) fn describe(&self) -> String {
        let phrases: Vec<&str> = self.fields.iter().map(|field| field.phrase).collect();
        match phrases.split_last() {
            None => String::new(),
            Some((last, [])) => (*last).to_owned(),
            Some((last, before)) => format!("{} and {last}", before.join(", ")),
        }
    }
}

/// Finds the layout of a type; `None` if only RFC 3597 text can express it.
pub(super) fn find_layout(rtype: Rtype) -> Option<&'static Layout> {
    let find = |table: &'static [Layout]| {
        let at = table.binary_search_by_key(&rtype, |layout| layout.rtype);
        at.ok().and_then(|at| table.get(at))
    };
    find(LAYOUTS).or_else(|| find(RARE))
}

/// Returns whether a type is data of a zone, not a question type nor one of messages only (RFC 6895, section 3.1).
pub(super) fn is_data(rtype: Rtype) -> bool {
    !matches!(rtype.0, 0 | 41 | 128..=255)
}

pub(super) const fn field(phrase: &'static str, kind: Kind) -> Field {
    Field { phrase, kind }
}

pub(super) const fn layout(rtype: Rtype, sample: &'static str, fields: &'static [Field]) -> Layout {
    Layout {
        rtype,
        fields,
        sample,
    }
}

use Kind::{
    Algorithm, Base64, CertType, Gateway, GatewayKey, Hash, Hex, HostIdentity, Ipv4, Ipv6,
    Location, Mailbox, Node, Parameters, Prefixes, Salt, Seconds, Strings, Tag, Text, Timestamp,
    Types, U8, U16, U32,
};
use NameUse::{Compressible, Plain};

pub(super) const STRINGS: &[Field] = &[field("one or more strings", Strings)];
pub(super) const DS: &[Field] = &[
    field("a key tag", U16),
    field("an algorithm", Algorithm),
    field("a digest type", U8),
    field("a digest in hexadecimal", Hex),
];
const DNSKEY: &[Field] = &[
    field("flags", U16),
    field("a protocol", U8),
    field("an algorithm", Algorithm),
    field("a public key in Base64", Base64),
];
pub(super) const RRSIG: &[Field] = &[
    field("a covered type", Kind::Rtype),
    field("an algorithm", Algorithm),
    field("a label count", U8),
    field("an original TTL", Seconds),
    field("an expiration", Timestamp),
    field("an inception", Timestamp),
    field("a key tag", U16),
    field("a signer", Kind::Name(Plain)),
    field("a signature in Base64", Base64),
];
const TLSA: &[Field] = &[
    field("a certificate usage", U8),
    field("a selector", U8),
    field("a matching type", U8),
    field("data in hexadecimal", Hex),
];
const SVCB: &[Field] = &[
    field("a priority", U16),
    field("a target", Kind::Name(Plain)),
    field("parameters", Parameters),
];
pub(super) const PREFERENCE: Field = field("a preference", U16);
pub(super) const DS_SAMPLE: &str =
    "12345 13 2 49FD46E6C4B45C55D4AC0D8A1D0B2E5C6E7F8A9B0C1D2E3F405162738495A6B7";
const DNSKEY_SAMPLE: &str = "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=";

/// The layouts of everyday types by ascending type; `rare` has the others.
pub(super) const LAYOUTS: &[Layout] = &[
    layout(Rtype::A, "192.0.2.1", &[field("an IPv4 address", Ipv4)]),
    layout(
        Rtype::NS,
        "ns1",
        &[field("a name server", Kind::Name(Compressible))],
    ),
    layout(
        Rtype::CNAME,
        "www",
        &[field("a target", Kind::Name(Compressible))],
    ),
    layout(
        Rtype::SOA,
        "ns1 hostmaster 1 1h 15m 2w 5m",
        &[
            field("a first name server", Kind::Name(Compressible)),
            field("a mailbox", Mailbox(Compressible)),
            field("a serial", U32),
            field("a refresh time", Seconds),
            field("a retry time", Seconds),
            field("an expiry time", Seconds),
            field("a negative TTL", Seconds),
        ],
    ),
    layout(
        Rtype::PTR,
        "www.example.com.",
        &[field("a name", Kind::Name(Compressible))],
    ),
    layout(
        Rtype::HINFO,
        "\"RFC8482\" \"\"",
        &[
            field("a CPU string", Kind::String),
            field("an OS string", Kind::String),
        ],
    ),
    layout(
        Rtype::MX,
        "10 mail",
        &[PREFERENCE, field("a host", Kind::Name(Compressible))],
    ),
    layout(Rtype::TXT, "\"v=spf1 -all\"", STRINGS),
    layout(
        Rtype::RP,
        "admin about",
        &[
            field("a mailbox", Mailbox(Plain)),
            field("a name of TXT records", Kind::Name(Plain)),
        ],
    ),
    layout(
        Rtype::AFSDB,
        "1 afs",
        &[field("a subtype", U16), field("a host", Kind::Name(Plain))],
    ),
    layout(
        Rtype::AAAA,
        "2001:db8::1",
        &[field("an IPv6 address", Ipv6)],
    ),
    layout(
        Rtype::LOC,
        "52 22 23 N 4 53 32 E -2m",
        &[field("a location", Location)],
    ),
    layout(
        Rtype::SRV,
        "10 60 5060 sip",
        &[
            field("a priority", U16),
            field("a weight", U16),
            field("a port", U16),
            field("a target", Kind::Name(Plain)),
        ],
    ),
    layout(
        Rtype::NAPTR,
        "100 10 \"s\" \"SIP+D2U\" \"\" _sip._udp",
        &[
            field("an order", U16),
            PREFERENCE,
            field("flags", Kind::String),
            field("services", Kind::String),
            field("a regular expression", Kind::String),
            field("a replacement", Kind::Name(Plain)),
        ],
    ),
    layout(
        Rtype::KX,
        "10 kx",
        &[PREFERENCE, field("a host", Kind::Name(Plain))],
    ),
    layout(
        Rtype::CERT,
        "PKIX 0 0 MIIB",
        &[
            field("a certificate type", CertType),
            field("a key tag", U16),
            field("an algorithm", Algorithm),
            field("a certificate in Base64", Base64),
        ],
    ),
    layout(
        Rtype::DNAME,
        "example.net.",
        &[field("a target", Kind::Name(Plain))],
    ),
    layout(
        Rtype::APL,
        "1:192.0.2.0/24 !1:192.0.2.64/28",
        &[field("address prefixes", Prefixes)],
    ),
    layout(Rtype::DS, DS_SAMPLE, DS),
    layout(
        Rtype::SSHFP,
        "4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789",
        &[
            field("an algorithm", U8),
            field("a fingerprint type", U8),
            field("a fingerprint in hexadecimal", Hex),
        ],
    ),
    layout(
        Rtype::IPSECKEY,
        "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
        &[
            field("a precedence", U8),
            field("a gateway type", U8),
            field("an algorithm", U8),
            field("a gateway", Gateway),
            field("a public key in Base64", GatewayKey),
        ],
    ),
    layout(
        Rtype::RRSIG,
        "A 13 2 300 20260201000000 20260101000000 12345 example.com. AQID",
        RRSIG,
    ),
    layout(
        Rtype::NSEC,
        "www A RRSIG NSEC",
        &[
            field("a next name", Kind::Name(Plain)),
            field("types", Types),
        ],
    ),
    layout(Rtype::DNSKEY, DNSKEY_SAMPLE, DNSKEY),
    layout(
        Rtype::DHCID,
        "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
        &[field("an identifier in Base64", Base64)],
    ),
    layout(
        Rtype::NSEC3,
        "1 0 0 - 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A RRSIG",
        &[
            field("a hash algorithm", U8),
            field("flags", U8),
            field("iterations", U16),
            field("a salt", Salt),
            field("a next hashed name", Hash),
            field("types", Types),
        ],
    ),
    layout(
        Rtype::NSEC3PARAM,
        "1 0 0 -",
        &[
            field("a hash algorithm", U8),
            field("flags", U8),
            field("iterations", U16),
            field("a salt", Salt),
        ],
    ),
    layout(
        Rtype::TLSA,
        "3 1 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971",
        TLSA,
    ),
    layout(
        Rtype::SMIMEA,
        "3 1 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971",
        TLSA,
    ),
    layout(
        Rtype::HIP,
        "2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc rvs.example.com.",
        &[
            field(
                "an algorithm, a HIT in hexadecimal, a public key in Base64",
                HostIdentity,
            ),
            field("names of rendezvous servers", Kind::Names),
        ],
    ),
    layout(Rtype::CDS, DS_SAMPLE, DS),
    layout(Rtype::CDNSKEY, DNSKEY_SAMPLE, DNSKEY),
    layout(
        Rtype::OPENPGPKEY,
        "mQINBFUq",
        &[field("a public key in Base64", Base64)],
    ),
    layout(
        Rtype::CSYNC,
        "66 3 A NS AAAA",
        &[
            field("a serial", U32),
            field("flags", U16),
            field("types", Types),
        ],
    ),
    layout(
        Rtype::ZONEMD,
        "1 1 1 C68090D90A7AED716BC459F9340E3D7C1370D4D24B7E2FC3A1DDC0B9A87153B9A9713B3C9AE5CC27777F98B8E730044C",
        &[
            field("a serial", U32),
            field("a scheme", U8),
            field("a hash algorithm", U8),
            field("a digest in hexadecimal", Hex),
        ],
    ),
    layout(Rtype::SVCB, "1 . alpn=dot port=853", SVCB),
    layout(Rtype::HTTPS, "1 . alpn=h2,h3", SVCB),
    layout(Rtype::SPF, "\"v=spf1 -all\"", STRINGS),
    layout(
        Rtype::NID,
        "10 0014:4fff:ff20:ee64",
        &[PREFERENCE, field("a node identifier", Node)],
    ),
    layout(
        Rtype::L32,
        "10 192.0.2.1",
        &[PREFERENCE, field("a 32-bit locator", Ipv4)],
    ),
    layout(
        Rtype::L64,
        "10 2001:0db8:1140:1000",
        &[PREFERENCE, field("a 64-bit locator", Node)],
    ),
    layout(
        Rtype::LP,
        "10 l64-subnet",
        &[PREFERENCE, field("a name", Kind::Name(Plain))],
    ),
    layout(
        Rtype::EUI48,
        "00-00-5e-00-53-2a",
        &[field("an EUI-48", Kind::Eui(6))],
    ),
    layout(
        Rtype::EUI64,
        "00-00-5e-ef-10-00-00-2a",
        &[field("an EUI-64", Kind::Eui(8))],
    ),
    layout(
        Rtype::URI,
        "10 1 \"https://www.example.com/\"",
        &[
            field("a priority", U16),
            field("a weight", U16),
            field("a URI", Text),
        ],
    ),
    layout(
        Rtype::CAA,
        "0 issue \"ca.example.net\"",
        &[
            field("flags", U8),
            field("a tag", Tag),
            field("a value", Text),
        ],
    ),
];

/// Returns every layout, for tests that try them all.
#[cfg(test)]
pub(super) fn every_layout() -> Vec<&'static Layout> {
    LAYOUTS.iter().chain(RARE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_layout_and_describes_it() {
        assert!(LAYOUTS.is_sorted_by_key(|layout| layout.rtype));
        for layout in every_layout() {
            assert!(is_data(layout.rtype));
            assert!(find_layout(layout.rtype).is_some(), "{}", layout.rtype);
        }
        let mx = find_layout(Rtype::MX).expect("a layout");
        assert_eq!(mx.describe(), "a preference and a host");
        assert_eq!(mx.fields[1].noun(), "host");
    }

    #[test]
    fn has_a_layout_for_every_data_type_with_a_mnemonic() {
        for (rtype, text) in Rtype::KNOWN {
            let is_opaque = super::super::rare::OPAQUE.contains(rtype);
            let wanted = is_data(*rtype) && !is_opaque;
            assert_eq!(find_layout(*rtype).is_some(), wanted, "{text}");
        }
    }
}
