//! `[[expect]]` and `[[maintenance]]`.
//!
//! In: their tables. Out: [`ExpectModel`] and [`MaintenanceModel`]. Never here: running expectations; whether a
//! reference matches anything is judged once all is read.

use std::net::IpAddr;

use toml::de::DeValue;

use super::known::{Key, finish, seconds};
use super::reader::Reader;
use super::records::is_data_type;
use crate::config::keys::KeyGroup;
use crate::config::values::{Table, Value};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::suggest;
use crate::model::{CheckId, CheckRef, ExpectModel, From, MaintenanceModel, Outcome, Wanted};
use crate::wire::{Name, Rcode, Rtype};

/// Bounds of the zone format, section 2.
const EXPECTS_MAX: usize = 10_000;
const MAINTENANCE_MAX: usize = 1_000;
/// Most references in one list; chosen.
const REFERENCES_MAX: usize = 1_000;

/// Kinds of references to what can be down.
const REFERENCE_KINDS: &[&str] = &["pool:", "target:", "check:", "site:"];

pub(super) fn read_expects(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<ExpectModel> {
    let Some(items) = value.items() else {
        reader
            .faults
            .wrong_type(value, "a list of tables: `[[expect]]`");
        return Vec::new();
    };
    if !reader.faults.count(value, items.len(), EXPECTS_MAX) {
        return Vec::new();
    }
    items
        .iter()
        .filter_map(|item| read_expect(reader, item))
        .collect()
}

fn read_expect(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<ExpectModel> {
    let Some(mut table) = value.as_table() else {
        reader.faults.wrong_type(value, "a table: `[[expect]]`");
        return None;
    };
    let title = table
        .require("name", "say what is expected, in words", &mut reader.faults)
        .and_then(|value| reader.faults.line(&value, 255));
    let down = read_references(reader, &mut table, "down");
    let up = read_references(reader, &mut table, "up");
    let on = table
        .take_value("on")
        .map(|value| read_switches(reader, &value))
        .unwrap_or_default();
    let now = table
        .take_value("now")
        .and_then(|value| reader.faults.wall_time(&value));
    let ask = table
        .require(
            "ask",
            "write for example `ask = { name = \"www\", type = \"A\" }`",
            &mut reader.faults,
        )
        .and_then(|value| read_ask(reader, &value));
    let wanted = read_wanted(reader, &mut table);
    let span = table.span();
    let of = (&[KeyGroup::Expect][..], &[][..]);
    finish(table, "an expectation", of, &mut reader.faults);
    let (name, rtype, from) = ask?;
    Some(ExpectModel {
        title: title?,
        down,
        up,
        on,
        now,
        name,
        rtype,
        from,
        wanted: wanted?,
        span,
    })
}

fn read_references(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
    key: &str,
) -> Vec<(String, Span)> {
    let Some(value) = table.take_value(key) else {
        return Vec::new();
    };
    let items = value.one_or_items();
    if items.len() > REFERENCES_MAX {
        reader.faults.count(&value, items.len(), REFERENCES_MAX);
    }
    let mut references = Vec::new();
    for item in items.iter().take(REFERENCES_MAX) {
        let Some(text) = reader.faults.text(item) else {
            continue;
        };
        if REFERENCE_KINDS.iter().any(|kind| text.starts_with(kind)) {
            references.push((text.to_owned(), item.span()));
            continue;
        }
        let help = if reader.index.pool_ids.contains_key(text) {
            format!("for the pool write `\"pool:{text}\"`")
        } else if reader.index.check_ids.contains_key(text) {
            format!("for the check write `\"check:{text}\"`")
        } else {
            format!("references start with {}", suggest::list(REFERENCE_KINDS))
        };
        reader.faults.push(
            Diagnostic::fault(
                "L080",
                item.span(),
                &item.path,
                format!("`{text}` does not say what it refers to"),
            )
            .label("not a reference")
            .help(help),
        );
    }
    references
}

fn read_switches(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<(CheckId, Option<usize>)> {
    // The references are resolved like those of checks; what is no switch is refused.
    let mut switches = Vec::new();
    for item in value.one_or_items() {
        let before = reader.check_uses.len();
        let edges = reader.edges.len();
        for check in reader.check_refs(&item, super::reader::UsedOn::Policy) {
            match check {
                CheckRef::Switch(id, at) => switches.push((id, Some(at))),
                CheckRef::Check(id) if reader.index.checks[id].is_manual => {
                    switches.push((id, None));
                }
                _ => reader.faults.push(
                    Diagnostic::fault(
                        "L026",
                        item.span(),
                        &item.path,
                        "`on` lists switches of manual checks".to_owned(),
                    )
                    .label("not a switch"),
                ),
            }
        }
        // An expectation uses no check and makes no cycle.
        reader.check_uses.truncate(before);
        reader.edges.truncate(edges);
    }
    switches
}

fn read_ask(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<(Name, Rtype, Option<From>)> {
    let Some(mut table) = value.as_table() else {
        reader
            .faults
            .wrong_type(value, "a table such as `{ name = \"www\", type = \"A\" }`");
        return None;
    };
    let name_value = table.require("name", "say which name is asked", &mut reader.faults);
    let rtype = table.take_value("type").map_or(Some(Rtype::A), |value| {
        let text = reader.faults.text(&value)?;
        let found = Rtype::parse(text).filter(|rtype| is_data_type(*rtype) || *rtype == Rtype::ANY);
        if found.is_none() {
            reader.faults.push(
                Diagnostic::fault(
                    "L062",
                    value.span(),
                    &value.path,
                    format!("`{text}` is no record type"),
                )
                .label("unknown type"),
            );
        }
        found
    });
    let from = match table.take_value("from") {
        Some(value) => Some(read_from(reader, &value)?),
        None => None,
    };
    finish(table, "`ask`", (&[KeyGroup::Ask], &[]), &mut reader.faults);
    let name_value = name_value?;
    let text = reader.faults.text(&name_value)?;
    let label = "cannot be asked here";
    match Name::parse(text, &reader.apex) {
        Ok(name) if name.is_at_or_below(&reader.apex) => return Some((name, rtype?, from)),
        Ok(_) => {
            let message = format!("`{text}` lies outside the zone `{}`", reader.apex);
            let span = name_value.span();
            let found = Diagnostic::fault("L021", span, &name_value.path, message);
            reader.faults.push(found.label(label));
        }
        Err(fault) => {
            let place = (name_value.span(), name_value.path.as_str());
            reader.faults.not_a_name(place, (text, fault), label);
        }
    }
    None
}

/// Reads where a question comes from: an address or a place (rule a17).
fn read_from(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<From> {
    let text = reader.faults.text(value)?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(From::Address(address));
    }
    let place = reader.faults.place(text, value.span(), &value.path);
    place.map(From::Place)
}

fn read_wanted(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<Wanted> {
    let mut wanted = Wanted::default();
    let mut found = 0;
    if let Some(value) = table.take_value("answer") {
        found += 1;
        read_answer(reader, &value, &mut wanted);
    }
    if let Some(value) = table.take_value("share") {
        found += 1;
        read_share(reader, &value, &mut wanted);
    }
    if let Some(value) = table.take_value("rdata") {
        found += 1;
        let items = value.one_or_items();
        let texts = items
            .iter()
            .filter_map(|item| reader.faults.text(item).map(str::to_owned))
            .collect();
        wanted.rdata = Some(texts);
    }
    if let Some(value) = table.take_value("rcode") {
        found += 1;
        wanted.rcode = read_rcode(reader, &value);
    }
    if let Some(value) = table.take_value("ttl") {
        found += 1;
        wanted.ttl = seconds(&value, Key(KeyGroup::Expect, "ttl", ""), &mut reader.faults);
    }
    if found == 0 {
        reader.faults.push(
            Diagnostic::fault(
                "L082",
                table.span(),
                &table.path,
                "this expectation demands nothing".to_owned(),
            )
            .label("no demand here")
            .help("add `answer`, `share`, `rdata`, `rcode` or `ttl`"),
        );
        return None;
    }
    Some(wanted)
}

fn read_answer(reader: &mut Reader<'_>, value: &Value<'_>, wanted: &mut Wanted) {
    let outcome = match value.as_str() {
        Some("nodata") => Some(Outcome::NoData),
        Some("nxdomain") => Some(Outcome::NxDomain),
        Some("servfail") => Some(Outcome::ServFail),
        _ => None,
    };
    if outcome.is_some() {
        wanted.outcome = outcome;
        return;
    }
    let mut pools = Vec::new();
    for item in value.one_or_items() {
        let Some(text) = reader.faults.text(&item) else {
            continue;
        };
        let Some(id) = reader.pool(text, &item) else {
            continue;
        };
        let entry = &reader.index.pools[id];
        if entry.is_plain {
            if !pools.contains(&id) {
                pools.push(id);
            }
            continue;
        }
        reader.faults.push(
            Diagnostic::fault(
                "L048",
                item.span(),
                &item.path,
                format!("`{text}` has a policy; answers come from the pools below it"),
            )
            .label("not a plain pool")
            .related(entry.span.clone(), "this pool")
            .help("list the pools with members that may be answered"),
        );
    }
    wanted.pools = Some(pools);
}

fn read_share(reader: &mut Reader<'_>, value: &Value<'_>, wanted: &mut Wanted) {
    let Some(table) = value.as_table() else {
        reader
            .faults
            .wrong_type(value, "a table such as `{ eu = 60, ap = 40 }`");
        return;
    };
    reader.faults.count(value, table.len(), REFERENCES_MAX);
    for entry in table.entries() {
        let key = Value {
            raw: entry.value.raw,
            range: entry.key_range.clone(),
            path: entry.value.path.clone(),
        };
        let pool = reader.pool(entry.key, &key);
        let text = match entry.value.raw {
            DeValue::Integer(number) => Some(number.as_str()),
            DeValue::Float(number) => Some(number.as_str()),
            _ => None,
        };
        let share = text
            .and_then(|text| text.parse::<f64>().ok())
            .filter(|share| (0.0..=100.0).contains(share));
        match (pool, share) {
            (Some(pool), Some(share)) => wanted.share.push((pool, share)),
            (_, None) => reader.faults.push(
                Diagnostic::fault(
                    "L010",
                    entry.value.span(),
                    &entry.value.path,
                    format!("`{}` must be a percentage from 0 to 100", entry.value.path),
                )
                .label("a number without `%`"),
            ),
            _ => {}
        }
    }
}

fn read_rcode(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Rcode> {
    let text = reader.faults.text(value)?;
    let found = Rcode::KNOWN
        .iter()
        .find(|(_, mnemonic)| mnemonic.eq_ignore_ascii_case(text))
        .map(|(code, _)| *code);
    if found.is_none() {
        let words: Vec<&str> = Rcode::KNOWN.iter().map(|(_, mnemonic)| *mnemonic).collect();
        reader.faults.unknown_word(value, text, &words);
    }
    found
}

pub(super) fn read_maintenance(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
) -> Vec<MaintenanceModel> {
    let Some(items) = value.items() else {
        reader
            .faults
            .wrong_type(value, "a list of tables: `[[maintenance]]`");
        return Vec::new();
    };
    if !reader.faults.count(value, items.len(), MAINTENANCE_MAX) {
        return Vec::new();
    }
    items
        .iter()
        .filter_map(|item| read_period(reader, item))
        .collect()
}

fn read_period(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<MaintenanceModel> {
    let Some(mut table) = value.as_table() else {
        reader
            .faults
            .wrong_type(value, "a table: `[[maintenance]]`");
        return None;
    };
    let drain = read_references(reader, &mut table, "drain");
    let down = read_references(reader, &mut table, "down");
    if !table.has("drain") && !table.has("down") {
        table.require(
            "drain",
            "say what is drained, for example `drain = [\"site:ams\"]`, or held `down`",
            &mut reader.faults,
        );
    }
    let from_value = table.require(
        "from",
        "say when it starts, with an offset",
        &mut reader.faults,
    );
    let until_value = table.require(
        "until",
        "say when it ends, with an offset",
        &mut reader.faults,
    );
    let from = from_value
        .as_ref()
        .and_then(|value| reader.faults.wall_time(value));
    let until = until_value
        .as_ref()
        .and_then(|value| reader.faults.wall_time(value));
    let reason = table
        .require(
            "reason",
            "say why: it is shown wherever the work matters",
            &mut reader.faults,
        )
        .and_then(|value| reader.faults.line(&value, 255));
    let span = table.span();
    let of = (&[KeyGroup::Maintenance][..], &[][..]);
    finish(table, "maintenance", of, &mut reader.faults);
    let (from, until) = (from?, until?);
    if until <= from {
        reader.faults.push(
            Diagnostic::fault(
                "L081",
                until_value?.span(),
                &value.path,
                "the work ends before it starts".to_owned(),
            )
            .label("not after `from`")
            .related(from_value?.span(), "the start"),
        );
        return None;
    }
    Some(MaintenanceModel {
        drain,
        down,
        from,
        until,
        reason: reason?,
        span,
    })
}
