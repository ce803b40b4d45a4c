//! `[checks]`: how to judge.
//!
//! In: one table of `[checks]`. Out: a [`CheckModel`]. Never here: what a check is applied to; rules that need pools
//! and members are judged once all is read.

use super::known::{Key, finish, number, take_boolean};
use super::local_checks::{read_exec, read_heartbeat};
use super::probes::read_probe;
use super::protocols::read_prometheus;
use super::reader::{Reader, UsedOn};
use crate::config::keys::{KeyGroup, words_of};
use crate::config::values::{Entry, Faults, Table, Value};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::model::{CalculatedRule, CheckKind, CheckModel, CheckRef};

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
    let invert = common(&mut table, "invert", &mut reader.faults);
    let disabled = common(&mut table, "disabled", &mut reader.faults);
    let unknown = table.take_value("unknown").and_then(|value| {
        reader
            .faults
            .word(&value, words_of(KeyGroup::Check, "unknown"))
    });
    let help = "say how it judges, for example `type = \"http\"`";
    let kind_value = table.require("type", help, &mut reader.faults)?;
    let kind = reader
        .faults
        .word(&kind_value, words_of(KeyGroup::Check, "type"))?;
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

/// Reads a truth value of every check, which is false unless written.
fn common(table: &mut Table<'_>, key: &str, faults: &mut Faults<'_>) -> bool {
    take_boolean(table, Key(KeyGroup::Check, key, ""), faults).unwrap_or(false)
}

fn read_manual(reader: &mut Reader<'_>, mut table: Table<'_>) -> Option<CheckKind> {
    let noun = "a manual check";
    let Some(switches) = table.take_value("switches") else {
        let key = Key(KeyGroup::Check, "on", "manual");
        let on = take_boolean(&mut table, key, &mut reader.faults);
        finish(
            table,
            noun,
            (&[KeyGroup::Check], &["manual"]),
            &mut reader.faults,
        );
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
    finish(
        table,
        noun,
        (&[KeyGroup::Check], &["panel"]),
        &mut reader.faults,
    );
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
    let of = (&[KeyGroup::Check][..], &["calculated"][..]);
    finish(table, "a calculated check", of, &mut reader.faults);
    let names: Vec<&str> = found.iter().map(|entry| entry.key).collect();
    let (rule, list) = match names.as_slice() {
        ["all"] => (CalculatedRule::All, &found[0].value),
        ["any"] => (CalculatedRule::Any, &found[0].value),
        ["not"] => (CalculatedRule::Not, &found[0].value),
        ["at-least", "of"] => {
            let least = number::<usize>(
                &found[0].value,
                Key(KeyGroup::Check, "at-least", "calculated"),
                &mut reader.faults,
            )?;
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
