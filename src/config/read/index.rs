//! The first pass: every check, pool and name gets its number, so that references may point forward.
//!
//! In: the top-level tables. Out: the [`Index`](super::reader::Index). Never here: what the items hold.

use super::plain::{PlainLines, PlainName};
use super::plain_names::NotPlain;
use super::reader::{CheckEntry, PoolEntry, Reader};
use crate::config::values::{Entry, Value};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::wire::{LostDot, Name, find_lost_dot};

/// Bounds of the zone format, section 2.
const CHECKS_MAX: usize = 10_000;
const POOLS_MAX: usize = 10_000;
const NAMES_MAX: usize = 1_000_000;

/// Words that cannot be ids (rule a3).
const RESERVED: &[&str] = &[
    "default",
    "primary",
    "secondary",
    "all",
    "any",
    "none",
    "first",
    "last",
    "nodata",
    "nxdomain",
    "servfail",
];

/// Numbers the checks; returns their entries in written order.
pub(super) fn index_checks<'d>(reader: &mut Reader<'_>, value: &Value<'d>) -> Vec<Entry<'d>> {
    let entries = section(reader, value, CHECKS_MAX, "[checks.web]");
    for (i, entry) in entries.iter().enumerate() {
        validate_id(reader, entry, "a check");
        let switches = entry.value.as_table().and_then(|mut table| {
            let switches = table.take_value("switches")?.as_table()?;
            Some(
                switches
                    .entries()
                    .iter()
                    .map(|s| s.key.to_owned())
                    .collect(),
            )
        });
        reader.index.check_ids.insert(entry.key.to_owned(), i);
        reader.index.checks.push(CheckEntry {
            id: entry.key.to_owned(),
            span: entry.key_span(),
            switches,
            is_manual: entry
                .value
                .as_table()
                .and_then(|mut table| table.take_value("type"))
                .is_some_and(|kind| kind.as_str() == Some("manual")),
        });
    }
    entries
}

/// Numbers the pools; returns their entries in written order.
pub(super) fn index_pools<'d>(reader: &mut Reader<'_>, value: &Value<'d>) -> Vec<Entry<'d>> {
    let entries = section(reader, value, POOLS_MAX, "[pools.main]");
    for (i, entry) in entries.iter().enumerate() {
        validate_id(reader, entry, "a pool");
        let table = entry.value.as_table();
        reader.index.pool_ids.insert(entry.key.to_owned(), i);
        reader.index.pools.push(PoolEntry {
            id: entry.key.to_owned(),
            span: entry.key_span(),
            is_plain: table.as_ref().is_some_and(|table| table.has("members")),
            location: table
                .and_then(|mut table| table.take_value("at"))
                .and_then(|at| super::location::peek_location(&at)),
        });
    }
    entries
}

/// Where a name is written.
pub(super) enum NameSource<'d> {
    /// In the parser's tree.
    Entry(Box<Entry<'d>>),
    /// On plain lines.
    Plain(PlainName),
}

/// Numbers the names; returns where those with a usable owner are written, in written order. Two keys for one owner are
/// a fault that shows both places (rule a5).
///
/// # Errors
/// A plain line with an owner that is no name of this zone, or is written elsewhere too.
pub(super) fn index_names<'d>(
    reader: &mut Reader<'_>,
    value: Option<&Value<'d>>,
    plain: Option<&PlainLines<'_>>,
) -> Result<Vec<NameSource<'d>>, NotPlain> {
    let entries = value.map(|value| section(reader, value, NAMES_MAX, "[names.www]"));
    let entries = entries.unwrap_or_default();
    let plain_names = plain.map_or(&[][..], |lines| &lines.names);
    let count = entries.len() + plain_names.len();
    if count > NAMES_MAX && !plain_names.is_empty() {
        return Err(NotPlain);
    }
    let mut usable = Vec::with_capacity(count);
    reader.index.names.reserve_exact(count);
    reader.index.name_ids.reserve(count);
    let mut plain_names = plain_names.iter().peekable();
    for entry in entries {
        while let Some((lines, name)) =
            plain.zip(plain_names.next_if(|name| name.start() < entry.key_range.start))
        {
            index_plain(reader, lines, *name)?;
            usable.push(NameSource::Plain(*name));
        }
        let Some(owner) = read_owner(reader, &entry) else {
            continue;
        };
        if let Some(&first) = reader.index.name_ids.get(&owner) {
            if plain.is_some() {
                return Err(NotPlain);
            }
            let first = &reader.index.names[first];
            let diagnostic = Diagnostic::fault(
                "L022",
                entry.key_span(),
                &entry.value.path,
                format!("`{owner}` is written under two keys"),
            )
            .label("again here")
            .help("owner names compare without case; write all about a name in one place")
            .related(first.span.clone(), "first here");
            reader.faults.push(diagnostic);
            continue;
        }
        reader.index.add_name(owner, entry.key_span());
        usable.push(NameSource::Entry(Box::new(entry)));
    }
    if let Some(lines) = plain {
        for name in plain_names {
            index_plain(reader, lines, *name)?;
            usable.push(NameSource::Plain(*name));
        }
    }
    Ok(usable)
}

fn index_plain(
    reader: &mut Reader<'_>,
    lines: &PlainLines<'_>,
    name: PlainName,
) -> Result<(), NotPlain> {
    let key = lines.key(name);
    let owner = Name::parse(key.text, &reader.apex).map_err(|_| NotPlain)?;
    let is_inside =
        owner.is_at_or_below(&reader.apex) && lost_dot(key.text, &owner, &reader.apex).is_none();
    let is_new = is_inside && reader.index.add_name(owner, Span(key.range));
    is_new.then_some(()).ok_or(NotPlain)
}

fn section<'d>(
    reader: &mut Reader<'_>,
    value: &Value<'d>,
    max: usize,
    example: &str,
) -> Vec<Entry<'d>> {
    let Some(table) = value.as_table() else {
        reader
            .faults
            .wrong_type(value, &format!("a table of tables, such as `{example}`"));
        return Vec::new();
    };
    // An empty section says nothing wrong; only too many items do.
    if table.len() > 0 {
        reader.faults.count(value, table.len(), max);
    }
    table.entries().iter().take(max).cloned().collect()
}

/// Validates an id by rules a2 and a3.
pub(super) fn validate_id(reader: &mut Reader<'_>, entry: &Entry<'_>, what: &str) {
    let id = entry.key;
    if RESERVED.contains(&id) {
        reader.faults.push(
            Diagnostic::fault(
                "L018",
                entry.key_span(),
                &entry.value.path,
                format!("`{id}` is a reserved word and cannot be the id of {what}"),
            )
            .label("reserved")
            .help("it has a meaning of its own in policies and expectations; choose another id"),
        );
        return;
    }
    if is_id(id) {
        return;
    }
    let fixed: String = id
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let fixed = fixed.trim_matches('-');
    let mut diagnostic = Diagnostic::fault(
        "L017",
        entry.key_span(),
        &entry.value.path,
        format!("`{id}` cannot be the id of {what}"),
    )
    .label("not an id");
    diagnostic = if is_id(fixed) {
        diagnostic
            .help(format!(
                "ids have 1 to 63 of `a-z 0-9 _ -` and start and end with a letter or digit; write `{fixed}`"
            ))
            .suggest(fixed)
    } else {
        diagnostic
            .help("ids have 1 to 63 of `a-z 0-9 _ -` and start and end with a letter or digit")
    };
    reader.faults.push(diagnostic);
}

/// Says whether a text is an id: `[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?`.
pub(super) fn is_id(text: &str) -> bool {
    let outer = |octet: &u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
    let octets = text.as_bytes();
    (1..=63).contains(&octets.len())
        && octets.first().is_some_and(outer)
        && octets.last().is_some_and(outer)
        && octets
            .iter()
            .all(|octet| outer(octet) || *octet == b'-' || *octet == b'_')
}

fn read_owner(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Name> {
    let owner = match Name::parse(entry.key, &reader.apex) {
        Ok(owner) => owner,
        Err(fault) => {
            let place = (entry.key_span(), entry.value.path.as_str());
            let written = (entry.key, fault);
            reader.faults.not_a_name(place, written, "not a name");
            return None;
        }
    };
    if owner.is_at_or_below(&reader.apex) {
        return validate_dot(reader, entry, &owner).then_some(owner);
    }
    reader.faults.push(
        Diagnostic::fault(
            "L021",
            entry.key_span(),
            &entry.value.path,
            format!("`{}` lies outside the zone `{}`", entry.key, reader.apex),
        )
        .label("not in this zone")
        .help("owner names are relative to the zone; `@` is the zone itself"),
    );
    None
}

/// Returns what tells that an owner was meant to be absolute: it has no final dot, and ends like a whole name (rule a6).
fn lost_dot(key: &str, owner: &Name, apex: &Name) -> Option<LostDot> {
    let found = find_lost_dot(owner.octets(), apex.octets())?;
    (!key.ends_with('.')).then_some(found)
}

/// Validates whether an owner lost its final dot; false if it is refused.
fn validate_dot(reader: &mut Reader<'_>, entry: &Entry<'_>, owner: &Name) -> bool {
    let Some(found) = lost_dot(entry.key, owner, &reader.apex) else {
        return true;
    };
    let (key, apex) = (entry.key, &reader.apex);
    let message = format!("`{key}` is read as `{owner}`");
    let (span, path) = (entry.key_span(), &entry.value.path);
    // Below a domain of one label, `com` in `com` is a name like others.
    if found == LostDot::RepeatsZone && apex.label_count() > 1 {
        let whole = Name::parse_absolute(key).unwrap_or_else(|_| owner.clone());
        let relative = whole.to_relative(apex);
        let found = Diagnostic::fault("L068", span, path, message)
            .label("repeats the zone: did you forget the final dot?")
            .help(format!(
                "owner names are relative to the zone: write `\"{relative}\"`, or `\"{whole}\"`"
            ))
            .suggest(format!("\"{relative}\""));
        reader.faults.push(found);
        return false;
    }
    let found = Diagnostic::warning("L077", span, path, message)
        .label("owner names are relative to the zone")
        .help(format!(
            "`{key}.` has no place in the zone `{apex}`; write the name as it is below the zone"
        ));
    reader.faults.push(found);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_ids() {
        let cases = [
            ("us-east", true),
            ("a", true),
            ("dc_1", true),
            ("1a", true),
            ("", false),
            ("-a", false),
            ("a-", false),
            ("US", false),
            ("a.b", false),
            ("a/b", false),
        ];
        for (text, wanted) in cases {
            assert_eq!(is_id(text), wanted, "{text:?}");
        }
        assert!(is_id(&"a".repeat(63)));
        assert!(!is_id(&"a".repeat(64)));
    }
}
