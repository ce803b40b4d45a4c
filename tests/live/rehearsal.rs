//! A running server is rehearsed: reasons by DNS, simulations, reloads that change too much.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use domain::base::Rtype;
use serde_json::{Value, json};

use super::stage::{Live, decode, failover_zone, fixed_zone, query, two_endpoints};
use crate::wait::wait_for;

/// Asks for reasons over TCP, where there is room for them.
pub(crate) fn reasons(live: &Live, name: &str) -> Vec<String> {
    let message = query(7, name, Rtype::TXT);
    let mut stream = TcpStream::connect(live.dns()).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a timeout");
    let len = (message.len() as u16).to_be_bytes();
    stream
        .write_all(&[&len[..], &message].concat())
        .expect("a query that is taken");
    let mut len = [0; 2];
    stream.read_exact(&mut len).expect("a length");
    let mut reply = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut reply).expect("a reply");
    let reply = decode(&reply);
    assert_eq!(reply.ttl, 0, "reasons are not kept");
    reply.answers
}

fn allow_loopback(config: &mut leeward::config::server_file::ServerConfig) {
    config.explain.allow = vec!["127.0.0.0/8".parse().expect("a prefix")];
}

#[test]
fn dig_asks_why_and_reads_what_explain_says() {
    let (east, west) = two_endpoints();
    let live = Live::start(
        &[("b.toml", &failover_zone("b.example", &east, &west))],
        |config, _| allow_loopback(config),
    );
    live.wait_statuses("healthy");
    let text = reasons(&live, "_explain.www.b.example").join("\n");
    for part in [
        "asked from 127.0.0.1, whose place is not known",
        "www.b.example. A in zone b.example.",
        "NOERROR, answer, TTL 5 s, scope /0",
        "1. failover name:www, among the healthy -> east",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let address = east.ip();
    let _dead = east.kill();
    live.wait_answer("www.b.example", &west.ip().to_string());
    let text = wait_for("the evidence", || {
        let text = reasons(&live, "_explain._a.www.b.example").join("\n");
        text.contains("refused").then_some(text)
    });
    assert!(
        text.contains("-> west") && text.contains(&address.to_string()),
        "{text}"
    );
    // Names without a policy, and names that are not there.
    assert!(
        reasons(&live, "_explain.fixed.b.example")
            .join("\n")
            .contains("192.0.2.7")
    );
    assert!(
        reasons(&live, "_explain._aaaa.nothing.b.example")
            .join("\n")
            .contains("NXDOMAIN")
    );
    // A datagram that cannot hold it all says so.
    let reply = live.ask("_explain.www.b.example");
    assert!(reply.answers.is_empty(), "only TXT asks why: {reply:?}");
}

#[test]
fn names_of_master_files_are_explained_too() {
    let text = "@ 60 SOA ns hostmaster 1 2h 15m 2w 5m\n@ NS ns\nns A 192.0.2.9\nwww A 192.0.2.1\n";
    let live = Live::start(&[("m.example.zone", text)], |config, _| {
        allow_loopback(config)
    });
    let text = reasons(&live, "_EXPLAIN.www.m.example").join("\n");
    assert!(
        text.contains("static") && text.contains("192.0.2.1"),
        "{text}"
    );
}

#[test]
fn reasons_are_told_to_those_who_may_ask_and_to_nobody_else() {
    for allow in [None, Some("192.0.2.0/24".parse().expect("a prefix"))] {
        let live = Live::start(
            &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
            |config, _| config.explain.allow = allow.into_iter().collect(),
        );
        assert_eq!(reasons_rcode(&live), "NXDOMAIN", "{allow:?}");
    }
}

fn reasons_rcode(live: &Live) -> String {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(live.dns()).expect("a route");
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a timeout");
    socket
        .send(&query(7, "_explain.www.a.example", Rtype::TXT))
        .expect("sent");
    let mut reply = [0; 1232];
    let len = socket.recv(&mut reply).expect("a reply");
    decode(&reply[..len]).rcode
}

#[test]
fn a_running_server_is_simulated_as_it_stands() {
    let (east, west) = two_endpoints();
    let live = Live::start(
        &[("b.toml", &failover_zone("b.example", &east, &west))],
        |_, _| (),
    );
    live.wait_statuses("healthy");
    let found = live.json("/api/simulate?down=pool:east");
    assert_eq!(found["answers"][0]["before"]["pools"][0]["pool"], "east");
    assert_eq!(found["answers"][0]["after"]["pools"][0]["pool"], "west");
    assert_eq!(found["answers"][0]["hazard"], Value::Null);
    let found = live.json("/api/simulate?every-single-loss=true");
    assert_eq!(found["losses"], json!([]));
    // With one of them dead, the other is all that is left.
    let _dead = west.kill();
    wait_for("the loss to show", || {
        let found = live.json("/api/simulate?every-single-loss=true");
        let is_told = found["losses"][0]["loss"] == "pool:east"
            && found["losses"][0]["hazard"] == "last-resort";
        is_told.then_some(())
    });
    let fault =
        leeward::admin::get(live.http(), "/api/simulate?down=pool:none").expect_err("no such pool");
    assert!(fault.to_string().contains("pool:none"), "{fault}");
}

fn post(live: &Live, path: &str) -> Value {
    let told = leeward::admin::post(live.http(), path).expect("an answer");
    serde_json::from_str(&told).expect("JSON")
}

#[test]
fn a_reload_above_the_blast_radius_waits_for_consent() {
    let two = |first: &str| {
        format!(
            "{}other.A = \"192.0.2.9\"\n",
            fixed_zone("a.example", first)
        )
    };
    let live = Live::start(&[("a.toml", &two("192.0.2.1"))], |config, _| {
        config.poll = None;
        config.blast_radius.names_percent = Some(40);
    });
    live.write("a.toml", &two("192.0.2.2"));
    // One name of three.
    assert_eq!(post(&live, "/api/reload")["result"], "loaded");
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.2");
    live.write(
        "a.toml",
        &two("192.0.2.3").replace("192.0.2.9", "192.0.2.8"),
    );
    let told = post(&live, "/api/reload");
    assert_eq!(told["result"], "waiting");
    assert!(
        told["why"]
            .as_str()
            .is_some_and(|why| why.contains("66.7 % of names")),
        "{told}"
    );
    let lines = told["changes"].to_string();
    assert!(
        lines.contains("www.a.example. A: A 192.0.2.2 -> A 192.0.2.3"),
        "{lines}"
    );
    assert_eq!(
        live.ask("www.a.example").text(),
        "192.0.2.2",
        "nothing moves"
    );
    let waiting = live.json("/api/status")["reload_waiting"].clone();
    assert_eq!(waiting["why"], told["why"]);
    assert_eq!(post(&live, "/api/reload?yes=true")["result"], "loaded");
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.3");
    assert_eq!(live.json("/api/status")["reload_waiting"], Value::Null);
    // Consent is for one reload.
    live.write(
        "a.toml",
        &two("192.0.2.4").replace("192.0.2.9", "192.0.2.7"),
    );
    assert_eq!(post(&live, "/api/reload")["result"], "waiting");
    // What goes back to what is served waits for nobody.
    live.write(
        "a.toml",
        &two("192.0.2.3").replace("192.0.2.9", "192.0.2.8"),
    );
    assert_eq!(post(&live, "/api/reload")["result"], "loaded");
    assert_eq!(live.json("/api/status")["reload_waiting"], Value::Null);
}

#[test]
fn a_reload_that_breaks_an_expectation_is_refused_with_the_trace() {
    let zone = |order: &str| {
        format!(
            "zone = \"e.example\"\n[pools.east]\nmembers = [\"192.0.2.1\"]\n[pools.west]\nmembers = [\"192.0.2.2\"]\n\
             [names]\n\"@\".NS = \"ns.example.net.\"\nwww = {{ failover = [{order}] }}\n[[expect]]\nname = \"east first\"\n\
             ask = {{ name = \"www\" }}\nanswer = \"east\"\nrdata = [\"192.0.2.1\"]\nttl = \"60s\"\nrcode = \"NOERROR\"\n\
             share = {{ east = 100 }}\n"
        )
    };
    let live = Live::start(&[("e.toml", &zone("\"east\", \"west\""))], |config, _| {
        config.poll = None
    });
    live.write("e.toml", &zone("\"west\", \"east\""));
    let told = post(&live, "/api/reload");
    assert_eq!(told["result"], "loaded-with-refusals");
    let faults = told["faults"].as_str().expect("faults");
    for part in [
        "D003",
        "east first",
        "expected east, but the answer is west",
        "1. failover name:www",
    ] {
        assert!(faults.contains(part), "{part} is missing in\n{faults}");
    }
    assert_eq!(live.ask("www.e.example").text(), "192.0.2.1");
}

#[test]
fn what_was_asked_is_sampled_and_weighs_what_changes() {
    let live = Live::start(
        &[(
            "a.toml",
            &format!(
                "{}other.A = \"192.0.2.9\"\n",
                fixed_zone("a.example", "192.0.2.1")
            ),
        )],
        |config, _| {
            config.poll = None;
            config.rate_limit.is_enabled = false;
            config.blast_radius.queries_percent = Some(50);
        },
    );
    let observed = wait_for("samples", || {
        (0..200).for_each(|_| drop(live.ask("www.a.example")));
        let observed = live.json("/api/queries");
        (observed.as_array().is_some_and(|list| list.len() > 3)).then_some(observed)
    });
    assert_eq!(observed[0]["name"], "www.a.example.");
    assert_eq!(observed[0]["from"], "127.0.0.1");
    live.write(
        "a.toml",
        &format!(
            "{}other.A = \"192.0.2.9\"\n",
            fixed_zone("a.example", "192.0.2.2")
        ),
    );
    let told = post(&live, "/api/reload");
    assert_eq!(told["result"], "waiting", "{told}");
    let lines = told["changes"].to_string();
    assert!(
        lines.contains("about 100 % of the last hour's queries"),
        "{lines}"
    );
}
