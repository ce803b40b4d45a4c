//! Starting and stopping: one thread a UDP worker, one for each other transport.
//!
//! In: bound sockets, limits, certificates and a recipe for engines. Out: a [`Server`] that runs until it is shut down. Never here:
//! the loops themselves.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::metrics::QueryCounters;

use super::accept::AcceptSettings;
use super::bind::Bound;
use super::certificate::{ALPN_DOQ, ALPN_DOT, ALPN_H2, ALPN_HTTP_1_1, Certificates};
use super::datagram::DatagramSocket;
use super::engine::{Engine, Guarded, Transport, WorkerId, count_transport};
use super::https::{self, HttpsGuise};
use super::limits::Serving;
use super::listen::Listen;
use super::listeners::Listeners;
use super::monitor::Monitor;
use super::quic;
use super::tcp::{self, Rules};
use super::udp::UdpWorker;

/// Longest duration of a stop; work left after it is cut off.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// The part of [`DRAIN_MAX`] that threads with an event loop may use, so that they can still end in time.
const LOOP_DRAIN_MAX: Duration = Duration::from_millis(4_750);

/// Reason why the threads could not be started.
#[derive(Debug)]
pub struct StartFault {
    what: &'static str,
    cause: io::Error,
}

impl fmt::Display for StartFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.cause)
    }
}

impl std::error::Error for StartFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// Outcome of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// All that was queued was answered.
    InTime,
    /// After five seconds something was left and cut off.
    CutOff,
}

/// Running transports. Dropping it stops them without waiting.
#[derive(Debug)]
pub struct Server {
    addresses: Listen,
    counters: Vec<Arc<QueryCounters>>,
    /// Our own UDP sockets, to wake their workers; those that were passed live on, and are let go within a second.
    datagrams: Vec<Arc<DatagramSocket>>,
    stop: Arc<AtomicBool>,
    stop_loops: watch::Sender<bool>,
    /// Wake the threads of TCP and TLS.
    wakers: Vec<mio::Waker>,
    monitor: Monitor,
    /// Every thread holds the other end; it closes when the last has ended.
    running: mpsc::Receiver<()>,
    /// Each returns whether it finished all that was queued.
    threads: Vec<thread::JoinHandle<bool>>,
}

/// Engine, counters and settings of a thread with an event loop.
pub(super) struct Post<E, M> {
    /// The thread's engine.
    pub(super) guarded: Guarded<E, M>,
    /// The thread's counters; `guarded` counts queries in them.
    pub(super) counters: Arc<QueryCounters>,
    /// Limits, certificates.
    pub(super) serving: Serving,
    /// Turns true when the server stops.
    pub(super) stop: watch::Receiver<bool>,
    /// Longest time between stop and the end of the thread, for queued work.
    pub(super) drain_max: Duration,
}

impl<E, M> Post<E, M> {
    /// Returns the rules for accepted connections.
    pub(super) fn accept_settings(&self) -> AcceptSettings {
        AcceptSettings {
            limits: self.serving.tcp,
            proxies: Arc::clone(&self.serving.proxies),
            counters: Arc::clone(&self.counters),
            stop: self.stop.clone(),
            drain_max: self.drain_max,
        }
    }
}

/// Values that threads share at their start.
struct Opening<M> {
    make: Arc<M>,
    serving: Serving,
    alive: mpsc::Sender<()>,
    stop: watch::Receiver<bool>,
}

impl Bound {
    /// Starts the workers; `make_engine` is called once on each worker's own thread, and again should its engine panic.
    ///
    /// # Errors
    /// If the system gives no thread or no event queue, or there is no certificate for an encrypted transport.
    pub fn start<E, M>(self, serving: Serving, make_engine: M) -> Result<Server, StartFault>
    where
        E: Engine + 'static,
        M: Fn(WorkerId) -> E + Send + Sync + 'static,
    {
        let (alive, running) = mpsc::channel();
        let (stop_loops, stop) = watch::channel(false);
        let opening = Opening {
            make: Arc::new(make_engine),
            serving,
            alive,
            stop,
        };
        // Should a later thread fail to start, dropping this stops those before it.
        let mut server = Server {
            addresses: self.addresses,
            counters: Vec::new(),
            datagrams: self.datagrams.iter().flatten().cloned().collect(),
            stop: Arc::new(AtomicBool::new(false)),
            stop_loops,
            wakers: Vec::new(),
            monitor: Monitor::default(),
            running,
            threads: Vec::new(),
        };
        for (index, mut sockets) in self.datagrams.into_iter().enumerate() {
            for socket in &sockets {
                server.monitor.watch_datagrams(socket);
            }
            sockets.extend(self.lent.iter().cloned());
            if !sockets.is_empty() {
                server.spawn_udp(&opening, index, sockets)?;
            }
        }
        for socket in &self.lent {
            server.monitor.watch_datagrams(socket);
        }
        for socket in &self.quic {
            server.monitor.watch_quic(socket);
        }
        if !self.listeners.is_empty() {
            server.spawn_streams(&opening, Transport::Tcp, self.listeners, None)?;
        }
        if !self.tls.is_empty() {
            let config = Arc::new(opening.certificates()?.server_config(&[ALPN_DOT]));
            server.spawn_streams(&opening, Transport::Tls, self.tls, Some(config))?;
        }
        if !self.https.is_empty() {
            let config = match opening.serving.https.guise {
                HttpsGuise::Sealed => Some(Arc::new(
                    opening
                        .certificates()?
                        .server_config(&[ALPN_H2, ALPN_HTTP_1_1]),
                )),
                HttpsGuise::Plain => None,
            };
            let listeners = || into_event_loop(self.https);
            server.spawn_loop(&opening, Transport::Https, listeners, |listeners, post| {
                https::run(listeners, config, post)
            })?;
        }
        if !self.quic.is_empty() {
            let config = opening.certificates()?.server_config(&[ALPN_DOQ]);
            let limits = opening.serving.tcp.bounded();
            let endpoints = || quic::open(self.quic, config, &limits);
            server.spawn_loop(&opening, Transport::Quic, endpoints, quic::run)?;
        }
        Ok(server)
    }
}

impl<M> Opening<M> {
    fn certificates(&self) -> Result<&Arc<Certificates>, StartFault> {
        self.serving
            .certificates
            .as_ref()
            .ok_or_else(|| StartFault {
                what: "start an encrypted transport",
                cause: io::Error::new(io::ErrorKind::NotFound, "there is no certificate"),
            })
    }
}

/// Gives listeners to the event loop in whose context this is called.
fn into_event_loop(listeners: Vec<std::net::TcpListener>) -> io::Result<Vec<TcpListener>> {
    listeners.into_iter().map(TcpListener::from_std).collect()
}

impl Server {
    /// Returns the addresses of UDP and TCP.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses.plain
    }

    /// Returns every address that is listened on.
    pub fn listen(&self) -> &Listen {
        &self.addresses
    }

    /// Returns the counters of all workers, for [`QueryTotals::sum`](crate::metrics::QueryTotals::sum).
    pub fn counters(&self) -> &[Arc<QueryCounters>] {
        &self.counters
    }

    /// Takes the monitor of threads and sockets; a second call returns an empty one.
    pub fn take_monitor(&mut self) -> Monitor {
        std::mem::take(&mut self.monitor)
    }

    /// Stops taking new work, finishes queued work, and waits for it, at most five seconds. Blocks.
    pub fn shutdown(mut self) -> Drained {
        self.signal();
        match self.running.recv_timeout(DRAIN_MAX) {
            Err(mpsc::RecvTimeoutError::Disconnected) => {}
            Ok(()) | Err(mpsc::RecvTimeoutError::Timeout) => return Drained::CutOff,
        }
        let ends: Vec<_> = self
            .threads
            .drain(..)
            .map(thread::JoinHandle::join)
            .collect();
        if ends.iter().all(|end| matches!(end, Ok(true))) {
            Drained::InTime
        } else {
            Drained::CutOff
        }
    }

    /// Asks every thread to stop and wakes those that wait.
    fn signal(&self) {
        self.stop.store(true, Ordering::Relaxed);
        for socket in &self.datagrams {
            // An unconnected socket reports ENOTCONN, and wakes its receiver all the same.
            let _ = socket.socket().shutdown(std::net::Shutdown::Read);
        }
        for waker in &self.wakers {
            // It fails only for want of kernel memory; the thread then sees the flag within a second.
            let _ = waker.wake();
        }
        self.stop_loops.send_replace(true);
    }

    fn new_counters(&mut self, transport: Transport) -> Arc<QueryCounters> {
        let counters = Arc::new(QueryCounters::of(count_transport(transport)));
        self.counters.push(Arc::clone(&counters));
        counters
    }

    fn spawn_udp<E, M>(
        &mut self,
        opening: &Opening<M>,
        index: usize,
        sockets: Vec<Arc<DatagramSocket>>,
    ) -> Result<(), StartFault>
    where
        E: Engine + 'static,
        M: Fn(WorkerId) -> E + Send + Sync + 'static,
    {
        let (make, alive) = (Arc::clone(&opening.make), opening.alive.clone());
        let (stop, counters) = (Arc::clone(&self.stop), self.new_counters(Transport::Udp));
        let reply_size_max = opening.serving.udp.bounded().reply_size_max;
        let proxies = Arc::clone(&opening.serving.proxies);
        self.spawn(format!("udp-{index}"), move || {
            let worker_id = WorkerId {
                transport: Transport::Udp,
                index,
            };
            let guarded = Guarded::new(make, worker_id, counters);
            UdpWorker::new(guarded, reply_size_max, proxies).run(sockets, &stop);
            drop(alive);
            true
        })
    }

    /// Starts the one thread of TCP or TLS.
    fn spawn_streams<E, M>(
        &mut self,
        opening: &Opening<M>,
        transport: Transport,
        listeners: Vec<std::net::TcpListener>,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<(), StartFault>
    where
        E: Engine + 'static,
        M: Fn(WorkerId) -> E + Send + Sync + 'static,
    {
        let (listeners, waker) = Listeners::open(listeners).map_err(no_event_loop)?;
        self.wakers.push(waker);
        let (make, alive) = (Arc::clone(&opening.make), opening.alive.clone());
        let (stop, counters) = (Arc::clone(&self.stop), self.new_counters(transport));
        let rules = Rules {
            serving: opening.serving.clone(),
            tls,
            counters: Arc::clone(&counters),
            drain_max: LOOP_DRAIN_MAX,
        };
        self.spawn(format!("{}-0", transport.name()), move || {
            let worker_id = WorkerId {
                transport,
                index: 0,
            };
            let guarded = Guarded::new(make, worker_id, counters);
            let is_drained =
                tcp::attend(listeners, rules, guarded, || stop.load(Ordering::Relaxed));
            drop(alive);
            is_drained
        })
    }

    /// Starts the one thread of a transport: `open` is called here, inside the thread's event loop, so that what it
    /// refuses is a fault of the start; `run` is called on the thread and ends some time after stop is asked.
    fn spawn_loop<E, M, S, F>(
        &mut self,
        opening: &Opening<M>,
        transport: Transport,
        open: impl FnOnce() -> io::Result<S>,
        run: impl FnOnce(S, Post<E, M>) -> F + Send + 'static,
    ) -> Result<(), StartFault>
    where
        E: Engine + 'static,
        M: Fn(WorkerId) -> E + Send + Sync + 'static,
        S: Send + 'static,
        F: Future<Output = bool>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(no_event_loop)?;
        let sockets = {
            let _inside = runtime.enter();
            open().map_err(no_event_loop)?
        };
        let (make, alive) = (Arc::clone(&opening.make), opening.alive.clone());
        let (serving, stop) = (opening.serving.clone(), opening.stop.clone());
        let counters = self.new_counters(transport);
        self.spawn(format!("{}-0", transport.name()), move || {
            let worker_id = WorkerId {
                transport,
                index: 0,
            };
            let post = Post {
                guarded: Guarded::new(make, worker_id, Arc::clone(&counters)),
                counters,
                serving,
                stop,
                drain_max: LOOP_DRAIN_MAX,
            };
            let is_drained = runtime.block_on(run(sockets, post));
            // Sockets that tasks still hold close here, before the thread counts as ended.
            drop(runtime);
            drop(alive);
            is_drained
        })
    }

    fn spawn(
        &mut self,
        name: String,
        body: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<(), StartFault> {
        let life = self.monitor.watch_thread(&name);
        let body = move || {
            // Let go however this ends, so that an end that nobody asked for is noticed.
            let _life = life;
            body()
        };
        let thread = thread::Builder::new()
            .name(name)
            .spawn(body)
            .map_err(|cause| StartFault {
                what: "start a worker thread",
                cause,
            })?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal();
    }
}

fn no_event_loop(cause: io::Error) -> StartFault {
    StartFault {
        what: "start an event loop",
        cause,
    }
}
