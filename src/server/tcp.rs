//! The TCP thread: accepts on every address and looks after all connections.
//!
//! In: listeners, an engine, limits, a stop signal. Out: conversations ([`super::stream`]) and counts. Never here: what
//! is said in them.
//!
//! One thread carries all connections: they share one engine without a lock, and TCP is the lesser part of DNS. Every
//! task is owned by the accept loop of its listener and ends with it.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet, LocalSet};
use tokio::time::sleep;

use crate::metrics::{QueryCounters, TcpEvent};

use super::bind::IDLE_WAKE;
use super::engine::{Engine, Guarded, Seat};
use super::limits::TcpLimits;
use super::registry::{Registry, Ticket};
use super::stream::{Connection, Desk, Farewell};

/// Pause after accept failed for want of descriptors or memory; an honest client must still be answered in 100 ms.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// What all tasks of the thread share.
struct Shared<E, M> {
    desk: RefCell<Desk<E, M>>,
    registry: RefCell<Registry<AbortHandle>>,
    limits: TcpLimits,
    counters: Arc<QueryCounters>,
}

/// Serves until stop is asked, then finishes what is queued within `drain_max`; returns whether that sufficed.
pub(super) async fn run<E, M>(
    listeners: Vec<TcpListener>,
    guarded: Guarded<E, M>,
    counters: Arc<QueryCounters>,
    limits: TcpLimits,
    mut stop: watch::Receiver<bool>,
    drain_max: Duration,
) -> bool
where
    E: Engine + 'static,
    M: Fn(Seat) -> E + 'static,
{
    let limits = limits.bounded();
    let registry = Registry::new(limits.connections_max, limits.connections_per_client_max);
    let shared = Rc::new(Shared {
        desk: RefCell::new(Desk::new(guarded)),
        registry: RefCell::new(registry),
        limits,
        counters,
    });
    let local = LocalSet::new();
    local
        .run_until(async move {
            let mut loops = JoinSet::new();
            for listener in listeners {
                loops.spawn_local(accept_all(listener, Rc::clone(&shared), stop.clone()));
            }
            loop {
                tokio::select! {
                    _ = stop.wait_for(|is_asked| *is_asked) => break,
                    () = sleep(IDLE_WAKE) => shared.desk.borrow_mut().idle(),
                }
            }
            let finish = async { while loops.join_next().await.is_some() {} };
            tokio::time::timeout(drain_max, finish).await.is_ok()
        })
        .await
}

/// Accepts on one address until stop is asked, then waits for its connections.
async fn accept_all<E, M>(
    listener: TcpListener,
    shared: Rc<Shared<E, M>>,
    mut stop: watch::Receiver<bool>,
) where
    E: Engine + 'static,
    M: Fn(Seat) -> E + 'static,
{
    let mut tasks = JoinSet::new();
    let closing = stop.clone();
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|is_asked| *is_asked) => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    welcome(&mut tasks, &shared, stream, client, closing.clone());
                }
                Err(error) => {
                    shared.counters.count_tcp(TcpEvent::AcceptError);
                    if is_shortage(&error) {
                        make_room(&shared).await;
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
async fn make_room<E, M>(shared: &Shared<E, M>) {
    let idle = shared.registry.borrow_mut().evict_longest_idle();
    if idle.is_none() {
        sleep(ACCEPT_PAUSE).await;
    } else {
        dismiss(idle, &shared.counters);
        // The dismissed task closes its socket when it is next run, which is before us.
        tokio::task::yield_now().await;
    }
}

/// Finds a place for a newcomer and starts its conversation.
fn welcome<E, M>(
    tasks: &mut JoinSet<()>,
    shared: &Rc<Shared<E, M>>,
    stream: TcpStream,
    client: SocketAddr,
    stop: watch::Receiver<bool>,
) where
    E: Engine + 'static,
    M: Fn(Seat) -> E + 'static,
{
    let place = Place::take(shared, client.ip());
    let ticket = place.ticket;
    let handle = tasks.spawn_local(async move {
        let shared = &*place.shared;
        let connection = Connection::new(stream, client);
        let on_use = || shared.registry.borrow_mut().touch(place.ticket);
        let talk = connection.converse(&shared.desk, &shared.limits, stop, on_use);
        if talk.await == Farewell::TimedOut {
            shared.counters.count_tcp(TcpEvent::TimedOut);
        }
    });
    shared.registry.borrow_mut().attach(ticket, handle);
}

fn dismiss(evicted: Option<AbortHandle>, counters: &QueryCounters) {
    if let Some(handle) = evicted {
        counters.count_tcp(TcpEvent::Evicted);
        handle.abort();
    }
}

/// Says whether an accept failed for want of something that other connections hold.
fn is_shortage(error: &io::Error) -> bool {
    let codes = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error
        .raw_os_error()
        .is_some_and(|code| codes.contains(&code))
}

/// A connection's place in the registry, given back however its task ends.
struct Place<E, M> {
    shared: Rc<Shared<E, M>>,
    ticket: Ticket,
}

impl<E, M> Place<E, M> {
    fn take(shared: &Rc<Shared<E, M>>, client: IpAddr) -> Self {
        let admission = shared.registry.borrow_mut().admit(client);
        shared.counters.count_tcp(TcpEvent::Opened);
        dismiss(admission.evicted, &shared.counters);
        Self {
            shared: Rc::clone(shared),
            ticket: admission.ticket,
        }
    }
}

impl<E, M> Drop for Place<E, M> {
    fn drop(&mut self) {
        self.shared.registry.borrow_mut().release(self.ticket);
        self.shared.counters.count_tcp(TcpEvent::Closed);
    }
}
