//! The system's table of hosts, which is asked before any server (hosts(5)).
//!
//! In: a file, `now`. Out: addresses of a name. Never here: servers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::clock::Moment;

const SYSTEM_FILE: &str = "/etc/hosts";
/// Time between two checks whether the file has changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Most octets read; the longest lists in use, of names to be blocked, are shorter.
const SIZE_MAX: u64 = 16 << 20;

/// Version of a file: length in octets and time of modification; `None` if the file is missing.
type Version = Option<(u64, Option<SystemTime>)>;

/// The table as it was read last.
#[derive(Debug)]
pub(super) struct Hosts {
    file: PathBuf,
    looked: Option<Moment>,
    version: Version,
    by_name: HashMap<String, Vec<IpAddr>>,
}

impl Default for Hosts {
    fn default() -> Self {
        Self::of(PathBuf::from(SYSTEM_FILE))
    }
}

impl Hosts {
    pub(super) fn of(file: PathBuf) -> Self {
        Self {
            file,
            looked: None,
            version: None,
            by_name: HashMap::new(),
        }
    }

    /// Returns the addresses of a name in small letters; none if the table does not know it.
    pub(super) fn find(&mut self, name: &str, now: Moment) -> Vec<IpAddr> {
        if self.looked.is_none_or(|at| now.since(at) >= LOOK_INTERVAL) {
            self.looked = Some(now);
            self.read_anew();
        }
        match self.by_name.get(name) {
            Some(addresses) => addresses.clone(),
            None if is_localhost(name) => {
                // RFC 6761, section 6.3: never asked of a server, and always this machine.
                vec![
                    IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
                    IpAddr::from(std::net::Ipv4Addr::LOCALHOST),
                ]
            }
            None => Vec::new(),
        }
    }

    /// Reads the file if it has changed. One that is missing, or too long, has no names.
    fn read_anew(&mut self) {
        let found = std::fs::metadata(&self.file).ok();
        let version = found.map(|found| (found.len(), found.modified().ok()));
        if version == self.version {
            return;
        }
        self.version = version;
        let is_readable = version.is_some_and(|(length, _)| length <= SIZE_MAX);
        let octets = is_readable
            .then(|| std::fs::read(&self.file).ok())
            .flatten();
        self.by_name = read(&String::from_utf8_lossy(&octets.unwrap_or_default()));
    }
}

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

fn read(text: &str) -> HashMap<String, Vec<IpAddr>> {
    let mut by_name: HashMap<String, Vec<IpAddr>> = HashMap::new();
    for line in text.lines() {
        let line = line.split_once('#').map_or(line, |(line, _)| line);
        let mut words = line.split_whitespace();
        // Addresses with a scope cannot be probed: no check has a place for it.
        let Some(address) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else {
            continue;
        };
        for name in words {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let addresses = by_name.entry(name).or_default();
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    by_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_their_aliases_as_the_file_is_now() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("hosts");
        let mut hosts = Hosts::of(file.clone());
        let at = Moment::from_secs;
        let mut shown = |name: &str, secs| {
            let found = hosts.find(name, at(secs));
            let texts: Vec<String> = found.iter().map(IpAddr::to_string).collect();
            texts.join(" ")
        };
        assert_eq!(shown("db.internal", 1), "");
        assert_eq!(shown("localhost", 1), "::1 127.0.0.1", "without any file");
        assert_eq!(shown("a.localhost", 1), "::1 127.0.0.1");
        let text = "127.0.0.1 localhost\n10.0.0.7\tdb.internal DB # the first\n2001:db8::7 db.internal.\nfe80::1%eth0 x\n# 10.0.0.8 y\n";
        std::fs::write(&file, text).expect("a writable folder");
        assert_eq!(shown("db.internal", 1), "", "not looked at again yet");
        assert_eq!(shown("db.internal", 2), "10.0.0.7 2001:db8::7");
        assert_eq!(shown("db", 2), "10.0.0.7");
        assert_eq!(shown("localhost", 2), "127.0.0.1", "as it is written");
        assert_eq!(
            (shown("x", 2), shown("y", 2)),
            (String::new(), String::new())
        );
        std::fs::remove_file(&file).expect("a file");
        assert_eq!(shown("db", 3), "");
    }
}
