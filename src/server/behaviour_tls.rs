//! DNS over TLS as clients see it, over real sockets on loopback with an engine that echoes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};

use super::behaviour::{PATIENCE, ask, frame, read_frame, read_to_end, tcp_client};
use super::behaviour::{totals, wait_until};
use super::engine::tests::{Echo, query, reply};
use super::{
    CertificateSource, Certificates, Drained, Listen, WorkerId, Server, Serving, TcpLimits, bind,
};
use crate::metrics::TcpEvent;

type Sealed = StreamOwned<ClientConnection, TcpStream>;

/// A server of DNS over TLS and what it shows.
struct Stage {
    server: Server,
    certificates: Arc<Certificates>,
}

impl Stage {
    fn open(tcp: TcpLimits, source: CertificateSource) -> Self {
        let certificates = Certificates::load(source).expect("a certificate");
        let listen = Listen {
            tls: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            ..Listen::default()
        };
        let serving = Serving {
            tcp,
            certificates: Some(Arc::clone(&certificates)),
            ..Serving::default()
        };
        let bound = bind(&listen, 1).expect("loopback is free");
        let server = bound.start(serving, |_: WorkerId| Echo).expect("threads");
        Self {
            server,
            certificates,
        }
    }

    fn self_signed(tcp: TcpLimits) -> Self {
        Self::open(tcp, CertificateSource::SelfSigned)
    }

    fn address(&self) -> SocketAddr {
        self.server.listen().tls[0]
    }

    fn config(&self, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates.chain() {
            roots.add(certificate).expect("a certificate");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(versions).expect("suites");
        builder.with_root_certificates(roots).with_no_client_auth()
    }

    fn connect(&self) -> Sealed {
        connect(self.address(), &Arc::new(self.config(rustls::ALL_VERSIONS)))
    }
}

fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Sealed {
    let name = ServerName::try_from("localhost").expect("a name");
    let session = ClientConnection::new(Arc::clone(config), name).expect("settings");
    StreamOwned::new(session, tcp_client(address))
}

#[test]
fn answers_over_both_versions_and_resumes_sessions() {
    let stage = Stage::self_signed(TcpLimits::default());
    let versions = [
        (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
        (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
    ];
    for (version, number) in versions {
        let config = Arc::new(stage.config(&[version]));
        let wanted = [HandshakeKind::Full, HandshakeKind::Resumed];
        for kind in wanted {
            let mut client = connect(stage.address(), &config);
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
    let stage = Stage::self_signed(TcpLimits::default());
    let mut client = stage.connect();
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
    let stage = Stage::self_signed(TcpLimits::default());
    let cases: [(&[&[u8]], bool); 4] = [
        (&[], true),
        (&[b"dot"], true),
        (&[b"h2", b"dot"], true),
        (&[b"h2"], false),
    ];
    for (protocols, is_fine) in cases {
        let mut config = stage.config(rustls::ALL_VERSIONS);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let mut client = connect(stage.address(), &Arc::new(config));
        let sent = client.write_all(&frame(&query("one")));
        let answered = sent.and_then(|()| client.read_exact(&mut [0; 2]));
        assert_eq!(answered.is_ok(), is_fine, "{protocols:?}");
    }
    let mut garbage = tcp_client(stage.address());
    garbage
        .write_all(&frame(&query("in the clear")))
        .expect("sent");
    read_to_end(&mut garbage);
    wait_until("two failures", || {
        totals(&stage.server).tcp(TcpEvent::HandshakeFailed) == 2
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
    let stage = Stage::open(TcpLimits::default(), source);
    let mut old = stage.connect();
    assert_eq!(ask(&mut old, "before"), reply("before"));
    assert_eq!(old.conn.peer_certificates(), Some(&[first][..]));

    let second = renew();
    assert_eq!(stage.certificates.exchange(), Ok(true));
    let mut new = stage.connect();
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
    let stage = Stage::self_signed(limits);
    let mut quiet = stage.connect();
    assert_eq!(ask(&mut quiet, "once"), reply("once"));
    // Without close_notify this would be an error (RFC 8446, section 6.1).
    assert_eq!(quiet.read(&mut [0; 1]).expect("a reason"), 0);
    let mut stalled = tcp_client(stage.address());
    assert_eq!(read_to_end(&mut stalled), 0);
    wait_until("the failure", || {
        totals(&stage.server).tcp(TcpEvent::HandshakeFailed) == 1
    });
}

#[test]
fn answers_an_honest_client_among_stalled_handshakes() {
    let limits = TcpLimits {
        connections_max: 2_000,
        connections_per_client_max: 2_000,
        ..TcpLimits::default()
    };
    let stage = Stage::self_signed(limits);
    let mut stalled = Vec::new();
    for number in 0..700 {
        let mut stream = tcp_client(stage.address());
        if number % 2 == 0 {
            // A record that says it is longer than what follows.
            drop(stream.write_all(&[0x16, 3, 1, 0x02, 0]));
        }
        stalled.push(stream);
    }
    let mut honest = stage.connect();
    assert_eq!(ask(&mut honest, "honest"), reply("honest"));
    wait_until("the oldest left", || {
        totals(&stage.server).tcp(TcpEvent::HandshakeFailed) >= 200
    });
}

#[test]
fn drops_a_client_that_never_reads() {
    let limits = TcpLimits {
        write_timeout: Duration::from_millis(80),
        ..TcpLimits::default()
    };
    let stage = Stage::self_signed(limits);
    let mut greedy = stage.connect();
    let large = frame(&query(&"w".repeat(60_000)));
    let is_dropped = (0..2_000).any(|_| greedy.write_all(&large).is_err());
    assert!(is_dropped);
    wait_until("the time-out", || {
        totals(&stage.server).tcp(TcpEvent::TimedOut) == 1
    });
    assert_eq!(ask(&mut stage.connect(), "after"), reply("after"));
}

#[test]
fn finishes_what_is_queued_when_it_stops() {
    let stage = Stage::self_signed(TcpLimits::default());
    let mut stalled = tcp_client(stage.address());
    // Without an octet it would not be accepted yet.
    stalled.write_all(&[22]).expect("sent");
    let mut busy = stage.connect();
    assert_eq!(ask(&mut busy, "before"), reply("before"));
    busy.write_all(&frame(&query("last")).repeat(50))
        .expect("sent");
    let clock = crate::clock::Clock::start();
    let began = clock.now();
    assert_eq!(stage.server.shutdown(), Drained::InTime);
    assert!(clock.now().since(began) < PATIENCE / 5);
    for _ in 0..50 {
        assert_eq!(read_frame(&mut busy), reply("last"));
    }
    assert_eq!(busy.read(&mut [0; 1]).expect("a reason"), 0);
    assert_eq!(read_to_end(&mut stalled), 0);
}
