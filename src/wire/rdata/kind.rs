//! The forms that fields of RDATA have.
//!
//! In: nothing. Out: one enum that reader, writer and checker match. Never here: what a form means in detail; the files
//! named after it know.

/// Compression of a name in messages (RFC 3597, section 4: only in types of RFC 1035).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameUse {
    /// RFC 1035 defined the type.
    Compressible,
    /// Always written in full.
    Plain,
}

/// The form of one field, in text and on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A decimal number of one octet.
    U8,
    /// A decimal number of two octets.
    U16,
    /// A decimal number of four octets.
    U32,
    /// Seconds in four octets; `1h30m` is read too, as other servers do.
    Seconds,
    /// A point in time in four octets, `YYYYMMDDHHmmSS` (RFC 4034, section 3.2).
    Timestamp,
    /// A DNSSEC algorithm by number or mnemonic.
    Algorithm,
    /// A CERT type by number or mnemonic (RFC 4398, section 2.1).
    CertType,
    /// An RR type by mnemonic or `TYPEnnn`.
    Rtype,
    /// Four octets.
    Ipv4,
    /// Sixteen octets.
    Ipv6,
    /// Eight octets as four groups of hexadecimal digits (RFC 6742).
    Node,
    /// Six or eight octets, `00-00-5e-00-53-2a` (RFC 7043).
    Eui(usize),
    /// A domain name.
    Name(NameUse),
    /// A domain name that stands for a mailbox (RFC 1035, section 8).
    Mailbox(NameUse),
    /// Any number of domain names.
    Names,
    /// A character-string.
    String,
    /// One or more character-strings.
    Strings,
    /// Letters and digits behind a length octet (RFC 8659, section 4.1).
    Tag,
    /// A string without a length, to the end.
    Text,
    /// Base64 to the end, at least one octet.
    Base64,
    /// Base64 to the end, or nothing.
    Base64OrNone,
    /// Base64 to the end, `-` if empty.
    Base64OrDash,
    /// Hexadecimal to the end, at least one octet.
    Hex,
    /// Hexadecimal behind a length octet, `-` if empty (RFC 5155, section 3.3).
    Salt,
    /// Base32hex behind a length octet (RFC 5155, section 3.3).
    Hash,
    /// RR types as a bitmap (RFC 4034, section 4.1.2).
    Types,
    /// RR types below 128 as one bitmap (RFC 2535, section 5.2).
    OldTypes,
    /// A protocol by number or name (RFC 1035, section 3.4.2).
    Protocol,
    /// Ports as a bitmap (RFC 1035, section 3.4.2).
    Ports,
    /// `0x` and hexadecimal with dots (RFC 1706).
    Nsap,
    /// The bits of an address behind a prefix (RFC 2874, section 3.1).
    HostSuffix,
    /// The name of a prefix, if there is a prefix (RFC 2874, section 3.1).
    PrefixName,
    /// Discovery bit and relay type (RFC 8777, section 4.2).
    RelayType,
    /// An address, name or nothing, by the relay type (RFC 8777, section 4.2.4).
    Relay,
    /// A DSYNC scheme by number or mnemonic (RFC 9859, section 2.1).
    SyncScheme,
    /// A decimal number of eight octets.
    LongNumber,
    /// An address, name or nothing, by the gateway type (RFC 4025, section 2.5).
    Gateway,
    /// Base64 to the end; nothing if the algorithm is 0 (RFC 4025, section 2.6).
    GatewayKey,
    /// Algorithm, HIT and public key (RFC 8005, section 5).
    HostIdentity,
    /// Address prefixes (RFC 3123).
    Prefixes,
    /// A place on Earth (RFC 1876).
    Location,
    /// Service parameters (RFC 9460, section 2.1).
    Parameters,
}
