//! Servers to ask, of the server file, else of the system; and the system's search list.
//!
//! In: settings, `/etc/resolv.conf`. Out: addresses in order, the names that a short one may stand for. Never here:
//! asking servers.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Moment;
use crate::wire::Name;

/// File with the system's resolvers (resolv.conf(5)).
const SYSTEM_FILE: &str = "/etc/resolv.conf";
/// Most servers used of the system's file; the C library uses three.
const SERVERS_MAX: usize = 8;
/// Time after which the system's file is read again: networks change.
const READ_INTERVAL: Duration = Duration::from_secs(30);
const PORT: u16 = 53;
/// Most names used of the search list, as in the C library for a long time.
const SEARCH_MAX: usize = 6;
/// Default of `ndots`, the dots from which on a name is tried as it is first (resolv.conf(5)), and its greatest value.
const DOTS: (usize, usize) = (1, 15);

/// The servers to ask.
#[derive(Clone, Debug)]
pub struct Upstreams {
    /// Servers of the server file.
    fixed: Vec<SocketAddr>,
    file: PathBuf,
    read: Option<(Moment, SystemFile)>,
}

/// Settings used of the system's file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SystemFile {
    servers: Vec<SocketAddr>,
    search: Vec<Name>,
    dots: usize,
    /// Reason why the file cannot be read, if so.
    fault: Option<String>,
}

impl Upstreams {
    /// Uses the given servers; without any, those of the system.
    pub fn new(fixed: &[SocketAddr]) -> Self {
        Self {
            fixed: fixed.to_vec(),
            file: PathBuf::from(SYSTEM_FILE),
            read: None,
        }
    }

    /// Returns the servers to ask now.
    ///
    /// # Errors
    /// If none is given and the system's file names none.
    pub(super) fn now(&mut self, now: Moment) -> Result<Vec<SocketAddr>, String> {
        if !self.fixed.is_empty() {
            return Ok(self.fixed.clone());
        }
        match self.system(now) {
            file if !file.servers.is_empty() => Ok(file.servers.clone()),
            file => {
                let fault = file.fault.clone();
                let why = fault.unwrap_or_else(|| "it names no server".to_owned());
                let path = self.file.display();
                Err(format!(
                    "{path}: {why}; `servers` in `[resolver]` names one"
                ))
            }
        }
    }

    /// Lists the names that a host name may stand for, in the order in which they are tried; one if it ends with a dot.
    pub(super) fn candidates(&mut self, host: &str, now: Moment) -> Vec<Name> {
        let absolute = Name::parse_absolute(&format!("{}.", host.trim_end_matches('.'))).ok();
        if host.ends_with('.') {
            return absolute.into_iter().collect();
        }
        let file = self.system(now);
        let searched = file
            .search
            .iter()
            .filter_map(|end| Name::parse(host, end).ok());
        let searched: Vec<Name> = searched.collect();
        match host.matches('.').count() >= file.dots {
            true => absolute.into_iter().chain(searched).collect(),
            false => searched.into_iter().chain(absolute).collect(),
        }
    }

    /// Returns the settings of the system's file, at most [`READ_INTERVAL`] old.
    fn system(&mut self, now: Moment) -> &SystemFile {
        let known = self.read.take();
        let fresh = known.filter(|(at, _)| now.since(*at) < READ_INTERVAL);
        let (_, file) = self.read.insert(fresh.unwrap_or_else(|| {
            let file = match std::fs::read_to_string(&self.file) {
                Ok(text) => read_system(&text),
                Err(cause) => SystemFile {
                    fault: Some(cause.to_string()),
                    ..read_system("")
                },
            };
            (now, file)
        }));
        file
    }
}

/// Reads the settings used of the system's file: the last `search` or `domain` counts, and of the options `ndots`.
fn read_system(text: &str) -> SystemFile {
    let (mut search, mut dots) = (Vec::new(), DOTS.0);
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("search" | "domain") => {
                let names = words.map(|word| format!("{}.", word.trim_end_matches('.')));
                let names = names.filter_map(|text| Name::parse_absolute(&text).ok());
                search = names.take(SEARCH_MAX).collect();
            }
            Some("options") => {
                let written = words.filter_map(|word| word.strip_prefix("ndots:"));
                let last = written
                    .filter_map(|word| word.parse::<usize>().ok())
                    .next_back();
                dots = last.unwrap_or(dots).min(DOTS.1);
            }
            _ => {}
        }
    }
    SystemFile {
        servers: servers_in(text),
        search,
        dots,
        fault: None,
    }
}

/// Reads the `nameserver` lines of the system's file; zones of link-local addresses cannot be asked by this stub.
fn servers_in(text: &str) -> Vec<SocketAddr> {
    let words = text.lines().map(str::split_whitespace);
    let addresses = words.filter_map(|mut words| match words.next() {
        Some("nameserver") => words.next()?.parse::<IpAddr>().ok(),
        _ => None,
    });
    addresses
        .take(SERVERS_MAX)
        .map(|address| SocketAddr::new(address, PORT))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_systems_file() {
        let text = "# a comment\nsearch example.com\nnameserver 127.0.0.53\n nameserver  2001:db8::53 \nnameserver x\noptions ndots:1\n";
        let shown: Vec<String> = servers_in(text).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["127.0.0.53:53", "[2001:db8::53]:53"]);
    }

    #[test]
    fn lists_what_a_short_name_may_stand_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut upstreams = Upstreams {
            file: folder.path().join("resolv.conf"),
            ..Upstreams::new(&[])
        };
        let mut at = Moment::ZERO;
        let cases = [
            ("", "db", "db."),
            ("", "db.internal", "db.internal."),
            (
                "search a.example b.example\n",
                "db",
                "db.a.example. db.b.example. db.",
            ),
            ("search a.example\n", "db.x", "db.x. db.x.a.example."),
            (
                "search a.example\noptions timeout:1 ndots:2\n",
                "db.x",
                "db.x.a.example. db.x.",
            ),
            ("search a.example\n", "db.", "db."),
            (
                "search a.example\ndomain c.example\n",
                "db",
                "db.c.example. db.",
            ),
        ];
        for (text, host, wanted) in cases {
            std::fs::write(&upstreams.file, text).expect("a writable folder");
            at = at.after(READ_INTERVAL);
            let found = upstreams.candidates(host, at);
            let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(shown.join(" "), wanted, "{text} {host}");
        }
    }

    #[test]
    fn says_where_a_server_is_missing() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut upstreams = Upstreams {
            file: folder.path().join("resolv.conf"),
            ..Upstreams::new(&[])
        };
        let words = upstreams.now(Moment::ZERO).expect_err("no file");
        assert!(words.contains("No such file"), "{words}");
        std::fs::write(&upstreams.file, "search example\n").expect("a writable folder");
        let words = upstreams.now(Moment::from_secs(30));
        let words = words.expect_err("no server");
        assert!(words.contains("names no server"), "{words}");
        std::fs::write(&upstreams.file, "nameserver 192.0.2.53\n").expect("a writable folder");
        assert!(
            upstreams.now(Moment::from_secs(59)).is_err(),
            "not read again yet"
        );
        let servers = upstreams.now(Moment::from_secs(60)).expect("a server");
        assert_eq!(servers, ["192.0.2.53:53".parse().expect("an address")]);
    }
}
