//! Handshakes of streams that an event loop of tokio carries, as DNS over HTTPS does.
//!
//! In: accepted streams, TLS settings. Out: encrypted streams. Never here: certificates' files, the content of streams.
//!
//! A handshake has as long as a message has to arrive, and at most [`HANDSHAKES_MAX`] go on at once: beyond them, the
//! longest one of the prefix with most of them ends, so stalled ones keep no other out.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::metrics::{QueryCounters, TcpEvent};

use super::accept::{CloseReason, ConnectionGuard};
use super::limits::TcpLimits;
use super::registry::{Places, Registry, Ticket};

/// Handshakes at once. Chosen; no standard value: half of the connections by default, some 20 MiB.
const HANDSHAKES_MAX: usize = 500;

/// Handshakes at once, by client and prefix: any client may have all places that no other wants.
pub(super) const HANDSHAKE_PLACES: Places = Places {
    total_max: HANDSHAKES_MAX,
    per_client_max: HANDSHAKES_MAX,
    per_prefix_max: HANDSHAKES_MAX,
};

/// Handshakes under way on one thread, and how the next one begins.
pub(super) struct Handshakes {
    acceptor: TlsAcceptor,
    under_way: RefCell<Registry<Rc<Notify>>>,
    limits: TcpLimits,
    counters: Arc<QueryCounters>,
}

impl Handshakes {
    /// Makes a handshakes for one thread.
    pub(super) fn new(
        config: Arc<ServerConfig>,
        limits: TcpLimits,
        counters: Arc<QueryCounters>,
    ) -> Self {
        Self {
            acceptor: TlsAcceptor::from(config),
            under_way: RefCell::new(Registry::new(HANDSHAKE_PLACES)),
            limits,
            counters,
        }
    }

    /// Shakes hands; the client has the time of a message, and loses its turn when too many new connections wait.
    pub(super) async fn shake_hands(
        &self,
        stream: TcpStream,
        guard: &ConnectionGuard,
        mut stop: watch::Receiver<bool>,
    ) -> Result<TlsStream<TcpStream>, CloseReason> {
        let admission = self.under_way.borrow_mut().admit(guard.client().ip());
        if let Some(evicted) = admission.evicted {
            evicted.notify_one();
        }
        let evicted = Rc::new(Notify::new());
        let ticket = admission.ticket;
        self.under_way
            .borrow_mut()
            .attach(ticket, Rc::clone(&evicted));
        // Given back however this ends, also if the connection is dropped meanwhile.
        let _place = Place(&self.under_way, ticket);
        let shaking = timeout(self.limits.message_timeout, self.acceptor.accept(stream));
        let outcome = tokio::select! {
            biased;
            _ = stop.wait_for(|is_asked| *is_asked) => Err(CloseReason::Stopped),
            () = evicted.notified() => Err(CloseReason::TimedOut),
            shaken = shaking => match shaken {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(_)) => Err(CloseReason::Client),
                Err(_) => Err(CloseReason::TimedOut),
            },
        };
        if matches!(outcome, Err(CloseReason::Client | CloseReason::TimedOut)) {
            self.counters.count_tcp(TcpEvent::HandshakeFailed);
        }
        outcome
    }
}

/// A place among handshakes.
struct Place<'a>(&'a RefCell<Registry<Rc<Notify>>>, Ticket);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().release(self.1);
    }
}
