//! A server file that is read again while the server runs: what changes at once, and what needs a restart.
//!
//! In: settings as they were read at the start, as they hold, as they are written now. Out: settings that hold from now on,
//! and the keys that wait for a restart. Never here: files.

use super::keys::{KEYS, ServerKey};
use super::settings::ServerConfig;
use super::show::value_of;

/// When a key takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// When the file is read again.
    Reload,
    /// At the next start.
    Restart,
}

impl ServerKey {
    /// Says when a change of the key takes effect.
    pub fn effect(&self) -> Effect {
        match (self.table, self.key) {
            ("", "zone-links" | "poll")
            | ("udp", "amplification-max")
            | ("cookies", "require")
            | ("geo" | "edns" | "identity" | "rate-limit" | "explain" | "blast-radius", _)
            | ("self-doubt", "enabled") => Effect::Reload,
            (_, _) => Effect::Restart,
        }
    }

    /// Writes the key with its table.
    pub fn path(&self) -> String {
        if self.table.is_empty() {
            self.key.to_owned()
        } else {
            format!("{}.{}", self.table, self.key)
        }
    }
}

/// What a server file that was read again brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewal {
    /// Keys that change at once.
    pub changed: Vec<String>,
    /// Keys that wait for a restart.
    pub waiting: Vec<String>,
}

/// Takes over what can change while the server runs. `started` is what the file said at the start, `known` what it said when
/// it was read last; what the command line says instead of the file stays.
pub fn renew(
    current: &mut ServerConfig,
    (started, known): (&ServerConfig, &ServerConfig),
    new: &ServerConfig,
) -> Renewal {
    let mut renewal = Renewal::default();
    for key in KEYS {
        let value = value_of(new, key);
        match key.effect() {
            Effect::Restart if value != value_of(started, key) => renewal.waiting.push(key.path()),
            Effect::Reload if value != value_of(known, key) => {
                take(current, key, new);
                renewal.changed.push(key.path());
            }
            Effect::Restart | Effect::Reload => {}
        }
    }
    renewal
}

fn take(current: &mut ServerConfig, key: &ServerKey, new: &ServerConfig) {
    match (key.table, key.key) {
        ("", "zone-links") => current.zone_links.clone_from(&new.zone_links),
        ("", "poll") => current.poll = new.poll,
        ("udp", "amplification-max") => current.udp.amplification_max = new.udp.amplification_max,
        ("cookies", "require") => current.cookies.is_required = new.cookies.is_required,
        ("geo", _) => current.geo.clone_from(&new.geo),
        ("edns", _) => current.has_extended_errors = new.has_extended_errors,
        ("identity", _) => current.identity.clone_from(&new.identity),
        ("rate-limit", _) => current.rate_limit.clone_from(&new.rate_limit),
        ("explain", _) => current.explain.clone_from(&new.explain),
        ("blast-radius", _) => current.blast_radius = new.blast_radius,
        ("self-doubt", "enabled") => current.self_doubt.is_enabled = new.self_doubt.is_enabled,
        (table, key) => unreachable!("{table}.{key} has a line above; a test walks the table"),
    }
}

/// Says whether a text is a server file rather than a zone file: it names no zone, and has keys of a server file.
pub fn looks_like_server_file(text: &str) -> bool {
    let (root, _) = toml::de::DeTable::parse_recoverable(text);
    let mut keys = root.get_ref().keys().map(|key| key.get_ref().as_ref());
    let tables = super::keys::tables();
    let is_ours = |name: &str| {
        tables.contains(&name)
            || KEYS
                .iter()
                .any(|key| key.table.is_empty() && key.key == name)
    };
    let all: Vec<&str> = keys.by_ref().collect();
    !all.contains(&"zone") && all.iter().any(|name| is_ours(name))
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
    let defaults = ServerConfig::default();
    let mut table = None;
    for key in KEYS {
        if table != Some(key.table) {
            table = Some(key.table);
            let title = match key.table {
                "" => "At the top".to_owned(),
                table => format!("`[{table}]`"),
            };
            text.push_str(&format!(
                "\n## {title}\n\n| Key | Default | Meaning | Takes effect |\n|---|---|---|---|\n"
            ));
        }
        let default = value_of(&defaults, key).map_or_else(
            || "not set".to_owned(),
            |value| format!("`{}`", value.replace('|', "\\|")),
        );
        let effect = match key.effect() {
            Effect::Reload => "reload",
            Effect::Restart => "restart",
        };
        let meaning = key.doc.replace('|', "\\|");
        text.push_str(&format!(
            "| `{}` | {default} | {meaning} | {effect} |\n",
            key.key
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::server_file::read_server_file;
    use crate::diagnostic::Source;

    fn read(text: &str) -> ServerConfig {
        let (config, found) = read_server_file(&Source::new("leeward.toml", text));
        config.unwrap_or_else(|| panic!("{text}: {found:?}"))
    }

    #[test]
    fn what_can_change_changes_and_the_rest_waits() {
        // N5.
        let started = read("listen = \"127.0.0.1:53\"\n");
        let mut current = started.clone();
        current.listen = vec!["127.0.0.1:5353".parse().expect("an address")];
        let new = read(
            "listen = \"127.0.0.2:53\"\npoll = \"5s\"\nworkers = 3\n[blast-radius]\nnames = \"10%\"\n[identity]\nnsid = \"a\"\n",
        );
        let renewal = renew(&mut current, (&started, &started), &new);
        assert_eq!(
            renewal.changed,
            ["poll", "identity.nsid", "blast-radius.names"]
        );
        assert_eq!(renewal.waiting, ["listen", "workers"]);
        assert_eq!(current.poll, new.poll);
        assert_eq!(current.blast_radius, new.blast_radius);
        assert_eq!(current.listen[0].port(), 5353, "the command line wins");
        let renewal = renew(&mut current, (&started, &new), &started);
        assert_eq!(
            renewal.waiting, [""; 0],
            "what is as at the start waits no more"
        );
        assert_eq!(current.poll, started.poll);
    }

    #[test]
    fn every_key_that_changes_at_once_can_be_taken() {
        let defaults = ServerConfig::default();
        for key in KEYS.iter().filter(|key| key.effect() == Effect::Reload) {
            take(&mut defaults.clone(), key, &defaults);
        }
    }

    #[test]
    fn server_files_are_told_from_zone_files() {
        let cases = [
            ("listen = \"127.0.0.1:53\"\n", true),
            ("[log]\nformat = \"json\"\n", true),
            ("zone = \"a.example\"\nlisten = 1\n", false),
            ("[names]\nwww.A = \"192.0.2.1\"\n", false),
            ("", false),
            ("zones = \"x\"\nlisten = [\n", true),
        ];
        for (text, wanted) in cases {
            assert_eq!(looks_like_server_file(text), wanted, "{text}");
        }
    }

    #[test]
    fn the_reference_page_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/server-reference.md");
        let text = server_reference();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).expect("the docs folder is there");
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, stored, "UPDATE_GOLDEN=1 rewrites it");
    }
}
