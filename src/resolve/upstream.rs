//! Which servers are asked: those of the server file, else those of the system.
//!
//! In: settings, `/etc/resolv.conf`. Out: addresses in order. Never here: asking them.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Moment;

/// Where the system says which resolvers to ask (resolv.conf(5)).
const SYSTEM_FILE: &str = "/etc/resolv.conf";
/// Servers of the system's file that are used; the C library uses three.
const SERVERS_MAX: usize = 8;
/// Time after which the system's file is read again: networks change.
const READ_INTERVAL: Duration = Duration::from_secs(30);
const PORT: u16 = 53;

/// The servers to ask.
#[derive(Clone, Debug)]
pub struct Upstreams {
    /// Of the server file.
    fixed: Vec<SocketAddr>,
    file: PathBuf,
    read: Option<(Moment, Vec<SocketAddr>)>,
}

impl Upstreams {
    /// Takes the servers that are written; without any the system's are asked.
    pub fn new(fixed: &[SocketAddr]) -> Self {
        Self {
            fixed: fixed.to_vec(),
            file: PathBuf::from(SYSTEM_FILE),
            read: None,
        }
    }

    /// Returns the servers as they are now.
    ///
    /// # Errors
    /// If none is written and the system's file names none.
    pub(super) fn now(&mut self, now: Moment) -> Result<Vec<SocketAddr>, String> {
        if !self.fixed.is_empty() {
            return Ok(self.fixed.clone());
        }
        let is_old = |(at, _): &(Moment, _)| now.since(*at) >= READ_INTERVAL;
        if self.read.as_ref().is_none_or(is_old) {
            // A file that cannot be read names no server.
            let text = std::fs::read_to_string(&self.file).unwrap_or_default();
            self.read = Some((now, servers_in(&text)));
        }
        match &self.read {
            Some((_, servers)) if !servers.is_empty() => Ok(servers.clone()),
            _ => Err(format!(
                "{} names no server; `servers` in `[resolver]` does",
                self.file.display()
            )),
        }
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
    fn says_where_a_server_is_missing() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut upstreams = Upstreams {
            file: folder.path().join("resolv.conf"),
            ..Upstreams::new(&[])
        };
        let words = upstreams.now(Moment::ZERO).expect_err("no file");
        assert!(words.contains("names no server"), "{words}");
        std::fs::write(&upstreams.file, "nameserver 192.0.2.53\n").expect("a writable folder");
        assert!(
            upstreams.now(Moment::from_secs(29)).is_err(),
            "not read again yet"
        );
        let servers = upstreams.now(Moment::from_secs(30)).expect("a server");
        assert_eq!(servers, ["192.0.2.53:53".parse().expect("an address")]);
    }
}
