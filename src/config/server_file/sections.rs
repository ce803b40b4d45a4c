//! The tables of the server file, one function each. In: a table that may be absent. Out: its settings, defaults
//! filled in.

use std::path::Path;

use ipnet::IpNet;
use toml::de::DeValue;

use super::proxy::read_prefixes;
use super::read::read_count;
use super::settings::{GeoSettings, LogFormat, LogLevel, LogSettings, ProbeSettings, TcpSettings};
use super::value::{Findings, Section, Zero, items};
use crate::geo::Place;

pub(super) fn read_geo(
    section: &Section<'_, '_>,
    base: &Path,
    findings: &mut Findings,
) -> GeoSettings {
    let mut databases = Vec::new();
    if let Some((path, value)) = section.find("database") {
        let written = items(value);
        if written.len() > GeoSettings::DATABASES_MAX {
            let message = format!("more than {} databases", GeoSettings::DATABASES_MAX);
            findings.fault("S004", value.span(), &path, message);
        }
        for item in written {
            if let Some(file) = findings.text(&path, item, "a file or a list of files") {
                databases.push(base.join(file));
            }
        }
    }
    GeoSettings {
        databases,
        networks: read_networks(section, findings),
    }
}

fn read_networks(section: &Section<'_, '_>, findings: &mut Findings) -> Vec<(IpNet, Place)> {
    let Some((path, value)) = section.find("networks") else {
        return Vec::new();
    };
    let DeValue::Table(table) = value.get_ref() else {
        findings.wrong_type(&path, value, "a table of prefixes with their places");
        return Vec::new();
    };
    if table.len() > GeoSettings::NETWORKS_MAX {
        let message = format!("more than {} networks", GeoSettings::NETWORKS_MAX);
        findings.fault("S004", value.span(), &path, message);
    }
    let mut written: Vec<_> = table.iter().collect();
    written.sort_by_key(|(key, _)| key.span().start);
    let mut networks: Vec<(IpNet, Place)> = Vec::new();
    let mut seen = std::collections::HashMap::new();
    for (key, value) in written {
        let item_path = format!("{path}.\"{}\"", key.get_ref());
        let prefix = findings.prefix(&item_path, key.span(), key.get_ref());
        let place = findings
            .text(&item_path, value, "a place such as \"EU-DE\"")
            .and_then(|text| match Place::parse(text) {
                Ok(place) => Some(place),
                Err(fault) => {
                    let finding = findings.fault("S008", value.span(), &item_path, fault.message);
                    finding.help = Some(fault.help);
                    None
                }
            });
        let (Some(prefix), Some(place)) = (prefix, place) else {
            continue;
        };
        if let Some(first) = seen.insert(prefix, key.span()) {
            let finding = findings.fault(
                "S010",
                key.span(),
                &item_path,
                format!("`{prefix}` is listed twice"),
            );
            finding
                .related
                .push((crate::diagnostic::Span(first), "first here".to_owned()));
        }
        networks.push((prefix, place));
    }
    networks
}

pub(super) fn read_log(section: &Section<'_, '_>, findings: &mut Findings) -> LogSettings {
    let mut log = LogSettings::default();
    if let Some((path, value)) = section.find("format") {
        log.format = findings
            .word(&path, value, &LogFormat::ALL)
            .unwrap_or(log.format);
    }
    if let Some((path, value)) = section.find("level") {
        log.level = findings
            .word(&path, value, &LogLevel::ALL)
            .unwrap_or(log.level);
    }
    log
}

pub(super) fn read_probe(section: &Section<'_, '_>, findings: &mut Findings) -> ProbeSettings {
    let mut probe = ProbeSettings::default();
    let (low, high) = ProbeSettings::CONCURRENCY_BOUNDS;
    probe.concurrency = read_count(section, "concurrency", low..=high, findings);
    if let Some((path, value)) = section.find("allow") {
        let written = items(value);
        if written.is_empty() {
            findings
                .fault(
                    "S011",
                    value.span(),
                    &path,
                    "`probe.allow` is an empty list: no probe could run".to_owned(),
                )
                .help = Some("leave the key out to allow every network".to_owned());
        }
    }
    if let Some(allow) = read_prefixes(section, "allow", ProbeSettings::ALLOW_MAX, findings) {
        probe.allow = allow;
    }
    if let Some((path, value)) = section.find("user-agent")
        && let Some(text) = findings.text(&path, value, "a text")
    {
        let is_sendable = text.bytes().all(|octet| (0x20..0x7f).contains(&octet));
        if text.is_empty() || text.len() > ProbeSettings::USER_AGENT_MAX || !is_sendable {
            let message = format!(
                "`{path}` must be 1 to {} visible ASCII characters",
                ProbeSettings::USER_AGENT_MAX
            );
            findings.fault("S004", value.span(), &path, message);
        }
        text.clone_into(&mut probe.user_agent);
    }
    probe
}

pub(super) fn read_tcp(section: &Section<'_, '_>, findings: &mut Findings) -> TcpSettings {
    let mut tcp = TcpSettings::default();
    let (low, high) = TcpSettings::CONNECTIONS_BOUNDS;
    if let Some(count) = read_count(section, "connections", low..=high, findings) {
        tcp.connections = count;
    }
    tcp.connections_per_address = tcp.connections_per_address.min(tcp.connections);
    let bounds = 1..=tcp.connections;
    if let Some(count) = read_count(section, "connections-per-address", bounds, findings) {
        tcp.connections_per_address = count;
    }
    let mut timeout = |key, default| {
        section
            .find(key)
            .and_then(|(path, value)| {
                findings.duration(&path, value, TcpSettings::TIMEOUT_BOUNDS, Zero::Fails)
            })
            .unwrap_or(default)
    };
    tcp.idle_timeout = timeout("idle-timeout", TcpSettings::IDLE_TIMEOUT);
    tcp.message_timeout = timeout("message-timeout", TcpSettings::MESSAGE_TIMEOUT);
    tcp.write_timeout = timeout("write-timeout", TcpSettings::WRITE_TIMEOUT);
    tcp
}
