//! The table of keys: which tables have a key, and where a key is at home.
//!
//! In: the rows. Out: keys by table, places in words. Never here: reading values.

use std::sync::LazyLock;

use super::check::CHECK_KEYS;
use super::key::{KeyGroup, KeyKind, ZoneKey};
use super::parts::PART_KEYS;
use super::policy::{POLICY_KEYS, TEST_KEYS};
use super::zone::ZONE_KEYS;

/// Lists every key, table by table.
pub fn zone_keys() -> impl Iterator<Item = &'static ZoneKey> {
    [ZONE_KEYS, CHECK_KEYS, POLICY_KEYS, TEST_KEYS, PART_KEYS]
        .into_iter()
        .flatten()
}

/// Rows by table, so that a name among a million reads those of its own tables only.
static ROWS: LazyLock<Vec<Vec<&'static ZoneKey>>> = LazyLock::new(|| {
    let rows_of = |group: &KeyGroup| zone_keys().filter(|key| key.group == *group).collect();
    KeyGroup::ALL.iter().map(rows_of).collect()
});

/// Returns the rows of one table.
fn rows_of(group: KeyGroup) -> impl Iterator<Item = &'static ZoneKey> {
    ROWS[group as usize].iter().copied()
}

/// Returns the keys that tables of some groups have; `of` says which of the tables, all if it is empty.
pub(in crate::config) fn keys_of(groups: &[KeyGroup], of: &[&str]) -> Vec<&'static str> {
    let is_here = |key: &&ZoneKey| {
        of.is_empty() || key.of.is_empty() || key.of.iter().any(|one| of.contains(one))
    };
    let rows = groups.iter().flat_map(|group| rows_of(*group));
    rows.filter(is_here).map(|key| key.key).collect()
}

/// Returns the row of a key that the reader reads; a test reads every key.
pub(in crate::config) fn row(group: KeyGroup, key: &str) -> &'static ZoneKey {
    rows_of(group)
        .find(|known| known.key == key)
        .expect("the table has a row for each key that is read")
}

/// Returns the words of a key that takes one of a few.
pub(in crate::config) fn words_of(group: KeyGroup, key: &str) -> &'static [&'static str] {
    match row(group, key).kind {
        KeyKind::Word(words) => words,
        _ => &[],
    }
}

/// Says whether a table of a group has a key.
pub(in crate::config) fn has_key(group: KeyGroup, key: &str) -> bool {
    rows_of(group).any(|known| known.key == key)
}

/// Says where a key is at home; `None` if no table has it.
pub(in crate::config) fn home(key: &str) -> Option<String> {
    let mut places: Vec<String> = Vec::new();
    for known in zone_keys().filter(|known| known.key == key) {
        // A type that has the key only with another key beside it stands for itself already.
        let of = known.of.iter().filter(|one| !one.contains(' '));
        let of = of.map(|one| if *one == "panel" { "manual" } else { one });
        let of: Vec<String> = of.map(|one| format!("`{one}`")).collect();
        let place = match (known.group, of.as_slice()) {
            (group, []) => group.place().to_owned(),
            (KeyGroup::Options, [one]) if one == "`node`" => known.group.place().to_owned(),
            (KeyGroup::Check, of) => format!("checks of type {}", of.join(", ")),
            (KeyGroup::Options, of) => format!("nodes with {}", of.join(", ")),
            (group, of) => format!("{} of {}", group.place(), of.join(", ")),
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    (!places.is_empty()).then(|| places.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_listed_in_the_order_of_their_numbers() {
        for (at, group) in KeyGroup::ALL.iter().enumerate() {
            assert_eq!(*group as usize, at, "{group:?}");
        }
    }
}
