//! A server file that is read again while the server runs: what changes at once, and what needs a restart.
//!
//! In: settings as they were read at the start, as they hold, as they are written now. Out: settings that hold from now on,
//! and the keys that wait for a restart. Never here: files.

use super::keys::{server_keys, tables};
use super::row::Effect;
use super::settings::ServerConfig;
use super::show::values;

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
    let (started, known, written) = (values(started), values(known), values(new));
    let mut new = new.clone();
    for (at, key) in server_keys().iter().enumerate() {
        match key.effect {
            Effect::Restart if written[at] != started[at] => {
                renewal.waiting.push(key.path.to_owned());
            }
            Effect::Reload if written[at] != known[at] => {
                key.setting.take(current, &mut new);
                renewal.changed.push(key.path.to_owned());
            }
            Effect::Restart | Effect::Reload => {}
        }
    }
    renewal
}

/// Says whether a text is a server file rather than a zone file: it names no zone, and has keys of a server file.
pub fn looks_like_server_file(text: &str) -> bool {
    let (root, _) = toml::de::DeTable::parse_recoverable(text);
    let all: Vec<&str> = root
        .get_ref()
        .keys()
        .map(|key| key.get_ref().as_ref())
        .collect();
    let tables = tables();
    let is_ours =
        |name: &&str| tables.contains(name) || server_keys().iter().any(|key| key.path == *name);
    !all.contains(&"zone") && all.iter().any(is_ours)
}

#[cfg(test)]
mod tests {
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
}
