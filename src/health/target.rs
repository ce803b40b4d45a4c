//! What is probed, how often, and how its observations are damped. Plain data with identity: equal targets are
//! probed once, even across zones (rule a32).

use std::net::IpAddr;
use std::time::Duration;

/// Number of a target in the process's target table; stable while the target exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub u32);

/// Damped state of a target (rules a36-a38).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// `rise` good probes in a row, and no `fall` since.
    Healthy,
    /// `fall` failures counted.
    Unhealthy,
    /// No evidence yet, or none for three intervals.
    #[default]
    Unknown,
}

impl Status {
    /// Returns the word that files, JSON and messages use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A probe applied to one endpoint, with its damping. Equality is identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// What one probe does.
    pub probe: ProbeRecipe,
    /// How observations become a status.
    pub damping: Damping,
}

/// What one probe does, to the last detail.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProbeRecipe {
    /// Where the probe goes.
    pub endpoint: Endpoint,
    /// Port, 1-65535.
    pub port: u16,
    /// What is spoken there.
    pub kind: ProbeKind,
    /// Time between the starts of two probes (rule a35).
    pub interval: Duration,
    /// Limits of one probe.
    pub timeout: Timeout,
}

/// An address, or a name that is resolved for each probe (rule a34).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A literal address.
    Address(IpAddr),
    /// A host name without a dot at the end.
    Host(String),
}

/// Limits of one probe (rule a35).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timeout {
    /// One limit for everything.
    Whole(Duration),
    /// A limit for each phase.
    Phases {
        /// Until the connection stands, TLS included.
        connect: Duration,
        /// From then until the status line and headers are read.
        response: Duration,
        /// From then until the needed part of the body is read.
        body: Duration,
    },
}

/// The protocol of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProbeKind {
    /// HTTP, or HTTPS when `tls` is set.
    Http(HttpProbe),
    /// A TCP connection, maybe with TLS, maybe with something sent and expected.
    Tcp(TcpProbe),
}

/// An HTTP request and what counts as success.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpProbe {
    /// TLS settings; `None` is plain HTTP.
    pub tls: Option<TlsProbe>,
    /// `GET`, `HEAD` or `POST`.
    pub method: String,
    /// Path with query, starting with `/`.
    pub path: String,
    /// Host header, without port; the prober appends a port that is not the default one.
    pub host: String,
    /// Further headers, in written order.
    pub headers: Vec<(String, String)>,
    /// Inclusive ranges of status codes that pass.
    pub status: Vec<(u16, u16)>,
    /// Text that must lie within the first 5,120 bytes of the body.
    pub contains: Option<String>,
    /// Pattern that must match within the first 5,120 bytes of the body.
    pub regex: Option<String>,
    /// How many redirects to the same host are followed.
    pub follow_redirects: u8,
    /// Days that the certificate must still be valid; 0 asks nothing beyond validity.
    pub days_left: u16,
}

/// A TCP exchange and what counts as success.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TcpProbe {
    /// TLS settings; `None` is plain TCP.
    pub tls: Option<TlsProbe>,
    /// What is sent once connected.
    pub send: Option<String>,
    /// Text that must lie within the first 5,120 bytes received.
    pub contains: Option<String>,
    /// Pattern that must match within the first 5,120 bytes received.
    pub regex: Option<String>,
}

/// TLS settings of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsProbe {
    /// Name for SNI and for the certificate; `None` sends no SNI (possible only without `verify`).
    pub server_name: Option<String>,
    /// Whether the certificate is verified.
    pub verify: bool,
    /// PEM text of the authorities to trust instead of the system's.
    pub ca_pem: Option<String>,
}

/// How observations become a status (rule a36).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Damping {
    /// Successes in a row until healthy, 1-100.
    pub rise: u8,
    /// Failures until unhealthy, 1-100.
    pub fall: u8,
    /// Successes in a row that forgive all counted failures, 1-1000.
    pub forgive: u16,
}
