//! Types and keys of checks that take effect in a later release: read, judged and noted.
//!
//! In: the table of a check. Out: whether it is a gate. Never here: types that are in effect.

use std::time::Duration;

use super::checks::with_common;
use super::probes::{
    PROBING_KEYS, TIMEOUT_MAX, TLS_KEYS, missing_port, read_endpoint, read_schedule, read_tls,
    take_host,
};
use super::reader::Reader;
use super::table::Table;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::model::{CheckKind, Span};
use crate::wire::Rtype;

/// Reads the types that take effect in a later release, judging every key.
pub(super) fn read_not_yet(
    reader: &mut Reader<'_>,
    mut table: Table<'_>,
    kind: &'static str,
) -> Option<CheckKind> {
    let mut keys = with_common(&[]);
    let mut is_gate = kind == "prometheus" || kind == "heartbeat";
    if kind != "heartbeat" {
        keys.extend_from_slice(&PROBING_KEYS[..6]);
        read_schedule(reader, &mut table);
    }
    if !is_gate {
        keys.extend_from_slice(&PROBING_KEYS[6..]);
        is_gate = read_endpoint(reader, &mut table).is_none_or(|endpoint| endpoint.is_some());
        match table.take_value("port") {
            Some(value) => {
                reader.faults.integer(&value, 1, 65535);
            }
            None if kind == "grpc" => missing_port(reader, &table, kind),
            None => {}
        }
    }
    let noun = format!("a check of type `{kind}`");
    match kind {
        "dns" => read_dns(reader, &mut table, &mut keys),
        "grpc" | "tls" => {
            keys.extend_from_slice(TLS_KEYS);
            let host = take_host(reader, &mut table, "host");
            read_tls(reader, &mut table, host);
            if kind == "grpc" {
                keys.push("service");
                if let Some(value) = table.take_value("service") {
                    reader.faults.line(&value, 255);
                }
            } else {
                keys.push("days-left");
                if let Some(value) = table.take_value("days-left") {
                    reader.faults.integer(&value, 0, 365);
                }
            }
        }
        "exec" => {
            keys.push("command");
            let takes_address = read_command(reader, &mut table);
            is_gate = is_gate || !takes_address;
        }
        "prometheus" => read_prometheus(reader, &mut table, &mut keys),
        _ => {
            keys.push("every");
            let help = "say how often the heartbeat comes, for example `every = \"1m\"`";
            if let Some(value) = table.require("every", help, &mut reader.faults) {
                reader.faults.duration(
                    &value,
                    Duration::from_secs(1),
                    Duration::from_secs(7 * 86_400),
                );
            }
        }
    }
    table.finish(&noun, &keys, &mut reader.faults);
    Some(CheckKind::NotYet { kind, is_gate })
}

fn read_dns(reader: &mut Reader<'_>, table: &mut Table<'_>, keys: &mut Vec<&'static str>) {
    keys.extend_from_slice(&["query", "expect"]);
    let help = "write a name and a type, for example `query = \"www.example.com. A\"`";
    if let Some(value) = table.require("query", help, &mut reader.faults)
        && let Some(text) = reader.faults.text(&value)
    {
        let words: Vec<&str> = text.split_whitespace().collect();
        let is_right = matches!(words.as_slice(), [name, rtype]
            if crate::wire::Name::parse_absolute(name).is_ok() && Rtype::parse(rtype).is_some());
        if !is_right {
            reader.faults.push(
                Diagnostic::fault(
                    "L020",
                    value.span(),
                    &value.path,
                    format!("`{text}` is no question"),
                )
                .label("not a name and a type")
                .help(help),
            );
        }
    }
    if let Some(value) = table.take_value("expect") {
        for item in value.one_or_items() {
            reader.faults.text(&item);
        }
    }
}

/// Reads `command`; says whether `{address}` in it makes a recipe.
fn read_command(reader: &mut Reader<'_>, table: &mut Table<'_>) -> bool {
    let help =
        "list the program and its arguments: `command = [\"/usr/bin/check\", \"{address}\"]`";
    let Some(value) = table.require("command", help, &mut reader.faults) else {
        return true;
    };
    let Some(items) = value.items() else {
        reader
            .faults
            .wrong_type(&value, "a list of the program and its arguments");
        return true;
    };
    reader.faults.count(&value, items.len(), 64);
    let mut takes_address = false;
    for item in &items {
        if let Some(text) = reader.faults.text(item) {
            takes_address |= text.contains("{address}");
        }
    }
    takes_address
}

fn read_prometheus(reader: &mut Reader<'_>, table: &mut Table<'_>, keys: &mut Vec<&'static str>) {
    keys.extend_from_slice(&["url", "query", "healthy-if"]);
    for (key, help) in [
        (
            "url",
            "write for example `url = \"http://prometheus:9090\"`",
        ),
        ("query", "write the expression to evaluate"),
        (
            "healthy-if",
            "write a comparison, for example `healthy-if = \"< 0.05\"`",
        ),
    ] {
        let Some(value) = table.require(key, help, &mut reader.faults) else {
            continue;
        };
        let Some(text) = reader.faults.text(&value) else {
            continue;
        };
        let is_right = match key {
            "url" => text.starts_with("http://") || text.starts_with("https://"),
            "healthy-if" => is_comparison(text),
            _ => !text.trim().is_empty(),
        };
        if !is_right {
            reader.faults.push(
                Diagnostic::fault(
                    "L029",
                    value.span(),
                    &value.path,
                    format!("`{key}` cannot be `{text}`"),
                )
                .label("not understood")
                .help(help),
            );
        }
    }
}

fn is_comparison(text: &str) -> bool {
    let operators = ["<=", ">=", "==", "!=", "<", ">"];
    operators
        .iter()
        .find_map(|operator| text.trim().strip_prefix(operator))
        .is_some_and(|number| number.trim().parse::<f64>().is_ok_and(f64::is_finite))
}

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
