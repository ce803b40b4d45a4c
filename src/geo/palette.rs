//! Pairs of class and scope by number: they are few, so tables hold their numbers and stay small.
//!
//! In: pairs, one by one. Out: their numbers, and all pairs by number. Never here: which address has which pair.

use super::runs::{Key, Runs};

/// Number of no pair: where it stands, the runs must be searched.
pub(super) const SEARCH: u16 = 0;

/// Packs a pair into a word.
pub(super) const fn pack(class: u16, scope: u8) -> u32 {
    class as u32 | (scope as u32) << 16
}

/// Takes a packed pair apart.
pub(super) const fn unpack(entry: u32) -> (u16, u8) {
    (entry as u16, (entry >> 16) as u8)
}

/// Numbers for pairs of class and scope while a table is built.
pub(super) struct Palette {
    /// Number by class and scope; `SEARCH` if there is none yet.
    numbers: Vec<u16>,
    scopes: usize,
    /// Packed pairs by number; entry 0 is never read.
    pairs: Vec<u32>,
}

impl Palette {
    /// Starts for the classes of some runs, and scopes up to a length.
    pub(super) fn new<K: Key>(runs: &Runs<K>, scope_max: usize) -> Self {
        let classes = runs.iter().map(|(_, class)| usize::from(class) + 1);
        let scopes = scope_max + 1;
        Self {
            numbers: vec![SEARCH; classes.max().unwrap_or(0) * scopes],
            scopes,
            pairs: vec![0],
        }
    }

    /// The number of a pair; `SEARCH` once all 65,535 are given out, which is slower and as true.
    pub(super) fn number(&mut self, class: u16, scope: u8) -> u16 {
        let number = &mut self.numbers[usize::from(class) * self.scopes + usize::from(scope)];
        if *number == SEARCH
            && let Ok(new) = u16::try_from(self.pairs.len())
        {
            *number = new;
            self.pairs.push(pack(class, scope));
        }
        *number
    }

    /// All pairs by number.
    pub(super) fn into_pairs(self) -> Box<[u32]> {
        self.pairs.into()
    }
}
