//! Targets that are answered as their addresses: resolved by a server that is told what to say, answered, changed, kept
//! while nobody answers, given up.

use std::sync::Arc;
use std::time::Duration;

use domain::base::iana::Rcode;
use leeward::clock::Clock;
use leeward::resolver::{
    LookedUp, LookupQueue, LookupResult, LookupSettings, Own, OwnZones, Upstreams,
};

use super::stage::Live;
use super::upstream::{Say, Upstream};
use crate::wait::{PATIENCE, wait_for};

const CDN: &str = "shop.cdn.example.net.";

/// A zone whose apex is a target, before a pool with a fixed address.
fn apex_zone() -> String {
    format!(
        "zone = \"shop.example\"\nttl = \"60s\"\n[pools.cdn]\nmembers = [{{ target = \"{CDN}\" }}]\n[pools.sorry]\n\
         members = [\"192.0.2.99\"]\n[names.\"@\"]\nNS = \"ns.example.net.\"\nMX = \"10 mail.example.net.\"\n\
         failover = [\"cdn\", \"sorry\"]\n[names]\nwww = \"name:@\"\n"
    )
}

/// A server over one zone that asks this upstream, as often as it may.
fn serve(zone: &str, upstream: &Upstream, keep: Duration) -> Live {
    let address = upstream.address;
    Live::start(&[("shop.toml", zone)], move |config, folder| {
        config.resolver.servers = vec![address];
        config.resolver.timeout = Duration::from_millis(300);
        config.resolver.ttl_min = Duration::from_secs(1);
        config.resolver.keep = keep;
        config.state = Some(folder.join("state"));
        config.explain.allow = vec!["127.0.0.0/8".parse().expect("a prefix")];
    })
}

const HOUR: Duration = Duration::from_secs(3600);

fn state_of(live: &Live) -> String {
    let status = live.json("/api/status");
    let row = &status["flattened"][0];
    assert_eq!(row["target"], CDN, "{status}");
    row["state"].as_str().expect("a word").to_owned()
}

fn explained(live: &Live) -> String {
    let told = live.json("/api/explain?name=shop.example&type=A");
    told["text"].as_str().expect("a text").to_owned()
}

#[test]
fn an_apex_answers_the_addresses_of_its_target_and_follows_them() {
    let upstream = Upstream::start();
    upstream.tell(CDN, Say::addresses(CDN, 2, &["203.0.113.1"]));
    let live = serve(&apex_zone(), &upstream, HOUR);
    // The start has waited for it: nobody is ever told that there is nothing.
    let first = live.ask("shop.example.");
    assert_eq!(first.text(), "203.0.113.1");
    assert!(first.is_authoritative && first.ttl <= 2, "{first:?}");
    let text = explained(&live);
    let said = format!("from {}", upstream.address);
    assert!(
        text.contains("203.0.113.1 of shop.cdn") && text.contains(&said),
        "{text}"
    );
    assert!(
        text.contains("next lookup in") || text.contains("being looked up"),
        "{text}"
    );
    upstream.tell(CDN, Say::addresses(CDN, 300, &["203.0.113.2"]));
    live.wait_answer("shop.example.", "203.0.113.2");
    let ttl = live.ask("shop.example.").ttl;
    assert_eq!(ttl, 60, "the smaller of ours and theirs");
    assert_eq!(state_of(&live), "fresh");
    let metrics = live.get("/metrics");
    assert!(
        metrics.contains("leeward_flatten_targets{state=\"fresh\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("leeward_flatten_lookups_total{outcome=\"found\"}"));
}

#[test]
fn both_families_and_a_chain_of_aliases_are_followed() {
    let upstream = Upstream::start();
    let edge = "edge.cdn.example.net.";
    let alias = (CDN.to_owned(), 300, edge.to_owned());
    let address = |text: &str| (edge.to_owned(), 90, text.to_owned());
    let all = ["203.0.113.1", "203.0.113.2", "2001:db8::1"].map(address);
    // One server knows the whole way, the other only the next step.
    upstream.tell(
        &format!("{CDN} A"),
        Say::Records([vec![alias.clone()], all.to_vec()].concat()),
    );
    upstream.tell(&format!("{CDN} AAAA"), Say::Records(vec![alias]));
    upstream.tell(edge, Say::Records(all.to_vec()));
    let live = serve(&apex_zone(), &upstream, HOUR);
    let told = live.json("/api/explain?name=shop.example&type=A");
    let mut found = told["candidates"][0]["rdata"]
        .as_array()
        .expect("records")
        .clone();
    found.extend(
        told["candidates"]
            .as_array()
            .expect("a list")
            .iter()
            .skip(1)
            .flat_map(|candidate| candidate["rdata"].as_array().expect("records").clone()),
    );
    assert_eq!(found, ["203.0.113.1", "203.0.113.2"], "{told}");
    assert_eq!(told["ttl"], 60);
    let told = live.json("/api/explain?name=shop.example&type=AAAA");
    assert_eq!(told["candidates"][0]["rdata"][0], "2001:db8::1", "{told}");
}

#[test]
fn the_last_addresses_serve_while_lookups_fail_and_the_next_tier_after_that() {
    let upstream = Upstream::start();
    upstream.tell(CDN, Say::addresses(CDN, 1, &["203.0.113.1"]));
    let live = serve(&apex_zone(), &upstream, Duration::from_secs(3));
    assert_eq!(live.ask("shop.example.").text(), "203.0.113.1");
    upstream.tell(CDN, Say::Rcode(Rcode::SERVFAIL));
    wait_for("the target to be kept", || {
        (state_of(&live) == "kept").then_some(())
    });
    wait_for("the TTL of kept addresses (RFC 8767)", || {
        let kept = live.ask("shop.example.");
        assert_eq!(kept.text(), "203.0.113.1");
        (kept.ttl == 30).then_some(())
    });
    let text = explained(&live);
    assert!(text.contains("SERVFAIL"), "{text}");
    live.wait_answer("shop.example.", "192.0.2.99");
    assert_eq!(state_of(&live), "too-old");
    let text = explained(&live);
    assert!(text.contains("too old"), "{text}");
    let events = live.get("/api/timeline");
    assert!(events.contains("lookups fail for too long"), "{events}");
    // It comes back by itself.
    upstream.tell(CDN, Say::addresses(CDN, 60, &["203.0.113.7"]));
    live.wait_answer("shop.example.", "203.0.113.7");
}

#[test]
fn a_name_that_is_gone_is_believed_when_it_is_said_twice() {
    let upstream = Upstream::start();
    upstream.tell(CDN, Say::addresses(CDN, 1, &["203.0.113.1"]));
    let live = serve(&apex_zone(), &upstream, HOUR);
    assert_eq!(live.ask("shop.example.").text(), "203.0.113.1");
    upstream.tell(CDN, Say::Rcode(Rcode::NXDOMAIN));
    live.wait_answer("shop.example.", "192.0.2.99");
    let text = explained(&live);
    assert!(text.contains("NXDOMAIN"), "{text}");
}

#[test]
fn what_is_known_survives_a_restart_without_a_resolver() {
    let upstream = Upstream::start();
    upstream.tell(CDN, Say::addresses(CDN, 60, &["203.0.113.1"]));
    let mut live = serve(&apex_zone(), &upstream, HOUR);
    assert_eq!(live.ask("shop.example.").text(), "203.0.113.1");
    live.stop();
    upstream.tell(CDN, Say::Silence);
    live.restart();
    assert_eq!(live.ask("shop.example.").text(), "203.0.113.1");
}

#[test]
fn until_it_is_resolved_there_is_nothing_and_explain_says_so() {
    let upstream = Upstream::start();
    upstream.tell(CDN, Say::Silence);
    let zone = apex_zone().replace("failover = [\"cdn\", \"sorry\"]", "to = \"cdn\"");
    let live = serve(&zone, &upstream, HOUR);
    let reply = live.ask("shop.example.");
    assert_eq!((reply.rcode.as_str(), reply.answers.len()), ("NOERROR", 0));
    let text = explained(&live);
    assert!(
        text.contains("flattened shop.cdn.example.net. no"),
        "{text}"
    );
    upstream.tell(CDN, Say::addresses(CDN, 60, &["203.0.113.1"]));
    live.wait_answer("shop.example.", "203.0.113.1");
}

#[test]
fn names_of_our_own_zones_are_answered_from_there_and_circles_end() {
    let upstream = Upstream::start();
    let zone = |apex: &str, rest: &str| {
        format!(
            "zone = \"{apex}\"\nttl = \"60s\"\n{rest}\n[names.\"@\"]\nNS = \"ns.example.net.\"\n"
        )
    };
    let target = |name: &str| format!("[pools.p]\nmembers = [{{ target = \"{name}\" }}]");
    let a = zone("a.example", &target("b.example.")) + "to = \"p\"\n";
    let fixed = zone("b.example", "") + "A = \"192.0.2.5\"\n";
    let live = serve(&a, &upstream, HOUR);
    live.write("b.toml", &fixed);
    live.wait_answer("a.example.", "192.0.2.5");
    let asked = upstream.asked();
    // An alias on the way out comes back in, too: the resolver would only ask us.
    let by_alias = zone("c.example", &target("out.example.net.")) + "to = \"p\"\n";
    let way = vec![("out.example.net.".to_owned(), 60, "b.example.".to_owned())];
    upstream.tell("out.example.net.", Say::Records(way));
    live.write("c.toml", &by_alias);
    live.wait_answer("c.example.", "192.0.2.5");
    assert!(upstream.asked() > asked);
    // Each leads to the other: neither keeps the other's last address alive.
    let circle = zone("b.example", &target("a.example.")) + "to = \"p\"\n";
    live.write("b.toml", &circle);
    live.wait_answer("a.example.", "NOERROR");
    live.wait_answer("b.example.", "NOERROR");
}

#[test]
fn dig_tells_what_is_known_of_the_target() {
    let upstream = Upstream::start();
    upstream.tell(CDN, Say::addresses(CDN, 60, &["203.0.113.1"]));
    let live = serve(&apex_zone(), &upstream, HOUR);
    wait_for("the line about the target", || {
        let text = super::rehearsal::reasons(&live, "_explain.shop.example").join("\n");
        text.contains("flattened shop.cdn.example.net.")
            .then_some(())
    });
}

/// A desk that asks this upstream, without a server around it.
struct Alone {
    runtime: tokio::runtime::Runtime,
    desk: LookupQueue,
    reports: tokio::sync::mpsc::Receiver<LookedUp>,
}

impl Alone {
    fn open(servers: &[std::net::SocketAddr]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let settings = LookupSettings {
            upstreams: Upstreams::new(servers),
            timeout: Duration::from_millis(200),
            concurrency: 16,
            ttl_max: Duration::from_secs(3600),
            keep: Duration::from_secs(3600),
        };
        let (sink, reports) = tokio::sync::mpsc::channel(16);
        let elsewhere: OwnZones = Arc::new(|_, _| Own::Elsewhere);
        let _inside = runtime.enter();
        let desk = LookupQueue::open(
            settings,
            elsewhere,
            sink,
            Clock::start(),
            std::future::pending(),
        );
        drop(_inside);
        Self {
            runtime,
            desk,
            reports,
        }
    }

    fn next(&mut self) -> LookedUp {
        let reports = &mut self.reports;
        let report = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, reports.recv()).await });
        report.expect("a report in time").expect("the desk is open")
    }

    fn look_up(&mut self, name: &str) -> LookedUp {
        let name = leeward::wire::Name::parse_absolute(name).expect("a name");
        assert!(self.desk.look_up(&name));
        self.next()
    }
}

fn addresses(side: &LookupResult) -> Vec<String> {
    match side {
        LookupResult::Found(found) => found.addresses.iter().map(ToString::to_string).collect(),
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn hostile_answers_are_no_answers() {
    let upstream = Upstream::start();
    let mut alone = Alone::open(&[upstream.address]);
    let cases = [
        (
            "wrong ids",
            Say::WrongIds,
            "only answers to other questions",
        ),
        ("broken off", Say::Broken, "no well-formed DNS message"),
        ("silence", Say::Silence, "did not answer in time"),
        (
            "huge, then nothing over TCP",
            Say::Huge,
            "closed the connection",
        ),
        ("refused", Say::Rcode(Rcode::REFUSED), "answered REFUSED"),
        (
            "FORMERR with and without EDNS",
            Say::Rcode(Rcode::FORMERR),
            "answered FORMERR",
        ),
    ];
    for (title, say, wanted) in cases {
        upstream.tell(CDN, say);
        let report = alone.look_up(CDN);
        for side in &report.sides {
            let LookupResult::Failed(why) = side else {
                panic!("{title}: {side:?}");
            };
            assert!(why.contains(wanted), "{title}: {why}");
        }
    }
}

#[test]
fn what_is_cut_off_is_asked_for_by_stream() {
    let upstream = Upstream::start();
    let many: Vec<String> = (1..=100).map(|last| format!("203.0.113.{last}")).collect();
    let records = many.iter().map(|text| (CDN.to_owned(), 60, text.clone()));
    upstream.tell(CDN, Say::Truncated(records.collect()));
    let mut alone = Alone::open(&[upstream.address]);
    let report = alone.look_up(CDN);
    assert_eq!(addresses(&report.sides[0]), many);
    assert_eq!(upstream.asked().1, 2, "a stream a family");
}

#[test]
fn the_next_server_is_asked_when_one_fails() {
    let (bad, good) = (Upstream::start(), Upstream::start());
    bad.tell(CDN, Say::Rcode(Rcode::SERVFAIL));
    good.tell(CDN, Say::addresses(CDN, 60, &["203.0.113.1"]));
    let mut alone = Alone::open(&[bad.address, good.address]);
    let report = alone.look_up(CDN);
    assert_eq!(addresses(&report.sides[0]), ["203.0.113.1"]);
    assert_eq!(report.from[0], good.address.to_string());
}

#[test]
fn circles_and_long_chains_of_aliases_end() {
    let upstream = Upstream::start();
    let alias = |from: &str, to: &str| Say::Records(vec![(from.to_owned(), 60, to.to_owned())]);
    upstream.tell("a.example.", alias("a.example.", "b.example."));
    upstream.tell("b.example.", alias("b.example.", "a.example."));
    for step in 0..40 {
        let (from, to) = (
            format!("n{step}.example."),
            format!("n{}.example.", step + 1),
        );
        upstream.tell(&from, alias(&from, &to));
    }
    let mut alone = Alone::open(&[upstream.address]);
    for name in ["a.example.", "n0.example."] {
        let report = alone.look_up(name);
        let shown = addresses(&report.sides[0]).join(" ");
        assert!(shown.contains("more than 16 aliases"), "{name}: {shown}");
    }
}

#[test]
fn many_names_are_looked_up_a_bounded_number_at_once() {
    const NAMES: usize = 300;
    let upstream = Upstream::start();
    let name = |number: usize| format!("n{number}.example.");
    for number in 0..NAMES {
        let address = format!("10.0.{}.{}", number / 200, number % 200);
        upstream.tell(
            &name(number),
            Say::addresses(&name(number), 60, &[&address]),
        );
    }
    let mut alone = Alone::open(&[upstream.address]);
    for number in 0..NAMES {
        let name = leeward::wire::Name::parse_absolute(&name(number)).expect("a name");
        assert!(alone.desk.look_up(&name), "{number}");
    }
    let mut found: Vec<String> = (0..NAMES)
        .flat_map(|_| addresses(&alone.next().sides[0]))
        .collect();
    found.sort();
    found.dedup();
    assert_eq!(found.len(), NAMES);
}
