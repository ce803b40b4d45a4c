//! `diff`: answers are compared, not text.

use leeward::clock::Clock;
use leeward::daemon::premises_of;
use leeward::geo::Locations;
use leeward::simulate::{AnswerDiff, Asking, Observed, Side, diff, diff_text};
use leeward::wire::{Name, Rtype};

use super::ground::{SHOP, load};

fn compare_with(old: &[(&str, &str)], new: &[(&str, &str)], observed: &[Observed]) -> AnswerDiff {
    let (old, new) = (load(old), load(new));
    let wall = Clock::start().wall();
    let (before, after) = (premises_of(&old, wall), premises_of(&new, wall));
    let locations = Locations::unknown();
    let side = |premises| Side {
        premises,
        locations: &locations,
    };
    diff(side(&before), side(&after), observed)
}

fn compare(old: &str, new: &str) -> AnswerDiff {
    compare_with(&[("shop.toml", old)], &[("shop.toml", new)], &[])
}

#[test]
fn what_changes_is_told_in_the_shortest_words() {
    let cases: [(&str, &str, &str, &[&str]); 10] = [
        ("nothing", "", "", &["no answer changes"]),
        (
            "order of keys and comments",
            "[checks.web]",
            "# how endpoints are judged\n[checks.web]",
            &["no answer changes"],
        ),
        (
            "a tier that is not answered now",
            "www = { failover = [\"us\", \"eu\"] }",
            "www = { failover = [\"us\", \"lone\"] }",
            &["no answer changes"],
        ),
        (
            "order of tiers",
            "www = { failover = [\"us\", \"eu\"] }",
            "www = { failover = [\"eu\", \"us\"] }",
            &[
                "  www.shop.example. A: us -> eu",
                "1 of 6 names answer differently (16.7 %)",
            ],
        ),
        (
            "one place",
            "EU = { failover = [\"eu\", \"us\"] }",
            "EU = { failover = [\"us\", \"eu\"] }",
            &["  api.shop.example. A\n    from EU: eu -> us"],
        ),
        (
            "a new place",
            "default = \"us\"",
            "NA-CA = \"eu\"\ndefault = \"us\"",
            &["    from NA-CA: us -> eu"],
        ),
        (
            "weights",
            "us = 75, eu = 25",
            "us = 50, eu = 50",
            &["  split.shop.example. A: us 75 %, eu 25 % -> eu 50 %, us 50 %"],
        ),
        (
            "a member",
            "members = [\"203.0.113.1\", \"203.0.113.2\"]",
            "members = [\"203.0.113.1\"]",
            &[
                "  lone.shop.example. A: lone (A 203.0.113.1, A 203.0.113.2) -> lone (A 203.0.113.1)",
                "2 of 6 names",
            ],
        ),
        (
            "the TTL",
            "ttl = \"30s\"",
            "ttl = \"20s\"",
            &["TTL 30 s -> 20 s", "only TTLs change"],
        ),
        (
            "a name that goes",
            "lone = { to = \"lone\" }\n",
            "",
            &["  lone.shop.example. A: lone (A 203.0.113.1, A 203.0.113.2) -> NXDOMAIN"],
        ),
    ];
    for (case, from, to, wanted) in cases {
        let new = if from.is_empty() {
            SHOP.to_owned()
        } else {
            SHOP.replace(from, to)
        };
        assert!(from.is_empty() || new != SHOP, "{case}");
        let found = compare(SHOP, &new);
        let text = diff_text(&found);
        for line in wanted {
            assert!(
                text.contains(line),
                "{case}: {line:?} is missing in\n{text}"
            );
        }
        assert_eq!(
            found.is_empty(),
            text == "no answer changes\n",
            "{case}\n{text}"
        );
    }
}

#[test]
fn a_pool_by_another_name_is_the_same_to_clients() {
    let renamed = SHOP
        .replace("lone", "single")
        .replace("single = {", "lone = {");
    let found = compare(SHOP, &renamed);
    assert_eq!(diff_text(&found), "no answer changes\n");
}

#[test]
fn every_change_reverses_when_the_sides_are_exchanged() {
    let new = SHOP
        .replace("failover = [\"us\", \"eu\"]", "failover = [\"eu\", \"us\"]")
        .replace("us = 75, eu = 25", "us = 10, eu = 90")
        .replace("\"198.51.100.1\"", "\"198.51.100.1\", \"198.51.100.2\"");
    let (there, back) = (compare(SHOP, &new), compare(&new, SHOP));
    assert_eq!(there.changes.len(), back.changes.len());
    assert_eq!(there.names_changed, back.names_changed);
    for (a, b) in there.changes.iter().zip(&back.changes) {
        assert_eq!(
            (&a.name, &a.from, &a.before, &a.after),
            (&b.name, &b.from, &b.after, &b.before)
        );
    }
}

#[test]
fn zones_come_and_go() {
    let other = SHOP.replace("shop.example", "other.example");
    let both = [("shop.toml", SHOP), ("other.toml", other.as_str())];
    let one = [("shop.toml", SHOP)];
    let found = compare_with(&one, &both, &[]);
    assert_eq!(found.zones_added, ["other.example."]);
    assert_eq!((found.names_changed, found.names), (6, 12));
    let found = compare_with(&both, &one, &[]);
    assert_eq!(found.zones_removed, ["other.example."]);
    assert!(diff_text(&found).starts_with("zone other.example. is removed"));
}

#[test]
fn static_names_wildcards_and_master_files_are_compared() {
    let head = "@ 60 SOA ns hostmaster 1 2h 15m 2w 5m\n@ NS ns\nns A 192.0.2.9\n";
    let old = format!("{head}www A 192.0.2.1\n*.apps A 192.0.2.5\nmail MX 10 ns\n");
    let new = format!(
        "{head}www A 192.0.2.1\nwww A 192.0.2.2\n*.apps A 192.0.2.6\nmail MX 20 ns\nnew TXT x\n"
    );
    let observed = |name: &str, weight| Observed {
        name: Name::parse_absolute(name).expect("a name"),
        rtype: Rtype::A,
        client: Asking::parse("192.0.2.77").expect("an address").client,
        weight,
    };
    let asked = [
        observed("t1.apps.m.example", 34.0),
        observed("ns.m.example", 66.0),
    ];
    let found = compare_with(
        &[("m.example.zone", &old)],
        &[("m.example.zone", &new)],
        &asked,
    );
    let text = diff_text(&found);
    for part in [
        "*.apps.m.example. A: A 192.0.2.5 -> A 192.0.2.6, about 34 % of the last hour's queries",
        "mail.m.example. MX: MX 10 ns.m.example. -> MX 20 ns.m.example., about 0 %",
        "new.m.example. TXT: NXDOMAIN -> TXT",
        "www.m.example. A: A 192.0.2.1 -> A 192.0.2.1, A 192.0.2.2",
        "about 34 % of the last hour's queries",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert_eq!(found.queries_changed, Some(0.34));
}

#[test]
fn names_that_change_alike_are_told_once() {
    let many: String = (0..200).map(|n| format!("n{n} = \"us\"\n")).collect();
    let old = SHOP.replace("[names]\n", &format!("[names]\n{many}"));
    let new = old.replace(
        "\"192.0.2.1\", \"192.0.2.2\"",
        "\"192.0.2.1\", \"192.0.2.3\"",
    );
    let found = compare(&old, &new);
    let shared = found.changes.iter().find(|change| change.more_names == 199);
    assert!(shared.is_some(), "{}", diff_text(&found));
    assert_eq!(found.names_changed, 203, "{}", diff_text(&found));
}
