//! Cache whose entries expire by their TTL.
//!
//! In: values with a TTL in seconds, and the time. Out: unexpired values with their age. Never here: DNS, clocks.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::clock::Moment;

/// Value with the moments of its storage and its expiry.
#[derive(Clone, Debug)]
struct Entry<V> {
    value: V,
    stored: Moment,
    until: Moment,
}

/// Bounded table whose entries expire.
#[derive(Debug)]
pub(super) struct Kept<K, V> {
    entries: HashMap<K, Entry<V>>,
    most: usize,
}

impl<K: Eq + Hash + Clone, V> Kept<K, V> {
    /// Makes an empty table of at most `most` entries.
    pub(super) fn new(most: usize) -> Self {
        Self {
            entries: HashMap::new(),
            most,
        }
    }

    /// Returns the unexpired value of a key, and its age in whole seconds.
    pub(super) fn find(&self, key: &K, now: Moment) -> Option<(&V, u32)> {
        let entry = self.entries.get(key).filter(|entry| now < entry.until)?;
        let age = now.since(entry.stored).as_secs();
        Some((&entry.value, u32::try_from(age).unwrap_or(u32::MAX)))
    }

    /// Keeps a value for `ttl` seconds; a TTL of 0 removes the key. A full table loses its expired entries, else the
    /// one that expires first.
    pub(super) fn keep(&mut self, key: K, value: V, ttl: u32, now: Moment) {
        if ttl == 0 {
            self.entries.remove(&key);
            return;
        }
        if self.entries.len() >= self.most && !self.entries.contains_key(&key) {
            self.entries.retain(|_, entry| now < entry.until);
        }
        if self.entries.len() >= self.most && !self.entries.contains_key(&key) {
            let first = self.entries.iter().min_by_key(|(_, entry)| entry.until);
            if let Some(first) = first.map(|(key, _)| key.clone()) {
                self.entries.remove(&first);
            }
        }
        let until = now.after(Duration::from_secs(u64::from(ttl)));
        let entry = Entry {
            value,
            stored: now,
            until,
        };
        self.entries.insert(key, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ages_and_passes_with_its_ttl() {
        let mut kept = Kept::new(10);
        kept.keep("www", 1, 5, Moment::from_secs(100));
        for (millis, wanted) in [
            (100_000, Some(0)),
            (100_999, Some(0)),
            (101_000, Some(1)),
            (104_999, Some(4)),
            (105_000, None),
        ] {
            let found = kept.find(&"www", Moment::from_millis(millis));
            assert_eq!(found, wanted.map(|age| (&1, age)), "{millis}");
        }
        kept.keep("www", 2, 0, Moment::from_secs(101));
        assert_eq!(kept.find(&"www", Moment::from_secs(101)), None);
    }

    #[test]
    fn a_full_table_loses_what_has_passed_else_what_passes_first() {
        let mut kept = Kept::new(2);
        kept.keep("short", 1, 1, Moment::ZERO);
        kept.keep("long", 2, 100, Moment::ZERO);
        kept.keep("later", 3, 50, Moment::from_secs(2));
        assert!(kept.find(&"long", Moment::from_secs(3)).is_some());
        kept.keep("last", 4, 60, Moment::from_secs(3));
        let now = Moment::from_secs(4);
        let found = ["short", "long", "later", "last"].map(|key| kept.find(&key, now).is_some());
        assert_eq!(found, [false, true, false, true]);
        assert_eq!(kept.entries.len(), 2);
    }
}
