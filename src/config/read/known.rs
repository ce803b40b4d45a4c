//! Values with the bounds and defaults that the table of keys gives them, and what is no key of a table.
//!
//! In: a table. Out: values, findings. Never here: which keys there are.

use std::time::Duration;

use crate::clock::parse_duration;
use crate::config::keys::{KeyGroup, KeyKind, ZoneKey, home, keys_of, row};
use crate::config::values::{Faults, Known, Table, Value};

/// Reports every key that was not read. `groups` and `of` say which keys the table may have.
pub(super) fn finish(
    table: Table<'_>,
    noun: &str,
    (groups, of): (&[KeyGroup], &[&str]),
    faults: &mut Faults<'_>,
) {
    if table.is_read() {
        return;
    }
    let known = Known {
        noun,
        keys: &keys_of(groups, of),
        home: &home,
        has_names: true,
    };
    table.finish(&known, faults);
}

/// A key of a table of one type or policy.
#[derive(Clone, Copy)]
pub(super) struct Key<'k>(pub(super) KeyGroup, pub(super) &'k str, pub(super) &'k str);

impl Key<'_> {
    fn row(self) -> &'static ZoneKey {
        row(self.0, self.1)
    }
}

/// Reads a whole number, or takes its default; `None` after a fault.
pub(super) fn take_number<N: TryFrom<i64>>(
    table: &mut Table<'_>,
    key: Key<'_>,
    faults: &mut Faults<'_>,
) -> Option<N> {
    match table.take_value(key.1) {
        Some(value) => number(&value, key, faults),
        None => N::try_from(key.row().default_of(key.2).parse().ok()?).ok(),
    }
}

/// Reads a whole number within the bounds of its key.
pub(super) fn number<N: TryFrom<i64>>(
    value: &Value<'_>,
    key: Key<'_>,
    faults: &mut Faults<'_>,
) -> Option<N> {
    let KeyKind::Integer(min, max) = key.row().kind else {
        unreachable!("`{}` takes a number", key.1);
    };
    faults.number(value, min, max)
}

/// Reads a duration, or takes its default; `None` after a fault.
pub(super) fn take_duration(
    table: &mut Table<'_>,
    key: Key<'_>,
    faults: &mut Faults<'_>,
) -> Option<Duration> {
    match table.take_value(key.1) {
        Some(value) => duration(&value, key, faults),
        None => default_duration(key),
    }
}

/// Reads a duration within the bounds of its key.
pub(super) fn duration(
    value: &Value<'_>,
    key: Key<'_>,
    faults: &mut Faults<'_>,
) -> Option<Duration> {
    let (min, max) = duration_bounds(key);
    faults.duration(
        value,
        Duration::from_millis(min),
        Duration::from_millis(max),
    )
}

/// Reads whole seconds, or takes their default; `None` after a fault.
pub(super) fn take_seconds(
    table: &mut Table<'_>,
    key: Key<'_>,
    faults: &mut Faults<'_>,
) -> Option<u32> {
    match table.take_value(key.1) {
        Some(value) => seconds(&value, key, faults),
        None => u32::try_from(default_duration(key)?.as_secs()).ok(),
    }
}

/// Reads whole seconds within the bounds of their key.
pub(super) fn seconds(value: &Value<'_>, key: Key<'_>, faults: &mut Faults<'_>) -> Option<u32> {
    let (min, max) = duration_bounds(key);
    faults.seconds(value, min / 1_000, max / 1_000)
}

/// Returns the default of a key that takes a duration.
pub(super) fn default_duration(key: Key<'_>) -> Option<Duration> {
    parse_duration(key.row().default_of(key.2).trim_matches('"')).ok()
}

fn duration_bounds(key: Key<'_>) -> (u64, u64) {
    match key.row().kind {
        KeyKind::Duration(min, max) => (min, max),
        _ => unreachable!("`{}` takes a duration", key.1),
    }
}

/// Reads a percentage within the bounds of its key.
pub(super) fn percent(value: &Value<'_>, key: Key<'_>, faults: &mut Faults<'_>) -> Option<u8> {
    let KeyKind::Percent(min, max) = key.row().kind else {
        unreachable!("`{}` takes a percentage", key.1);
    };
    faults.percent(value, min, max)
}

/// Reads a truth value, or takes its default; `None` after a fault.
pub(super) fn take_boolean(
    table: &mut Table<'_>,
    key: Key<'_>,
    faults: &mut Faults<'_>,
) -> Option<bool> {
    match table.take_value(key.1) {
        Some(value) => faults.boolean(&value),
        None => key.row().default_of(key.2).parse().ok(),
    }
}
