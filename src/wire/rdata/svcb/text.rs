//! Service parameters as text.
//!
//! In: checked octets. Out: `key=value` words in wire order. Never here: faults.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::key::Key;
use super::value::{mandatory_keys, split_parameter};
use crate::wire::rdata::encoding::Encoding;
use crate::wire::text::push_quoted;

/// Writes all parameters.
pub(in crate::wire::rdata) fn parameters_text(octets: &[u8]) -> String {
    let mut words = Vec::new();
    let mut left = octets;
    while let Some((key, value, next)) = split_parameter(left) {
        words.push(parameter_text(key, value));
        left = next;
    }
    words.join(" ")
}

fn parameter_text(key: Key, value: &[u8]) -> String {
    let listed = match key {
        Key::MANDATORY => join(mandatory_keys(value)),
        Key::ALPN => return with_value(key, &alpn_list(value)),
        Key::PORT => join(
            value
                .as_chunks::<2>()
                .0
                .iter()
                .map(|octets| u16::from_be_bytes(*octets)),
        ),
        Key::IPV4HINT => join(
            value
                .as_chunks::<4>()
                .0
                .iter()
                .map(|octets| Ipv4Addr::from(*octets)),
        ),
        Key::IPV6HINT => join(
            value
                .as_chunks::<16>()
                .0
                .iter()
                .map(|octets| Ipv6Addr::from(*octets)),
        ),
        Key::ECH => Encoding::Base64.encode(value),
        _ if value.is_empty() => return key.to_string(),
        _ => return with_value(key, value),
    };
    format!("{key}={listed}")
}

fn join<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items
        .map(|item| item.to_string())
        .collect::<Vec<_>>()
        .join(",")
}

/// Joins protocol ids with commas; commas and backslashes inside them get a backslash (RFC 9460, appendix A.1).
fn alpn_list(value: &[u8]) -> Vec<u8> {
    let mut list = Vec::with_capacity(value.len());
    let mut left = value;
    while let Some((&length, after)) = left.split_first() {
        let (item, next) = after
            .split_at_checked(usize::from(length))
            .unwrap_or((after, &[]));
        if !list.is_empty() {
            list.push(b',');
        }
        for &octet in item {
            if matches!(octet, b',' | b'\\') {
                list.push(b'\\');
            }
            list.push(octet);
        }
        left = next;
    }
    list
}

/// Writes a value bare if no reader could take it for something else, and in quotes otherwise.
fn with_value(key: Key, value: &[u8]) -> String {
    let mut text = format!("{key}=");
    let is_bare = |octet: &u8| octet.is_ascii_graphic() && !b"\"\\;()".contains(octet);
    if value.iter().all(is_bare) {
        text.extend(value.iter().map(|&octet| char::from(octet)));
    } else {
        push_quoted(&mut text, value);
    }
    text
}
