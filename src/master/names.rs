//! Owner names of one zone, each once: a blob of folded names and a table to find them.
//!
//! In: names. Out: small numbers that stand for them. Never here: records.

use crate::wire::{Name, hash_name};

/// Names that one search passes at most; a file of names chosen to collide is refused rather than read for hours.
const PROBES_MAX: usize = 4_096;

/// Names by number, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Names {
    octets: Vec<u8>,
    /// Where each name ends.
    ends: Vec<u32>,
    hashes: Vec<u64>,
    /// Number plus one, 0 if empty; always at least twice as many as names.
    slots: Vec<u32>,
}

impl Names {
    /// Returns the number of a name in lower case, new or known; `None` if names exceed 4 GiB or too many collide.
    pub(super) fn intern(&mut self, folded: &[u8]) -> Option<u32> {
        if (self.ends.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let hash = hash_name(folded);
        let at = match self.probe(hash, folded) {
            Ok(number) => return Some(number),
            Err(at) => at?,
        };
        let number = u32::try_from(self.ends.len()).ok()?;
        let end = u32::try_from(self.octets.len() + folded.len()).ok()?;
        self.octets.extend_from_slice(folded);
        self.ends.push(end);
        self.hashes.push(hash);
        self.slots[at] = number.checked_add(1)?;
        Some(number)
    }

    /// Returns the number of a known name in lower case.
    pub(super) fn find(&self, folded: &[u8]) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        self.probe(hash_name(folded), folded).ok()
    }

    /// Counts the names.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns a name's octets, in lower case.
    pub(super) fn octets(&self, number: u32) -> &[u8] {
        let at = number as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.octets[start as usize..self.ends[at] as usize]
    }

    /// Returns a name.
    pub(super) fn name(&self, number: u32) -> Name {
        Name::from_wire(self.octets(number)).map_or_else(|_| Name::root(), |(name, _)| name)
    }

    /// Finds a name, or the slot where it would stand, if that is near enough.
    fn probe(&self, hash: u64, folded: &[u8]) -> Result<u32, Option<usize>> {
        let mask = self.slots.len() - 1;
        // The high half too: multiplicative hashes mix it best.
        let mut at = (hash ^ (hash >> 32)) as usize & mask;
        for _ in 0..PROBES_MAX {
            let Some(number) = self.slots[at].checked_sub(1) else {
                return Err(Some(at));
            };
            if self.hashes[number as usize] == hash && self.octets(number) == folded {
                return Ok(number);
            }
            at = (at + 1) & mask;
        }
        Err(None)
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(64);
        let mask = size - 1;
        self.slots = vec![0; size];
        for (number, hash) in (1u32..).zip(&self.hashes) {
            let mut at = (hash ^ (hash >> 32)) as usize & mask;
            while self.slots[at] != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_name_one_number() {
        let mut names = Names::default();
        let name = |text: String| Name::parse_absolute(&text).expect("a name").to_folded();
        for number in 0..1_000 {
            let folded = name(format!("n{number}.example"));
            assert_eq!(names.intern(&folded), Some(number));
        }
        for number in 0..1_000 {
            let folded = name(format!("N{number}.Example"));
            assert_eq!(names.intern(&folded), Some(number));
            assert_eq!(names.octets(number), folded);
        }
        assert_eq!(names.find(&name("absent.example".to_owned())), None);
        assert_eq!(names.len(), 1_000);
    }
}
