//! TOML's small parts: quoted texts, keys, lists, durations, TTLs.

use std::time::Duration;

use crate::clock::format_duration;
use crate::model::{Location, TtlModel};

/// Writes a text between quotes, on one line.
pub(in crate::config) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            // TOML 1.0 allows no raw control characters in a text.
            control if control.is_control() => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(control)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Writes a key, quoted where it must be.
pub(super) fn key(text: &str) -> String {
    let is_bare = !text.is_empty()
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_');
    if is_bare {
        text.to_owned()
    } else {
        quote(text)
    }
}

/// Writes a list on one line; a single item stands alone (rule a8).
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    match <[String; 1]>::try_from(items) {
        Ok([item]) => item,
        Err(items) => format!("[{}]", items.join(", ")),
    }
}

/// Writes an inline table on one line.
pub(in crate::config) fn inline(entries: &[(String, String)]) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    format!("{{ {} }}", entries.join(", "))
}

/// Writes a list of texts, always with brackets.
pub(in crate::config) fn rows(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(", "))
}

/// Writes a duration.
pub(super) fn duration(duration: Duration) -> String {
    quote(&format_duration(duration))
}

/// Writes seconds as a duration.
pub(super) fn seconds(count: u32) -> String {
    duration(Duration::from_secs(u64::from(count)))
}

/// Writes a TTL: one duration, or both bounds.
pub(super) fn ttl(ttl: TtlModel) -> String {
    if ttl.min == ttl.max {
        seconds(ttl.max)
    } else {
        format!(
            "{{ min = {}, max = {} }}",
            seconds(ttl.min),
            seconds(ttl.max)
        )
    }
}

/// Writes a location as its region code or its point.
pub(super) fn location(location: &Location) -> String {
    match &location.code {
        Some(code) => quote(code),
        None => format!(
            "{{ lat = {:?}, lon = {:?} }}",
            location.point.latitude, location.point.longitude
        ),
    }
}

/// A table under construction: its header and its lines.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
}

impl Lines {
    /// Starts a table after an empty line.
    pub(super) fn header(&mut self, path: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&format!("[{path}]\n"));
    }

    /// Starts an item of an array of tables.
    pub(super) fn item(&mut self, path: &str) {
        self.text.push_str(&format!("\n[[{path}]]\n"));
    }

    /// Adds a key with its value.
    pub(super) fn set(&mut self, name: &str, value: impl AsRef<str>) {
        self.text
            .push_str(&format!("{} = {}\n", key(name), value.as_ref()));
    }

    /// Adds a key with its value and a comment.
    pub(super) fn set_noted(&mut self, name: &str, value: &str, note: &str) {
        if note.is_empty() {
            self.set(name, value);
        } else {
            self.text
                .push_str(&format!("{} = {value}  # {note}\n", key(name)));
        }
    }

    /// Adds a comment.
    pub(super) fn note(&mut self, text: &str) {
        self.text.push_str(&format!("# {text}\n"));
    }

    /// Adds a list with one item a line and a comment beside each.
    pub(super) fn list(&mut self, name: &str, items: &[(String, String)]) {
        if items.iter().all(|(_, note)| note.is_empty()) && items.len() < 3 {
            self.set(name, rows(items.iter().map(|(item, _)| item.clone())));
            return;
        }
        self.text.push_str(&format!("{} = [\n", key(name)));
        for (item, note) in items {
            let note = if note.is_empty() {
                String::new()
            } else {
                format!("  # {note}")
            };
            self.text.push_str(&format!("  {item},{note}\n"));
        }
        self.text.push_str("]\n");
    }

    /// Returns the text.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_text_reads_back(text in "\\PC{0,20}|[\u{0}-\u{ff}]{0,20}") {
            let line = format!("{} = {}", key(&text), quote(&text));
            let table: toml::Table = toml::from_str(&line).expect("valid TOML");
            proptest::prop_assert_eq!(table[&text].as_str(), Some(text.as_str()));
        }
    }
}
