//! Forms of values of the server file: what a key takes, how it is read, and how it is written.
//!
//! In: a value with its position. Out: what it means, or a finding; what it means as TOML. Never here: which keys there
//! are, rules between keys.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use super::settings::ServerConfig;
use crate::clock::format_duration;
use crate::config::show::{inline, quote, rows};
use crate::config::values::{Faults, Value};
use crate::diagnostic::Diagnostic;
use crate::geo::Place;

/// What a key takes, as a value of one type.
pub(super) trait Form<T>: Send + Sync {
    /// Reads a value; `None` after saying what is wrong with it. Relative paths start at `base`.
    fn read(&self, value: &Value<'_>, base: &Path, faults: &mut Faults<'_>) -> Option<T>;

    /// Writes a setting as it would be written in the file; `None` if it is not set.
    fn show(&self, setting: &T, base: &Path) -> Option<String>;

    /// Lower and upper bound as they are written, where there are any.
    fn bounds(&self) -> Option<(String, String)> {
        None
    }

    /// Whether one of two settings in a list says nothing new.
    fn is_same(&self, _one: &T, _other: &T) -> bool {
        false
    }
}

/// One setting of the server: where it lies, and the form of its key.
pub(super) trait Setting: Send + Sync {
    /// Reads a value into the settings.
    fn read(&self, value: &Value<'_>, config: &mut ServerConfig, faults: &mut Faults<'_>);

    /// Writes the setting as it would be written in the file; `None` if it is not set.
    fn show(&self, config: &mut ServerConfig) -> Option<String>;

    /// Takes the setting over from others.
    fn take(&self, config: &mut ServerConfig, from: &mut ServerConfig);

    /// Lower and upper bound as they are written, where there are any.
    fn bounds(&self) -> Option<(String, String)>;
}

/// The place of a setting.
pub(super) type Field<T> = fn(&mut ServerConfig) -> &mut T;

/// A setting at a place, of a form.
pub(super) struct At<T, F>(pub(super) Field<T>, pub(super) F);

impl<T: Clone, F: Form<T>> Setting for At<T, F> {
    fn read(&self, value: &Value<'_>, config: &mut ServerConfig, faults: &mut Faults<'_>) {
        let read = self.1.read(value, &config.base, faults);
        if let Some(setting) = read {
            *self.0(config) = setting;
        }
    }

    fn show(&self, config: &mut ServerConfig) -> Option<String> {
        let base = config.base.clone();
        self.1.show(self.0(config), &base)
    }

    fn take(&self, config: &mut ServerConfig, from: &mut ServerConfig) {
        self.0(config).clone_from(self.0(from));
    }

    fn bounds(&self) -> Option<(String, String)> {
        self.1.bounds()
    }
}

/// `true` or `false`.
pub(super) struct Switch;

impl Form<bool> for Switch {
    fn read(&self, value: &Value<'_>, _: &Path, faults: &mut Faults<'_>) -> Option<bool> {
        faults.boolean(value)
    }

    fn show(&self, setting: &bool, _: &Path) -> Option<String> {
        Some(setting.to_string())
    }
}

/// A whole number from the first to the second.
pub(super) struct Count(pub(super) i64, pub(super) i64);

impl Form<usize> for Count {
    fn read(&self, value: &Value<'_>, _: &Path, faults: &mut Faults<'_>) -> Option<usize> {
        faults.number(value, self.0, self.1)
    }

    fn show(&self, setting: &usize, _: &Path) -> Option<String> {
        Some(setting.to_string())
    }

    fn bounds(&self) -> Option<(String, String)> {
        Some((self.0.to_string(), self.1.to_string()))
    }
}

/// A duration from the first to the second.
pub(super) struct Span(pub(super) Duration, pub(super) Duration);

impl Form<Duration> for Span {
    fn read(&self, value: &Value<'_>, _: &Path, faults: &mut Faults<'_>) -> Option<Duration> {
        faults.duration(value, self.0, self.1)
    }

    fn show(&self, setting: &Duration, _: &Path) -> Option<String> {
        Some(quote(&format_duration(*setting)))
    }

    fn bounds(&self) -> Option<(String, String)> {
        Some((format_duration(self.0), format_duration(self.1)))
    }
}

/// A duration within bounds, or `"0s"` for never.
pub(super) struct OrNever(pub(super) Span);

impl Form<Option<Duration>> for OrNever {
    fn read(
        &self,
        value: &Value<'_>,
        base: &Path,
        faults: &mut Faults<'_>,
    ) -> Option<Option<Duration>> {
        let is_never = value
            .as_str()
            .and_then(|text| crate::clock::parse_duration(text).ok());
        if is_never.is_some_and(|duration| duration.is_zero()) {
            return Some(None);
        }
        self.0.read(value, base, faults).map(Some)
    }

    fn show(&self, setting: &Option<Duration>, base: &Path) -> Option<String> {
        self.0.show(&setting.unwrap_or_default(), base)
    }

    fn bounds(&self) -> Option<(String, String)> {
        self.0.bounds()
    }
}

/// A whole percentage.
pub(super) struct Percent;

impl Form<u8> for Percent {
    fn read(&self, value: &Value<'_>, _: &Path, faults: &mut Faults<'_>) -> Option<u8> {
        faults.percent(value, 0, 100)
    }

    fn show(&self, setting: &u8, _: &Path) -> Option<String> {
        Some(quote(&format!("{setting}%")))
    }

    fn bounds(&self) -> Option<(String, String)> {
        Some((quote("0%"), quote("100%")))
    }
}

/// One of a few words.
pub(super) struct Word<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq + Send + Sync> Form<T> for Word<T> {
    fn read(&self, value: &Value<'_>, _: &Path, faults: &mut Faults<'_>) -> Option<T> {
        let words: Vec<&str> = self.0.iter().map(|(word, _)| *word).collect();
        let found = faults.word(value, &words)?;
        let known = self.0.iter().find(|(word, _)| *word == found);
        known.map(|(_, meaning)| *meaning)
    }

    fn show(&self, setting: &T, _: &Path) -> Option<String> {
        let known = self.0.iter().find(|(_, meaning)| meaning == setting);
        known.map(|(word, _)| quote(word))
    }
}

/// Text that a rule allows, or its fault and what to write instead.
type Ruled = Result<String, (String, &'static str)>;

/// A text with a rule of its own, up to so many octets.
pub(super) struct Text {
    /// Most octets.
    pub(super) octets_max: usize,
    /// Rule for a text of at most so many octets.
    pub(super) rule: fn(&str, usize) -> Ruled,
}

impl Form<String> for Text {
    fn read(&self, value: &Value<'_>, _: &Path, faults: &mut Faults<'_>) -> Option<String> {
        let text = faults.text(value)?;
        match (self.rule)(text, self.octets_max) {
            Ok(text) => Some(text),
            Err((message, help)) => {
                let message = format!("`{}` {message}", value.path);
                let found = Diagnostic::fault("S004", value.span(), &*value.path, message);
                faults.push(found.help(help));
                None
            }
        }
    }

    fn show(&self, setting: &String, _: &Path) -> Option<String> {
        Some(quote(setting))
    }

    fn bounds(&self) -> Option<(String, String)> {
        Some(("1".to_owned(), self.octets_max.to_string()))
    }
}

/// A file or folder, from the folder of the server file on.
pub(super) struct File;

impl Form<PathBuf> for File {
    fn read(&self, value: &Value<'_>, base: &Path, faults: &mut Faults<'_>) -> Option<PathBuf> {
        let text = faults.text(value)?;
        if text.is_empty() {
            let message = format!("`{}` is an empty text", value.path);
            let found = Diagnostic::fault("S004", value.span(), &*value.path, message);
            faults.push(found.label("names no file or folder"));
            return None;
        }
        Some(base.join(text))
    }

    fn show(&self, setting: &PathBuf, base: &Path) -> Option<String> {
        let shown = match setting.strip_prefix(base) {
            Ok(rest) if rest.as_os_str().is_empty() => Path::new("."),
            Ok(rest) => rest,
            Err(_) => setting,
        };
        Some(quote(&shown.to_string_lossy()))
    }
}

/// A program, or a folder of programs, that may be run.
pub(super) struct Program;

impl Form<PathBuf> for Program {
    fn read(&self, value: &Value<'_>, base: &Path, faults: &mut Faults<'_>) -> Option<PathBuf> {
        let path = File.read(value, base, faults)?;
        let climbs = path.components().any(|part| part == Component::ParentDir);
        // `/` would allow every program of the machine.
        if climbs || path.parent().is_none() {
            let message = format!("`{}` cannot be allowed", path.display());
            let found = Diagnostic::fault("S004", value.span(), &*value.path, message);
            faults.push(
                found
                    .label("not a program or a folder of programs")
                    .help("write a path such as \"/usr/lib/leeward/checks\", without `..`"),
            );
            return None;
        }
        Some(path)
    }

    fn show(&self, setting: &PathBuf, base: &Path) -> Option<String> {
        File.show(setting, base)
    }
}

/// An address with a port; the port may be left out where there is a usual one.
pub(super) struct Address {
    /// The usual port.
    pub(super) port: Option<u16>,
}

impl Form<SocketAddr> for Address {
    fn read(&self, value: &Value<'_>, _: &Path, faults: &mut Faults<'_>) -> Option<SocketAddr> {
        let text = faults.text(value)?;
        if let Ok(address) = text.parse() {
            return Some(address);
        }
        if let (Some(port), Ok(address)) = (self.port, text.parse::<IpAddr>()) {
            return Some(SocketAddr::new(address, port));
        }
        let help = match (text.parse::<IpAddr>(), text.strip_prefix(':')) {
            (Ok(IpAddr::V4(address)), _) => format!("add the port: `\"{address}:53\"`"),
            (Ok(IpAddr::V6(address)), _) => format!("add the port: `\"[{address}]:53\"`"),
            (_, Some(port)) => {
                format!("every address is `\"0.0.0.0:{port}\"` and `\"[::]:{port}\"`")
            }
            _ => "write for example `\"192.0.2.53:53\"` or `\"[2001:db8::53]:53\"`".to_owned(),
        };
        let message = format!("`{text}` is no address with a port");
        let found = Diagnostic::fault("S005", value.span(), &*value.path, message);
        faults.push(found.label("not an address and a port").help(help));
        None
    }

    fn show(&self, setting: &SocketAddr, _: &Path) -> Option<String> {
        Some(quote(&setting.to_string()))
    }

    fn is_same(&self, one: &SocketAddr, other: &SocketAddr) -> bool {
        // Port 0 asks for any free port, so two of them are two ports.
        one == other && one.port() != 0
    }
}

/// A prefix; an address alone is a host's prefix.
pub(super) struct Prefix;

impl Form<IpNet> for Prefix {
    fn read(&self, value: &Value<'_>, _: &Path, faults: &mut Faults<'_>) -> Option<IpNet> {
        let text = faults.text(value)?;
        faults.network(value, text)
    }

    fn show(&self, setting: &IpNet, _: &Path) -> Option<String> {
        Some(quote(&setting.to_string()))
    }
}

/// A setting that may be left out.
pub(super) struct Maybe<F>(pub(super) F);

impl<T, F: Form<T>> Form<Option<T>> for Maybe<F> {
    fn read(&self, value: &Value<'_>, base: &Path, faults: &mut Faults<'_>) -> Option<Option<T>> {
        self.0.read(value, base, faults).map(Some)
    }

    fn show(&self, setting: &Option<T>, base: &Path) -> Option<String> {
        self.0.show(setting.as_ref()?, base)
    }

    fn bounds(&self) -> Option<(String, String)> {
        self.0.bounds()
    }
}

/// Whether a list may be empty, and how none is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    /// As a list without items.
    Shown,
    /// As a key that is not set.
    Unset,
    /// It may not be empty; what to write instead.
    Refused(&'static str),
}

/// One item or a list (rule a8).
pub(super) struct List<T, F> {
    item: F,
    items_max: usize,
    empty: Empty,
    of: PhantomData<fn() -> T>,
}

/// A list of up to `items_max` items.
pub(super) const fn list<T, F>(item: F, items_max: usize, empty: Empty) -> List<T, F> {
    List {
        item,
        items_max,
        empty,
        of: PhantomData,
    }
}

impl<T, F: Form<T>> Form<Vec<T>> for List<T, F> {
    fn read(&self, value: &Value<'_>, base: &Path, faults: &mut Faults<'_>) -> Option<Vec<T>> {
        let items = value.one_or_items();
        if let (true, Empty::Refused(help)) = (items.is_empty(), self.empty) {
            let message = format!("`{}` is an empty list", value.path);
            faults.push(Diagnostic::fault("S011", value.span(), &*value.path, message).help(help));
            return None;
        }
        if items.len() > self.items_max {
            faults.count(value, items.len(), self.items_max);
            return None;
        }
        let mut list: Vec<T> = Vec::with_capacity(items.len());
        for item in &items {
            let Some(read) = self.item.read(item, base, faults) else {
                continue;
            };
            if list.iter().any(|known| self.item.is_same(known, &read)) {
                let text = item.as_str().unwrap_or_default();
                let message = format!("`{text}` is listed twice");
                faults.push(
                    Diagnostic::fault("S010", item.span(), &*item.path, message)
                        .label("again here"),
                );
            }
            list.push(read);
        }
        Some(list)
    }

    fn show(&self, setting: &Vec<T>, base: &Path) -> Option<String> {
        let items = setting.iter().filter_map(|item| self.item.show(item, base));
        (self.empty == Empty::Shown || !setting.is_empty()).then(|| rows(items))
    }

    fn bounds(&self) -> Option<(String, String)> {
        let least = usize::from(matches!(self.empty, Empty::Refused(_)));
        Some((least.to_string(), self.items_max.to_string()))
    }
}

/// Prefixes with their places, up to so many.
pub(super) struct Networks(pub(super) usize);

impl Form<Vec<(IpNet, Place)>> for Networks {
    fn read(
        &self,
        value: &Value<'_>,
        _: &Path,
        faults: &mut Faults<'_>,
    ) -> Option<Vec<(IpNet, Place)>> {
        let Some(table) = value.as_table() else {
            faults.wrong_type(
                value,
                "a table such as `{ \"198.51.100.0/24\" = \"EU-DE\" }`",
            );
            return None;
        };
        if table.len() > self.0 {
            faults.count(value, table.len(), self.0);
            return None;
        }
        let mut networks = Vec::with_capacity(table.len());
        let mut seen = std::collections::HashMap::new();
        for entry in table.entries() {
            let prefix = faults.network(&entry.key_value(), entry.key);
            let place = faults
                .text(&entry.value)
                .and_then(|text| faults.place(text, entry.value.span(), &entry.value.path));
            let (Some(prefix), Some(place)) = (prefix, place) else {
                continue;
            };
            if let Some(first) = seen.insert(prefix, entry.key_span()) {
                let message = format!("`{prefix}` is listed twice");
                faults.push(
                    Diagnostic::fault("S010", entry.key_span(), &*entry.value.path, message)
                        .label("again here")
                        .related(first, "first here"),
                );
            }
            networks.push((prefix, place));
        }
        Some(networks)
    }

    fn show(&self, setting: &Vec<(IpNet, Place)>, _: &Path) -> Option<String> {
        let entry = |(prefix, place): &(IpNet, Place)| {
            (quote(&prefix.to_string()), quote(&place.to_string()))
        };
        let entries: Vec<(String, String)> = setting.iter().map(entry).collect();
        (!entries.is_empty()).then(|| inline(&entries))
    }
}
