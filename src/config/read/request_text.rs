//! Text that probes send and look for: paths, headers, status codes, patterns; and files beside the zones.
//!
//! In: single values of a check, pool or member. Out: text fit to be sent. Never here: tables of checks.

use std::net::IpAddr;
use std::path::{Component, Path};

use toml::de::DeValue;

use super::reader::Reader;
use crate::config::values::{Table, Value};
use crate::diagnostic::{Diagnostic, Severity};

/// The header that changing requests to the control API carry. Checks may not send it: a zone must not command the
/// server.
pub const COMMAND_HEADER: &str = "x-leeward-request";

/// Most headers of an HTTP probe.
const HEADERS_MAX: usize = 32;
/// Most status codes or ranges; chosen, there are only 500 codes.
const STATUS_MAX: usize = 64;

/// Reads an address.
pub(super) fn read_address(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<IpAddr> {
    let text = reader.faults.text(value)?;
    match text.parse() {
        Ok(address) => Some(address),
        Err(_) => {
            reader.faults.push(
                Diagnostic::fault(
                    "L061",
                    value.span(),
                    &value.path,
                    format!("`{text}` is no IP address"),
                )
                .label("not an address")
                .help("names are written as `target`; ports have a key of their own"),
            );
            None
        }
    }
}

/// Reads a request path: text sent as written (rule a7).
pub(super) fn read_path(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<String> {
    let text = reader.faults.line(value, 2048)?;
    if text.starts_with('/') && !text.contains(char::is_whitespace) {
        return Some(text);
    }
    reader.faults.push(
        Diagnostic::fault(
            "L029",
            value.span(),
            &value.path,
            format!("`{text}` is no path"),
        )
        .label("a path starts with `/` and holds no spaces")
        .help("it is sent as written; encode spaces as `%20`"),
    );
    None
}

/// Headers after which a server waits for a body, or for one that is not what it says.
fn speaks_of_a_body(name: &str, value: Option<&str>) -> bool {
    let is = |header: &str| name.eq_ignore_ascii_case(header);
    is("transfer-encoding") || is("trailer") || (is("content-length") && value != Some("0"))
}

pub(super) fn read_headers(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<(String, String)> {
    let Some(table) = value.as_table() else {
        reader
            .faults
            .wrong_type(value, "a table such as `{ Accept = \"text/plain\" }`");
        return Vec::new();
    };
    if !reader.faults.count(value, table.len(), HEADERS_MAX) {
        return Vec::new();
    }
    let mut headers = Vec::new();
    for entry in table.entries() {
        let is_token = !entry.key.is_empty()
            && entry
                .key
                .bytes()
                .all(|o| o.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&o));
        let complaint = if !is_token {
            Some(("not the name of a header (RFC 9110, section 5.1)", None))
        } else if entry.key.eq_ignore_ascii_case(COMMAND_HEADER) {
            Some((
                "this header commands a Leeward server, which checks may not",
                Some("leave it out; commands are for `leeward` and for people"),
            ))
        } else if speaks_of_a_body(entry.key, entry.value.as_str()) {
            Some((
                "this header speaks of a body, and a check sends none",
                Some("leave it out; POST, PUT and PATCH send `Content-Length: 0`"),
            ))
        } else {
            None
        };
        if let Some((label, help)) = complaint {
            let mut diagnostic = Diagnostic::fault(
                "L029",
                entry.key_span(),
                &entry.value.path,
                format!("`{}` cannot be sent as a header", entry.key),
            )
            .label(label);
            diagnostic.help = help.map(str::to_owned);
            reader.faults.push(diagnostic);
        } else if let Some(text) = reader.faults.line(&entry.value, 4096) {
            headers.push((entry.key.to_owned(), text));
        }
    }
    headers
}

pub(super) fn read_status(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<(u16, u16)> {
    let items = value.one_or_items();
    if !reader.faults.count(value, items.len(), STATUS_MAX) {
        return Vec::new();
    }
    let code = |text: &str| {
        text.trim()
            .parse::<u16>()
            .ok()
            .filter(|code| (100..=599).contains(code))
    };
    let mut ranges = Vec::new();
    for item in &items {
        let range = match item.raw {
            DeValue::Integer(number) => code(number.as_str()).map(|code| (code, code)),
            DeValue::String(text) => match text.split_once('-') {
                Some((low, high)) => code(low).zip(code(high)).filter(|(low, high)| low <= high),
                None => code(text).map(|code| (code, code)),
            },
            _ => None,
        };
        match range {
            Some(range) => ranges.push(range),
            None => reader.faults.push(
                Diagnostic::fault(
                    "L010",
                    item.span(),
                    &item.path,
                    format!("`{}` is no status code or range", item.path),
                )
                .label("not from 100 to 599")
                .help("write for example `status = [200, \"300-399\"]`"),
            ),
        }
    }
    ranges
}

pub(super) fn read_body_rules(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
) -> (Option<String>, Option<String>) {
    let contains = table.take_value("contains").and_then(|value| {
        let text = reader.faults.text(&value)?;
        within(reader, &value, text, 255)
    });
    let regex = table.take_value("regex").and_then(|value| {
        let text = reader.faults.text(&value)?;
        let pattern = within(reader, &value, text, 255)?;
        match regex::Regex::new(&pattern) {
            Ok(_) => Some(pattern),
            Err(error) => {
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default();
                reader.faults.push(
                    Diagnostic::fault(
                        "L036",
                        value.span(),
                        &value.path,
                        format!("`{}` is no regular expression", value.path),
                    )
                    .label(reason.trim_start_matches("error: ").to_owned())
                    .help("in TOML, backslashes need single quotes: `regex = '\\d+'`"),
                );
                None
            }
        }
    });
    (contains, regex)
}

pub(super) fn within(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    text: &str,
    octets_max: usize,
) -> Option<String> {
    if (1..=octets_max).contains(&text.len()) {
        return Some(text.to_owned());
    }
    reader.faults.push(
        Diagnostic::fault(
            "L029",
            value.span(),
            &value.path,
            format!("`{}` must have 1 to {octets_max} bytes", value.path),
        )
        .label(format!("{} bytes", text.len())),
    );
    None
}

/// Reads a file beside the zones; paths that leave the directory are refused. How grave a missing file is depends on
/// what it is for; where it is none, `until_then` says what holds without it.
pub(super) fn read_zone_file(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    text: &str,
    missing: Severity,
    until_then: &str,
) -> Option<String> {
    let path = Path::new(text);
    let is_inside = !text.is_empty()
        && path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let outcome = if is_inside {
        reader.files.read(path)
    } else {
        Err("only files inside the zones directory are read".to_owned())
    };
    match outcome {
        Ok(text) => Some(text),
        Err(reason) => {
            let message = format!("cannot read `{text}`: {reason}");
            let help = if missing == Severity::Fault || !is_inside {
                "paths are relative to the zones directory and stay inside it".to_owned()
            } else {
                format!("{until_then}; paths are relative to the zones directory")
            };
            let severity = if is_inside { missing } else { Severity::Fault };
            reader.faults.push(Diagnostic {
                severity,
                ..Diagnostic::fault("L040", value.span(), &value.path, message)
                    .label("this file")
                    .help(help)
            });
            None
        }
    }
}
