//! Probing checks: what one probe does, how often, and how its observations are damped.
//!
//! In: the table of a check. Out: a [`ProbeTemplate`]. Never here: what the check is applied to.

use std::time::Duration;

use super::authorities::read_ca;
use super::hosts::read_host;
use super::known::{Key, default_duration, duration, finish, number, take_boolean, take_number};
use super::protocols::{read_certificate, read_dns, read_grpc};
use super::reader::Reader;
use super::request_text::{
    COMMAND_HEADER, read_address, read_body_rules, read_headers, read_path, read_status, within,
};
use super::soft::read_degraded;
use crate::clock::format_duration;
use crate::config::keys::{KeyGroup, row, words_of};
use crate::config::values::{Table, Value};
use crate::diagnostic::Diagnostic;
use crate::health::{
    Damping, Endpoint, GrpcProbe, HttpProbe, ProbeKind, TcpProbe, Timeout, TlsProbe,
};
use crate::model::ProbeTemplate;

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
    let mut watch = Some(false);
    if row(KeyGroup::Check, "watch").of.contains(&kind)
        && let Some(value) = table.take_value("watch")
    {
        watch = reader.faults.boolean(&value);
    }
    let probe = match kind {
        "tcp" => read_tcp(reader, &mut table).map(ProbeKind::Tcp),
        "dns" => read_dns(reader, &mut table).map(ProbeKind::Dns),
        "tls" => read_certificate(reader, &mut table).map(ProbeKind::Tls),
        "grpc" => read_grpc(reader, &mut table).map(ProbeKind::Grpc),
        _ => read_http(reader, &mut table, kind == "https").map(ProbeKind::Http),
    };
    let key = Key(KeyGroup::Check, "port", kind);
    let usual = row(KeyGroup::Check, "port").default_of(kind).parse();
    let port = match (port, usual) {
        (Some(value), _) => number(&value, key, &mut reader.faults),
        (None, Ok(port)) => Some(port),
        (None, Err(_)) => {
            missing_port(reader, &table, kind);
            None
        }
    };
    let has_tls = matches!(
        &probe,
        Some(
            ProbeKind::Tcp(TcpProbe { tls: Some(_), .. })
                | ProbeKind::Grpc(GrpcProbe { tls: Some(_), .. })
        )
    );
    let with_tls = format!("{kind} with `tls`");
    let of = [kind, if has_tls { &with_tls } else { kind }];
    let noun = format!("a check of type `{kind}`");
    finish(table, &noun, (&[KeyGroup::Check], &of), &mut reader.faults);
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
    let key = |key| Key(KeyGroup::Check, key, "");
    let faults = &mut reader.faults;
    let interval_value = table.take_value("interval");
    let interval = match &interval_value {
        Some(value) => duration(value, key("interval"), faults),
        None => default_duration(key("interval")),
    };
    let timeout_value = table.take_value("timeout");
    let timeout = match &timeout_value {
        Some(value) => read_timeout(reader, value),
        None => default_duration(Key(KeyGroup::Check, "timeout", ""))
            .map(|usual| Timeout::Whole(interval.map_or(usual, |interval| usual.min(interval)))),
    };
    let faults = &mut reader.faults;
    let (fall, rise) = (
        take_number(table, key("fall"), faults),
        take_number(table, key("rise"), faults),
    );
    let forgive = take_number(table, key("forgive"), faults);
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
            rise: rise?,
            fall: fall?,
            forgive: forgive?,
            degraded,
        },
    })
}

fn read_timeout(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Timeout> {
    let faults = &mut reader.faults;
    let Some(mut table) = value.as_table() else {
        // As long as each of its phases may take.
        let whole = duration(value, Key(KeyGroup::Timeout, "response", ""), faults)?;
        return Some(Timeout::Whole(whole));
    };
    let help = "write `{ connect = \"1s\", response = \"1s\", body = \"1s\" }`";
    let mut phase = |key: &str| {
        let value = table.require(key, help, faults)?;
        duration(&value, Key(KeyGroup::Timeout, key, ""), faults)
    };
    let (connect, response, body) = (phase("connect"), phase("response"), phase("body"));
    finish(
        table,
        "a timeout by phase",
        (&[KeyGroup::Timeout], &[]),
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

fn read_http(reader: &mut Reader<'_>, table: &mut Table<'_>, is_https: bool) -> Option<HttpProbe> {
    let key = |key| Key(KeyGroup::Check, key, "http");
    let host = take_host(reader, table, "host");
    let tls = if is_https {
        Some(read_tls(reader, table, host.clone()))
    } else {
        None
    };
    let days_left = if is_https {
        take_number(table, key("days-left"), &mut reader.faults)
    } else {
        None
    };
    let path = table
        .take_value("path")
        .map_or_else(|| Some("/".to_owned()), |value| read_path(reader, &value));
    let method = table.take_value("method").map_or(Some("GET"), |value| {
        reader
            .faults
            .word(&value, words_of(KeyGroup::Check, "method"))
    });
    let headers = table
        .take_value("headers")
        .map_or_else(Vec::new, |value| read_headers(reader, &value));
    let status = table
        .take_value("status")
        .map_or_else(|| vec![(200, 299)], |value| read_status(reader, &value));
    let (contains, regex) = read_body_rules(reader, table);
    let follow_redirects = take_number(table, key("follow-redirects"), &mut reader.faults);
    let header_bytes = take_number(table, key("header-bytes"), &mut reader.faults);
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

fn read_tcp(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<TcpProbe> {
    let tls = if is_secure(reader, table) {
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

/// Reads `tls`.
pub(super) fn is_secure(reader: &mut Reader<'_>, table: &mut Table<'_>) -> bool {
    let key = Key(KeyGroup::Check, "tls", "");
    take_boolean(table, key, &mut reader.faults).unwrap_or(false)
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
    let key = Key(KeyGroup::Check, "verify", "");
    let verify = take_boolean(table, key, &mut reader.faults).unwrap_or(true);
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
