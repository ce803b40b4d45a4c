//! Records: type keys, RDATA, TXT, lists with checks.
//!
//! In: values of type keys. Out: wire RDATA, static RRsets, anonymous pools. Never here: which types may stand together.

use std::ops::Range;

use super::hints::{rdata_of, validate_count};
use super::known::{Key, finish, seconds};
use super::members::plain_member;
use super::names::TypeContent;
use super::nodes::read_node;
use super::pools::type_of;
use super::reader::{Item, NameUse, Reader, UsedOn};
use crate::config::keys::{KeyGroup, keys_of};
use crate::config::values::{Entry, Value};
use crate::diagnostic::Diagnostic;
use crate::model::{
    MemberModel, MemberValue, MinHealthy, NodeKind, PoolBody, PoolModel, ProbeOverride, RrsetModel,
    TtlModel,
};
use crate::wire::{
    RdataFault, Rtype, TxtSlip, find_text_habit, holds_raw_text, parse_rdata, txt_rdata,
};

/// Most records of one type at one name; chosen: far more than fit into a message of 64 KiB.
const RECORDS_MAX: usize = 4_000;
/// Longest TXT string (RFC 1035, section 3.3).
const TXT_STRING_MAX: usize = 255;

/// Reads a type key: a mnemonic in capitals or `TYPEnnn`.
pub(in crate::config) fn parse_type_key(key: &str) -> Option<Rtype> {
    let is_capital = key
        .bytes()
        .all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit() || octet == b'-');
    Rtype::parse(key).filter(|_| is_capital)
}

/// Says whether a type is one that zones hold: not a question, not a message part (RFC 6895, section 3.1).
pub(super) fn is_data_type(rtype: Rtype) -> bool {
    !(rtype.0 == 0 || rtype == Rtype::OPT || (128..=255).contains(&rtype.0))
}

/// Reads what stands under a type key of a name.
pub(super) fn read_type_key(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    rtype: Rtype,
) -> Option<TypeContent> {
    let value = &entry.value;
    if let Some(table) = value.as_table()
        && !table.has("data")
    {
        if keys_of(&[KeyGroup::Policy], &[])
            .iter()
            .any(|key| table.has(key))
            || table.len() == 0
        {
            return read_node(reader, value, 0).map(TypeContent::Policy);
        }
        if !table.has("check") {
            return read_node(reader, value, 0).map(TypeContent::Policy);
        }
    }
    let set = read_set(reader, value)?;
    let value = &set.data;
    let items = if holds_raw_text(rtype) && is_string_list(value) {
        // A plain list is one TXT record an item (rule a8).
        value.items().unwrap_or_default()
    } else {
        value.one_or_items()
    };
    if !reader.faults.count(value, items.len(), RECORDS_MAX) {
        return None;
    }
    let has_checks = set.check.is_some()
        || items
            .iter()
            .any(|item| item.as_table().is_some_and(|table| table.has("check")));
    let mut records: Vec<MemberModel> = Vec::with_capacity(items.len());
    for item in &items {
        records.extend(read_item(reader, (entry.key, rtype), item));
    }
    if let Some(check) = set.check.filter(|_| !comes_uncheckable(rtype)) {
        for record in records.iter_mut().filter(|record| record.checks.is_none()) {
            record.checks = Some(reader.check_refs(&check, UsedOn::Policy));
        }
    }
    if rtype == Rtype::SPF && entry.key == "SPF" {
        warn_of_spf(reader, entry);
    }
    warn_repeats(reader, value, &mut records);
    validate_count(reader, value, rtype, &records);
    if has_checks && may_be_checked(reader, entry, rtype) {
        // All that are healthy are answered, which is counted in one octet.
        reader
            .faults
            .count(value, records.len(), usize::from(u8::MAX));
        return Some(make_pool(reader, entry, (records, set.ttl)));
    }
    let rdata = records
        .into_iter()
        .filter_map(|member| match member.value {
            MemberValue::Record(_, octets) => Some(octets),
            _ => None,
        })
        .collect();
    Some(TypeContent::Static(RrsetModel {
        rtype,
        rdata,
        ttl: set.ttl,
        span: entry.key_span(),
    }))
}

/// What stands under a type key: records, and what holds for all of them.
struct RecordSet<'d> {
    data: Value<'d>,
    ttl: Option<u32>,
    check: Option<Value<'d>>,
}

/// Reads `{ data = ..., ttl = ..., check = ... }`; anything else is the records themselves, `{ data, check }` among
/// them.
fn read_set<'d>(reader: &mut Reader<'_>, value: &Value<'d>) -> Option<RecordSet<'d>> {
    let plain = |data: Value<'d>| RecordSet {
        data,
        ttl: None,
        check: None,
    };
    let Some(mut table) = value.as_table() else {
        return Some(plain(value.clone()));
    };
    if !table.has("ttl") {
        return match table.take_value("data") {
            Some(data) if data.items().is_some() => {
                let check = table.take_value("check");
                finish(
                    table,
                    "a record set",
                    (&[KeyGroup::RecordSet], &[]),
                    &mut reader.faults,
                );
                Some(RecordSet {
                    check,
                    ..plain(data)
                })
            }
            _ => Some(plain(value.clone())),
        };
    }
    let ttl = table.take_value("ttl").and_then(|value| {
        seconds(
            &value,
            Key(KeyGroup::RecordSet, "ttl", ""),
            &mut reader.faults,
        )
    });
    let help = "write `{ data = [...], ttl = \"1d\" }`";
    let data = table.require("data", help, &mut reader.faults);
    let check = table.take_value("check");
    finish(
        table,
        "a record set",
        (&[KeyGroup::RecordSet], &[]),
        &mut reader.faults,
    );
    Some(RecordSet {
        data: data?,
        ttl,
        check,
    })
}

/// Warns of the type that SPF once had.
fn warn_of_spf(reader: &mut Reader<'_>, entry: &Entry<'_>) {
    let message = "nobody asks for the type SPF any more (RFC 7208, section 3.1)".to_owned();
    reader.faults.push(
        Diagnostic::warning("L076", entry.key_span(), &entry.value.path, message)
            .label("served, and not looked at")
            .help("write it as `TXT`, with the same text"),
    );
}

/// Warns of text that is served otherwise than meant.
fn warn_of_text(reader: &mut Reader<'_>, value: &Value<'_>, (rtype, octets): (Rtype, &[u8])) {
    let Some(habit) = find_text_habit(rtype, octets) else {
        return;
    };
    let message = format!("{}: served is `{}`", habit.why.words(), habit.served);
    let found = Diagnostic::warning("L076", value.span(), &value.path, message)
        .label("served as it stands");
    reader.faults.push(match (habit.why, habit.meant) {
        (TxtSlip::Strings, Some(meant)) => found.help(format!(
            "if `{meant}` is meant, write that: it is cut into strings for you; `[[\"one\", \"two\"]]` says where"
        )),
        (_, Some(meant)) => found.help(format!("if `{meant}` is meant, write that")),
        (_, None) => found.help("write the whole text; a `;` in it needs nothing before it"),
    });
}

fn is_string_list(value: &Value<'_>) -> bool {
    value.raw.as_array().is_some()
}

/// Reads one item: RDATA text, or `{ data, check }`.
fn read_item(
    reader: &mut Reader<'_>,
    (key, rtype): (&str, Rtype),
    item: &Value<'_>,
) -> Option<MemberModel> {
    let Some(mut table) = item.as_table() else {
        let octets = read_keyed_record(reader, (key, rtype), item)?;
        return Some(plain_member(MemberValue::Record(rtype, octets), item));
    };
    let data = table.require(
        "data",
        "write `{ data = \"...\", check = \"...\" }`",
        &mut reader.faults,
    );
    let checks = table
        .take_value("check")
        .filter(|_| !comes_uncheckable(rtype))
        .map(|value| reader.check_refs(&value, UsedOn::Policy));
    finish(
        table,
        "a record",
        (&[KeyGroup::Record], &[]),
        &mut reader.faults,
    );
    let octets = read_keyed_record(reader, (key, rtype), &data?)?;
    Some(MemberModel {
        checks,
        ..plain_member(MemberValue::Record(rtype, octets), item)
    })
}

/// Types whose records have no checks of their own.
fn comes_uncheckable(rtype: Rtype) -> bool {
    matches!(
        rtype,
        Rtype::A | Rtype::AAAA | Rtype::CNAME | Rtype::NS | Rtype::DS
    )
}

/// Says whether records of a type may have checks; addresses belong into a pool (rule a47).
fn may_be_checked(reader: &mut Reader<'_>, entry: &Entry<'_>, rtype: Rtype) -> bool {
    let is_refused = comes_uncheckable(rtype);
    if is_refused {
        let help = match rtype {
            Rtype::A | Rtype::AAAA => {
                "make a pool: `[pools.x]` with `members` and `check`, and let the name lead to it"
            }
            Rtype::CNAME => "make a pool of members with `target`, and let the name lead to it",
            _ => "the type that holds the zone together does not come and go with health",
        };
        reader.faults.push(
            Diagnostic::fault(
                "L070",
                entry.key_span(),
                &entry.value.path,
                format!("{rtype} records cannot have checks of their own"),
            )
            .label("with checks")
            .help(help),
        );
    }
    !is_refused
}

/// Makes an anonymous pool of a record list with checks (rule a47).
fn make_pool(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    (records, ttl): (Vec<MemberModel>, Option<u32>),
) -> TypeContent {
    let pool = reader.index.pools.len() + reader.anonymous.len();
    let answers = u8::try_from(records.len()).unwrap_or(u8::MAX);
    reader.anonymous.push(PoolModel {
        id: entry.value.path.clone(),
        body: PoolBody::Members(records),
        checks: Vec::new(),
        probe: ProbeOverride::default(),
        location: None,
        site: entry.value.path.clone(),
        min_healthy: MinHealthy::Count(1),
        capacity_percent: None,
        ramp: std::time::Duration::ZERO,
        ttl: ttl.map(|secs| TtlModel {
            min: secs,
            max: secs,
        }),
        // All healthy records are answered, not a selection.
        answers: Some(answers),
        families: None,
        span: entry.key_span(),
    });
    reader.add_edge(Item::Pool(pool), 0, &entry.value, false);
    TypeContent::Policy(super::nodes::plain_node(
        NodeKind::Pool(pool),
        entry.key_span(),
    ))
}

fn warn_repeats(reader: &mut Reader<'_>, value: &Value<'_>, records: &mut Vec<MemberModel>) {
    let mut seen: std::collections::HashMap<Vec<u8>, usize> = std::collections::HashMap::new();
    let mut kept: Vec<MemberModel> = Vec::with_capacity(records.len());
    for record in records.drain(..) {
        let MemberValue::Record(_, octets) = &record.value else {
            continue;
        };
        if let Some(first) = seen.get(&octets[..]) {
            let first: &MemberModel = &kept[*first];
            reader.faults.push(
                Diagnostic::warning(
                    "L071",
                    record.span.clone(),
                    &value.path,
                    "this record stands twice; it is answered once".to_owned(),
                )
                .label("again here")
                .related(first.span.clone(), "first here"),
            );
            continue;
        }
        seen.insert(octets.to_vec(), kept.len());
        kept.push(record);
    }
    debug_assert!(kept.iter().all(|record| type_of(&record.value).is_some()));
    *records = kept;
}

/// Reads the RDATA of one record as its type key has it: under `TYPE16` TXT is master-file text, for octets that are
/// no text.
pub(super) fn read_keyed_record(
    reader: &mut Reader<'_>,
    (key, rtype): (&str, Rtype),
    value: &Value<'_>,
) -> Option<Box<[u8]>> {
    if key.starts_with("TYPE") {
        read_master_text(reader, rtype, value)
    } else {
        read_record(reader, rtype, value)
    }
}

/// Reads the RDATA of one record: master-file text, or raw text for TXT (rule a8).
pub(super) fn read_record(
    reader: &mut Reader<'_>,
    rtype: Rtype,
    value: &Value<'_>,
) -> Option<Box<[u8]>> {
    if holds_raw_text(rtype) {
        let octets = read_txt(reader, value)?;
        warn_of_text(reader, value, (rtype, &octets));
        Some(octets)
    } else {
        read_master_text(reader, rtype, value)
    }
}

fn read_master_text(reader: &mut Reader<'_>, rtype: Rtype, value: &Value<'_>) -> Option<Box<[u8]>> {
    let Some(text) = value.as_str() else {
        reader
            .faults
            .wrong_type(value, &format!("the text of a {rtype} record"));
        return None;
    };
    match parse_rdata(rtype, text, &reader.apex) {
        Ok(parsed) => {
            let octets = rdata_of(reader, value, &parsed);
            if let Some(octets) = octets.as_deref().filter(|_| !holds_raw_text(rtype)) {
                warn_of_text(reader, value, (rtype, octets));
            }
            for written in parsed
                .names
                .into_iter()
                .filter(|written| written.is_relative)
            {
                reader.name_uses.push(NameUse {
                    name: written.name,
                    text: written.text,
                    labels_written: written.labels_written,
                    span: value.span(),
                    path: value.path.clone(),
                });
            }
            octets
        }
        Err(fault) => {
            push_rdata_fault(reader, rtype, value, text, fault);
            None
        }
    }
}

/// Reads TXT: text cut at 255 octets, or a list of the strings of one record.
fn read_txt(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Box<[u8]>> {
    let mut strings: Vec<&[u8]> = Vec::new();
    if let Some(items) = value.items() {
        if !reader.faults.count(value, items.len(), TXT_STRING_MAX) {
            return None;
        }
        for item in &items {
            let text = reader.faults.text(item)?;
            if text.len() > TXT_STRING_MAX {
                reader.faults.push(
                    Diagnostic::fault(
                        "L061",
                        item.span(),
                        &item.path,
                        format!("a string of a TXT record has at most {TXT_STRING_MAX} bytes"),
                    )
                    .label(format!("{} bytes", text.len()))
                    .help("write it outside the inner list: long text is cut into strings for you"),
                );
                return None;
            }
            strings.push(text.as_bytes());
        }
    } else {
        let text = reader.faults.text(value)?;
        return match read_text_strings(text) {
            Ok(octets) => Some(octets),
            Err(fault) => {
                push_rdata_fault(reader, Rtype::TXT, value, "", fault);
                None
            }
        };
    }
    match txt_rdata(&strings) {
        Ok(octets) => Some(octets),
        Err(fault) => {
            push_rdata_fault(reader, Rtype::TXT, value, "", fault);
            None
        }
    }
}

/// Makes one TXT record of a text, cut at 255 octets.
pub(super) fn read_text_strings(text: &str) -> Result<Box<[u8]>, RdataFault> {
    let mut strings: Vec<&[u8]> = text.as_bytes().chunks(TXT_STRING_MAX).collect();
    if strings.is_empty() {
        strings.push(&[]);
    }
    txt_rdata(&strings)
}

fn push_rdata_fault(
    reader: &mut Reader<'_>,
    rtype: Rtype,
    value: &Value<'_>,
    text: &str,
    fault: RdataFault,
) {
    let span = fault
        .range
        .and_then(|range| locate(reader.faults.text, &value.range, text, range));
    let mut diagnostic = Diagnostic::fault(
        "L061",
        span.map_or_else(|| value.span(), crate::diagnostic::Span),
        &value.path,
        fault.message,
    )
    .label(format!("not {rtype} data"));
    diagnostic.help = fault.help;
    reader.faults.push(diagnostic);
}

/// Finds a part of a string value in the file; only where the file holds it letter by letter.
fn locate(
    source: &str,
    value: &Range<usize>,
    text: &str,
    part: Range<usize>,
) -> Option<Range<usize>> {
    let written = source.get(value.clone())?;
    let start = value.start + written.find(text)?;
    let fits = part.start <= part.end && part.end <= text.len();
    let range = start + part.start..start + part.end;
    (fits && !text.is_empty() && source.get(range.clone()).is_some()).then_some(range)
}
