//! Watches against processes that die, close, talk or never listen.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use leeward::clock::Clock;
use leeward::health::{Outcome, ProbeKind, TargetId};
use leeward::probe::{Begun, Handle, ProbeConfig, Prober, Report};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::probing::{AMPLE, target, tcp_probe};
use crate::wait::PATIENCE;

/// A process with one port: every connection it takes lies in its own hands, and ends with it.
struct Process {
    address: SocketAddr,
    /// Connections as they are taken, each with a way to be told what to do.
    taken: mpsc::Receiver<oneshot::Sender<Deed>>,
    task: JoinHandle<()>,
}

/// What a process does to one connection.
enum Deed {
    Close,
    TalkOn,
}

impl Process {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (taking, taken) = mpsc::channel(100);
        let task = tokio::spawn(async move {
            let mut held = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tell, told) = oneshot::channel();
                held.spawn(hold(stream, told));
                taking.send(tell).await.expect("a test");
            }
        });
        Self {
            address,
            taken,
            task,
        }
    }

    async fn take(&mut self) -> oneshot::Sender<Deed> {
        let taken = tokio::time::timeout(PATIENCE, self.taken.recv()).await;
        taken
            .expect("a connection comes")
            .expect("the process lives")
    }
}

async fn hold(mut stream: TcpStream, told: oneshot::Receiver<Deed>) {
    match told.await {
        Ok(Deed::TalkOn) => while stream.write_all(&[b'x'; 4096]).await.is_ok() {},
        // Nobody has anything to say about it: it stays as it is.
        Err(_) => std::future::pending().await,
        Ok(Deed::Close) => {}
    }
}

struct Site {
    process: Process,
    reports: mpsc::Receiver<Report>,
    prober: Handle,
}

/// Starts a process and a prober that watches it; the next scheduled probe after the first is an hour away.
async fn site() -> Site {
    let process = Process::start().await;
    let mut target = target(process.address, ProbeKind::Tcp(tcp_probe()), AMPLE);
    target.probe.interval = Duration::from_secs(3600);
    target.probe.watch = true;
    let (sink, reports) = mpsc::channel(100);
    let prober = Prober::start(
        ProbeConfig::default(),
        sink,
        Clock::start(),
        std::future::pending(),
    );
    let begun = Begun {
        id: TargetId(1),
        target: Arc::new(target),
        group: 0,
    };
    prober.update(vec![begun], &[]);
    Site {
        process,
        reports,
        prober,
    }
}

impl Site {
    async fn next_outcome(&mut self) -> Outcome {
        let report = tokio::time::timeout(PATIENCE, self.reports.recv()).await;
        report
            .expect("a report")
            .expect("a prober")
            .observation
            .outcome
    }

    /// Waits for the first scheduled probe; returns the connections that stand.
    async fn settle(&mut self) -> Vec<oneshot::Sender<Deed>> {
        let connections = vec![self.process.take().await, self.process.take().await];
        assert_eq!(self.next_outcome().await, Outcome::Good);
        connections
    }

    /// Tells every connection, the quiet one among them.
    fn tell(connections: Vec<oneshot::Sender<Deed>>, deed: fn() -> Deed) {
        for connection in connections {
            // One of them is the probe's own, which is over.
            let _ = connection.send(deed());
        }
    }
}

#[tokio::test]
async fn the_death_of_a_process_is_confirmed_as_often_as_it_takes() {
    let mut site = site().await;
    let _connections = site.settle().await;
    site.process.task.abort();
    for _ in 0..3 {
        assert_eq!(site.next_outcome().await, Outcome::Bad);
    }
    let counts = site.prober.counters().read();
    assert_eq!((counts.confirming, counts.watched), (3, 1));
}

#[tokio::test]
async fn a_quiet_connection_that_is_closed_costs_one_probe() {
    for deed in [|| Deed::Close, || Deed::TalkOn] {
        let mut site = site().await;
        let connections = site.settle().await;
        Site::tell(connections, deed);
        assert_eq!(site.next_outcome().await, Outcome::Good);
        // The confirming probe's connection, and the next quiet one.
        let _probe = site.process.take().await;
        let _quiet = site.process.take().await;
        assert_eq!(site.prober.counters().read().confirming, 1);
    }
}

#[tokio::test]
async fn a_target_that_goes_is_watched_no_more() {
    let mut site = site().await;
    let connections = site.settle().await;
    site.prober.update(vec![], &[TargetId(1)]);
    // The ends of both connections are seen here, one after the other.
    let deadline = tokio::time::timeout(PATIENCE, async {
        while site.prober.counters().read().targets > 0 {
            tokio::task::yield_now().await;
        }
    });
    deadline.await.expect("the target goes");
    drop(connections);
    site.process.task.abort();
    assert!(site.reports.try_recv().is_err());
}
