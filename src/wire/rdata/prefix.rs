//! Lists of address prefixes: APL (RFC 3123).
//!
//! In: items like `!1:192.0.2.0/24`, or octets. Out: octets, or items. Never here: what a prefix means.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::fault::{RdataFault, RdataFaultKind};
use super::flaw::Flaw;
use super::number::read_decimal;
use super::source::{Draft, Source, shown};

/// The bit that negates an item; the other seven are the length (RFC 3123, section 4).
const NEGATION: u8 = 0x80;

/// Reads the items that are left; there may be none.
pub(super) fn read(source: &mut Source<'_, '_>, draft: &mut Draft) -> Result<(), RdataFault> {
    for token in source.take_rest() {
        let item = read_item(token.raw).filter(|_| !token.is_quoted).ok_or_else(|| {
            let message = format!("`{}` is no address prefix", shown(token.raw));
            RdataFault::new(RdataFaultKind::Address, message)
                .at(&token.range)
                .help("write `1:192.0.2.0/24` for IPv4, `2:2001:db8::/32` for IPv6, `!` before to exclude")
        })?;
        draft.octets.extend(item);
    }
    Ok(())
}

fn read_item(text: &str) -> Option<Vec<u8>> {
    let (negation, text) = match text.strip_prefix('!') {
        Some(rest) => (NEGATION, rest),
        None => (0, text),
    };
    let (family, rest) = text.split_once(':')?;
    let (address, length) = rest.split_once('/')?;
    let family = u16::try_from(read_decimal(family)?).ok()?;
    let mut octets = match family {
        1 => address.parse::<Ipv4Addr>().ok()?.octets().to_vec(),
        2 => address.parse::<Ipv6Addr>().ok()?.octets().to_vec(),
        _ => return None,
    };
    let bits = usize::try_from(read_decimal(length)?).ok()?;
    if bits > octets.len() * 8 {
        return None;
    }
    while octets.last() == Some(&0) {
        octets.pop();
    }
    let mut item = family.to_be_bytes().to_vec();
    item.push(u8::try_from(bits).ok()?);
    item.push(negation | u8::try_from(octets.len()).ok()?);
    item.extend(octets);
    Some(item)
}

/// An item of APL on the wire.
struct Item<'o> {
    family: u16,
    bits: u8,
    is_negated: bool,
    address: &'o [u8],
}

/// Takes one item off the front.
fn split_item(octets: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let (&[high, low, bits, length], rest) = octets.split_first_chunk::<4>()?;
    let (address, rest) = rest.split_at_checked(usize::from(length & !NEGATION))?;
    let item = Item {
        family: u16::from_be_bytes([high, low]),
        bits,
        is_negated: length & NEGATION != 0,
        address,
    };
    Some((item, rest))
}

/// Walks the items to the end of `rest`: known family, length in bounds, no zero octet at the end of an address.
pub(super) fn check(rest: &[u8]) -> Result<usize, Flaw> {
    let mut left = rest;
    while !left.is_empty() {
        let (item, next) = split_item(left).ok_or_else(Flaw::ends_early)?;
        let Item {
            family,
            bits,
            address,
            ..
        } = item;
        let size_octets = match family {
            1 => 4,
            2 => 16,
            _ => return Err(Flaw::rule("hold an unknown address family")),
        };
        if usize::from(bits) > size_octets * 8 || address.len() > size_octets {
            return Err(Flaw::rule("hold a prefix that is too long"));
        }
        if address.last() == Some(&0) {
            return Err(Flaw::rule("hold an address with zero octets at its end"));
        }
        left = next;
    }
    Ok(rest.len())
}

/// Writes checked items.
pub(super) fn text(octets: &[u8]) -> String {
    let mut items = Vec::new();
    let mut left = octets;
    while let Some((item, next)) = split_item(left) {
        let Item {
            family,
            bits,
            is_negated,
            address,
        } = item;
        let mut full = [0_u8; 16];
        for (to, from) in full.iter_mut().zip(address) {
            *to = *from;
        }
        let [a, b, c, d, ..] = full;
        let address = match family {
            1 => Ipv4Addr::new(a, b, c, d).to_string(),
            _ => Ipv6Addr::from(full).to_string(),
        };
        let mark = if is_negated { "!" } else { "" };
        items.push(format!("{mark}{family}:{address}/{bits}"));
        left = next;
    }
    items.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_items() {
        let cases = [
            ("1:192.168.32.0/21", Some(&[0, 1, 21, 3, 192, 168, 32][..])),
            ("!1:0.0.0.0/0", Some(&[0, 1, 0, 0x80])),
            ("2:ff00::/8", Some(&[0, 2, 8, 1, 0xff])),
            ("1:192.0.2.0/33", None),
            ("3:x/1", None),
            ("1:192.0.2.0", None),
            ("192.0.2.0/24", None),
        ];
        for (item, wanted) in cases {
            let found = read_item(item);
            assert_eq!(found.as_deref(), wanted, "{item}");
            if let Some(octets) = found {
                assert_eq!(check(&octets), Ok(octets.len()));
                assert_eq!(text(&octets), item);
            }
        }
        for octets in [
            &[0, 1, 24][..],
            &[0, 3, 1, 0],
            &[0, 1, 33, 0],
            &[0, 1, 8, 1, 0],
        ] {
            assert!(check(octets).is_err(), "{octets:?}");
        }
    }
}
