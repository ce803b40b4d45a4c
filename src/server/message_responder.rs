//! Answers one message at a time, for HTTPS and QUIC.
//!
//! In: messages. Out: replies as shared octets, with what was counted. Never here: envelopes.

use std::net::SocketAddr;

use hyper::body::Bytes;

use super::engine::{Engine, Exchange, Guarded, Tally, Transport, WorkerId};

/// Longest message, octets (RFC 1035, section 4.2.2).
pub(super) const MESSAGE_MAX: usize = 65_535;

/// Longest message behind its length, octets.
pub(super) const FRAME_MAX: usize = 2 + MESSAGE_MAX;

/// An engine and room for a reply of any size, shared by all connections of a thread.
pub(super) struct MessageResponder<E, M> {
    guarded: Guarded<E, M>,
    transport: Transport,
    output: Box<[u8]>,
}

impl<E: Engine, M: Fn(WorkerId) -> E> MessageResponder<E, M> {
    /// Makes a responder that answers for one transport.
    pub(super) fn new(guarded: Guarded<E, M>, transport: Transport) -> Self {
        Self {
            guarded,
            transport,
            output: vec![0; MESSAGE_MAX].into_boxed_slice(),
        }
    }

    /// Answers a message behind `before` octets that the caller fills; `None` is silence.
    pub(super) fn answer(
        &mut self,
        client: SocketAddr,
        message: &[u8],
        before: &dyn Fn(usize) -> Vec<u8>,
    ) -> Option<(Bytes, Tally)> {
        let mut exchange = Exchange::new(self.transport, client, message, &mut self.output);
        self.guarded.respond(std::slice::from_mut(&mut exchange));
        let (len, tally) = (exchange.len.min(MESSAGE_MAX), exchange.tally);
        if len == 0 {
            return None;
        }
        let mut reply = before(len);
        reply.extend_from_slice(&self.output[..len]);
        Some((Bytes::from(reply), tally))
    }

    /// Releases state of earlier messages.
    pub(super) fn idle(&mut self) {
        self.guarded.idle();
    }
}
