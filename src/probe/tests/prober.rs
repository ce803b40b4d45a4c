//! The prober as a whole.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::{Play, Stage, closed_address, http_probe, target};
use crate::clock::Clock;
use crate::health::{Finding, ProbeKind, Target, TargetId, Timeout};
use crate::probe::{Handle, ProbeConfig, Prober, Report};

const OK: &str = "HTTP/1.1 200 OK\r\n\r\n";

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(20);

struct Rig {
    handle: Handle,
    reports: mpsc::Receiver<Report>,
    stop: oneshot::Sender<()>,
}

fn start(in_flight_max: usize) -> Rig {
    let (sink, reports) = mpsc::channel(64);
    let (stop, stopped) = oneshot::channel::<()>();
    let config = ProbeConfig {
        in_flight_max,
        ..ProbeConfig::default()
    };
    let handle = Prober::start(config, sink, Clock::start(), async {
        let _ = stopped.await;
    });
    Rig {
        handle,
        reports,
        stop,
    }
}

impl Rig {
    async fn next(&mut self) -> Report {
        let report = tokio::time::timeout(PATIENCE, self.reports.recv()).await;
        report.expect("a report in time").expect("a prober")
    }
}

fn every(address: SocketAddr, interval_millis: u64) -> Arc<Target> {
    let timeout = Timeout::Whole(Duration::from_millis(interval_millis));
    let mut target = Target::clone(&target(address, ProbeKind::Http(http_probe()), timeout));
    target.probe.interval = Duration::from_millis(interval_millis);
    target.into()
}

#[tokio::test]
async fn probes_at_once_and_then_again_and_again() {
    let stage = Stage::open(vec![Play::say(OK)]).await;
    let mut rig = start(10);
    rig.handle
        .update(vec![(TargetId(7), every(stage.address, 100))], vec![]);
    for _ in 0..3 {
        let report = rig.next().await;
        assert_eq!(report.target, TargetId(7));
        assert_eq!(
            report.observation.evidence.finding,
            Finding::Passed { status: 200 }
        );
    }
    let counts = rig.handle.counters().read();
    assert!(
        counts.started >= 3 && counts.good >= 3 && counts.targets == 1,
        "{counts:?}"
    );
}

#[tokio::test]
async fn delays_nobody_for_a_target_that_hangs() {
    let hanging = Stage::open(vec![Play::SayAndHold(vec![])]).await;
    let good = Stage::open(vec![Play::say(OK)]).await;
    let mut rig = start(10);
    let added = vec![
        (TargetId(0), every(hanging.address, 60_000)),
        (TargetId(1), every(good.address, 100)),
    ];
    rig.handle.update(added, vec![]);
    for _ in 0..5 {
        assert_eq!(rig.next().await.target, TargetId(1));
    }
}

#[tokio::test]
async fn makes_probes_wait_but_never_fail_when_the_bound_is_reached() {
    let stage = Stage::open(vec![Play::say(OK)]).await;
    let mut rig = start(1);
    let targets = (0..20).map(|id| (TargetId(id), every(stage.address, 300)));
    rig.handle.update(targets.collect(), vec![]);
    let mut seen: HashMap<TargetId, u32> = HashMap::new();
    while seen.len() < 20 || seen.values().any(|count| *count < 2) {
        let report = rig.next().await;
        assert_eq!(
            report.observation.evidence.finding,
            Finding::Passed { status: 200 }
        );
        *seen.entry(report.target).or_default() += 1;
    }
    assert!(rig.handle.counters().read().in_flight <= 1);
}

#[tokio::test]
async fn lets_a_slow_listener_wait_for_nobody() {
    // The channel of reports is full long before anybody reads: probes wait, and go on once it is read.
    let refused = closed_address().await;
    let mut rig = start(1_000);
    let targets = (0..200).map(|id| (TargetId(id), every(refused, 100)));
    rig.handle.update(targets.collect(), vec![]);
    while rig.handle.counters().read().bad < 200 {
        tokio::task::yield_now().await;
    }
    for _ in 0..400 {
        assert_eq!(
            rig.next().await.observation.evidence.finding,
            Finding::Refused
        );
    }
}

#[tokio::test]
async fn stops_targets_even_in_the_middle_of_a_probe() {
    let hanging = Stage::open(vec![Play::SayAndHold(vec![])]).await;
    let good = Stage::open(vec![Play::say(OK)]).await;
    let mut rig = start(10);
    rig.handle
        .update(vec![(TargetId(0), every(hanging.address, 60_000))], vec![]);
    while hanging.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    rig.handle.update(
        vec![(TargetId(1), every(good.address, 100))],
        vec![TargetId(0)],
    );
    assert_eq!(rig.next().await.target, TargetId(1));
    while rig.handle.counters().read().in_flight > 0 {
        rig.next().await;
    }
    assert_eq!(rig.handle.counters().read().targets, 1);
}

#[tokio::test]
async fn stops_when_told() {
    let hanging = Stage::open(vec![Play::SayAndHold(vec![])]).await;
    let mut rig = start(10);
    rig.handle
        .update(vec![(TargetId(0), every(hanging.address, 60_000))], vec![]);
    while hanging.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    rig.stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, rig.handle.join())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(rig.reports.recv().await, None);
}
