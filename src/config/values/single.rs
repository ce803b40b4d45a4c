//! Single values: text, numbers, words, durations, percentages, TTLs, times.
//!
//! In: one spanned value. Out: what it means, or `None` after saying what is wrong with it. Never here: references,
//! tables.

use std::time::Duration;

use ipnet::IpNet;
use toml::de::DeValue;

use super::faults::Faults;
use super::table::{Known, Value};
use crate::clock::{DurationFault, WallTime, format_duration, parse_duration};
use crate::config::keys::{KeyGroup, home, keys_of};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::suggest;
use crate::geo::Place;
use crate::model::TtlModel;
use crate::net::{PrefixFault, parse_prefix};

/// Longest TTL, 7 days (zone format, section 2).
const TTL_MAX: Duration = Duration::from_secs(7 * 86_400);

impl Faults<'_> {
    /// Reports a value of the wrong type.
    pub(in crate::config) fn wrong_type(&mut self, value: &Value<'_>, wanted: &str) {
        self.push(
            Diagnostic::fault(
                "L007",
                value.span(),
                &value.path,
                format!("`{}` must be {wanted}", value.path),
            )
            .label(format!("this is {}", type_name(value.raw))),
        );
    }

    /// Reads text.
    pub(in crate::config) fn text<'d>(&mut self, value: &Value<'d>) -> Option<&'d str> {
        let found = value.as_str();
        if found.is_none() {
            self.wrong_type(value, "text in quotes");
        }
        found
    }

    /// Reads text of at most `octets_max` octets; what is sent as a line may hold no control characters.
    pub(in crate::config) fn line(
        &mut self,
        value: &Value<'_>,
        octets_max: usize,
    ) -> Option<String> {
        let text = self.text(value)?;
        if text.len() > octets_max {
            self.push(
                Diagnostic::fault(
                    "L029",
                    value.span(),
                    &value.path,
                    format!("`{}` is longer than {octets_max} bytes", value.path),
                )
                .label(format!("{} bytes", text.len())),
            );
            return None;
        }
        if text.chars().any(char::is_control) {
            self.push(
                Diagnostic::fault(
                    "L029",
                    value.span(),
                    &value.path,
                    format!("`{}` holds a control character", value.path),
                )
                .label("it is sent in one line"),
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// Reads a truth value.
    pub(in crate::config) fn boolean(&mut self, value: &Value<'_>) -> Option<bool> {
        let found = value.raw.as_bool();
        if found.is_none() {
            self.wrong_type(value, "`true` or `false`, without quotes");
        }
        found
    }

    /// Reads a whole number within inclusive bounds.
    pub(in crate::config) fn integer(
        &mut self,
        value: &Value<'_>,
        min: i64,
        max: i64,
    ) -> Option<i64> {
        let DeValue::Integer(written) = value.raw else {
            self.wrong_type(value, &format!("a whole number from {min} to {max}"));
            return None;
        };
        let found = i64::from_str_radix(written.as_str(), written.radix());
        match found {
            Ok(number) if (min..=max).contains(&number) => Some(number),
            _ => {
                self.push(
                    Diagnostic::fault(
                        "L010",
                        value.span(),
                        &value.path,
                        format!("`{}` must lie between {min} and {max}", value.path),
                    )
                    .label("out of bounds"),
                );
                None
            }
        }
    }

    /// Reads a whole number within inclusive bounds that fit the wanted type.
    pub(in crate::config) fn number<N: TryFrom<i64>>(
        &mut self,
        value: &Value<'_>,
        min: i64,
        max: i64,
    ) -> Option<N> {
        let number = self.integer(value, min, max)?;
        N::try_from(number).ok()
    }

    /// Reads one of a few words.
    pub(in crate::config) fn word<'w>(
        &mut self,
        value: &Value<'_>,
        words: &[&'w str],
    ) -> Option<&'w str> {
        let text = self.text(value)?;
        let found = words.iter().find(|word| **word == text).copied();
        if found.is_none() {
            self.unknown_word(value, text, words);
        }
        found
    }

    /// Reports a word that is none of `words`.
    pub(in crate::config) fn unknown_word(
        &mut self,
        value: &Value<'_>,
        text: &str,
        words: &[&str],
    ) {
        let mut diagnostic = Diagnostic::fault(
            "L009",
            value.span(),
            &value.path,
            format!("`{}` cannot be `{text}`", value.path),
        )
        .label("unknown word");
        if let Some(help) = suggest::help_for(text, words.iter().copied(), "the words are") {
            diagnostic = diagnostic.help(help);
        }
        if let Some(word) = suggest::nearest(text, words.iter().copied()) {
            diagnostic = diagnostic.suggest(format!("\"{word}\""));
        }
        self.push(diagnostic);
    }

    /// Reads a duration within inclusive bounds (rule a10).
    pub(in crate::config) fn duration(
        &mut self,
        value: &Value<'_>,
        min: Duration,
        max: Duration,
    ) -> Option<Duration> {
        let (text, number) = match value.raw {
            DeValue::String(text) => (text.as_ref().to_owned(), false),
            DeValue::Integer(number) => (number.as_str().to_owned(), true),
            DeValue::Float(number) => (number.as_str().to_owned(), true),
            _ => {
                self.wrong_type(value, "a duration such as \"30s\" or \"1h30m\"");
                return None;
            }
        };
        let fault = match parse_duration(&text) {
            Ok(found) if number => {
                // Cannot be: a number has no unit. Kept as a value so that nothing is guessed.
                return Some(found);
            }
            Ok(found) if found < min || found > max => {
                self.push(
                    Diagnostic::fault(
                        "L012",
                        value.span(),
                        &value.path,
                        format!(
                            "`{}` must lie between {} and {}",
                            value.path,
                            format_duration(min),
                            format_duration(max)
                        ),
                    )
                    .label(format!("{} is out of bounds", format_duration(found))),
                );
                return None;
            }
            Ok(found) => return Some(found),
            Err(fault) => fault,
        };
        self.push(duration_diagnostic(value, &text, fault));
        None
    }

    /// Reads a duration of whole seconds within inclusive bounds.
    pub(in crate::config) fn seconds(
        &mut self,
        value: &Value<'_>,
        min: u64,
        max: u64,
    ) -> Option<u32> {
        let found = self.duration(value, Duration::from_secs(min), Duration::from_secs(max))?;
        if found.subsec_nanos() != 0 {
            self.push(
                Diagnostic::fault(
                    "L012",
                    value.span(),
                    &value.path,
                    format!("`{}` counts in whole seconds", value.path),
                )
                .label("has a fraction of a second"),
            );
            return None;
        }
        u32::try_from(found.as_secs()).ok()
    }

    /// Reads a TTL: a duration or `{ min, max }` (rule a44). Zero draws a warning.
    pub(in crate::config) fn ttl(&mut self, value: &Value<'_>) -> Option<TtlModel> {
        let max_secs = TTL_MAX.as_secs();
        let Some(mut table) = value.as_table() else {
            let secs = self.seconds(value, 0, max_secs)?;
            if secs == 0 {
                self.push(zero_ttl(value));
            }
            return Some(TtlModel {
                min: secs,
                max: secs,
            });
        };
        let min = table.require("min", "write `{ min = \"5s\", max = \"60s\" }`", self);
        let max = table.require("max", "write `{ min = \"5s\", max = \"60s\" }`", self);
        let known = Known {
            noun: "a bounded TTL",
            keys: &keys_of(&[KeyGroup::Ttl], &[]),
            home: &home,
            has_names: true,
        };
        table.finish(&known, self);
        let (min_value, max_value) = (min?, max?);
        let min = self.seconds(&min_value, 0, max_secs);
        let max = self.seconds(&max_value, 0, max_secs);
        let (min, max) = (min?, max?);
        if min > max {
            self.push(
                Diagnostic::fault(
                    "L012",
                    min_value.span(),
                    &min_value.path,
                    format!("`{}` is above `max`", min_value.path),
                )
                .label("larger than `max`")
                .related(max_value.span(), "smaller than `min`"),
            );
            return None;
        }
        if max == 0 {
            self.push(zero_ttl(&max_value));
        }
        Some(TtlModel { min, max })
    }

    /// Reads a prefix; an address alone is a host's prefix. Host bits are a fault (rule a19).
    pub(in crate::config) fn network(&mut self, value: &Value<'_>, text: &str) -> Option<IpNet> {
        let (message, help) = match parse_prefix(text) {
            Ok(prefix) => return Some(prefix),
            Err(PrefixFault::Address | PrefixFault::Length(_)) => (
                format!("`{text}` is no prefix"),
                "write a prefix such as `198.51.100.0/24` or `2001:db8::/32`".to_owned(),
            ),
            Err(PrefixFault::TooLong(width)) => (
                format!("`{text}` is longer than the {width} bits of its address"),
                "write a prefix such as `198.51.100.0/24` or `2001:db8::/32`".to_owned(),
            ),
            Err(PrefixFault::HostBits(network)) => (
                format!("`{text}` has bits set after its prefix length"),
                format!("the network is `{network}`"),
            ),
        };
        let found = Diagnostic::fault("L054", value.span(), &*value.path, message);
        self.push(found.label("not a prefix").help(help));
        None
    }

    /// Reads a place.
    pub(in crate::config) fn place(&mut self, text: &str, span: Span, path: &str) -> Option<Place> {
        match Place::parse(text) {
            Ok(place) => Some(place),
            Err(fault) => {
                let found = Diagnostic::fault("L050", span, path, fault.message);
                self.push(found.label("not a place").help(fault.help));
                None
            }
        }
    }

    /// Reads a percentage written as text, in whole percents within inclusive bounds.
    pub(in crate::config) fn percent(&mut self, value: &Value<'_>, min: u8, max: u8) -> Option<u8> {
        let found = value
            .as_str()
            .and_then(|text| text.trim().strip_suffix('%'))
            .filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit()))
            .and_then(|digits| digits.parse::<u8>().ok())
            .filter(|percent| (min..=max).contains(percent));
        if found.is_none() {
            self.push(
                Diagnostic::fault(
                    "L013",
                    value.span(),
                    &value.path,
                    format!(
                        "`{}` must be a whole percentage from \"{min}%\" to \"{max}%\"",
                        value.path
                    ),
                )
                .label("not such a percentage"),
            );
        }
        found
    }

    /// Reads a date-time with an offset (rule a10).
    pub(in crate::config) fn wall_time(&mut self, value: &Value<'_>) -> Option<WallTime> {
        let help = "write for example `2026-12-05T22:00:00Z` or `2026-12-05T22:00:00+01:00`, without quotes";
        let text = match value.raw {
            DeValue::Datetime(written) => written.to_string(),
            DeValue::String(text) => text.as_ref().to_owned(),
            _ => {
                self.wrong_type(value, "a date-time with an offset");
                return None;
            }
        };
        let is_quoted = value.raw.is_str();
        let parsed = text.parse::<jiff::Timestamp>().ok();
        match parsed.filter(|_| !is_quoted) {
            Some(stamp) => Some(WallTime::from_millis(stamp.as_millisecond())),
            None => {
                let label = if parsed.is_some() {
                    "remove the quotes"
                } else if value.raw.is_datetime() {
                    "no offset: whose clock is this?"
                } else {
                    "not a date-time"
                };
                self.push(
                    Diagnostic::fault(
                        "L014",
                        value.span(),
                        &value.path,
                        format!("`{}` must be a date-time with an offset", value.path),
                    )
                    .label(label)
                    .help(help),
                );
                None
            }
        }
    }

    /// Checks the number of items of a list or table.
    pub(in crate::config) fn count(&mut self, value: &Value<'_>, found: usize, max: usize) -> bool {
        let diagnostic = if found == 0 {
            Diagnostic::fault(
                "L016",
                value.span(),
                &value.path,
                format!("`{}` is empty", value.path),
            )
            .label("at least one item is needed")
        } else if found > max {
            Diagnostic::fault(
                "L015",
                value.span(),
                &value.path,
                format!("`{}` has {found} items; {max} are allowed", value.path),
            )
            .label("too many")
        } else {
            return true;
        };
        self.push(diagnostic);
        false
    }
}

fn zero_ttl(value: &Value<'_>) -> Diagnostic {
    Diagnostic::warning(
        "L060",
        value.span(),
        &value.path,
        "a TTL of zero forbids every cache to keep the answer".to_owned(),
    )
    .label("each lookup will come here")
    .help("a few seconds fail over nearly as fast with a fraction of the queries")
}

fn duration_diagnostic(value: &Value<'_>, text: &str, fault: DurationFault) -> Diagnostic {
    let diagnostic = Diagnostic::fault(
        "L011",
        value.span(),
        &value.path,
        format!("`{}` is no duration", value.path),
    );
    match fault {
        DurationFault::NoUnit => {
            let fixed = if text.bytes().all(|octet| octet.is_ascii_digit()) {
                format!("\"{text}s\"")
            } else {
                "\"30s\"".to_owned()
            };
            diagnostic
                .label("a number without a unit")
                .help(format!(
                    "units are never guessed; for seconds write `{fixed}`"
                ))
                .suggest(fixed)
        }
        DurationFault::UnknownUnit => diagnostic
            .label("unknown unit")
            .help("the units are `ms`, `s`, `m`, `h`, `d` and `w`"),
        DurationFault::Empty => diagnostic
            .label("empty")
            .help("write for example \"30s\" or \"1h30m\""),
        DurationFault::NoNumber => diagnostic
            .label("not whole numbers with units")
            .help("write for example \"30s\", \"250ms\" or \"1h30m\""),
        DurationFault::TooLong => diagnostic.label("longer than can be counted"),
    }
}

fn type_name(raw: &DeValue<'_>) -> &'static str {
    match raw {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "a truth value",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
