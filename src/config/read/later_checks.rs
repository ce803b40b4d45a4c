//! Keys of checks that take effect in a later release: read, judged and noted.
//!
//! In: the table of a check. Out: notes. Never here: keys that are in effect.

use std::time::Duration;

use super::probes::TIMEOUT_MAX;
use super::reader::Reader;
use super::table::Table;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::model::Span;

/// Reads and judges `degraded` (rule a56).
pub(super) fn read_degraded(reader: &mut Reader<'_>, table: &mut Table<'_>) {
    let Some(entry) = table.take("degraded") else {
        return;
    };
    let Some(mut inner) = entry.value.as_table() else {
        reader.faults.wrong_type(
            &entry.value,
            "a table such as `{ latency = \"500ms\", failures = \"20%\" }`",
        );
        return;
    };
    if !inner.has("latency") && !inner.has("failures") {
        inner.require(
            "latency",
            "state `latency`, `failures` or both",
            &mut reader.faults,
        );
    }
    if let Some(value) = inner.take_value("latency") {
        reader
            .faults
            .duration(&value, Duration::from_millis(1), TIMEOUT_MAX);
    }
    for key in ["failures", "weight"] {
        if let Some(value) = inner.take_value(key) {
            reader.faults.percent(&value, 0, 100);
        }
    }
    inner.finish(
        "`degraded`",
        &["latency", "failures", "weight"],
        &mut reader.faults,
    );
    not_yet(
        reader,
        &entry.key_span(),
        &entry.value.path,
        "until then a member is healthy or not, nothing between",
    );
}

/// Notes that a key was read and judged but acts only in a later release.
pub(super) fn not_yet(reader: &mut Reader<'_>, span: &Span, path: &str, until_then: &str) {
    let mut note = Diagnostic::fault(
        "L090",
        span.clone(),
        path,
        format!("`{path}` is not yet in effect"),
    )
    .label("read and checked")
    .help(until_then);
    note.severity = Severity::Note;
    reader.faults.push(note);
}
