//! DNS over TLS.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use leeward::clock::Clock;
use leeward::metrics::TcpEvent;
use leeward::server::{CertificateSource, Certificates, Drained, Serving, TcpLimits, Transport};
use rustls::{HandshakeKind, ProtocolVersion};

use crate::clients::{Sealed, frame, read_frame, read_to_end, tcp_client, tls_client, trusting_by};
use crate::echo::{EchoServer, ask, query, reply};
use crate::wait::wait_until;

fn start(tcp: TcpLimits) -> EchoServer {
    EchoServer::start(&[Transport::Tls], tcp)
}

/// Connects without a word about protocols.
fn connect(server: &EchoServer) -> Sealed {
    tls_client(server.at(Transport::Tls), Arc::new(server.trusted(&[])))
}

#[test]
fn answers_over_both_versions_and_resumes_sessions() {
    let server = start(TcpLimits::default());
    let versions = [
        (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
        (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
    ];
    for (version, number) in versions {
        let config = Arc::new(trusting_by(&[version], &server.certificates.chain()));
        let wanted = [HandshakeKind::Full, HandshakeKind::Resumed];
        for kind in wanted {
            let mut client = tls_client(server.at(Transport::Tls), Arc::clone(&config));
            for size in [0, 5, 4_000, 65_523] {
                let text = "x".repeat(size);
                assert_eq!(ask(&mut client, &text), reply(&text), "{number:?} {size}");
            }
            assert_eq!(client.conn.protocol_version(), Some(number));
            assert_eq!(client.conn.handshake_kind(), Some(kind), "{number:?}");
        }
    }
}

#[test]
fn answers_a_pipeline_in_order() {
    let server = start(TcpLimits::default());
    let mut client = connect(&server);
    let mut wanted = Vec::new();
    let mut sent = Vec::new();
    for number in 0..300 {
        let text = format!("{number} {}", "y".repeat(number));
        sent.extend(frame(&query(&text)));
        wanted.push(reply(&text));
    }
    client.write_all(&sent).expect("sent");
    for expected in wanted {
        assert_eq!(read_frame(&mut client), expected);
    }
}

#[test]
fn speaks_with_clients_that_name_dot_or_nothing_and_with_no_others() {
    let server = start(TcpLimits::default());
    let cases: [(&[&[u8]], bool); 4] = [
        (&[], true),
        (&[b"dot"], true),
        (&[b"h2", b"dot"], true),
        (&[b"h2"], false),
    ];
    for (protocols, is_fine) in cases {
        let config = Arc::new(server.trusted(protocols));
        let mut client = tls_client(server.at(Transport::Tls), config);
        let sent = client.write_all(&frame(&query("one")));
        let answered = sent.and_then(|()| client.read_exact(&mut [0; 2]));
        assert_eq!(answered.is_ok(), is_fine, "{protocols:?}");
    }
    let mut garbage = tcp_client(server.at(Transport::Tls));
    garbage
        .write_all(&frame(&query("in the clear")))
        .expect("sent");
    read_to_end(&mut garbage);
    wait_until("two failures", || {
        server.totals().tcp(TcpEvent::HandshakeFailed) == 2
    });
}

#[test]
fn shows_a_new_certificate_to_newcomers_and_keeps_old_connections() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (
        folder.path().join("chain.pem"),
        folder.path().join("key.pem"),
    );
    let renew = || {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        std::fs::write(&certificate, made.cert.pem()).expect("written");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        made.cert.der().clone()
    };
    let source = CertificateSource::Files {
        certificate: certificate.clone(),
        key: key.clone(),
    };
    let first = renew();
    let certificates = Certificates::load(source).expect("a certificate");
    let serving = Serving {
        certificates: Some(certificates),
        ..Serving::default()
    };
    let server = EchoServer::start_as(&[Transport::Tls], serving);
    let mut old = connect(&server);
    assert_eq!(ask(&mut old, "before"), reply("before"));
    assert_eq!(old.conn.peer_certificates(), Some(&[first][..]));

    let second = renew();
    assert_eq!(server.certificates.exchange(), Ok(true));
    let mut new = connect(&server);
    assert_eq!(ask(&mut new, "after"), reply("after"));
    assert_eq!(new.conn.peer_certificates(), Some(&[second][..]));
    assert_eq!(ask(&mut old, "still"), reply("still"));
}

#[test]
fn closes_quiet_sessions_with_a_farewell_and_stalled_handshakes_without() {
    let limits = TcpLimits {
        idle_timeout: Duration::from_millis(80),
        message_timeout: Duration::from_millis(80),
        ..TcpLimits::default()
    };
    let server = start(limits);
    let mut quiet = connect(&server);
    assert_eq!(ask(&mut quiet, "once"), reply("once"));
    // Without close_notify this would be an error (RFC 8446, section 6.1).
    assert_eq!(quiet.read(&mut [0; 1]).expect("a reason"), 0);
    let mut stalled = tcp_client(server.at(Transport::Tls));
    assert_eq!(read_to_end(&mut stalled), 0);
    wait_until("the failure", || {
        server.totals().tcp(TcpEvent::HandshakeFailed) == 1
    });
}

#[test]
fn answers_an_honest_client_among_stalled_handshakes() {
    let limits = TcpLimits {
        connections_max: 2_000,
        connections_per_client_max: 2_000,
        ..TcpLimits::default()
    };
    let server = start(limits);
    let mut stalled = Vec::new();
    for number in 0..700 {
        let mut stream = tcp_client(server.at(Transport::Tls));
        if number % 2 == 0 {
            // A record that says it is longer than what follows.
            drop(stream.write_all(&[0x16, 3, 1, 0x02, 0]));
        }
        stalled.push(stream);
    }
    let mut honest = connect(&server);
    assert_eq!(ask(&mut honest, "honest"), reply("honest"));
    wait_until("the oldest left", || {
        server.totals().tcp(TcpEvent::HandshakeFailed) >= 200
    });
}

#[test]
fn drops_a_client_that_never_reads() {
    let limits = TcpLimits {
        write_timeout: Duration::from_millis(80),
        ..TcpLimits::default()
    };
    let server = start(limits);
    let mut greedy = connect(&server);
    let large = frame(&query(&"w".repeat(60_000)));
    let is_dropped = (0..2_000).any(|_| greedy.write_all(&large).is_err());
    assert!(is_dropped);
    wait_until("the time-out", || {
        server.totals().tcp(TcpEvent::TimedOut) == 1
    });
    assert_eq!(ask(&mut connect(&server), "after"), reply("after"));
}

#[test]
fn finishes_what_is_queued_when_it_stops() {
    let server = start(TcpLimits::default());
    let mut stalled = tcp_client(server.at(Transport::Tls));
    // Without an octet it would not be accepted yet.
    stalled.write_all(&[22]).expect("sent");
    let mut busy = connect(&server);
    assert_eq!(ask(&mut busy, "before"), reply("before"));
    busy.write_all(&frame(&query("last")).repeat(50))
        .expect("sent");
    let clock = Clock::start();
    let began = clock.now();
    assert_eq!(server.server.shutdown(), Drained::InTime);
    assert!(clock.now().since(began) < Duration::from_secs(2));
    for _ in 0..50 {
        assert_eq!(read_frame(&mut busy), reply("last"));
    }
    assert_eq!(busy.read(&mut [0; 1]).expect("a reason"), 0);
    assert_eq!(read_to_end(&mut stalled), 0);
}
