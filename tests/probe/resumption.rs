//! TLS sessions that probes resume.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use leeward::clock::Clock;
use leeward::health::{CertificateProbe, Observation, ProbeKind, TargetId, TcpProbe};
use leeward::probe::{Begun, Handle, ProbeConfig, Prober, Report};
use rustls::{HandshakeKind, ServerConfig, version};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::tls::https;
use crate::certificates::Authority;
use crate::endpoint::{Listening, Play, play_on, read_request};
use crate::probing::{AMPLE, target, tcp_probe};

const WWW: &str = "www.example.com";

/// A TLS server that says whether handshakes were full and may change its certificate.
struct Changing {
    listening: Listening,
    config: Arc<Mutex<Arc<ServerConfig>>>,
    kinds: Arc<Mutex<Vec<HandshakeKind>>>,
}

impl Changing {
    async fn open(config: Arc<ServerConfig>) -> Self {
        let config = Arc::new(Mutex::new(config));
        let kinds = Arc::new(Mutex::new(Vec::new()));
        let (present, noted) = (Arc::clone(&config), Arc::clone(&kinds));
        let listening = Listening::open(move |stream| {
            let acceptor = TlsAcceptor::from(Arc::clone(&present.lock().expect("no panic")));
            let noted = Arc::clone(&noted);
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let kind = stream.get_ref().1.handshake_kind().expect("it is over");
                noted.lock().expect("no panic").push(kind);
                read_request(&mut stream).await;
                play_on(
                    &mut stream,
                    Play::say(
                        "HTTP/1.1 200 OK

ready",
                    ),
                )
                .await;
            }
        });
        Self {
            listening: listening.await,
            config,
            kinds,
        }
    }

    fn show(&self, config: Arc<ServerConfig>) {
        *self.config.lock().expect("no panic") = config;
    }

    /// Probes; returns the evidence and whether the session was resumed, if there was one.
    async fn probe(&self, prober: &mut HoldingProber, kind: ProbeKind) -> (String, Option<bool>) {
        self.kinds.lock().expect("no panic").clear();
        let observation = prober.probe(self.listening.address, kind).await;
        let kinds = self.kinds.lock().expect("no panic");
        let is_resumed = kinds.first().map(|kind| *kind == HandshakeKind::Resumed);
        (observation.evidence.to_string(), is_resumed)
    }
}

/// A prober that holds every target it probed: sessions last as long as a target that may resume them.
pub(super) struct HoldingProber {
    handle: Handle,
    reports: mpsc::Receiver<Report>,
    targets: u32,
}

impl HoldingProber {
    pub(super) fn start() -> Self {
        let (sink, reports) = mpsc::channel(1);
        let forever = std::future::pending();
        Self {
            handle: Prober::start(ProbeConfig::default(), sink, Clock::start(), forever),
            reports,
            targets: 0,
        }
    }

    /// Begins a target; returns what its first probe found. The next is an hour away.
    pub(super) async fn probe(&mut self, address: SocketAddr, kind: ProbeKind) -> Observation {
        let mut target = target(address, kind, AMPLE);
        target.probe.interval = Duration::from_secs(3600);
        self.targets += 1;
        let begun = Begun {
            id: TargetId(self.targets),
            target: Arc::new(target),
            group: 0,
        };
        self.handle.update(vec![begun], &[]);
        self.reports.recv().await.expect("a report").observation
    }
}

#[tokio::test]
async fn resumes_the_session_of_the_same_target_only() {
    for version in [&version::TLS12, &version::TLS13] {
        let authority = Authority::new("one");
        let names = [WWW, "b.example"];
        let shared = Arc::new(authority.certify(&names, -10, 90).server_by(&[version]));
        let here = Changing::open(Arc::clone(&shared)).await;
        let there = Changing::open(shared).await;
        let mut prober = HoldingProber::start();
        let check = |name| {
            https(authority.trusted(name), |http| {
                http.contains = Some("ready".into());
                http.days_left = 14;
            })
        };
        let lasting = |days| {
            https(authority.trusted(WWW), |http| {
                http.contains = Some("ready".into());
                http.days_left = days;
            })
        };
        let short = "certificate valid for 89 more days but 200 days wanted";
        let certificate = ProbeKind::Tls(CertificateProbe {
            tls: authority.trusted(WWW),
            days_left: 0,
        });
        #[rustfmt::skip]
        let cases = [
            ("the first time", &here, check(WWW), "status 200", false),
            ("again", &here, check(WWW), "status 200", true),
            ("and again", &here, check(WWW), "status 200", true),
            ("what was shown before counts", &here, lasting(200), short, true),
            ("another address", &there, check(WWW), "status 200", false),
            ("another name", &here, check("b.example"), "status 200", false),
            ("other authorities", &here, https(Authority::new("two").trusted(WWW), |_| {}), "certificate is from an unknown authority, \"one\"", false),
            ("a check of the certificate", &here, certificate, "the TLS session stood", false),
        ];
        for (name, server, kind, evidence, is_resumed) in cases {
            let found = server.probe(&mut prober, kind).await;
            assert_eq!(found.0, evidence, "{name} {version:?}");
            assert_eq!(found.1.unwrap_or(false), is_resumed, "{name} {version:?}");
        }
    }
}

#[tokio::test]
async fn sees_a_changed_certificate_once_the_server_knows_its_sessions_no_more() {
    for version in [&version::TLS12, &version::TLS13] {
        let authority = Authority::new("one");
        let certify = |from, until| {
            let identity = authority.certify(&[WWW], from, until);
            Arc::new(identity.server_by(&[version]))
        };
        let server = Changing::open(certify(-10, 90)).await;
        let mut prober = HoldingProber::start();
        let check = || https(authority.trusted(WWW), |_| {});
        for is_resumed in [false, true] {
            let found = server.probe(&mut prober, check()).await;
            assert_eq!(found, ("status 200".to_owned(), Some(is_resumed)));
        }
        server.show(certify(-90, -3));
        let (evidence, _) = server.probe(&mut prober, check()).await;
        assert_eq!(evidence, "certificate expired 3 days ago");
        server.show(certify(-1, 9));
        for is_resumed in [false, true] {
            let found = server.probe(&mut prober, check()).await;
            assert_eq!(found, ("status 200".to_owned(), Some(is_resumed)));
        }
    }
}

#[tokio::test]
async fn resumes_sessions_of_tcp_checks() {
    let authority = Authority::new("one");
    let identity = authority.certify(&[WWW], -10, 90);
    let server = Changing::open(Arc::new(identity.server_by(&[&version::TLS13]))).await;
    let mut prober = HoldingProber::start();
    for is_resumed in [false, true] {
        let kind = ProbeKind::Tcp(TcpProbe {
            tls: Some(authority.trusted(WWW)),
            send: Some("hello\n".into()),
            contains: Some("200 OK".into()),
            ..tcp_probe()
        });
        let found = server.probe(&mut prober, kind).await;
        assert_eq!(found, ("replied as expected".to_owned(), Some(is_resumed)));
    }
}
