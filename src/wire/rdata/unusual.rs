//! Fields that only rare types have: WKS (RFC 1035), NSAP (RFC 1706), A6 (RFC 2874), AMTRELAY (RFC 8777), DSYNC
//! (RFC 9859), IPN.
//!
//! In: tokens or octets, with the octets before. Out: octets, lengths or text. Never here: fields of everyday types.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::encoding::Encoding;
use super::fault::{RdataFault, RdataFaultKind};
use super::flaw::{Flaw, fixed, name_length};
use super::layout::{Field, Kind};
use super::name_field::name_text;
use super::name_field::read_name;
use super::number::read_decimal;
use super::source::{Draft, Source, shown};
use crate::wire::text::Token;

type Taken = Result<(), RdataFault>;

/// Protocols by name (IANA protocol numbers); others are written as numbers.
const PROTOCOLS: &[(u8, &str)] = &[(1, "icmp"), (6, "tcp"), (17, "udp")];
/// Services by name that old WKS records use (RFC 1010); others are written as numbers.
const SERVICES: &[(u16, &str)] = &[
    (7, "echo"),
    (9, "discard"),
    (20, "ftp-data"),
    (21, "ftp"),
    (22, "ssh"),
    (23, "telnet"),
    (25, "smtp"),
    (37, "time"),
    (43, "whois"),
    (53, "domain"),
    (69, "tftp"),
    (79, "finger"),
    (80, "http"),
    (110, "pop3"),
    (119, "nntp"),
    (123, "ntp"),
    (143, "imap"),
    (443, "https"),
];
/// Octets of a bitmap of all ports.
const PORTS_OCTETS_MAX: usize = 8_192;
/// The bit of AMTRELAY that allows discovery (RFC 8777, section 4.2.2).
const DISCOVERY: u8 = 0x80;
/// The scheme of DSYNC with a mnemonic (RFC 9859, section 2.1).
const SCHEME_NOTIFY: (u8, &str) = (1, "NOTIFY");

fn wrong(source: &Source<'_, '_>, field: &Field, token: &Token<'_>, wanted: &str) -> RdataFault {
    let (subject, found) = (source.subject(field.noun()), shown(token.raw));
    let message = format!("{subject} must be {wanted}, not `{found}`");
    RdataFault::new(RdataFaultKind::Number, message).at(&token.range)
}

/// Reads one field of this file.
pub(super) fn read(field: &Field, source: &mut Source<'_, '_>, draft: &mut Draft) -> Taken {
    match field.kind {
        Kind::Ports => return read_ports(field, source, draft),
        Kind::Nsap => return read_nsap(field, source, draft),
        Kind::RelayType => return read_relay_type(field, source, draft),
        // RFC 2874, section 3.1: no suffix at length 128, no name at length 0.
        Kind::HostSuffix if draft.octets.first() == Some(&128) => return Ok(()),
        Kind::PrefixName if draft.octets.first() == Some(&0) => return Ok(()),
        _ => {}
    }
    let token = source.take_word(field)?;
    let fault = |wanted: &str| wrong(source, field, token, wanted);
    match field.kind {
        Kind::Protocol => draft.octets.push(
            named_or_number(PROTOCOLS, token.raw)
                .ok_or_else(|| fault("a number from 0 to 255, `tcp` or `udp`"))?,
        ),
        Kind::SyncScheme => draft.octets.push(
            named_or_number(&[SCHEME_NOTIFY], token.raw)
                .ok_or_else(|| fault("a number from 0 to 255 or `NOTIFY`"))?,
        ),
        Kind::LongNumber => {
            let number = token.raw.parse::<u64>().ok();
            let number = number
                .filter(|_| token.raw.bytes().all(|octet| octet.is_ascii_digit()))
                .ok_or_else(|| fault("a number from 0 to 18446744073709551615"))?;
            draft.octets.extend(number.to_be_bytes());
        }
        Kind::HostSuffix => {
            let length = draft.octets.first().copied().unwrap_or_default();
            let address = token.raw.parse::<Ipv6Addr>().ok();
            let suffix = address
                .and_then(|address| suffix_of(address, length))
                .ok_or_else(|| fault("an IPv6 address after a length up to 128"))?;
            draft.octets.extend(suffix);
        }
        Kind::Relay => return read_relay(field, token, source, draft),
        _ => return read_name(field, token, source, draft),
    }
    Ok(())
}

/// Reads a word of a table, or a number.
fn named_or_number<N: Copy + TryFrom<u32>>(table: &[(N, &str)], text: &str) -> Option<N> {
    let named = table
        .iter()
        .find(|(_, word)| word.eq_ignore_ascii_case(text));
    match named {
        Some((number, _)) => Some(*number),
        None => read_decimal(text).and_then(|number| N::try_from(number).ok()),
    }
}

fn read_ports(field: &Field, source: &mut Source<'_, '_>, draft: &mut Draft) -> Taken {
    let mut ports = BTreeSet::new();
    for token in source.take_rest() {
        let port = named_or_number(SERVICES, token.raw)
            .filter(|_| !token.is_quoted)
            .ok_or_else(|| wrong(source, field, token, "numbers from 0 to 65535"))?;
        ports.insert(usize::from(port));
    }
    let mut bits = vec![0_u8; ports.last().map_or(0, |last| last / 8 + 1)];
    for port in ports {
        if let Some(octet) = bits.get_mut(port / 8) {
            *octet |= 0x80 >> (port % 8);
        }
    }
    draft.octets.extend(bits);
    Ok(())
}

/// Reads `0x` and hexadecimal digits with dots anywhere (RFC 1706, section 7).
fn read_nsap(field: &Field, source: &mut Source<'_, '_>, draft: &mut Draft) -> Taken {
    let token = source.take_word(field)?;
    let digits = token
        .raw
        .strip_prefix("0x")
        .or_else(|| token.raw.strip_prefix("0X"));
    let digits = digits.map(|digits| digits.replace('.', ""));
    let octets = digits
        .filter(|digits| !digits.is_empty())
        .and_then(|digits| Encoding::Hex.decode(digits.as_bytes()).ok());
    let wanted = "`0x` and pairs of hexadecimal digits";
    draft
        .octets
        .extend(octets.ok_or_else(|| wrong(source, field, token, wanted))?);
    Ok(())
}

/// Reads the discovery bit and the relay type, which share an octet.
fn read_relay_type(field: &Field, source: &mut Source<'_, '_>, draft: &mut Draft) -> Taken {
    let discovery = source.take_word(field)?;
    let bit = match discovery.raw {
        "0" => 0,
        "1" => DISCOVERY,
        _ => return Err(wrong(source, field, discovery, "0 or 1 and a type")),
    };
    let relay = source.take_word(field)?;
    let number = read_decimal(relay.raw)
        .and_then(|number| u8::try_from(number).ok())
        .filter(|&number| number <= 3)
        .ok_or_else(|| wrong(source, field, relay, "0, 1 (IPv4), 2 (IPv6) or 3 (name)"))?;
    draft.octets.push(bit | number);
    Ok(())
}

/// Returns the relay type, which is in the second octet.
pub(super) fn relay_type(octets: &[u8]) -> Option<u8> {
    octets.get(1).map(|octet| octet & !DISCOVERY)
}

fn read_relay(
    field: &Field,
    token: &Token<'_>,
    source: &Source<'_, '_>,
    draft: &mut Draft,
) -> Taken {
    let fault = |wanted: &str| wrong(source, field, token, wanted);
    match relay_type(&draft.octets) {
        Some(0) if token.raw == "." => {}
        Some(0) => return Err(fault("`.`, as its type is 0")),
        Some(1) => {
            let address = token.raw.parse::<Ipv4Addr>();
            let address = address.map_err(|_| fault("an IPv4 address, as its type is 1"))?;
            draft.octets.extend(address.octets());
        }
        Some(2) => {
            let address = token.raw.parse::<Ipv6Addr>();
            let address = address.map_err(|_| fault("an IPv6 address, as its type is 2"))?;
            draft.octets.extend(address.octets());
        }
        _ => return read_name(field, token, source, draft),
    }
    Ok(())
}

/// Octets of an A6 suffix behind a prefix of so many bits.
fn suffix_octets(length: u8) -> Option<usize> {
    (length <= 128).then(|| usize::from(128 - length).div_ceil(8))
}

/// Bits of the first suffix octet that belong to the prefix.
fn pad_mask(length: u8) -> u8 {
    // At most seven bits are cut off.
    !(0xff >> (length % 8))
}

fn suffix_of(address: Ipv6Addr, length: u8) -> Option<Vec<u8>> {
    let octets = address.octets();
    let mut suffix = octets.get(16 - suffix_octets(length)?..)?.to_vec();
    if let Some(first) = suffix.first_mut() {
        *first &= !pad_mask(length);
    }
    Some(suffix)
}

/// Measures one field of this file.
pub(super) fn measure(kind: Kind, before: &[u8], rest: &[u8]) -> Result<usize, Flaw> {
    let length = before.first().copied().unwrap_or_default();
    match kind {
        Kind::Protocol | Kind::SyncScheme => fixed(rest, 1),
        Kind::LongNumber => fixed(rest, 8),
        Kind::Ports if rest.len() > PORTS_OCTETS_MAX => Err(Flaw::rule("are more than there are")),
        // One bitmap has one form only if its last octet says something.
        Kind::Ports if rest.last() == Some(&0) => Err(Flaw::rule("end in an empty octet")),
        Kind::Nsap if rest.is_empty() => Err(Flaw::rule("must not be empty")),
        Kind::RelayType => {
            fixed(rest, 1)?;
            match rest.first().map(|octet| octet & !DISCOVERY) {
                Some(0..=3) => Ok(1),
                _ => Err(Flaw::rule("has an unknown type")),
            }
        }
        Kind::Relay => match relay_type(before) {
            Some(0) => Ok(0),
            Some(1) => fixed(rest, 4),
            Some(2) => fixed(rest, 16),
            _ => name_length(rest),
        },
        Kind::HostSuffix => {
            let wanted = suffix_octets(length)
                .ok_or_else(|| Flaw::rule("follows a prefix longer than 128 bits"))?;
            fixed(rest, wanted)?;
            let is_clean = wanted == 0 || rest.first().is_some_and(|o| o & pad_mask(length) == 0);
            is_clean
                .then_some(wanted)
                .ok_or_else(|| Flaw::rule("has bits of the prefix"))
        }
        Kind::PrefixName if length == 0 => Ok(0),
        Kind::PrefixName => name_length(rest),
        _ => Ok(rest.len()),
    }
}

/// Writes one field of this file.
pub(super) fn text(kind: Kind, before: &[u8], octets: &[u8]) -> String {
    match kind {
        Kind::LongNumber => <[u8; 8]>::try_from(octets).map_or_else(
            |_| String::new(),
            |octets| u64::from_be_bytes(octets).to_string(),
        ),
        Kind::SyncScheme if octets == [SCHEME_NOTIFY.0] => SCHEME_NOTIFY.1.to_owned(),
        Kind::Protocol | Kind::SyncScheme => octets.iter().map(u8::to_string).collect(),
        Kind::Ports => ports_text(octets),
        Kind::Nsap => format!("0x{}", Encoding::Hex.encode(octets)),
        Kind::RelayType => octets
            .iter()
            .map(|octet| format!("{} {}", octet >> 7, octet & !DISCOVERY))
            .collect(),
        Kind::HostSuffix if octets.is_empty() => String::new(),
        Kind::HostSuffix => {
            let mut whole = [0; 16];
            let start = whole.len().saturating_sub(octets.len());
            for (to, from) in whole.iter_mut().skip(start).zip(octets) {
                *to = *from;
            }
            Ipv6Addr::from(whole).to_string()
        }
        Kind::Relay => match (relay_type(before), <[u8; 4]>::try_from(octets)) {
            (Some(0), _) => ".".to_owned(),
            (Some(1), Ok(octets)) => Ipv4Addr::from(octets).to_string(),
            (Some(2), _) => <[u8; 16]>::try_from(octets).map_or_else(
                |_| String::new(),
                |octets| Ipv6Addr::from(octets).to_string(),
            ),
            _ => name_text(octets),
        },
        _ if octets.is_empty() => String::new(),
        _ => name_text(octets),
    }
}

fn ports_text(octets: &[u8]) -> String {
    let bits = octets.iter().enumerate().flat_map(|(at, octet)| {
        (0..8_usize)
            .filter(move |bit| octet & (0x80 >> bit) != 0)
            .map(move |bit| (at * 8 + bit).to_string())
    });
    bits.collect::<Vec<_>>().join(" ")
}
