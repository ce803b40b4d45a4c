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
        /// The canonical name of an alias.
        CNAME = 5 "CNAME",
        /// Start of authority.
        SOA = 6 "SOA",
        /// A pointer to another name.
        PTR = 12 "PTR",
        /// Host information.
        HINFO = 13 "HINFO",
        /// Mail exchange.
        MX = 15 "MX",
        /// Text strings.
        TXT = 16 "TXT",
        /// Responsible person.
        RP = 17 "RP",
        /// AFS data base location.
        AFSDB = 18 "AFSDB",
        /// An IPv6 address.
        AAAA = 28 "AAAA",
        /// Location information.
        LOC = 29 "LOC",
        /// Server selection.
        SRV = 33 "SRV",
        /// Naming authority pointer.
        NAPTR = 35 "NAPTR",
        /// Key exchanger.
        KX = 36 "KX",
        /// Certificate.
        CERT = 37 "CERT",
        /// Redirection of a subtree.
        DNAME = 39 "DNAME",
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
        /// Sender policy (obsolete, still seen).
        SPF = 99 "SPF",
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
        /// Transaction key.
        TKEY = 249 "TKEY",
        /// Transaction signature.
        TSIG = 250 "TSIG",
        /// Incremental transfer.
        IXFR = 251 "IXFR",
        /// Zone transfer.
        AXFR = 252 "AXFR",
        /// Any type (RFC 8482).
        ANY = 255 "ANY",
        /// Uniform resource identifier.
        URI = 256 "URI",
        /// Certification authority authorization.
        CAA = 257 "CAA",
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
