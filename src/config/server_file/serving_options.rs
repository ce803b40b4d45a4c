//! Settings of how queries are answered and where: UDP, cookies, identity, limits, TCP, TLS, HTTPS, QUIC, proxies.
//!
//! In: nothing. Out: plain settings with their defaults. Never here: keys, bounds, what follows from a setting.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// `[udp]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpSettings {
    /// Largest answer in octets, and what is offered to clients.
    pub payload_size: usize,
    /// How many times its query an answer may be long while the client's address is not proven; 0 for no bound.
    pub amplification_max: usize,
}

impl Default for UdpSettings {
    fn default() -> Self {
        Self {
            // Fits every path of the Internet (DNS flag day 2020; RFC 9715).
            payload_size: 1232,
            amplification_max: 4,
        }
    }
}

/// `[cookies]` (RFC 7873).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieSettings {
    /// Whether cookies are answered.
    pub is_enabled: bool,
    /// Whether UDP clients that know cookies must show a valid one.
    pub is_required: bool,
    /// Where the secrets stand; `None` keeps one in the state folder, or in memory without one.
    pub secret_file: Option<PathBuf>,
}

impl Default for CookieSettings {
    fn default() -> Self {
        Self {
            is_enabled: true,
            is_required: false,
            secret_file: None,
        }
    }
}

/// `[identity]`: what the server says about itself; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentitySettings {
    /// Name server identifier (RFC 5001) as written: a text, or `0x` and hexadecimal digits.
    pub nsid: Option<String>,
    /// What `hostname.bind` and `id.server` answer.
    pub hostname: Option<String>,
    /// What `version.bind` and `version.server` answer.
    pub version: Option<String>,
}

impl IdentitySettings {
    /// Returns the octets of the name server identifier; `None` if there is none.
    pub fn nsid_octets(&self) -> Option<Vec<u8>> {
        octets(self.nsid.as_ref()?)
    }
}

/// Reads a text, or octets as `0x` and pairs of hexadecimal digits; `None` if these are no such pairs.
pub(super) fn octets(text: &str) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix("0x") else {
        return Some(text.as_bytes().to_vec());
    };
    let digits: Option<Vec<u8>> = digits
        .chars()
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

/// `[rate-limit]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitSettings {
    /// Whether UDP answers are limited.
    pub is_enabled: bool,
    /// Answers a second for each client prefix, zone and kind of answer.
    pub answers_per_second: usize,
    /// Answers a second for each client prefix, of all zones and kinds together; `None` is [`Self::TOTAL_FACTOR`] times
    /// the above.
    pub answers_per_second_total: Option<usize>,
    /// Each so many answers over the limit one is sent empty with TC; 0 for never.
    pub slip: usize,
    /// Clients that are not limited.
    pub allow: Vec<IpNet>,
}

impl RateLimitSettings {
    /// Returns how many answers of all zones and kinds a client prefix gets a second.
    pub fn total(&self) -> usize {
        let times = self.answers_per_second.saturating_mul(Self::TOTAL_FACTOR);
        self.answers_per_second_total.unwrap_or(times)
    }

    /// How many times the rate of one zone and kind all together get. Chosen; no standard value: a resolver that asks
    /// several of our zones stays below, and who is flooded in its name gets no more.
    pub const TOTAL_FACTOR: usize = 2;
    /// Clients that are not limited: nobody can be flooded from here but this machine.
    pub const ALLOW: [IpNet; 2] = [
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
    ];
}

impl Default for RateLimitSettings {
    fn default() -> Self {
        Self {
            is_enabled: true,
            // A large resolver's share of a busy zone stays below, a reflected flood does not.
            answers_per_second: 1_000,
            answers_per_second_total: None,
            // As BIND and NSD have it.
            slip: 2,
            allow: Self::ALLOW.to_vec(),
        }
    }
}

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSetting {
    /// Made at the start, for trials.
    SelfSigned,
    /// PEM files: the chain and its private key.
    Files {
        /// The chain, the server's own certificate first.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
}

impl CertificateSetting {
    /// The word for a certificate made at the start.
    pub const SELF_SIGNED: &'static str = "self-signed";
}

/// `[tls]`: DNS over TLS (RFC 7858), and the certificate of every encrypted transport.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Addresses of DNS over TLS; usual is port 853.
    pub listen: Vec<SocketAddr>,
    /// The certificate.
    pub certificate: Option<CertificateSetting>,
}

/// `[https]`: DNS over HTTPS (RFC 8484).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsSettings {
    /// Addresses; usual is port 443.
    pub listen: Vec<SocketAddr>,
    /// Path of the one resource.
    pub path: String,
    /// Whether a proxy before us does TLS, so that requests come in the clear.
    pub is_plain: bool,
}

impl Default for HttpsSettings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            // The path that clients expect (RFC 8484, section 4.1.1, uses it throughout).
            path: "/dns-query".to_owned(),
            is_plain: false,
        }
    }
}

/// `[quic]`: DNS over QUIC (RFC 9250).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuicSettings {
    /// Addresses; usual is UDP port 853.
    pub listen: Vec<SocketAddr>,
}

/// `[proxy]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// Proxies that are believed, and that must say for whom they ask.
    pub allow: Vec<IpNet>,
}

/// `[explain]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExplainSettings {
    /// Clients that may ask `_explain.NAME TXT`; none by default.
    pub allow: Vec<IpNet>,
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

impl Default for TcpSettings {
    fn default() -> Self {
        Self {
            connections: 1_000,
            connections_per_address: 100,
            // "In the order of a few seconds" (RFC 7766, section 6.2.3).
            idle_timeout: Duration::from_secs(10),
            // Chosen; no standard value.
            message_timeout: Duration::from_secs(5),
            // Chosen; no standard value.
            write_timeout: Duration::from_secs(5),
        }
    }
}
