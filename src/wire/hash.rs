//! The hash of owner names: one pass over a name yields the hash of every suffix.
//!
//! Labels are hashed from the root end, each into the hash of what is right of it, so that the closest encloser
//! (RFC 4592, section 3.3.1) is found by probing without hashing again. Nobody outside inserts names, so the hash
//! need not withstand chosen keys; each zone mixes in a seed of its own.

/// Hash of the root name.
const ROOT: u64 = 0x9e37_79b9_7f4a_7c15;
/// An odd constant with well-mixed bits (chosen; no standard value).
pub(super) const STEP: u64 = 0xd6e8_feb8_6659_fd93;

/// Multiplies to 128 bits and folds the halves together.
#[inline]
pub fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Returns the hash of the root name.
#[inline]
pub const fn hash_root() -> u64 {
    ROOT
}

/// Hashes one folded label, its length octet included, onto the hash of the name right of it.
#[inline]
pub fn hash_label(right: u64, label: &[u8]) -> u64 {
    let mut hash = right;
    let mut chunks = label.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = fold(hash ^ u64::from_le_bytes(word), STEP);
    }
    let mut word = 0u64;
    for &octet in chunks.remainder().iter().rev() {
        word = (word << 8) | u64::from(octet);
    }
    // The length octet leads the label, so a short last word cannot be taken for padding.
    fold(
        hash ^ word ^ 0x8000_0000_0000_0000,
        STEP ^ label.len() as u64,
    )
}

/// Hashes a folded absolute name in wire form.
pub fn hash_name(folded: &[u8]) -> u64 {
    let mut starts = [0u8; 128];
    let mut count = 0;
    let mut at = 0;
    while let Some(&length) = folded.get(at) {
        if length == 0 || count == starts.len() {
            break;
        }
        starts[count] = at as u8;
        count += 1;
        at += 1 + usize::from(length);
    }
    let mut hash = hash_root();
    let mut end = at;
    for &start in starts[..count].iter().rev() {
        let start = usize::from(start);
        hash = hash_label(hash, folded.get(start..end).unwrap_or(&[]));
        end = start;
    }
    hash
}

/// Makes hashers for maps over names that live as long as a load: quick, and another one for each map.
#[derive(Clone, Copy, Debug)]
pub struct NameHashing {
    seed: u64,
}

impl Default for NameHashing {
    fn default() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self {
            seed: RandomState::new().hash_one(0),
        }
    }
}

impl std::hash::BuildHasher for NameHashing {
    type Hasher = NameHasher;

    fn build_hasher(&self) -> NameHasher {
        NameHasher { state: self.seed }
    }
}

/// Hashes the words of a name.
#[derive(Clone, Copy, Debug)]
pub struct NameHasher {
    state: u64,
}

impl std::hash::Hasher for NameHasher {
    fn write(&mut self, octets: &[u8]) {
        for &octet in octets {
            self.write_u64(u64::from(octet));
        }
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.state = fold(self.state ^ word, STEP);
    }

    #[inline]
    fn finish(&self) -> u64 {
        fold(self.state, ROOT)
    }
}
