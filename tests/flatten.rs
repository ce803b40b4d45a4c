//! Addresses of flattened targets as members (rules a27, a28): what is answered, with which share and TTL, for sets and
//! leases that a test states. No lookup runs here; `tests/live/flatten.rs` has those.

use std::net::IpAddr;

use leeward::compile::{FlatSet, Flattened, compile_zone_with, flattened_below};
use leeward::geo::Locations;
use leeward::health::Status;
use leeward::model::ZoneModel;
use leeward::simulate::{Explanation, GivenClient, Suppose, apply_references};
use leeward::view::Inputs;
use leeward::wire::{Name, Rtype};
use leeward::zone::ServedZone;
use proptest::prelude::*;

use crate::explained::explain_to;

fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect("a name")
}

/// Reads what stands below the zone's head.
fn read(rest: &str) -> ZoneModel {
    crate::zones::read(&format!(
        "zone = \"example.com\"
ttl = \"60s\"
{rest}"
    ))
}

/// Sets written as `target=address,address`; one that ends in `!` may not be used.
fn sets(texts: &[&str]) -> Flattened {
    let mut flattened = Flattened::default();
    for text in texts {
        let (target, list) = text.split_once('=').expect("target=addresses");
        let (list, is_usable) = match list.strip_suffix('!') {
            Some(list) => (list, false),
            None => (list, true),
        };
        let all: Vec<IpAddr> = list
            .split(',')
            .map(|text| text.parse().expect("an address"))
            .collect();
        for (rtype, is_ipv4) in [(Rtype::A, true), (Rtype::AAAA, false)] {
            let of_family = all
                .iter()
                .copied()
                .filter(|address| address.is_ipv4() == is_ipv4);
            let addresses = of_family.collect::<Vec<_>>().into();
            flattened.put(
                &name(target),
                rtype,
                FlatSet {
                    addresses,
                    is_usable,
                },
            );
        }
    }
    flattened
}

/// Explains `NAME TYPE` while something is down and every lease lasts so long.
fn ask(
    model: &ZoneModel,
    flattened: &Flattened,
    question: &str,
    down: &[&str],
    left: &[u32],
) -> Explanation {
    let zone = compile_zone_with(model, 1, flattened).expect("it is small");
    let served = ServedZone::new(zone, &Locations::unknown());
    let policies = &served.zone.policies;
    let mut inputs = Inputs::uniform(policies, Status::Healthy);
    let faults = apply_references(
        model,
        policies,
        down.iter().copied(),
        Suppose::Down,
        &mut inputs,
    );
    assert!(faults.is_empty(), "{faults:?}");
    if !left.is_empty() {
        let leases = (0..policies.leases.len()).map(|lease| left[lease % left.len()]);
        inputs.leases = Some(leases.collect());
    }
    let (asked, rtype) = question.split_once(' ').expect("NAME TYPE");
    let rtype = Rtype::parse(rtype).expect("a type");
    explain_to(GivenClient::Unknown, &served, &inputs, asked, rtype)
}

/// Writes records with their probability in percent, and the TTL.
fn shown(found: &Explanation) -> String {
    let mut records: Vec<String> = found
        .candidates
        .iter()
        .flat_map(|candidate| {
            let percent = (candidate.probability * 100.0).round();
            let texts = candidate.rdata.iter();
            texts.map(move |text| format!("{text} {percent}%"))
        })
        .collect();
    records.sort();
    if records.is_empty() {
        return found.rcode.to_string();
    }
    format!("{} ttl {}", records.join(", "), found.ttl)
}

const APEX: &str = "[pools.cdn]\nmembers = [{ target = \"cdn.example.net.\" }]\n[pools.sorry]\nmembers = [\"192.0.2.9\"]\n\
                    [names.\"@\"]\nNS = \"ns.example.net.\"\nMX = \"10 mail.example.net.\"\n\
                    HTTPS = \"1 . ipv4hint=auto ipv6hint=auto\"\nfailover = [\"cdn\", \"sorry\"]\n\
                    [names.www]\nfailover = [\"cdn\", \"sorry\"]\n[names.together]\nto = \"name:@\"\n";

#[test]
fn a_target_at_the_apex_is_its_addresses_and_a_cname_below() {
    let model = read(APEX);
    let known = ["cdn.example.net.=203.0.113.1,203.0.113.2,2001:db8::1"];
    let old = ["cdn.example.net.=203.0.113.1!"];
    let nothing: [&str; 0] = [];
    /// Question, sets, seconds left, what is answered.
    type Case<'a> = (&'a str, &'a [&'a str], &'a [u32], &'a str);
    #[rustfmt::skip]
    let cases: [Case<'_>; 11] = [
        ("example.com. A", &known, &[], "203.0.113.1 100%, 203.0.113.2 100% ttl 60"),
        ("example.com. A", &known, &[u32::MAX], "203.0.113.1 100%, 203.0.113.2 100% ttl 60"),
        ("example.com. A", &known, &[17], "203.0.113.1 100%, 203.0.113.2 100% ttl 17"),
        ("example.com. A", &known, &[0], "203.0.113.1 100%, 203.0.113.2 100% ttl 0"),
        ("example.com. AAAA", &known, &[], "2001:db8::1 100% ttl 60"),
        ("example.com. MX", &known, &[1], "10 mail.example.net. 100% ttl 60"),
        ("example.com. HTTPS", &known, &[17], "1 . ipv4hint=203.0.113.1,203.0.113.2 ipv6hint=2001:db8::1 100% ttl 17"),
        ("www.example.com. A", &known, &[1], "cdn.example.net. 100% ttl 60"),
        ("example.com. A", &old, &[30], "192.0.2.9 100% ttl 60"),
        // Without addresses the target is no candidate.
        ("example.com. A", &nothing, &[], "192.0.2.9 100% ttl 60"),
        ("example.com. AAAA", &nothing, &[], "NOERROR"),
    ];
    for (question, texts, left, wanted) in cases {
        let found = ask(&model, &sets(texts), question, &[], left);
        assert_eq!(
            shown(&found),
            wanted,
            "{question} with {texts:?}, left {left:?}"
        );
    }
    let targets = |owner: &str| flattened_below(&model, &name(owner));
    assert_eq!(targets("example.com."), [name("cdn.example.net.")]);
    assert!(
        targets("www.example.com.").is_empty(),
        "a CNAME is answered there"
    );
}

#[test]
fn old_addresses_are_the_last_resort() {
    let model = read(
        "[pools.cdn]\nmembers = [{ target = \"cdn.example.net.\", flatten = true }]\n[names]\n\
         \"@\".NS = \"ns.example.net.\"\nwww.to = \"cdn\"\nwww.TXT = \"beside\"\n",
    );
    let old = sets(&["cdn.example.net.=203.0.113.1!"]);
    let found = ask(&model, &old, "www.example.com. A", &[], &[30]);
    assert_eq!(shown(&found), "203.0.113.1 100% ttl 30");
    assert!(found.last_resort > 0.99, "{found:#?}");
    let beside = ask(&model, &old, "www.example.com. TXT", &[], &[]);
    assert_eq!(shown(&beside), "\"beside\" 100% ttl 60");
}

#[test]
fn each_address_has_its_share_and_its_targets_health() {
    let model = read(
        "[checks.web]\ntype = \"tcp\"\nport = 80\n[pools.mixed]\ncheck = \"web\"\nmembers = [\n\
         { target = \"a.example.net.\", flatten = true, weight = 3 },\n\
         { target = \"b.example.net.\", flatten = true, weight = 1 },\n]\n[names]\n\
         \"@\".NS = \"ns.example.net.\"\nwww.to = \"mixed\"\n",
    );
    let known = sets(&[
        "a.example.net.=203.0.113.1,203.0.113.2",
        "b.example.net.=203.0.113.3",
    ]);
    let question = "www.example.com. A";
    let all = ask(&model, &known, question, &[], &[40, 9]);
    assert_eq!(
        shown(&all),
        "203.0.113.1 38%, 203.0.113.2 38%, 203.0.113.3 25% ttl 9"
    );
    let down = ["target:mixed/a.example.net."];
    let rest = ask(&model, &known, question, &down, &[40, 9]);
    assert_eq!(shown(&rest), "203.0.113.3 100% ttl 9");
    let down = ["target:mixed/b.example.net."];
    let rest = ask(&model, &known, question, &down, &[40, 9]);
    assert_eq!(shown(&rest), "203.0.113.1 50%, 203.0.113.2 50% ttl 40");
}

#[test]
fn several_pools_at_once_and_both_families_together() {
    let pools = "[pools.a]\nttl = \"50s\"\nmembers = [{ target = \"a.example.net.\" }]\n[pools.b]\nmembers = [\"192.0.2.7\"]\n";
    let known = sets(&["a.example.net.=203.0.113.1,2001:db8::1"]);
    let several = read(&format!(
        "{pools}[names.\"@\"]\nNS = \"ns.example.net.\"\nmultivalue = [\"a\", \"b\"]\n"
    ));
    let found = ask(&several, &known, "example.com. A", &[], &[20]);
    assert_eq!(shown(&found), "192.0.2.7 100%, 203.0.113.1 100% ttl 20");
    let together = read(&format!(
        "{pools}[names.\"@\"]\nNS = \"ns.example.net.\"\nfamilies = \"together\"\nfailover = [\"a\", \"b\"]\n"
    ));
    let found = ask(&together, &known, "example.com. AAAA", &[], &[20]);
    assert_eq!(
        shown(&found),
        "2001:db8::1 100% ttl 20",
        "no CNAME at the apex"
    );
    let found = ask(&together, &known, "example.com. A", &["pool:a"], &[20]);
    assert_eq!(shown(&found), "192.0.2.7 100% ttl 60");
}

#[test]
fn where_nothing_is_looked_up_each_target_stands_for_one_address() {
    let model = read(APEX);
    let found = ask(&model, &Flattened::assumed(), "example.com. A", &[], &[]);
    assert_eq!(shown(&found), "198.18.0.1 100% ttl 60");
    assert_eq!(found.pools[0].0, "cdn");
    let found = ask(
        &model,
        &Flattened::assumed(),
        "example.com. A",
        &["pool:cdn"],
        &[],
    );
    assert_eq!(shown(&found), "192.0.2.9 100% ttl 60");
}

proptest! {
    /// Law: no answer outlives a lease that is in it, nor its own TTL; shares of drawn addresses add up.
    #[test]
    fn no_answer_outlives_its_leases(
        counts in prop::collection::vec(0usize..6, 1..5),
        weights in prop::collection::vec(0u16..5, 5),
        left in prop::collection::vec(0u32..100, 1..9),
    ) {
        let members = (0..counts.len()).map(|at| {
            format!("{{ target = \"t{at}.example.net.\", weight = {} }}", weights[at])
        });
        let members = members.collect::<Vec<_>>().join(", ");
        let model = read(&format!(
            "[pools.p]\nmembers = [{members}]\n[names.\"@\"]\nNS = \"ns.example.net.\"\nto = \"p\"\n"
        ));
        let mut known = Flattened::default();
        for (at, &count) in counts.iter().enumerate() {
            let addresses = (0..count).map(|last| IpAddr::from([203, 0, at as u8, last as u8]));
            let set = FlatSet { addresses: addresses.collect::<Vec<_>>().into(), is_usable: true };
            known.put(&name(&format!("t{at}.example.net.")), Rtype::A, set);
        }
        let found = ask(&model, &known, "example.com. A", &[], &left);
        prop_assert_eq!(found.candidates.is_empty(), counts.iter().all(|&count| count == 0));
        // Leases are numbered by pool and type: A of every target first.
        let lease = |text: &str| {
            let at: usize = text.split('.').nth(2).expect("four numbers").parse().expect("a number");
            left[at % left.len()]
        };
        for candidate in &found.candidates {
            let least = candidate.rdata.iter().map(|text| lease(text)).min().unwrap_or(0);
            prop_assert!(candidate.ttl <= 60 && candidate.ttl <= least, "{candidate:?} of {left:?}");
        }
        let sum: f64 = found.candidates.iter().map(|candidate| candidate.probability).sum();
        prop_assert!(found.candidates.is_empty() || sum > 0.999);
    }
}
