//! Response limits of one query: cookie result, size limit, EDNS options, and the count of the rate limiter.
//!
//! In: serving options, the EDNS of a query, its transport and time. Out: [`ResponseContext`], and the rate limiter's
//! verdict. Never here: what is answered, or octets.

use crate::clock::Moment;
use crate::wire::{
    Class, CookieStanding, Edns, ExtendedError, Query, Rcode, ResponseEdns, Rtype, pad_message,
};

use super::chance::Chance;
use super::exchange::{Received, Transport};
use super::rate::{Buckets, Kind, Verdict};
use super::serving_options::{ServingOptions, WithoutCookie};
use super::sink::{Head, Source};
use super::writer::FLAGS_COPIED;

/// Largest UDP payload without EDNS (RFC 1035, section 4.2.1). An answer within it is never called an amplification
/// unless its client is about to be limited: it is what every client could be sent since 1987.
const UDP_PLAIN_MAX: usize = 512;
/// Answers on encrypted transports are padded to a multiple of this (RFC 8467, section 4.1).
const PADDING_BLOCK: usize = 468;

/// Reasons beside response codes (RFC 8914, section 4).
const NOT_AUTHORITATIVE: ExtendedError = reason(20, "");
const NOT_SUPPORTED: ExtendedError = reason(21, "");
const PROHIBITED: ExtendedError = reason(18, "zone transfer");
const ALL_DOWN: ExtendedError = reason(0, "every member is down");

const fn reason(code: u16, text: &'static str) -> ExtendedError {
    ExtendedError { code, text }
}

/// Fields of a query that its response depends on, whatever the answer is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// Octets 2 and 3 of the header, or as much of them as a response repeats.
    pub(super) flags: u16,
    /// End of header and question, which a response repeats, as an offset in octets.
    pub(super) question_end: usize,
    /// Type asked; 0 without a question.
    pub(super) rtype: Rtype,
    /// Class asked; 0 without a question.
    pub(super) class: Class,
    /// Number of the zone that it is answered from.
    pub(super) zone: usize,
    /// Offset of a TSIG record whose key is not known.
    pub(super) tsig: Option<u16>,
}

/// Limits of a response, cookie result, and EDNS options of its OPT record.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResponseContext<'w> {
    /// True if the client receives what is sent to its address: a stream, or a valid cookie.
    pub(super) is_proven: bool,
    /// Result of checking its cookie.
    pub(super) standing: CookieStanding,
    /// The OPT record, if the query had one.
    pub(super) edns: Option<ResponseEdns<'w>>,
    /// Most octets of the response, as long as its client keeps to every limit.
    pub(super) size_max: usize,
    pads: bool,
}

/// Rate limits of one worker: its buckets, and the time of the batch.
#[derive(Debug)]
pub(super) struct RateLimiter {
    buckets: Buckets,
    pub(super) now: Moment,
    /// Unix time, for cookies.
    pub(super) wall_secs: u32,
}

impl RateLimiter {
    pub(super) fn new(seed: u64) -> Self {
        // A stream of its own: the draws of answers follow from the seed alone.
        let mut chance = Chance::new(seed ^ 0xe220_a839_7b1d_cdaf);
        Self {
            buckets: Buckets::new([chance.next_u64(), chance.next_u64()]),
            now: Moment::ZERO,
            wall_secs: 0,
        }
    }

    /// Sets the context of a query from its transport and EDNS.
    #[inline(always)]
    pub(super) fn admit<'w>(
        &self,
        serving: &'w ServingOptions,
        received: Received<'_>,
        asked: &Asked,
        edns: &Option<Edns>,
    ) -> ResponseContext<'w> {
        let mut context = ResponseContext::plain(serving, received, asked.rtype);
        let Some(edns) = edns else {
            return context;
        };
        let response = context.edns.insert(ResponseEdns {
            is_dnssec_ok: edns.is_dnssec_ok,
            subnet: edns.subnet.map(|subnet| (subnet, 0)),
            ..ResponseEdns::default()
        });
        if let (Some(span), Some(cookies)) = (edns.cookie, &serving.cookies) {
            let (standing, cookie) =
                cookies
                    .secrets
                    .verify(span.of(received.input), received.address(), self.wall_secs);
            context.standing = standing;
            context.is_proven |= standing == CookieStanding::Valid;
            response.cookie = Some(cookie);
        }
        if edns.wants_nsid {
            response.nsid = serving.identity.nsid();
        }
        if edns.wants_keepalive {
            response.keepalive = keepalive(serving, received.transport);
        }
        context.pads = edns.wants_padding && received.transport.is_encrypted();
        if received.transport == Transport::Udp {
            let size = usize::from(edns.payload_size.min(serving.payload_size));
            context.size_max =
                datagram_max(serving, received, size, context.is_proven, asked.rtype);
        }
        context
    }

    /// Counts a response by source and zone of its answer, and decides on it. Streams and proven clients have no limit
    /// but size.
    #[inline(always)]
    pub(super) fn count(
        &mut self,
        serving: &ServingOptions,
        received: Received<'_>,
        context: &ResponseContext<'_>,
        (source, zone): (Source, usize),
    ) -> Verdict {
        match &serving.rate {
            Some(limits) if !context.is_proven => {
                let kind = kind_of(source, zone);
                let client = received.address();
                self.buckets.count(limits, client, kind, self.now)
            }
            _ => Verdict::Send,
        }
    }
}

/// Returns the most octets of a datagram that may have `size`: few times its query, unless the client receives what is
/// sent to its address. Questions for ANY get no more than the factor, however short.
#[inline(always)]
fn datagram_max(
    serving: &ServingOptions,
    received: Received<'_>,
    size: usize,
    is_proven: bool,
    rtype: Rtype,
) -> usize {
    match serving.amplification_max {
        Some(times) if !is_proven => {
            let floor = if rtype == Rtype::ANY {
                0
            } else {
                UDP_PLAIN_MAX
            };
            size.min(times_of(received, times).max(floor))
        }
        _ => size,
    }
}

/// Returns the octets of so many times the query.
fn times_of(received: Received<'_>, times: u8) -> usize {
    received.input.len() * usize::from(times)
}

impl Asked {
    /// Takes the fields of a query that is answered from a zone.
    #[inline(always)]
    pub(super) fn of(query: &Query, zone: usize) -> Self {
        Self {
            flags: query.flags & FLAGS_COPIED,
            question_end: query.question_end(),
            rtype: query.rtype,
            class: query.class,
            zone,
            tsig: None,
        }
    }
}

impl ResponseContext<'_> {
    /// The context of a query without an OPT record.
    #[inline(always)]
    pub(super) fn plain(serving: &ServingOptions, received: Received<'_>, rtype: Rtype) -> Self {
        let is_proven = received.transport != Transport::Udp;
        Self {
            is_proven,
            standing: CookieStanding::Absent,
            edns: None,
            size_max: if is_proven {
                usize::from(u16::MAX)
            } else {
                datagram_max(serving, received, UDP_PLAIN_MAX, is_proven, rtype)
            },
            pads: false,
        }
    }

    /// Returns the most octets of the response to a client that is about to be limited: no more than the factor.
    #[cold]
    pub(super) fn size_pressed(&self, serving: &ServingOptions, received: Received<'_>) -> usize {
        let times = serving.amplification_max;
        times.map_or(self.size_max, |times| {
            self.size_max.min(times_of(received, times))
        })
    }

    /// Returns whether a valid cookie is required before the answer (RFC 7873, section 5.2.3).
    #[inline(always)]
    pub(super) fn needs_cookie(&self, serving: &ServingOptions) -> bool {
        !self.is_proven
            && matches!(
                self.standing,
                CookieStanding::ClientOnly | CookieStanding::Bad
            )
            && serving
                .cookies
                .as_ref()
                .is_some_and(|cookies| cookies.without == WithoutCookie::BadCookie)
    }

    /// Returns the OPT record with the payload size that is offered.
    #[inline]
    pub(super) fn opt(&self, serving: &ServingOptions) -> Option<(&ResponseEdns<'_>, u16)> {
        self.edns.as_ref().map(|edns| (edns, serving.payload_size))
    }

    /// Adds what depends on the answer: the scope (source length 0 asks for no tailoring, so it stays 0; RFC 7871,
    /// section 7.1.2), the upper half of the response code, and the reason.
    #[inline(always)]
    pub(super) fn settle(&mut self, serving: &ServingOptions, asked: &Asked, head: &Head) {
        let Some(edns) = &mut self.edns else {
            return;
        };
        if let Some((subnet, scope_len)) = &mut edns.subnet
            && subnet.given_prefix().is_some()
        {
            *scope_len = head.scope_len;
        }
        edns.rcode_high = (head.rcode.0 >> 4) as u8;
        if serving.has_extended_errors {
            edns.extended_error = match head.source {
                Source::Error if head.rcode == Rcode::NOTIMP => Some(NOT_SUPPORTED),
                Source::Refused if asked.class != Class::IN => Some(NOT_SUPPORTED),
                Source::Refused if is_prohibited(asked, head.rcode) => Some(PROHIBITED),
                Source::Refused => Some(NOT_AUTHORITATIVE),
                Source::Dynamic if head.rcode == Rcode::SERVFAIL => Some(ALL_DOWN),
                _ => None,
            };
        }
    }

    /// Pads a written message if the client asked for it and the transport is encrypted.
    #[inline]
    pub(super) fn pad(&self, out: &mut [u8], len: usize) -> usize {
        match &self.edns {
            Some(edns) if self.pads => pad_message(out, len, len - edns.len(), PADDING_BLOCK),
            _ => len,
        }
    }
}

/// Returns the kind of answer that is counted.
#[inline]
fn kind_of(source: Source, zone: usize) -> (Kind, usize) {
    let kind = match source {
        Source::Static | Source::Dynamic => Kind::Records,
        Source::Negative => Kind::Negative,
        Source::Referral => Kind::Referral,
        Source::Refused | Source::Error | Source::Silent => return (Kind::Error, 0),
    };
    (kind, zone)
}

/// Returns whether a refusal is one of a zone transfer.
fn is_prohibited(asked: &Asked, rcode: Rcode) -> bool {
    rcode == Rcode::REFUSED && matches!(asked.rtype, Rtype::AXFR | Rtype::IXFR)
}

/// Returns the idle timeout in units of 100 ms where the option has a meaning: over UDP it is ignored (RFC 7828, section
/// 3.3.1), HTTPS and QUIC have their own (RFC 9250, section 5.5.2).
fn keepalive(serving: &ServingOptions, transport: Transport) -> Option<u16> {
    match transport {
        Transport::Tcp | Transport::Tls => {
            let units = serving.idle_timeout.as_millis() / 100;
            Some(u16::try_from(units).unwrap_or(u16::MAX))
        }
        Transport::Udp | Transport::Https | Transport::Quic => None,
    }
}
