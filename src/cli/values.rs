//! Values that arguments carry: clients, prefixes, owner names, types.
//!
//! In: one word of the command line. Out: a value that cannot be wrong, or a sentence that says what to write. Never
//! here: looking anything up; whether a place or a reference exists is for `geo` and `config` to say.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use ipnet::IpNet;

use crate::lab::RegionSelection;
use crate::net::{self, PrefixFault};
use crate::wire::{Name, Rtype};

/// Default address of a running server's admin API.
pub(super) const SERVER_DEFAULT: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8053);

/// Client, as of `--from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientSource {
    /// A client by its address; its place is looked up.
    Address(IpAddr),
    /// A client known only by its place, for example `EU-DE`; not checked yet.
    Place(String),
}

impl fmt::Display for ClientSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Place(place) => f.write_str(place),
        }
    }
}

/// Source of the zones and health of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// A running server, as it is now.
    Server(SocketAddr),
    /// Zone files alone: every target healthy but those that are supposed otherwise.
    Zones(PathBuf),
}

impl Basis {
    /// Chooses the files that `--zones` names, else the running server that `--server` names, else the one here.
    pub fn choose(zones: Option<&PathBuf>, server: Option<SocketAddr>) -> Self {
        match zones {
            Some(zones) => Self::Zones(zones.clone()),
            None => Self::Server(server.unwrap_or(SERVER_DEFAULT)),
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(server) => write!(f, "from the running server at {server}, as it is now"),
            Self::Zones(zones) => {
                write!(f, "from the zone files in {}, all healthy", zones.display())
            }
        }
    }
}

impl ValueEnum for RegionSelection {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::EVERY
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()))
    }
}

/// Reads an address, or else takes the word for a place.
pub(super) fn parse_client(text: &str) -> Result<ClientSource, String> {
    if let Ok(address) = text.parse() {
        return Ok(ClientSource::Address(address));
    }
    let is_place_like =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_place_like {
        Ok(ClientSource::Place(text.to_ascii_uppercase()))
    } else {
        Err("write an address (192.0.2.7) or a place (EU, EU-DE, NA-US-CA)".to_owned())
    }
}

/// Reads `ADDRESS/LENGTH`; an address alone counts with all its bits.
pub(super) fn parse_prefix(text: &str) -> Result<IpNet, String> {
    net::parse_prefix(text).map_err(|fault| match fault {
        PrefixFault::Address => {
            "write a prefix such as 198.51.100.0/24 or 2001:db8::/56".to_owned()
        }
        PrefixFault::Length(bits) | PrefixFault::TooLong(bits) => {
            format!("the prefix length must lie between 0 and {bits}")
        }
        PrefixFault::HostBits(network) => {
            format!("bits after the prefix are set; write {network}")
        }
    })
}

/// Reads an owner name; the final dot may be left out.
pub(super) fn parse_owner(text: &str) -> Result<Name, String> {
    Name::parse_absolute(text).map_err(|fault| {
        let help = fault.help(text);
        let help = help
            .as_deref()
            .unwrap_or("write one such as www.example.com");
        format!("not a domain name ({fault}); {help}")
    })
}

/// Reads an RR type by its mnemonic or as `TYPEnnn`.
pub(super) fn parse_rtype(text: &str) -> Result<Rtype, String> {
    Rtype::parse(text)
        .ok_or_else(|| "not a record type; write one such as A, AAAA, MX, TXT or TYPE65".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_prefixes_and_names_the_cure_for_stray_bits() {
        let cases = [
            ("198.51.100.0/24", Ok("198.51.100.0/24")),
            ("198.51.100.7", Ok("198.51.100.7/32")),
            ("2001:db8::/56", Ok("2001:db8::/56")),
            ("0.0.0.0/0", Ok("0.0.0.0/0")),
            ("::/0", Ok("::/0")),
            ("198.51.100.7/24", Err("write 198.51.100.0/24")),
            ("198.51.100.0/33", Err("between 0 and 32")),
            ("2001:db8::/129", Err("between 0 and 128")),
            ("somewhere/24", Err("write a prefix such as")),
        ];
        for (text, wanted) in cases {
            match (parse_prefix(text), wanted) {
                (Ok(prefix), Ok(wanted)) => assert_eq!(prefix.to_string(), wanted, "{text}"),
                (Err(message), Err(part)) => assert!(message.contains(part), "{text}: {message}"),
                (got, wanted) => panic!("{text}: {got:?}, wanted {wanted:?}"),
            }
        }
    }

    #[test]
    fn takes_a_word_that_is_no_address_for_a_place() {
        let cases = [
            ("192.0.2.7", Ok("192.0.2.7")),
            ("2001:db8::7", Ok("2001:db8::7")),
            ("eu-de", Ok("EU-DE")),
            ("NA-US-CA", Ok("NA-US-CA")),
            ("192.0.2.7/24", Err(())),
            ("", Err(())),
        ];
        for (text, wanted) in cases {
            let got = parse_client(text).map(|client| client.to_string());
            assert_eq!(got.as_deref().map_err(|_| ()), wanted, "{text:?}");
        }
    }

    #[test]
    fn reads_owner_names_with_and_without_the_final_dot() {
        assert_eq!(
            parse_owner("www.example.com"),
            parse_owner("www.example.com.")
        );
        assert!(parse_owner("www..example.com").is_err());
        assert_eq!(parse_rtype("aaaa"), Ok(Rtype::AAAA));
        assert!(parse_rtype("QUUX").is_err());
    }
}
