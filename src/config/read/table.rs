//! Views of spanned TOML: tables in written order that remember which keys were read, values that know their path.
//!
//! In: the parser's tree. Out: entries and values with spans and key paths. Never here: what a key means.

use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::faults::Faults;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::suggest;

/// A value with its place in the file and its key path.
#[derive(Clone, Debug)]
pub(super) struct Value<'d> {
    pub(super) raw: &'d DeValue<'d>,
    pub(super) range: Range<usize>,
    pub(super) path: String,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry<'d> {
    pub(super) key: &'d str,
    pub(super) key_range: Range<usize>,
    pub(super) value: Value<'d>,
}

impl Entry<'_> {
    /// Where the key stands.
    pub(super) fn key_span(&self) -> Span {
        Span(self.key_range.clone())
    }
}

impl<'d> Value<'d> {
    /// Where the value stands.
    pub(super) fn span(&self) -> Span {
        Span(self.range.clone())
    }

    /// The string it is, if it is one.
    pub(super) fn as_str(&self) -> Option<&'d str> {
        self.raw.as_str()
    }

    /// The items of an array; `None` for anything else.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        let array = self.raw.as_array()?;
        let item = |(i, item): (usize, &'d Spanned<DeValue<'d>>)| Self {
            raw: item.get_ref(),
            range: item.span(),
            path: format!("{}[{i}]", self.path),
        };
        Some(array.iter().enumerate().map(item).collect())
    }

    /// The items of an array, or the value itself as the one item (rule a8).
    pub(super) fn one_or_items(&self) -> Vec<Self> {
        self.items().unwrap_or_else(|| vec![self.clone()])
    }

    /// The table it is, if it is one.
    pub(super) fn as_table(&self) -> Option<Table<'d>> {
        let table = self.raw.as_table()?;
        Some(Table::new(table, self.range.clone(), &self.path))
    }
}

/// A table in written order.
#[derive(Debug)]
pub(super) struct Table<'d> {
    entries: Vec<Entry<'d>>,
    taken: Vec<bool>,
    raw: &'d DeTable<'d>,
    pub(super) range: Range<usize>,
    pub(super) path: String,
}

impl<'d> Table<'d> {
    pub(super) fn new(raw: &'d DeTable<'d>, range: Range<usize>, path: &str) -> Self {
        let mut entries: Vec<Entry<'d>> = raw
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref(),
                key_range: key.span(),
                value: Value {
                    raw: value.get_ref(),
                    range: value.span(),
                    path: join(path, key.get_ref()),
                },
            })
            .collect();
        // The parser hands keys out in alphabetical order; people think in written order.
        entries.sort_by_key(|entry| entry.key_range.start);
        Self {
            taken: vec![false; entries.len()],
            entries,
            raw,
            range,
            path: path.to_owned(),
        }
    }

    /// Where the table stands.
    pub(super) fn span(&self) -> Span {
        Span(self.range.clone())
    }

    /// Says whether a key is written.
    pub(super) fn has(&self, key: &str) -> bool {
        self.raw.contains_key(key)
    }

    /// Counts the keys.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All entries in written order, read or not.
    pub(super) fn entries(&self) -> &[Entry<'d>] {
        &self.entries
    }

    /// Reads a key, once: it no longer counts as unknown.
    pub(super) fn take(&mut self, key: &str) -> Option<Entry<'d>> {
        if !self.has(key) {
            return None;
        }
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        if std::mem::replace(&mut self.taken[at], true) {
            return None;
        }
        Some(self.entries[at].clone())
    }

    /// Reads a key and returns its value.
    pub(super) fn take_value(&mut self, key: &str) -> Option<Value<'d>> {
        self.take(key).map(|entry| entry.value)
    }

    /// Reads a key that must be there.
    pub(super) fn require(
        &mut self,
        key: &str,
        help: &str,
        faults: &mut Faults<'_>,
    ) -> Option<Value<'d>> {
        let found = self.take_value(key);
        if found.is_none() {
            let message = if self.path.is_empty() {
                format!("`{key}` is missing")
            } else {
                format!("`{}` has no `{key}`", self.path)
            };
            faults.push(
                Diagnostic::fault("L008", self.span(), &self.path, message)
                    .label(format!("`{key}` is missing here"))
                    .help(help),
            );
        }
        found
    }

    /// Reads every key for which `wanted` holds.
    pub(super) fn take_where(&mut self, wanted: impl Fn(&Entry<'d>) -> bool) -> Vec<Entry<'d>> {
        let mut found = Vec::new();
        for (entry, taken) in self.entries.iter().zip(&mut self.taken) {
            if !*taken && wanted(entry) {
                *taken = true;
                found.push(entry.clone());
            }
        }
        found
    }

    /// Reports every key that nobody read: `noun` says what the table is, `known` what it may hold.
    pub(super) fn finish(self, noun: &str, known: &[&str], faults: &mut Faults<'_>) {
        for (entry, taken) in self.entries.iter().zip(&self.taken) {
            if !taken {
                faults.push(unknown_key(entry, noun, known, faults.text));
            }
        }
    }
}

/// Keys of one place that people write in another, with where they belong.
const BELONGS: &[(&str, &str)] = &[
    (
        "weight",
        "members, and branches of a `weighted` list: `{ to = \"pool\", weight = 10 }`",
    ),
    (
        "bias",
        "branches of `nearest`: `{ to = \"pool\", bias = -20 }`",
    ),
    ("at", "pools, and branches of `nearest` and `latency`"),
    (
        "in",
        "branches of a `subnets` list: `{ in = [\"192.0.2.0/24\"], to = \"pool\" }`",
    ),
    (
        "follow-health",
        "branches written as `{ to = ..., follow-health = false }`",
    ),
    ("failback", "nodes with `failover`"),
    ("trickle", "nodes with `failover`"),
    ("overflow", "nodes with `weighted`"),
    ("families", "names, and pools with a policy"),
    ("sticky", "names and policy nodes"),
    ("all-down", "names and policy nodes"),
    ("answers", "names, policy nodes and pools"),
    ("ttl", "the zone, names, policy nodes and pools"),
    (
        "check",
        "pools, members, policy nodes, branches, names and records",
    ),
    ("probe", "pools with members, and members"),
    ("site", "pools and members"),
    ("min-healthy", "pools with members"),
    ("capacity", "pools"),
    ("ramp", "pools with members"),
    ("force", "members"),
    ("flatten", "members with `target`"),
    ("members", "pools"),
];

fn unknown_key(entry: &Entry<'_>, noun: &str, known: &[&str], text: &str) -> Diagnostic {
    let key = entry.key;
    let near =
        suggest::synonym(key, known).or_else(|| suggest::nearest(key, known.iter().copied()));
    let is_dotted = text[..entry.key_range.start.min(text.len())].ends_with('.');
    if near.is_none() && (entry.value.raw.is_table() || is_dotted) {
        return split_name(entry);
    }
    if let Some((_, place)) = BELONGS.iter().find(|(other, _)| *other == key) {
        return Diagnostic::fault(
            "L030",
            entry.key_span(),
            &entry.value.path,
            format!("`{key}` does not belong into {noun}"),
        )
        .label("not here")
        .help(format!("`{key}` is for {place}"));
    }
    let mut diagnostic = Diagnostic::fault(
        "L006",
        entry.key_span(),
        &entry.value.path,
        format!("{noun} has no key `{key}`"),
    )
    .label("unknown key");
    if let Some(word) = near {
        return diagnostic
            .help(format!("did you mean `{word}`?"))
            .suggest(word);
    }
    if let Some(help) = suggest::help_for(key, known.iter().copied(), "the keys are") {
        diagnostic = diagnostic.help(help);
    }
    diagnostic
}

/// An unquoted dot made a table of what was meant as one name (rule a9).
fn split_name(entry: &Entry<'_>) -> Diagnostic {
    let path = &entry.value.path;
    let (section, rest) = path.split_once('.').unwrap_or(("names", path));
    let help = if section == "names" {
        let mut whole = rest.replace('"', "");
        let mut inner = entry.value.raw.as_table();
        let mut steps = 0;
        while let Some(table) = inner.filter(|table| table.len() == 1 && steps < 16) {
            let Some((key, value)) = table.iter().next() else {
                break;
            };
            // A type or an option ends the name: `ns1.eu.A`.
            if !value.get_ref().is_table() {
                break;
            }
            whole.push('.');
            whole.push_str(key.get_ref());
            inner = value.get_ref().as_table();
            steps += 1;
        }
        format!(
            "quote the whole name: `[names.\"{whole}\"]`, or `\"{whole}\"` as a key under `[names]`"
        )
    } else {
        format!(
            "ids of {section} hold no dots; write `{}`",
            rest.replace('"', "").replace('.', "-")
        )
    };
    Diagnostic::fault(
        "L004",
        entry.key_span(),
        path,
        format!(
            "`{}` is read as a table within a table",
            path.replace('"', "")
        ),
    )
    .label("the dot before this splits the name")
    .help(help)
}

/// Appends a key to a path, quoted where TOML wants it.
pub(super) fn join(path: &str, key: &str) -> String {
    let is_bare = !key.is_empty()
        && key
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_');
    let key = if is_bare {
        key.to_owned()
    } else {
        format!("\"{key}\"")
    };
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}
