//! On what terms a query is answered: whether its address is proven, how long the answer may be, what its OPT record
//! says.
//!
//! In: the conduct of the server, the EDNS of a query, how it came and when. Out: [`Terms`], and what becomes of the
//! answer. Never here: what is answered.

use std::net::IpAddr;

use crate::clock::Moment;
use crate::wire::{
    Class, CookieStanding, Edns, ExtendedError, Query, Rcode, ResponseEdns, Rtype, pad_message,
};

use super::chance::Chance;
use super::conduct::{Conduct, WithoutCookie};
use super::exchange::{Exchange, Limited, Transport};
use super::message::Source;
use super::rate::{Buckets, Kind, Verdict};

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

/// On what terms one query is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'w> {
    /// Whether the client receives what is sent to its address: a stream, or a valid cookie.
    pub(super) is_proven: bool,
    /// What its cookie is worth.
    pub(super) standing: CookieStanding,
    /// The OPT record of the answer, if the query had one.
    pub(super) edns: Option<ResponseEdns<'w>>,
    pads: bool,
}

/// What a worker keeps to judge clients: its buckets, and the time of the batch.
#[derive(Debug)]
pub(super) struct Gate {
    buckets: Buckets,
    pub(super) now: Moment,
    /// Unix time, for cookies.
    pub(super) wall_secs: u32,
}

impl Gate {
    pub(super) fn new(seed: u64) -> Self {
        // A stream of its own: the draws of answers follow from the seed alone.
        let mut chance = Chance::new(seed ^ 0xe220_a839_7b1d_cdaf);
        Self {
            buckets: Buckets::new([chance.next_u64(), chance.next_u64()]),
            now: Moment::ZERO,
            wall_secs: 0,
        }
    }

    /// Sets the terms of a query from how it came and its EDNS.
    #[inline(always)]
    pub(super) fn admit<'w>(
        &self,
        conduct: &'w Conduct,
        exchange: &Exchange<'_>,
        edns: &Option<Edns>,
    ) -> Terms<'w> {
        let mut terms = Terms::without_edns(exchange);
        if let Some(edns) = edns {
            self.admit_edns(conduct, exchange, edns, &mut terms);
        }
        terms
    }

    fn admit_edns<'w>(
        &self,
        conduct: &'w Conduct,
        exchange: &Exchange<'_>,
        edns: &Edns,
        terms: &mut Terms<'w>,
    ) {
        let response = terms.edns.insert(ResponseEdns {
            is_dnssec_ok: edns.is_dnssec_ok,
            subnet: edns.subnet.map(|subnet| (subnet, 0)),
            ..ResponseEdns::default()
        });
        if let (Some(span), Some(cookies)) = (edns.cookie, &conduct.cookies) {
            let (standing, cookie) = cookies.secrets.verify(
                span.of(exchange.input),
                client_ip(exchange),
                self.wall_secs,
            );
            terms.standing = standing;
            terms.is_proven |= standing == CookieStanding::Valid;
            response.cookie = Some(cookie);
        }
        if edns.wants_nsid {
            response.nsid = conduct.identity.nsid();
        }
        if edns.wants_keepalive {
            response.keepalive = keepalive(conduct, exchange.transport);
        }
        terms.pads = edns.wants_padding && exchange.transport.is_encrypted();
    }

    /// Says how long an answer may be, or how it is limited. Streams and proven clients have no limit but size.
    #[inline(always)]
    pub(super) fn size_max(
        &mut self,
        conduct: &Conduct,
        exchange: &Exchange<'_>,
        (rtype, edns): (Rtype, &Option<Edns>),
        is_proven: bool,
        kind: (Kind, usize),
    ) -> Result<usize, Limited> {
        if exchange.transport != Transport::Udp {
            return Ok(usize::from(u16::MAX));
        }
        let size_max = edns.as_ref().map_or(UDP_PLAIN_MAX, |edns| {
            usize::from(edns.payload_size.min(conduct.payload_size))
        });
        if is_proven {
            return Ok(size_max);
        }
        let verdict = match &conduct.rate {
            Some(limits) => {
                let client = client_ip(exchange);
                self.buckets.count(limits, client, kind, self.now)
            }
            None => Verdict::Send,
        };
        let floor = match verdict {
            Verdict::Drop => return Err(Limited::Dropped),
            Verdict::Slip => return Err(Limited::Slipped),
            // Whoever asks for everything, and whoever is about to be limited, gets no more than the factor.
            Verdict::SendPressed => 0,
            Verdict::Send if rtype == Rtype::ANY => 0,
            Verdict::Send => UDP_PLAIN_MAX,
        };
        Ok(conduct.amplification_max.map_or(size_max, |times| {
            let amplified = exchange.input.len() * usize::from(times);
            size_max.min(amplified.max(floor))
        }))
    }
}

impl Terms<'_> {
    /// The terms of a query without an OPT record.
    #[inline(always)]
    pub(super) fn without_edns(exchange: &Exchange<'_>) -> Self {
        Self {
            is_proven: exchange.transport != Transport::Udp,
            standing: CookieStanding::Absent,
            edns: None,
            pads: false,
        }
    }

    /// Says whether a cookie is asked for before anything is answered (RFC 7873, section 5.2.3).
    #[inline(always)]
    pub(super) fn needs_cookie(&self, conduct: &Conduct) -> bool {
        !self.is_proven
            && matches!(
                self.standing,
                CookieStanding::ClientOnly | CookieStanding::Bad
            )
            && conduct
                .cookies
                .as_ref()
                .is_some_and(|cookies| cookies.without == WithoutCookie::BadCookie)
    }

    /// Returns the OPT record with the payload size that is offered.
    #[inline]
    pub(super) fn opt(&self, conduct: &Conduct) -> Option<(&ResponseEdns<'_>, u16)> {
        self.edns.as_ref().map(|edns| (edns, conduct.payload_size))
    }

    /// Adds what depends on the answer: the scope (source length 0 asks for no tailoring, so it stays 0; RFC 7871,
    /// section 7.1.2) and the reason.
    #[inline(always)]
    pub(super) fn settle(
        &mut self,
        conduct: &Conduct,
        query: &Query,
        (rcode, source, scope): (Rcode, Source, u8),
    ) {
        let Some(edns) = &mut self.edns else {
            return;
        };
        if let Some((subnet, scope_len)) = &mut edns.subnet
            && subnet.given_prefix().is_some()
        {
            *scope_len = scope;
        }
        if conduct.has_extended_errors {
            edns.extended_error = match source {
                Source::Refused if query.class != Class::IN => Some(NOT_SUPPORTED),
                Source::Refused if is_prohibited(query, rcode) => Some(PROHIBITED),
                Source::Refused => Some(NOT_AUTHORITATIVE),
                Source::Dynamic if rcode == Rcode::SERVFAIL => Some(ALL_DOWN),
                _ => None,
            };
        }
    }

    /// Adds what depends on a response code without an answer.
    pub(super) fn settle_refusal(&mut self, conduct: &Conduct, rcode: Rcode) {
        let Some(edns) = &mut self.edns else {
            return;
        };
        edns.rcode_high = (rcode.0 >> 4) as u8;
        if conduct.has_extended_errors && rcode == Rcode::NOTIMP {
            edns.extended_error = Some(NOT_SUPPORTED);
        }
    }

    /// Pads a written message if the client asked for it and nobody on the way can read its length otherwise.
    #[inline]
    pub(super) fn pad(&self, out: &mut [u8], len: usize) -> usize {
        match &self.edns {
            Some(edns) if self.pads => pad_message(out, len, len - edns.len(), PADDING_BLOCK),
            _ => len,
        }
    }
}

/// Says what kind of answer is counted.
#[inline]
pub(super) fn kind_of(source: Source, zone: Option<usize>) -> (Kind, usize) {
    let kind = match source {
        Source::Static | Source::Dynamic => Kind::Records,
        Source::Negative => Kind::Negative,
        Source::Referral => Kind::Referral,
        Source::Refused | Source::Error | Source::Silent => return (Kind::Error, 0),
    };
    (kind, zone.unwrap_or(0))
}

/// Says whether a zone of ours is asked for as a whole.
fn is_prohibited(query: &Query, rcode: Rcode) -> bool {
    rcode == Rcode::REFUSED && matches!(query.rtype, Rtype::AXFR | Rtype::IXFR)
}

/// Returns the idle timeout in units of 100 ms where the option has a meaning: over UDP it is ignored (RFC 7828, section
/// 3.3.1), HTTPS and QUIC have their own (RFC 9250, section 5.5.2).
fn keepalive(conduct: &Conduct, transport: Transport) -> Option<u16> {
    match transport {
        Transport::Tcp | Transport::Tls => {
            let units = conduct.idle_timeout.as_millis() / 100;
            Some(u16::try_from(units).unwrap_or(u16::MAX))
        }
        Transport::Udp | Transport::Https | Transport::Quic => None,
    }
}

pub(super) fn client_ip(exchange: &Exchange<'_>) -> IpAddr {
    exchange.client.ip().to_canonical()
}
