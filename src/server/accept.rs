//! Accepting: listeners of one thread, a place for each newcomer, and the end of all.
//!
//! In: listeners, limits, what is done with a connection ([`Conversation`]), a stop signal. Out: conversations and
//! counts. Never here: what is said in them.
//!
//! One thread carries all connections of a transport: they share one engine without a lock, and streams are the lesser
//! part of DNS. Every task is owned by the accept loop of its listener and ends with it.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet, LocalSet};
use tokio::time::sleep;

use crate::metrics::{QueryCounters, TcpEvent};

use super::bind::IDLE_WAKE;
use super::limits::TcpLimits;
use super::registry::{Registry, Ticket};

/// Pause after accept failed for want of descriptors or memory; an honest client must still be answered in 100 ms.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// What is done with every connection of a thread.
pub(super) trait Conversation: 'static {
    /// Talks until either side has had enough, or stop is asked and what has arrived is answered.
    async fn converse(
        &self,
        stream: TcpStream,
        visit: Rc<Visit>,
        stop: watch::Receiver<bool>,
    ) -> Farewell;

    /// Lets go of what is kept from earlier queries; called once a second.
    fn idle(&self);
}

/// Why a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// The client closed, the stream broke, or the client does not speak the protocol.
    Client,
    /// The client was silent, too slow, or did not read.
    TimedOut,
    /// The server stops.
    Stopped,
}

/// The rules of one thread's listeners.
pub(super) struct House {
    /// Times and counts; each thread counts its own connections.
    pub(super) limits: TcpLimits,
    /// Where events are counted.
    pub(super) counters: Arc<QueryCounters>,
    /// Turns true when the server stops.
    pub(super) stop: watch::Receiver<bool>,
    /// How long conversations may take to end after that.
    pub(super) drain_max: Duration,
}

/// What all tasks of the thread share.
struct Hall<C> {
    conversation: C,
    desk: Rc<Desk>,
    stop: watch::Receiver<bool>,
}

/// Who is in.
struct Desk {
    registry: RefCell<Registry<AbortHandle>>,
    counters: Arc<QueryCounters>,
}

impl Desk {
    fn dismiss(&self, evicted: Option<AbortHandle>) {
        if let Some(handle) = evicted {
            self.counters.count_tcp(TcpEvent::Evicted);
            handle.abort();
        }
    }
}

/// A connection's place in the house, given back when the last owner drops it, however its task ends.
pub(super) struct Visit {
    desk: Rc<Desk>,
    ticket: Ticket,
    client: SocketAddr,
}

impl Visit {
    fn begin(desk: &Rc<Desk>, client: SocketAddr) -> Self {
        let admission = desk.registry.borrow_mut().admit(client.ip());
        desk.counters.count_tcp(TcpEvent::Opened);
        desk.dismiss(admission.evicted);
        Self {
            desk: Rc::clone(desk),
            ticket: admission.ticket,
            client,
        }
    }

    /// Returns who asks.
    pub(super) fn client(&self) -> SocketAddr {
        self.client
    }

    /// Notes that the connection was of use: replies have left it.
    pub(super) fn touch(&self) {
        self.desk.registry.borrow_mut().touch(self.ticket);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.desk.registry.borrow_mut().release(self.ticket);
        self.desk.counters.count_tcp(TcpEvent::Closed);
    }
}

/// Serves until stop is asked, then lets conversations end within the house's time; returns whether that sufficed.
pub(super) async fn attend<C: Conversation>(
    listeners: Vec<TcpListener>,
    conversation: C,
    house: House,
) -> bool {
    let limits = house.limits.bounded();
    let registry = Registry::new(limits.connections_max, limits.connections_per_client_max);
    let mut stop = house.stop;
    let hall = Rc::new(Hall {
        conversation,
        desk: Rc::new(Desk {
            registry: RefCell::new(registry),
            counters: house.counters,
        }),
        stop: stop.clone(),
    });
    let local = LocalSet::new();
    local
        .run_until(async move {
            let mut loops = JoinSet::new();
            for listener in listeners {
                loops.spawn_local(accept_all(listener, Rc::clone(&hall)));
            }
            loop {
                tokio::select! {
                    _ = stop.wait_for(|is_asked| *is_asked) => break,
                    () = sleep(IDLE_WAKE) => hall.conversation.idle(),
                }
            }
            let finish = async { while loops.join_next().await.is_some() {} };
            tokio::time::timeout(house.drain_max, finish).await.is_ok()
        })
        .await
}

/// Accepts on one address until stop is asked, then waits for its connections.
async fn accept_all<C: Conversation>(listener: TcpListener, hall: Rc<Hall<C>>) {
    let mut tasks = JoinSet::new();
    let mut stop = hall.stop.clone();
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|is_asked| *is_asked) => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => welcome(&mut tasks, &hall, stream, client),
                Err(error) => {
                    hall.desk.counters.count_tcp(TcpEvent::AcceptError);
                    if is_shortage(&error) {
                        make_room(&hall.desk).await;
                    }
                }
            }
        }
    }
    // No more newcomers; what the kernel has queued is reset.
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// Takes a descriptor back from whoever has been idle longest, or pauses if nobody has one: either way no spinning.
async fn make_room(desk: &Desk) {
    let idle = desk.registry.borrow_mut().evict_longest_idle();
    if idle.is_none() {
        sleep(ACCEPT_PAUSE).await;
    } else {
        desk.dismiss(idle);
        // The dismissed task closes its socket when it is next run, which is before us.
        tokio::task::yield_now().await;
    }
}

/// Finds a place for a newcomer and starts its conversation.
fn welcome<C: Conversation>(
    tasks: &mut JoinSet<()>,
    hall: &Rc<Hall<C>>,
    stream: TcpStream,
    client: SocketAddr,
) {
    let visit = Visit::begin(&hall.desk, client);
    let ticket = visit.ticket;
    let shared = Rc::clone(hall);
    let handle = tasks.spawn_local(async move {
        let stop = shared.stop.clone();
        let talk = shared.conversation.converse(stream, Rc::new(visit), stop);
        if talk.await == Farewell::TimedOut {
            shared.desk.counters.count_tcp(TcpEvent::TimedOut);
        }
    });
    hall.desk.registry.borrow_mut().attach(ticket, handle);
}

/// Says whether an accept failed for want of something that other connections hold.
fn is_shortage(error: &io::Error) -> bool {
    let codes = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error
        .raw_os_error()
        .is_some_and(|code| codes.contains(&code))
}
