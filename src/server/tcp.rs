//! DNS over TCP and over TLS (RFC 7858): all connections of a transport on one thread with one event queue.
//!
//! In: listeners, TLS settings, the thread's post. Out: turns for [`Connection`]s, counts. Never here: what is said in
//! them.
//!
//! A connection costs as few system calls as can be: it is accepted, watched, read once, written once, read to its end
//! and closed. A query allocates, locks and arms nothing: time is read once a round, and timers are moments that are
//! compared when the earliest is due.
//!
//! A round: connections that can be read or sent to have a turn, then those with more work than one turn allows, then
//! up to [`ACCEPTS_MAX`] new ones are admitted. Handshakes have places of their own ([`HANDSHAKE_PLACES`]): when these
//! are full, the longest one of the prefix with most of them ends, so stalled ones keep no other out.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustls::{ServerConfig, ServerConnection};

use crate::clock::{Clock, Moment};
use crate::metrics::{QueryCounters, TcpEvent};

use super::accept::{ACCEPT_PAUSE, CloseReason, is_shortage};
use super::bind::IDLE_WAKE;
use super::connection::{Connection, Turn};
use super::engine::{Engine, Guarded, WorkerId};
use super::limits::{Serving, TcpLimits};
use super::listeners::{LISTENERS, Listeners};
use super::maybe_tls::MaybeTlsStream;
use super::proxy::TrustedProxies;
use super::registry::{Registry, Ticket};
use super::stream::StreamBuffers;
use super::tls::HANDSHAKE_PLACES;

/// New connections of one round and listener: fewer than half of the places of one client, so that the first of a round
/// can ask before others of its address evict it.
const ACCEPTS_MAX: usize = 32;

/// Reports that the event queue gives at once.
const EVENTS_MAX: usize = 256;

/// Greatest delay of a connection's timer.
const GRAIN: Duration = Duration::from_millis(5);

/// Turns that a connection may still take when the server stops, to answer what has already arrived.
const FINAL_TURNS_MAX: u8 = 64;

/// Wait of such a turn: octets received show in the event queue's next round, so any time suffices.
const FINAL_PATIENCE: Duration = Duration::from_millis(10);

/// Settings of the thread.
pub(super) struct Rules {
    /// Limits and trusted proxies.
    pub(super) serving: Serving,
    /// TLS settings; `None` is TCP in the clear.
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Counters of connection events.
    pub(super) counters: Arc<QueryCounters>,
    /// Longest time between stop and the end of the last connection.
    pub(super) drain_max: Duration,
}

/// Serves until `is_stopping` says so after a wake, then lets conversations end; returns whether the time sufficed.
pub(super) fn attend<E: Engine, M: Fn(WorkerId) -> E>(
    listeners: Listeners,
    rules: Rules,
    guarded: Guarded<E, M>,
    is_stopping: impl Fn() -> bool,
) -> bool {
    let mut event_loop = EventLoop::new(listeners, rules, guarded);
    let mut events = Events::with_capacity(EVENTS_MAX);
    while !is_stopping() {
        event_loop.round(&mut events);
    }
    event_loop.finish(&mut events)
}

/// A connection in its place.
struct OpenConnection {
    connection: Connection,
    ticket: Ticket,
    /// Place among handshakes; `None` once finished, or without TLS.
    shaking: Option<Ticket>,
    /// Moment at which the current phase times out.
    deadline: Moment,
    was_partial: bool,
    /// True if the event queue also reports that it can be sent to.
    is_blocked: bool,
    /// True while it waits for another turn.
    is_queued: bool,
    final_turns: u8,
}

/// Everything that one thread carries.
struct EventLoop<E, M> {
    poll: Poll,
    listeners: Vec<Option<TcpListener>>,
    /// Listeners that may have new connections waiting.
    has_pending: Vec<bool>,
    /// Moment until which no new connections are accepted.
    accept_due: Moment,
    connections: Vec<Option<OpenConnection>>,
    registry: Registry<usize>,
    shaking: Registry<usize>,
    /// Connections that can use another turn, each at most once; those that ended meanwhile are passed over.
    queue: VecDeque<Ticket>,
    /// Lower bound of all deadlines.
    sweep_due: Moment,
    idle_due: Moment,
    now: Moment,
    clock: Clock,
    buffers: StreamBuffers<E, M>,
    limits: TcpLimits,
    proxies: Arc<TrustedProxies>,
    tls: Option<Arc<ServerConfig>>,
    counters: Arc<QueryCounters>,
    drain_max: Duration,
    is_stopping: bool,
}

impl<E: Engine, M: Fn(WorkerId) -> E> EventLoop<E, M> {
    fn new(listeners: Listeners, rules: Rules, guarded: Guarded<E, M>) -> Self {
        let limits = rules.serving.tcp.bounded();
        let clock = Clock::start();
        let now = clock.now();
        Self {
            poll: listeners.poll,
            has_pending: vec![false; listeners.listeners.len()],
            listeners: listeners.listeners.into_iter().map(Some).collect(),
            accept_due: now,
            connections: Vec::new(),
            registry: Registry::new(limits.places()),
            shaking: Registry::new(HANDSHAKE_PLACES),
            queue: VecDeque::new(),
            sweep_due: now.after(IDLE_WAKE),
            idle_due: now.after(IDLE_WAKE),
            now,
            clock,
            buffers: StreamBuffers::new(guarded),
            limits,
            proxies: rules.serving.proxies,
            tls: rules.tls,
            counters: rules.counters,
            drain_max: rules.drain_max,
            is_stopping: false,
        }
    }

    /// Waits for something to do and does it.
    fn round(&mut self, events: &mut Events) {
        if self
            .poll
            .poll(events, Some(self.until_next_timer()))
            .is_err()
        {
            // A signal; nothing else can be wrong with a queue of our own.
            events.clear();
        }
        self.now = self.clock.now();
        let again = self.queue.len();
        for event in &*events {
            self.handle(event);
        }
        for _ in 0..again {
            let ticket = self.queue.pop_front().expect("so many are queued");
            if let Some(open) = self.connections[ticket.slot()].as_mut()
                && open.ticket == ticket
            {
                open.is_queued = false;
                self.serve(ticket.slot());
            }
        }
        if self.now >= self.accept_due {
            self.accept();
        }
        if self.now >= self.sweep_due {
            self.sweep();
        }
        if self.now >= self.idle_due {
            self.buffers.idle();
            self.idle_due = self.now.after(IDLE_WAKE);
        }
    }

    /// Returns the time until the next timer is due.
    fn until_next_timer(&self) -> Duration {
        if !self.queue.is_empty() {
            return Duration::ZERO;
        }
        let mut due = self.idle_due.min(self.sweep_due);
        if self.has_pending.contains(&true) {
            due = due.min(self.accept_due);
        }
        due.since(self.now)
    }

    fn handle(&mut self, event: &Event) {
        let Token(number) = event.token();
        if let Some(open) = self.connections.get_mut(number).and_then(Option::as_mut) {
            open.connection.line().note(event);
            self.serve(number);
        } else if let Some(has_pending) = self.has_pending.get_mut(number.wrapping_sub(LISTENERS)) {
            *has_pending = true;
        }
    }

    /// Gives a connection its turn.
    fn serve(&mut self, slot: usize) {
        let Some(open) = self.connections[slot].as_mut() else {
            return;
        };
        let messages = match open.connection.turn(&mut self.buffers) {
            Ok(Turn::Waiting) => 0,
            Ok(Turn::Read { messages }) => messages,
            Ok(Turn::Flushed) => 1,
            Ok(Turn::Named) => return self.name(slot),
            Ok(Turn::Unnamed) => {
                self.counters.count_tcp(TcpEvent::Refused);
                return self.part(slot, CloseReason::Client);
            }
            Ok(Turn::Ended) | Err(_) => return self.part(slot, CloseReason::Client),
        };
        let is_partial = open.connection.is_partial();
        let mut is_new_phase = messages > 0 || is_partial != open.was_partial;
        open.was_partial = is_partial;
        if !open.connection.is_beginning()
            && let Some(ticket) = open.shaking.take()
        {
            self.shaking.release(ticket);
            is_new_phase = true;
        }
        let is_sending = open.connection.is_sending();
        if messages > 0 && !is_sending {
            self.registry.touch(open.ticket);
        }
        if is_sending != open.is_blocked {
            is_new_phase |= is_sending && !open.connection.is_beginning();
            open.is_blocked = is_sending;
            let interest = if is_sending {
                Interest::READABLE | Interest::WRITABLE
            } else {
                Interest::READABLE
            };
            let source = open.connection.line().source();
            if let Err(_gone) = self
                .poll
                .registry()
                .reregister(source, Token(slot), interest)
            {
                return self.part(slot, CloseReason::Client);
            }
        }
        if is_new_phase {
            self.arm(slot);
        }
        self.queue_up(slot);
    }

    /// Starts the timer of the phase that a connection is now in.
    fn arm(&mut self, slot: usize) {
        let Some(open) = self.connections[slot].as_mut() else {
            return;
        };
        let patience = match self.is_stopping {
            true if open.connection.is_sending() => self.limits.write_timeout,
            true => FINAL_PATIENCE,
            false => open.connection.patience(&self.limits),
        };
        open.deadline = self.now.after(patience);
        self.sweep_due = self.sweep_due.min(open.deadline);
    }

    /// Lets a connection have another turn in the next round if it can use one: a client with a long pipeline gets a
    /// read's worth of answers a round.
    fn queue_up(&mut self, slot: usize) {
        let Some(open) = self.connections[slot].as_mut() else {
            return;
        };
        if open.is_queued || !open.connection.has_work() {
            return;
        }
        if self.is_stopping {
            if open.final_turns == 0 {
                return self.part(slot, CloseReason::Stopped);
            }
            open.final_turns -= 1;
        }
        open.is_queued = true;
        self.queue.push_back(open.ticket);
    }

    /// Closes a connection in order, with a close alert under TLS, and counts the reason.
    fn part(&mut self, slot: usize, reason: CloseReason) {
        let Some(mut open) = self.connections[slot].take() else {
            return;
        };
        self.registry.release(open.ticket);
        if !open.connection.is_beginning() {
            open.connection.leave();
        }
        if reason == CloseReason::TimedOut {
            self.counters.count_tcp(TcpEvent::TimedOut);
        }
        self.count_end(&open, reason);
    }

    /// Closes a connection that was evicted.
    fn dismiss(&mut self, evicted: Option<usize>) {
        if let Some(open) = evicted.and_then(|slot| self.connections[slot].take()) {
            self.counters.count_tcp(TcpEvent::Evicted);
            self.count_end(&open, CloseReason::TimedOut);
        }
    }

    fn count_end(&mut self, open: &OpenConnection, reason: CloseReason) {
        if let Some(ticket) = open.shaking {
            self.shaking.release(ticket);
            if reason != CloseReason::Stopped {
                self.counters.count_tcp(TcpEvent::HandshakeFailed);
            }
        }
        self.counters.count_tcp(TcpEvent::Closed);
    }

    /// Lets new connections in.
    fn accept(&mut self) {
        for number in 0..self.listeners.len() {
            let mut has_pending = self.has_pending[number];
            let mut failures = 0;
            for _ in 0..ACCEPTS_MAX {
                let Some(listener) = self.listeners[number].as_ref().filter(|_| has_pending) else {
                    break;
                };
                match listener.accept() {
                    Ok((stream, client)) => self.admit(stream, client),
                    Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => has_pending = false,
                    Err(cause) => {
                        self.counters.count_tcp(TcpEvent::AcceptError);
                        failures += 1;
                        // Else it is one connection's fault, unless all are: then the listener itself is broken.
                        let is_lasting = failures == ACCEPTS_MAX;
                        if is_lasting || is_shortage(&cause) && !self.make_room() {
                            self.accept_due = self.now.after(ACCEPT_PAUSE);
                            return;
                        }
                    }
                }
            }
            self.has_pending[number] = has_pending;
        }
    }

    /// Evicts one connection for its descriptor; returns whether there was one.
    fn make_room(&mut self) -> bool {
        let idle = self.registry.evict_first();
        self.dismiss(idle);
        idle.is_some()
    }

    /// Finds a place for a new connection.
    fn admit(&mut self, stream: TcpStream, client: SocketAddr) {
        let is_proxy = self.proxies.is_trusted(client.ip());
        let admission = match is_proxy {
            true => self.registry.admit_unknown(),
            false => self.registry.admit(client.ip()),
        };
        self.dismiss(admission.evicted);
        self.counters.count_tcp(TcpEvent::Opened);
        let session = self.tls.as_ref().map(|config| {
            ServerConnection::new(Arc::clone(config)).expect("settings that start a session")
        });
        let line = MaybeTlsStream::new(stream, session.map(Box::new));
        let mut open = OpenConnection {
            connection: match is_proxy {
                true => Connection::behind_proxy(line, client),
                false => Connection::new(line, client),
            },
            ticket: admission.ticket,
            shaking: None,
            deadline: self.now,
            was_partial: false,
            is_blocked: false,
            is_queued: false,
            final_turns: FINAL_TURNS_MAX,
        };
        let slot = admission.ticket.slot();
        let source = open.connection.line().source();
        let watched = self
            .poll
            .registry()
            .register(source, Token(slot), Interest::READABLE);
        if self.connections.len() <= slot {
            self.connections.resize_with(slot + 1, || None);
        }
        self.connections[slot] = Some(open);
        self.registry.attach(admission.ticket, slot);
        if watched.is_err() {
            return self.part(slot, CloseReason::Client);
        }
        if !is_proxy {
            self.begin_handshake(slot);
        }
        self.arm(slot);
    }

    /// Sets the client that a proxy named.
    fn name(&mut self, slot: usize) {
        let Some(open) = self.connections[slot].as_ref() else {
            return;
        };
        let evicted = self
            .registry
            .name(open.ticket, open.connection.client().ip());
        self.dismiss(evicted);
        self.begin_handshake(slot);
        self.arm(slot);
        self.queue_up(slot);
    }

    /// Counts a handshake that begins; another ends if there are too many.
    fn begin_handshake(&mut self, slot: usize) {
        let Some(open) = self.connections[slot].as_mut() else {
            return;
        };
        if self.tls.is_none() {
            return;
        }
        let admission = self.shaking.admit(open.connection.client().ip());
        self.shaking.attach(admission.ticket, slot);
        open.shaking = Some(admission.ticket);
        if let Some(evicted) = admission.evicted {
            self.part(evicted, CloseReason::TimedOut);
        }
    }

    /// Ends every connection whose phase has lasted too long.
    fn sweep(&mut self) {
        let mut next = self.now.after(IDLE_WAKE);
        for slot in 0..self.connections.len() {
            match &self.connections[slot] {
                Some(open) if open.deadline <= self.now => {
                    let reason = if self.is_stopping {
                        CloseReason::Stopped
                    } else {
                        CloseReason::TimedOut
                    };
                    self.part(slot, reason);
                }
                Some(open) => next = next.min(open.deadline),
                None => {}
            }
        }
        self.sweep_due = next.max(self.now.after(GRAIN));
    }

    /// Answers what has arrived, waits for clients to take it, and closes; returns whether the time sufficed.
    fn finish(&mut self, events: &mut Events) -> bool {
        self.is_stopping = true;
        // No more new connections; what the kernel has queued is reset.
        self.listeners.fill_with(|| None);
        self.has_pending.fill(false);
        self.now = self.clock.now();
        let end = self.now.after(self.drain_max);
        for slot in 0..self.connections.len() {
            match &self.connections[slot] {
                Some(open) if open.connection.is_beginning() => {
                    self.part(slot, CloseReason::Stopped);
                }
                _ => self.arm(slot),
            }
        }
        while self.registry.open() > 0 {
            if self.now >= end {
                return false;
            }
            self.round(events);
        }
        true
    }
}
