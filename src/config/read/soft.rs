//! `degraded` of checks and `ramp` of pools (rules a56, a57).
//!
//! In: the table of a check or pool. Out: a rule, a duration. Never here: what becomes of weights.

use std::time::Duration;

use super::probes::TIMEOUT_MAX;
use super::reader::Reader;
use super::table::Table;
use crate::health::DegradedRule;

/// Longest ramp (zone format, section 2).
const RAMP_MAX: Duration = Duration::from_secs(3_600);

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
        .and_then(|value| faults.duration(&value, Duration::from_millis(1), TIMEOUT_MAX));
    let mut percent = |key| {
        inner
            .take_value(key)
            .and_then(|value| faults.percent(&value, 0, 100))
    };
    let failures_percent = percent("failures");
    let weight_percent = percent("weight").unwrap_or(DegradedRule::WEIGHT_PERCENT);
    inner.finish("`degraded`", &["latency", "failures", "weight"], faults);
    Some(DegradedRule {
        latency,
        failures_percent,
        weight_percent,
    })
}

/// Reads `ramp`.
pub(super) fn read_ramp(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Duration {
    let ramp = table.take_value("ramp");
    ramp.and_then(|value| reader.faults.duration(&value, Duration::ZERO, RAMP_MAX))
        .unwrap_or_default()
}
