//! The seam between transports and the engine, and the guard around it.
//!
//! In: exchanges, each a query and room for its reply. Out: the same exchanges with lengths filled in, counted. Never
//! here: sockets, or a look into the message.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::answer::Limited;
pub use crate::answer::{Exchange, Source, Tally, Transport};
use crate::metrics::{
    AnswerSource, CookieEvent, QueryCounters, QueryTransport, SilentReason, Stride,
};
use crate::wire::CookieStanding;

/// Turns queries into replies; one value belongs to one worker, so it may keep buffers and caches.
pub trait Engine {
    /// Answers 1 to 32 exchanges.
    fn respond(&mut self, batch: &mut [Exchange<'_>]);

    /// Releases state of earlier batches (a retired world); called after each second without a query, at least.
    fn idle(&mut self);
}

/// Worker that an engine is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerId {
    /// Transport of the worker.
    pub transport: Transport,
    /// Index among the workers of this transport, from 0.
    pub index: usize,
}

/// A worker's engine with its counters; it outlives a fault of the engine.
pub(super) struct Guarded<E, M> {
    engine: E,
    make: Arc<M>,
    worker_id: WorkerId,
    counters: Arc<QueryCounters>,
    stride: Stride,
}

impl<E: Engine, M: Fn(WorkerId) -> E> Guarded<E, M> {
    pub(super) fn new(make: Arc<M>, worker_id: WorkerId, counters: Arc<QueryCounters>) -> Self {
        Self {
            engine: make(worker_id),
            make,
            stride: Stride::new(worker_id.index as u64 + 1),
            worker_id,
            counters,
        }
    }

    /// Returns the transport that it serves.
    pub(super) fn transport(&self) -> Transport {
        self.worker_id.transport
    }

    pub(super) fn counters(&self) -> &QueryCounters {
        &self.counters
    }

    /// Answers and counts a batch. If the engine panics, each query is tried alone, so that only the poisonous one
    /// stays without an answer.
    pub(super) fn respond(&mut self, batch: &mut [Exchange<'_>]) {
        if self.try_respond(batch) {
            for exchange in &*batch {
                self.count(exchange);
            }
            if let Some(at) = self.stride.pass(batch.len()) {
                self.sample(&batch[at]);
            }
            return;
        }
        for single in batch.chunks_mut(1) {
            single[0].silence();
            if self.try_respond(single) {
                self.count(&single[0]);
            } else {
                single[0].silence();
                let via = count_transport(single[0].transport);
                self.counters.count_silence(via, SilentReason::EngineFault);
            }
        }
    }

    /// Keeps a sample of the queries that were answered from our zones.
    #[cold]
    fn sample(&self, exchange: &Exchange<'_>) {
        let is_ours = matches!(
            exchange.tally.source,
            Source::Static | Source::Dynamic | Source::Negative | Source::Referral
        );
        if exchange.len > 0 && is_ours {
            let client = exchange.client.ip().to_canonical();
            self.counters.samples().keep(client, exchange.input);
        }
    }

    pub(super) fn idle(&mut self) {
        let engine = &mut self.engine;
        if catch_unwind(AssertUnwindSafe(|| engine.idle())).is_err() {
            self.engine = (self.make)(self.worker_id);
        }
    }

    /// Returns false if the engine panicked; it is made anew then, since its buffers may be half written.
    fn try_respond(&mut self, batch: &mut [Exchange<'_>]) -> bool {
        let engine = &mut self.engine;
        let is_fine = catch_unwind(AssertUnwindSafe(|| engine.respond(batch))).is_ok();
        if !is_fine {
            self.engine = (self.make)(self.worker_id);
        }
        is_fine
    }

    fn count(&self, exchange: &Exchange<'_>) {
        let via = count_transport(exchange.transport);
        let tally = &exchange.tally;
        match tally.cookie {
            CookieStanding::Absent => {}
            CookieStanding::ClientOnly => self.counters.count_cookie(CookieEvent::ClientOnly),
            CookieStanding::Bad => self.counters.count_cookie(CookieEvent::Bad),
            CookieStanding::Valid => self.counters.count_cookie(CookieEvent::Valid),
        }
        if exchange.len == 0 {
            let reason = match tally.limited {
                Limited::Dropped => SilentReason::RateLimit,
                Limited::No | Limited::Slipped => SilentReason::Engine,
            };
            self.counters.count_silence(via, reason);
            return;
        }
        let source = match tally.source {
            Source::Static => AnswerSource::Static,
            Source::Dynamic => AnswerSource::Dynamic,
            Source::Negative => AnswerSource::Negative,
            Source::Referral => AnswerSource::Referral,
            Source::Refused => AnswerSource::Refused,
            Source::Error | Source::Silent => AnswerSource::Error,
        };
        self.counters
            .count_answer(via, tally.rtype.0, tally.rcode.0, source);
        if tally.is_truncated {
            self.counters.count_truncated();
        }
        if tally.limited == Limited::Slipped {
            self.counters.count_slipped();
        }
    }
}

/// Returns the name by which a transport is counted.
pub(super) fn count_transport(transport: Transport) -> QueryTransport {
    match transport {
        Transport::Udp => QueryTransport::Udp,
        Transport::Tcp => QueryTransport::Tcp,
        Transport::Tls => QueryTransport::Tls,
        Transport::Https => QueryTransport::Https,
        Transport::Quic => QueryTransport::Quic,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::SocketAddr;

    use crate::wire::Rtype;

    use super::*;
    use crate::metrics::QueryTotals;

    /// Flips QR of every message with a header; panics on the text "poison", is silent on "silence".
    pub(in crate::server) struct Echo;

    impl Engine for Echo {
        fn respond(&mut self, batch: &mut [Exchange<'_>]) {
            for exchange in batch {
                assert!(!exchange.input.ends_with(b"poison"), "a poisonous query");
                if exchange.input.len() < 12 || exchange.input.ends_with(b"silence") {
                    continue;
                }
                let len = exchange.input.len().min(exchange.out.len());
                exchange.out[..len].copy_from_slice(&exchange.input[..len]);
                exchange.out[2] |= 0x80;
                exchange.len = len;
                exchange.tally.rtype = Rtype::A;
                exchange.tally.source = Source::Static;
            }
        }

        fn idle(&mut self) {}
    }

    /// A message that [`Echo`] answers with [`reply`] of the same text.
    pub(in crate::server) fn query(text: &str) -> Vec<u8> {
        let mut message = vec![0u8; 12];
        message.extend_from_slice(text.as_bytes());
        message
    }

    pub(in crate::server) fn reply(text: &str) -> Vec<u8> {
        let mut message = query(text);
        message[2] = 0x80;
        message
    }

    #[test]
    fn keeps_answering_the_others_when_one_query_breaks_the_engine() {
        let counters = Arc::new(QueryCounters::default());
        let worker_id = WorkerId {
            transport: Transport::Udp,
            index: 0,
        };
        let mut guarded = Guarded::new(Arc::new(|_| Echo), worker_id, Arc::clone(&counters));
        let client = SocketAddr::from(([127, 0, 0, 1], 9));
        let inputs = [
            query("one"),
            query("poison"),
            query("two"),
            query("silence"),
        ];
        let mut outs = vec![[0u8; 64]; inputs.len()];
        let mut batch: Vec<_> = inputs
            .iter()
            .zip(&mut outs)
            .map(|(input, out)| Exchange::new(Transport::Udp, client, input, out))
            .collect();
        guarded.respond(&mut batch);
        let lens: Vec<_> = batch.iter().map(|exchange| exchange.len).collect();
        assert_eq!(lens, [15, 0, 15, 0]);
        let totals = QueryTotals::sum(&[counters]);
        assert_eq!(totals.answered(), 2);
        assert!(totals.silent().any(|s| s == ("udp", "engine-fault", 1)));
        assert!(totals.silent().any(|s| s == ("udp", "engine", 1)));
    }
}
