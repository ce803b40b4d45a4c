//! RDATA as master-file text (RFC 1035, section 5; RFC 3597, section 5).
//!
//! In: a type and any octets. Out: one line that [`parse_rdata`](super::parse_rdata) reads back to the same octets.
//! Never here: several lines; relative names (the caller of [`rdata_text_naming`] writes those itself).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::check::find_parts;
use super::encoding::Encoding;
use super::layout::{Kind, find_layout};
use super::number::{CERT_TYPES, timestamp_text};
use super::{bitmap, identity, location, prefix, svcb, unusual};
use crate::wire::code::Rtype;
use crate::wire::name::Name;
use crate::wire::text::push_quoted;

/// Writes RDATA as text, names absolute; types without a text form and broken octets as `\# length hex`.
///
/// ```
/// use leeward::wire::{Rtype, rdata_text};
/// assert_eq!(rdata_text(Rtype::A, &[192, 0, 2, 1]), "192.0.2.1");
/// assert_eq!(rdata_text(Rtype::A, &[192, 0]), "\\# 2 C000");
/// ```
pub fn rdata_text(rtype: Rtype, octets: &[u8]) -> String {
    rdata_text_naming(rtype, octets, &Name::to_string)
}

/// Writes RDATA as [`rdata_text`] does, but for the names in it: those are written by `write_name`, relative ones
/// for example.
pub fn rdata_text_naming(
    rtype: Rtype,
    octets: &[u8],
    write_name: &dyn Fn(&Name) -> String,
) -> String {
    let Some(layout) = find_layout(rtype) else {
        return generic_text(octets);
    };
    let Ok(parts) = find_parts(rtype, layout.fields, octets) else {
        return generic_text(octets);
    };
    let mut words = Vec::with_capacity(parts.len());
    for (field, part) in layout.fields.iter().zip(parts) {
        let before = octets.get(..part.start).unwrap_or_default();
        let part = octets.get(part).unwrap_or_default();
        let word = match field.kind {
            Kind::Name(_) | Kind::Mailbox(_) | Kind::Names => names_text(part, write_name),
            kind => field_text(kind, before, part),
        };
        if !word.is_empty() {
            words.push(word);
        }
    }
    words.join(" ")
}

/// Writes `\# length hex`.
fn generic_text(octets: &[u8]) -> String {
    let text = format!("\\# {} {}", octets.len(), Encoding::Hex.encode(octets));
    text.trim_end().to_owned()
}

fn field_text(kind: Kind, before: &[u8], octets: &[u8]) -> String {
    match kind {
        Kind::U8 | Kind::U16 | Kind::U32 | Kind::Seconds | Kind::Algorithm => {
            number(octets).to_string()
        }
        Kind::Timestamp => timestamp_text(number(octets)),
        Kind::CertType => {
            let code = number(octets);
            let known = CERT_TYPES
                .iter()
                .find(|(known, _)| u32::from(*known) == code);
            known.map_or_else(|| code.to_string(), |(_, word)| (*word).to_owned())
        }
        Kind::Rtype => u16::try_from(number(octets))
            .map_or_else(|_| String::new(), |code| Rtype(code).to_string()),
        Kind::Ipv4 => <[u8; 4]>::try_from(octets).map_or_else(
            |_| String::new(),
            |octets| Ipv4Addr::from(octets).to_string(),
        ),
        Kind::Ipv6 => <[u8; 16]>::try_from(octets).map_or_else(
            |_| String::new(),
            |octets| Ipv6Addr::from(octets).to_string(),
        ),
        Kind::Node => groups_text(octets, 2, ":"),
        Kind::Eui(_) => groups_text(octets, 1, "-"),
        Kind::Name(_) | Kind::Mailbox(_) | Kind::Names => names_text(octets, &Name::to_string),
        Kind::String | Kind::Strings => strings_text(octets),
        Kind::Tag => octets
            .iter()
            .skip(1)
            .map(|&octet| char::from(octet))
            .collect(),
        Kind::Text => {
            let mut text = String::new();
            push_quoted(&mut text, octets);
            text
        }
        Kind::Base64 | Kind::GatewayKey => Encoding::Base64.encode(octets),
        Kind::Base64OrDash if octets.is_empty() => "-".to_owned(),
        Kind::Base64OrNone | Kind::Base64OrDash => Encoding::Base64.encode(octets),
        Kind::Hex => Encoding::Hex.encode(octets),
        Kind::Salt if octets.len() <= 1 => "-".to_owned(),
        Kind::Salt => Encoding::Hex.encode(octets.get(1..).unwrap_or_default()),
        Kind::Hash => Encoding::Base32Hex.encode(octets.get(1..).unwrap_or_default()),
        Kind::Types => bitmap::text(octets),
        Kind::OldTypes => bitmap::old_text(octets),
        Kind::Gateway => identity::gateway_text(before, octets),
        Kind::HostIdentity => identity::host_text(octets),
        Kind::Prefixes => prefix::text(octets),
        Kind::Location => location::text(octets),
        Kind::Parameters => svcb::parameters_text(octets),
        _ => unusual::text(kind, before, octets),
    }
}

/// Reads a big-endian number of up to four octets.
fn number(octets: &[u8]) -> u32 {
    octets
        .iter()
        .fold(0, |value, &octet| value << 8 | u32::from(octet))
}

fn names_text(octets: &[u8], write_name: &dyn Fn(&Name) -> String) -> String {
    let mut words = Vec::new();
    let mut left = octets;
    while let Ok((name, length)) = Name::from_wire(left) {
        words.push(write_name(&name));
        left = left.get(length..).unwrap_or_default();
    }
    words.join(" ")
}

fn strings_text(octets: &[u8]) -> String {
    let mut text = String::new();
    let mut left = octets;
    while let Some((&length, after)) = left.split_first() {
        let (string, next) = after
            .split_at_checked(usize::from(length))
            .unwrap_or((after, &[]));
        if !text.is_empty() {
            text.push(' ');
        }
        push_quoted(&mut text, string);
        left = next;
    }
    text
}

/// Writes groups of octets in lower-case hexadecimal (RFC 6742, RFC 7043).
fn groups_text(octets: &[u8], size: usize, separator: &str) -> String {
    let groups: Vec<String> = octets
        .chunks(size)
        .map(|group| Encoding::Hex.encode(group).to_ascii_lowercase())
        .collect();
    groups.join(separator)
}
