//! Reader of one field of RDATA from text.
//!
//! In: a field of a layout and the tokens. Out: octets and names appended to the draft, or a fault at its token.
//! Never here: rules between fields; the checker has them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::encoding::Encoding;
use super::fault::{RdataFault, RdataFaultKind};
use super::layout::{Field, Kind};
use super::name_field::read_name;
use super::number::{ALGORITHMS, CERT_TYPES, read_decimal, read_seconds, read_timestamp};
use super::source::{Draft, Source, read_symbols, shown, wrong};
use super::txt::STRING_MAX;
use super::{bitmap, identity, location, prefix, svcb, unusual};
use crate::wire::code::Rtype;

type Taken = Result<(), RdataFault>;

/// Reads one field and appends its wire form.
pub(super) fn read_field(field: &Field, source: &mut Source<'_, '_>, draft: &mut Draft) -> Taken {
    match field.kind {
        Kind::U8 | Kind::U16 | Kind::U32 | Kind::Seconds | Kind::Timestamp => {
            read_number(field, source, draft)
        }
        Kind::Algorithm | Kind::CertType | Kind::Rtype => read_mnemonic(field, source, draft),
        Kind::Ipv4 | Kind::Ipv6 | Kind::Node | Kind::Eui(_) => read_address(field, source, draft),
        Kind::Name(_) | Kind::Mailbox(_) => {
            let token = source.take_word(field)?;
            read_name(field, token, source, draft)
        }
        Kind::Names => {
            for token in source.take_rest() {
                read_name(field, token, source, draft)?;
            }
            Ok(())
        }
        Kind::String | Kind::Strings | Kind::Text | Kind::Tag => read_text(field, source, draft),
        Kind::Base64 | Kind::Hex => {
            source.peek().ok_or_else(|| source.missing())?;
            let encoding = if field.kind == Kind::Hex {
                Encoding::Hex
            } else {
                Encoding::Base64
            };
            draft
                .octets
                .extend(read_symbols(encoding, source.take_rest())?);
            Ok(())
        }
        Kind::Base64OrDash if source.peek().is_some_and(|token| token.raw == "-") => {
            source.take().map(|_| ())
        }
        Kind::Base64OrNone | Kind::Base64OrDash => {
            draft
                .octets
                .extend(read_symbols(Encoding::Base64, source.take_rest())?);
            Ok(())
        }
        Kind::Salt | Kind::Hash => read_short_octets(field, source, draft),
        Kind::Types => bitmap::read(source, draft),
        Kind::OldTypes => bitmap::read_old(source, draft),
        Kind::Gateway => identity::read_gateway(field, source, draft),
        Kind::GatewayKey => identity::read_gateway_key(source, draft),
        Kind::HostIdentity => identity::read_host(source, draft),
        Kind::Prefixes => prefix::read(source, draft),
        Kind::Location => location::read(source, draft),
        Kind::Parameters => svcb::read_parameters(source, draft),
        Kind::Protocol
        | Kind::Ports
        | Kind::Nsap
        | Kind::HostSuffix
        | Kind::PrefixName
        | Kind::RelayType
        | Kind::Relay
        | Kind::SyncScheme
        | Kind::LongNumber => unusual::read(field, source, draft),
    }
}

fn read_number(field: &Field, source: &mut Source<'_, '_>, draft: &mut Draft) -> Taken {
    let token = source.take_word(field)?;
    let subject = source.subject(field.noun());
    let (value, wanted) = match field.kind {
        Kind::Seconds => (read_seconds(token.raw), "seconds or a time like `1h30m`"),
        Kind::Timestamp => (
            read_timestamp(token.raw),
            "a time like `20260131235959` between 1970 and 2106",
        ),
        Kind::U8 => (
            read_decimal(token.raw).filter(|&value| value <= 255),
            "a number from 0 to 255",
        ),
        Kind::U16 => (
            read_decimal(token.raw).filter(|&value| value <= 65_535),
            "a number from 0 to 65535",
        ),
        _ => (read_decimal(token.raw), "a number from 0 to 4294967295"),
    };
    let Some(value) = value else {
        let message = format!("{subject} must be {wanted}, not `{}`", shown(token.raw));
        let sample = source.layout.sample;
        return Err(wrong(RdataFaultKind::Number, token, message).help(format!(
            "{} is written like `{sample}`",
            source.layout.rtype
        )));
    };
    let octets = value.to_be_bytes();
    let width = match field.kind {
        Kind::U8 => 1,
        Kind::U16 => 2,
        _ => 4,
    };
    draft.octets.extend(octets.iter().skip(4 - width));
    Ok(())
}

fn read_mnemonic(field: &Field, source: &mut Source<'_, '_>, draft: &mut Draft) -> Taken {
    let token = source.take_word(field)?;
    let subject = source.subject(field.noun());
    let is_word = |word: &str| word.eq_ignore_ascii_case(token.raw);
    let number = read_decimal(token.raw);
    let fault = |wanted: &str| {
        let message = format!("{subject} must be {wanted}, not `{}`", shown(token.raw));
        wrong(RdataFaultKind::Number, token, message)
    };
    match field.kind {
        Kind::Algorithm => {
            let known = ALGORITHMS
                .iter()
                .find(|(_, word)| is_word(word))
                .map(|(code, _)| *code);
            let code = known
                .or_else(|| number.and_then(|number| u8::try_from(number).ok()))
                .ok_or_else(|| {
                    fault("a number from 0 to 255 or a mnemonic like `ECDSAP256SHA256`")
                })?;
            draft.octets.push(code);
        }
        Kind::CertType => {
            let known = CERT_TYPES
                .iter()
                .find(|(_, word)| is_word(word))
                .map(|(code, _)| *code);
            let code = known
                .or_else(|| number.and_then(|number| u16::try_from(number).ok()))
                .ok_or_else(|| fault("a number from 0 to 65535 or a mnemonic like `PKIX`"))?;
            draft.push_u16(code);
        }
        _ => {
            let rtype = Rtype::parse(token.raw)
                .ok_or_else(|| fault("a type like `AAAA` or `TYPE65280`"))?;
            draft.push_u16(rtype.0);
        }
    }
    Ok(())
}

fn read_address(field: &Field, source: &mut Source<'_, '_>, draft: &mut Draft) -> Taken {
    let token = source.take_word(field)?;
    let octets = match field.kind {
        Kind::Ipv4 => token
            .raw
            .parse::<Ipv4Addr>()
            .ok()
            .map(|address| address.octets().to_vec()),
        Kind::Ipv6 => token
            .raw
            .parse::<Ipv6Addr>()
            .ok()
            .map(|address| address.octets().to_vec()),
        Kind::Eui(size) => read_groups(token.raw, '-', 2, size),
        _ => read_groups(token.raw, ':', 4, 4),
    };
    if let Some(octets) = octets {
        draft.octets.extend(octets);
        return Ok(());
    }
    let found = shown(token.raw);
    let message = format!(
        "{} must be {}, not `{found}`",
        source.subject(field.noun()),
        match field.kind {
            Kind::Ipv4 => "four numbers from 0 to 255 with dots between",
            Kind::Ipv6 => "groups of hexadecimal digits with colons between",
            Kind::Eui(6) => "six pairs of hexadecimal digits with `-` between",
            Kind::Eui(_) => "eight pairs of hexadecimal digits with `-` between",
            _ => "four groups of one to four hexadecimal digits with `:` between",
        }
    );
    let fault = wrong(RdataFaultKind::Address, token, message);
    Err(match (field.kind, token.raw.parse::<IpAddr>()) {
        (Kind::Ipv4, Ok(_)) => fault.help("this is an IPv6 address: it belongs into AAAA"),
        (Kind::Ipv6, Ok(_)) => fault.help("this is an IPv4 address: it belongs into A"),
        _ => fault.help(format!("write it like `{}`", source.layout.sample)),
    })
}

/// Reads `count` groups of hexadecimal digits, up to `digits` each; groups of two digits must be full.
fn read_groups(text: &str, separator: char, digits: usize, count: usize) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(8);
    let mut groups = 0;
    for group in text.split(separator) {
        let is_full = group.len() == digits || (digits == 4 && (1..=4).contains(&group.len()));
        if !is_full || !group.bytes().all(|octet| octet.is_ascii_hexdigit()) {
            return None;
        }
        let value = u16::from_str_radix(group, 16).ok()?;
        octets.extend(value.to_be_bytes().iter().skip(2 - digits / 2));
        groups += 1;
    }
    (groups == count).then_some(octets)
}

fn read_text(field: &Field, source: &mut Source<'_, '_>, draft: &mut Draft) -> Taken {
    let subject = source.subject(field.noun());
    let first = source.take()?;
    let more = match field.kind {
        Kind::Strings => source.take_rest(),
        _ => &[],
    };
    for token in std::iter::once(first).chain(more) {
        let octets = token.to_octets()?;
        if field.kind != Kind::Text {
            let length = u8::try_from(octets.len()).map_err(|_| {
                let message = format!(
                    "a string has at most {STRING_MAX} octets, and this one {} ({subject})",
                    octets.len()
                );
                let help = "cut it into several strings: `\"first\" \"second\"`";
                wrong(RdataFaultKind::Text, token, message).help(help)
            })?;
            draft.octets.push(length);
        }
        draft.octets.extend(octets);
    }
    Ok(())
}

fn read_short_octets(field: &Field, source: &mut Source<'_, '_>, draft: &mut Draft) -> Taken {
    let token = source.take_word(field)?;
    let octets = match field.kind {
        Kind::Salt if token.raw == "-" => Vec::new(),
        Kind::Salt => read_symbols(Encoding::Hex, std::slice::from_ref(token))?,
        _ => read_symbols(Encoding::Base32Hex, std::slice::from_ref(token))?,
    };
    let length = u8::try_from(octets.len()).map_err(|_| {
        let message = format!("{} has at most 255 octets", source.subject(field.noun()));
        wrong(RdataFaultKind::Encoding, token, message)
    })?;
    draft.octets.push(length);
    draft.octets.extend(octets);
    Ok(())
}
