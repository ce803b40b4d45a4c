//! `simulate`: who gets what before and after, traffic by pool, single losses.

use leeward::clock::Clock;
use leeward::daemon::{ZoneSet, premises_of};
use leeward::geo::Locations;
use leeward::simulate::{
    Asking, Hazard, Losses, Observed, SimulateRequest, Simulation, Suppositions, simulate,
    simulation_text,
};
use leeward::wire::{Name, Rtype};

use super::ground::{SHOP, load};

fn run(set: &ZoneSet, request: &SimulateRequest) -> Simulation {
    let premises = premises_of(set, Clock::start().wall());
    simulate(&premises, &Locations::unknown(), request).expect("references that mean something")
}

fn without(down: &[&str]) -> SimulateRequest {
    SimulateRequest {
        suppose: Suppositions {
            down: down.iter().map(|text| (*text).to_owned()).collect(),
            ..Suppositions::default()
        },
        ..SimulateRequest::default()
    }
}

/// Returns `NAME FROM: BEFORE -> AFTER` of every answer whose records change.
fn changes(simulation: &Simulation) -> Vec<String> {
    let changed = simulation.answers.iter().filter(|answer| answer.is_changed);
    changed
        .map(|answer| {
            let name = answer.name.trim_end_matches(".shop.example.");
            format!(
                "{name} {}: {} -> {}",
                answer.from,
                answer.before.shown(),
                answer.after.shown()
            )
        })
        .collect()
}

#[test]
fn a_loss_moves_what_it_should_and_nothing_else() {
    let set = load(&[("shop.toml", SHOP)]);
    let cases: [(&[&str], &[&str]); 5] = [
        (&[], &[]),
        (
            &["pool:us"],
            &[
                "api elsewhere: us -> us (last resort)",
                "split anywhere: us 75 %, eu 25 % -> eu",
                "www anywhere: us -> eu",
            ],
        ),
        (
            &["site:eu-west-1"],
            &["api EU: eu -> us", "split anywhere: us 75 %, eu 25 % -> us"],
        ),
        (
            &["target:us/192.0.2.1"],
            &[
                "api elsewhere: us -> us",
                "split anywhere: us 75 %, eu 25 % -> us 75 %, eu 25 %",
                "www anywhere: us -> us",
            ],
        ),
        (&["pool:lone"], &["strict anywhere: lone -> no records"]),
    ];
    for (down, wanted) in cases {
        let mut got = changes(&run(&set, &without(down)));
        // Records that stay the same on last resort are no change of records.
        let is_same = |line: &&str| line.ends_with("us -> us (last resort)");
        let wanted: Vec<&str> = wanted
            .iter()
            .filter(|line| !is_same(line))
            .copied()
            .collect();
        got.sort();
        assert_eq!(got, wanted, "{down:?}");
    }
}

#[test]
fn hazards_are_told_only_of_what_the_loss_brings() {
    let set = load(&[("shop.toml", SHOP)]);
    let hazards = |request: &SimulateRequest| -> Vec<(String, Hazard)> {
        let answers = run(&set, request).answers.into_iter();
        answers
            .filter_map(|answer| Some((answer.name.split('.').next()?.to_owned(), answer.hazard?)))
            .collect()
    };
    assert_eq!(
        hazards(&without(&["pool:us"])),
        [("api".to_owned(), Hazard::LastResort)]
    );
    assert_eq!(
        hazards(&without(&["pool:lone"])),
        [
            ("lone".to_owned(), Hazard::LastResort),
            ("strict".to_owned(), Hazard::Empty)
        ]
    );
}

#[test]
fn a_drain_moves_traffic_and_up_wins_over_both() {
    let set = load(&[("shop.toml", SHOP)]);
    let mut request = SimulateRequest::default();
    request.suppose.drain = vec!["pool:us".to_owned()];
    assert!(changes(&run(&set, &request)).contains(&"www anywhere: us -> eu".to_owned()));
    request.suppose.down = vec!["site:us-east-1".to_owned()];
    request.suppose.up = vec!["pool:*".to_owned()];
    assert_eq!(changes(&run(&set, &request)), Vec::<String>::new());
}

#[test]
fn names_and_clients_can_be_chosen() {
    let set = load(&[("shop.toml", SHOP)]);
    let mut request = without(&["pool:eu"]);
    request.names = vec!["API.shop.example".to_owned(), "s*".to_owned()];
    request.from = ["EU-DE", "NA", "192.0.2.0/24"]
        .map(|text| Asking::parse(text).expect("a client"))
        .to_vec();
    let got: Vec<String> = run(&set, &request)
        .answers
        .iter()
        .map(|answer| format!("{} {}", answer.name, answer.from))
        .collect();
    assert_eq!(got.len(), 9, "{got:?}");
    assert!(got.contains(&"api.shop.example. EU-DE".to_owned()));
    assert!(!got.iter().any(|line| line.starts_with("www")));
}

#[test]
fn a_reference_must_mean_something_in_some_zone() {
    let other = SHOP
        .replace("shop.example", "other.example")
        .replace("lone", "only");
    let set = load(&[("shop.toml", SHOP), ("other.toml", &other)]);
    let premises = premises_of(&set, Clock::start().wall());
    let run = |down: &str| simulate(&premises, &Locations::unknown(), &without(&[down]));
    assert!(run("pool:lone").is_ok(), "one zone has it");
    let fault = run("pool:none").expect_err("no zone has it");
    assert_eq!(fault.to_string(), "`pool:none` matches nothing in the zone");
}

#[test]
fn traffic_adds_up_whoever_is_lost() {
    let set = load(&[("shop.toml", SHOP)]);
    for down in [
        "pool:us",
        "pool:eu",
        "site:attic",
        "target:us/*",
        "check:web",
    ] {
        let simulation = run(&set, &without(&[down]));
        let before: f64 = simulation.traffic.iter().map(|share| share.before).sum();
        let after: f64 = simulation.traffic.iter().map(|share| share.after).sum();
        // An answer without records is nobody's traffic.
        let empty: f64 = simulation
            .answers
            .iter()
            .map(|answer| answer.after.empty)
            .sum();
        let empty = empty / simulation.answers.len() as f64;
        assert!((before - 1.0).abs() < 1e-9, "{down}: {before}");
        assert!(
            (after + empty - 1.0).abs() < 1e-9,
            "{down}: {after} and {empty}"
        );
    }
}

#[test]
fn traffic_is_weighed_by_what_was_asked() {
    let set = load(&[("shop.toml", SHOP)]);
    let asked = |name: &str, from: &str, weight: f64| Observed {
        name: Name::parse_absolute(name).expect("a name"),
        rtype: Rtype::A,
        client: Asking::parse(from).expect("a client").client,
        weight,
    };
    let request = SimulateRequest {
        observed: vec![
            asked("www.shop.example", "192.0.2.0/24", 60.0),
            asked("api.shop.example", "EU", 30.0),
            asked("lone.shop.example", "EU", 10.0),
            asked("ns1.shop.example", "EU", 500.0),
            asked("elsewhere.example", "EU", 500.0),
        ],
        ..without(&["pool:us"])
    };
    let simulation = run(&set, &request);
    let shares: Vec<(&str, f64, f64)> = simulation
        .traffic
        .iter()
        .map(|share| (share.pool.as_str(), share.before, share.after))
        .collect();
    assert_eq!(
        shares,
        [("eu", 0.3, 0.9), ("lone", 0.1, 0.1), ("us", 0.6, 0.0)]
    );
    assert_eq!(simulation.queries_weighed, 5);
}

#[test]
fn every_single_loss_lists_who_ends_worse() {
    let set = load(&[("shop.toml", SHOP)]);
    let request = SimulateRequest {
        losses: Losses::EverySingle,
        ..SimulateRequest::default()
    };
    let simulation = run(&set, &request);
    let lines: Vec<String> = simulation
        .losses
        .iter()
        .map(|found| {
            format!(
                "{} {} {:?} {}",
                found.loss,
                found.name,
                found.hazard,
                found.from.join(" ")
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "pool:lone lone.shop.example. LastResort anywhere",
            "pool:lone strict.shop.example. Empty anywhere",
            "pool:us api.shop.example. LastResort elsewhere",
        ]
    );
    // Three pools, and four targets that are no pool of their own; each site is one pool.
    assert_eq!(simulation.losses_walked, 7);
    assert!(simulation.has_hazards());
    let text = simulation_text(&simulation);
    assert!(text.contains("without pool:lone"), "{text}");
    assert!(
        text.contains("strict.shop.example. A ends empty (anywhere)"),
        "{text}"
    );
}

#[test]
fn names_that_share_a_decision_are_asked_once() {
    let many: String = (0..300).map(|n| format!("n{n} = \"us\"\n")).collect();
    let text = SHOP.replace("[names]\n", &format!("[names]\n{many}"));
    let set = load(&[("shop.toml", &text)]);
    let simulation = run(&set, &without(&["pool:us"]));
    let shared = simulation
        .answers
        .iter()
        .find(|answer| answer.more_names == 299);
    assert!(shared.is_some(), "{:?}", simulation.answers.len());
}
