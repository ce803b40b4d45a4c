//! Limits of transports: sizes, times and counts, each with a default and bounds.
//!
//! In: values from the server file. Out: plain limits. Never here: sockets.

use std::sync::Arc;
use std::time::Duration;

use super::certificate::Certificates;
use super::https::HttpsOptions;
use super::proxy::TrustedProxies;
use super::registry::Places;

/// Limits and options of a server's transports.
#[derive(Clone, Debug, Default)]
pub struct Serving {
    /// Limits of UDP.
    pub udp: UdpLimits,
    /// Limits of TCP; each other transport of streams counts its own connections by them.
    pub tcp: TcpLimits,
    /// Certificate of encrypted transports; needed where any is listened on.
    pub certificates: Option<Arc<Certificates>>,
    /// Sources that name their client by the PROXY protocol.
    pub proxies: Arc<TrustedProxies>,
    /// The resource of DNS over HTTPS.
    pub https: HttpsOptions,
}

/// Limits of UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpLimits {
    /// Longest reply, octets; 1,232 by default, since that fits every path of the Internet (DNS flag day 2020).
    pub reply_size_max: usize,
}

impl UdpLimits {
    /// The least `reply_size_max`: what RFC 6891, section 6.2.5, asks implementations to support, without options.
    pub const REPLY_SIZE_MIN: usize = 512;
    /// The greatest `reply_size_max`: RFC 6891, section 6.2.5, names 4,096 as the place to start.
    pub const REPLY_SIZE_MAX: usize = 4096;

    /// Returns these limits drawn into their bounds.
    pub fn bounded(self) -> Self {
        Self {
            reply_size_max: self
                .reply_size_max
                .clamp(Self::REPLY_SIZE_MIN, Self::REPLY_SIZE_MAX),
        }
    }
}

impl Default for UdpLimits {
    fn default() -> Self {
        Self {
            reply_size_max: 1232,
        }
    }
}

/// Limits of TCP (RFC 7766, section 6; RFC 9210, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpLimits {
    /// Longest time a connection may be quiet between messages; 10 s by default.
    pub idle_timeout: Duration,
    /// Longest time from the first octet of a message to its last; 5 s by default. A slow drip ends here.
    pub message_timeout: Duration,
    /// Longest time for a client to read waiting replies; 5 s by default.
    pub write_timeout: Duration,
    /// Most connections in all, 1,000 by default; a new one beyond them evicts another.
    pub connections_max: usize,
    /// Most connections of one client address (one /64 of IPv6, what one subscriber gets), 100 by default.
    pub connections_per_client_max: usize,
}

impl TcpLimits {
    /// Returns the limits of open connections; of one prefix (/24, IPv6 /56) half of all, so that one network always
    /// leaves as many to the others, and never fewer than one client may have.
    pub(super) fn places(&self) -> Places {
        Places {
            total_max: self.connections_max,
            per_client_max: self.connections_per_client_max,
            per_prefix_max: (self.connections_max / 2).max(self.connections_per_client_max),
        }
    }

    /// Returns these limits drawn into their bounds: no count is zero, no time is shorter than 10 ms.
    pub fn bounded(self) -> Self {
        let least = Duration::from_millis(10);
        let total = self.connections_max.clamp(1, 65_536);
        Self {
            idle_timeout: self.idle_timeout.max(least),
            message_timeout: self.message_timeout.max(least),
            write_timeout: self.write_timeout.max(least),
            connections_max: total,
            connections_per_client_max: self.connections_per_client_max.clamp(1, total),
        }
    }
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self {
            // RFC 7766, section 6.2.3, asks for "a few seconds"; RFC 9210, section 4.2, cites 10 s.
            idle_timeout: Duration::from_secs(10),
            // Chosen; no standard value. A query is one segment.
            message_timeout: Duration::from_secs(5),
            // Chosen; no standard value. Long enough for several retransmissions.
            write_timeout: Duration::from_secs(5),
            connections_max: 1_000,
            connections_per_client_max: 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_limits_into_their_bounds() {
        for (asked, given) in [(0, 512), (1232, 1232), (65_535, 4096)] {
            let limits = UdpLimits {
                reply_size_max: asked,
            };
            assert_eq!(limits.bounded().reply_size_max, given, "{asked}");
        }
        let limits = TcpLimits {
            connections_max: 5,
            idle_timeout: Duration::ZERO,
            ..TcpLimits::default()
        };
        assert_eq!(limits.bounded().connections_per_client_max, 5);
        assert_eq!(limits.bounded().idle_timeout, Duration::from_millis(10));
        assert_eq!(TcpLimits::default().bounded(), TcpLimits::default());
    }
}
