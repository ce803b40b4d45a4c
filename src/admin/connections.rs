//! Connections to the API: deadlines of each phase, and the end of evicted connections.
//!
//! In: connections. Out: connections with deadlines, one request each. Never here: requests (see [`super::guard`]), the
//! choice of the connection to evict (see [`super::places`]).
//!
//! | Phase | Longest duration |
//! |---|---|
//! | until the request's head is whole | 2 s |
//! | until its answer is ready | as long as the answer may take; the client is not waited for |
//! | until the answer is read | 30 s, and 5 s without an octet |

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

use crate::clock::Clock;

use super::exposition::Exposition;
use super::places::{Number, Places, Room};

/// Time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Longest time until the head of a request is whole.
    head_max: Duration,
    /// Longest time until an answer is read.
    answer_max: Duration,
    /// Longest time without an octet taken of it.
    stall_max: Duration,
}

impl Limits {
    /// Limits in use. Chosen: a slow link needs a tenth of two seconds for a request, and gets 40 MB of status in
    /// thirty.
    pub(super) const USUAL: Self = Self {
        head_max: Duration::from_secs(2),
        answer_max: Duration::from_secs(30),
        stall_max: Duration::from_secs(5),
    };
}

/// Open connections, with the signals that evict them.
pub(super) struct Connections {
    limits: Limits,
    clock: Clock,
    exposition: Arc<Exposition>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    places: Places,
    states: HashMap<Number, Arc<ConnectionState>>,
}

/// State that a connection and its request share.
#[derive(Debug, Default)]
struct ConnectionState {
    is_evicted: AtomicBool,
    is_served: AtomicBool,
    is_answered: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Connections {
    pub(super) fn new(limits: Limits, clock: Clock, exposition: Arc<Exposition>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            clock,
            exposition,
            kept: Mutex::default(),
        })
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, event: &'static str) {
        let labels = [("event", event)];
        self.exposition
            .add("leeward_control_connections_total", &labels, 1);
    }

    fn arrive(self: &Arc<Self>, client: SocketAddr) -> ConnectedClient {
        let mut kept = self.kept();
        let address = client.ip().to_canonical();
        let (number, goes) = kept.places.arrive(address, self.clock.now());
        let state = Arc::new(ConnectionState::default());
        kept.states.insert(number, Arc::clone(&state));
        self.evict(&mut kept, goes);
        drop(kept);
        self.count("accepted");
        ConnectedClient {
            connections: Arc::clone(self),
            number,
            state,
        }
    }

    fn evict(&self, kept: &mut Kept, goes: Option<Number>) {
        let Some(state) = goes.and_then(|number| kept.states.remove(&number)) else {
            return;
        };
        state.is_evicted.store(true, Ordering::Release);
        let waker = state
            .waker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waker) = waker {
            waker.wake();
        }
        self.count("evicted");
    }
}

/// Connection of a request.
#[derive(Clone)]
pub(super) struct ConnectedClient {
    connections: Arc<Connections>,
    number: Number,
    state: Arc<ConnectionState>,
}

impl ConnectedClient {
    /// Asks for a place in the room of the request.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn enter(&self, room: Room) -> Result<(), ()> {
        let mut kept = self.connections.kept();
        let entered = kept
            .places
            .enter(self.number, room, self.connections.clock.now());
        if let Ok(goes) = entered {
            self.state.is_served.store(true, Ordering::Release);
            self.connections.evict(&mut kept, goes);
            return Ok(());
        }
        drop(kept);
        self.connections.count("busy");
        Err(())
    }

    /// Notes that the answer is ready: from now on the server waits for the client.
    pub(super) fn answer(&self) {
        self.state.is_answered.store(true, Ordering::Release);
        self.move_on();
    }

    fn move_on(&self) {
        let now = self.connections.clock.now();
        self.connections.kept().places.move_on(self.number, now);
    }
}

impl Connected<IncomingStream<'_, BoundedListener>> for ConnectedClient {
    fn connect_info(stream: IncomingStream<'_, BoundedListener>) -> Self {
        stream.io().client.clone()
    }
}

/// A listener whose connections have places.
pub(super) struct BoundedListener {
    listener: TcpListener,
    connections: Arc<Connections>,
}

impl BoundedListener {
    pub(super) const fn new(listener: TcpListener, connections: Arc<Connections>) -> Self {
        Self {
            listener,
            connections,
        }
    }
}

impl Listener for BoundedListener {
    type Io = BoundedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (BoundedStream, SocketAddr) {
        // The trait's accept waits when descriptors run out, instead of spinning.
        let (stream, client) = Listener::accept(&mut self.listener).await;
        let stream_of = BoundedStream {
            stream,
            phase: Phase::Head,
            deadline: Box::pin(sleep(self.connections.limits.head_max)),
            stall: None,
            client: self.connections.arrive(client),
        };
        (stream_of, client)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Head,
    Served,
    Answered,
}

/// Accepted stream that ends at its deadline, or when it is evicted.
pub(super) struct BoundedStream {
    stream: TcpStream,
    phase: Phase,
    deadline: Pin<Box<Sleep>>,
    /// Timer that runs while the client takes no octet.
    stall: Option<Pin<Box<Sleep>>>,
    client: ConnectedClient,
}

impl Drop for BoundedStream {
    fn drop(&mut self) {
        let mut kept = self.client.connections.kept();
        kept.places.leave(self.client.number);
        kept.states.remove(&self.client.number);
    }
}

impl BoundedStream {
    /// Fails if the connection is evicted or past a deadline.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let state = Arc::clone(&self.client.state);
        if state.is_evicted.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        // Woken when it must go; set before the look, so that nothing is missed.
        *state.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        if state.is_evicted.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let phase = if state.is_answered.load(Ordering::Acquire) {
            Phase::Answered
        } else if state.is_served.load(Ordering::Acquire) {
            Phase::Served
        } else {
            Phase::Head
        };
        if phase != self.phase {
            self.phase = phase;
            self.deadline = Box::pin(sleep(self.client.connections.limits.answer_max));
        }
        let is_stalled = |stall: &mut Pin<Box<Sleep>>| stall.as_mut().poll(context).is_ready();
        let event = if self.stall.as_mut().is_some_and(is_stalled) {
            "stalled"
        } else if phase != Phase::Served && self.deadline.as_mut().poll(context).is_ready() {
            if phase == Phase::Head {
                "late"
            } else {
                "stalled"
            }
        } else {
            return Ok(());
        };
        self.client.connections.count(event);
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Starts or stops the timer of a stalled client.
    fn follow(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(_) => {
                self.stall = None;
                self.client.move_on();
            }
            Poll::Pending => {
                let stall_max = self.client.connections.limits.stall_max;
                let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(stall_max)));
                if stall.as_mut().poll(context).is_ready() {
                    self.client.connections.count("stalled");
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
        written
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, octets);
        self.follow(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.follow(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn door(head_max: Duration) -> (BoundedListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let limits = Limits {
            head_max,
            answer_max: Duration::from_secs(30),
            stall_max: Duration::from_millis(20),
        };
        let connections = Connections::new(limits, Clock::start(), Arc::new(Exposition::new()));
        (BoundedListener::new(listener, connections), address)
    }

    // X5.
    #[tokio::test]
    async fn ends_a_visit_whose_request_does_not_come_and_frees_its_place() {
        let (mut door, address) = door(Duration::from_millis(20)).await;
        let _client = TcpStream::connect(address).await.expect("listening");
        let (mut stream_of, _) = door.accept().await;
        let count = |door: &BoundedListener| door.connections.kept().places.count(Room::Arrivals);
        assert_eq!(count(&door), 1);
        let mut octets = [0; 1];
        let ended = stream_of
            .read(&mut octets)
            .await
            .expect_err("nothing was sent");
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
        drop(stream_of);
        assert_eq!(count(&door), 0);
        let text = door.connections.exposition.render();
        assert!(
            text.contains("leeward_control_connections_total{event=\"late\"} 1"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn ends_a_visit_that_does_not_read_its_answer() {
        let (mut door, address) = door(Duration::from_millis(20)).await;
        let _client = TcpStream::connect(address).await.expect("listening");
        let (mut stream_of, _) = door.accept().await;
        stream_of.client.enter(Room::Reads).expect("room");
        stream_of.client.answer();
        let answer = vec![0; 64 << 20];
        let ended = stream_of
            .write_all(&answer)
            .await
            .expect_err("nobody reads");
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn wakes_and_ends_the_visit_that_must_make_room() {
        let (mut door, address) = door(Limits::USUAL.head_max).await;
        let _first = TcpStream::connect(address).await.expect("listening");
        let (mut first, _) = door.accept().await;
        let waiting = tokio::spawn(async move { first.read(&mut [0; 1]).await });
        let mut others = Vec::new();
        for _ in 0..Room::Arrivals.places() {
            others.push(TcpStream::connect(address).await.expect("listening"));
            let (stream_of, _) = door.accept().await;
            tokio::spawn(async move {
                let mut stream_of = stream_of;
                stream_of.read(&mut [0; 1]).await
            });
        }
        let ended = waiting.await.expect("no panic").expect_err("sent away");
        assert_eq!(ended.kind(), io::ErrorKind::ConnectionAborted);
    }
}
