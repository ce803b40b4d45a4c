//! Endpoints of one thread: handshakes, connections, streams, and the end of all.
//!
//! In: endpoints and the thread's post. Out: queries to the engine, counted connections. Never here: what a stream may
//! hold ([`super::query`]).
//!
//! A connection ends when it is quiet for the idle timeout, breaks the protocol, or goes first when a new connection finds all
//! places taken. A stream has as long as a message to arrive and a reply to be taken.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use quinn::{Connection, Endpoint, Incoming, RecvStream, SendStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

use crate::metrics::{QueryTransport, SilentReason, TcpEvent};

use super::super::bind::IDLE_WAKE;
use super::super::engine::{Engine, Transport, WorkerId};
use super::super::limits::TcpLimits;
use super::super::message_responder::MessageResponder;
use super::super::serve::Post;
use super::connections::{Admission, ConnectionGuard, Connections, FORGOTTEN_AFTER, Shaking};
use super::query::{
    DOQ_EXCESSIVE_LOAD, DOQ_INTERNAL_ERROR, DOQ_NO_ERROR, DOQ_PROTOCOL_ERROR,
    DOQ_UNSPECIFIED_ERROR, QueryError, take_query,
};

/// Longest time for streams that have begun to end when the server stops, and for the last packets. Chosen; no standard
/// value.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// Longest wait for a stream that has arrived already when the server stops.
const FINAL_LOOK: Duration = Duration::from_millis(10);

/// State that the connections of a thread share.
struct Shared<E, M> {
    responder: RefCell<MessageResponder<E, M>>,
    connections: Rc<Connections>,
    /// All endpoints of the thread, to count the connections that QUIC holds.
    endpoints: Vec<Endpoint>,
    limits: TcpLimits,
    stop: watch::Receiver<bool>,
}

/// Serves until stop is asked; returns whether what was queued was finished in time.
pub(in crate::server) async fn run<E, M>(endpoints: Vec<Endpoint>, post: Post<E, M>) -> bool
where
    E: Engine + 'static,
    M: Fn(WorkerId) -> E + 'static,
{
    let limits = post.serving.tcp.bounded();
    let mut stop = post.stop.clone();
    let shared = Rc::new(Shared {
        responder: RefCell::new(MessageResponder::new(post.guarded, Transport::Quic)),
        connections: Rc::new(Connections::new(&limits, post.counters)),
        endpoints: endpoints.clone(),
        limits,
        stop: post.stop,
    });
    let serve = async move {
        let mut loops = JoinSet::new();
        for endpoint in endpoints {
            loops.spawn_local(attend(endpoint, Rc::clone(&shared)));
        }
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|is_asked| *is_asked) => break,
                // An endpoint never ends by itself: its socket failed, or a fault of ours. The end of the thread makes it
                // known.
                Some(_) = loops.join_next() => return false,
                () = sleep(IDLE_WAKE) => shared.responder.borrow_mut().idle(),
            }
        }
        let finish = async { while loops.join_next().await.is_some() {} };
        timeout(post.drain_max, finish).await.is_ok()
    };
    LocalSet::new().run_until(serve).await
}

/// Lets new connections of one endpoint in until stop is asked, then waits for those inside.
async fn attend<E, M>(endpoint: Endpoint, shared: Rc<Shared<E, M>>)
where
    E: Engine + 'static,
    M: Fn(WorkerId) -> E + 'static,
{
    let mut tasks = JoinSet::new();
    let mut stop = shared.stop.clone();
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|is_asked| *is_asked) => break,
            Some(end) = tasks.join_next(), if !tasks.is_empty() => shared.note_end(&end),
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => accept_incoming(incoming, &shared, &mut tasks),
                None => break,
            }
        }
    }
    // From now on new connections are refused at once.
    endpoint.set_server_config(None);
    while tasks.join_next().await.is_some() {}
    // The last packets: clients learn that their connections are closed.
    let _ = timeout(DRAIN_MAX, endpoint.wait_idle()).await;
}

fn accept_incoming<E, M>(incoming: Incoming, shared: &Rc<Shared<E, M>>, tasks: &mut JoinSet<()>)
where
    E: Engine + 'static,
    M: Fn(WorkerId) -> E + 'static,
{
    let (address, counters) = (incoming.remote_address().ip(), &shared.connections.counters);
    let held = shared
        .endpoints
        .iter()
        .map(Endpoint::open_connections)
        .sum();
    let is_proven = incoming.remote_address_validated();
    match shared.connections.receive(address, is_proven, held) {
        Admission::Retry if incoming.may_retry() => {
            counters.count_tcp(TcpEvent::Retried);
            // A failure means that the token could not be sent: the client asks again.
            let _ = incoming.retry();
        }
        Admission::Retry | Admission::Refuse => {
            counters.count_tcp(TcpEvent::Refused);
            incoming.refuse();
        }
        Admission::Admit => {
            let (guard, shaking) = shared.connections.admit(address);
            let (guard, shared) = (Rc::new(guard), Rc::clone(shared));
            tasks.spawn_local(async move {
                match shared.shake_hands(incoming, &guard).await {
                    Some(connection) => {
                        drop(shaking);
                        shared.converse(connection, &guard).await;
                    }
                    None => {
                        drop(guard);
                        shared.forget(shaking).await;
                    }
                }
            });
        }
    }
}

impl<E, M> Shared<E, M>
where
    E: Engine + 'static,
    M: Fn(WorkerId) -> E + 'static,
{
    /// Shakes hands; the client has the time of a message, and loses its turn when it is the oldest of too many.
    async fn shake_hands(&self, incoming: Incoming, guard: &ConnectionGuard) -> Option<Connection> {
        let mut stop = self.stop.clone();
        let handshake = async { incoming.accept()?.await };
        let shaken = tokio::select! {
            biased;
            _ = stop.wait_for(|is_asked| *is_asked) => return None,
            () = guard.eviction() => None,
            shaken = timeout(self.limits.message_timeout, handshake) => {
                shaken.ok().and_then(Result::ok)
            }
        };
        if shaken.is_none() {
            self.connections
                .counters
                .count_tcp(TcpEvent::HandshakeFailed);
        }
        shaken
    }

    /// Counts a task that panicked as an engine fault: its queries stay without an answer.
    fn note_end(&self, end: &Result<(), JoinError>) {
        if end.as_ref().is_err_and(JoinError::is_panic) {
            let (via, reason) = (QueryTransport::Quic, SilentReason::EngineFault);
            self.connections.counters.count_silence(via, reason);
        }
    }

    /// Counts a failed handshake until QUIC has forgotten its connection.
    async fn forget(&self, _shaking: Shaking) {
        let mut stop = self.stop.clone();
        tokio::select! {
            _ = stop.wait_for(|is_asked| *is_asked) => {}
            () = sleep(FORGOTTEN_AFTER) => {}
        }
    }

    /// Answers streams until either side ends the connection.
    async fn converse(self: &Rc<Self>, connection: Connection, guard: &Rc<ConnectionGuard>) {
        let mut streams = JoinSet::new();
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|is_asked| *is_asked) => break,
                () = guard.eviction() => {
                    connection.close(DOQ_EXCESSIVE_LOAD, b"");
                    return;
                }
                Some(end) = streams.join_next(), if !streams.is_empty() => self.note_end(&end),
                accepted = connection.accept_bi() => match accepted {
                    // The transport settings bound how many there are at once.
                    Ok(stream) => self.begin(&mut streams, &connection, guard, stream),
                    Err(quinn::ConnectionError::TimedOut) => {
                        self.connections.counters.count_tcp(TcpEvent::TimedOut);
                        return;
                    }
                    Err(_) => return,
                }
            }
        }
        while let Ok(Ok(stream)) = timeout(FINAL_LOOK, connection.accept_bi()).await {
            self.begin(&mut streams, &connection, guard, stream);
        }
        let finish = async { while streams.join_next().await.is_some() {} };
        let _ = timeout(DRAIN_MAX, finish).await;
        connection.close(DOQ_NO_ERROR, b"");
    }

    fn begin(
        self: &Rc<Self>,
        streams: &mut JoinSet<()>,
        connection: &Connection,
        guard: &Rc<ConnectionGuard>,
        (send, receive): (SendStream, RecvStream),
    ) {
        let (shared, connection, guard) = (Rc::clone(self), connection.clone(), Rc::clone(guard));
        streams.spawn_local(async move {
            let is_taken = shared.answer(&connection, send, receive).await;
            if is_taken {
                guard.touch();
            }
        });
    }

    /// Answers one stream; returns whether the client took the reply.
    async fn answer(
        &self,
        connection: &Connection,
        mut send: SendStream,
        mut receive: RecvStream,
    ) -> bool {
        // Streams that are at an end already are no fault below.
        let message = match take_query(&mut receive, self.limits.message_timeout).await {
            Ok(message) => message,
            Err(QueryError::Protocol) => {
                self.connections.counters.count_tcp(TcpEvent::Misused);
                connection.close(DOQ_PROTOCOL_ERROR, b"");
                return false;
            }
            Err(QueryError::Late) => {
                let _ = receive.stop(DOQ_UNSPECIFIED_ERROR);
                let _ = send.reset(DOQ_UNSPECIFIED_ERROR);
                return false;
            }
            Err(QueryError::Gone) => return false,
        };
        let client: SocketAddr = connection.remote_address();
        let reply = self.responder.borrow_mut().answer(client, &message, &frame);
        let Some((reply, _)) = reply else {
            let _ = send.reset(DOQ_INTERNAL_ERROR);
            return false;
        };
        let deliver = async {
            send.write_chunk(reply).await.ok()?;
            send.finish().ok()?;
            // Comes back when the client has all of it.
            send.stopped().await.ok()
        };
        match timeout(self.limits.write_timeout, deliver).await {
            Ok(delivered) => delivered.is_some(),
            Err(_) => {
                let _ = send.reset(DOQ_UNSPECIFIED_ERROR);
                false
            }
        }
    }
}

/// The length before a reply.
fn frame(len: usize) -> Vec<u8> {
    let mut framed = Vec::with_capacity(2 + len);
    let length = u16::try_from(len).expect("at most 65,535 octets");
    framed.extend_from_slice(&length.to_be_bytes());
    framed
}
