//! Hostile clients of encrypted transports, each with an honest one beside it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use leeward::clock::Clock;
use leeward::metrics::TcpEvent;
use leeward::server::{HttpsGuise, HttpsOptions, Serving, TcpLimits, Transport};

use crate::clients::{frame, quic_client, read_frame, tcp_client, tls_client};
use crate::echo::{EchoServer, ask, query, reply};
use crate::wait::{PATIENCE, wait_until};

/// What begins a connection of HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// Flags of HEADERS: complete, with or without a body that follows.
const END_HEADERS: u8 = 4;
const END_STREAM: u8 = 1;

/// Starts TLS, HTTPS in the clear and QUIC.
fn start(tcp: TcpLimits) -> EchoServer {
    let serving = Serving {
        tcp,
        https: HttpsOptions {
            guise: HttpsGuise::Plain,
            ..HttpsOptions::default()
        },
        ..Serving::default()
    };
    let transports = [Transport::Tls, Transport::Https, Transport::Quic];
    EchoServer::start_as(&transports, serving)
}

/// Asks by HTTP/1.1 on a connection of its own.
fn ask_web(server: &EchoServer) {
    let mut honest = tcp_client(server.at(Transport::Https));
    let encoded = URL_SAFE_NO_PAD.encode(query("honest"));
    let get =
        format!("GET /dns-query?dns={encoded} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    honest.write_all(get.as_bytes()).expect("sent");
    let mut response = Vec::new();
    honest.read_to_end(&mut response).expect("a response");
    assert!(response.starts_with(b"HTTP/1.1 200"), "{response:?}");
    assert!(response.ends_with(&reply("honest")));
}

fn h2_frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut octets = length[1..].to_vec();
    octets.extend([kind, flags]);
    octets.extend(stream.to_be_bytes());
    octets.extend(payload);
    octets
}

/// A field whose name is in the static table (RFC 7541, section 6.2.2), neither indexed nor compressed.
fn literal(name: u8, value: &str) -> Vec<u8> {
    let length = u8::try_from(value.len()).expect("short");
    assert!(length < 127);
    let head: &[u8] = if name < 15 { &[name] } else { &[15, name - 15] };
    [head, &[length], value.as_bytes()].concat()
}

/// `:method` as indexed, `:scheme` http, `:path`, `:authority`, `content-type`.
fn fields(method: u8, path: &str) -> Vec<u8> {
    let mut block = vec![0x80 | method, 0x86];
    block.extend(literal(4, path));
    block.extend(literal(1, "x"));
    block.extend(literal(31, "application/dns-message"));
    block
}

/// Reads one frame; `None` is the end of the connection.
fn read_h2(stream: &mut TcpStream) -> Option<(u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    match stream.read_exact(&mut head) {
        Err(cause) if cause.kind() == ErrorKind::WouldBlock => panic!("was not closed"),
        Err(_) => return None,
        Ok(()) => {}
    }
    let [l0, l1, l2, kind, _, s0, s1, s2, s3] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, l0, l1, l2]) as usize];
    stream.read_exact(&mut payload).ok()?;
    Some((kind, u32::from_be_bytes([s0, s1, s2, s3]), payload))
}

#[test]
fn refuses_streams_beyond_the_limit_and_ends_those_that_bring_nothing() {
    let server = start(TcpLimits {
        idle_timeout: Duration::from_millis(400),
        message_timeout: Duration::from_millis(100),
        ..TcpLimits::default()
    });
    let mut hostile = tcp_client(server.at(Transport::Https));
    let mut octets = [PREFACE, &h2_frame(SETTINGS, 0, 0, &[])].concat();
    for number in 0..150 {
        // POST, and the body never comes.
        let block = fields(3, "/dns-query");
        octets.extend(h2_frame(HEADERS, END_HEADERS, 2 * number + 1, &block));
    }
    hostile.write_all(&octets).expect("sent");
    ask_web(&server);
    let (mut refused, mut answered) = (0, 0);
    while let Some((kind, stream, payload)) = read_h2(&mut hostile) {
        match kind {
            // REFUSED_STREAM (RFC 9113, section 7), for those beyond a hundred.
            RST_STREAM if payload == [0, 0, 0, 7] => {
                assert!(stream > 200, "{stream}");
                refused += 1;
            }
            HEADERS => answered += 1,
            GOAWAY => ask_web(&server),
            _ => {}
        }
    }
    assert_eq!((refused, answered), (50, 100), "408 for those that waited");
    wait_until("the end", || server.totals().tcp_current() == 0);
}

#[test]
fn ends_streams_whose_window_stays_shut() {
    let server = start(TcpLimits {
        idle_timeout: Duration::from_millis(600),
        message_timeout: Duration::from_millis(100),
        write_timeout: Duration::from_millis(100),
        ..TcpLimits::default()
    });
    let mut hostile = tcp_client(server.at(Transport::Https));
    // SETTINGS_INITIAL_WINDOW_SIZE 0.
    let shut = h2_frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let mut octets = [PREFACE, &shut].concat();
    let path = format!("/dns-query?dns={}", URL_SAFE_NO_PAD.encode(query("shut")));
    for number in 0..100 {
        let flags = END_HEADERS | END_STREAM;
        octets.extend(h2_frame(HEADERS, flags, 2 * number + 1, &fields(2, &path)));
    }
    hostile.write_all(&octets).expect("sent");
    ask_web(&server);
    let (mut heads, mut resets) = (0, 0);
    while let Some((kind, _, payload)) = read_h2(&mut hostile) {
        match kind {
            HEADERS => heads += 1,
            RST_STREAM => resets += 1,
            DATA => assert!(payload.is_empty(), "no octet is allowed"),
            GOAWAY => ask_web(&server),
            _ => {}
        }
    }
    assert_eq!((heads, resets), (100, 100));
    wait_until("the end", || server.totals().tcp_current() == 0);
}

#[test]
fn ends_a_connection_of_rapid_resets_and_counts_it() {
    let server = start(TcpLimits::default());
    let mut hostile = tcp_client(server.at(Transport::Https));
    let mut octets = [PREFACE, &h2_frame(SETTINGS, 0, 0, &[])].concat();
    let path = format!("/dns-query?dns={}", URL_SAFE_NO_PAD.encode(query("reset")));
    for number in 0..1_000 {
        let stream = 2 * number + 1;
        let flags = END_HEADERS | END_STREAM;
        octets.extend(h2_frame(HEADERS, flags, stream, &fields(2, &path)));
        // CANCEL (RFC 9113, section 7).
        octets.extend(h2_frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    }
    // The server may close before it has taken all.
    let _ = hostile.write_all(&octets);
    wait_until("the end", || {
        server.totals().tcp(TcpEvent::Misused) == 1 && server.totals().tcp_current() == 0
    });
    ask_web(&server);
    let asked: u64 = server.totals().queries().map(|row| row.count).sum();
    assert!(asked < 500, "{asked} of 1,000 were answered");
}

#[test]
fn ends_a_head_that_drips() {
    let server = start(TcpLimits {
        idle_timeout: Duration::from_secs(3_600),
        message_timeout: Duration::from_millis(150),
        ..TcpLimits::default()
    });
    let mut hostile = tcp_client(server.at(Transport::Https));
    let get = format!(
        "GET /dns-query?dns={} HTTP/1.1\r\nhost: x\r\n\r\n",
        URL_SAFE_NO_PAD.encode(query("one"))
    );
    // A request that is fine does not make the next one's head any better.
    hostile.write_all(get.as_bytes()).expect("sent");
    let mut first = [0; 12];
    hostile.read_exact(&mut first).expect("a response");
    assert_eq!(&first, b"HTTP/1.1 200");
    let pace = Some(Duration::from_millis(20));
    hostile.set_read_timeout(pace).expect("an option");
    let mut room = [0; 4096];
    let clock = Clock::start();
    let began = clock.now();
    hostile.write_all(b"GET /").expect("sent");
    loop {
        assert!(clock.now().since(began) < PATIENCE, "was not closed");
        match hostile.read(&mut room) {
            Ok(0) => break,
            Ok(_) => {}
            Err(cause) if cause.kind() == ErrorKind::WouldBlock => {
                if hostile.write_all(b"x").is_err() {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    ask_web(&server);
    assert_eq!(server.totals().tcp(TcpEvent::TimedOut), 1);
}

#[test]
fn answers_beside_a_client_of_tls_that_never_reads() {
    let server = start(TcpLimits {
        write_timeout: Duration::from_secs(3_600),
        ..TcpLimits::default()
    });
    let config = Arc::new(server.trusted(&[b"dot"]));
    let connect = || tls_client(server.at(Transport::Tls), Arc::clone(&config));
    let mut greedy = connect();
    let mut honest = connect();
    assert_eq!(ask(&mut honest, "before"), reply("before"));
    greedy.flush().expect("shaken");
    let short = Some(Duration::from_millis(50));
    greedy.sock.set_write_timeout(short).expect("an option");
    // Until the kernel takes no more, since the server reads no more.
    let text = "w".repeat(30_000);
    let large = frame(&query(&text));
    let mut sent = 0;
    while greedy
        .write_all(&large)
        .and_then(|()| greedy.flush())
        .is_ok()
    {
        sent += 1;
        assert!(sent < 2_000, "the server takes without end");
    }
    for number in 0..50 {
        let text = format!("beside {number}");
        assert_eq!(ask(&mut honest, &text), reply(&text));
    }
    // Once it reads, it gets everything that was taken, in order.
    for _ in 0..3 {
        assert_eq!(read_frame(&mut greedy), reply(&text));
    }
    assert_eq!(server.totals().tcp(TcpEvent::TimedOut), 0);
}

/// X9: three hundred first packets that might be forged.
#[test]
fn greets_an_honest_client_among_half_open_handshakes_of_quic() {
    let server = start(TcpLimits {
        connections_max: 40,
        connections_per_client_max: 40,
        message_timeout: Duration::from_millis(300),
        ..TcpLimits::default()
    });
    let address = server.at(Transport::Quic);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    // First packets are caught on the way and sent by somebody who never says another word.
    let hole = UdpSocket::bind(local).expect("loopback is free");
    hole.set_read_timeout(Some(PATIENCE)).expect("an option");
    let mute = UdpSocket::bind(local).expect("loopback is free");
    runtime.block_on(async {
        let endpoint = quic_client(server.trusted(&[b"doq"]));
        let to_hole = hole.local_addr().expect("bound");
        let connect = |to| endpoint.connect(to, "localhost").expect("settings");
        let mut octets = [0; 2_048];
        for _ in 0..300 {
            let _begun = connect(to_hole);
            let (count, _) = hole.recv_from(&mut octets).expect("a first packet");
            mute.send_to(&octets[..count], address).expect("sent");
        }
        let honest = connect(address).await.expect("shaken");
        let (mut send, mut receive) = honest.open_bi().await.expect("a stream");
        send.write_all(&frame(&query("honest")))
            .await
            .expect("sent");
        send.finish().expect("open");
        let answer = receive.read_to_end(100).await.expect("an answer");
        assert_eq!(answer, frame(&reply("honest")));
    });
    // A few were let in; all others had to prove their address, of which the mute one heard no more.
    let totals = server.totals();
    let (opened, retried) = (totals.tcp(TcpEvent::Opened), totals.tcp(TcpEvent::Retried));
    // Four are let in at once, and four more whenever those are forgotten, which takes three seconds.
    assert!(opened <= 20, "{opened} let in, {retried} asked");
    assert!(retried >= 200, "{opened} let in, {retried} asked");
    assert_eq!(totals.tcp(TcpEvent::Evicted), 0);
}
