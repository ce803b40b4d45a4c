//! Tests of self-doubt, in virtual time.

use super::super::{
    Damping, Endpoint, Finding, Observation, Phases, ProbeKind, ProbeRecipe, Target, TcpProbe,
    Timeout,
};
use super::*;
use crate::clock::WallTime;
use proptest::prelude::*;

const INTERVAL: Duration = Duration::from_secs(10);

fn target(last_octet: u8) -> Target {
    target_at(Endpoint::Address([192, 0, 2, last_octet].into()), 80)
}

fn target_at(endpoint: Endpoint, port: u16) -> Target {
    Target {
        probe: ProbeRecipe {
            endpoint,
            port,
            kind: ProbeKind::Tcp(TcpProbe {
                tls: None,
                send: None,
                contains: None,
                regex: None,
            }),
            interval: INTERVAL,
            timeout: Timeout::Whole(Duration::from_secs(1)),
            watch: false,
        },
        damping: Damping {
            rise: 2,
            fall: 2,
            forgive: 1,
            degraded: None,
        },
    }
}

/// Targets, all healthy at first; by the number of a target its letter in each round.
struct Play {
    wanted: Vec<Target>,
    targets: Targets,
    doubt: SelfDoubt,
    now: Moment,
}

impl Play {
    /// Makes `count` targets of one zone, spread over `sites`; the first are anchors if wanted.
    fn new(count: u8, sites: u32, anchors: usize) -> Self {
        let homes = (0..count).map(|number| home(0, u32::from(number) % sites));
        Self::of((0..count).map(target).zip(homes).collect(), anchors)
    }

    /// Targets of several zones: so many each, each on a site of its own.
    fn of_zones(counts: &[u8]) -> Self {
        let zones = counts.iter().zip(0..).flat_map(|(count, zone)| {
            (0..*count).map(move |at| home(zone, zone * 100 + u32::from(at)))
        });
        Self::of((0..).map(target).zip(zones).collect(), 0)
    }

    fn of(wanted: Vec<(Target, Home)>, anchors: usize) -> Self {
        let mut play = Self::unseen(wanted, anchors, Targets::default());
        play.see(&"G".repeat(play.wanted.len()));
        play
    }

    /// Targets that no probe has seen yet.
    fn unseen(wanted: Vec<(Target, Home)>, anchors: usize, mut targets: Targets) -> Self {
        let (wanted, homes): (Vec<Target>, Vec<Home>) = wanted.into_iter().unzip();
        targets.reconcile(wanted.iter().cloned(), Moment::from_secs(1));
        let ids: Vec<TargetId> = wanted
            .iter()
            .map(|target| targets.id(target).expect("it was wanted"))
            .collect();
        let mut by_id = vec![Home::default(); targets.ids_end()];
        for (id, home) in ids.iter().zip(homes) {
            by_id[id.0 as usize] = home;
        }
        let mut doubt = SelfDoubt::default();
        doubt.know(ids[..anchors].to_vec(), by_id, &targets);
        Self {
            wanted,
            targets,
            doubt,
            now: Moment::from_secs(10),
        }
    }

    /// Probes each target once by its letter, `-` for none; returns whether the server doubts itself then.
    fn see(&mut self, letters: &str) -> bool {
        self.now = self.now.after(INTERVAL);
        self.judge(&Uncounted::default());
        for (target, letter) in self.wanted.clone().iter().zip(letters.chars()) {
            let finding = match letter {
                'G' => Finding::Passed { status: 200 },
                'B' => Finding::Refused,
                '-' => continue,
                _ => Finding::OutOfDescriptors,
            };
            let id = self.targets.id(target).expect("it was wanted");
            let seen = Observation::new(finding.into(), Phases::default(), self.now);
            self.judge(&Uncounted::new(&self.targets, [(id, &seen)]));
            self.targets.observe(id, seen, self.now);
        }
        self.doubt.doubt().is_some()
    }

    fn judge(&mut self, uncounted: &Uncounted) {
        if let Some(change) = self.doubt.judge(&self.targets, uncounted, self.now) {
            let is_doubting = matches!(change, DoubtChange::Began(_));
            self.targets.doubt(is_doubting, self.now);
        }
    }

    fn healthy(&self) -> usize {
        self.targets
            .rows()
            .filter(|row| row.state.status == Status::Healthy)
            .count()
    }
}

#[test]
fn most_targets_failing_at_once_are_our_own_fault() {
    let mut play = Play::new(10, 3, 0);
    assert!(!play.see("BBBBBBGGGG"), "six of ten");
    let mut play = Play::new(10, 3, 0);
    assert!(
        !play.see("BBBBBBBGGG"),
        "four of six without the first site"
    );
    let mut play = Play::new(10, 3, 0);
    assert!(play.see("BBBBBBBBGG"), "eight of ten");
    for _ in 0..20 {
        assert!(play.see("BBBBBBBBBB"));
    }
    assert_eq!(play.healthy(), 10, "every status is held");
    assert!(play.see("BBBBBBGGGG"), "more than half of them still fail");
    assert!(!play.see("BBBBBGGGGG"), "and it recovers by itself");
    assert_eq!(play.healthy(), 10);
    assert!(!play.see("BBBBBGGGGG"), "counted from nothing");
    assert_eq!(play.healthy(), 10);
    assert!(!play.see("BBBBBGGGGG"));
    assert_eq!(play.healthy(), 5, "who goes on failing falls");
}

#[test]
fn too_few_targets_or_sites_can_tell_nothing() {
    let cases = [
        ("seven targets", 7, 3, "BBBBBBB"),
        ("two sites", 10, 2, "BBBBBBBBBB"),
    ];
    for (title, count, sites, letters) in cases {
        let mut play = Play::new(count, sites, 0);
        assert!(!play.see(letters), "{title}");
        play.see(letters);
        assert_eq!(play.healthy(), 0, "{title}");
    }
    let mut play = Play::new(12, 6, 0);
    // Sites 0 and 1 have two each, so four of twelve; then slowly all.
    assert!(!play.see("BBGGGGBBGGGG"));
    assert!(
        !play.see("BBBBGGBBBBGG"),
        "eight of twelve, not all at once"
    );
}

#[test]
fn anchors_alone_decide() {
    let mut play = Play::new(10, 3, 2);
    assert!(
        !play.see("GGBBBBBBBB"),
        "the anchors pass: it is them, not us"
    );
    play.see("GGBBBBBBBB");
    assert_eq!(play.healthy(), 2);
    let mut play = Play::new(10, 3, 2);
    assert!(!play.see("BGBBBBBBBB"), "one anchor is enough");
    let mut play = Play::new(10, 3, 2);
    assert!(play.see("BBGGGGGGGG"), "without anchors we know nothing");
    assert!(play.see("NNBBBBBBBB"));
    assert!(play.see("BBBBBBBBBB"));
    assert_eq!(play.healthy(), 10);
    assert!(
        !play.see("GBBBBBBBBB"),
        "the first anchor that passes ends it"
    );
}

#[test]
fn reads_as_a_sentence() {
    let cases = [
        (Cause::Anchors(1), "the only anchor does not pass"),
        (Cause::Anchors(3), "none of 3 anchors passes"),
        (
            Cause::Targets {
                failing: 9,
                of: 12,
                sites: 4,
            },
            "9 of 12 healthy targets, on 4 sites, began to fail at once",
        ),
    ];
    for (cause, wanted) in cases {
        assert_eq!(cause.to_string(), wanted);
    }
}

fn home(zone: u32, site: u32) -> Home {
    Home {
        zone: Some(zone),
        site: Some(site),
    }
}

// X1.
#[test]
fn targets_that_never_were_healthy_hold_nothing() {
    let wanted = || {
        let homes = (0..16).map(|number| home(u32::from(number >= 4), number));
        (0..16).map(target).zip(homes).collect::<Vec<_>>()
    };
    let mut play = Play::unseen(wanted(), 0, Targets::default());
    for _ in 0..5 {
        assert!(
            !play.see("GGGGBBBBBBBBBBBB"),
            "twelve are dead from the start"
        );
    }
    assert!(!play.see("BGGGBBBBBBBBBBBB"));
    assert!(!play.see("BGGGBBBBBBBBBBBB"));
    assert_eq!(play.healthy(), 3, "a good one that dies falls as usual");
    // The same where an earlier run saved that they were healthy, and that they were not.
    for saved in ['G', 'B'] {
        let mut first = Play::unseen(wanted(), 0, Targets::default());
        for _ in 0..3 {
            first.see(&saved.to_string().repeat(16));
        }
        let wall = WallTime::from_millis(1_800_000_000_000);
        let mut targets = Targets::default();
        let kept = targets.restore(first.targets.table().save(first.now, wall), first.now, wall);
        assert_eq!(kept.kept, 16);
        let mut play = Play::unseen(wanted(), 0, targets);
        assert!(!play.see("GGGGBBBBBBBBBBBB"), "{saved}");
        assert!(!play.see("BGGGBBBBBBBBBBBB"), "{saved}");
        assert!(!play.see("BGGGBBBBBBBBBBBB"), "{saved}");
        assert_eq!(play.healthy(), 3, "{saved}");
    }
}

// X1.
#[test]
fn statuses_that_an_earlier_run_saved_hold_nothing() {
    let wanted = || {
        let homes = (0..16).map(|number| home(number, number));
        (0..16).map(target).zip(homes).collect::<Vec<_>>()
    };
    let mut first = Play::unseen(wanted(), 0, Targets::default());
    for _ in 0..3 {
        first.see("GGGGGGGGGGGGGGGG");
    }
    let wall = WallTime::from_millis(1_800_000_000_000);
    let mut targets = Targets::default();
    targets.restore(first.targets.table().save(first.now, wall), first.now, wall);
    let mut play = Play::unseen(wanted(), 0, targets);
    assert!(!play.see("GGGGBBBBBBBBBBBB"), "no probe of this run passed");
    assert!(first.see("GGGGBBBBBBBBBBBB"), "they passed in the first");
}

// X1.
#[test]
fn no_zone_no_site_and_no_endpoint_decides_alone() {
    let mut play = Play::of_zones(&[12, 4]);
    assert!(!play.see("BBBBBBBBBBBBGGGG"), "the large zone alone");
    assert!(!play.see("BBBBBBBBBBBBBGGG"));
    assert!(!play.see("BBBBBBBBBBBBBGGG"));
    assert_eq!(play.healthy(), 3);
    let mut play = Play::of_zones(&[12, 3]);
    assert!(!play.see("BBBBBBBBBBBBBBB"), "three others cannot tell");
    let mut play = Play::of_zones(&[12, 4]);
    assert!(
        play.see("BBBBBBBBBBBBBBBG"),
        "three of the four others fail, too"
    );
    let mut play = Play::of_zones(&[12]);
    assert!(play.see("BBBBBBBBBBBB"), "nobody else can be asked");

    let at_site = |number: u8| home(number.into(), u32::from(number.saturating_sub(9)));
    let of_sites = |_| {
        (0..14)
            .map(|number| (target(number), at_site(number)))
            .collect()
    };
    let mut play = Play::of(of_sites(()), 0);
    assert!(!play.see("BBBBBBBBBBBBGG"), "a large site, and two others");

    // Fourteen paths behind one address and port, and six more.
    let shared = Endpoint::Address([203, 0, 113, 1].into());
    let of_endpoints = (0..20u8).map(|number| {
        let mut target = match number {
            0..14 => target_at(shared.clone(), 80),
            _ => target(number),
        };
        target.probe.timeout = Timeout::Whole(Duration::from_millis(900 + u64::from(number)));
        (target, home(number.into(), number.into()))
    });
    let mut play = Play::of(of_endpoints.collect(), 0);
    assert!(!play.see("BBBBBBBBBBBBBBGGGGGG"), "one endpoint");
    assert!(
        play.see("BBBBBBBBBBBBBBBBBBBB"),
        "all of them within two intervals"
    );
}

// X1.
#[test]
fn a_doubt_without_anchors_ends_in_time_and_does_not_begin_from_the_same_failures() {
    let mut play = Play::of_zones(&[6, 6]);
    assert!(play.see("BBBBBBBBBBBB"));
    let doubt = play.doubt.doubt().expect("it lasts");
    assert_eq!(doubt.until, Some(doubt.since.after(HELD_MAX)));
    let mut rounds = 0;
    while play.see("BBBBBBBBBBBB") {
        assert_eq!(play.healthy(), 12);
        rounds += 1;
        assert!(rounds < 40, "it has an end");
    }
    assert_eq!(play.now.since(doubt.since), HELD_MAX);
    for _ in 0..40 {
        assert!(!play.see("BBBBBBBBBBBB"), "not from the same failures");
    }
    assert_eq!(play.healthy(), 0, "statuses follow probes again");
    (0..3).for_each(|_| assert!(!play.see("GGGGGGGGGGGG")));
    assert!(play.see("BBBBBBBBBBBB"), "from new ones it does");
    // One that is as old as its interval is long, and slow to be probed again, begins none either.
    let mut play = Play::of_zones(&[6, 6]);
    assert!(play.see("BBBBBBBBBBBB"));
    play.now = play.now.after(HELD_MAX - INTERVAL);
    assert!(!play.see("BBBBBBBBBBBB"));
    let slower = play.wanted.iter().cloned().map(|mut target| {
        target.probe.interval = HELD_MAX * 4;
        target
    });
    play.wanted = slower.collect();
    play.targets
        .reconcile(play.wanted.iter().cloned(), play.now);
    let homes = (0..play.targets.ids_end() as u32).map(|at| home(at % 2, at));
    play.doubt.know(Vec::new(), homes.collect(), &play.targets);
    assert!(
        !play.see("BBBBBBBBBBBB"),
        "a reload with other timing is no news"
    );
    // With anchors there is no such end.
    let mut play = Play::new(10, 3, 2);
    (0..60).for_each(|_| assert!(play.see("BBBBBBBBBB")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// X1: whatever one zone does, with most of all targets on as many sites as it likes, the others fall as usual.
    #[test]
    fn a_zone_cannot_hold_the_others(
        rounds in prop::collection::vec("[GBN-]{20}", 1..60), dies_at in 0usize..40,
    ) {
        let mut play = Play::of_zones(&[20, 6]);
        for (number, round) in rounds.iter().enumerate() {
            let others = if number < dies_at { "GGGGGG" } else { "BGGGGG" };
            prop_assert!(!play.see(&format!("{round}{others}")), "round {}", number);
        }
        let victim = play.targets.id(&play.wanted[20]).expect("it was wanted");
        let is_dead = rounds.len() >= dies_at + 2;
        prop_assert_eq!(play.targets.status(victim) == Status::Unhealthy, is_dead);
    }

    /// X1: a doubt without anchors never outlasts its time, and only what passed before can begin it.
    #[test]
    fn every_doubt_has_its_reason_and_its_end(
        rounds in prop::collection::vec("[GB]{2}|BB|GG", 1..120), passes in prop::bool::ANY,
    ) {
        let homes = (0..16).map(|number| home(number % 4, number));
        let wanted = (0..).map(target).zip(homes).collect();
        let mut play = Play::unseen(wanted, 0, Targets::default());
        if passes {
            play.see(&"G".repeat(16));
        }
        let mut has_passed = passes;
        for round in rounds {
            let letters: String = round.chars().flat_map(|letter| [letter; 8]).collect();
            let is_doubting = play.see(&letters);
            prop_assert!(has_passed || !is_doubting, "nobody ever passed");
            has_passed |= round.contains('G');
            if let Some(doubt) = play.doubt.doubt() {
                prop_assert!(play.now.since(doubt.since) < HELD_MAX);
            }
        }
    }

    /// The purpose: our own link is cut, and whatever the sizes of zones and sites nothing falls meanwhile.
    #[test]
    fn a_cut_of_our_own_link_is_held(
        sizes in prop::collection::vec(1u8..9, 3..6), length in 1usize..25, letter in "[BN]",
    ) {
        let mut play = Play::of_zones(&sizes);
        let count = play.wanted.len();
        let total: usize = sizes.iter().map(|size| usize::from(*size)).sum();
        let largest = sizes.iter().max().copied().map_or(0, usize::from);
        prop_assume!(total >= 8 && total - largest >= 4);
        for _ in 0..length {
            prop_assert!(play.see(&letter.repeat(count)));
        }
        prop_assert_eq!(play.healthy(), count);
        play.see(&"G".repeat(count));
        prop_assert!(play.doubt.doubt().is_none());
    }
}
