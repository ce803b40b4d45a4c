//! From the text of the server file to a [`ServerConfig`]: unknown keys first, then each table, all findings at once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::encrypted::{read_https, read_quic, read_tls, require_certificate};
use super::exec::read_exec;
use super::keys::{keys_of, tables};
use super::proxy::read_proxy;
use super::rehearsal::{read_blast_radius, read_explain};
use super::resolver::read_resolver;
use super::sections::{read_geo, read_log, read_probe, read_tcp};
use super::self_doubt::read_self_doubt;
use super::serving_sections::{
    read_cookies, read_identity, read_rate_limit, read_switch, read_udp,
};
use super::settings::ServerConfig;
use super::value::{Findings, Section, Zero, items};
use crate::diagnostic::Severity;
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Diagnostic, Source};

/// Reads a server file. The settings are `None` if there is any fault; warnings and notes come with settings.
///
/// Relative paths in it start at its folder.
pub fn read_server_file(source: &Source) -> (Option<ServerConfig>, Vec<Diagnostic>) {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    let mut findings = Findings::default();
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        findings.fault("S001", span, "", error.message().to_owned());
    }
    if !errors.is_empty() {
        // What follows a syntax fault is guesswork; its findings would be noise.
        return (None, findings.list);
    }
    let root = root.get_ref();
    refuse_unknown_keys(root, &mut findings);
    let base = source
        .path
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    let config = read_all(root, base, &mut findings);
    let mut list = findings.list;
    list.sort_by_key(|finding| finding.span.0.start);
    for found in &mut list {
        found.path.clone_from(&source.path);
    }
    let is_refused = list
        .iter()
        .any(|finding| finding.severity == Severity::Fault);
    ((!is_refused).then_some(config), list)
}

fn refuse_unknown_keys(root: &DeTable<'_>, findings: &mut Findings) {
    let tables = tables();
    for (key, value) in root {
        let name: &str = key.get_ref();
        let Some(table) = tables.iter().find(|table| **table == name) else {
            if !keys_of("").any(|known| known.key == name) {
                let mut known: Vec<&str> = keys_of("").map(|known| known.key).collect();
                known.extend(&tables);
                refuse_key("", name, key.span(), &known, findings);
            }
            continue;
        };
        let DeValue::Table(inner) = value.get_ref() else {
            findings.wrong_type(name, value, "a table");
            continue;
        };
        let known: Vec<&str> = keys_of(table).map(|known| known.key).collect();
        for key in inner.keys() {
            let inner_name: &str = key.get_ref();
            if !known.contains(&inner_name) {
                refuse_key(table, inner_name, key.span(), &known, findings);
            }
        }
    }
}

/// Adds "unknown key" with the nearest known key, or the table where the key is at home.
fn refuse_key(
    table: &str,
    name: &str,
    span: std::ops::Range<usize>,
    known: &[&str],
    findings: &mut Findings,
) {
    let place = if table.is_empty() {
        "at the top".to_owned()
    } else {
        format!("in `[{table}]`")
    };
    let home = super::keys::KEYS.iter().find(|key| key.key == name);
    let help = match (nearest(name, known.iter().copied()), home) {
        (Some(word), _) => format!("did you mean `{word}`?"),
        (None, Some(home)) if home.table.is_empty() => {
            format!("`{name}` belongs at the top, before the first table")
        }
        (None, Some(home)) => format!("`{name}` belongs in `[{}]`", home.table),
        (None, None) => format!("known {place}: {}", known.join(", ")),
    };
    let path = if table.is_empty() {
        name.to_owned()
    } else {
        format!("{table}.{name}")
    };
    findings
        .fault("S002", span, &path, format!("unknown key `{name}` {place}"))
        .help = Some(help);
}

fn read_all(root: &DeTable<'_>, base: PathBuf, findings: &mut Findings) -> ServerConfig {
    let section = |name: &'static str| Section {
        name,
        table: match root.get(name).map(toml::Spanned::get_ref) {
            Some(DeValue::Table(table)) => Some(table),
            _ => None,
        },
    };
    let top = Section {
        name: "",
        table: Some(root),
    };
    let (tls, https, quic) = (section("tls"), section("https"), section("quic"));
    let https_settings = read_https(&https, findings);
    if https_settings.is_plain {
        require_certificate(&tls, &[&tls, &quic], findings);
    } else {
        require_certificate(&tls, &[&tls, &https, &quic], findings);
    }
    ServerConfig {
        listen: read_listen(&top, findings),
        zones: base.join(
            read_text(&top, "zones", "a folder", findings)
                .unwrap_or_else(|| ServerConfig::ZONES.to_owned()),
        ),
        zone_links: read_zone_links(&top, &base, findings),
        state: read_text(&top, "state", "a folder", findings).map(|folder| base.join(folder)),
        http: read_http(&top, findings),
        http_hosts: read_http_hosts(&top, findings),
        workers: read_count(&top, "workers", 1..=ServerConfig::WORKERS_MAX, findings),
        poll: read_poll(&top, findings),
        geo: read_geo(&section("geo"), &base, findings),
        udp: read_udp(&section("udp"), findings),
        has_extended_errors: read_switch(&section("edns"), "extended-errors", false, findings),
        cookies: read_cookies(&section("cookies"), &base, findings),
        identity: read_identity(&section("identity"), findings),
        rate_limit: read_rate_limit(&section("rate-limit"), findings),
        explain: read_explain(&section("explain"), findings),
        blast_radius: read_blast_radius(&section("blast-radius"), findings),
        log: read_log(&section("log"), findings),
        probe: read_probe(&section("probe"), findings),
        resolver: read_resolver(&section("resolver"), findings),
        exec: read_exec(&section("exec"), &base, findings),
        tcp: read_tcp(&section("tcp"), findings),
        tls: read_tls(&tls, &base, findings),
        https: https_settings,
        quic: read_quic(&quic, findings),
        self_doubt: read_self_doubt(&section("self-doubt"), findings),
        proxy: read_proxy(&section("proxy"), findings),
        base,
    }
}

fn read_zone_links(top: &Section<'_, '_>, base: &Path, findings: &mut Findings) -> Vec<PathBuf> {
    let Some((path, value)) = top.find("zone-links") else {
        return Vec::new();
    };
    let written = items(value);
    if written.len() > ServerConfig::ZONE_LINKS_MAX {
        let message = format!("more than {} folders", ServerConfig::ZONE_LINKS_MAX);
        findings.fault("S004", value.span(), &path, message);
    }
    let folders = written.into_iter();
    let folders = folders.filter_map(|item| findings.text(&path, item, "a folder"));
    folders.map(|folder| base.join(folder)).collect()
}

pub(super) fn read_text(
    section: &Section<'_, '_>,
    key: &str,
    wanted: &str,
    findings: &mut Findings,
) -> Option<String> {
    let (path, value) = section.find(key)?;
    let text = findings.text(&path, value, wanted)?;
    if text.is_empty() {
        findings.fault(
            "S004",
            value.span(),
            &path,
            format!("`{path}` must be {wanted}, not an empty text"),
        );
        return None;
    }
    Some(text.to_owned())
}

pub(super) fn read_count(
    section: &Section<'_, '_>,
    key: &str,
    bounds: std::ops::RangeInclusive<usize>,
    findings: &mut Findings,
) -> Option<usize> {
    let (path, value) = section.find(key)?;
    findings.count(&path, value, bounds)
}

/// Reads `listen` of the top; nobody could ask a server that listens nowhere.
fn read_listen(top: &Section<'_, '_>, findings: &mut Findings) -> Vec<SocketAddr> {
    let Some(addresses) = read_addresses(top, findings) else {
        return vec![ServerConfig::LISTEN];
    };
    if let Some((path, value)) = top
        .find("listen")
        .filter(|(_, value)| items(value).is_empty())
    {
        findings.fault(
            "S011",
            value.span(),
            &path,
            "`listen` is an empty list: nobody could ask".to_owned(),
        );
    }
    addresses
}

/// Reads `listen` of a table: one address or a list.
pub(super) fn read_addresses(
    section: &Section<'_, '_>,
    findings: &mut Findings,
) -> Option<Vec<SocketAddr>> {
    let (path, value) = section.find("listen")?;
    let written = items(value);
    if written.len() > ServerConfig::LISTEN_MAX {
        let message = format!("more than {} listen addresses", ServerConfig::LISTEN_MAX);
        findings.fault("S004", value.span(), &path, message);
    }
    let mut addresses = Vec::new();
    for item in written {
        let Some(address) = findings.socket_address(&path, item) else {
            continue;
        };
        // Port 0 asks for any free port, so two of them are two ports.
        if address.port() != 0 && addresses.contains(&address) {
            let message = format!("`{address}` is listed twice");
            findings.fault("S010", item.span(), &path, message);
        }
        addresses.push(address);
    }
    Some(addresses)
}

fn read_http(top: &Section<'_, '_>, findings: &mut Findings) -> Option<SocketAddr> {
    let Some((path, value)) = top.find("http") else {
        return Some(ServerConfig::HTTP);
    };
    match value.get_ref() {
        DeValue::Boolean(false) => None,
        DeValue::Boolean(true) => Some(ServerConfig::HTTP),
        _ => {
            let address = findings.socket_address(&path, value)?;
            if !address.ip().is_loopback() {
                findings
                    .add(
                        Severity::Warning,
                        "S013",
                        value.span(),
                        &path,
                        format!("`{address}` can be reached from elsewhere, and the control API asks for no login"),
                    )
                    .help = Some("listen on loopback, or let a firewall or proxy decide who may come".to_owned());
            }
            Some(address)
        }
    }
}

fn read_http_hosts(top: &Section<'_, '_>, findings: &mut Findings) -> Vec<String> {
    let Some((path, value)) = top.find("http-hosts") else {
        return Vec::new();
    };
    let written = items(value);
    if written.len() > ServerConfig::HTTP_HOSTS_MAX {
        let message = format!("more than {} names", ServerConfig::HTTP_HOSTS_MAX);
        findings.fault("S004", value.span(), &path, message);
    }
    let mut hosts = Vec::new();
    for item in written {
        let Some(text) = findings.text(&path, item, "a name or a list of names") else {
            continue;
        };
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 253 || !name.chars().all(is_part) {
            let message = format!("`{text}` is no name of a host");
            findings.fault("S004", item.span(), &path, message).help = Some(
                "write a name without scheme and port, for example \"ns1.example.com\"".to_owned(),
            );
        }
        hosts.push(name);
    }
    hosts
}

fn read_poll(top: &Section<'_, '_>, findings: &mut Findings) -> Option<Duration> {
    let Some((path, value)) = top.find("poll") else {
        return Some(ServerConfig::POLL);
    };
    findings
        .duration(&path, value, ServerConfig::POLL_BOUNDS, Zero::Passes)
        .filter(|poll| !poll.is_zero())
}
