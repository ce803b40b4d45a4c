//! Octets eight at a time: the inner loops of names.
//!
//! In: short strings of octets, mostly below forty. Out: whether two are the same, one in lower case, the hash of a
//! label. Never here: what a name is.
//!
//! Calls of the C library's `memcmp` and `memcpy` cost more than the work on strings this short.

use super::hash::{STEP, fold};

/// Octets that are folded at once: the width of the registers that every processor has.
const FOLD: usize = 16;
/// Octets of a buffer for a folded name: 255, and room for a word that begins at the last of them.
pub const FOLDED_LEN: usize = 264;

/// Reads eight octets; `at` is at most 255.
#[inline(always)]
fn word_at(octets: &[u8; FOLDED_LEN], at: usize) -> u64 {
    let mut word = [0; 8];
    // The mask changes nothing below 256 and spares the check of the bound.
    word.copy_from_slice(&octets[at & 0xff..][..8]);
    u64::from_le_bytes(word)
}

/// Hashes the label of `len` octets (1 to 64, its length octet included) that stands at `start` of a folded name onto
/// the hash of the name right of it. The same function as [`super::hash_label`].
#[inline(always)]
pub(super) fn hash_label_at(
    right: u64,
    folded: &[u8; FOLDED_LEN],
    start: usize,
    len: usize,
) -> u64 {
    let mut hash = right;
    let mut at = start;
    let mut left = len;
    while left >= 8 {
        hash = fold(hash ^ word_at(folded, at), STEP);
        at += 8;
        left -= 8;
    }
    let word = word_at(folded, at) & !(u64::MAX << (8 * left));
    fold(hash ^ word ^ 0x8000_0000_0000_0000, STEP ^ len as u64)
}

/// Returns whether two strings of octets are equal: whole blocks from both ends, which may overlap.
#[inline(always)]
pub fn same_octets(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        0..8 => same_short(a, b),
        8..=16 => same_ends::<8>(a, b),
        17..=32 => same_ends::<16>(a, b),
        _ => a == b,
    }
}

/// Compares the first and the last `N` octets; both hold as many and at least `N`.
#[inline(always)]
fn same_ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk::<N>() && a.last_chunk::<N>() == b.last_chunk::<N>()
}

/// Compares fewer than eight octets on both sides.
#[inline(always)]
fn same_short(a: &[u8], b: &[u8]) -> bool {
    if let (Some(first_a), Some(last_a), Some(first_b), Some(last_b)) = (
        a.first_chunk::<4>(),
        a.last_chunk::<4>(),
        b.first_chunk::<4>(),
        b.last_chunk::<4>(),
    ) {
        return first_a == first_b && last_a == last_b;
    }
    a.iter().zip(b).all(|(a, b)| a == b)
}

/// Copies octets without a call if there are at most 64: whole blocks from both ends, which may overlap. `to` holds at
/// least as many.
#[inline(always)]
pub fn copy_octets(from: &[u8], to: &mut [u8]) {
    let len = from.len();
    let to = &mut to[..len];
    if len > 64 {
        to.copy_from_slice(from);
    } else if len > 32 {
        let (from, from_end) = from.split_at(len / 2);
        let (to, to_end) = to.split_at_mut(len / 2);
        copy_ends::<16>(from, to);
        copy_ends::<16>(from_end, to_end);
    } else if len > 16 {
        copy_ends::<16>(from, to);
    } else if len >= 8 {
        copy_ends::<8>(from, to);
    } else if len >= 4 {
        copy_ends::<4>(from, to);
    } else if len >= 2 {
        copy_ends::<2>(from, to);
    } else if len == 1 {
        to[0] = from[0];
    }
}

/// Copies the first and the last `N` octets; both hold as many and at least `N`.
#[inline(always)]
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) {
    let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else {
        return;
    };
    let (first, last) = (*first, *last);
    if let Some(to) = to.first_chunk_mut::<N>() {
        *to = first;
    }
    if let Some(to) = to.last_chunk_mut::<N>() {
        *to = last;
    }
}

/// Writes a name of at most 255 octets in lower case; length octets are below 'A', so it is folded blindly (RFC 4343).
#[inline(always)]
pub(super) fn fold_into(source: &[u8], folded: &mut [u8; FOLDED_LEN]) {
    let (blocks, rest) = source.as_chunks::<FOLD>();
    for (block, into) in blocks.iter().zip(folded.as_chunks_mut::<FOLD>().0) {
        *into = block.map(lower);
    }
    if rest.is_empty() {
        return;
    }
    // The last ones again: folding what is folded changes nothing.
    if let Some(last) = source.last_chunk::<FOLD>()
        && let Some(into) = folded[..source.len()].last_chunk_mut::<FOLD>()
    {
        *into = last.map(lower);
        return;
    }
    for (octet, into) in source.iter().zip(folded) {
        *into = lower(*octet);
    }
}

#[inline]
const fn lower(octet: u8) -> u8 {
    octet | (octet.is_ascii_uppercase() as u8) << 5
}

#[cfg(test)]
mod tests {
    use super::super::hash::hash_label;
    use super::*;

    proptest::proptest! {
        #[test]
        fn does_what_the_plain_ways_do(
            source in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..256),
            start in 0usize..255, len in 1usize..65, at in 0usize..256,
        ) {
            let mut folded = [0xee; FOLDED_LEN];
            fold_into(&source, &mut folded);
            let mut wanted = source.clone();
            wanted.make_ascii_lowercase();
            proptest::prop_assert_eq!(&folded[..source.len()], &wanted[..]);
            let end = (start + len).min(255);
            let (start, label) = (start.min(254), &folded[start.min(254)..end.max(start + 1).min(255)]);
            proptest::prop_assert_eq!(
                hash_label_at(7, &folded, start, label.len()),
                hash_label(7, label)
            );
            let mut copy = vec![0xee; source.len() + 1];
            copy_octets(&source, &mut copy);
            proptest::prop_assert_eq!(&copy[..source.len()], &source[..]);
            proptest::prop_assert_eq!(copy[source.len()], 0xee);
            let mut other = source.clone();
            proptest::prop_assert!(same_octets(&source, &other));
            if let Some(octet) = other.get_mut(at) {
                *octet ^= 1;
                proptest::prop_assert!(!same_octets(&source, &other));
            }
            other.push(0);
            proptest::prop_assert!(!same_octets(&source, &other));
        }
    }
}
