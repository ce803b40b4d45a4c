//! HTTP without TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use leeward::clock::Clock;
use leeward::health::{Endpoint, HttpProbe, Outcome, ProbeKind, TcpProbe, Timeout};
use leeward::probe::{ProbeContext, Reach, probe_once};
use tokio::io::AsyncWriteExt as _;

use crate::endpoint::{Listening, Play, ScriptedEndpoint, closed_address, play_on, read_request};
use crate::probing::{AMPLE, SCARCE, context, http_probe, observe, probe, target, tcp_probe};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready";

fn wanting(change: impl FnOnce(&mut HttpProbe)) -> ProbeKind {
    let mut http = http_probe();
    change(&mut http);
    ProbeKind::Http(http)
}

fn plain() -> ProbeKind {
    wanting(|_| {})
}

fn ready() -> ProbeKind {
    wanting(|http| http.contains = Some("ready".into()))
}

/// A response with so many octets of headers, as a server would count them.
fn long_headers(octets: usize) -> Vec<u8> {
    let mut text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n".to_owned();
    let line = format!("x: {}\r\n", "y".repeat(200));
    while text.len() + line.len() + 2 <= octets {
        text += &line;
    }
    text += &format!(
        "z: {}\r\n\r\n",
        "y".repeat(octets.saturating_sub(text.len() + 7))
    );
    text.into_bytes()
}

#[tokio::test]
async fn names_what_is_wrong_with_a_response() {
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\n{rest}\r\n\r\n");
    #[rustfmt::skip]
    let cases = [
        ("passes", Play::say(OK), plain(), "status 200"),
        ("text is there", Play::say(OK), ready(), "status 200"),
        ("a text is enough, whatever follows", Play::SayAndHold(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nready".to_vec()), ready(), "status 200"),
        ("status", Play::say("HTTP/1.1 503 No\r\n\r\n"), plain(), "status 503"),
        ("other statuses may be wanted", Play::say("HTTP/1.1 503 No\r\n\r\n"), wanting(|http| http.status = vec![(200, 200), (500, 599)]), "status 503"),
        ("body is never read without need", Play::SayAndHold(head("Content-Length: 99").into()), plain(), "status 200"),
        ("body", Play::say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsorry"), ready(), "body lacks \"ready\" (5 bytes searched)"),
        ("empty body", Play::say(&head("Content-Length: 0")), ready(), "body lacks \"ready\" (it is empty)"),
        ("pattern", Play::say(OK), wanting(|http| http.regex = Some("^re.*y$".into())), "status 200"),
        ("no match", Play::say(OK), wanting(|http| http.regex = Some("^no".into())), "body does not match /^no/ (5 bytes searched)"),
        ("broken pattern", Play::say(OK), wanting(|http| http.regex = Some("(".into())), "the probe cannot be made"),
        ("endless body", Play::Repeat(head("").into_bytes(), b"sorry ".to_vec()), ready(), "body lacks \"ready\" (5,120 bytes searched)"),
        ("body ends early", Play::say("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nsorry"), ready(), "connection closed while reading the body"),
        ("reset in the body", Play::SayAndReset(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nsorry".to_vec()), ready(), "connection reset while reading the body"),
        ("headers of 16,384 bytes", Play::Say(long_headers(16_300)), plain(), "status 200"),
        ("H23: headers of 17,000 bytes", Play::Say(long_headers(17_000)), plain(), "headers over 16,384 bytes"),
        ("endless headers", Play::Repeat(b"HTTP/1.1 200 OK\r\n".to_vec(), b"x: y\r\n".to_vec()), plain(), "headers over 16,384 bytes"),
        ("closes at once", Play::say(""), plain(), "connection closed waiting for headers"),
        ("resets", Play::SayAndReset(vec![]), plain(), "connection reset waiting for headers"),
        ("no HTTP", Play::say("SSH-2.0-OpenSSH_9.2\r\n"), plain(), "malformed response: "),
        ("hangs", Play::SayAndHold(vec![]), plain(), "timed out after 80 ms waiting for headers"),
        ("hangs in the body", Play::SayAndHold(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nrea".to_vec()), ready(), "timed out after 80 ms while reading the body"),
        ("found by fuzzing: a goal with a carriage return", Play::say("HTTP/1.1 302 Found\r\nLocation: /a\rb\r\n\r\n"), plain(), "status 302, redirect to /a\u{fffd}b not followed"),
        ("H3: a redirect is no success", Play::say("HTTP/1.1 301 Moved\r\nLocation: https://b.example/x\r\n\r\n"), plain(), "status 301, redirect to https://b.example/x not followed"),
        ("H3 as Route 53 has it", Play::say("HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\n"), wanting(|http| http.status = vec![(200, 399)]), "status 301"),
    ];
    for (name, play, kind, wanted) in cases {
        let timeout = if wanted.starts_with("timed out") {
            SCARCE
        } else {
            AMPLE
        };
        let endpoint = ScriptedEndpoint::open(vec![play]).await;
        let evidence = probe(endpoint.address, kind, timeout).await;
        assert!(evidence.starts_with(wanted), "{name}: {evidence}");
    }
}

#[tokio::test]
async fn says_that_nobody_listens() {
    let observation = observe(closed_address().await, plain(), AMPLE).await;
    assert_eq!(observation.outcome, Outcome::Bad);
    assert_eq!(observation.evidence.to_string(), "connect refused");
    assert_eq!(observation.phases.connect, None);
    assert!(observation.phases.total.is_some());
}

#[tokio::test]
async fn measures_phases() {
    let endpoint = ScriptedEndpoint::open(vec![Play::say(OK)]).await;
    let phases = observe(endpoint.address, ready(), AMPLE).await.phases;
    assert!(phases.connect.is_some() && phases.first_byte.is_some() && phases.tls.is_none());
    assert!(phases.total >= phases.first_byte);
}

#[tokio::test]
async fn gives_each_phase_its_own_limit() {
    let millis = Duration::from_millis;
    let timeout = |response, body| Timeout::Phases {
        connect: millis(10_000),
        response: millis(response),
        body: millis(body),
    };
    let slow_body = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nrea";
    let cases = [
        (
            "",
            timeout(60, 10_000),
            "timed out after 60 ms waiting for headers",
        ),
        (
            slow_body,
            timeout(10_000, 60),
            "timed out after 60 ms while reading the body",
        ),
    ];
    for (text, timeout, wanted) in cases {
        let endpoint = ScriptedEndpoint::open(vec![Play::SayAndHold(text.into())]).await;
        let observation = observe(endpoint.address, ready(), timeout).await;
        assert_eq!(observation.evidence.to_string(), wanted);
        assert!(
            observation.phases.total < Some(millis(5_000)),
            "the limit is kept"
        );
    }
}

#[tokio::test]
async fn sends_what_was_asked_for() {
    let endpoint = ScriptedEndpoint::open(vec![Play::say(OK)]).await;
    let port = endpoint.address.port();
    let kind = wanting(|http| {
        http.method = "POST".into();
        http.path = "/health?deep=1".into();
        http.host = "www.example.com".into();
        http.headers = vec![
            ("X-Probe".into(), "1".into()),
            ("X-Probe".into(), "2".into()),
        ];
    });
    probe(endpoint.address, kind, AMPLE).await;
    let request = endpoint.requests()[0].to_ascii_lowercase();
    assert!(
        request.starts_with("post /health?deep=1 http/1.1\r\n"),
        "{request}"
    );
    for line in [
        format!("host: www.example.com:{port}"),
        "content-length: 0".into(),
        "user-agent: leeward-test".into(),
        "connection: close".into(),
        "x-probe: 1\r\nx-probe: 2".into(),
    ] {
        assert!(
            request.contains(&format!("\r\n{line}\r\n")),
            "{line} in {request}"
        );
    }
}

#[tokio::test]
async fn sends_the_address_where_there_is_no_host() {
    let endpoint = ScriptedEndpoint::open(vec![Play::say(OK)]).await;
    for host in ["", "127.0.0.1", "1.2"] {
        let kind = wanting(|http| http.host = host.into());
        assert_eq!(
            probe(endpoint.address, kind, AMPLE).await,
            "status 200",
            "{host}"
        );
    }
    let port = endpoint.address.port();
    let hosts: Vec<_> = endpoint
        .requests()
        .iter()
        .map(|request| {
            let (_, rest) = request.split_once("Host: ").unwrap();
            rest.split_once("\r\n").unwrap().0.to_owned()
        })
        .collect();
    let address = format!("127.0.0.1:{port}");
    assert_eq!(hosts, [address.clone(), address, format!("1.2:{port}")]);
}

#[tokio::test]
async fn follows_redirects_on_the_same_host_as_far_as_allowed() {
    let moved = |to: &str| Play::say(&format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\n\r\n"));
    let plays = vec![moved("/a"), moved("b?c=1"), Play::say(OK)];
    let following = |count| {
        wanting(|http| {
            http.follow_redirects = count;
            http.host = "www.example.com".into();
        })
    };
    let endpoint = ScriptedEndpoint::open(plays.clone()).await;
    assert_eq!(
        probe(endpoint.address, following(2), AMPLE).await,
        "status 200"
    );
    let lines: Vec<_> = endpoint
        .requests()
        .iter()
        .map(|request| request.split(' ').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(lines, ["/", "/a", "/b?c=1"]);

    let endpoint = ScriptedEndpoint::open(plays).await;
    let evidence = probe(endpoint.address, following(1), AMPLE).await;
    assert_eq!(evidence, "status 302, redirect to b?c=1 not followed");

    let endpoint = ScriptedEndpoint::open(vec![moved("http://other.example/")]).await;
    let evidence = probe(endpoint.address, following(5), AMPLE).await;
    assert_eq!(
        evidence,
        "status 302, redirect to http://other.example/ not followed"
    );
    assert_eq!(endpoint.requests().len(), 1);
}

#[tokio::test]
async fn follows_no_redirect_to_where_the_server_takes_commands() {
    // X12.
    let own = ScriptedEndpoint::open(vec![Play::say(OK)]).await;
    let to = format!(
        "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{}/\r\n\r\n",
        own.address.port()
    );
    let endpoint = ScriptedEndpoint::open(vec![Play::say(&to)]).await;
    let reach = Reach {
        allow: vec![],
        own: vec![own.address],
    };
    let context = ProbeContext::new("leeward-test", reach, Clock::start());
    let kind = || wanting(|http| http.follow_redirects = 5);
    for address in [endpoint.address, own.address] {
        let observation = probe_once(&context, &Arc::new(target(address, kind(), AMPLE))).await;
        assert_eq!(observation.outcome, Outcome::NoEvidence);
        assert_eq!(observation.evidence.finding.code(), "own-address");
    }
    assert!(own.requests().is_empty());
    assert_eq!(endpoint.requests().len(), 1);
}

#[tokio::test]
async fn reads_what_came_before_the_connection_was_reset() {
    // F34: the whole reply, then a reset, while nothing of the request was read.
    let server = Listening::open(async |mut stream| {
        stream.write_all(OK.as_bytes()).await.unwrap();
        stream.set_zero_linger().unwrap();
    });
    let server = server.await;
    let tcp = || {
        ProbeKind::Tcp(TcpProbe {
            send: Some("hello\n".into()),
            contains: Some("ready".into()),
            ..tcp_probe()
        })
    };
    for _ in 0..40 {
        assert_eq!(probe(server.address, ready(), AMPLE).await, "status 200");
        assert_eq!(
            probe(server.address, tcp(), AMPLE).await,
            "replied as expected"
        );
    }
}

#[tokio::test]
async fn searches_compressed_bodies() {
    // As `printf 'all is ready' | gzip -n` writes it.
    let body: [u8; 32] = [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0xcc, 0xc9, 0x51, 0xc8,
        0x2c, 0x56, 0x28, 0x4a, 0x4d, 0x4c, 0xa9, 0x04, 0x00, 0x08, 0x82, 0xf9, 0x20, 0x0c, 0x00,
        0x00, 0x00,
    ];
    let mut octets = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    octets.extend(body);
    let endpoint = ScriptedEndpoint::open(vec![Play::Say(octets)]).await;
    assert_eq!(probe(endpoint.address, ready(), AMPLE).await, "status 200");
}

#[tokio::test]
async fn never_shares_a_connection_between_targets() {
    // Both targets have the same host, port and path in their requests; only the address tells them apart.
    let good = ScriptedEndpoint::open(vec![Play::SayAndHold(OK.into())]).await;
    let context = context();
    let kind = || wanting(|http| http.host = "www.example.com".into());
    for _ in 0..3 {
        let observation =
            probe_once(&context, &Arc::new(target(good.address, kind(), AMPLE))).await;
        assert_eq!(observation.outcome, Outcome::Good);
        let elsewhere = SocketAddr::new([127, 0, 0, 2].into(), good.address.port());
        let observation = probe_once(&context, &Arc::new(target(elsewhere, kind(), AMPLE))).await;
        assert_eq!(observation.evidence.to_string(), "connect refused");
    }
    assert_eq!(good.requests().len(), 3);
}

#[tokio::test]
async fn tries_the_addresses_of_a_name_in_order_and_names_the_one() {
    let endpoint = ScriptedEndpoint::open(vec![Play::say(OK)]).await;
    let at = |address: SocketAddr, name: &str| {
        let mut target = target(address, plain(), AMPLE);
        target.probe.endpoint = Endpoint::Host(name.into());
        Arc::new(target)
    };
    let observation = probe_once(&context(), &at(endpoint.address, "localhost")).await;
    assert_eq!(
        observation.evidence.to_string(),
        "status 200 (at 127.0.0.1)"
    );
    let observation = probe_once(&context(), &at(closed_address().await, "localhost")).await;
    assert_eq!(observation.outcome, Outcome::Bad);
    assert!(
        observation
            .evidence
            .to_string()
            .starts_with("connect refused (at ")
    );
}

#[tokio::test]
async fn probes_only_the_networks_that_are_allowed() {
    let endpoint = ScriptedEndpoint::open(vec![Play::say(OK)]).await;
    let networks = vec!["192.0.2.0/24".parse().unwrap()];
    let context = ProbeContext::new("leeward-test", networks, Clock::start());
    let observation = probe_once(
        &context,
        &Arc::new(target(endpoint.address, plain(), AMPLE)),
    )
    .await;
    assert_eq!(observation.outcome, Outcome::NoEvidence);
    assert!(
        observation
            .evidence
            .to_string()
            .contains("outside the networks")
    );
    assert!(endpoint.requests().is_empty());
}

#[tokio::test]
async fn probes_ipv6_addresses() {
    let listener = tokio::net::TcpListener::bind("[::1]:0").await;
    let listener = listener.expect("loopback has IPv6, as all tests of it need");
    let address = listener.local_addr().unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        play_on(&mut stream, Play::say(OK)).await;
        request
    };
    let (evidence, request) = tokio::join!(probe(address, plain(), AMPLE), server);
    assert_eq!(evidence, "status 200");
    let host = format!("Host: [::1]:{}\r\n", address.port());
    assert!(request.contains(&host), "{request}");
}
