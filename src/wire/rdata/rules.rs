//! Rules between the fields of one record.
//!
//! In: a type, well-cut octets and the ranges of its fields. Out: nothing, or the flaw and the index of its field. Never
//! here: rules between records.

use std::ops::Range;

use super::fault::count_octets;
use super::flaw::Flaw;
use crate::wire::code::Rtype;

/// Shortest digest of ZONEMD in octets (RFC 8976, section 2.2.4).
const ZONEMD_DIGEST_MIN: usize = 12;

/// Checks the rules between the fields of a type.
pub(super) fn check_rules(
    rtype: Rtype,
    octets: &[u8],
    parts: &[Range<usize>],
) -> Result<(), (usize, Flaw)> {
    let part = |at: usize| {
        parts
            .get(at)
            .and_then(|part| octets.get(part.clone()))
            .unwrap_or_default()
    };
    let code = |at: usize| part(at).first().copied().unwrap_or_default();
    match rtype {
        // RFC 4034, section 2.1.2.
        Rtype::DNSKEY | Rtype::CDNSKEY if code(1) != 3 => {
            return Err((1, Flaw::rule(format!("must be 3, not {}", code(1)))));
        }
        // RFC 2535, section 3.1.2: both flags set say that there is no key.
        Rtype::KEY
            if (part(0).first().is_some_and(|flags| flags & 0xc0 == 0xc0))
                != part(3).is_empty() =>
        {
            let says =
                "must be there, or both upper bits of the flags set (49152) to say that it is not";
            return Err((3, Flaw::rule(says)));
        }
        // RFC 1183, section 3.1: digits, at least a DNIC.
        Rtype::X25 if part(0).len() < 5 || !part(0).iter().skip(1).all(u8::is_ascii_digit) => {
            return Err((0, Flaw::rule("must be made of at least four digits")));
        }
        // RFC 1183, section 3.2.
        Rtype::ISDN if string_count(part(0)) > 2 => {
            return Err((0, Flaw::rule("must be one or two strings")));
        }
        // RFC 7553, section 4.4.
        Rtype::URI if part(2).is_empty() => {
            return Err((2, Flaw::rule("must not be empty")));
        }
        // RFC 8976, section 2.2.4.
        Rtype::ZONEMD if part(3).len() < ZONEMD_DIGEST_MIN => {
            let says = format!("has fewer than {ZONEMD_DIGEST_MIN} octets");
            return Err((3, Flaw::rule(says)));
        }
        Rtype::NAPTR => check_naptr(part(2), part(4), part(5))?,
        _ => {}
    }
    if let Some((at, wanted, name)) = digest_length(rtype, code(1), code(2)) {
        let found = part(at).len();
        if found != wanted {
            let says = format!("has {}, but {name} gives {wanted}", count_octets(found));
            return Err((at, Flaw::rule(says)));
        }
    }
    Ok(())
}

/// Counts well-formed character-strings.
fn string_count(mut octets: &[u8]) -> usize {
    let mut count = 0;
    while let Some((&length, rest)) = octets.split_first() {
        octets = rest.get(usize::from(length)..).unwrap_or_default();
        count += 1;
    }
    count
}

/// RFC 3403, section 4.1: flags are letters and digits; regular expression and replacement exclude each other.
fn check_naptr(flags: &[u8], expression: &[u8], replacement: &[u8]) -> Result<(), (usize, Flaw)> {
    let mut flags = flags.iter().skip(1);
    if !flags.all(u8::is_ascii_alphanumeric) {
        return Err((2, Flaw::rule("must be letters and digits")));
    }
    if expression.len() > 1 && replacement.len() > 1 {
        return Err((5, Flaw::rule("must be `.` beside a regular expression")));
    }
    Ok(())
}

/// The field that holds a digest, its length, and what made it; `first` and `second` are the fields 1 and 2.
fn digest_length(rtype: Rtype, first: u8, second: u8) -> Option<(usize, usize, &'static str)> {
    match (rtype, first, second) {
        // RFC 8078, section 4: algorithm 0 asks for deletion and has one octet.
        (Rtype::CDS, 0, 0) => Some((3, 1, "the request to delete (`0 0 0 00`)")),
        // RFC 4034, RFC 4509, RFC 5933, RFC 6605.
        (Rtype::DS | Rtype::CDS | Rtype::TA | Rtype::DLV, _, 1) => {
            Some((3, 20, "digest type 1 (SHA-1)"))
        }
        (Rtype::DS | Rtype::CDS | Rtype::TA | Rtype::DLV, _, 2) => {
            Some((3, 32, "digest type 2 (SHA-256)"))
        }
        (Rtype::DS | Rtype::CDS | Rtype::TA | Rtype::DLV, _, 3) => {
            Some((3, 32, "digest type 3 (GOST)"))
        }
        (Rtype::DS | Rtype::CDS | Rtype::TA | Rtype::DLV, _, 4) => {
            Some((3, 48, "digest type 4 (SHA-384)"))
        }
        // RFC 4255, RFC 6594.
        (Rtype::SSHFP, 1, _) => Some((2, 20, "fingerprint type 1 (SHA-1)")),
        (Rtype::SSHFP, 2, _) => Some((2, 32, "fingerprint type 2 (SHA-256)")),
        // RFC 6698, section 2.1.3.
        (Rtype::TLSA | Rtype::SMIMEA, _, 1) => Some((3, 32, "matching type 1 (SHA-256)")),
        (Rtype::TLSA | Rtype::SMIMEA, _, 2) => Some((3, 64, "matching type 2 (SHA-512)")),
        // RFC 8976, section 2.2.3.
        (Rtype::ZONEMD, _, 1) => Some((3, 48, "hash algorithm 1 (SHA-384)")),
        (Rtype::ZONEMD, _, 2) => Some((3, 64, "hash algorithm 2 (SHA-512)")),
        _ => None,
    }
}
