//! One story a code: what is found, and the same zone mended.

use super::sample::Sample;
use super::{CODES, review_zone};
use crate::diagnostic::{Diagnostic, Span};
use crate::model::*;
use crate::wire::Rtype;

fn codes(sample: &Sample) -> Vec<&'static str> {
    review_zone(&sample.model)
        .iter()
        .map(|finding| finding.code)
        .collect()
}

fn only(sample: &Sample) -> Diagnostic {
    let findings = review_zone(&sample.model);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings.into_iter().next().expect("one")
}

/// Two checked pools behind a failover: nothing to tell.
fn sound() -> (Sample, CheckId, PoolId, PoolId) {
    let mut sample = Sample::new();
    let web = sample.check("web");
    let us = sample.pool("us", &["192.0.2.1", "192.0.2.2"], &[web]);
    let eu = sample.pool("eu", &["198.51.100.1"], &[web]);
    let node = sample.failover(&[us, eu]);
    sample.name("www", node);
    (sample, web, us, eu)
}

#[test]
fn a_sound_zone_has_no_findings() {
    assert_eq!(codes(&sound().0), Vec::<&str>::new());
}

#[test]
fn unused_pools_and_checks_are_told_once_each() {
    let (mut sample, ..) = sound();
    let old = sample.check("old");
    sample.pool("spare", &["192.0.2.9"], &[old]);
    let finding = only(&sample);
    assert_eq!(
        (finding.code, finding.key_path.as_str()),
        ("R001", "pools.spare")
    );
    sample.check("older");
    assert_eq!(codes(&sample), ["R001", "R002"]);
}

#[test]
fn a_pool_used_only_as_a_last_way_out_is_used() {
    let (mut sample, ..) = sound();
    let sorry = sample.pool("sorry", &["203.0.113.9"], &[]);
    let node = sample.to(sorry);
    std::sync::Arc::make_mut(&mut sample.model.names[1].options).all_down =
        Some(AllDownModel::Node(Box::new(node)));
    assert_eq!(codes(&sample), Vec::<&str>::new());
}

#[test]
fn an_unchecked_first_tier_hides_the_others() {
    let (mut sample, _, us, _) = sound();
    sample.model.pools[us].checks.clear();
    let finding = only(&sample);
    assert_eq!(finding.code, "R003");
    assert_eq!(
        finding.message,
        "the first tier `us` can never be unhealthy, so `eu` is never answered"
    );
    assert_eq!(finding.help.as_deref(), Some("give `us` a `check`"));
}

#[test]
fn an_unchecked_last_tier_is_a_sorry_page_and_a_middle_one_is_not() {
    let (mut sample, _, us, eu) = sound();
    let sorry = sample.pool("sorry", &["203.0.113.9"], &[]);
    let node = sample.failover(&[us, sorry, eu]);
    sample.model.names[1].policy = Some(Box::new(node));
    assert_eq!(only(&sample).code, "R004");
    let node = sample.failover(&[us, eu, sorry]);
    sample.model.names[1].policy = Some(Box::new(node));
    assert_eq!(codes(&sample), Vec::<&str>::new());
}

#[test]
fn a_check_that_cannot_fail_is_no_check() {
    let (mut sample, web, us, _) = sound();
    let lax = sample.check_of(
        "lax",
        CheckKind::Calculated {
            rule: CalculatedRule::AtLeast(0),
            children: vec![CheckRef::Check(web)],
        },
    );
    sample.model.pools[us].checks = vec![CheckRef::Check(lax)];
    assert_eq!(codes(&sample), ["R003"]);
    let CheckKind::Calculated { rule, .. } = &mut sample.model.checks[lax].kind else {
        panic!("calculated")
    };
    *rule = CalculatedRule::AtLeast(1);
    assert_eq!(codes(&sample), Vec::<&str>::new());
    sample.model.checks[lax].disabled = true;
    assert_eq!(codes(&sample), ["R003"]);
}

#[test]
fn an_unchecked_branch_keeps_a_weighted_node_healthy() {
    let (mut sample, _, us, eu) = sound();
    sample.model.pools[eu].checks.clear();
    let node = sample.weighted(&[(us, 70), (eu, 30)]);
    sample.model.names[1].policy = Some(Box::new(node));
    let finding = only(&sample);
    assert_eq!(finding.code, "R004");
    assert!(finding.message.starts_with("`eu`"), "{}", finding.message);
    // Without any check nobody expects failover.
    sample.model.pools[us].checks.clear();
    assert_eq!(codes(&sample), ["R002"]);
}

#[test]
fn an_unchecked_member_keeps_its_pool_healthy() {
    let (mut sample, web, us, _) = sound();
    sample.model.pools[us].checks.clear();
    sample.members(us)[0].checks = Some(vec![CheckRef::Check(web)]);
    assert_eq!(codes(&sample), ["R004", "R003"]);
}

#[test]
fn a_name_below_a_wildcard_takes_others_out_until_cured() {
    let (mut sample, _, us, _) = sound();
    let node = sample.to(us);
    sample.name("*.apps", node);
    sample.records("_acme-challenge.t1.apps", Rtype::TXT, &[b"\x03abc"]);
    let finding = only(&sample);
    assert_eq!(finding.code, "R005");
    assert_eq!(
        finding.help.as_deref(),
        Some("to keep `t1.apps` answering, add: \"t1.apps\" = \"us\"")
    );
    let node = sample.to(us);
    sample.name("t1.apps", node);
    assert_eq!(codes(&sample), Vec::<&str>::new());
}

#[test]
fn families_that_part_are_shown_with_a_client() {
    let mut sample = Sample::new();
    let web = sample.check("web");
    let us = sample.pool("us", &["192.0.2.1", "2001:db8:1::1"], &[web]);
    let eu = sample.pool("eu", &["198.51.100.1"], &[web]);
    let node = sample.geo(&[("EU", eu), ("default", us)]);
    let www = sample.name("www", node);
    let finding = only(&sample);
    assert_eq!(finding.code, "R006");
    assert_eq!(
        finding.message,
        "a client in EU (Europe) gets A from `eu` and AAAA from `us`"
    );
    sample.model.names[www].families = Some(Families::Together);
    assert_eq!(codes(&sample), Vec::<&str>::new());
    let node = sample.nearest(&[("us-east-1", us), ("eu-west-1", eu)]);
    let near = sample.name("near", node);
    assert_eq!(
        only(&sample).message,
        "a client near `eu` gets A from `eu` and AAAA from `us`"
    );
    // A policy that many names share is told once, at the pool.
    sample.model.names.truncate(near);
    let node = sample.failover(&[eu, us]);
    let front = sample.policy("front", node);
    for owner in ["a", "b", "c"] {
        let node = sample.to(front);
        sample.name(owner, node);
    }
    let finding = only(&sample);
    assert_eq!(
        (finding.code, finding.key_path.as_str()),
        ("R006", "pools.front")
    );
}

#[test]
fn nothing_stands_beside_a_name_that_may_be_a_cname() {
    let (mut sample, web, us, _) = sound();
    let cloud = sample.pool("cloud", &["lb.example.net."], &[web]);
    let node = sample.failover(&[cloud, us]);
    sample.model.names[1].policy = Some(Box::new(node));
    assert_eq!(codes(&sample), ["R001"]); // `eu` has lost its name.
    sample.records("www", Rtype::TXT, &[b"\x03abc"]);
    let findings = review_zone(&sample.model);
    let fault = findings
        .iter()
        .find(|finding| finding.code == "R007")
        .expect("found");
    assert!(
        fault.message.contains("static TXT records"),
        "{}",
        fault.message
    );
    sample.members(cloud)[0].flatten = true;
    assert_eq!(codes(&sample), ["R001", "R021"]);
}

#[test]
fn failback_needs_tiers_that_every_client_sees_alike() {
    let (mut sample, _, us, eu) = sound();
    let node = sample.geo(&[("EU", eu), ("default", us)]);
    let world = sample.policy("world", node);
    let node = sample.failover(&[world, us]);
    sample.model.names[1].policy = Some(Box::new(node));
    assert_eq!(codes(&sample), Vec::<&str>::new());
    std::sync::Arc::make_mut(&mut sample.model.names[1].options).failback = Failback::Manual;
    assert_eq!(codes(&sample), ["R008"]);
}

#[test]
fn a_policy_that_is_too_wide_is_refused() {
    let (mut sample, _, us, eu) = sound();
    let mut list = Vec::new();
    for _ in 0..100 {
        let geo = sample.geo(&[("EU", eu), ("default", us)]);
        let branch = sample.branch(geo.kind);
        list.push(branch);
    }
    let node = sample.node(NodeKind::Weighted(list.clone()));
    sample.model.names[1].policy = Some(Box::new(node));
    assert_eq!(codes(&sample), Vec::<&str>::new());
    let pair: Vec<BranchModel> = (0..2)
        .map(|_| sample.branch(NodeKind::Weighted(list.clone())))
        .collect();
    let node = sample.node(NodeKind::Failover(pair));
    sample.model.names[1].policy = Some(Box::new(node));
    assert!(codes(&sample).contains(&"R009"));
}

#[test]
fn a_long_ttl_after_quick_detection_is_told_in_words() {
    let (mut sample, ..) = sound();
    let hour = TtlModel {
        min: 3600,
        max: 3600,
    };
    sample.model.ttl = hour;
    let finding = only(&sample);
    assert_eq!(finding.code, "R010");
    assert_eq!(
        finding.message,
        "the loss of `us` is detected within about 33s but the TTL is 1h: clients may use a dead address for 1h33s"
    );
    std::sync::Arc::make_mut(&mut sample.model.names[1].options).ttl =
        Some(TtlModel { min: 30, max: 30 });
    assert_eq!(codes(&sample), Vec::<&str>::new());
}

#[test]
fn one_site_behind_everything_is_told() {
    let (mut sample, _, us, eu) = sound();
    sample.model.pools[us].site = "ams".to_owned();
    sample.model.pools[eu].site = "ams".to_owned();
    assert_eq!(codes(&sample), ["R011"]);
    sample.members(eu)[0].site = Some("fra".to_owned());
    assert_eq!(codes(&sample), Vec::<&str>::new());
}

#[test]
fn a_check_does_not_probe_the_name_it_guards() {
    let (mut sample, _, us, _) = sound();
    let own = sample.gate("own", "www.example.com");
    sample.model.pools[us].checks.push(CheckRef::Check(own));
    assert_eq!(codes(&sample), ["R012"]);
}

#[test]
fn a_check_does_not_probe_an_alias_of_the_name_it_guards() {
    let (mut sample, _, us, _) = sound();
    let own = sample.gate("own", "probe.example.com");
    sample.model.pools[us].checks.push(CheckRef::Check(own));
    assert_eq!(codes(&sample), Vec::<&str>::new());
    sample.records("probe", Rtype::CNAME, &[b"\x03www\x07example\x03com\0"]);
    assert_eq!(codes(&sample), ["R012"]);
}

#[test]
fn weights_that_are_all_zero_mean_nothing() {
    let (mut sample, _, us, eu) = sound();
    let node = sample.weighted(&[(us, 0), (eu, 0)]);
    sample.model.names[1].policy = Some(Box::new(node));
    for member in sample.members(us) {
        member.weight = 0;
    }
    let found = codes(&sample);
    assert_eq!(found, ["R013", "R013"]);
}

#[test]
fn answers_that_do_not_fit_one_packet_are_told() {
    let mut sample = Sample::new();
    let web = sample.check("web");
    let many: Vec<String> = (0..64).map(|n| format!("2001:db8::{n:x}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let pool = sample.pool("many", &many, &[web]);
    let node = sample.to(pool);
    sample.name("www", node);
    assert_eq!(codes(&sample), Vec::<&str>::new());
    sample.model.pools[pool].answers = Some(64);
    let finding = only(&sample);
    assert_eq!(finding.code, "R014");
    assert_eq!(
        finding.help.as_deref(),
        Some("write `answers = 41` or less")
    );
    sample.model.pools[pool].answers = Some(41);
    assert_eq!(codes(&sample), Vec::<&str>::new());
    sample.records(
        "big",
        Rtype::TXT,
        &[&[0xff; 256], &[1; 256], &[2; 256], &[3; 256], &[4; 256]],
    );
    assert_eq!(codes(&sample), ["R014"]);
}

#[test]
fn a_panel_keeps_its_own_rule_from_the_start() {
    let mut sample = Sample::new();
    let slot = sample.check_of(
        "slot",
        CheckKind::Panel {
            switches: vec![("blue".to_owned(), true), ("green".to_owned(), true)],
            at_least: 1,
            at_most: 1,
        },
    );
    let pool = sample.pool("blue", &["192.0.2.1"], &[]);
    sample.model.pools[pool].checks = vec![CheckRef::Switch(slot, 0)];
    let node = sample.to(pool);
    sample.name("app", node);
    let finding = only(&sample);
    assert_eq!(finding.code, "R015");
    assert_eq!(
        finding.message,
        "panel `slot` starts with 2 of 2 switches on, which `at-most = 1` forbids"
    );
}

#[test]
fn min_healthy_is_met_by_each_family() {
    let mut sample = Sample::new();
    let web = sample.check("web");
    let us = sample.pool("us", &["192.0.2.1", "192.0.2.2", "2001:db8::1"], &[web]);
    sample.model.pools[us].min_healthy = MinHealthy::Count(2);
    let node = sample.to(us);
    sample.name("www", node);
    let finding = only(&sample);
    assert_eq!(finding.code, "R016");
    assert!(
        finding.message.contains("1 AAAA member but"),
        "{}",
        finding.message
    );
    sample.model.pools[us].min_healthy = MinHealthy::Percent(60);
    assert_eq!(codes(&sample), Vec::<&str>::new());
}

#[test]
fn every_entry_of_nearest_stands_somewhere() {
    let (mut sample, _, us, eu) = sound();
    let node = sample.nearest(&[("us-east-1", us), ("nowhere", eu)]);
    sample.model.names[1].policy = Some(Box::new(node));
    assert_eq!(codes(&sample), ["R017"]);
}

#[test]
fn private_addresses_stand_out_among_public_ones_only() {
    let (mut sample, web, us, eu) = sound();
    let inside = sample.pool("inside", &["10.0.0.1"], &[web]);
    let node = sample.failover(&[us, eu, inside]);
    sample.model.names[1].policy = Some(Box::new(node));
    assert_eq!(codes(&sample), ["R018"]);
    let node = sample.to(inside);
    sample.model.names[1].policy = Some(Box::new(node));
    assert!(!codes(&sample).contains(&"R018"));
}

#[test]
fn a_tier_that_adds_nothing_is_told() {
    let (mut sample, web, us, _) = sound();
    let twin = sample.pool("twin", &["192.0.2.1"], &[web]);
    let node = sample.failover(&[us, twin]);
    sample.model.names[1].policy = Some(Box::new(node));
    assert_eq!(codes(&sample), ["R001", "R019"]);
}

#[test]
fn keys_in_effect_are_not_noted() {
    let (mut sample, _, us, _) = sound();
    let name = std::sync::Arc::make_mut(&mut sample.model.names[1].options);
    name.failback = Failback::Window("Sat 02:00-03:00".to_owned());
    name.all_down = Some(AllDownModel::Last);
    assert_eq!(codes(&sample), Vec::<&str>::new());
    sample.model.names[1].options = std::sync::Arc::new(NodeOptions {
        all_down: Some(AllDownModel::NoData),
        sticky: Some((24, 56)),
        trickle_percent: 5,
        ..NodeOptions::default()
    });
    sample.members(us)[0].force = Some(Force::Down);
    assert_eq!(codes(&sample), Vec::<&str>::new());
}

#[test]
fn codes_are_in_order_and_cycles_end() {
    assert!(CODES.is_sorted_by_key(|(code, _)| *code));
    let mut sample = Sample::new();
    let loose = sample.pool("a", &["192.0.2.1"], &[]);
    let node = sample.to(loose);
    let b = sample.policy("b", node);
    let node = sample.node(NodeKind::Failover(Vec::new()));
    sample.model.pools[loose].body = PoolBody::Policy(node);
    let list = sample.branches(&[b, loose]);
    sample.model.pools[loose].body = PoolBody::Policy(NodeModel {
        kind: NodeKind::Failover(list),
        options: NodeOptions::default(),
        span: Span(0..0),
    });
    let node = sample.to(b);
    sample.name("www", node);
    let _ = review_zone(&sample.model);
}
