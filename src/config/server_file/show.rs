//! Writes a [`ServerConfig`] as a server file with every default filled in and a line on what each key is for.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::encrypted::CertificateSetting;
use super::keys::{KEYS, ServerKey};
use super::settings::{LogFormat, LogLevel, ServerConfig};
use crate::clock::format_duration;

/// Writes the settings as TOML 1.0. Reading it again from the same folder gives the same settings.
pub fn show_server(config: &ServerConfig) -> String {
    let mut text = String::new();
    let mut table = "";
    for key in KEYS {
        if key.table != table {
            table = key.table;
            let _ = write!(text, "\n[{table}]\n");
        }
        let _ = writeln!(text, "# {}.", key.doc);
        match value_of(config, key) {
            Some(value) => {
                let _ = writeln!(text, "{} = {value}", key.key);
            }
            None => {
                let _ = writeln!(text, "# {} is not set.", key.key);
            }
        }
    }
    text
}

/// Writes the value of one key; `None` if it is not set and has no default.
pub(super) fn value_of(config: &ServerConfig, key: &ServerKey) -> Option<String> {
    let value = match (key.table, key.key) {
        ("", "listen") => list(config.listen.iter().map(quote_display)),
        ("", "zones") => path(&config.base, &config.zones),
        ("", "zone-links") => paths(config, &config.zone_links)?,
        ("", "state") => path(&config.base, config.state.as_deref()?),
        ("", "http") => config
            .http
            .as_ref()
            .map_or_else(|| "false".to_owned(), quote_display),
        ("", "http-hosts") => {
            let hosts = config.http_hosts.iter();
            (!config.http_hosts.is_empty()).then(|| list(hosts.map(quote_display)))?
        }
        ("", "workers") => config.workers?.to_string(),
        ("", "poll") => quote(&format_duration(config.poll.unwrap_or_default())),
        ("geo", "database") => paths(config, &config.geo.databases)?,
        ("geo", "networks") => networks(config)?,
        ("udp" | "edns" | "cookies" | "identity" | "rate-limit", _) => conduct_value(config, key)?,
        ("explain", "allow") => {
            let allow = &config.explain.allow;
            (!allow.is_empty()).then(|| prefixes(allow))?
        }
        ("blast-radius", "names") => percent(config.blast_radius.names_percent?),
        ("blast-radius", "queries") => percent(config.blast_radius.queries_percent?),
        ("log", "format") => quote(word(&LogFormat::ALL, config.log.format)),
        ("log", "level") => quote(word(&LogLevel::ALL, config.log.level)),
        ("probe", "concurrency") => config.probe.concurrency?.to_string(),
        ("probe", "allow") => prefixes(&config.probe.allow),
        ("probe", "user-agent") => quote(&config.probe.user_agent),
        ("exec", "allow") => paths(config, &config.exec.allow)?,
        ("exec", "concurrency") => config.exec.concurrency.to_string(),
        ("resolver", _) => resolver_value(config, key)?,
        ("tcp", "connections") => config.tcp.connections.to_string(),
        ("tcp", "connections-per-address") => config.tcp.connections_per_address.to_string(),
        ("tcp", "idle-timeout") => quote(&format_duration(config.tcp.idle_timeout)),
        ("tcp", "message-timeout") => quote(&format_duration(config.tcp.message_timeout)),
        ("tcp", "write-timeout") => quote(&format_duration(config.tcp.write_timeout)),
        ("tls", "listen") => addresses(&config.tls.listen)?,
        ("tls", "certificate") => match config.tls.certificate.as_ref()? {
            CertificateSetting::SelfSigned => quote(CertificateSetting::SELF_SIGNED),
            CertificateSetting::Files { certificate, .. } => path(&config.base, certificate),
        },
        ("tls", "key") => match config.tls.certificate.as_ref()? {
            CertificateSetting::SelfSigned => return None,
            CertificateSetting::Files { key, .. } => path(&config.base, key),
        },
        ("https", "listen") => addresses(&config.https.listen)?,
        ("https", "path") => quote(&config.https.path),
        ("https", "plain") => config.https.is_plain.to_string(),
        ("quic", "listen") => addresses(&config.quic.listen)?,
        ("self-doubt", "enabled") => config.self_doubt.is_enabled.to_string(),
        ("self-doubt", "anchors") => addresses(&config.self_doubt.anchors)?,
        ("self-doubt", "interval") => quote(&format_duration(config.self_doubt.interval)),
        ("proxy", "allow") => prefixes(&config.proxy.allow),
        (table, key) => unreachable!("{table}.{key} has a line above; a test walks the table"),
    };
    Some(value)
}

/// Writes a list of paths; `None` if it is empty.
fn paths(config: &ServerConfig, all: &[PathBuf]) -> Option<String> {
    let shown = || all.iter().map(|each| path(&config.base, each));
    (!all.is_empty()).then(|| list(shown()))
}

/// Writes the value of one key that says how the server behaves beside its data.
fn conduct_value(config: &ServerConfig, key: &ServerKey) -> Option<String> {
    let (udp, limit) = (&config.udp, &config.rate_limit);
    let value = match (key.table, key.key) {
        ("udp", "payload-size") => udp.payload_size.to_string(),
        ("udp", "amplification-max") => udp.amplification_max.to_string(),
        ("edns", "extended-errors") => config.has_extended_errors.to_string(),
        ("cookies", "enabled") => config.cookies.is_enabled.to_string(),
        ("cookies", "require") => config.cookies.is_required.to_string(),
        ("cookies", "secret-file") => path(&config.base, config.cookies.secret_file.as_deref()?),
        ("identity", "nsid") => quote(config.identity.nsid.as_ref()?),
        ("identity", "hostname") => quote(config.identity.hostname.as_ref()?),
        ("identity", "version") => quote(config.identity.version.as_ref()?),
        ("rate-limit", "enabled") => limit.is_enabled.to_string(),
        ("rate-limit", "answers-per-second") => limit.answers_per_second.to_string(),
        ("rate-limit", "answers-per-second-total") => limit.answers_per_second_total?.to_string(),
        ("rate-limit", "slip") => limit.slip.to_string(),
        ("rate-limit", "allow") => prefixes(&limit.allow),
        (table, key) => unreachable!("{table}.{key} has a line above; a test walks the table"),
    };
    Some(value)
}

/// Writes the value of one key of `[resolver]`.
fn resolver_value(config: &ServerConfig, key: &ServerKey) -> Option<String> {
    let resolver = &config.resolver;
    let duration = |duration| quote(&format_duration(duration));
    Some(match key.key {
        "servers" => addresses(&resolver.servers)?,
        "timeout" => duration(resolver.timeout),
        "concurrency" => resolver.concurrency.to_string(),
        "ttl-min" => duration(resolver.ttl_min),
        "ttl-max" => duration(resolver.ttl_max),
        "keep" => duration(resolver.keep),
        key => unreachable!("resolver.{key} has a line above; a test walks the table"),
    })
}

fn percent(percent: u8) -> String {
    quote(&format!("{percent}%"))
}

fn prefixes(prefixes: &[IpNet]) -> String {
    list(prefixes.iter().map(quote_display))
}

/// Writes a list of addresses; none is not set.
fn addresses(addresses: &[SocketAddr]) -> Option<String> {
    (!addresses.is_empty()).then(|| list(addresses.iter().map(quote_display)))
}

fn networks(config: &ServerConfig) -> Option<String> {
    if config.geo.networks.is_empty() {
        return None;
    }
    let entries: Vec<String> = config
        .geo
        .networks
        .iter()
        .map(|(prefix, place)| format!("\"{prefix}\" = \"{place}\""))
        .collect();
    Some(format!("{{ {} }}", entries.join(", ")))
}

fn word<T: PartialEq>(words: &[(&'static str, T)], meaning: T) -> &'static str {
    words
        .iter()
        .find(|(_, known)| *known == meaning)
        .map(|(word, _)| *word)
        .expect("the tables list every case")
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    format!("[{}]", items.join(", "))
}

/// Writes a path as it would be written in the file: relative to its folder where it lies inside.
fn path(base: &Path, path: &Path) -> String {
    let shown = match path.strip_prefix(base) {
        Ok(rest) if rest.as_os_str().is_empty() => Path::new("."),
        Ok(rest) => rest,
        Err(_) => path,
    };
    quote(&shown.to_string_lossy())
}

fn quote_display(value: &impl ToString) -> String {
    quote(&value.to_string())
}

fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::super::read_server_file;
    use super::*;
    use crate::diagnostic::Source;

    fn read_back(config: &ServerConfig) -> ServerConfig {
        let text = show_server(config);
        let (read, findings) = read_server_file(&Source::new(
            config.base.join("leeward.toml"),
            text.as_str(),
        ));
        read.unwrap_or_else(|| panic!("{findings:?}\n{text}"))
    }

    #[test]
    fn shows_every_key_and_reads_its_own_defaults() {
        let config = ServerConfig::default();
        let text = show_server(&config);
        for key in KEYS {
            assert!(text.contains(key.key), "{} is missing", key.key);
        }
        assert_eq!(read_back(&config), config);
    }

    proptest! {
        #[test]
        fn reads_back_what_it_shows(
            ports in proptest::collection::vec(1u16.., 1..4),
            zones in "[ -~]{1,20}",
            has_state: bool,
            has_http: bool,
            workers in proptest::option::of(1usize..=256),
            poll_millis in proptest::option::of(100u64..3_600_000),
            agent in "[ -~]{1,40}",
            connections in 1usize..100_000,
        ) {
            let mut ports = ports;
            ports.sort_unstable();
            ports.dedup();
            let base = PathBuf::from("/etc/leeward");
            let mut config = ServerConfig {
                listen: ports.iter().map(|port| ([127, 0, 0, 1], *port).into()).collect(),
                zones: base.join(zones),
                state: has_state.then(|| PathBuf::from("/var/lib/leeward")),
                http: has_http.then_some(ServerConfig::HTTP),
                workers,
                poll: poll_millis.map(std::time::Duration::from_millis),
                base,
                ..ServerConfig::default()
            };
            config.http_hosts.extend(has_http.then(|| "ns1.example.com".to_owned()));
            config.probe.user_agent = agent;
            config.probe.concurrency = has_state.then_some(connections);
            config.resolver.concurrency = connections % 1_000 + 1;
            config.resolver.servers.extend(has_state.then_some(ServerConfig::LISTEN));
            config.tcp.connections = connections;
            config.tcp.connections_per_address = connections.min(100);
            config.exec.allow = if has_http { vec![config.base.join("checks")] } else { vec![] };
            config.exec.concurrency = 1 + connections % 1_000;
            config.udp.payload_size = 512 + connections % 3_000;
            config.cookies.secret_file = has_state.then(|| config.base.join("secrets"));
            config.cookies.is_required = has_http;
            config.identity.nsid = has_http.then(|| config.probe.user_agent.clone());
            config.identity.nsid = config.identity.nsid.filter(|nsid| !nsid.starts_with("0x"));
            config.rate_limit.is_enabled = has_state;
            config.blast_radius.names_percent = has_http.then_some(workers.unwrap_or(0).min(100) as u8);
            if has_state {
                config.explain.allow.clone_from(&config.rate_limit.allow);
            }
            config.rate_limit.answers_per_second = connections;
            if !has_http {
                config.rate_limit.allow.clear();
            }
            let back = read_back(&config);
            prop_assert_eq!(back, config);
        }
    }
}
