//! What the server file says, resolved. Every default is a constant of its type.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::encrypted::{HttpsSettings, QuicSettings, TlsSettings};
use super::exec::ExecSettings;
use super::proxy::ProxySettings;
use super::rehearsal::{BlastRadius, ExplainSettings};
use super::resolver::ResolverSettings;
use super::self_doubt::SelfDoubtSettings;
use super::serving_options::{CookieSettings, IdentitySettings, RateLimitSettings, UdpSettings};
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
    /// Most listen addresses; each costs a socket a worker. Chosen; no standard value.
    pub const LISTEN_MAX: usize = 64;
    /// Folder of zone files.
    pub const ZONES: &'static str = "zones";
    /// Most folders where links in it may lead. Chosen; no standard value.
    pub const ZONE_LINKS_MAX: usize = 16;
    /// Address of metrics and control: loopback, since the control API has no login of its own.
    pub const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8053);
    /// Most names under which `http` may be asked. Chosen; no standard value.
    pub const HTTP_HOSTS_MAX: usize = 16;
    /// Most UDP threads. Chosen; no standard value.
    pub const WORKERS_MAX: usize = 256;
    /// Time between two looks at the zone files.
    pub const POLL: Duration = Duration::from_secs(2);
    /// Shortest and longest time between two looks.
    pub const POLL_BOUNDS: (Duration, Duration) =
        (Duration::from_millis(100), Duration::from_secs(3600));
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            base: PathBuf::new(),
            listen: vec![Self::LISTEN],
            zones: PathBuf::from(Self::ZONES),
            zone_links: Vec::new(),
            state: None,
            http: Some(Self::HTTP),
            http_hosts: Vec::new(),
            workers: None,
            poll: Some(Self::POLL),
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

impl GeoSettings {
    /// Most database files: one a family, twice. Chosen; no standard value.
    pub const DATABASES_MAX: usize = 4;
    /// Most prefixes of the operator. Chosen; no standard value.
    pub const NETWORKS_MAX: usize = 100_000;
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

impl ProbeSettings {
    /// Bounds of `concurrency`. A probe holds one descriptor; common limits are 1,024 soft, 1,048,576 hard.
    pub const CONCURRENCY_BOUNDS: (usize, usize) = (1, 100_000);
    /// Networks that may be probed: all.
    pub const ALLOW: [IpNet; 2] = [
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
    ];
    /// Most entries of `allow`. Chosen; no standard value.
    pub const ALLOW_MAX: usize = 1_000;
    /// What HTTP probes call themselves.
    pub const USER_AGENT: &'static str = concat!("leeward/", env!("CARGO_PKG_VERSION"));
    /// Longest user agent in octets. Chosen; no standard value.
    pub const USER_AGENT_MAX: usize = 255;
}

impl Default for ProbeSettings {
    fn default() -> Self {
        Self {
            concurrency: None,
            allow: Self::ALLOW.to_vec(),
            user_agent: Self::USER_AGENT.to_owned(),
        }
    }
}

/// `[tcp]`: bounds of DNS over TCP (RFC 7766, section 6.2; RFC 9210, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSettings {
    /// Most connections; when reached, the longest idle one makes room.
    pub connections: usize,
    /// Most connections of one client address.
    pub connections_per_address: usize,
    /// How long a connection may be quiet between messages.
    pub idle_timeout: Duration,
    /// How long one message may take to arrive, from its first octet.
    pub message_timeout: Duration,
    /// How long a client may take to read one answer.
    pub write_timeout: Duration,
}

impl TcpSettings {
    /// Most connections.
    pub const CONNECTIONS: usize = 1_000;
    /// Most connections of one client address.
    pub const CONNECTIONS_PER_ADDRESS: usize = 100;
    /// Bounds of both.
    pub const CONNECTIONS_BOUNDS: (usize, usize) = (1, 100_000);
    /// How long a connection may be quiet. "In the order of a few seconds" (RFC 7766, section 6.2.3).
    pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
    /// How long one message may take to arrive. Chosen; no standard value.
    pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(5);
    /// How long a client may take to read one answer. Chosen; no standard value.
    pub const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
    /// Bounds of the three.
    pub const TIMEOUT_BOUNDS: (Duration, Duration) =
        (Duration::from_millis(100), Duration::from_secs(600));
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self {
            connections: Self::CONNECTIONS,
            connections_per_address: Self::CONNECTIONS_PER_ADDRESS,
            idle_timeout: Self::IDLE_TIMEOUT,
            message_timeout: Self::MESSAGE_TIMEOUT,
            write_timeout: Self::WRITE_TIMEOUT,
        }
    }
}
