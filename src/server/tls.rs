//! DNS over TLS (RFC 7858): a handshake, then the conversation of TCP.
//!
//! In: listeners, certificates, the thread's post. Out: conversations ([`super::stream`]) over encrypted streams.
//! Never here: certificates' files, or what is said in conversations.
//!
//! A handshake has as long as a message has to arrive, and at most [`HANDSHAKES_MAX`] go on at once: the one that
//! has lasted longest makes room for a newcomer, so stalled ones keep nobody out.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::metrics::{QueryCounters, TcpEvent};

use super::accept::{Conversation, Farewell, Visit, attend};
use super::engine::{Engine, Seat};
use super::limits::TcpLimits;
use super::registry::Registry;
use super::serve::Post;
use super::stream::{Connection, Desk};

/// Handshakes at once. Chosen; no standard value: half of the connections by default, some 20 MiB.
const HANDSHAKES_MAX: usize = 500;

/// Handshakes under way on one thread, and how the next one begins.
pub(super) struct Greeter {
    acceptor: TlsAcceptor,
    under_way: RefCell<Registry<Rc<Notify>>>,
    limits: TcpLimits,
    counters: Arc<QueryCounters>,
}

impl Greeter {
    /// Makes a greeter for one thread.
    pub(super) fn new(
        config: Arc<ServerConfig>,
        limits: TcpLimits,
        counters: Arc<QueryCounters>,
    ) -> Self {
        Self {
            acceptor: TlsAcceptor::from(config),
            under_way: RefCell::new(Registry::new(HANDSHAKES_MAX, HANDSHAKES_MAX)),
            limits,
            counters,
        }
    }

    /// Shakes hands; the client has the time of a message, and loses its turn when too many newcomers wait.
    pub(super) async fn greet(
        &self,
        stream: TcpStream,
        visit: &Visit,
        mut stop: watch::Receiver<bool>,
    ) -> Result<TlsStream<TcpStream>, Farewell> {
        let admission = self.under_way.borrow_mut().admit(visit.client().ip());
        if let Some(evicted) = admission.evicted {
            evicted.notify_one();
        }
        let evicted = Rc::new(Notify::new());
        let ticket = admission.ticket;
        self.under_way
            .borrow_mut()
            .attach(ticket, Rc::clone(&evicted));
        let shaking = timeout(self.limits.message_timeout, self.acceptor.accept(stream));
        let outcome = tokio::select! {
            biased;
            _ = stop.wait_for(|is_asked| *is_asked) => Err(Farewell::Stopped),
            () = evicted.notified() => Err(Farewell::TimedOut),
            shaken = shaking => match shaken {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(_)) => Err(Farewell::Client),
                Err(_) => Err(Farewell::TimedOut),
            },
        };
        self.under_way.borrow_mut().release(ticket);
        if matches!(outcome, Err(Farewell::Client | Farewell::TimedOut)) {
            self.counters.count_tcp(TcpEvent::HandshakeFailed);
        }
        outcome
    }
}

/// DNS behind a handshake.
struct Sealed<E, M> {
    desk: RefCell<Desk<E, M>>,
    limits: TcpLimits,
    greeter: Greeter,
}

impl<E, M> Conversation for Sealed<E, M>
where
    E: Engine + 'static,
    M: Fn(Seat) -> E + 'static,
{
    async fn converse(
        &self,
        stream: TcpStream,
        visit: Rc<Visit>,
        stop: watch::Receiver<bool>,
    ) -> Farewell {
        match self.greeter.greet(stream, &visit, stop.clone()).await {
            Ok(stream) => {
                let connection = Connection::new(stream, visit.client());
                connection
                    .converse(&self.desk, &self.limits, stop, || visit.touch())
                    .await
            }
            Err(farewell) => farewell,
        }
    }

    fn idle(&self) {
        self.desk.borrow_mut().idle();
    }
}

/// Serves until stop is asked; returns whether what was queued was finished in time.
pub(super) async fn run<E, M>(
    listeners: Vec<TcpListener>,
    config: Arc<ServerConfig>,
    post: Post<E, M>,
) -> bool
where
    E: Engine + 'static,
    M: Fn(Seat) -> E + 'static,
{
    let house = post.house();
    let limits = house.limits.bounded();
    let sealed = Sealed {
        greeter: Greeter::new(config, limits, Arc::clone(&house.counters)),
        desk: RefCell::new(Desk::new(post.guarded)),
        limits,
    };
    attend(listeners, sealed, house).await
}
