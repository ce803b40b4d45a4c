//! The server file with every default, and the reference of its keys.
//!
//! In: settings. Out: TOML, or Markdown. Never here: keys, forms of values.

use std::fmt::Write as _;

use super::keys::server_keys;
use super::row::Effect;
use super::settings::ServerConfig;

/// Writes the settings as TOML 1.0. Reading it again from the same folder gives the same settings.
pub fn show_server(config: &ServerConfig) -> String {
    let mut text = String::new();
    let mut table = "";
    for (key, value) in server_keys().iter().zip(values(config)) {
        if key.table() != table {
            table = key.table();
            let _ = write!(text, "\n[{table}]\n");
        }
        let _ = writeln!(text, "# {}.", key.doc());
        let _ = match value {
            Some(value) => writeln!(text, "{} = {value}", key.key()),
            None => writeln!(text, "# {} is not set.", key.key()),
        };
    }
    text
}

/// Writes the value of each key in order; `None` where it is not set and has no default.
pub(super) fn values(config: &ServerConfig) -> Vec<Option<String>> {
    // Settings are reached by one path for reading and writing, which asks for settings that may be written.
    let mut config = config.clone();
    let keys = server_keys().iter();
    keys.map(|key| key.setting.show(&mut config)).collect()
}

/// Writes the reference of the server file: every key with its default, its meaning, and when a change takes effect.
pub fn server_reference() -> String {
    let mut text = "# Reference of the server file\n\n\
        Every key of `leeward.toml`. This page is made from the table that the program reads by. `leeward show leeward.toml` prints\n\
        your file with every default filled in; `leeward validate leeward.toml` and `leeward serve --check` judge it.\n\n\
        The file is looked at as zone files are, and read on SIGHUP and `leeward reload`. A change takes effect then where the last\n\
        column says *reload*; the others wait for a restart, and alarm `restart-needed` lists them. A file with faults changes nothing:\n\
        alarm `server-file` says where.\n"
        .to_owned();
    let mut table = None;
    for (key, default) in server_keys().iter().zip(values(&ServerConfig::default())) {
        if table != Some(key.table()) {
            table = Some(key.table());
            let title = match key.table() {
                "" => "At the top".to_owned(),
                table => format!("`[{table}]`"),
            };
            text.push_str(&format!(
                "\n## {title}\n\n| Key | Default | Meaning | Takes effect |\n|---|---|---|---|\n"
            ));
        }
        let default = default.map_or_else(
            || "not set".to_owned(),
            |value| format!("`{}`", value.replace('|', "\\|")),
        );
        let effect = match key.effect {
            Effect::Reload => "reload",
            Effect::Restart => "restart",
        };
        let meaning = key.doc().replace('|', "\\|");
        text.push_str(&format!(
            "| `{}` | {default} | {meaning} | {effect} |\n",
            key.key()
        ));
    }
    text
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
        for key in server_keys() {
            assert!(text.contains(key.key()), "{} is missing", key.path);
        }
        assert_eq!(read_back(&config), config);
    }

    #[test]
    fn the_reference_page_is_current() {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/server-reference.md");
        let text = server_reference();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).expect("the docs folder is there");
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, stored, "UPDATE_GOLDEN=1 rewrites it");
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
