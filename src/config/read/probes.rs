//! Probing checks: what one probe does, how often, and how its observations are damped.
//!
//! In: the table of a check. Out: a [`ProbeTemplate`], or the fact that the type takes effect later, after judging all
//! its keys. Never here: what the check is applied to.

use std::net::IpAddr;
use std::path::{Component, Path};
use std::time::Duration;

use toml::de::DeValue;

use super::checks::{take_boolean, with_common};
use super::reader::Reader;
use super::table::{Table, Value};
use crate::clock::format_duration;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::model::{CheckKind, ProbeTemplate, Span};
use crate::health::{Damping, Endpoint, HttpProbe, ProbeKind, TcpProbe, Timeout, TlsProbe};
use crate::wire::Rtype;

/// Default time between probes (zone format, section 2).
const INTERVAL_DEFAULT: Duration = Duration::from_secs(10);
/// Bounds of `interval`.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_secs(3600);
/// Default limit of one probe, unless the interval is shorter.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(3);
/// Bounds of `timeout`.
const TIMEOUT_MIN: Duration = Duration::from_millis(10);
const TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// Most headers of an HTTP probe.
const HEADERS_MAX: usize = 32;
/// Most status codes or ranges; chosen, there are only 500 codes.
const STATUS_MAX: usize = 64;

const PROBING_KEYS: &[&str] = &[
    "interval", "timeout", "fall", "rise", "forgive", "degraded", "address", "target", "port",
];
const HTTP_KEYS: &[&str] = &[
    "path",
    "method",
    "headers",
    "host",
    "status",
    "contains",
    "regex",
    "follow-redirects",
];
const TLS_KEYS: &[&str] = &["host", "server-name", "verify", "ca"];

/// When a probe runs and how it counts.
struct Schedule {
    interval: Duration,
    timeout: Timeout,
    damping: Damping,
}

/// Reads `http`, `https` and `tcp`.
pub(super) fn read_probe(
    reader: &mut Reader<'_>,
    mut table: Table<'_>,
    kind: &'static str,
) -> Option<ProbeTemplate> {
    let schedule = read_schedule(reader, &mut table);
    let endpoint = read_endpoint(reader, &mut table);
    let port = table.take_value("port");
    let mut keys = with_common(PROBING_KEYS);
    let probe = if kind == "tcp" {
        read_tcp(reader, &mut table, &mut keys).map(ProbeKind::Tcp)
    } else {
        read_http(reader, &mut table, kind == "https", &mut keys).map(ProbeKind::Http)
    };
    let port = match (port, kind) {
        (Some(value), _) => reader.faults.number(&value, 1, 65535),
        (None, "http") => Some(80),
        (None, "https") => Some(443),
        (None, _) => {
            missing_port(reader, &table, kind);
            None
        }
    };
    table.finish(
        &format!("a check of type `{kind}`"),
        &keys,
        &mut reader.faults,
    );
    let (schedule, probe) = (schedule?, probe?);
    Some(ProbeTemplate {
        endpoint: endpoint?,
        port: port?,
        kind: probe,
        interval: schedule.interval,
        timeout: schedule.timeout,
        damping: schedule.damping,
    })
}

fn missing_port(reader: &mut Reader<'_>, table: &Table<'_>, kind: &str) {
    reader.faults.push(
        Diagnostic::fault(
            "L037",
            table.span(),
            &table.path,
            format!("a check of type `{kind}` must say its port"),
        )
        .label("`port` is missing here")
        .help("there is no usual port; write for example `port = 5060`"),
    );
}

fn read_schedule(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<Schedule> {
    let faults = &mut reader.faults;
    let interval_value = table.take_value("interval");
    let interval = match &interval_value {
        Some(value) => faults.duration(value, INTERVAL_MIN, INTERVAL_MAX),
        None => Some(INTERVAL_DEFAULT),
    };
    let timeout_value = table.take_value("timeout");
    let timeout = match &timeout_value {
        Some(value) => read_timeout(reader, value),
        None => Some(Timeout::Whole(
            interval.map_or(TIMEOUT_DEFAULT, |interval| TIMEOUT_DEFAULT.min(interval)),
        )),
    };
    let faults = &mut reader.faults;
    let mut count = |key: &str, default: i64, max: i64| match table.take_value(key) {
        Some(value) => faults.integer(&value, 1, max),
        None => Some(default),
    };
    let (fall, rise, forgive) = (
        count("fall", 3, 100),
        count("rise", 2, 100),
        count("forgive", 1, 1000),
    );
    read_degraded(reader, table);
    let (interval, timeout) = (interval?, timeout?);
    let whole = match timeout {
        Timeout::Whole(whole) => whole,
        Timeout::Phases {
            connect,
            response,
            body,
        } => connect + response + body,
    };
    if whole > interval {
        let timeout_value = timeout_value.as_ref()?;
        let mut diagnostic = Diagnostic::fault(
            "L032",
            timeout_value.span(),
            &timeout_value.path,
            format!(
                "a probe may take {} but the next one starts after {}",
                format_duration(whole),
                format_duration(interval)
            ),
        )
        .label("longer than the interval")
        .help("probes of one target never overlap; shorten `timeout` or lengthen `interval`");
        if let Some(interval_value) = &interval_value {
            diagnostic = diagnostic.related(interval_value.span(), "the interval");
        }
        reader.faults.push(diagnostic);
        return None;
    }
    Some(Schedule {
        interval,
        timeout,
        damping: Damping {
            rise: u8::try_from(rise?).ok()?,
            fall: u8::try_from(fall?).ok()?,
            forgive: u16::try_from(forgive?).ok()?,
        },
    })
}

fn read_timeout(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Timeout> {
    let faults = &mut reader.faults;
    let Some(mut table) = value.as_table() else {
        let whole = faults.duration(value, TIMEOUT_MIN, TIMEOUT_MAX)?;
        return Some(Timeout::Whole(whole));
    };
    let help = "write `{ connect = \"1s\", response = \"1s\", body = \"1s\" }`";
    let mut phase = |key: &str| {
        let value = table.require(key, help, faults)?;
        faults.duration(&value, TIMEOUT_MIN, TIMEOUT_MAX)
    };
    let (connect, response, body) = (phase("connect"), phase("response"), phase("body"));
    table.finish(
        "a timeout by phase",
        &["connect", "response", "body"],
        faults,
    );
    Some(Timeout::Phases {
        connect: connect?,
        response: response?,
        body: body?,
    })
}

/// Reads and judges `degraded` (rule a56).
fn read_degraded(reader: &mut Reader<'_>, table: &mut Table<'_>) {
    let Some(entry) = table.take("degraded") else {
        return;
    };
    let Some(mut inner) = entry.value.as_table() else {
        reader.faults.wrong_type(
            &entry.value,
            "a table such as `{ latency = \"500ms\", failures = \"20%\" }`",
        );
        return;
    };
    if !inner.has("latency") && !inner.has("failures") {
        inner.require(
            "latency",
            "state `latency`, `failures` or both",
            &mut reader.faults,
        );
    }
    if let Some(value) = inner.take_value("latency") {
        reader
            .faults
            .duration(&value, Duration::from_millis(1), TIMEOUT_MAX);
    }
    for key in ["failures", "weight"] {
        if let Some(value) = inner.take_value(key) {
            reader.faults.percent(&value, 0, 100);
        }
    }
    inner.finish(
        "`degraded`",
        &["latency", "failures", "weight"],
        &mut reader.faults,
    );
    not_yet(
        reader,
        &entry.key_span(),
        &entry.value.path,
        "until then a member is healthy or not, nothing between",
    );
}

/// Notes that a key was read and judged but acts only in a later release.
pub(super) fn not_yet(reader: &mut Reader<'_>, span: &Span, path: &str, until_then: &str) {
    let mut note = Diagnostic::fault(
        "L090",
        span.clone(),
        path,
        format!("`{path}` is not yet in effect"),
    )
    .label("read and checked")
    .help(until_then);
    note.severity = Severity::Note;
    reader.faults.push(note);
}

/// Reads `address` or `target`; the outer `None` means a fault, the inner one a recipe (rule a30).
#[expect(
    clippy::option_option,
    reason = "absent and wrong are different outcomes"
)]
fn read_endpoint(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<Option<Endpoint>> {
    let (address, target) = (table.take("address"), table.take("target"));
    match (address, target) {
        (None, None) => Some(None),
        (Some(address), Some(target)) => {
            reader.faults.push(
                Diagnostic::fault(
                    "L019",
                    target.key_span(),
                    &target.value.path,
                    "`address` and `target` exclude each other".to_owned(),
                )
                .label("one of the two")
                .related(address.key_span(), "the other"),
            );
            None
        }
        (Some(address), None) => {
            read_address(reader, &address.value).map(|address| Some(Endpoint::Address(address)))
        }
        (None, Some(target)) => {
            let name = reader.rdata_name(&target.value)?;
            let text = name.to_string();
            Some(Some(Endpoint::Host(text.trim_end_matches('.').to_owned())))
        }
    }
}

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

fn read_http(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
    is_https: bool,
    keys: &mut Vec<&'static str>,
) -> Option<HttpProbe> {
    keys.extend_from_slice(HTTP_KEYS);
    let host = take_host(reader, table, "host");
    let tls = if is_https {
        keys.extend_from_slice(&TLS_KEYS[1..]);
        keys.push("days-left");
        Some(read_tls(reader, table, host.clone()))
    } else {
        None
    };
    let days_left = if is_https {
        table
            .take_value("days-left")
            .and_then(|value| reader.faults.number(&value, 0, 365))
    } else {
        None
    };
    let path = table
        .take_value("path")
        .map_or(Some("/".to_owned()), |value| read_path(reader, &value));
    let method = table.take_value("method").map_or(Some("GET"), |value| {
        reader.faults.word(&value, &["GET", "HEAD", "POST"])
    });
    let headers = table
        .take_value("headers")
        .map_or_else(Vec::new, |value| read_headers(reader, &value));
    let status = table
        .take_value("status")
        .map_or_else(|| vec![(200, 299)], |value| read_status(reader, &value));
    let (contains, regex) = read_body_rules(reader, table);
    let follow_redirects = table
        .take_value("follow-redirects")
        .and_then(|value| reader.faults.number(&value, 0, 5));
    Some(HttpProbe {
        tls,
        method: method?.to_owned(),
        path: path?,
        host: host.unwrap_or_default(),
        headers,
        status,
        contains,
        regex,
        follow_redirects: follow_redirects.unwrap_or(0),
        days_left: days_left.unwrap_or(0),
    })
}

fn read_tcp(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
    keys: &mut Vec<&'static str>,
) -> Option<TcpProbe> {
    keys.extend_from_slice(&["send", "tls", "contains", "regex"]);
    let tls = if take_boolean(reader, table, "tls") {
        keys.extend_from_slice(TLS_KEYS);
        let host = take_host(reader, table, "host");
        Some(read_tls(reader, table, host))
    } else {
        None
    };
    let send = table.take_value("send").and_then(|value| {
        let text = reader.faults.text(&value)?;
        within(reader, &value, text, 1024)
    });
    let (contains, regex) = read_body_rules(reader, table);
    Some(TcpProbe {
        tls,
        send,
        contains,
        regex,
    })
}

fn read_tls(reader: &mut Reader<'_>, table: &mut Table<'_>, host: Option<String>) -> TlsProbe {
    let server_name = take_host(reader, table, "server-name").or(host);
    let verify = table
        .take_value("verify")
        .and_then(|value| reader.faults.boolean(&value))
        .unwrap_or(true);
    let ca_pem = table
        .take_value("ca")
        .and_then(|value| read_ca(reader, &value));
    TlsProbe {
        server_name,
        verify,
        ca_pem,
    }
}

fn read_ca(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<String> {
    let text = reader.faults.text(value)?;
    let pem = read_zone_file(reader, value, text)?;
    if pem.contains("-----BEGIN CERTIFICATE-----") {
        return Some(pem);
    }
    reader.faults.push(
        Diagnostic::fault(
            "L040",
            value.span(),
            &value.path,
            format!("`{text}` holds no certificate"),
        )
        .label("this file")
        .help("PEM text with `-----BEGIN CERTIFICATE-----` is wanted"),
    );
    None
}

/// Reads a file beside the zones; paths that leave the directory are refused.
pub(super) fn read_zone_file(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    text: &str,
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
            reader.faults.push(
                Diagnostic::fault(
                    "L040",
                    value.span(),
                    &value.path,
                    format!("cannot read `{text}`: {reason}"),
                )
                .label("this file")
                .help("paths are relative to the zones directory and stay inside it"),
            );
            None
        }
    }
}

fn take_host(reader: &mut Reader<'_>, table: &mut Table<'_>, key: &str) -> Option<String> {
    let value = table.take_value(key)?;
    read_host(reader, &value)
}

/// Reads a host as it is sent: no scheme, path or port (rule a7).
pub(super) fn read_host(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<String> {
    let text = reader.faults.line(value, 255)?;
    let complaint = if text.is_empty() {
        Some(("it is empty", "write the name that the server expects"))
    } else if text.contains("://") || text.contains('/') {
        Some((
            "this is a URL",
            "write only the host; the path has its own key `path`",
        ))
    } else if text.contains(char::is_whitespace) {
        Some(("it holds a space", "write one host name"))
    } else if text.contains(':') && text.trim_matches(['[', ']']).parse::<IpAddr>().is_err() {
        Some(("it holds a port", "the port has its own key `port`"))
    } else {
        None
    };
    let Some((label, help)) = complaint else {
        return Some(text);
    };
    reader.faults.push(
        Diagnostic::fault(
            "L029",
            value.span(),
            &value.path,
            format!("`{text}` is no host"),
        )
        .label(label)
        .help(help),
    );
    None
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

fn read_headers(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<(String, String)> {
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
        } else if entry.key.eq_ignore_ascii_case("host") {
            Some((
                "the Host header has a key of its own",
                Some("write `host = \"...\"` in the check"),
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

fn read_status(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<(u16, u16)> {
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

fn within(
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

fn read_body_rules(
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

/// Reads the types that take effect in a later release, judging every key.
pub(super) fn read_not_yet(
    reader: &mut Reader<'_>,
    mut table: Table<'_>,
    kind: &'static str,
) -> Option<CheckKind> {
    let mut keys = with_common(&[]);
    let mut is_gate = kind == "prometheus" || kind == "heartbeat";
    if kind != "heartbeat" {
        keys.extend_from_slice(&PROBING_KEYS[..6]);
        read_schedule(reader, &mut table);
    }
    if !is_gate {
        keys.extend_from_slice(&PROBING_KEYS[6..]);
        is_gate = read_endpoint(reader, &mut table).is_none_or(|endpoint| endpoint.is_some());
        match table.take_value("port") {
            Some(value) => {
                reader.faults.integer(&value, 1, 65535);
            }
            None if kind == "grpc" => missing_port(reader, &table, kind),
            None => {}
        }
    }
    let noun = format!("a check of type `{kind}`");
    match kind {
        "dns" => read_dns(reader, &mut table, &mut keys),
        "grpc" | "tls" => {
            keys.extend_from_slice(TLS_KEYS);
            let host = take_host(reader, &mut table, "host");
            read_tls(reader, &mut table, host);
            if kind == "grpc" {
                keys.push("service");
                if let Some(value) = table.take_value("service") {
                    reader.faults.line(&value, 255);
                }
            } else {
                keys.push("days-left");
                if let Some(value) = table.take_value("days-left") {
                    reader.faults.integer(&value, 0, 365);
                }
            }
        }
        "exec" => {
            keys.push("command");
            let takes_address = read_command(reader, &mut table);
            is_gate = is_gate || !takes_address;
        }
        "prometheus" => read_prometheus(reader, &mut table, &mut keys),
        _ => {
            keys.push("every");
            let help = "say how often the heartbeat comes, for example `every = \"1m\"`";
            if let Some(value) = table.require("every", help, &mut reader.faults) {
                reader.faults.duration(
                    &value,
                    Duration::from_secs(1),
                    Duration::from_secs(7 * 86_400),
                );
            }
        }
    }
    table.finish(&noun, &keys, &mut reader.faults);
    Some(CheckKind::NotYet { kind, is_gate })
}

fn read_dns(reader: &mut Reader<'_>, table: &mut Table<'_>, keys: &mut Vec<&'static str>) {
    keys.extend_from_slice(&["query", "expect"]);
    let help = "write a name and a type, for example `query = \"www.example.com. A\"`";
    if let Some(value) = table.require("query", help, &mut reader.faults)
        && let Some(text) = reader.faults.text(&value)
    {
        let words: Vec<&str> = text.split_whitespace().collect();
        let is_right = matches!(words.as_slice(), [name, rtype]
            if crate::wire::Name::parse_absolute(name).is_ok() && Rtype::parse(rtype).is_some());
        if !is_right {
            reader.faults.push(
                Diagnostic::fault(
                    "L020",
                    value.span(),
                    &value.path,
                    format!("`{text}` is no question"),
                )
                .label("not a name and a type")
                .help(help),
            );
        }
    }
    if let Some(value) = table.take_value("expect") {
        for item in value.one_or_items() {
            reader.faults.text(&item);
        }
    }
}

/// Reads `command`; says whether `{address}` in it makes a recipe.
fn read_command(reader: &mut Reader<'_>, table: &mut Table<'_>) -> bool {
    let help =
        "list the program and its arguments: `command = [\"/usr/bin/check\", \"{address}\"]`";
    let Some(value) = table.require("command", help, &mut reader.faults) else {
        return true;
    };
    let Some(items) = value.items() else {
        reader
            .faults
            .wrong_type(&value, "a list of the program and its arguments");
        return true;
    };
    reader.faults.count(&value, items.len(), 64);
    let mut takes_address = false;
    for item in &items {
        if let Some(text) = reader.faults.text(item) {
            takes_address |= text.contains("{address}");
        }
    }
    takes_address
}

fn read_prometheus(reader: &mut Reader<'_>, table: &mut Table<'_>, keys: &mut Vec<&'static str>) {
    keys.extend_from_slice(&["url", "query", "healthy-if"]);
    for (key, help) in [
        (
            "url",
            "write for example `url = \"http://prometheus:9090\"`",
        ),
        ("query", "write the expression to evaluate"),
        (
            "healthy-if",
            "write a comparison, for example `healthy-if = \"< 0.05\"`",
        ),
    ] {
        let Some(value) = table.require(key, help, &mut reader.faults) else {
            continue;
        };
        let Some(text) = reader.faults.text(&value) else {
            continue;
        };
        let is_right = match key {
            "url" => text.starts_with("http://") || text.starts_with("https://"),
            "healthy-if" => is_comparison(text),
            _ => !text.trim().is_empty(),
        };
        if !is_right {
            reader.faults.push(
                Diagnostic::fault(
                    "L029",
                    value.span(),
                    &value.path,
                    format!("`{key}` cannot be `{text}`"),
                )
                .label("not understood")
                .help(help),
            );
        }
    }
}

fn is_comparison(text: &str) -> bool {
    let operators = ["<=", ">=", "==", "!=", "<", ">"];
    operators
        .iter()
        .find_map(|operator| text.trim().strip_prefix(operator))
        .is_some_and(|number| number.trim().parse::<f64>().is_ok_and(f64::is_finite))
}
