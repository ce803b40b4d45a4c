//! Tests of the table of targets.

use super::*;
use crate::health::{Damping, Endpoint, Phases, ProbeKind, ProbeRecipe, TcpProbe, Timeout};

fn target(last_octet: u8, interval_secs: u64) -> Target {
    Target {
        probe: ProbeRecipe {
            endpoint: Endpoint::Address([192, 0, 2, last_octet].into()),
            port: 80,
            kind: ProbeKind::Tcp(TcpProbe {
                tls: None,
                send: None,
                contains: None,
                regex: None,
            }),
            interval: Duration::from_secs(interval_secs),
            timeout: Timeout::Whole(Duration::from_secs(1)),
            watch: false,
        },
        damping: Damping {
            rise: 2,
            fall: 1,
            forgive: 1,
            degraded: None,
        },
    }
}

fn fail(targets: &mut Targets, target: &Target, now: Moment) -> Option<Transition> {
    let id = targets.id(target).expect("the target is in the table");
    let observation = Observation::new(Finding::Refused.into(), Phases::default(), now);
    targets.observe(id, observation, now)
}

fn at(secs: u64) -> Moment {
    Moment::from_secs(secs)
}

#[test]
fn probes_equal_targets_once_and_keeps_their_state() {
    let mut targets = Targets::default();
    let (one, two, three) = (target(1, 10), target(2, 10), target(3, 10));
    let wanted = [one.clone(), two.clone(), one.clone()];
    let changes = targets.reconcile(wanted.into_iter(), at(1));
    assert_eq!((changes.added.len(), changes.removed.len()), (2, 0));
    let id = targets.id(&one).expect("it was wanted");
    assert_eq!(targets.row(id).expect("in use").references, 2);
    assert_eq!(targets.count_unprobed(), 2);
    assert!(fail(&mut targets, &one, at(2)).is_some());
    assert_eq!(targets.count_unprobed(), 1);

    let changes = targets.reconcile([one.clone(), three].into_iter(), at(3));
    assert_eq!((changes.added.len(), changes.removed.len()), (1, 1));
    assert_eq!(targets.id(&one), Some(id));
    assert_eq!(targets.status(id), Status::Unhealthy);
    assert_eq!(targets.id(&two), None);
    assert_eq!(targets.rows().count(), targets.len());
}

#[test]
fn gives_an_id_to_another_target_only_after_a_rest() {
    let mut targets = Targets::default();
    targets.reconcile([target(1, 10)].into_iter(), at(1));
    let gone = targets.id(&target(1, 10)).expect("it was wanted");
    targets.reconcile(std::iter::empty(), at(2));
    targets.reconcile([target(2, 10)].into_iter(), at(3));
    assert_ne!(targets.id(&target(2, 10)), Some(gone));
    let late = Observation::new(Finding::Refused.into(), Phases::default(), at(3));
    assert_eq!(targets.observe(gone, late, at(3)), None);
    targets.reconcile([target(2, 10), target(3, 10)].into_iter(), at(200));
    assert_eq!(targets.id(&target(3, 10)), Some(gone));
    assert_eq!(targets.ids_end(), 2);
}

#[test]
fn keeps_the_status_when_only_the_timing_changes() {
    let mut targets = Targets::default();
    targets.reconcile([target(1, 10)].into_iter(), at(1));
    fail(&mut targets, &target(1, 10), at(2));
    targets.reconcile([target(1, 5)].into_iter(), at(12));
    let id = targets.id(&target(1, 5)).expect("it was wanted");
    let row = targets.row(id).expect("in use");
    assert_eq!(row.state.status, Status::Unhealthy);
    assert_eq!(row.held(at(13)), Duration::from_secs(11));
    assert_eq!(row.state.last_evidence.to_string(), "connect refused");
}

#[test]
fn carries_statuses_over_a_restart() {
    let mut before = Targets::default();
    before.reconcile([target(1, 10), target(2, 10)].into_iter(), at(1));
    fail(&mut before, &target(1, 10), at(2));
    let wall = WallTime::from_millis(1_800_000_000_000);
    let saved = before.table().save(at(5), wall);
    assert_eq!(saved.len(), 1, "unknown is not saved");
    let text = serde_json::to_string(&saved).expect("plain data");
    let read: Vec<SavedStatus> = serde_json::from_str(&text).expect("as written");
    assert_eq!(read, saved);

    let minute = Duration::from_secs(60);
    let cases = [
        ("soon", wall.after(minute), Status::Unhealthy),
        ("too late", wall.after(minute * 60), Status::Unknown),
        (
            "the clock went back",
            WallTime::from_millis(1),
            Status::Unknown,
        ),
    ];
    for (name, wall, wanted) in cases {
        let mut after = Targets::default();
        let restored = after.restore(saved.clone(), at(1), wall);
        let dropped = if wanted == Status::Unknown {
            saved.len()
        } else {
            0
        };
        assert_eq!(restored.dropped, dropped, "{name}");
        after.reconcile([target(1, 10), target(2, 10)].into_iter(), at(1));
        let id = after.id(&target(1, 10)).expect("it was wanted");
        assert_eq!(after.status(id), wanted, "{name}");
        if wanted == Status::Unhealthy {
            let row = after.row(id).expect("in use");
            assert_eq!(row.held(at(1)), Duration::from_secs(63));
            let evidence = row.state.last_evidence.to_string();
            assert_eq!(evidence, "connect refused (before the restart)");
            // Saved again before any probe ended, the record is as old as it was.
            assert_eq!(
                after.table().save(at(1), wall)[0].heard_ms,
                saved[0].heard_ms
            );
        }
    }
}

#[test]
fn notices_silence() {
    let mut targets = Targets::default();
    targets.reconcile([target(1, 10)].into_iter(), at(1));
    fail(&mut targets, &target(1, 10), at(2));
    assert!(targets.tick(at(42)).is_empty());
    let transitions = targets.tick(at(43));
    assert_eq!(transitions.len(), 1);
    assert_eq!(transitions[0].1.to, Status::Unknown);
    assert!(targets.tick(at(99)).is_empty());
}
