//! Clients of the control API that are silent, slow, many or foreign: health checks and changes go on.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use leeward::admin;

use super::stage::{Live, fixed_zone};
use crate::wait::{PATIENCE, wait_for};

fn stage() -> Live {
    let zone = format!(
        "{}gate = \"pool\"\n[checks.gate]\ntype = \"manual\"\n[pools.pool]\ncheck = \"gate\"\nmembers = [\"192.0.2.9\"]\n",
        fixed_zone("a.example", "192.0.2.1")
    );
    Live::start(&[("a.toml", &zone)], |_, _| {})
}

fn send(stage: &Live, text: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(stage.http()).expect("it listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket option");
    // A connection that was sent away already cannot be written to.
    let _ = stream.write_all(text);
    stream
}

fn ask(stage: &Live, text: &str) -> String {
    let mut answer = Vec::new();
    let _ = send(stage, text.as_bytes()).read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

// X5.
#[test]
fn silent_and_garbled_connections_close_the_api_to_nobody() {
    let stage = stage();
    let openings: [&[u8]; 5] = [
        b"",
        b"GET /api/sta",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /api/switch?check=gate&set=on HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"PRI * HTTP/2.0\r\n",
    ];
    let mut held = Vec::new();
    for round in 0..60 {
        for opening in openings {
            held.push(send(&stage, opening));
        }
        if round % 10 == 0 {
            let begun = Instant::now();
            assert_eq!(stage.get("/healthz"), "ok\n", "round {round}");
            let set = if round % 20 == 0 { "off" } else { "on" };
            admin::post(stage.http(), &format!("/api/switch?check=gate&set={set}"))
                .expect("a change");
            stage.json("/api/status");
            assert!(begun.elapsed() < Duration::from_secs(10), "round {round}");
        }
    }
    let metrics = stage.get("/metrics");
    assert!(metrics.contains("leeward_control_connections_total{event=\"evicted\"}"));
    // Whoever is left has two seconds.
    wait_for("the last of them to be sent away", || {
        let last = held.last_mut().expect("many");
        matches!(last.read(&mut [0; 1024]), Ok(0) | Err(_)).then_some(())
    });
}

#[test]
fn a_body_that_does_not_come_and_requests_in_a_row_hold_nothing_up() {
    let stage = stage();
    let command = "POST /api/switch?check=gate&set=off HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Leeward-Request: 1\r\n";
    let answer = ask(&stage, &format!("{command}Content-Length: 1000\r\n\r\nx"));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let health = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    let answer = ask(&stage, &health.repeat(50));
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 1, "{answer}");
}

// X13.
#[test]
fn a_name_that_was_pointed_at_the_server_is_refused_wherever_it_listens() {
    let stage = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |config, _| {
            config.http = Some("0.0.0.0:0".parse().expect("an address"));
            config.http_hosts = vec!["ns1.example.com".to_owned()];
        },
    );
    let port = stage.http().port();
    for (path, headers, code) in [
        ("/api/status", "Host: evil.example:8053\r\n", 421),
        ("/healthz", "Host: evil.example\r\n", 421),
        ("/api/status", "Host: ns1.example.com\r\n", 200),
        ("/api/status", "Host: 192.0.2.7\r\n", 200),
        (
            "/api/status",
            "Host: 127.0.0.1\r\nSec-Fetch-Site: cross-site\r\n",
            403,
        ),
        (
            "/api/status",
            "Host: 127.0.0.1\r\nOrigin: http://evil.example\r\n",
            403,
        ),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        let wanted = format!("HTTP/1.1 {code} ");
        assert!(answer.starts_with(&wanted), "{headers}: {answer}");
    }
}
