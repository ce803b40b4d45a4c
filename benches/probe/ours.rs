//! Checks by this crate's prober.

use std::net::SocketAddr;
use std::time::Duration;

use leeward::clock::{Clock, Moment};
use leeward::health::{
    Damping, Endpoint, HttpProbe, Outcome, ProbeKind, ProbeRecipe, Target, Targets, Timeout,
    TlsProbe,
};
use leeward::probe::{Begun, ProbeConfig, ProbeCounts, Prober};
use tokio::sync::mpsc;

use super::figures::{Figures, Usage, resident_kib};
use super::{Load, endpoint, target_address};

pub(crate) fn measure(server: SocketAddr, load: Load, authority: Option<String>) -> Figures {
    let tls = authority.map(|pem| TlsProbe {
        server_name: Some(endpoint::HOST.to_owned()),
        verify: true,
        ca_pem: Some(pem),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run(server, load, tls))
}

async fn run(server: SocketAddr, load: Load, tls: Option<TlsProbe>) -> Figures {
    let clock = Clock::start();
    let mut table = Targets::default();
    let idle_kib = resident_kib();
    let wanted = (0..load.targets).map(|number| target(server, number, load, tls.clone()));
    let changes = table.reconcile(wanted, clock.now());
    let (sink, mut reports) = mpsc::channel(1024);
    let handle = Prober::start(ProbeConfig::default(), sink, clock, std::future::pending());
    let begun = changes.added.into_iter().map(|(id, target)| Begun {
        id,
        target,
        group: 0,
    });
    handle.update(begun.collect(), &changes.removed);
    let warm = clock.now().after(load.interval);
    let mut begin: Option<(Moment, Usage, ProbeCounts)> = None;
    let counters = handle.counters();
    let (mut ended, mut failed) = (0, 0);
    loop {
        let report = reports.recv().await.expect("the prober runs");
        let now = clock.now();
        if begin.is_some() {
            ended += 1;
            failed += u64::from(report.observation.outcome != Outcome::Good);
        }
        table.observe(report.target, report.observation, now);
        match begin {
            None if now >= warm => begin = Some((now, Usage::read(), counters.read())),
            Some((since, before, counts)) if now.since(since) >= load.length => {
                let length = now.since(since);
                let figures = Figures::between(before, Usage::read(), ended, length);
                let after = counters.read();
                let started = (after.started - counts.started).max(1) as f64;
                let grown = resident_kib().saturating_sub(idle_kib) * 1024;
                return Figures {
                    failed: failed as f64,
                    bytes_a_target: grown as f64 / load.targets as f64,
                    late: (after.late - counts.late) as f64,
                    lateness_ms: (after.lateness_nanos - counts.lateness_nanos) as f64
                        / started
                        / 1e6,
                    ..figures
                };
            }
            _ => {}
        }
    }
}

fn target(server: SocketAddr, number: u64, load: Load, tls: Option<TlsProbe>) -> Target {
    Target {
        probe: ProbeRecipe {
            endpoint: Endpoint::Address(target_address(server, number).ip()),
            port: server.port(),
            kind: ProbeKind::Http(HttpProbe {
                tls,
                method: "GET".into(),
                path: "/healthz".into(),
                host: endpoint::HOST.into(),
                headers: vec![],
                status: vec![(200, 299)],
                contains: Some("ready".into()),
                regex: None,
                follow_redirects: 0,
                days_left: 0,
                header_bytes: HttpProbe::HEADER_BYTES,
            }),
            interval: load.interval,
            watch: false,
            timeout: Timeout::Whole(load.interval.min(Duration::from_secs(3))),
        },
        damping: Damping {
            rise: 2,
            fall: 3,
            forgive: 1,
            degraded: None,
        },
    }
}
