//! Health of members and nodes as bits, one layer of them.
//!
//! In: numbers of members and nodes. Out: single bits, and up to 64 at a time. Never here: what a bit follows from (see
//! [`super::fold`]).

/// Bits of one layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// A bit a member.
    pub up: Box<[u64]>,
    /// A bit a node. For nodes that ask for the client's location it holds the gate alone.
    pub alive: Box<[u64]>,
}

impl Layer {
    /// Returns whether a node is alive.
    #[inline]
    pub fn is_alive(&self, node: u32) -> bool {
        bit(&self.alive, node)
    }

    /// Returns whether a member is up.
    #[inline]
    pub fn is_up(&self, member: u32) -> bool {
        bit(&self.up, member)
    }

    /// Returns up to 64 member bits from `first`.
    #[inline]
    pub fn up_word(&self, first: u32, len: u32) -> u64 {
        range(&self.up, first, len)
    }

    /// Returns up to 64 node bits from `first`.
    #[inline]
    pub fn alive_word(&self, first: u32, len: u32) -> u64 {
        range(&self.alive, first, len)
    }

    /// Counts the members that are up among `len` from `first`.
    pub(super) fn count_up(&self, first: u32, len: u32) -> u32 {
        (0..len)
            .step_by(64)
            .map(|skip| {
                self.up_word(first + skip, (len - skip).min(64))
                    .count_ones()
            })
            .sum()
    }
}

/// Returns a bit; clear beyond the end.
#[inline]
pub(super) fn bit(words: &[u64], at: u32) -> bool {
    words
        .get(at as usize / 64)
        .is_some_and(|word| word >> (at % 64) & 1 == 1)
}

/// Sets a bit; returns whether that changed it.
pub(super) fn set(words: &mut [u64], at: u32, value: bool) -> bool {
    let word = &mut words[at as usize / 64];
    let before = *word;
    *word = (before & !(1 << (at % 64))) | (u64::from(value) << (at % 64));
    *word != before
}

/// Makes room for so many bits, all clear.
pub(super) fn words(bits: usize) -> Box<[u64]> {
    // One word more than needed, so that a range of 64 bits may start anywhere.
    vec![0; bits / 64 + 2].into()
}

/// Returns `len` bits (at most 64) from `first`.
#[inline]
fn range(words: &[u64], first: u32, len: u32) -> u64 {
    let (word, shift) = (first as usize / 64, first % 64);
    let low = words.get(word).copied().unwrap_or(0) >> shift;
    let high = if shift == 0 {
        0
    } else {
        words.get(word + 1).copied().unwrap_or(0) << (64 - shift)
    };
    let mask = if len >= 64 { u64::MAX } else { (1 << len) - 1 };
    (low | high) & mask
}

/// Returns the number of the first set bit at `from` or behind it.
pub(super) fn next_set(words: &[u64], from: u32) -> Option<u32> {
    let mut word = from as usize / 64;
    let mut bits = words.get(word)? & (u64::MAX << (from % 64));
    while bits == 0 {
        word += 1;
        bits = *words.get(word)?;
    }
    Some(word as u32 * 64 + bits.trailing_zeros())
}
