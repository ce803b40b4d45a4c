//! Owners under construction, found by the hash of their names.
//!
//! In: hashes of whole names, as [`crate::wire::Scratch`] makes them for every suffix in one pass. Out: numbers of
//! owners. Never here: names; whoever asks compares them.

/// Numbers by hash; linear probing at a load of one half at most.
#[derive(Debug, Default)]
pub(super) struct OwnerTable {
    /// Number plus one, 0 if empty; the length is a power of two.
    slots: Vec<u32>,
    hashes: Vec<u64>,
}

impl OwnerTable {
    /// Finds the owner with this hash that `is_it` knows.
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = start(hash) & mask;
        // An empty slot is always found: at most half of them are taken.
        loop {
            let number = self.slots[at].checked_sub(1)? as usize;
            if self.hashes[number] == hash && is_it(number) {
                return Some(number);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds an owner, whose number is the count of those before it; `None` if there are 2^32 of them.
    pub(super) fn push(&mut self, hash: u64) -> Option<usize> {
        if (self.hashes.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let number = self.hashes.len();
        let slot = u32::try_from(number + 1).ok()?;
        self.hashes.push(hash);
        self.place(hash, slot);
        Some(number)
    }

    /// Returns the hash of each owner, by number.
    pub(super) fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    fn place(&mut self, hash: u64, slot: u32) {
        let mask = self.slots.len() - 1;
        let mut at = start(hash) & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        self.slots = vec![0; (self.slots.len() * 2).max(16)];
        for number in 0..self.hashes.len() {
            self.place(self.hashes[number], number as u32 + 1);
        }
    }
}

/// The high half too: multiplicative hashes mix it best.
const fn start(hash: u64) -> usize {
    (hash ^ (hash >> 32)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_added_even_where_hashes_meet() {
        let mut table = OwnerTable::default();
        assert_eq!(table.find(7, |_| true), None);
        for number in 0..1_000 {
            assert_eq!(table.push(number as u64 % 100), Some(number));
        }
        for number in 0..1_000 {
            let found = table.find(number as u64 % 100, |at| at == number);
            assert_eq!(found, Some(number));
        }
        assert_eq!(table.find(7, |at| at == 8), None);
        assert_eq!(table.hashes().len(), 1_000);
    }
}
