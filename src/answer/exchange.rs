//! An exchange: one query as it came, room for its answer, and what to count about it.

use std::net::{IpAddr, SocketAddr};

use crate::wire::{CookieStanding, Rcode, Rtype};

use super::sink::Source;

/// Octets that an output buffer must hold at least: header, longest question, OPT with every option.
pub const OUT_MIN: usize = 512;
/// How a query came.
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
    /// Says whether nobody on the way can read what is said.
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Https | Self::Quic)
    }

    /// Returns its name as metrics and threads show it.
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

/// One query and its answer.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The message as received.
    pub input: &'a [u8],
    /// Where it came from.
    pub client: SocketAddr,
    /// How it came.
    pub transport: Transport,
    /// Room for the answer, at least [`OUT_MIN`] octets.
    pub out: &'a mut [u8],
    /// Octets of the answer; 0 is silence.
    pub len: usize,
    /// What to count.
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

/// A query as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received<'e> {
    /// The message.
    pub(super) input: &'e [u8],
    /// Its sender.
    pub(super) client: &'e SocketAddr,
    /// How it came.
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
    /// What to count.
    pub(super) tally: &'e mut Tally,
}

/// TTL of a response without an answer section and without the SOA of a negative answer. No record has it (RFC 2181,
/// section 8).
pub const NO_TTL: u32 = u32::MAX;

/// What was done about an answer that was over a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limited {
    /// It was under every limit.
    #[default]
    No,
    /// It was sent empty with TC set.
    Slipped,
    /// It was dropped.
    Dropped,
}

/// What to count about one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Type asked; type 0 if there was no question.
    pub rtype: Rtype,
    /// Response code sent.
    pub rcode: Rcode,
    /// Where the answer came from.
    pub source: Source,
    /// Whether TC was set.
    pub is_truncated: bool,
    /// Lowest TTL of the answer section, or that of the SOA of a negative answer, in seconds; [`NO_TTL`] without either.
    pub ttl: u32,
    /// What the cookie of the query was worth.
    pub cookie: CookieStanding,
    /// What was done about it because of a rate limit.
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
