//! `[resolver]`: who looks flattened targets up, how often, and how long addresses serve when nobody answers (rule a28).
//!
//! In: a table that may be absent. Out: its settings, or findings. Never here: lookups.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::read::read_count;
use super::value::{Findings, Section, Zero, items};

/// `[resolver]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverSettings {
    /// Servers that are asked, in order; the system's if there are none.
    pub servers: Vec<SocketAddr>,
    /// How long one server may take for one answer.
    pub timeout: Duration,
    /// Most names that are looked up at once.
    pub concurrency: usize,
    /// Shortest time between two lookups of a name.
    pub ttl_min: Duration,
    /// Longest time between two lookups of a name.
    pub ttl_max: Duration,
    /// How long addresses serve while lookups fail.
    pub keep: Duration,
}

impl ResolverSettings {
    /// Most servers. Chosen; no standard value.
    pub const SERVERS_MAX: usize = 8;
    /// Port of a server whose address is written without one.
    pub const PORT: u16 = 53;
    /// How long one server may take: a resolver that must ask far away needs a second or two.
    pub const TIMEOUT: Duration = Duration::from_secs(2);
    /// Bounds of the above.
    pub const TIMEOUT_BOUNDS: (Duration, Duration) =
        (Duration::from_millis(100), Duration::from_secs(30));
    /// Most names at once: each holds two descriptors, for some seconds where servers are silent.
    pub const CONCURRENCY: usize = 512;
    /// Bounds of the above.
    pub const CONCURRENCY_BOUNDS: (usize, usize) = (1, 1_000);
    /// Shortest time between two lookups: what large providers let a TTL be at least.
    pub const TTL_MIN: Duration = Duration::from_secs(5);
    /// Bounds of the above.
    pub const TTL_MIN_BOUNDS: (Duration, Duration) =
        (Duration::from_secs(1), Duration::from_secs(3600));
    /// Longest time between two lookups: a change is seen within it although its TTL was longer.
    pub const TTL_MAX: Duration = Duration::from_secs(3600);
    /// Longest of the above.
    pub const TTL_MAX_MAX: Duration = Duration::from_secs(86_400);
    /// How long addresses serve while lookups fail (rule a28).
    pub const KEEP: Duration = Duration::from_secs(3600);
    /// Bounds of the above; three days as RFC 8767, section 4, has them at most.
    pub const KEEP_BOUNDS: (Duration, Duration) = (Duration::ZERO, Duration::from_secs(3 * 86_400));
}

impl Default for ResolverSettings {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            timeout: Self::TIMEOUT,
            concurrency: Self::CONCURRENCY,
            ttl_min: Self::TTL_MIN,
            ttl_max: Self::TTL_MAX,
            keep: Self::KEEP,
        }
    }
}

pub(super) fn read_resolver(
    section: &Section<'_, '_>,
    findings: &mut Findings,
) -> ResolverSettings {
    let mut resolver = ResolverSettings {
        servers: read_servers(section, findings),
        ..ResolverSettings::default()
    };
    let (low, high) = ResolverSettings::CONCURRENCY_BOUNDS;
    if let Some(count) = read_count(section, "concurrency", low..=high, findings) {
        resolver.concurrency = count;
    }
    let mut duration = |key, bounds, zero| {
        let (path, value) = section.find(key)?;
        findings.duration(&path, value, bounds, zero)
    };
    let timeout = duration("timeout", ResolverSettings::TIMEOUT_BOUNDS, Zero::Fails);
    let ttl_min = duration("ttl-min", ResolverSettings::TTL_MIN_BOUNDS, Zero::Fails);
    let keep = duration("keep", ResolverSettings::KEEP_BOUNDS, Zero::Passes);
    resolver.timeout = timeout.unwrap_or(resolver.timeout);
    resolver.ttl_min = ttl_min.unwrap_or(resolver.ttl_min);
    resolver.keep = keep.unwrap_or(resolver.keep);
    // The ceiling is never below the floor.
    let bounds = (resolver.ttl_min, ResolverSettings::TTL_MAX_MAX);
    let ttl_max = duration("ttl-max", bounds, Zero::Fails);
    resolver.ttl_max = ttl_max.unwrap_or_else(|| resolver.ttl_max.max(resolver.ttl_min));
    resolver
}

fn read_servers(section: &Section<'_, '_>, findings: &mut Findings) -> Vec<SocketAddr> {
    let Some((path, value)) = section.find("servers") else {
        return Vec::new();
    };
    let written = items(value);
    if written.len() > ResolverSettings::SERVERS_MAX {
        let message = format!("more than {} servers", ResolverSettings::SERVERS_MAX);
        findings.fault("S004", value.span(), &path, message);
    }
    if written.is_empty() {
        let message = format!("`{path}` is an empty list: nobody could be asked");
        findings.fault("S011", value.span(), &path, message).help =
            Some("leave the key out to ask the system's resolvers".to_owned());
    }
    let mut servers = Vec::new();
    for item in written {
        let Some(text) = findings.text(&path, item, "an address, or a list of them") else {
            continue;
        };
        let server = match text.parse::<IpAddr>() {
            Ok(address) => Some(SocketAddr::new(address, ResolverSettings::PORT)),
            Err(_) => findings.socket_address(&path, item),
        };
        let Some(server) = server else { continue };
        if servers.contains(&server) {
            let message = format!("`{server}` is listed twice");
            findings.fault("S010", item.span(), &path, message);
        }
        servers.push(server);
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::super::read_server_file;
    use super::*;
    use crate::diagnostic::Source;

    fn read(text: &str) -> Result<ResolverSettings, String> {
        let text = format!("[resolver]\n{text}");
        let (config, findings) = read_server_file(&Source::new("leeward.toml", text));
        let shown: Vec<String> = findings
            .iter()
            .map(|finding| format!("{} {}", finding.code, finding.message))
            .collect();
        config
            .map(|config| config.resolver)
            .ok_or_else(|| shown.join("; "))
    }

    #[test]
    fn reads_every_key() {
        let text = "servers = ['192.0.2.53', '[2001:db8::53]:5300']\ntimeout = '500ms'\nconcurrency = 8\nttl-min = '1s'\nttl-max = '10m'\nkeep = '0s'";
        let found = read(text).expect("no fault");
        let servers: Vec<String> = found.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.53:53", "[2001:db8::53]:5300"]);
        let secs = |duration: Duration| duration.as_secs_f64();
        let times = [found.timeout, found.ttl_min, found.ttl_max, found.keep].map(secs);
        assert_eq!(times, [0.5, 1.0, 600.0, 0.0]);
        assert_eq!(read(""), Ok(ResolverSettings::default()));
        let floor = read("ttl-min = '1h'").expect("no fault");
        assert_eq!(floor.ttl_max, floor.ttl_min);
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let cases = [
            ("servers = []", "S011"),
            ("servers = 'one.example'", "S005"),
            ("servers = ['192.0.2.53', '192.0.2.53:53']", "S010"),
            ("concurrency = 0", "S004"),
            ("ttl-min = '0s'", "S004"),
            ("ttl-min = '1m'\nttl-max = '59s'", "S004"),
            ("keep = '4d'", "S004"),
            ("timeout = 2", "S006"),
        ];
        for (text, code) in cases {
            let found = read(text).expect_err(text);
            assert!(found.starts_with(code), "{text}: {found}");
        }
    }
}
