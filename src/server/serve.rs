//! Starting and stopping: one thread a UDP worker, one for TCP.
//!
//! In: bound sockets, limits and a recipe for engines. Out: a [`Server`] that runs until it is shut down. Never here:
//! the loops themselves.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::metrics::QueryCounters;

use super::bind::Bound;
use super::datagram::DatagramSocket;
use super::engine::{Engine, Guarded, Seat, Transport};
use super::limits::{TcpLimits, UdpLimits};
use super::tcp;
use super::udp::UdpWorker;

/// How long a stop may take until what is left is cut off.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// What TCP may use of it, so that its thread can still end in time.
const TCP_DRAIN_MAX: Duration = Duration::from_millis(4_750);

/// Why the threads could not be started.
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

/// How a shutdown went.
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
    addresses: Vec<SocketAddr>,
    counters: Vec<Arc<QueryCounters>>,
    datagrams: Vec<Arc<DatagramSocket>>,
    stop: Arc<AtomicBool>,
    stop_tcp: watch::Sender<bool>,
    /// Every thread holds the other end; it closes when the last has ended.
    running: mpsc::Receiver<()>,
    /// Each says whether it finished all that was queued.
    threads: Vec<thread::JoinHandle<bool>>,
}

impl Bound {
    /// Starts the workers; `make_engine` is called once on each worker's own thread, and again should its engine panic.
    ///
    /// # Errors
    /// If the system gives no thread or no event queue.
    pub fn start<E, M>(
        self,
        udp: UdpLimits,
        tcp: TcpLimits,
        make_engine: M,
    ) -> Result<Server, StartFault>
    where
        E: Engine + 'static,
        M: Fn(Seat) -> E + Send + Sync + 'static,
    {
        let make = Arc::new(make_engine);
        let reply_size_max = udp.bounded().reply_size_max;
        let (alive, running) = mpsc::channel();
        let (stop_tcp, stopping) = watch::channel(false);
        // Should a later thread fail to start, dropping this stops those before it.
        let mut server = Server {
            addresses: self.addresses,
            counters: Vec::new(),
            datagrams: self.datagrams.iter().flatten().cloned().collect(),
            stop: Arc::new(AtomicBool::new(false)),
            stop_tcp,
            running,
            threads: Vec::new(),
        };
        for (index, sockets) in self.datagrams.into_iter().enumerate() {
            let (make, alive) = (Arc::clone(&make), alive.clone());
            let (stop, counters) = (Arc::clone(&server.stop), server.new_counters());
            server.spawn(format!("udp-{index}"), move || {
                let seat = Seat {
                    transport: Transport::Udp,
                    index,
                };
                let guarded = Guarded::new(make, seat, counters);
                UdpWorker::new(guarded, reply_size_max).run(sockets, &stop);
                drop(alive);
                true
            })?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(no_event_loop)?;
        let listeners = {
            let _inside = runtime.enter();
            let listeners = self.listeners.into_iter().map(TcpListener::from_std);
            listeners.collect::<io::Result<Vec<_>>>()
        };
        let listeners = listeners.map_err(no_event_loop)?;
        let counters = server.new_counters();
        server.spawn("tcp-0".to_owned(), move || {
            let seat = Seat {
                transport: Transport::Tcp,
                index: 0,
            };
            let guarded = Guarded::new(make, seat, Arc::clone(&counters));
            let serving = tcp::run(listeners, guarded, counters, tcp, stopping, TCP_DRAIN_MAX);
            let is_drained = runtime.block_on(serving);
            drop(alive);
            is_drained
        })?;
        Ok(server)
    }
}

impl Server {
    /// Returns the addresses that are listened on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the counters of all workers, for [`QueryTotals::sum`](crate::metrics::QueryTotals::sum).
    pub fn counters(&self) -> &[Arc<QueryCounters>] {
        &self.counters
    }

    /// Stops taking new work, finishes what is queued, and waits for it, at most five seconds. Blocks.
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
        self.stop_tcp.send_replace(true);
    }

    fn new_counters(&mut self) -> Arc<QueryCounters> {
        let counters = Arc::new(QueryCounters::default());
        self.counters.push(Arc::clone(&counters));
        counters
    }

    fn spawn(
        &mut self,
        name: String,
        body: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<(), StartFault> {
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
        what: "start the TCP event loop",
        cause,
    }
}
