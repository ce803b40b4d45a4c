//! Sets of RR types as bitmaps (RFC 4034, section 4.1.2), in NSEC, NSEC3 and CSYNC.
//!
//! In: type mnemonics or octets. Out: octets or mnemonics. Never here: which types an NSEC should have.

use std::collections::BTreeSet;

use super::fault::{RdataFault, RdataFaultKind};
use super::flaw::Flaw;
use super::source::{Draft, Source, shown};
use crate::wire::code::Rtype;

/// Octets of the bitmap of one window at most: 256 types.
const WINDOW_OCTETS_MAX: usize = 32;

/// Octets of a bitmap of NXT at most: 128 types.
const OLD_OCTETS_MAX: usize = 16;

/// Reads the mnemonics that are left, in any order.
pub(super) fn read(source: &mut Source<'_, '_>, draft: &mut Draft) -> Result<(), RdataFault> {
    let mut types = BTreeSet::new();
    for token in source.take_rest() {
        let rtype = Rtype::parse(token.raw)
            .filter(|_| !token.is_quoted)
            .ok_or_else(|| {
                let message = format!("`{}` is no RR type", shown(token.raw));
                RdataFault::new(RdataFaultKind::Number, message)
                    .at(&token.range)
                    .help("types are written like `AAAA` or `TYPE65280`")
            })?;
        types.insert(rtype.0);
    }
    write_windows(&types, &mut draft.octets);
    Ok(())
}

/// Reads types below 128 into one bitmap without windows (RFC 2535, section 5.2).
pub(super) fn read_old(source: &mut Source<'_, '_>, draft: &mut Draft) -> Result<(), RdataFault> {
    let mut bits: Vec<u8> = Vec::new();
    for token in source.take_rest() {
        let rtype = Rtype::parse(token.raw).filter(|rtype| (1..128).contains(&rtype.0));
        let rtype = rtype.filter(|_| !token.is_quoted).ok_or_else(|| {
            let message = format!("`{}` is no RR type that NXT can list", shown(token.raw));
            RdataFault::new(RdataFaultKind::Number, message)
                .at(&token.range)
                .help("NXT lists the types 1 to 127; NSEC lists all")
        })?;
        let at = usize::from(rtype.0 / 8);
        bits.resize(bits.len().max(at + 1), 0);
        if let Some(octet) = bits.get_mut(at) {
            *octet |= 0x80 >> (rtype.0 % 8);
        }
    }
    draft.octets.extend(bits);
    Ok(())
}

/// Checks a bitmap without windows: at most 16 octets, none empty at the end, type 0 not set.
pub(super) fn check_old(rest: &[u8]) -> Result<usize, Flaw> {
    let names_zero = rest.first().is_some_and(|first| first & 0x80 != 0);
    if rest.len() > OLD_OCTETS_MAX || rest.last() == Some(&0) || names_zero {
        return Err(Flaw::rule("hold a bitmap of wrong form"));
    }
    Ok(rest.len())
}

/// Lists the types of a bitmap without windows.
pub(super) fn old_text(octets: &[u8]) -> String {
    let Ok(length) = u8::try_from(octets.len()) else {
        return String::new();
    };
    text(&[&[0, length], octets].concat())
}

fn write_windows(types: &BTreeSet<u16>, octets: &mut Vec<u8>) {
    let mut window: Option<(u8, Vec<u8>)> = None;
    for &code in types {
        let [number, low] = code.to_be_bytes();
        if window.as_ref().is_none_or(|(open, _)| *open != number) {
            flush(window.take(), octets);
            window = Some((number, Vec::new()));
        }
        let (at, bit) = (usize::from(low / 8), 0x80 >> (low % 8));
        if let Some((_, bits)) = &mut window {
            bits.resize(at + 1, 0);
            if let Some(last) = bits.last_mut() {
                *last |= bit;
            }
        }
    }
    flush(window, octets);
}

fn flush(window: Option<(u8, Vec<u8>)>, octets: &mut Vec<u8>) {
    if let Some((number, bits)) = window
        && let Ok(length) = u8::try_from(bits.len())
    {
        octets.extend([number, length]);
        octets.extend(bits);
    }
}

/// Walks the windows to the end of `rest`: ascending, 1 to 32 octets each, no zero octet at the end.
pub(super) fn check(rest: &[u8]) -> Result<usize, Flaw> {
    let mut left = rest;
    let mut last = None;
    while let Some((&number, after)) = left.split_first() {
        let (&length, after) = after.split_first().ok_or_else(Flaw::ends_early)?;
        let length = usize::from(length);
        let bits = after.get(..length).ok_or_else(Flaw::ends_early)?;
        if !(1..=WINDOW_OCTETS_MAX).contains(&length) || bits.last() == Some(&0) {
            return Err(Flaw::rule("hold a bitmap of wrong length"));
        }
        if last.is_some_and(|last| last >= number) {
            return Err(Flaw::rule("hold bitmap windows out of order"));
        }
        last = Some(number);
        left = after.get(length..).unwrap_or_default();
    }
    Ok(rest.len())
}

/// Lists the types of a checked bitmap.
pub(super) fn text(octets: &[u8]) -> String {
    let mut words = Vec::new();
    let mut left = octets;
    while let [number, length, after @ ..] = left {
        let (bits, next) = after
            .split_at_checked(usize::from(*length))
            .unwrap_or((after, &[]));
        for (at, octet) in (0_u16..).zip(bits) {
            // At most 32 octets a window, so the sum stays within 16 bits.
            let code = u16::from(*number) * 256 + at * 8;
            let set = (0..8).filter(|bit| octet & (0x80 >> bit) != 0);
            words.extend(set.map(|bit| Rtype(code + bit).to_string()));
        }
        left = next;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writes_the_example_of_rfc_4034() {
        let mut octets = Vec::new();
        write_windows(&BTreeSet::from([1, 15, 46, 47, 1234]), &mut octets);
        let mut wanted = vec![0, 6, 0x40, 0x01, 0, 0, 0, 3, 4, 27];
        wanted.extend([0; 26]);
        wanted.push(0x20);
        assert_eq!(octets, wanted);
        assert_eq!(text(&octets), "A MX RRSIG NSEC TYPE1234");
        // The last type there is.
        assert_eq!(
            text(&[[255, 32].as_slice(), &[0; 31], &[1]].concat()),
            "TYPE65535"
        );
    }

    #[test]
    fn refuses_bad_windows() {
        for octets in [
            &[0][..],
            &[0, 0],
            &[0, 1],
            &[0, 1, 0],
            &[1, 1, 1, 0, 1, 1],
            &[0, 33],
        ] {
            assert!(check(octets).is_err(), "{octets:?}");
        }
        assert!(check(&[0, 33].iter().chain(&[1; 33]).copied().collect::<Vec<u8>>()).is_err());
        assert_eq!(check(&[]), Ok(0));
    }

    proptest! {
        #[test]
        fn lists_what_was_written(types: BTreeSet<u16>) {
            let mut octets = Vec::new();
            write_windows(&types, &mut octets);
            prop_assert_eq!(check(&octets), Ok(octets.len()));
            let words = text(&octets);
            let found: BTreeSet<u16> =
                words.split_whitespace().filter_map(Rtype::parse).map(|rtype| rtype.0).collect();
            prop_assert_eq!(found, types);
        }
    }
}
