//! Layouts of types that few zones hold: old ones, experimental ones, and those that are new to most.
//!
//! In: nothing. Out: a table like that of `layout`, and the types that only RFC 3597 text can express. Never here:
//! types of everyday zones.

use super::layout::Kind::{
    Algorithm, Base64, Base64OrDash, Base64OrNone, Hex, HostSuffix, Ipv4, LongNumber, Mailbox,
    Name, Nsap, OldTypes, Ports, PrefixName, Protocol, Relay, RelayType, Rtype as TypeWord,
    String as Text, Strings, SyncScheme, U8, U16, U32,
};
use super::layout::NameUse::{Compressible, Plain};
use super::layout::{DS, DS_SAMPLE, Field, Layout, PREFERENCE, RRSIG, STRINGS, field, layout};
use crate::wire::code::Rtype;

/// Types with a mnemonic whose RDATA has no text form that servers agree on; the tests hold that no other is forgotten.
#[cfg(test)]
pub(super) const OPAQUE: &[Rtype] = &[
    Rtype::NULL,
    Rtype::ATMA,
    Rtype::UINFO,
    Rtype::UID,
    Rtype::GID,
    Rtype::UNSPEC,
];

const HOST: &[Field] = &[field("a host", Name(Compressible))];
const MAILBOX: &[Field] = &[field("a mailbox", Mailbox(Compressible))];
const KEY: &[Field] = &[
    field("flags", U16),
    field("a protocol", U8),
    field("an algorithm", Algorithm),
    field("a public key in Base64", Base64OrNone),
];
/// The layouts by ascending type.
pub(super) const RARE: &[Layout] = &[
    layout(Rtype::MD, "mail", HOST),
    layout(Rtype::MF, "mail", HOST),
    layout(Rtype::MB, "mail", HOST),
    layout(Rtype::MG, "admin", MAILBOX),
    layout(Rtype::MR, "admin", MAILBOX),
    layout(
        Rtype::WKS,
        "192.0.2.1 TCP 25 80",
        &[
            field("an IPv4 address", Ipv4),
            field("a protocol", Protocol),
            field("ports", Ports),
        ],
    ),
    layout(
        Rtype::MINFO,
        "admin errors",
        &[
            field("a mailbox", Mailbox(Compressible)),
            field("a mailbox for errors", Mailbox(Compressible)),
        ],
    ),
    layout(Rtype::X25, "311061700956", &[field("an address", Text)]),
    layout(
        Rtype::ISDN,
        "150862028003217 004",
        &[field("an address and perhaps a subaddress", Strings)],
    ),
    layout(
        Rtype::RT,
        "10 relay",
        &[PREFERENCE, field("a host", Name(Plain))],
    ),
    layout(
        Rtype::NSAP,
        "0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00",
        &[field("an address in hexadecimal", Nsap)],
    ),
    layout(
        Rtype::NSAP_PTR,
        "www.example.com.",
        &[field("a name", Name(Plain))],
    ),
    layout(
        Rtype::SIG,
        "A 5 2 300 20260201000000 20260101000000 12345 example.com. AQID",
        RRSIG,
    ),
    layout(Rtype::KEY, "256 3 5 AQID", KEY),
    layout(
        Rtype::PX,
        "10 net2.it. prmd-net2.admdb.c-it.",
        &[
            PREFERENCE,
            field("a name of RFC 822", Name(Plain)),
            field("a name of X.400", Name(Plain)),
        ],
    ),
    layout(
        Rtype::GPOS,
        "-32.6882 116.8652 10.0",
        &[
            field("a longitude", Text),
            field("a latitude", Text),
            field("an altitude", Text),
        ],
    ),
    layout(
        Rtype::NXT,
        "www A SIG NXT",
        &[field("a next name", Name(Plain)), field("types", OldTypes)],
    ),
    layout(
        Rtype::EID,
        "E32C6F78163A9348",
        &[field("an identifier in hexadecimal", Hex)],
    ),
    layout(
        Rtype::NIMLOC,
        "75234159EAC45710",
        &[field("a locator in hexadecimal", Hex)],
    ),
    layout(
        Rtype::A6,
        "64 ::1 subnet",
        &[
            field("a prefix length", U8),
            field("an address suffix", HostSuffix),
            field("a name of the prefix", PrefixName),
        ],
    ),
    layout(
        Rtype::SINK,
        "1 0 0 AQID",
        &[
            field("a meaning", U8),
            field("a coding", U8),
            field("a subcoding", U8),
            field("content in Base64", Base64OrNone),
        ],
    ),
    layout(Rtype::NINFO, "\"status=ok\"", STRINGS),
    layout(Rtype::RKEY, "0 255 1 AQID", KEY),
    layout(
        Rtype::TALINK,
        "before after",
        &[
            field("a previous name", Name(Plain)),
            field("a next name", Name(Plain)),
        ],
    ),
    layout(
        Rtype::DSYNC,
        "CDS NOTIFY 5359 cds-scanner",
        &[
            field("a type", TypeWord),
            field("a scheme", SyncScheme),
            field("a port", U16),
            field("a target", Name(Plain)),
        ],
    ),
    layout(Rtype::HHIT, "AQID", &[field("an entity in Base64", Base64)]),
    layout(
        Rtype::BRID,
        "AQID",
        &[field("an identifier in Base64", Base64)],
    ),
    layout(Rtype::AVC, "\"app-name:WOLFGANG\"", STRINGS),
    layout(
        Rtype::DOA,
        "0 1 2 \"text/html\" AQID",
        &[
            field("an enterprise number", U32),
            field("an object type", U32),
            field("a location type", U8),
            field("a media type", Text),
            field("an object in Base64", Base64OrDash),
        ],
    ),
    layout(
        Rtype::AMTRELAY,
        "10 0 1 203.0.113.15",
        &[
            field("a precedence", U8),
            field("a discovery bit and a relay type", RelayType),
            field("a relay", Relay),
        ],
    ),
    layout(Rtype::RESINFO, "qnamemin exterr=15-17", STRINGS),
    layout(Rtype::WALLET, "BTC 1example", STRINGS),
    layout(Rtype::CLA, "TCP-v4-v6", STRINGS),
    layout(
        Rtype::IPN,
        "4196183048",
        &[field("a node number", LongNumber)],
    ),
    layout(Rtype::TA, DS_SAMPLE, DS),
    layout(Rtype::DLV, DS_SAMPLE, DS),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_sorted_and_leaves_out_what_is_opaque() {
        assert!(RARE.is_sorted_by_key(|layout| layout.rtype));
        assert!(RARE.iter().all(|layout| !OPAQUE.contains(&layout.rtype)));
    }
}
