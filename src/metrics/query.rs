//! Query counters: one block a worker, written by that worker alone, summed on request.
//!
//! In: one call a query (transport, type, rcode, source) and one a batch or connection event. Out: [`QueryTotals`],
//! plain numbers with label names. Never here: shared cache lines written by two threads, locks, output formats.
//!
//! A counter is an atomic only so that another thread may read it: its one writer loads and stores without a
//! read-modify-write, which costs about a nanosecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use samples::{QuerySample, QuerySamples, SAMPLE_STRIDE, SAMPLES_MAX, Stride};

/// Transport of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryTransport {
    /// A datagram.
    #[default]
    Udp,
    /// A stream with two-byte lengths (RFC 7766).
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS (RFC 8484).
    Https,
    /// DNS over QUIC (RFC 9250).
    Quic,
}

/// Kind of data that an answer was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerSource {
    /// Records that do not depend on health or place.
    Static,
    /// Records that a routing policy chose.
    Dynamic,
    /// NXDOMAIN or NODATA.
    Negative,
    /// A delegation.
    Referral,
    /// A name outside our zones, or a client that may not ask.
    Refused,
    /// FORMERR, SERVFAIL, NOTIMP and their like.
    Error,
    /// No message was sent.
    Silent,
}

/// Reason why a query got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilentReason {
    /// Source port 0, which cannot receive an answer.
    SourcePortZero,
    /// The datagram was longer than any query needs to be.
    TooLong,
    /// A trusted proxy sent no valid header with the client's address.
    ProxyHeader,
    /// The engine chose silence: a response, or less than a header.
    Engine,
    /// The engine failed on this query; a fault of ours.
    EngineFault,
    /// The client's prefix was over its rate.
    RateLimit,
}

/// Result of checking the cookie of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieEvent {
    /// A client cookie alone.
    ClientOnly,
    /// A server cookie that is not ours, too old, or another address's.
    Bad,
    /// A valid server cookie.
    Valid,
}

/// Event on a UDP socket that is not a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdpEvent {
    /// A receive call failed.
    ReceiveError,
    /// An answer could not be sent.
    SendError,
}

/// Event of a connection, of any transport but UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpEvent {
    /// A connection was accepted.
    Opened,
    /// A connection ended, for whatever reason.
    Closed,
    /// A connection was refused: a proxy sent no valid header, or QUIC is closing too many already.
    Refused,
    /// A connection was closed in favour of a newcomer: of the prefix with most, the longest idle.
    Evicted,
    /// A connection was closed because it was idle, sent too slowly or did not read.
    TimedOut,
    /// An accept call failed.
    AcceptError,
    /// A TLS handshake did not succeed.
    HandshakeFailed,
    /// A newcomer of QUIC was asked to prove its address first.
    Retried,
    /// A connection was closed because its client broke the protocol, or overused it: a flood of resets.
    Misused,
}

const TRANSPORTS: [&str; 5] = ["udp", "tcp", "tls", "https", "quic"];
const TYPES: [&str; 12] = [
    "A", "AAAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT", "HTTPS", "PTR", "ANY", "other",
];
const RCODES: [&str; 7] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "other",
];
const SOURCES: [&str; 7] = [
    "static", "dynamic", "negative", "referral", "refused", "error", "silent",
];
const REASONS: [&str; 6] = [
    "source-port-zero",
    "too-long",
    "proxy-header",
    "engine",
    "engine-fault",
    "rate-limit",
];
const COOKIES: [&str; 3] = ["client-only", "bad", "valid"];

const EVENTS: [&str; 9] = [
    "opened",
    "closed",
    "refused",
    "evicted",
    "timed-out",
    "accept-error",
    "handshake-failed",
    "retried",
    "misused",
];

/// The largest batch of each bucket; sizes above the last count into the last.
pub const BATCH_BUCKETS: [u64; 6] = [1, 3, 7, 15, 31, 32];

type Cells<const N: usize> = [AtomicU64; N];

/// The counters of one worker. Only that worker may write; anyone may read.
#[derive(Debug, Default)]
#[repr(align(128))] // Two cache lines: the adjacent-line prefetcher fetches pairs.
pub struct QueryCounters {
    queries: [[Cells<7>; 12]; 5],
    sources: [Cells<7>; 5],
    silent: [Cells<6>; 5],
    truncated: AtomicU64,
    slipped: AtomicU64,
    cookies: Cells<3>,
    batches: Cells<6>,
    udp_events: Cells<2>,
    tcp_events: Cells<9>,
    samples: QuerySamples,
    /// The transport whose connections are counted.
    via: QueryTransport,
}

impl QueryCounters {
    /// Makes the counters of a worker of one transport.
    pub fn of(via: QueryTransport) -> Self {
        Self {
            via,
            ..Self::default()
        }
    }

    /// Returns the samples of queries.
    pub fn samples(&self) -> &QuerySamples {
        &self.samples
    }

    /// Counts an answered query; `rtype` and `rcode` are the numbers on the wire.
    pub fn count_answer(
        &self,
        transport: QueryTransport,
        rtype: u16,
        rcode: u16,
        source: AnswerSource,
    ) {
        let via = transport as usize;
        add(&self.queries[via][type_class(rtype)][rcode_class(rcode)], 1);
        add(&self.sources[via][source as usize], 1);
    }

    /// Counts a query that was given no answer.
    pub fn count_silence(&self, transport: QueryTransport, reason: SilentReason) {
        let via = transport as usize;
        add(&self.sources[via][AnswerSource::Silent as usize], 1);
        add(&self.silent[via][reason as usize], 1);
    }

    /// Counts an answer that was sent with the TC bit.
    pub fn count_truncated(&self) {
        add(&self.truncated, 1);
    }

    /// Counts an answer that was sent empty with the TC bit because its client was over its rate.
    pub fn count_slipped(&self) {
        add(&self.slipped, 1);
    }

    /// Counts a query with a cookie.
    pub fn count_cookie(&self, event: CookieEvent) {
        add(&self.cookies[event as usize], 1);
    }

    /// Counts a batch of `size` datagrams received in one call.
    pub fn count_batch(&self, size: usize) {
        let bucket = BATCH_BUCKETS
            .iter()
            .position(|largest| size as u64 <= *largest)
            .unwrap_or(BATCH_BUCKETS.len() - 1);
        add(&self.batches[bucket], 1);
    }

    /// Counts `times` events on UDP sockets.
    pub fn count_udp(&self, event: UdpEvent, times: u64) {
        add(&self.udp_events[event as usize], times);
    }

    /// Counts an event on connections of the worker's transport.
    pub fn count_tcp(&self, event: TcpEvent) {
        add(&self.tcp_events[event as usize], 1);
    }
}

/// Adds without a locked instruction: exact because each block has one writer.
fn add(cell: &AtomicU64, times: u64) {
    cell.store(
        cell.load(Ordering::Relaxed).wrapping_add(times),
        Ordering::Relaxed,
    );
}

fn type_class(rtype: u16) -> usize {
    match rtype {
        1 => 0,
        28 => 1,
        5 => 2,
        15 => 3,
        2 => 4,
        6 => 5,
        33 => 6,
        16 => 7,
        65 => 8,
        12 => 9,
        255 => 10,
        _ => 11,
    }
}

fn rcode_class(rcode: u16) -> usize {
    usize::from(rcode).min(RCODES.len() - 1)
}

/// Number of queries of one kind that were answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryCount {
    /// `udp`, `tcp`, `tls`, `https` or `quic`.
    pub transport: &'static str,
    /// The type's mnemonic, or `other`.
    pub rtype: &'static str,
    /// The rcode's mnemonic, or `other`.
    pub rcode: &'static str,
    /// Answers since start.
    pub count: u64,
}

/// The sums of several blocks, as plain numbers since start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryTotals {
    queries: [[[u64; 7]; 12]; 5],
    sources: [[u64; 7]; 5],
    silent: [[u64; 6]; 5],
    truncated: u64,
    slipped: u64,
    cookies: [u64; 3],
    batches: [u64; 6],
    udp_events: [u64; 2],
    tcp_events: [[u64; 9]; 5],
}

impl QueryTotals {
    /// Sums the counters of all workers.
    pub fn sum(blocks: &[Arc<QueryCounters>]) -> Self {
        let mut totals = Self::default();
        for block in blocks {
            for via in 0..TRANSPORTS.len() {
                for (into, from) in totals.queries[via].iter_mut().zip(&block.queries[via]) {
                    gather(into, from);
                }
                gather(&mut totals.sources[via], &block.sources[via]);
                gather(&mut totals.silent[via], &block.silent[via]);
            }
            totals.truncated += block.truncated.load(Ordering::Relaxed);
            totals.slipped += block.slipped.load(Ordering::Relaxed);
            gather(&mut totals.cookies, &block.cookies);
            gather(&mut totals.batches, &block.batches);
            gather(&mut totals.udp_events, &block.udp_events);
            gather(
                &mut totals.tcp_events[block.via as usize],
                &block.tcp_events,
            );
        }
        totals
    }

    /// Lists answered queries by transport, type class and rcode, zeros left out.
    pub fn queries(&self) -> impl Iterator<Item = QueryCount> + '_ {
        let kinds = TRANSPORTS.iter().zip(&self.queries);
        kinds.flat_map(|(transport, by_type)| {
            TYPES
                .iter()
                .zip(by_type)
                .flat_map(move |(rtype, by_rcode)| {
                    let counts = RCODES.iter().zip(by_rcode).filter(|(_, count)| **count > 0);
                    counts.map(move |(rcode, count)| QueryCount {
                        transport,
                        rtype,
                        rcode,
                        count: *count,
                    })
                })
        })
    }

    /// Lists (transport, answer source, count), silence included, zeros kept.
    pub fn sources(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        labelled(&SOURCES, &self.sources)
    }

    /// Lists (transport, reason, count) of queries without an answer, zeros kept.
    pub fn silent(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        labelled(&REASONS, &self.silent)
    }

    /// Returns the number of answers sent, over all transports.
    pub fn answered(&self) -> u64 {
        self.queries.iter().flatten().flatten().sum()
    }

    /// Returns the number of answers with the TC bit.
    pub fn truncated(&self) -> u64 {
        self.truncated
    }

    /// Returns the number of answers sent empty because their client was over its rate.
    pub fn slipped(&self) -> u64 {
        self.slipped
    }

    /// Lists (result, count) of queries with a cookie, zeros kept.
    pub fn cookies(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        COOKIES.into_iter().zip(self.cookies)
    }

    /// Lists (largest size, batches) of receive calls; buckets are not cumulative.
    pub fn batches(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        BATCH_BUCKETS.into_iter().zip(self.batches)
    }

    /// Returns the count of one kind of UDP event.
    pub fn udp(&self, event: UdpEvent) -> u64 {
        self.udp_events[event as usize]
    }

    /// Returns the count of one kind of connection event, over all transports.
    pub fn tcp(&self, event: TcpEvent) -> u64 {
        self.tcp_events.iter().map(|row| row[event as usize]).sum()
    }

    /// Returns the number of open connections, over all transports.
    pub fn tcp_current(&self) -> u64 {
        self.open_connections().map(|(_, count)| count).sum()
    }

    /// Lists (transport, event, count) of connections, zeros kept.
    pub fn connections(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        let without_udp = |row: &(&'static str, &'static str, u64)| row.0 != TRANSPORTS[0];
        labelled(&EVENTS, &self.tcp_events).filter(without_udp)
    }

    /// Lists (transport, connections that are open now).
    pub fn open_connections(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        // The two are read one after the other, so a connection that ends between may be missing from the first.
        let open = |row: &[u64; 9]| {
            row[TcpEvent::Opened as usize].saturating_sub(row[TcpEvent::Closed as usize])
        };
        let rows = TRANSPORTS.iter().zip(&self.tcp_events);
        rows.map(move |(transport, row)| (*transport, open(row)))
    }
}

fn gather<const N: usize>(into: &mut [u64; N], from: &Cells<N>) {
    for (sum, cell) in into.iter_mut().zip(from) {
        *sum += cell.load(Ordering::Relaxed);
    }
}

fn labelled<const N: usize>(
    labels: &'static [&'static str; N],
    counts: &[[u64; N]; 5],
) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    let by_transport = TRANSPORTS.iter().zip(counts);
    by_transport.flat_map(move |(transport, row)| {
        let named = labels.iter().zip(row);
        named.map(move |(label, count)| (*transport, *label, *count))
    })
}

mod samples;

#[cfg(test)]
mod tests;
