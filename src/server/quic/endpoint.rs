//! Endpoints of one thread: handshakes, connections, streams, and the end of all.
//!
//! In: endpoints and the thread's post. Out: queries to the engine, counted connections. Never here: what a stream may
//! hold ([`super::query`]).
//!
//! A connection ends when it is quiet for the idle timeout, breaks the protocol, or goes first when a newcomer finds the
//! house full. A stream has as long as a message to arrive and a reply to be taken.

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
use super::super::clerk::Clerk;
use super::super::engine::{Engine, Seat, Transport};
use super::super::limits::TcpLimits;
use super::super::serve::Post;
use super::guests::{FORGOTTEN_AFTER, Guest, Guests, Reception, Shaking};
use super::query::{
    Breach, DOQ_EXCESSIVE_LOAD, DOQ_INTERNAL_ERROR, DOQ_NO_ERROR, DOQ_PROTOCOL_ERROR,
    DOQ_UNSPECIFIED_ERROR, take_query,
};

/// How long streams that have begun may take to end when the server stops. Chosen; no standard value.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// How long we look for streams that have arrived already when the server stops.
const FINAL_LOOK: Duration = Duration::from_millis(10);

/// What the connections of a thread share.
struct Hall<E, M> {
    clerk: RefCell<Clerk<E, M>>,
    guests: Rc<Guests>,
    /// All of the thread, to ask what QUIC holds.
    endpoints: Vec<Endpoint>,
    limits: TcpLimits,
    stop: watch::Receiver<bool>,
}

/// Serves until stop is asked; returns whether what was queued was finished in time.
pub(in crate::server) async fn run<E, M>(endpoints: Vec<Endpoint>, post: Post<E, M>) -> bool
where
    E: Engine + 'static,
    M: Fn(Seat) -> E + 'static,
{
    let limits = post.serving.tcp.bounded();
    let mut stop = post.stop.clone();
    let hall = Rc::new(Hall {
        clerk: RefCell::new(Clerk::new(post.guarded, Transport::Quic)),
        guests: Rc::new(Guests::new(&limits, post.counters)),
        endpoints: endpoints.clone(),
        limits,
        stop: post.stop,
    });
    let serve = async move {
        let mut loops = JoinSet::new();
        for endpoint in endpoints {
            loops.spawn_local(attend(endpoint, Rc::clone(&hall)));
        }
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|is_asked| *is_asked) => break,
                // An endpoint never ends by itself: its socket failed, or a fault of ours. The end of the thread makes it
                // known.
                Some(_) = loops.join_next() => return false,
                () = sleep(IDLE_WAKE) => hall.clerk.borrow_mut().idle(),
            }
        }
        let finish = async { while loops.join_next().await.is_some() {} };
        timeout(post.drain_max, finish).await.is_ok()
    };
    LocalSet::new().run_until(serve).await
}

/// Lets newcomers of one endpoint in until stop is asked, then waits for those inside.
async fn attend<E, M>(endpoint: Endpoint, hall: Rc<Hall<E, M>>)
where
    E: Engine + 'static,
    M: Fn(Seat) -> E + 'static,
{
    let mut tasks = JoinSet::new();
    let mut stop = hall.stop.clone();
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|is_asked| *is_asked) => break,
            Some(end) = tasks.join_next(), if !tasks.is_empty() => hall.note_end(&end),
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => welcome(incoming, &hall, &mut tasks),
                None => break,
            }
        }
    }
    // From now on newcomers are refused at once.
    endpoint.set_server_config(None);
    while tasks.join_next().await.is_some() {}
    // The last packets: clients learn that their connections are closed.
    let _ = timeout(FAREWELL_MAX, endpoint.wait_idle()).await;
}

fn welcome<E, M>(incoming: Incoming, hall: &Rc<Hall<E, M>>, tasks: &mut JoinSet<()>)
where
    E: Engine + 'static,
    M: Fn(Seat) -> E + 'static,
{
    let (address, counters) = (incoming.remote_address().ip(), &hall.guests.counters);
    let held = hall.endpoints.iter().map(Endpoint::open_connections).sum();
    let is_proven = incoming.remote_address_validated();
    match hall.guests.receive(address, is_proven, held) {
        Reception::Prove if incoming.may_retry() => {
            counters.count_tcp(TcpEvent::Retried);
            // A failure means that the token could not be sent: the client asks again.
            let _ = incoming.retry();
        }
        Reception::Prove | Reception::Refuse => {
            counters.count_tcp(TcpEvent::Refused);
            incoming.refuse();
        }
        Reception::LetIn => {
            let (guest, shaking) = hall.guests.admit(address);
            let (guest, hall) = (Rc::new(guest), Rc::clone(hall));
            tasks.spawn_local(async move {
                match hall.greet(incoming, &guest).await {
                    Some(connection) => {
                        drop(shaking);
                        hall.converse(connection, &guest).await;
                    }
                    None => {
                        drop(guest);
                        hall.forget(shaking).await;
                    }
                }
            });
        }
    }
}

impl<E, M> Hall<E, M>
where
    E: Engine + 'static,
    M: Fn(Seat) -> E + 'static,
{
    /// Shakes hands; the client has the time of a message, and loses its turn when it is the oldest of too many.
    async fn greet(&self, incoming: Incoming, guest: &Guest) -> Option<Connection> {
        let mut stop = self.stop.clone();
        let handshake = async { incoming.accept()?.await };
        let shaken = tokio::select! {
            biased;
            _ = stop.wait_for(|is_asked| *is_asked) => return None,
            () = guest.asked_to_leave() => None,
            shaken = timeout(self.limits.message_timeout, handshake) => {
                shaken.ok().and_then(Result::ok)
            }
        };
        if shaken.is_none() {
            self.guests.counters.count_tcp(TcpEvent::HandshakeFailed);
        }
        shaken
    }

    /// Takes note of a task that ended: one that panicked is a fault of ours, and answers no more.
    fn note_end(&self, end: &Result<(), JoinError>) {
        if end.as_ref().is_err_and(JoinError::is_panic) {
            let (via, reason) = (QueryTransport::Quic, SilentReason::EngineFault);
            self.guests.counters.count_silence(via, reason);
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

    /// Answers streams until either side has had enough.
    async fn converse(self: &Rc<Self>, connection: Connection, guest: &Rc<Guest>) {
        let mut streams = JoinSet::new();
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|is_asked| *is_asked) => break,
                () = guest.asked_to_leave() => {
                    connection.close(DOQ_EXCESSIVE_LOAD, b"");
                    return;
                }
                Some(end) = streams.join_next(), if !streams.is_empty() => self.note_end(&end),
                accepted = connection.accept_bi() => match accepted {
                    // The transport settings bound how many there are at once.
                    Ok(stream) => self.begin(&mut streams, &connection, guest, stream),
                    Err(quinn::ConnectionError::TimedOut) => {
                        self.guests.counters.count_tcp(TcpEvent::TimedOut);
                        return;
                    }
                    Err(_) => return,
                }
            }
        }
        while let Ok(Ok(stream)) = timeout(FINAL_LOOK, connection.accept_bi()).await {
            self.begin(&mut streams, &connection, guest, stream);
        }
        let finish = async { while streams.join_next().await.is_some() {} };
        let _ = timeout(FAREWELL_MAX, finish).await;
        connection.close(DOQ_NO_ERROR, b"");
    }

    fn begin(
        self: &Rc<Self>,
        streams: &mut JoinSet<()>,
        connection: &Connection,
        guest: &Rc<Guest>,
        (send, receive): (SendStream, RecvStream),
    ) {
        let (hall, connection, guest) = (Rc::clone(self), connection.clone(), Rc::clone(guest));
        streams.spawn_local(async move {
            let is_taken = hall.answer(&connection, send, receive).await;
            if is_taken {
                guest.touch();
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
            Err(Breach::Protocol) => {
                self.guests.counters.count_tcp(TcpEvent::Misused);
                connection.close(DOQ_PROTOCOL_ERROR, b"");
                return false;
            }
            Err(Breach::Late) => {
                let _ = receive.stop(DOQ_UNSPECIFIED_ERROR);
                let _ = send.reset(DOQ_UNSPECIFIED_ERROR);
                return false;
            }
            Err(Breach::Gone) => return false,
        };
        let client: SocketAddr = connection.remote_address();
        let reply = self.clerk.borrow_mut().answer(client, &message, &frame);
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
