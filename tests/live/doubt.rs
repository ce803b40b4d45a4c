//! Self-doubt of a whole server: who can bring it about, and who cannot.

use std::time::{Duration, Instant};

use super::stage::{Endpoint, Live};
use crate::wait::wait_for;

/// A zone whose checks probe these endpoints, one pool and one failover name each.
fn zone(apex: &str, members: &[String], port: u16) -> String {
    zone_at(apex, members, port, 100)
}

fn zone_at(apex: &str, members: &[String], port: u16, millis: u32) -> String {
    let mut text = format!(
        "zone = \"{apex}\"\nttl = \"5s\"\n[checks.web]\ntype = \"http\"\nport = {port}\ninterval = \"{millis}ms\"\ntimeout = \"90ms\"\nfall = 2\nrise = 1\n"
    );
    for (number, member) in members.iter().enumerate() {
        text += &format!("[pools.p{number}]\ncheck = \"web\"\nmembers = [\"{member}\"]\n");
    }
    text += "[pools.spare]\nmembers = [\"192.0.2.99\"]\n[names]\n\"@\".NS = \"ns.example.net.\"\n";
    for number in 0..members.len() {
        text += &format!("n{number}.failover = [\"p{number}\", \"spare\"]\n");
    }
    text
}

/// Endpoints on one port and so many addresses.
fn endpoints(net: u8, count: u8) -> (Vec<Endpoint>, Vec<String>, u16) {
    wait_for("one port on all addresses", || {
        let address = |last, port| std::net::SocketAddr::from(([127, 0, net, last], port));
        let first = Endpoint::start(address(1, 0));
        let port = first.port();
        let free = |last: &u8| std::net::TcpListener::bind(address(*last, port)).is_ok();
        if !(2..=count).all(|last| free(&last)) {
            return None;
        }
        let more = (2..=count).map(|last| Endpoint::start(address(last, port)));
        let all: Vec<Endpoint> = std::iter::once(first).chain(more).collect();
        let addresses = all.iter().map(|endpoint| endpoint.ip().to_string());
        let addresses = addresses.collect();
        Some((all, addresses, port))
    })
}

fn is_doubting(live: &Live) -> bool {
    live.json("/api/status").get("self_doubt").is_some()
}

/// X1: the owner of one zone cannot keep the names of another from failing over.
#[test]
fn dead_targets_of_one_zone_hold_no_other() {
    let (mut good, addresses, port) = endpoints(21, 4);
    let never: Vec<String> = (1..=12).map(|last| format!("127.0.22.{last}")).collect();
    let zones = [
        ("good.toml", zone("good.example", &addresses, port)),
        ("dead.toml", zone("dead.example", &never, port)),
    ];
    let zones = zones.iter().map(|(file, text)| (*file, text.as_str()));
    let live = Live::start(&zones.collect::<Vec<_>>(), |_, _| ());
    live.wait_answer("n0.good.example", &addresses[0]);
    live.wait_answer("n0.dead.example", "192.0.2.99");
    drop(good.remove(0));
    live.wait_answer("n0.good.example", "192.0.2.99");
    assert!(!is_doubting(&live));
}

/// X1: nor can an owner whose targets were well and die at once.
#[test]
fn targets_of_one_zone_that_die_together_hold_no_other() {
    let (good, addresses, port) = endpoints(23, 5);
    let (many, more, other) = endpoints(24, 12);
    let zones = [
        ("good.toml", zone("good.example", &addresses, port)),
        ("many.toml", zone("many.example", &more, other)),
    ];
    let zones = zones.iter().map(|(file, text)| (*file, text.as_str()));
    let live = Live::start(&zones.collect::<Vec<_>>(), |_, _| ());
    live.wait_answer("n11.many.example", &more[11]);
    live.wait_answer("n4.good.example", &addresses[4]);
    live.wait_statuses("healthy");
    drop(many);
    live.wait_answer("n0.many.example", "192.0.2.99");
    live.wait_answer("n11.many.example", "192.0.2.99");
    assert!(!is_doubting(&live));
    // What falls within two intervals of the others would be a reason to doubt, whatever zones it belongs to.
    let fallen = Instant::now();
    let window = Duration::from_millis(600);
    wait_for("more than two intervals", || {
        (fallen.elapsed() > window).then_some(())
    });
    drop(good);
    live.wait_answer("n0.good.example", "192.0.2.99");
}

/// What self-doubt is for: everything of several zones fails at once, so nothing is changed, and status says for how long.
#[test]
fn targets_of_all_zones_that_die_together_are_held() {
    let (one, first, port) = endpoints(25, 5);
    let (two, second, other) = endpoints(26, 5);
    let zones = [
        ("one.toml", zone_at("one.example", &first, port, 500)),
        ("two.toml", zone_at("two.example", &second, other, 500)),
    ];
    let zones = zones.iter().map(|(file, text)| (*file, text.as_str()));
    let live = Live::start(&zones.collect::<Vec<_>>(), |_, _| ());
    live.wait_answer("n4.one.example", &first[4]);
    live.wait_statuses("healthy");
    drop((one, two));
    wait_for("the doubt", || is_doubting(&live).then_some(()));
    let doubt = &live.json("/api/status")["self_doubt"];
    assert!(doubt["until"].is_string(), "{doubt}");
    live.wait_statuses("healthy");
    assert_eq!(live.ask("n0.one.example").text(), first[0]);
    assert_eq!(live.ask("n4.two.example").text(), second[4]);
}
