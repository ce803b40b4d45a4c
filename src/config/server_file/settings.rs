//! What the server file says, resolved.
//!
//! In: nothing. Out: plain settings with their defaults. Never here: keys and bounds, which stand in the table of keys.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::serving_options::{
    CookieSettings, ExplainSettings, HttpsSettings, IdentitySettings, ProxySettings, QuicSettings,
    RateLimitSettings, TcpSettings, TlsSettings, UdpSettings,
};
use crate::geo::Place;

/// The server's settings, every default filled in. Relative paths are resolved against the file's folder.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerConfig {
    /// The folder of the server file; empty if there is none.
    pub base: PathBuf,
    /// Addresses to listen on, UDP and TCP each, in written order.
    pub listen: Vec<SocketAddr>,
    /// Folder of zone files.
    pub zones: PathBuf,
    /// Folder for what survives a restart; `None` keeps nothing.
    pub state: Option<PathBuf>,
    /// Address of metrics, control API and page; `None` switches them off.
    pub http: Option<SocketAddr>,
    /// Names under which `http` may be asked, beside addresses and localhost; in small letters.
    pub http_hosts: Vec<String>,
    /// UDP threads; `None` is one a core.
    pub workers: Option<usize>,
    /// Folders outside `zones` where links in it may lead.
    pub zone_links: Vec<PathBuf>,
    /// Time between two looks at the zone files; `None` reloads on SIGHUP only.
    pub poll: Option<Duration>,
    /// Where clients are.
    pub geo: GeoSettings,
    /// UDP.
    pub udp: UdpSettings,
    /// Whether reasons are sent beside response codes (RFC 8914).
    pub has_extended_errors: bool,
    /// Cookies.
    pub cookies: CookieSettings,
    /// What the server says about itself.
    pub identity: IdentitySettings,
    /// Limits of UDP answers.
    pub rate_limit: RateLimitSettings,
    /// Who may ask why by DNS.
    pub explain: ExplainSettings,
    /// How much one reload may change by itself.
    pub blast_radius: BlastRadius,
    /// Logs.
    pub log: LogSettings,
    /// Probes.
    pub probe: ProbeSettings,
    /// Commands of checks.
    pub exec: ExecSettings,
    /// Lookups of flattened targets.
    pub resolver: ResolverSettings,
    /// TCP.
    pub tcp: TcpSettings,
    /// DNS over TLS, and the certificate.
    pub tls: TlsSettings,
    /// DNS over HTTPS.
    pub https: HttpsSettings,
    /// DNS over QUIC.
    pub quic: QuicSettings,
    /// By what the server knows that it cannot see.
    pub self_doubt: SelfDoubtSettings,
    /// Proxies before this server.
    pub proxy: ProxySettings,
}

impl ServerConfig {
    /// Where the server listens: loopback and a port that needs no privilege, so that a trial disturbs nobody.
    pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5300);
    /// Address of metrics and control: loopback, since the control API has no login of its own.
    pub const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8053);
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            base: PathBuf::new(),
            listen: vec![Self::LISTEN],
            zones: PathBuf::from("zones"),
            zone_links: Vec::new(),
            state: None,
            http: Some(Self::HTTP),
            http_hosts: Vec::new(),
            workers: None,
            poll: Some(Duration::from_secs(2)),
            geo: GeoSettings::default(),
            udp: UdpSettings::default(),
            has_extended_errors: false,
            cookies: CookieSettings::default(),
            identity: IdentitySettings::default(),
            rate_limit: RateLimitSettings::default(),
            explain: ExplainSettings::default(),
            blast_radius: BlastRadius::default(),
            log: LogSettings::default(),
            probe: ProbeSettings::default(),
            exec: ExecSettings::default(),
            resolver: ResolverSettings::default(),
            tcp: TcpSettings::default(),
            tls: TlsSettings::default(),
            https: HttpsSettings::default(),
            quic: QuicSettings::default(),
            self_doubt: SelfDoubtSettings::default(),
            proxy: ProxySettings::default(),
        }
    }
}

/// `[geo]`: where clients are taken to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeoSettings {
    /// Database files; without any, only `networks` say where clients are.
    pub databases: Vec<PathBuf>,
    /// The operator's own prefixes, which win over the databases, each with its place.
    pub networks: Vec<(IpNet, Place)>,
}

/// `[log]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// How a line is written.
    pub format: LogFormat,
    /// The least grave lines that are written.
    pub level: LogLevel,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: LogLevel::Info,
        }
    }
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Every format with its word.
    pub const ALL: [(&'static str, Self); 2] = [("text", Self::Text), ("json", Self::Json)];
}

/// How grave a log line is at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Things that do not work.
    Error,
    /// And things that an operator should look at.
    Warn,
    /// And what happens.
    Info,
    /// And why.
    Debug,
    /// And every step.
    Trace,
}

impl LogLevel {
    /// Every level with its word, gravest first.
    pub const ALL: [(&'static str, Self); 5] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}

/// `[probe]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeSettings {
    /// Most probes under way at once; further ones start late, which is no failure. Absent: as many as descriptors allow.
    pub concurrency: Option<usize>,
    /// Networks that may be probed.
    pub allow: Vec<IpNet>,
    /// What HTTP probes call themselves.
    pub user_agent: String,
}

impl Default for ProbeSettings {
    fn default() -> Self {
        Self {
            concurrency: None,
            allow: vec![
                IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
                IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
            ],
            user_agent: concat!("leeward/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// `[exec]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecSettings {
    /// Programs, and folders of programs, that checks may run; none switches commands off.
    pub allow: Vec<PathBuf>,
    /// Most commands at once; further ones start late, which is no failure.
    pub concurrency: usize,
}

impl Default for ExecSettings {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            // A command is a process, and costs a thousand times a probe.
            concurrency: 32,
        }
    }
}

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

impl Default for ResolverSettings {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            // A resolver that must ask far away needs a second or two.
            timeout: Duration::from_secs(2),
            // Each holds two descriptors, for some seconds where servers are silent.
            concurrency: 512,
            // What large providers let a TTL be at least.
            ttl_min: Duration::from_secs(5),
            // A change is seen within it although its TTL was longer.
            ttl_max: Duration::from_secs(3600),
            // Rule a28.
            keep: Duration::from_secs(3600),
        }
    }
}

/// `[self-doubt]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfDoubtSettings {
    /// Whether statuses are held while the server doubts itself.
    pub is_enabled: bool,
    /// What can be reached over TCP as long as this server is well; with any, they alone decide.
    pub anchors: Vec<SocketAddr>,
    /// Time between two looks at an anchor.
    pub interval: Duration,
}

impl SelfDoubtSettings {
    /// Longest time that an anchor has to accept a connection. Chosen; no standard value.
    pub const TIMEOUT: Duration = Duration::from_secs(1);
}

impl Default for SelfDoubtSettings {
    fn default() -> Self {
        Self {
            is_enabled: true,
            anchors: Vec::new(),
            // Most checks need longer to fall. Chosen; no standard value.
            interval: Duration::from_secs(1),
        }
    }
}

/// `[blast-radius]`: above it a reload waits for an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlastRadius {
    /// Percent of names whose records may change; no bound if absent.
    pub names_percent: Option<u8>,
    /// Percent of the last hour's queries whose records may change; no bound if absent.
    pub queries_percent: Option<u8>,
}

impl BlastRadius {
    /// Says whether there is any bound.
    pub const fn is_bounded(&self) -> bool {
        self.names_percent.is_some() || self.queries_percent.is_some()
    }
}
