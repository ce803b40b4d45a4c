//! `degraded` of checks (rule a56).
//!
//! In: the table of a check. Out: a rule. Never here: what becomes of weights.

use super::known::{Key, duration, finish, percent};
use super::reader::Reader;
use crate::config::keys::KeyGroup;
use crate::config::values::Table;
use crate::health::DegradedRule;

/// Reads `degraded`.
pub(super) fn read_degraded(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
) -> Option<DegradedRule> {
    let entry = table.take("degraded")?;
    let Some(mut inner) = entry.value.as_table() else {
        reader.faults.wrong_type(
            &entry.value,
            "a table such as `{ latency = \"500ms\", failures = \"20%\" }`",
        );
        return None;
    };
    let faults = &mut reader.faults;
    if !inner.has("latency") && !inner.has("failures") {
        inner.require("latency", "state `latency`, `failures` or both", faults);
    }
    let latency = inner
        .take_value("latency")
        .and_then(|value| duration(&value, Key(KeyGroup::Degraded, "latency", ""), faults));
    let mut share = |key| {
        inner
            .take_value(key)
            .and_then(|value| percent(&value, Key(KeyGroup::Degraded, key, ""), faults))
    };
    let failures_percent = share("failures");
    let weight_percent = share("weight").unwrap_or(DegradedRule::WEIGHT_PERCENT);
    finish(inner, "`degraded`", (&[KeyGroup::Degraded], &[]), faults);
    Some(DegradedRule {
        latency,
        failures_percent,
        weight_percent,
    })
}
