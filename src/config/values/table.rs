//! Views of spanned TOML: tables in written order that remember which keys were read, values that know their path.
//!
//! In: the parser's tree. Out: entries and values with spans and key paths. Never here: what a key means.

use std::ops::Range;
use std::sync::LazyLock;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::faults::Faults;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::suggest;

/// A value with its place in the file and its key path.
#[derive(Clone, Debug)]
pub(in crate::config) struct Value<'d> {
    pub(in crate::config) raw: &'d DeValue<'d>,
    pub(in crate::config) range: Range<usize>,
    pub(in crate::config) path: String,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(in crate::config) struct Entry<'d> {
    pub(in crate::config) key: &'d str,
    pub(in crate::config) key_range: Range<usize>,
    pub(in crate::config) value: Value<'d>,
}

impl Entry<'_> {
    /// The key as a value of its own.
    pub(in crate::config) fn key_value(&self) -> Value<'_> {
        Value {
            raw: self.value.raw,
            range: self.key_range.clone(),
            path: self.value.path.clone(),
        }
    }

    /// Where the key stands.
    pub(in crate::config) fn key_span(&self) -> Span {
        Span(self.key_range.clone())
    }
}

impl<'d> Value<'d> {
    /// Where the value stands.
    pub(in crate::config) fn span(&self) -> Span {
        Span(self.range.clone())
    }

    /// The string it is, if it is one.
    pub(in crate::config) fn as_str(&self) -> Option<&'d str> {
        self.raw.as_str()
    }

    /// The items of an array; `None` for anything else.
    pub(in crate::config) fn items(&self) -> Option<Vec<Self>> {
        let array = self.raw.as_array()?;
        let item = |(i, item): (usize, &'d Spanned<DeValue<'d>>)| Self {
            raw: item.get_ref(),
            range: item.span(),
            path: format!("{}[{i}]", self.path),
        };
        Some(array.iter().enumerate().map(item).collect())
    }

    /// The items of an array, or the value itself as the one item (rule a8).
    pub(in crate::config) fn one_or_items(&self) -> Vec<Self> {
        self.items().unwrap_or_else(|| vec![self.clone()])
    }

    /// The table it is, if it is one.
    pub(in crate::config) fn as_table(&self) -> Option<Table<'d>> {
        let table = self.raw.as_table()?;
        Some(Table::new(table, self.range.clone(), &self.path))
    }
}

/// A table in written order.
#[derive(Debug)]
pub(in crate::config) struct Table<'d> {
    entries: Vec<Entry<'d>>,
    taken: Vec<bool>,
    raw: &'d DeTable<'d>,
    pub(in crate::config) range: Range<usize>,
    pub(in crate::config) path: String,
}

impl<'d> Table<'d> {
    pub(in crate::config) fn new(raw: &'d DeTable<'d>, range: Range<usize>, path: &str) -> Self {
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

    /// A table that is not written: every key has its default.
    pub(in crate::config) fn none() -> Self {
        static NONE: LazyLock<DeTable<'static>> = LazyLock::new(DeTable::new);
        Self::new(&NONE, 0..0, "")
    }

    /// Where the table stands.
    pub(in crate::config) fn span(&self) -> Span {
        Span(self.range.clone())
    }

    /// Says whether a key is written.
    pub(in crate::config) fn has(&self, key: &str) -> bool {
        self.raw.contains_key(key)
    }

    /// Counts the keys.
    pub(in crate::config) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All entries in written order, read or not.
    pub(in crate::config) fn entries(&self) -> &[Entry<'d>] {
        &self.entries
    }

    /// Reads a key, once: it no longer counts as unknown.
    pub(in crate::config) fn take(&mut self, key: &str) -> Option<Entry<'d>> {
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
    pub(in crate::config) fn take_value(&mut self, key: &str) -> Option<Value<'d>> {
        self.take(key).map(|entry| entry.value)
    }

    /// Reads a key that must be there.
    pub(in crate::config) fn require(
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
    pub(in crate::config) fn take_where(
        &mut self,
        wanted: impl Fn(&Entry<'d>) -> bool,
    ) -> Vec<Entry<'d>> {
        let mut found = Vec::new();
        for (entry, taken) in self.entries.iter().zip(&mut self.taken) {
            if !*taken && wanted(entry) {
                *taken = true;
                found.push(entry.clone());
            }
        }
        found
    }

    /// True if every key was read.
    pub(in crate::config) fn is_read(&self) -> bool {
        self.taken.iter().all(|taken| *taken)
    }

    /// Reports every key that was not read.
    pub(in crate::config) fn finish(self, known: &Known<'_>, faults: &mut Faults<'_>) {
        for (entry, taken) in self.entries.iter().zip(&self.taken) {
            if !taken {
                faults.push(unknown_key(entry, known, faults.text));
            }
        }
    }
}

/// What a table may hold.
pub(in crate::config) struct Known<'k> {
    /// The table, in words.
    pub(in crate::config) noun: &'k str,
    /// Its keys.
    pub(in crate::config) keys: &'k [&'k str],
    /// Where else a key is at home, in words.
    pub(in crate::config) home: &'k dyn Fn(&str) -> Option<String>,
    /// Whether a table in it may be a name that a dot without quotes has split (rule a9).
    pub(in crate::config) has_names: bool,
}

fn unknown_key(entry: &Entry<'_>, known: &Known<'_>, text: &str) -> Diagnostic {
    let key = entry.key;
    let (noun, has_names) = (known.noun, known.has_names);
    let home = (known.home)(key);
    let known = known.keys;
    let near =
        suggest::synonym(key, known).or_else(|| suggest::nearest(key, known.iter().copied()));
    let is_dotted = text[..entry.key_range.start.min(text.len())].ends_with('.');
    if has_names && near.is_none() && (entry.value.raw.is_table() || is_dotted) {
        return split_name(entry);
    }
    if let Some(place) = home {
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
pub(in crate::config) fn join(path: &str, key: &str) -> String {
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
