//! Owner names under construction, each once: a blob of folded names, found by the hash of the whole name.
//!
//! In: names in lower case and their hashes, as [`crate::wire::hash_name`] makes them. Out: numbers that stand for the
//! names, in the order they came. Never here: records.
//!
//! Zone files may come from people who do not trust each other. The seed keeps names whose hashes differ apart whatever
//! they are; of names with one and the same hash there may be [`ALIKE_MAX`], since nothing can keep those apart.

use crate::wire::{Name, fold, hash_root};

use super::arena::MIX;

/// Names of one zone whose hashes are the same in all 64 bits; chosen: two in a zone of 2^32 names are chance.
pub const ALIKE_MAX: usize = 8;

/// Reason why a name cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFault {
    /// Names take more than 4 GiB, or there are 2^32 of them.
    TooLarge,
    /// More than [`ALIKE_MAX`] names hash alike.
    TooAlike,
}

/// Names by number; linear probing at a load of one half at most.
#[derive(Debug)]
pub struct OwnerTable {
    octets: Vec<u8>,
    /// End of each name in `octets`.
    ends: Vec<u32>,
    hashes: Vec<u64>,
    /// High half of the mixed hash, then number plus one; 0 is empty. The length is a power of two.
    slots: Vec<u64>,
    seed: u64,
}

/// Result of a search in the slots.
enum Place {
    Known(u32),
    Free(usize),
    Crowded,
}

impl Default for OwnerTable {
    /// An empty table whose seed follows from the key of all hashes; numbers do not depend on it.
    fn default() -> Self {
        Self {
            octets: Vec::new(),
            ends: Vec::new(),
            hashes: Vec::new(),
            slots: Vec::new(),
            seed: fold(hash_root(), MIX),
        }
    }
}

impl OwnerTable {
    /// Makes room for so many names, so that the slots need not grow on the way.
    pub fn reserve(&mut self, names: usize) {
        let size = (names * 2).next_power_of_two().max(16);
        if self.ends.is_empty() && size > self.slots.len() {
            self.slots = vec![0; size];
        }
    }

    /// Returns the number of a name, new or known.
    ///
    /// # Errors
    /// If there is no room for it.
    pub fn intern(&mut self, folded: &[u8], hash: u64) -> Result<u32, TableFault> {
        if (self.ends.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let at = match self.look(folded, hash) {
            Place::Known(number) => return Ok(number),
            Place::Free(at) => at,
            Place::Crowded => return Err(TableFault::TooAlike),
        };
        let number = u32::try_from(self.ends.len()).map_err(|_| TableFault::TooLarge)?;
        let slot = number.checked_add(1).ok_or(TableFault::TooLarge)?;
        let end = u32::try_from(self.octets.len() + folded.len());
        self.ends.push(end.map_err(|_| TableFault::TooLarge)?);
        self.octets.extend_from_slice(folded);
        self.hashes.push(hash);
        self.slots[at] = self.tag(hash) | u64::from(slot);
        Ok(number)
    }

    /// Returns the number of a known name.
    pub fn find(&self, folded: &[u8], hash: u64) -> Option<u32> {
        match self.look(folded, hash) {
            Place::Known(number) => Some(number),
            Place::Free(_) | Place::Crowded => None,
        }
    }

    /// Counts the names.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns a name's octets, in lower case.
    pub fn octets(&self, number: u32) -> &[u8] {
        let at = number as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.octets[start as usize..self.ends[at] as usize]
    }

    /// Returns a name.
    pub fn name(&self, number: u32) -> Name {
        Name::from_wire(self.octets(number)).map_or_else(|_| Name::root(), |(name, _)| name)
    }

    /// Counts the octets of all names.
    pub(super) fn octets_len(&self) -> usize {
        self.octets.len()
    }

    /// Returns the hash of each name, by number.
    pub(super) fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    fn mixed(&self, hash: u64) -> u64 {
        fold(hash ^ self.seed, MIX)
    }

    fn tag(&self, hash: u64) -> u64 {
        self.mixed(hash) & !u64::from(u32::MAX)
    }

    /// Finds a name, or the slot where it would stand.
    fn look(&self, folded: &[u8], hash: u64) -> Place {
        let Some(mask) = self.slots.len().checked_sub(1) else {
            return Place::Free(0);
        };
        let mixed = self.mixed(hash);
        let mut at = mixed as usize & mask;
        let mut alike = 0;
        // At most half of the slots are taken, so an empty one ends the search.
        for _ in 0..=mask {
            let slot = self.slots[at];
            let Some(number) = (slot as u32).checked_sub(1) else {
                break;
            };
            if (slot ^ mixed) >> 32 == 0 && self.hashes[number as usize] == hash {
                if self.octets(number) == folded {
                    return Place::Known(number);
                }
                alike += 1;
                if alike == ALIKE_MAX {
                    return Place::Crowded;
                }
            }
            at = (at + 1) & mask;
        }
        Place::Free(at)
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(16);
        let mask = size - 1;
        let mut slots = vec![0; size];
        for (number, &hash) in (1u64..).zip(&self.hashes) {
            let mixed = fold(hash ^ self.seed, MIX);
            let mut at = mixed as usize & mask;
            while slots[at] != 0 {
                at = (at + 1) & mask;
            }
            slots[at] = (mixed & !u64::from(u32::MAX)) | number;
        }
        self.slots = slots;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::hash_name;

    fn folded(text: &str) -> Vec<u8> {
        let name = Name::parse_absolute(text).expect("a name");
        name.to_folded()
    }

    #[test]
    fn gives_each_name_one_number() {
        for room in [0, 3, 5_000] {
            let mut names = OwnerTable::default();
            names.reserve(room);
            for round in 0..2 {
                for number in 0..1_000 {
                    let name = folded(&format!("n{number}.example"));
                    assert_eq!(names.intern(&name, hash_name(&name)), Ok(number));
                    assert_eq!(names.octets(number), name, "round {round}");
                }
            }
            let absent = folded("absent.example");
            assert_eq!(names.find(&absent, hash_name(&absent)), None);
            assert_eq!(names.len(), 1_000);
        }
    }

    #[test]
    fn names_whose_hashes_are_the_same_are_told_apart_up_to_a_bound() {
        let mut names = OwnerTable::default();
        for number in 0..100_000u32 {
            let name = folded(&format!("n{number}.example"));
            let added = names.intern(&name, 7);
            if (number as usize) < ALIKE_MAX {
                assert_eq!(added, Ok(number));
                assert_eq!(names.find(&name, 7), Some(number));
            } else {
                // Each refusal costs the bound and no more, or this would not end.
                assert_eq!(added, Err(TableFault::TooAlike));
            }
        }
        let other = folded("other.example");
        assert_eq!(names.intern(&other, 8), Ok(ALIKE_MAX as u32));
    }

    #[test]
    fn hashes_that_differ_in_few_bits_stand_apart() {
        // Without a seed, hashes like these would all begin at one slot.
        let mut names = OwnerTable::default();
        for number in 0..50_000u32 {
            let name = folded(&format!("n{number}.example"));
            assert_eq!(names.intern(&name, u64::from(number) << 40), Ok(number));
        }
        let mask = names.slots.len() - 1;
        let mut longest = 0;
        let mut run = 0;
        for at in 0..=mask {
            run = if names.slots[at] == 0 { 0 } else { run + 1 };
            longest = longest.max(run);
        }
        assert!(longest < 500, "a run of {longest} slots");
    }
}
