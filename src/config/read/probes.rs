//! Probing checks: what one probe does, how often, and how its observations are damped.
//!
//! In: the table of a check. Out: a [`ProbeTemplate`]. Never here: what the check is applied to.

use std::time::Duration;

use super::authorities::read_ca;
use super::checks::{take_boolean, with_common};
use super::hosts::read_host;
use super::protocols::{read_certificate, read_dns, read_grpc};
use super::reader::Reader;
use super::request_text::{
    COMMAND_HEADER, read_address, read_body_rules, read_headers, read_path, read_status, within,
};
use super::soft::read_degraded;
use super::table::{Table, Value};
use crate::clock::format_duration;
use crate::diagnostic::Diagnostic;
use crate::health::{Damping, Endpoint, HttpProbe, ProbeKind, TcpProbe, Timeout, TlsProbe};
use crate::model::ProbeTemplate;

/// Default time between probes (zone format, section 2).
const INTERVAL_DEFAULT: Duration = Duration::from_secs(10);
/// Bounds of `interval`.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_secs(3600);
/// Default limit of one probe, unless the interval is shorter.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(3);
/// Bounds of `timeout`.
const TIMEOUT_MIN: Duration = Duration::from_millis(10);
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(60);

pub(super) const PROBING_KEYS: &[&str] = &[
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
    "header-bytes",
];
pub(super) const TLS_KEYS: &[&str] = &["host", "server-name", "verify", "ca"];

/// When a probe runs and how it counts.
pub(super) struct Schedule {
    interval: Duration,
    timeout: Timeout,
    damping: Damping,
}

/// Reads the types that probe an endpoint: `http`, `https`, `tcp`, `dns`, `tls` and `grpc`.
pub(super) fn read_probe(
    reader: &mut Reader<'_>,
    mut table: Table<'_>,
    kind: &'static str,
) -> Option<ProbeTemplate> {
    let schedule = read_schedule(reader, &mut table);
    let endpoint = read_endpoint(reader, &mut table);
    let port = table.take_value("port");
    let mut keys = with_common(PROBING_KEYS);
    let mut watch = Some(false);
    if matches!(kind, "http" | "https" | "tcp") {
        keys.push("watch");
        if let Some(value) = table.take_value("watch") {
            watch = reader.faults.boolean(&value);
        }
    }
    let probe = match kind {
        "tcp" => read_tcp(reader, &mut table, &mut keys).map(ProbeKind::Tcp),
        "dns" => read_dns(reader, &mut table, &mut keys).map(ProbeKind::Dns),
        "tls" => read_certificate(reader, &mut table, &mut keys).map(ProbeKind::Tls),
        "grpc" => read_grpc(reader, &mut table, &mut keys).map(ProbeKind::Grpc),
        _ => read_http(reader, &mut table, kind == "https", &mut keys).map(ProbeKind::Http),
    };
    let port = match (port, kind) {
        (Some(value), _) => reader.faults.number(&value, 1, 65535),
        (None, "http") => Some(80),
        (None, "https" | "tls") => Some(443),
        (None, "dns") => Some(53),
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
    let watch = watch?;
    Some(ProbeTemplate {
        watch,
        ..schedule.template(endpoint?, port?, probe)
    })
}

impl Schedule {
    /// Joins when a probe runs with what it does.
    pub(super) fn template(
        self,
        endpoint: Option<Endpoint>,
        port: u16,
        kind: ProbeKind,
    ) -> ProbeTemplate {
        ProbeTemplate {
            endpoint,
            port,
            kind,
            interval: self.interval,
            timeout: self.timeout,
            watch: false,
            damping: self.damping,
        }
    }
}

pub(super) fn missing_port(reader: &mut Reader<'_>, table: &Table<'_>, kind: &str) {
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

pub(super) fn read_schedule(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<Schedule> {
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
    let degraded = read_degraded(reader, table);
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
            degraded,
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

/// Reads `address` or `target`; the outer `None` means a fault, the inner one a recipe (rule a30).
#[expect(
    clippy::option_option,
    reason = "absent and wrong are different outcomes"
)]
pub(super) fn read_endpoint(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
) -> Option<Option<Endpoint>> {
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
        .map_or_else(|| Some("/".to_owned()), |value| read_path(reader, &value));
    let method = table.take_value("method").map_or(Some("GET"), |value| {
        reader.faults.word(&value, &HttpProbe::METHODS)
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
    let (low, high) = HttpProbe::HEADER_BYTES_BOUNDS;
    let header_bytes = match table.take_value("header-bytes") {
        Some(value) => reader.faults.number(&value, low.into(), high.into()),
        None => Some(HttpProbe::HEADER_BYTES),
    };
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
        header_bytes: header_bytes?,
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
        refuse_commands(reader, &value, text)?;
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

/// Refuses text that would command a Leeward server, as `headers` do.
fn refuse_commands(reader: &mut Reader<'_>, value: &Value<'_>, text: &str) -> Option<()> {
    if !text.to_ascii_lowercase().contains(COMMAND_HEADER) {
        return Some(());
    }
    let message = format!("`{}` cannot be sent", value.path);
    let fault = Diagnostic::fault("L029", value.span(), &value.path, message)
        .label("it holds the header that commands a Leeward server, which checks may not");
    reader.faults.push(fault);
    None
}

pub(super) fn read_tls(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
    host: Option<String>,
) -> TlsProbe {
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

pub(super) fn take_host(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
    key: &str,
) -> Option<String> {
    let value = table.take_value(key)?;
    read_host(reader, &value)
}
