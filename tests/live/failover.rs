//! Endpoints die and come back; clients see it, explanations agree, and a restart forgets nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use domain::base::Rtype;

use super::stage::{Endpoint, Live, decode, failover_zone, fixed_zone, query, two_endpoints};
use crate::need::Need;
use crate::wait::wait_for;

#[test]
fn answers_secondary_while_primary_is_dead() {
    let (east, west) = two_endpoints();
    let zone = failover_zone("a.example", &east, &west);
    let live = Live::start(&[("a.toml", &zone)], |_, _| ());
    live.wait_statuses("healthy");
    let reply = live.ask("www.a.example");
    assert_eq!(reply.text(), "127.0.1.1");
    assert!(reply.is_authoritative);
    assert!(reply.ttl <= 5, "TTL {}", reply.ttl);

    let address = east.kill();
    let took = live.wait_answer("www.a.example", "127.0.1.2");
    // Interval 200 ms, two failures: a second and a half leaves room for a busy machine.
    assert!(
        took < Duration::from_millis(1_500),
        "flipped after {took:?}"
    );
    let status = live.json("/api/status");
    let row = &status["targets"][0];
    assert_eq!(row["status"], "unhealthy");
    let evidence = row["evidence"].as_str().expect("a text");
    assert!(evidence.contains("refused"), "evidence: {evidence}");
    assert!(
        row["since"]
            .as_str()
            .is_some_and(|since| since.contains('T'))
    );
    let metrics = live.get("/metrics");
    assert!(
        metrics.lines().any(|line| {
            line.starts_with("leeward_transitions_total{")
                && line.contains("to=\"unhealthy\"")
                && line.ends_with(" 1")
        }),
        "{metrics}"
    );

    let east = Endpoint::start(address);
    let took = live.wait_answer("www.a.example", "127.0.1.1");
    assert!(
        took < Duration::from_millis(1_500),
        "returned after {took:?}"
    );
    drop(east);
}

#[test]
fn explanation_is_what_clients_get() {
    let (east, west) = two_endpoints();
    let zone = failover_zone("b.example", &east, &west);
    let live = Live::start(&[("b.toml", &zone)], |_, _| ());
    live.wait_statuses("healthy");
    east.kill();
    live.wait_answer("www.b.example", "127.0.1.2");
    let told = live.json("/api/explain?name=www.b.example&type=A");
    let reply = live.ask("www.b.example");
    assert_eq!(told["rcode"], reply.rcode.as_str());
    assert_eq!(told["ttl"], reply.ttl);
    assert_eq!(told["candidates"][0]["rdata"][0], reply.answers[0].as_str());
    assert_eq!(told["candidates"][0]["probability"], 1.0);
    assert_eq!(told["candidates"][0]["pool"], "west");
    let text = told["text"].as_str().expect("a text");
    assert!(
        text.contains("0 of 1 members healthy"),
        "the reason is told: {text}"
    );
    let supposed = live.json("/api/explain?name=www.b.example&type=A&up=pool:east");
    assert_eq!(supposed["candidates"][0]["pool"], "east");
}

#[test]
fn dig_reads_the_same() {
    if !Need::Dig.is_met() {
        return;
    }
    let live = Live::start(
        &[("c.toml", &fixed_zone("c.example", "192.0.2.1"))],
        |_, _| (),
    );
    for transport in ["+notcp", "+tcp"] {
        let dig = Command::new("dig")
            .args(["@127.0.0.1", "-p", &live.dns().port().to_string()])
            .args(["www.c.example", "A", "+short", transport])
            .output();
        let output = dig.expect("dig was just found");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            "192.0.2.1",
            "{transport}"
        );
    }
}

#[test]
fn pipelined_tcp_queries_are_all_answered() {
    let live = Live::start(
        &[("d.toml", &fixed_zone("d.example", "192.0.2.1"))],
        |_, _| (),
    );
    let mut stream = TcpStream::connect(live.dns()).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a socket");
    let mut octets = Vec::new();
    for id in 1..=100 {
        let message = query(id, "www.d.example", Rtype::A);
        octets.extend(u16::try_from(message.len()).expect("short").to_be_bytes());
        octets.extend(message);
    }
    stream.write_all(&octets).expect("a connection");
    let mut ids = Vec::new();
    for _ in 1..=100 {
        let mut len = [0; 2];
        stream.read_exact(&mut len).expect("a length");
        let mut message = vec![0; usize::from(u16::from_be_bytes(len))];
        stream.read_exact(&mut message).expect("a message");
        let reply = decode(&message);
        assert_eq!(reply.text(), "192.0.2.1");
        ids.push(reply.id);
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=100).collect::<Vec<u16>>());
}

#[test]
fn the_longest_zone_answers() {
    let outer = fixed_zone("e.example", "192.0.2.1");
    let inner = fixed_zone("www.e.example", "192.0.2.2");
    let live = Live::start(&[("outer.toml", &outer), ("inner.toml", &inner)], |_, _| ());
    for (name, wanted) in [
        ("www.e.example", "NOERROR"),
        ("www.www.e.example", "192.0.2.2"),
        ("none.www.e.example", "NXDOMAIN"),
        ("none.e.example", "NXDOMAIN"),
        ("www.elsewhere.example", "REFUSED"),
    ] {
        assert_eq!(live.ask(name).text(), wanted, "{name}");
    }
}

#[test]
fn statuses_outlive_a_restart() {
    let (east, west) = two_endpoints();
    let zone = failover_zone("f.example", &east, &west).replace("200ms", "3s");
    let mut live = Live::start(&[("f.toml", &zone)], |config, folder| {
        config.state = Some(folder.join("state"));
    });
    east.kill();
    live.wait_answer("www.f.example", "127.0.1.2");
    live.wait_statuses_known();
    let serial = live.json("/api/status")["zones"][0]["serial"].clone();
    live.restart();
    assert_eq!(
        live.ask("www.f.example").text(),
        "127.0.1.2",
        "the first answer after the start"
    );
    let status = live.json("/api/status");
    assert_eq!(status["zones"][0]["serial"], serial);
    assert_eq!(status["targets"][0]["status"], "unhealthy");
    let evidence = status["targets"][0]["evidence"].as_str().expect("a text");
    assert!(
        evidence.contains("refused") || evidence.contains("saved"),
        "{evidence}"
    );
}

#[test]
fn a_state_folder_that_cannot_be_written_stops_nothing() {
    let mut live = Live::start(
        &[("g.toml", &fixed_zone("g.example", "192.0.2.1"))],
        |config, folder| {
            // A file where the folder should be: no user, not even root, can write below it.
            std::fs::write(folder.join("state"), "no folder").expect("a writable folder");
            config.state = Some(folder.join("state"));
        },
    );
    assert_eq!(live.ask("www.g.example").text(), "192.0.2.1");
    live.restart();
    assert_eq!(live.ask("www.g.example").text(), "192.0.2.1");
}

#[test]
fn signals_of_life_and_metrics_are_there() {
    let live = Live::start(
        &[("h.toml", &fixed_zone("h.example", "192.0.2.1"))],
        |_, _| (),
    );
    live.ask("www.h.example");
    assert_eq!(live.get("/healthz"), "ok\n");
    wait_for("readiness", || {
        leeward::admin::get(live.http(), "/readyz").ok()
    });
    let metrics = wait_for("counted queries", || {
        let text = live.get("/metrics");
        text.contains("leeward_queries_total{").then_some(text)
    });
    for line in metrics
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let (series, value) = line.rsplit_once(' ').expect("a series and a value");
        assert!(series.starts_with("leeward_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn stops_while_a_client_holds_a_connection() {
    let mut live = Live::start(
        &[("i.toml", &fixed_zone("i.example", "192.0.2.1"))],
        |_, _| (),
    );
    let _held = TcpStream::connect(live.dns()).expect("a connection");
    let begun = std::time::Instant::now();
    live.stop();
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
}
