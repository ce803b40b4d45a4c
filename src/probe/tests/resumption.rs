//! TLS sessions that probes resume.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::KeyPair;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{HandshakeKind, ServerConfig, SupportedProtocolVersion, version};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::tls::{Authority, https};
use super::{AMPLE, Play, context, play_on, read_request, target};
use crate::health::{CertificateProbe, Observation, ProbeKind, TcpProbe};
use crate::probe::ProbeContext;
use crate::probe::context::Prepared;
use crate::probe::run::run;

const WWW: &str = "www.example.com";

/// A TLS server that says whether handshakes were full and may change its certificate.
struct Changing {
    address: SocketAddr,
    config: Arc<Mutex<Arc<ServerConfig>>>,
    kinds: Arc<Mutex<Vec<HandshakeKind>>>,
    task: JoinHandle<()>,
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Changing {
    async fn open(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Arc::new(Mutex::new(config));
        let kinds = Arc::new(Mutex::new(Vec::new()));
        let (present, noted) = (Arc::clone(&config), Arc::clone(&kinds));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(Arc::clone(&present.lock().unwrap()));
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let kind = stream.get_ref().1.handshake_kind().unwrap();
                noted.lock().unwrap().push(kind);
                read_request(&mut stream).await;
                play_on(&mut stream, Play::say("HTTP/1.1 200 OK\r\n\r\nready")).await;
            }
        });
        Self {
            address,
            config,
            kinds,
            task,
        }
    }

    /// Probes; returns the evidence and whether the session was resumed, if there was one.
    async fn probe(&self, client: &mut Client, kind: ProbeKind) -> (String, Option<bool>) {
        self.kinds.lock().unwrap().clear();
        let observation = client.probe(self.address, kind).await;
        let is_resumed = self
            .kinds
            .lock()
            .unwrap()
            .first()
            .map(|kind| *kind == HandshakeKind::Resumed);
        (observation.evidence.to_string(), is_resumed)
    }
}

/// Holds what it has probed, as a prober does: sessions last as long as a target that may resume them.
struct Client {
    context: Arc<ProbeContext>,
    held: Vec<Prepared>,
}

impl Client {
    fn new() -> Self {
        Self {
            context: context(),
            held: Vec::new(),
        }
    }

    async fn probe(&mut self, address: SocketAddr, kind: ProbeKind) -> Observation {
        self.held
            .push(self.context.prepare(target(address, kind, AMPLE)));
        let prepared = self.held.last().expect("it was pushed");
        run(&self.context, prepared).await
    }
}

fn config(
    (certificate, key): (CertificateDer<'static>, KeyPair),
    version: &'static SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Arc::new(config)
}

#[tokio::test]
async fn resumes_the_session_of_the_same_target_only() {
    for version in [&version::TLS12, &version::TLS13] {
        let authority = Authority::new("one");
        let names = [WWW, "b.example"];
        let shared = config(authority.certify(&names, -10, 90), version);
        let here = Changing::open(Arc::clone(&shared)).await;
        let there = Changing::open(shared).await;
        let mut client = Client::new();
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
        for (name, stage, kind, evidence, is_resumed) in cases {
            let found = stage.probe(&mut client, kind).await;
            assert_eq!(found.0, evidence, "{name} {version:?}");
            assert_eq!(found.1.unwrap_or(false), is_resumed, "{name} {version:?}");
        }
    }
}

#[tokio::test]
async fn sees_a_changed_certificate_once_the_server_knows_its_sessions_no_more() {
    for version in [&version::TLS12, &version::TLS13] {
        let authority = Authority::new("one");
        let stage = Changing::open(config(authority.certify(&[WWW], -10, 90), version)).await;
        let mut client = Client::new();
        let check = || https(authority.trusted(WWW), |_| {});
        for is_resumed in [false, true] {
            let found = stage.probe(&mut client, check()).await;
            assert_eq!(found, ("status 200".to_owned(), Some(is_resumed)));
        }
        *stage.config.lock().unwrap() = config(authority.certify(&[WWW], -90, -3), version);
        let (evidence, _) = stage.probe(&mut client, check()).await;
        assert_eq!(evidence, "certificate expired 3 days ago");
        *stage.config.lock().unwrap() = config(authority.certify(&[WWW], -1, 9), version);
        for is_resumed in [false, true] {
            let found = stage.probe(&mut client, check()).await;
            assert_eq!(found, ("status 200".to_owned(), Some(is_resumed)));
        }
    }
}

#[tokio::test]
async fn resumes_sessions_of_tcp_checks() {
    let authority = Authority::new("one");
    let stage = Changing::open(config(authority.certify(&[WWW], -10, 90), &version::TLS13)).await;
    let mut client = Client::new();
    for is_resumed in [false, true] {
        let kind = ProbeKind::Tcp(TcpProbe {
            tls: Some(authority.trusted(WWW)),
            send: Some("hello\n".into()),
            contains: Some("200 OK".into()),
            regex: None,
        });
        let found = stage.probe(&mut client, kind).await;
        assert_eq!(found, ("replied as expected".to_owned(), Some(is_resumed)));
    }
}
