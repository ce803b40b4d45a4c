//! Accepting for DNS over HTTPS: listeners of one thread, a place for each new connection, and the end of all.
//!
//! In: listeners, limits, the protocol of a connection ([`Conversation`]), a stop signal. Out: conversations and
//! counts. Never here: their content.
//!
//! One thread carries all connections of a transport: they share one engine without a lock, and streams are the lesser
//! part of DNS. Every task is owned by the accept loop of its listener and ends with it.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError, JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

use crate::metrics::{QueryCounters, QueryTransport, SilentReason, TcpEvent};

use super::bind::IDLE_WAKE;
use super::limits::TcpLimits;
use super::proxy::{HEADER_MAX, Origin, Progress, TrustedProxies, read_header};
use super::registry::{Registry, Ticket};

/// Pause after accept failed for want of descriptors or memory; an honest client must still be answered in 100 ms.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Accepts that fail one after the other until the listener itself counts as broken: no spinning then.
const FAILURES_MAX: usize = 64;

/// Protocol spoken on every connection of a thread.
pub(super) trait Conversation: 'static {
    /// Serves one connection until either side ends it, or stop is asked and all requests received are answered.
    async fn converse(
        &self,
        stream: TcpStream,
        guard: Rc<ConnectionGuard>,
        stop: watch::Receiver<bool>,
    ) -> CloseReason;

    /// Releases state of earlier queries; called once a second.
    fn idle(&self);
}

/// Reason for the end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The client closed, the stream broke, or the client does not speak the protocol.
    Client,
    /// The client was silent, too slow, or did not read.
    TimedOut,
    /// The server stops.
    Stopped,
}

/// The rules of one thread's listeners.
pub(super) struct AcceptSettings {
    /// Times and counts; each thread counts its own connections.
    pub(super) limits: TcpLimits,
    /// Sources whose connections begin with a header of the PROXY protocol.
    pub(super) proxies: Arc<TrustedProxies>,
    /// Counters of connection events.
    pub(super) counters: Arc<QueryCounters>,
    /// Turns true when the server stops.
    pub(super) stop: watch::Receiver<bool>,
    /// Longest time between stop and the end of the last conversation.
    pub(super) drain_max: Duration,
}

/// Kind of the peer that connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    /// The client itself.
    Client,
    /// A trusted proxy, whose header names the client.
    Proxy,
}

/// State that all tasks of the thread share.
struct Acceptor<C> {
    conversation: C,
    table: Rc<ConnectionTable>,
    proxies: Arc<TrustedProxies>,
    /// Longest time for a PROXY header to arrive.
    patience: Duration,
    stop: watch::Receiver<bool>,
}

/// Open connections of the thread, with their counters.
struct ConnectionTable {
    registry: RefCell<Registry<AbortHandle>>,
    counters: Arc<QueryCounters>,
}

impl ConnectionTable {
    /// Counts a task that panicked as an engine fault: its queries stay without an answer.
    fn note_end(&self, end: &Result<(), JoinError>) {
        if end.as_ref().is_err_and(JoinError::is_panic) {
            let (via, reason) = (QueryTransport::Https, SilentReason::EngineFault);
            self.counters.count_silence(via, reason);
        }
    }

    fn dismiss(&self, evicted: Option<AbortHandle>) {
        if let Some(handle) = evicted {
            self.counters.count_tcp(TcpEvent::Evicted);
            handle.abort();
        }
    }
}

/// The place of a connection, given back when the last owner drops it, however its task ends.
pub(super) struct ConnectionGuard {
    table: Rc<ConnectionTable>,
    ticket: Ticket,
    client: SocketAddr,
}

impl ConnectionGuard {
    fn begin(table: &Rc<ConnectionTable>, client: SocketAddr, peer: Peer) -> Self {
        let admission = match peer {
            Peer::Client => table.registry.borrow_mut().admit(client.ip()),
            Peer::Proxy => table.registry.borrow_mut().admit_unknown(),
        };
        table.counters.count_tcp(TcpEvent::Opened);
        table.dismiss(admission.evicted);
        Self {
            table: Rc::clone(table),
            ticket: admission.ticket,
            client,
        }
    }

    /// Sets the client that a proxy named, and evicts a connection if its limits ask for it.
    fn name(&mut self, client: SocketAddr) {
        self.client = client;
        let evicted = self
            .table
            .registry
            .borrow_mut()
            .name(self.ticket, client.ip());
        self.table.dismiss(evicted);
    }

    /// Returns the client's address; behind a trusted proxy, the one that the header named.
    pub(super) fn client(&self) -> SocketAddr {
        self.client
    }

    /// Marks the connection as used: replies have left it.
    pub(super) fn touch(&self) {
        self.table.registry.borrow_mut().touch(self.ticket);
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.table.registry.borrow_mut().release(self.ticket);
        self.table.counters.count_tcp(TcpEvent::Closed);
    }
}

/// Serves until stop is asked, then lets conversations end within `drain_max`; returns whether that sufficed.
pub(super) async fn attend<C: Conversation>(
    listeners: Vec<TcpListener>,
    conversation: C,
    settings: AcceptSettings,
) -> bool {
    let limits = settings.limits.bounded();
    let registry = Registry::new(limits.places());
    let mut stop = settings.stop;
    let acceptor = Rc::new(Acceptor {
        conversation,
        table: Rc::new(ConnectionTable {
            registry: RefCell::new(registry),
            counters: settings.counters,
        }),
        proxies: settings.proxies,
        patience: limits.message_timeout,
        stop: stop.clone(),
    });
    let local = LocalSet::new();
    local
        .run_until(async move {
            let mut loops = JoinSet::new();
            for listener in listeners {
                loops.spawn_local(accept_all(listener, Rc::clone(&acceptor)));
            }
            loop {
                tokio::select! {
                    biased;
                    _ = stop.wait_for(|is_asked| *is_asked) => break,
                    // A listener never ends by itself: a fault of ours, which the end of the thread makes known.
                    Some(_) = loops.join_next() => return false,
                    () = sleep(IDLE_WAKE) => acceptor.conversation.idle(),
                }
            }
            let finish = async { while loops.join_next().await.is_some() {} };
            timeout(settings.drain_max, finish).await.is_ok()
        })
        .await
}

/// Accepts on one address until stop is asked, then waits for its connections.
async fn accept_all<C: Conversation>(listener: TcpListener, acceptor: Rc<Acceptor<C>>) {
    let mut tasks = JoinSet::new();
    let mut stop = acceptor.stop.clone();
    let mut failures = 0;
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|is_asked| *is_asked) => break,
            Some(end) = tasks.join_next(), if !tasks.is_empty() => acceptor.table.note_end(&end),
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    failures = 0;
                    admit(&mut tasks, &acceptor, stream, client);
                }
                Err(error) => {
                    acceptor.table.counters.count_tcp(TcpEvent::AcceptError);
                    failures += 1;
                    if is_shortage(&error) {
                        make_room(&acceptor.table).await;
                    } else if failures >= FAILURES_MAX {
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
    }
    // No more new connections; what the kernel has queued is reset.
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// Evicts one connection for its descriptor, or pauses if none is open: either way no spinning.
async fn make_room(table: &ConnectionTable) {
    let idle = table.registry.borrow_mut().evict_first();
    if idle.is_none() {
        sleep(ACCEPT_PAUSE).await;
    } else {
        table.dismiss(idle);
        // The dismissed task closes its socket when it is next run, which is before us.
        tokio::task::yield_now().await;
    }
}

/// Finds a place for a new connection and starts its conversation.
fn admit<C: Conversation>(
    tasks: &mut JoinSet<()>,
    acceptor: &Rc<Acceptor<C>>,
    stream: TcpStream,
    client: SocketAddr,
) {
    let peer = if acceptor.proxies.is_trusted(client.ip()) {
        Peer::Proxy
    } else {
        Peer::Client
    };
    let guard = ConnectionGuard::begin(&acceptor.table, client, peer);
    let ticket = guard.ticket;
    let shared = Rc::clone(acceptor);
    let handle = tasks.spawn_local(async move {
        let reason = match peer {
            Peer::Client => shared.talk(stream, guard).await,
            Peer::Proxy => shared.talk_behind_proxy(stream, guard).await,
        };
        if reason == CloseReason::TimedOut {
            shared.table.counters.count_tcp(TcpEvent::TimedOut);
        }
    });
    acceptor.table.registry.borrow_mut().attach(ticket, handle);
}

impl<C: Conversation> Acceptor<C> {
    async fn talk(&self, stream: TcpStream, guard: ConnectionGuard) -> CloseReason {
        let stop = self.stop.clone();
        self.conversation
            .converse(stream, Rc::new(guard), stop)
            .await
    }

    /// Reads the client's address from the PROXY header, then serves; without a header the connection ends.
    async fn talk_behind_proxy(
        &self,
        mut stream: TcpStream,
        mut guard: ConnectionGuard,
    ) -> CloseReason {
        let mut stop = self.stop.clone();
        let header = timeout(self.patience, take_header(&mut stream));
        let taken = tokio::select! {
            biased;
            _ = stop.wait_for(|is_asked| *is_asked) => return CloseReason::Stopped,
            taken = header => taken,
        };
        match taken {
            Err(_) => CloseReason::TimedOut,
            Ok(None) => {
                self.table.counters.count_tcp(TcpEvent::Refused);
                CloseReason::Client
            }
            Ok(Some(origin)) => {
                let client = origin.client(guard.client);
                guard.name(client);
                self.talk(stream, guard).await
            }
        }
    }
}

/// Reads a header of the PROXY protocol and not an octet more.
async fn take_header(stream: &mut TcpStream) -> Option<Origin> {
    let mut header = [0; HEADER_MAX];
    let mut taken = 0;
    loop {
        match read_header(&header[..taken]).ok()? {
            Progress::Whole(origin, _) => return Some(origin),
            Progress::Missing(count) => {
                let room = header.get_mut(taken..taken + count)?;
                stream.read_exact(room).await.ok()?;
                taken += count;
            }
        }
    }
}

/// Returns whether an accept failed for want of descriptors or memory, which other connections hold.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    let codes = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error
        .raw_os_error()
        .is_some_and(|code| codes.contains(&code))
}
