//! An exchange: one query as received, room for its response, and its counts.

use std::net::{IpAddr, SocketAddr};

use crate::wire::{CookieStanding, Rcode, Rtype};

use super::sink::Source;

/// Octets that an output buffer must hold at least: header, longest question, OPT with every option.
pub const OUT_MIN: usize = 512;
/// Transport of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A datagram.
    Udp,
    /// A stream with its own length.
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS (RFC 8484).
    Https,
    /// DNS over QUIC (RFC 9250).
    Quic,
}

impl Transport {
    /// Returns whether the transport is encrypted.
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Https | Self::Quic)
    }

    /// Returns the name of the transport in metrics and thread names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Quic => "quic",
        }
    }
}

/// A query as received, room for its response, and the counts of it.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The message as received.
    pub input: &'a [u8],
    /// Source address and port.
    pub client: SocketAddr,
    /// Transport of the query.
    pub transport: Transport,
    /// Room for the answer, at least [`OUT_MIN`] octets.
    pub out: &'a mut [u8],
    /// Octets of the answer; 0 is silence.
    pub len: usize,
    /// Counts of this exchange.
    pub tally: Tally,
}

impl<'a> Exchange<'a> {
    /// Makes an exchange that is silent until the engine fills it.
    pub fn new(
        transport: Transport,
        client: SocketAddr,
        input: &'a [u8],
        out: &'a mut [u8],
    ) -> Self {
        Self {
            input,
            client,
            transport,
            out,
            len: 0,
            tally: Tally::default(),
        }
    }

    /// Parts the query from the room for its answer.
    #[inline(always)]
    pub(super) fn split(&mut self) -> (Received<'_>, Outgoing<'_>) {
        let received = Received {
            input: self.input,
            client: &self.client,
            transport: self.transport,
        };
        let outgoing = Outgoing {
            out: self.out,
            len: &mut self.len,
            tally: &mut self.tally,
        };
        (received, outgoing)
    }

    /// Takes back what was written.
    pub fn silence(&mut self) {
        self.len = 0;
        self.tally = Tally::default();
    }
}

/// A query as received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received<'e> {
    /// The message.
    pub(super) input: &'e [u8],
    /// Source address and port.
    pub(super) client: &'e SocketAddr,
    /// Transport of the query.
    pub(super) transport: Transport,
}

impl Received<'_> {
    /// Returns the client's address.
    #[inline(always)]
    pub(super) fn address(&self) -> IpAddr {
        self.client.ip().to_canonical()
    }
}

/// Room for the answer to a query, and for what to count about it.
#[derive(Debug)]
pub(super) struct Outgoing<'e> {
    /// Room for the message.
    pub(super) out: &'e mut [u8],
    /// Octets of the message; 0 is silence.
    pub(super) len: &'e mut usize,
    /// Counts of this exchange.
    pub(super) tally: &'e mut Tally,
}

/// TTL of a response without an answer section and without the SOA of a negative answer. No record has it (RFC 2181,
/// section 8).
pub const NO_TTL: u32 = u32::MAX;

/// Action of the rate limiter on one response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limited {
    /// Sent: under every limit.
    #[default]
    No,
    /// Sent empty with TC set.
    Slipped,
    /// Dropped.
    Dropped,
}

/// Counts of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Type asked; type 0 if there was no question.
    pub rtype: Rtype,
    /// Response code sent.
    pub rcode: Rcode,
    /// Kind of data that the answer was made from.
    pub source: Source,
    /// True if TC was set.
    pub is_truncated: bool,
    /// Lowest TTL of the answer section, or that of the SOA of a negative answer, in seconds; [`NO_TTL`] without either.
    pub ttl: u32,
    /// Cookie result of the query.
    pub cookie: CookieStanding,
    /// Action of the rate limiter.
    pub limited: Limited,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            rtype: Rtype(0),
            rcode: Rcode::NOERROR,
            source: Source::Silent,
            is_truncated: false,
            ttl: NO_TTL,
            cookie: CookieStanding::Absent,
            limited: Limited::No,
        }
    }
}
