//! Typed readers of single TOML values. Each takes the value with its position and either returns what it means or
//! adds a finding; none of them stops at the first fault.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use crate::clock::{DurationFault, format_duration, parse_duration};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::diagnostic::suggest::nearest;
use crate::net::{PrefixFault, parse_prefix};

/// A value with its position.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// A table of the file, seen under its name, with the findings so far.
pub(super) struct Section<'t, 'i> {
    /// Its name; empty at the top.
    pub(super) name: &'static str,
    /// Its keys; `None` when it is not written.
    pub(super) table: Option<&'t DeTable<'i>>,
}

impl<'t, 'i> Section<'t, 'i> {
    /// Finds a key with its TOML path.
    pub(super) fn find(&self, key: &str) -> Option<(String, &'t Value<'i>)> {
        let value = self.table?.get(key)?;
        Some((self.path(key), value))
    }

    /// Writes the TOML path of a key.
    pub(super) fn path(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }
}

/// Collects findings and reads single values.
#[derive(Default)]
pub(super) struct Findings {
    /// What was found so far.
    pub(super) list: Vec<Diagnostic>,
}

impl Findings {
    /// Adds a finding and returns it for help texts.
    pub(super) fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        span: std::ops::Range<usize>,
        path: &str,
        message: String,
    ) -> &mut Diagnostic {
        self.list
            .push(Diagnostic::new(severity, code, span, path, message));
        self.list.last_mut().expect("one was just pushed")
    }

    /// Adds a fault and returns it for help texts.
    pub(super) fn fault(
        &mut self,
        code: &'static str,
        value: std::ops::Range<usize>,
        path: &str,
        message: String,
    ) -> &mut Diagnostic {
        self.add(Severity::Fault, code, value, path, message)
    }

    /// Adds "wrong type of value".
    pub(super) fn wrong_type(&mut self, path: &str, value: &Value<'_>, wanted: &str) {
        let found = type_word(value.get_ref());
        self.fault(
            "S003",
            value.span(),
            path,
            format!("`{path}` must be {wanted}, not {found}"),
        );
    }

    /// Reads a text.
    pub(super) fn text<'v>(
        &mut self,
        path: &str,
        value: &'v Value<'_>,
        wanted: &str,
    ) -> Option<&'v str> {
        match value.get_ref() {
            DeValue::String(text) => Some(text),
            _ => {
                self.wrong_type(path, value, wanted);
                None
            }
        }
    }

    /// Reads a boolean.
    pub(super) fn boolean(&mut self, path: &str, value: &Value<'_>) -> Option<bool> {
        match value.get_ref() {
            DeValue::Boolean(is_true) => Some(*is_true),
            _ => {
                self.wrong_type(path, value, "true or false");
                None
            }
        }
    }

    /// Reads an integer within bounds.
    pub(super) fn count(
        &mut self,
        path: &str,
        value: &Value<'_>,
        bounds: RangeInclusive<usize>,
    ) -> Option<usize> {
        let DeValue::Integer(integer) = value.get_ref() else {
            self.wrong_type(path, value, "an integer");
            return None;
        };
        let digits = integer.as_str().replace('_', "");
        let number = i128::from_str_radix(&digits, integer.radix()).unwrap_or(i128::MAX);
        match usize::try_from(number) {
            Ok(count) if bounds.contains(&count) => Some(count),
            _ => {
                let (low, high) = (bounds.start(), bounds.end());
                self.fault(
                    "S004",
                    value.span(),
                    path,
                    format!("`{path}` must lie between {low} and {high}"),
                );
                None
            }
        }
    }

    /// Reads a duration within bounds; zero passes where `zero` says so.
    pub(super) fn duration(
        &mut self,
        path: &str,
        value: &Value<'_>,
        bounds: (Duration, Duration),
        zero: Zero,
    ) -> Option<Duration> {
        if let DeValue::Integer(number) = value.get_ref() {
            self.fault(
                "S006",
                value.span(),
                path,
                format!("`{path}` needs a unit: durations are never bare numbers"),
            )
            .help = Some(format!("write `\"{number}s\"` if seconds are meant"));
            return None;
        }
        let text = self.text(path, value, "a duration such as \"10s\"")?;
        match parse_duration(text) {
            Ok(duration)
                if (duration.is_zero() && zero == Zero::Passes)
                    || (bounds.0..=bounds.1).contains(&duration) =>
            {
                Some(duration)
            }
            Ok(_) => {
                let (low, high) = (format_duration(bounds.0), format_duration(bounds.1));
                self.fault(
                    "S004",
                    value.span(),
                    path,
                    format!("`{path}` must lie between {low} and {high}"),
                );
                None
            }
            Err(fault) => {
                let why = duration_words(fault);
                self.fault(
                    "S006",
                    value.span(),
                    path,
                    format!("`{text}` is no duration: {why}"),
                )
                .help = Some(
                    "write integers with ms, s, m, h, d or w, for example `\"1h30m\"`".to_owned(),
                );
                None
            }
        }
    }

    /// Reads an address with a port.
    pub(super) fn socket_address(&mut self, path: &str, value: &Value<'_>) -> Option<SocketAddr> {
        let text = self.text(path, value, "an address with a port")?;
        if let Ok(address) = text.parse() {
            return Some(address);
        }
        let help = match (text.parse::<IpAddr>(), text.strip_prefix(':')) {
            (Ok(IpAddr::V4(address)), _) => format!("add the port: `\"{address}:53\"`"),
            (Ok(IpAddr::V6(address)), _) => format!("add the port: `\"[{address}]:53\"`"),
            (_, Some(port)) => format!("every address is `\"0.0.0.0:{port}\"` and `\"[::]:{port}\"`"),
            _ => "write an address and a port, for example `\"192.0.2.53:53\"` or `\"[2001:db8::53]:53\"`".to_owned(),
        };
        self.fault(
            "S005",
            value.span(),
            path,
            format!("`{text}` is no address with a port"),
        )
        .help = Some(help);
        None
    }

    /// Reads a prefix; an address alone is a host's prefix. Host bits are a fault (rule a19).
    pub(super) fn prefix(
        &mut self,
        path: &str,
        span: std::ops::Range<usize>,
        text: &str,
    ) -> Option<IpNet> {
        let example = || "write a prefix such as `198.51.100.0/24` or `2001:db8::/32`".to_owned();
        let (message, help) = match parse_prefix(text) {
            Ok(prefix) => return Some(prefix),
            Err(PrefixFault::Address | PrefixFault::Length(_)) => {
                (format!("`{text}` is no prefix"), example())
            }
            Err(PrefixFault::TooLong(width)) => (
                format!("`{text}` is longer than the {width} bits of its address"),
                example(),
            ),
            Err(PrefixFault::HostBits(network)) => (
                format!(
                    "`{text}` has bits set after its first {}",
                    network.prefix_len()
                ),
                format!("the network is `{network}`"),
            ),
        };
        self.fault("S007", span, path, message).help = Some(help);
        None
    }

    /// Reads one of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        path: &str,
        value: &Value<'_>,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let wanted = format!("one of {}", names.join(", "));
        let text = self.text(path, value, &wanted)?;
        if let Some((_, meaning)) = words.iter().find(|(name, _)| *name == text) {
            return Some(*meaning);
        }
        let help = nearest(text, names.iter().copied()).map_or_else(
            || format!("known: {}", names.join(", ")),
            |word| format!("did you mean `{word}`?"),
        );
        self.fault(
            "S009",
            value.span(),
            path,
            format!("`{path}` does not know `{text}`"),
        )
        .help = Some(help);
        None
    }
}

/// Whether a duration of zero passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zero {
    /// It means "never".
    Passes,
    /// It is out of bounds.
    Fails,
}

/// Sees a value as a list: a list's items, or the one value itself (rule a8).
pub(super) fn items<'v, 'i>(value: &'v Value<'i>) -> Vec<&'v Value<'i>> {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![value],
    }
}

fn type_word(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn duration_words(fault: DurationFault) -> &'static str {
    match fault {
        DurationFault::Empty => "nothing is written",
        DurationFault::NoUnit => "a number has no unit",
        DurationFault::UnknownUnit => "a unit is none of ms, s, m, h, d, w",
        DurationFault::NoNumber => "a unit has no number before it",
        DurationFault::TooLong => "it is too long",
    }
}
