//! The hash of owner names: one pass over a name yields the hash of every suffix.
//!
//! Labels are hashed from the root end, each into the hash of what is right of it, so that the closest encloser
//! (RFC 4592, section 3.3.1) is found by probing without hashing again. Zone files may come from people who do not
//! trust each other, so the hash is keyed: the process draws a key before it reads anything ([`key_names`]), and names
//! made to hash alike under another key do not under this one.

use std::sync::atomic::{AtomicU64, Ordering};

/// Hash of the root name while no key was given: the same for every run, as tests want it.
const UNKEYED: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hash of the root name: the key from which all hashes of names follow.
static ROOT: AtomicU64 = AtomicU64::new(UNKEYED);

/// An odd constant with well-mixed bits (chosen; no standard value).
pub(super) const STEP: u64 = 0xd6e8_feb8_6659_fd93;

/// Multiplies to 128 bits and folds the halves together.
#[inline]
pub fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Keys the hashes of all names of this process. Before anything that holds hashes is made, since a table that was
/// filled under one key is not found anything in under another.
pub fn key_names(key: u64) {
    ROOT.store(fold(key ^ UNKEYED, STEP), Ordering::Relaxed);
}

/// Returns the hash of the root name.
#[inline]
pub fn hash_root() -> u64 {
    ROOT.load(Ordering::Relaxed)
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

/// Makes hashers for maps over names that live as long as a load: quick, and keyed as all hashes of names are.
#[derive(Clone, Copy, Debug)]
pub struct NameHashing {
    seed: u64,
}

impl Default for NameHashing {
    fn default() -> Self {
        Self { seed: hash_root() }
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
        fold(self.state, UNKEYED)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Makes names of two labels below the root that all have one hash under a key, as an attacker who knows it can: the
    /// first word of the left label is the hash of the right one, so nothing of either is left.
    fn alike(root: u64, wanted: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        const LEN: u8 = 15;
        let mut names = Vec::new();
        for number in 0u64.. {
            let text = format!("{number:x}");
            let right = [&[text.len() as u8], text.as_bytes()].concat();
            let word = hash_label(root, &right).to_le_bytes();
            if word[0] == LEN && !word[1..].iter().any(u8::is_ascii_uppercase) {
                let left = [&word[..], b"xxxxxxxx"].concat();
                names.push((left, right));
                if names.len() == wanted {
                    break;
                }
            }
        }
        names
    }

    /// X19: what was made to collide under one key does not under another.
    #[test]
    fn names_made_for_one_key_stand_apart_under_another() {
        let names = alike(UNKEYED, 300);
        let hash_all = |root| -> HashSet<u64> {
            let hashes = names
                .iter()
                .map(|(left, right)| hash_label(hash_label(root, right), left));
            hashes.collect()
        };
        assert_eq!(hash_all(UNKEYED).len(), 1, "they were made well");
        for key in [1, 2, 0xfeed_beef, u64::MAX] {
            let root = fold(key ^ UNKEYED, STEP);
            let hashes = hash_all(root);
            assert_eq!(hashes.len(), 300, "{key}");
            // Nor do they crowd in the slots of a table: a snapshot of 300 zones has 1,024.
            let slots: HashSet<u64> = hashes.iter().map(|hash| (hash >> 20) & 1_023).collect();
            assert!(slots.len() > 200, "{key}: {}", slots.len());
        }
    }
}
