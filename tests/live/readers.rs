//! Flips while others read the status: how long it takes from the hand-in of an observation until its world is published.
//!
//! Small by default. The figures of `docs/performance.md` are those of `LEEWARD_READERS=10 cargo nextest run --test sockets
//! live::readers --no-capture`: 10,000 targets, so many readers.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use leeward::admin::{self, Ask, HeartbeatReport};
use tokio::sync::oneshot;

use super::stage::Live;

/// Members of one pool.
const MEMBERS: usize = 50;
/// Time between two flips, so that they meet reports at every stage.
const GAP: Duration = Duration::from_millis(7);
/// The longest flip that passes on a crowded machine.
const FLIP_MAX: Duration = Duration::from_secs(10);

/// A zone with a failover on one heartbeat, and a crowd of targets that are probed now and then.
fn zone(targets: usize) -> String {
    let mut text = "zone = \"crowd.example\"\n[checks.crowd]\ntype = \"tcp\"\nport = 9\ninterval = \"30s\"\n\
                    [checks.job]\ntype = \"heartbeat\"\nevery = \"1h\"\nfall = 1\nrise = 1\n[pools]\n\
                    fresh = { check = \"job\", members = [\"192.0.2.1\"] }\nsorry = { members = [\"192.0.2.2\"] }\n"
        .to_owned();
    for pool in 0..targets / MEMBERS {
        let first = pool * MEMBERS + 1;
        let members =
            (first..first + MEMBERS).map(|at| format!("\"127.1.{}.{}\"", at >> 8, at & 255));
        let members: Vec<String> = members.collect();
        let _ = writeln!(
            text,
            "p{pool} = {{ check = \"crowd\", members = [{}] }}",
            members.join(", ")
        );
    }
    text.push_str(
        "[names]\n\"@\".NS = \"ns.example.net.\"\nwww.failover = [\"fresh\", \"sorry\"]\n",
    );
    for pool in 0..targets / MEMBERS {
        let _ = writeln!(text, "c{pool} = \"p{pool}\"");
    }
    text
}

/// Hands heartbeats in that alternate, and returns how long each took until it was in force.
fn time_flips(live: &Live, flips: usize) -> Vec<Duration> {
    let (_never, quiet) = mpsc::channel::<()>();
    let asks = live.running().asks();
    let mut spans = Vec::new();
    for flip in 0..flips {
        let _ = quiet.recv_timeout(GAP);
        let report = HeartbeatReport {
            zone: None,
            check: "job".to_owned(),
            is_good: flip % 2 == 1,
            note: String::new(),
        };
        let began = Instant::now();
        let (sender, answer) = oneshot::channel();
        let asked = asks.blocking_send(Ask::Heartbeat(report, sender));
        asked.expect("the server runs");
        let answer = answer.blocking_recv();
        spans.push(began.elapsed());
        let kept = answer.expect("an answer");
        kept.expect("the heartbeat is counted");
    }
    spans.sort_unstable();
    spans
}

fn figures(spans: &[Duration]) -> String {
    let at = |percent: usize| spans[(spans.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    format!(
        "{} flips, p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        spans.len(),
        at(50),
        at(90),
        at(99),
        at(100)
    )
}

#[test]
fn readers_of_the_status_delay_no_flip() {
    let readers = std::env::var("LEEWARD_READERS").ok();
    let readers: Option<usize> = readers.and_then(|text| text.parse().ok());
    let (targets, flips) = if readers.is_some() {
        (10_000, 400)
    } else {
        (500, 40)
    };
    let readers = readers.unwrap_or(3);
    let live = Live::start(&[("crowd.toml", &zone(targets))], |config, _| {
        // Every target of the crowd refuses, and that is no doubt of ours.
        config.self_doubt.is_enabled = false;
        config.poll = None;
    });
    let alone = time_flips(&live, flips);
    let (is_over, fetched) = (AtomicBool::new(false), AtomicUsize::new(0));
    let beside = std::thread::scope(|scope| {
        for reader in 0..readers {
            let (is_over, fetched, http) = (&is_over, &fetched, live.http());
            let path = if reader % 2 == 0 { "/" } else { "/api/status" };
            scope.spawn(move || {
                let (_never, quiet) = mpsc::channel::<()>();
                while !is_over.load(Ordering::Relaxed) {
                    match admin::get(http, path) {
                        Ok(text) => {
                            assert!(text.contains("127.1.1.1"), "every target is listed");
                            fetched.fetch_add(1, Ordering::Relaxed);
                        }
                        // The places of one address are taken, or the report took too long.
                        Err(_) => drop(quiet.recv_timeout(GAP)),
                    }
                }
            });
        }
        let spans = time_flips(&live, flips);
        is_over.store(true, Ordering::Relaxed);
        spans
    });
    let fetched = fetched.load(Ordering::Relaxed);
    println!("{targets} targets, nobody reads: {}", figures(&alone));
    println!(
        "{targets} targets, {readers} readers ({fetched} reports): {}",
        figures(&beside)
    );
    assert!(fetched > 0, "no report was read");
    let longest = beside[beside.len() - 1];
    assert!(longest < FLIP_MAX, "a flip took {longest:?}");
}
