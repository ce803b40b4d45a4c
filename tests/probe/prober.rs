//! The prober as a whole.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use leeward::clock::{Clock, Moment};
use leeward::health::{Finding, ProbeKind, Target, TargetId, Timeout};
use leeward::probe::{Begun, Handle, ProbeConfig, Prober, Report};
use tokio::sync::{mpsc, oneshot};

use crate::endpoint::{Play, ScriptedEndpoint, closed_address};
use crate::probing::{http_probe, target};
use crate::wait::PATIENCE;

const OK: &str = "HTTP/1.1 200 OK\r\n\r\n";

struct Started {
    handle: Handle,
    reports: mpsc::Receiver<Report>,
    stop: oneshot::Sender<()>,
}

fn start(in_flight_max: usize) -> Started {
    let (sink, reports) = mpsc::channel(64);
    let (stop, stopped) = oneshot::channel::<()>();
    let config = ProbeConfig {
        in_flight_max,
        ..ProbeConfig::default()
    };
    let handle = Prober::start(config, sink, Clock::start(), async {
        let _ = stopped.await;
    });
    Started {
        handle,
        reports,
        stop,
    }
}

impl Started {
    async fn next(&mut self) -> Report {
        let report = tokio::time::timeout(PATIENCE, self.reports.recv()).await;
        report.expect("a report in time").expect("a prober")
    }
}

fn every(address: SocketAddr, interval_millis: u64) -> Arc<Target> {
    let timeout = Timeout::Whole(Duration::from_millis(interval_millis));
    let mut target = target(address, ProbeKind::Http(http_probe()), timeout);
    target.probe.interval = Duration::from_millis(interval_millis);
    target.into()
}

fn begun(id: TargetId, target: Arc<Target>) -> Begun {
    Begun {
        id,
        target,
        group: 0,
    }
}

#[tokio::test]
async fn probes_at_once_and_then_again_and_again() {
    let endpoint = ScriptedEndpoint::open(vec![Play::say(OK)]).await;
    let mut prober = start(10);
    prober
        .handle
        .update(vec![begun(TargetId(7), every(endpoint.address, 100))], &[]);
    for _ in 0..3 {
        let report = prober.next().await;
        assert_eq!(report.target, TargetId(7));
        assert_eq!(
            report.observation.evidence.finding,
            Finding::Passed { status: 200 }
        );
    }
    let counts = prober.handle.counters().read();
    assert!(
        counts.started >= 3 && counts.good >= 3 && counts.targets == 1,
        "{counts:?}"
    );
}

#[tokio::test]
async fn delays_nobody_for_a_target_that_hangs() {
    let hanging = ScriptedEndpoint::open(vec![Play::SayAndHold(vec![])]).await;
    let good = ScriptedEndpoint::open(vec![Play::say(OK)]).await;
    let mut prober = start(10);
    let added = vec![
        begun(TargetId(0), every(hanging.address, 60_000)),
        begun(TargetId(1), every(good.address, 100)),
    ];
    prober.handle.update(added, &[]);
    for _ in 0..5 {
        assert_eq!(prober.next().await.target, TargetId(1));
    }
}

#[tokio::test]
async fn makes_probes_wait_but_never_fail_when_the_bound_is_reached() {
    let endpoint = ScriptedEndpoint::open(vec![Play::say(OK)]).await;
    let mut prober = start(1);
    let targets = (0..20).map(|id| begun(TargetId(id), every(endpoint.address, 300)));
    prober.handle.update(targets.collect(), &[]);
    let mut seen: HashMap<TargetId, u32> = HashMap::new();
    while seen.len() < 20 || seen.values().any(|count| *count < 2) {
        let report = prober.next().await;
        assert_eq!(
            report.observation.evidence.finding,
            Finding::Passed { status: 200 }
        );
        *seen.entry(report.target).or_default() += 1;
    }
    assert!(prober.handle.counters().read().in_flight <= 1);
}

#[tokio::test]
async fn lets_a_slow_listener_wait_for_nobody() {
    // The channel of reports is full long before anybody reads: probes wait, and go on once it is read.
    let refused = closed_address().await;
    let mut prober = start(1_000);
    let targets = (0..200).map(|id| begun(TargetId(id), every(refused, 100)));
    prober.handle.update(targets.collect(), &[]);
    while prober.handle.counters().read().bad < 200 {
        tokio::task::yield_now().await;
    }
    for _ in 0..400 {
        assert_eq!(
            prober.next().await.observation.evidence.finding,
            Finding::Refused
        );
    }
}

#[tokio::test]
async fn stops_targets_even_in_the_middle_of_a_probe() {
    let hanging = ScriptedEndpoint::open(vec![Play::SayAndHold(vec![])]).await;
    let good = ScriptedEndpoint::open(vec![Play::say(OK)]).await;
    let mut prober = start(10);
    prober.handle.update(
        vec![begun(TargetId(0), every(hanging.address, 60_000))],
        &[],
    );
    while hanging.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    prober.handle.update(
        vec![begun(TargetId(1), every(good.address, 100))],
        &[TargetId(0)],
    );
    assert_eq!(prober.next().await.target, TargetId(1));
    while prober.handle.counters().read().in_flight > 0 {
        prober.next().await;
    }
    assert_eq!(prober.handle.counters().read().targets, 1);
}

#[tokio::test]
async fn stops_when_told() {
    let hanging = ScriptedEndpoint::open(vec![Play::SayAndHold(vec![])]).await;
    let mut prober = start(10);
    prober.handle.update(
        vec![begun(TargetId(0), every(hanging.address, 60_000))],
        &[],
    );
    while hanging.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    prober.stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, prober.handle.join())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(prober.reports.recv().await, None);
}

// X2.
#[tokio::test]
async fn what_hangs_never_has_every_place() {
    let hanging = ScriptedEndpoint::open(vec![Play::SayAndHold(vec![])]).await;
    let good = ScriptedEndpoint::open(vec![Play::say(OK)]).await;
    let mut prober = start(16);
    prober
        .handle
        .update(vec![begun(TargetId(1000), every(good.address, 100))], &[]);
    // It is known to be brief before the others come.
    assert_eq!(prober.next().await.target, TargetId(1000));
    let hang = (0..100).map(|id| begun(TargetId(id), every(hanging.address, 60_000)));
    prober.handle.update(hang.collect(), &[]);
    let threads = prober.handle.threads(Moment::ZERO).0 as u64;
    loop {
        let report = prober.next().await;
        assert_eq!(report.target, TargetId(1000));
        let late = report.late.expect("it was due");
        assert!(late < PATIENCE, "{late:?}");
        let counts = prober.handle.counters().read().rooms[0];
        let part = (16 / threads) * 12 / 16 * threads;
        // The good one may be slow itself, where a machine is loaded.
        assert!(counts.held_long <= part + 1, "{counts:?}");
        if counts.held_long == part && counts.waiting == 100 - part {
            break;
        }
    }
    // From now on the good one goes on as if it were alone.
    for _ in 0..5 {
        assert_eq!(prober.next().await.target, TargetId(1000));
    }
    let counts = prober.handle.counters().read();
    assert_eq!(counts.rooms[0].crowded, 0, "{counts:?}");
}

// X2.
#[tokio::test]
async fn tells_who_started_late_for_want_of_a_place() {
    let hanging = ScriptedEndpoint::open(vec![Play::SayAndHold(vec![])]).await;
    let mut prober = start(1);
    let mut target = Target::clone(&every(hanging.address, 400));
    target.probe.timeout = Timeout::Whole(Duration::from_millis(300));
    let targets = (0..8).map(|id| begun(TargetId(id), Arc::new(target.clone())));
    prober.handle.update(targets.collect(), &[]);
    let mut latest = Duration::ZERO;
    while latest < Duration::from_millis(400) {
        latest = latest.max(prober.next().await.late.expect("it was due"));
    }
    let counts = prober.handle.counters().read();
    assert!(counts.rooms[0].crowded > 0 && counts.late >= counts.rooms[0].crowded);
    while prober.handle.counters().read().skipped == 0 {
        prober.next().await;
    }
}
