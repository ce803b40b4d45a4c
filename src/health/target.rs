//! A target: the probe recipe, and the damping of its observations. Plain data with identity: equal targets are
//! probed once, even across zones (rule a32).

use std::net::IpAddr;
use std::time::Duration;

use super::soft::DegradedRule;

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
    /// Recipe of one probe.
    pub probe: ProbeRecipe,
    /// Damping of observations into a status.
    pub damping: Damping,
}

/// Recipe of one probe, complete.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProbeRecipe {
    /// Address or name to probe.
    pub endpoint: Endpoint,
    /// Port, 1-65535.
    pub port: u16,
    /// Protocol, and what must come back.
    pub kind: ProbeKind,
    /// Time between the starts of two probes (rule a35).
    pub interval: Duration,
    /// Limits of one probe.
    pub timeout: Timeout,
    /// True if an idle connection is kept open to the endpoint, whose end makes probes run at once.
    pub watch: bool,
}

/// An address, or a name that is resolved for each probe (rule a34).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A literal address.
    Address(IpAddr),
    /// A host name without a dot at the end.
    Host(String),
    /// This machine: what is judged has no address of its own (a command without `{address}`, a heartbeat).
    Here,
}

/// Limits of one probe (rule a35).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timeout {
    /// One limit for the whole probe.
    Whole(Duration),
    /// A limit for each phase.
    Phases {
        /// Limit until the connection stands, TLS included.
        connect: Duration,
        /// Limit from then until the status line and headers are read.
        response: Duration,
        /// Limit from then until the needed part of the body is read.
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
    /// A DNS query.
    Dns(DnsProbe),
    /// A TLS handshake and the validity of the certificate.
    Tls(CertificateProbe),
    /// The standard health service of gRPC.
    Grpc(GrpcProbe),
    /// An expression that a Prometheus server evaluates.
    Metric(MetricProbe),
    /// A command that is run on this machine.
    Exec(ExecProbe),
    /// Reports that must arrive in time; the prober sends none.
    Heartbeat(HeartbeatProbe),
}

impl ProbeKind {
    /// Returns the settings of TLS where it is spoken.
    pub const fn tls(&self) -> Option<&TlsProbe> {
        match self {
            Self::Http(http) => http.tls.as_ref(),
            Self::Tcp(tcp) => tcp.tls.as_ref(),
            Self::Grpc(grpc) => grpc.tls.as_ref(),
            Self::Metric(metric) => metric.tls.as_ref(),
            Self::Tls(certificate) => Some(&certificate.tls),
            Self::Dns(_) | Self::Exec(_) | Self::Heartbeat(_) => None,
        }
    }

    /// Returns the pattern that a body or reply must match.
    pub fn regex(&self) -> Option<&str> {
        match self {
            Self::Http(http) => http.regex.as_deref(),
            Self::Tcp(tcp) => tcp.regex.as_deref(),
            Self::Dns(_)
            | Self::Tls(_)
            | Self::Grpc(_)
            | Self::Metric(_)
            | Self::Exec(_)
            | Self::Heartbeat(_) => None,
        }
    }

    /// Returns the `type` of a check that probes so.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Http(HttpProbe { tls: None, .. }) => "http",
            Self::Http(_) => "https",
            Self::Tcp(_) => "tcp",
            Self::Dns(_) => "dns",
            Self::Tls(_) => "tls",
            Self::Grpc(_) => "grpc",
            Self::Metric(_) => "prometheus",
            Self::Exec(_) => "exec",
            Self::Heartbeat(_) => "heartbeat",
        }
    }
}

/// An HTTP request and what counts as success.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpProbe {
    /// TLS settings; `None` is plain HTTP.
    pub tls: Option<TlsProbe>,
    /// Method, one of [`HttpProbe::METHODS`].
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
    /// Most redirects to the same host that are followed.
    pub follow_redirects: u8,
    /// Days that the certificate must still be valid; 0 asks nothing beyond validity.
    pub days_left: u16,
    /// Most octets of response headers, status line included.
    pub header_bytes: u32,
}

impl HttpProbe {
    /// Methods that a check may use.
    pub const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS"];
    /// Most octets of response headers (Route 53, 3.2.5).
    pub const HEADER_BYTES: u32 = 16_384;
    /// Bounds of the above; the upper one is that of curl.
    pub const HEADER_BYTES_BOUNDS: (u32, u32) = (1_024, 307_200);
}

/// A TCP exchange and what counts as success.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TcpProbe {
    /// TLS settings; `None` is plain TCP.
    pub tls: Option<TlsProbe>,
    /// Text to send once connected.
    pub send: Option<String>,
    /// Text that must lie within the first 5,120 bytes received.
    pub contains: Option<String>,
    /// Pattern that must match within the first 5,120 bytes received.
    pub regex: Option<String>,
}

/// A DNS question and what its answer must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DnsProbe {
    /// Name and type as text: `www.example.com. A`.
    pub question: String,
    /// The name asked for, in wire form.
    pub name: Box<[u8]>,
    /// The number of the type asked for.
    pub rtype: u16,
    /// Records that the answer must hold, each; none asks for any record of the type.
    pub expect: Vec<ExpectedRecord>,
}

/// A record that an answer must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExpectedRecord {
    /// RDATA as text.
    pub text: String,
    /// RDATA in wire form.
    pub rdata: Box<[u8]>,
}

/// A TLS handshake and how long the certificate must last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateProbe {
    /// TLS settings.
    pub tls: TlsProbe,
    /// Days that the certificate must still be valid; 0 asks nothing beyond validity.
    pub days_left: u16,
}

/// A call of `grpc.health.v1.Health/Check`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GrpcProbe {
    /// TLS settings; `None` is HTTP/2 in clear text, without an upgrade.
    pub tls: Option<TlsProbe>,
    /// The authority sent, without port; empty stands for the address.
    pub host: String,
    /// The service asked for; empty asks for the server as a whole.
    pub service: String,
}

/// An expression for a Prometheus server and what its value must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetricProbe {
    /// TLS settings; `None` is plain HTTP.
    pub tls: Option<TlsProbe>,
    /// Host of the server, for the Host header.
    pub host: String,
    /// Path below which its API lies, without `/` at the end; mostly empty.
    pub prefix: String,
    /// The expression.
    pub query: String,
    /// Comparison that every value must satisfy.
    pub healthy_if: Threshold,
}

/// A command and its arguments; exit status 0 is good.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExecProbe {
    /// Absolute path of the program, then its arguments; `{address}` stands for the address that is judged.
    pub command: Vec<String>,
}

/// Reports that must arrive, at least one in each interval.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeartbeatProbe {
    /// The zone's apex, in small letters.
    pub zone: String,
    /// Id of the check.
    pub check: String,
}

/// A comparison with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Threshold {
    operator: Operator,
    /// The bits of the number: equality of thresholds is identity.
    bits: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operator {
    AtMost,
    AtLeast,
    Equal,
    Unequal,
    Below,
    Above,
}

/// Operators as they are written, the longer ones first.
const OPERATORS: [(&str, Operator); 6] = [
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<", Operator::Below),
    (">", Operator::Above),
];

impl Threshold {
    /// Reads a comparison such as `< 0.05`; the number must be finite.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (number, operator) = OPERATORS
            .iter()
            .find_map(|(sign, operator)| Some((text.strip_prefix(sign)?, *operator)))?;
        let number: f64 = number.trim().parse().ok()?;
        number.is_finite().then_some(Self {
            operator,
            bits: number.to_bits(),
        })
    }

    /// Returns whether a value satisfies the comparison.
    pub fn holds(self, value: f64) -> bool {
        let limit = f64::from_bits(self.bits);
        match self.operator {
            Operator::AtMost => value <= limit,
            Operator::AtLeast => value >= limit,
            Operator::Equal => value == limit,
            Operator::Unequal => value != limit,
            Operator::Below => value < limit,
            Operator::Above => value > limit,
        }
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = OPERATORS
            .iter()
            .find(|(_, operator)| *operator == self.operator)
            .map_or("", |(sign, _)| *sign);
        write!(f, "{sign} {}", f64::from_bits(self.bits))
    }
}

/// TLS settings of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsProbe {
    /// Name for SNI and for the certificate; `None` sends no SNI (possible only without `verify`).
    pub server_name: Option<String>,
    /// True if the certificate is verified.
    pub verify: bool,
    /// PEM text of the authorities to trust instead of the system's.
    pub ca_pem: Option<String>,
}

/// Rule that turns observations into a status (rule a36).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Damping {
    /// Successes in a row until healthy, 1-100.
    pub rise: u8,
    /// Failures until unhealthy, 1-100.
    pub fall: u8,
    /// Successes in a row that forgive all counted failures, 1-1000.
    pub forgive: u16,
    /// Bounds beyond which the target counts as degraded; `None` for never.
    pub degraded: Option<DegradedRule>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_as_it_is_written() {
        let cases = [
            ("< 0.05", 0.04, 0.05, "< 0.05"),
            ("<=0.05", 0.05, 0.06, "<= 0.05"),
            (" > 3", 4.0, 3.0, "> 3"),
            (">= -1", -1.0, -2.0, ">= -1"),
            ("== 1", 1.0, 0.0, "== 1"),
            ("!= 0", 1.0, 0.0, "!= 0"),
        ];
        for (text, good, bad, shown) in cases {
            let threshold = Threshold::parse(text).expect(text);
            assert!(threshold.holds(good), "{text}");
            assert!(!threshold.holds(bad), "{text}");
            assert_eq!(threshold.to_string(), shown);
        }
        for text in ["", "0.05", "< ", "< x", "< inf", "=> 1", "< NaN"] {
            assert_eq!(Threshold::parse(text), None, "{text}");
        }
    }
}
