//! Owners under construction, found by the hash of their names.
//!
//! In: hashes of whole names, as [`crate::wire::Scratch`] makes them for every suffix in one pass. Out: numbers of
//! owners. Never here: names; whoever asks compares them.

/// Owners that one search passes at most. At a load of one half, hashes that nobody chose leave runs of a few hundred in
/// the largest zones; a file of names chosen to collide is refused rather than loaded for hours.
const PROBES_MAX: usize = 4_096;

/// Names were chosen so that their hashes collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crowded;

/// A number plus one, 0 if empty, and the half of the hash that the place does not tell.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    number: u32,
    tag: u32,
}

/// Numbers by hash; linear probing at a load of one half at most.
#[derive(Debug, Default)]
pub(super) struct OwnerTable {
    /// The length is a power of two.
    slots: Vec<Slot>,
    hashes: Vec<u64>,
}

impl OwnerTable {
    /// Finds the owner with this hash that `is_it` knows.
    ///
    /// # Errors
    /// If more than [`PROBES_MAX`] owners stand before it or its place.
    pub(super) fn find(
        &self,
        hash: u64,
        is_it: impl Fn(usize) -> bool,
    ) -> Result<Option<usize>, Crowded> {
        let Some(mask) = self.slots.len().checked_sub(1) else {
            return Ok(None);
        };
        let mut at = start(hash) & mask;
        for _ in 0..PROBES_MAX {
            let slot = self.slots[at];
            let Some(number) = slot.number.checked_sub(1) else {
                return Ok(None);
            };
            if slot.tag == tag(hash) && is_it(number as usize) {
                return Ok(Some(number as usize));
            }
            at = (at + 1) & mask;
        }
        Err(Crowded)
    }

    /// Adds an owner, whose number is the count of those before it; `None` if there are 2^32 of them.
    pub(super) fn push(&mut self, hash: u64) -> Option<usize> {
        if (self.hashes.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let number = self.hashes.len();
        let slot = Slot {
            number: u32::try_from(number + 1).ok()?,
            tag: tag(hash),
        };
        self.hashes.push(hash);
        self.place(hash, slot);
        Some(number)
    }

    /// Returns the hash of each owner, by number.
    pub(super) fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    fn place(&mut self, hash: u64, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut at = start(hash) & mask;
        while self.slots[at].number != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        self.slots = vec![Slot::default(); (self.slots.len() * 2).max(16)];
        for at in 0..self.hashes.len() {
            let (hash, number) = (self.hashes[at], at as u32 + 1);
            let tag = tag(hash);
            self.place(hash, Slot { number, tag });
        }
    }
}

/// The high half too: multiplicative hashes mix it best.
const fn start(hash: u64) -> usize {
    (hash ^ (hash >> 32)) as usize
}

const fn tag(hash: u64) -> u32 {
    hash as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_added_even_where_hashes_meet() {
        let mut table = OwnerTable::default();
        assert_eq!(table.find(7, |_| true), Ok(None));
        for number in 0..1_000 {
            assert_eq!(table.push(number as u64 % 100), Some(number));
        }
        for number in 0..1_000 {
            let found = table.find(number as u64 % 100, |at| at == number);
            assert_eq!(found, Ok(Some(number)));
        }
        assert_eq!(table.find(7, |at| at == 8), Ok(None));
        assert_eq!(table.hashes().len(), 1_000);
    }

    #[test]
    fn gives_up_where_names_were_chosen_to_collide() {
        let mut table = OwnerTable::default();
        for number in 0..=PROBES_MAX {
            assert_eq!(table.push(7), Some(number));
        }
        assert_eq!(table.find(7, |_| false), Err(Crowded));
        assert_eq!(table.find(8, |at| at > PROBES_MAX), Err(Crowded));
    }
}
