//! Code points: RR types, classes, opcodes, rcodes. One table each (IANA DNS parameters).

use std::fmt;

macro_rules! code_points {
    ($(#[$doc:meta])* $name:ident($width:ty) { $($(#[$each:meta])* $constant:ident = $value:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $width);

        impl $name {
            $($(#[$each])* pub const $constant: Self = Self($value);)*

            /// Every code point that has a mnemonic.
            pub const KNOWN: &'static [(Self, &'static str)] = &[$((Self($value), $text),)*];

            /// Returns the mnemonic, if the code point has one.
            pub fn mnemonic(self) -> Option<&'static str> {
                Self::KNOWN.iter().find(|(code, _)| *code == self).map(|(_, text)| *text)
            }
        }
    };
}

code_points! {
    /// An RR type (RFC 1035, section 3.2.2, and the IANA registry).
    Rtype(u16) {
        /// An IPv4 address.
        A = 1 "A",
        /// An authoritative name server.
        NS = 2 "NS",
        /// A mail destination (obsolete).
        MD = 3 "MD",
        /// A mail forwarder (obsolete).
        MF = 4 "MF",
        /// The canonical name of an alias.
        CNAME = 5 "CNAME",
        /// Start of authority.
        SOA = 6 "SOA",
        /// A mailbox host.
        MB = 7 "MB",
        /// A mail group member.
        MG = 8 "MG",
        /// A renamed mailbox.
        MR = 9 "MR",
        /// Anything (experimental).
        NULL = 10 "NULL",
        /// Well-known services.
        WKS = 11 "WKS",
        /// A pointer to another name.
        PTR = 12 "PTR",
        /// Host information.
        HINFO = 13 "HINFO",
        /// Mailbox or list information.
        MINFO = 14 "MINFO",
        /// Mail exchange.
        MX = 15 "MX",
        /// Text strings.
        TXT = 16 "TXT",
        /// Responsible person.
        RP = 17 "RP",
        /// AFS data base location.
        AFSDB = 18 "AFSDB",
        /// An X.25 address.
        X25 = 19 "X25",
        /// An ISDN address.
        ISDN = 20 "ISDN",
        /// Route through.
        RT = 21 "RT",
        /// An NSAP address.
        NSAP = 22 "NSAP",
        /// A pointer from an NSAP address.
        NSAP_PTR = 23 "NSAP-PTR",
        /// Signature before RRSIG, and of messages (RFC 2931).
        SIG = 24 "SIG",
        /// Public key before DNSKEY, and of messages.
        KEY = 25 "KEY",
        /// X.400 mapping.
        PX = 26 "PX",
        /// Geographical position.
        GPOS = 27 "GPOS",
        /// An IPv6 address.
        AAAA = 28 "AAAA",
        /// Location information.
        LOC = 29 "LOC",
        /// Next name before NSEC.
        NXT = 30 "NXT",
        /// Endpoint identifier.
        EID = 31 "EID",
        /// Nimrod locator.
        NIMLOC = 32 "NIMLOC",
        /// Server selection.
        SRV = 33 "SRV",
        /// An ATM address.
        ATMA = 34 "ATMA",
        /// Naming authority pointer.
        NAPTR = 35 "NAPTR",
        /// Key exchanger.
        KX = 36 "KX",
        /// Certificate.
        CERT = 37 "CERT",
        /// An IPv6 address in parts (historic).
        A6 = 38 "A6",
        /// Redirection of a subtree.
        DNAME = 39 "DNAME",
        /// The kitchen sink.
        SINK = 40 "SINK",
        /// EDNS pseudo record.
        OPT = 41 "OPT",
        /// Address prefix list.
        APL = 42 "APL",
        /// Delegation signer.
        DS = 43 "DS",
        /// SSH key fingerprint.
        SSHFP = 44 "SSHFP",
        /// IPsec key.
        IPSECKEY = 45 "IPSECKEY",
        /// Signature.
        RRSIG = 46 "RRSIG",
        /// Next secure.
        NSEC = 47 "NSEC",
        /// Public key.
        DNSKEY = 48 "DNSKEY",
        /// DHCP identifier.
        DHCID = 49 "DHCID",
        /// Hashed next secure.
        NSEC3 = 50 "NSEC3",
        /// Parameters of hashed denial.
        NSEC3PARAM = 51 "NSEC3PARAM",
        /// TLS certificate association.
        TLSA = 52 "TLSA",
        /// S/MIME certificate association.
        SMIMEA = 53 "SMIMEA",
        /// Host identity.
        HIP = 55 "HIP",
        /// Zone status.
        NINFO = 56 "NINFO",
        /// Key for NAPTR records.
        RKEY = 57 "RKEY",
        /// Trust anchor link.
        TALINK = 58 "TALINK",
        /// Child DS.
        CDS = 59 "CDS",
        /// Child DNSKEY.
        CDNSKEY = 60 "CDNSKEY",
        /// OpenPGP key.
        OPENPGPKEY = 61 "OPENPGPKEY",
        /// Child-to-parent synchronisation.
        CSYNC = 62 "CSYNC",
        /// Message digest over a zone.
        ZONEMD = 63 "ZONEMD",
        /// General service binding.
        SVCB = 64 "SVCB",
        /// Service binding for HTTPS.
        HTTPS = 65 "HTTPS",
        /// Endpoint for notifications about delegations.
        DSYNC = 66 "DSYNC",
        /// Hierarchical host identity tag.
        HHIT = 67 "HHIT",
        /// Broadcast identifier of an aircraft.
        BRID = 68 "BRID",
        /// Sender policy (obsolete, still seen).
        SPF = 99 "SPF",
        /// User information.
        UINFO = 100 "UINFO",
        /// User identifier.
        UID = 101 "UID",
        /// Group identifier.
        GID = 102 "GID",
        /// Unspecified.
        UNSPEC = 103 "UNSPEC",
        /// Node identifier.
        NID = 104 "NID",
        /// 32-bit locator.
        L32 = 105 "L32",
        /// 64-bit locator.
        L64 = 106 "L64",
        /// Locator pointer.
        LP = 107 "LP",
        /// 48-bit extended unique identifier.
        EUI48 = 108 "EUI48",
        /// 64-bit extended unique identifier.
        EUI64 = 109 "EUI64",
        /// The name does not exist; in NSEC bitmaps only (RFC 9824).
        NXNAME = 128 "NXNAME",
        /// Transaction key.
        TKEY = 249 "TKEY",
        /// Transaction signature.
        TSIG = 250 "TSIG",
        /// Incremental transfer.
        IXFR = 251 "IXFR",
        /// Zone transfer.
        AXFR = 252 "AXFR",
        /// A question for mailbox types.
        MAILB = 253 "MAILB",
        /// A question for mail agents (obsolete).
        MAILA = 254 "MAILA",
        /// Any type (RFC 8482).
        ANY = 255 "ANY",
        /// Uniform resource identifier.
        URI = 256 "URI",
        /// Certification authority authorization.
        CAA = 257 "CAA",
        /// Application visibility and control.
        AVC = 258 "AVC",
        /// Digital object architecture.
        DOA = 259 "DOA",
        /// Multicast tunnelling relay.
        AMTRELAY = 260 "AMTRELAY",
        /// Capabilities of a resolver.
        RESINFO = 261 "RESINFO",
        /// A wallet address.
        WALLET = 262 "WALLET",
        /// BP convergence layer adapter.
        CLA = 263 "CLA",
        /// BP node number.
        IPN = 264 "IPN",
        /// Trust anchor.
        TA = 32768 "TA",
        /// Lookaside validation (obsolete).
        DLV = 32769 "DLV",
    }
}

impl Rtype {
    /// Reads a mnemonic in any case, or `TYPEnnn` (RFC 3597, section 5).
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((code, _)) = Self::KNOWN
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(text))
        {
            return Some(*code);
        }
        let digits = text
            .get(..4)
            .filter(|head| head.eq_ignore_ascii_case("TYPE"))
            .and_then(|_| text.get(4..))?;
        digits.parse().ok().map(Self)
    }
}

impl fmt::Display for Rtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(text) => f.pad(text),
            None => f.pad(&format!("TYPE{}", self.0)),
        }
    }
}

impl fmt::Debug for Rtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

code_points! {
    /// A class (RFC 1035, section 3.2.4).
    Class(u16) {
        /// The Internet.
        IN = 1 "IN",
        /// Chaos.
        CH = 3 "CH",
        /// Hesiod.
        HS = 4 "HS",
        /// No class (RFC 2136).
        NONE = 254 "NONE",
        /// Any class.
        ANY = 255 "ANY",
    }
}

code_points! {
    /// An operation code (RFC 1035, section 4.1.1; IANA registry).
    Opcode(u8) {
        /// A standard query.
        QUERY = 0 "QUERY",
        /// Zone change notification.
        NOTIFY = 4 "NOTIFY",
        /// Dynamic update.
        UPDATE = 5 "UPDATE",
    }
}

code_points! {
    /// A response code (RFC 1035, section 4.1.1; IANA registry). Values above 15 need EDNS.
    Rcode(u16) {
        /// No error.
        NOERROR = 0 "NOERROR",
        /// The message could not be understood.
        FORMERR = 1 "FORMERR",
        /// The server failed.
        SERVFAIL = 2 "SERVFAIL",
        /// The name does not exist.
        NXDOMAIN = 3 "NXDOMAIN",
        /// Not implemented.
        NOTIMP = 4 "NOTIMP",
        /// Refused by policy.
        REFUSED = 5 "REFUSED",
        /// A name that should not exist does: a DNAME substitution grew too long (RFC 6672, section 2.2).
        YXDOMAIN = 6 "YXDOMAIN",
        /// Not authoritative.
        NOTAUTH = 9 "NOTAUTH",
        /// Unsupported EDNS version (RFC 6891, section 6.1.3).
        BADVERS = 16 "BADVERS",
        /// Bad or missing server cookie (RFC 7873).
        BADCOOKIE = 23 "BADCOOKIE",
    }
}

macro_rules! show_code {
    ($($name:ident),*) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.mnemonic() {
                    Some(text) => f.pad(text),
                    None => f.pad(&format!("{}{}", stringify!($name).to_ascii_uppercase(), self.0)),
                }
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    )* };
}
show_code!(Class, Opcode, Rcode);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_mnemonics_and_unknown_types() {
        assert_eq!(Rtype::parse("aaaa"), Some(Rtype::AAAA));
        assert_eq!(Rtype::parse("TYPE65280"), Some(Rtype(65280)));
        assert_eq!(Rtype::parse("TYPE65536"), None);
        assert_eq!(Rtype(65280).to_string(), "TYPE65280");
        assert_eq!(Rtype::parse("nonsense"), None);
    }
}
