//! TSIG as far as a server without keys needs it: telling the client that its key is not known (RFC 8945, section
//! 5.2.1).
//!
//! In: a query with a TSIG record. Out: the unsigned TSIG record of the response. Never here: keys, or signatures.

use super::name::NAME_MAX;
use super::walk::{HEADER_LEN, LABELS_MAX, u16_at};
use super::walk::{RECORD_FIXED, skip_name};
use super::{Class, Rtype};

/// The key is not recognised (RFC 8945, section 3).
const BADKEY: u16 = 17;
/// Octets of the RDATA behind the algorithm's name when MAC and other octets are empty.
const FIELDS_LEN: usize = 16;

/// Returns whether RDATA has the form of a TSIG record's (RFC 8945, section 4.2).
pub(super) fn is_well_formed(rdata: &[u8]) -> bool {
    let lengths = || {
        let (algorithm_len, _) = skip_name(rdata, 0)?;
        let mac_len = usize::from(u16_at(rdata, algorithm_len + 8)?);
        let other_at = algorithm_len + 14 + mac_len;
        Some(other_at + 2 + usize::from(u16_at(rdata, other_at)?))
    };
    lengths() == Some(rdata.len())
}

/// Appends to a response of `len` octets the TSIG record that says BADKEY, for the TSIG record at `at` of the query.
/// Returns the new length; `None`, with `out` unchanged, if there is no room or a name is malformed.
pub fn write_bad_key(input: &[u8], at: usize, out: &mut [u8], len: usize) -> Option<usize> {
    let (key, key_len, fixed) = expand_name(input, at)?;
    let (algorithm, algorithm_len, times) = expand_name(input, fixed + RECORD_FIXED)?;
    // Time signed and fudge are the client's; the response is not signed (RFC 8945, section 5.3.2).
    let times = input.get(times..times + 8)?;
    let rdata_len = algorithm_len + FIELDS_LEN;
    let end = len + key_len + RECORD_FIXED + rdata_len;
    let room = out.get_mut(len..end)?;
    let id = [*input.first()?, *input.get(1)?];
    let [rdata_high, rdata_low] = (rdata_len as u16).to_be_bytes();
    let [type_high, type_low] = Rtype::TSIG.0.to_be_bytes();
    let [class_high, class_low] = Class::ANY.0.to_be_bytes();
    let [error_high, error_low] = BADKEY.to_be_bytes();
    let parts: [&[u8]; 5] = [
        &key[..key_len],
        &[
            type_high, type_low, class_high, class_low, 0, 0, 0, 0, rdata_high, rdata_low,
        ],
        &algorithm[..algorithm_len],
        times,
        // Empty MAC, original ID, error, no other octets.
        &[0, 0, id[0], id[1], error_high, error_low, 0, 0],
    ];
    let mut filled = 0;
    for part in parts {
        room[filled..filled + part.len()].copy_from_slice(part);
        filled += part.len();
    }
    let additionals = u16_at(out, HEADER_LEN - 2)? + 1;
    out[HEADER_LEN - 2..HEADER_LEN].copy_from_slice(&additionals.to_be_bytes());
    Some(end)
}

/// Copies a name without compression; returns it with its length, and where the octets after it stand in the message.
/// Pointers lead backwards only, so that there are finitely many.
fn expand_name(input: &[u8], start: usize) -> Option<([u8; NAME_MAX], usize, usize)> {
    let mut name = [0; NAME_MAX];
    let (mut at, mut len, mut lowest) = (start, 0usize, start);
    let mut after = None;
    // Each turn takes a label or a pointer; a chain of pointers longer than a name has labels is refused.
    for _ in 0..=2 * LABELS_MAX {
        let length = *input.get(at)?;
        match length {
            0 => {
                // The buffer is zero, so the root label is there already.
                (len < NAME_MAX).then_some(())?;
                return Some((name, len + 1, after.unwrap_or(at + 1)));
            }
            1..=63 => {
                let label = input.get(at..at + 1 + usize::from(length))?;
                name.get_mut(len..len + label.len())?.copy_from_slice(label);
                len += label.len();
                at += label.len();
            }
            0xc0..=0xff => {
                after = after.or(Some(at + 2));
                at = usize::from(u16_at(input, at)? & 0x3fff);
                (at < lowest).then_some(())?;
                lowest = at;
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_names_and_follows_pointers_backwards_only() {
        let message = b"\x03www\x03foo\0\x01a\xc0\x04\xc0\x0c\xc0\x10\xc0\x12";
        let cases: [(usize, &[u8], usize); 2] =
            [(0, b"\x03www\x03foo\0", 9), (9, b"\x01a\x03foo\0", 13)];
        for (at, wanted, next) in cases {
            let (name, len, after) = expand_name(message, at).unwrap();
            assert_eq!((&name[..len], after), (wanted, next), "{at}");
        }
        // To a pointer that leads on, to itself, past the end.
        for at in [13, 15, 99] {
            assert_eq!(expand_name(message, at), None, "{at}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(
            input in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120),
            at in 0usize..130, len in 12usize..60, room in 12usize..300,
        ) {
            let _ = is_well_formed(&input);
            let mut out = vec![0u8; room];
            if let Some(end) = write_bad_key(&input, at, &mut out, len) {
                proptest::prop_assert!(end <= room);
            }
        }
    }
}
