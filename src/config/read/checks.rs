//! `[checks]`: how to judge.
//!
//! In: one table of `[checks]`. Out: a [`CheckModel`]. Never here: what a check is applied to; rules that need pools
//! and members are judged once all is read.

use super::local_checks::{read_exec, read_heartbeat};
use super::probes::read_probe;
use super::protocols::read_prometheus;
use super::reader::{Reader, UsedOn};
use super::table::{Entry, Table, Value};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::model::{CalculatedRule, CheckKind, CheckModel, CheckRef};

/// Every check type.
const TYPES: &[&str] = &[
    "http",
    "https",
    "tcp",
    "dns",
    "grpc",
    "tls",
    "exec",
    "prometheus",
    "heartbeat",
    "manual",
    "calculated",
];
/// Keys that every check has.
pub(super) const COMMON_KEYS: &[&str] = &["type", "invert", "disabled", "unknown"];
/// Most children of a calculated check (zone format, section 2).
const CHILDREN_MAX: usize = 256;
/// Most switches of a panel; chosen, as many as children.
const SWITCHES_MAX: usize = 256;

/// Reads one check.
pub(super) fn read_check(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<CheckModel> {
    let Some(mut table) = entry.value.as_table() else {
        reader
            .faults
            .wrong_type(&entry.value, "a table with `type`");
        return None;
    };
    let invert = take_boolean(reader, &mut table, "invert");
    let disabled = take_boolean(reader, &mut table, "disabled");
    let unknown = table
        .take_value("unknown")
        .and_then(|value| reader.faults.word(&value, &["healthy", "unhealthy"]));
    let help = "say how it judges, for example `type = \"http\"`";
    let kind_value = table.require("type", help, &mut reader.faults)?;
    let kind = reader.faults.word(&kind_value, TYPES)?;
    let kind = match kind {
        "http" | "https" | "tcp" | "dns" | "tls" | "grpc" => {
            CheckKind::Probe(Box::new(read_probe(reader, table, kind)?))
        }
        "prometheus" => CheckKind::Probe(Box::new(read_prometheus(reader, table)?)),
        "manual" => read_manual(reader, table)?,
        "calculated" => read_calculated(reader, table)?,
        "exec" => CheckKind::Probe(Box::new(read_exec(reader, table)?)),
        _ => CheckKind::Probe(Box::new(read_heartbeat(reader, table, entry.key)?)),
    };
    Some(CheckModel {
        id: entry.key.to_owned(),
        kind,
        invert,
        disabled,
        unknown_is_healthy: unknown != Some("unhealthy"),
        span: entry.key_span(),
    })
}

/// Reads a truth value that is false unless written.
pub(super) fn take_boolean(reader: &mut Reader<'_>, table: &mut Table<'_>, key: &str) -> bool {
    table
        .take_value(key)
        .and_then(|value| reader.faults.boolean(&value))
        .unwrap_or(false)
}

/// Lists the keys that a check of one type may have.
pub(super) fn with_common<'k>(keys: &[&'k str]) -> Vec<&'k str> {
    let mut all = COMMON_KEYS.to_vec();
    all.extend_from_slice(keys);
    all
}

fn read_manual(reader: &mut Reader<'_>, mut table: Table<'_>) -> Option<CheckKind> {
    let noun = "a manual check";
    let Some(switches) = table.take_value("switches") else {
        let on = table
            .take_value("on")
            .map_or(Some(true), |value| reader.faults.boolean(&value));
        table.finish(noun, &with_common(&["on", "switches"]), &mut reader.faults);
        return Some(CheckKind::Manual { on: on? });
    };
    if let Some(on) = table.take("on") {
        reader.faults.push(
            Diagnostic::fault(
                "L019",
                on.key_span(),
                &on.value.path,
                "`on` and `switches` exclude each other".to_owned(),
            )
            .label("a panel has a value for each switch")
            .related(switches.span(), "the switches"),
        );
    }
    let panel = read_panel(reader, &mut table, &switches);
    let known = with_common(&["switches", "at-least", "at-most"]);
    table.finish(noun, &known, &mut reader.faults);
    panel
}

/// Reads the switches of a panel and their bounds, which the first values must keep (rule a39).
fn read_panel(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
    value: &Value<'_>,
) -> Option<CheckKind> {
    let (least, most) = (table.take_value("at-least"), table.take_value("at-most"));
    let Some(written) = value.as_table() else {
        let wanted = "a table such as `{ blue = true, green = false }`";
        reader.faults.wrong_type(value, wanted);
        return None;
    };
    if !reader.faults.count(value, written.len(), SWITCHES_MAX) {
        return None;
    }
    let mut switches = Vec::new();
    for entry in written.entries() {
        super::index::validate_id(reader, entry, "a switch");
        if let Some(on) = reader.faults.boolean(&entry.value) {
            switches.push((entry.key.to_owned(), on));
        }
    }
    let count = i64::try_from(written.len()).ok()?;
    let mut bound = |value: Option<Value<'_>>, default: usize| {
        value.map_or(Some(default), |value| {
            reader.faults.number(&value, 0, count)
        })
    };
    let (at_least, at_most) = (bound(least, 0)?, bound(most, written.len())?);
    let on = switches.iter().filter(|(_, on)| *on).count();
    let message = if at_least > at_most {
        "`at-least` is above `at-most`".to_owned()
    } else if !(at_least..=at_most).contains(&on) {
        format!("{on} switches are on at first; the panel allows {at_least} to {at_most}")
    } else {
        return Some(CheckKind::Panel {
            switches,
            at_least,
            at_most,
        });
    };
    reader.faults.push(
        Diagnostic::fault("L038", value.span(), &value.path, message)
            .label("these switches")
            .related(table.span(), "this panel"),
    );
    None
}

/// Reads `all`, `any`, `not` or `at-least` with `of`: exactly one form.
fn read_calculated(reader: &mut Reader<'_>, mut table: Table<'_>) -> Option<CheckKind> {
    let span = table.span();
    let path = table.path.clone();
    let keys = ["all", "any", "not", "at-least", "of"];
    let found: Vec<Entry<'_>> = keys.iter().filter_map(|key| table.take(key)).collect();
    table.finish(
        "a calculated check",
        &with_common(&keys),
        &mut reader.faults,
    );
    let names: Vec<&str> = found.iter().map(|entry| entry.key).collect();
    let (rule, list) = match names.as_slice() {
        ["all"] => (CalculatedRule::All, &found[0].value),
        ["any"] => (CalculatedRule::Any, &found[0].value),
        ["not"] => (CalculatedRule::Not, &found[0].value),
        ["at-least", "of"] => {
            let least = reader.faults.number::<usize>(&found[0].value, 0, 256)?;
            (CalculatedRule::AtLeast(least), &found[1].value)
        }
        _ => {
            wrong_rule(reader, &found, span, &path);
            return None;
        }
    };
    let children: Vec<CheckRef> = reader.check_refs(list, UsedOn::Calculated);
    if rule == CalculatedRule::Not && children.len() > 1 {
        reader.faults.push(
            Diagnostic::fault(
                "L015",
                list.span(),
                &list.path,
                "`not` takes exactly one check".to_owned(),
            )
            .label("more than one"),
        );
        return None;
    }
    if let CalculatedRule::AtLeast(least) = rule
        && least > children.len()
        && children.len() == list.one_or_items().len()
    {
        reader.faults.push(
            Diagnostic::warning(
                "L073",
                found[0].value.span(),
                &found[0].value.path,
                format!(
                    "at least {least} of {} checks can never hold",
                    children.len()
                ),
            )
            .label("more than are listed")
            .related(list.span(), "the checks"),
        );
    }
    (!children.is_empty() && children.len() <= CHILDREN_MAX)
        .then_some(CheckKind::Calculated { rule, children })
}

/// Reports a calculated check with no rule, half a rule or two.
fn wrong_rule(reader: &mut Reader<'_>, found: &[Entry<'_>], table: Span, table_path: &str) {
    let (message, span, path) = match found {
        [] => (
            "a calculated check needs a rule".to_owned(),
            table,
            table_path,
        ),
        [entry] => (
            format!("`{}` needs `at-least` and `of` together", entry.key),
            entry.key_span(),
            entry.value.path.as_str(),
        ),
        [_, entry, ..] => (
            "a calculated check has exactly one rule".to_owned(),
            entry.key_span(),
            entry.value.path.as_str(),
        ),
    };
    let mut diagnostic = Diagnostic::fault("L019", span, path, message).help(
        "use one of `all = [...]`, `any = [...]`, `not = \"x\"`, or `at-least = 2` with `of = [...]`",
    );
    if let [first, _, ..] = found {
        diagnostic = diagnostic
            .label("one too many")
            .related(first.key_span(), "the first");
    }
    reader.faults.push(diagnostic);
}
