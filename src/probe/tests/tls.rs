//! HTTPS and TCP with TLS, with certificates made here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{AMPLE, Play, SCARCE, Stage, http_probe, observe, play_on, probe, read_request};
use crate::clock::Clock;
use crate::health::{HttpProbe, Outcome, ProbeKind, TcpProbe, TlsProbe};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready";

/// An authority, and servers that it vouches for.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

struct SecureStage {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for SecureStage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Authority {
    fn new() -> Self {
        crate::probe::tls::install_provider();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Opens a server whose certificate is for these names and days, counted from today.
    async fn open(&self, names: &[&str], from_days: i64, until_days: i64) -> SecureStage {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let today = Clock::start().wall().millis() / 86_400_000;
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let day = |days: i64| {
            let secs = u64::try_from((today + days) * 86_400).unwrap();
            epoch + Duration::from_secs(secs)
        };
        params.not_before = day(from_days);
        params.not_after = day(until_days);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(mut stream) = acceptor.accept(stream).await {
                        let sni = stream.get_ref().1.server_name().map(str::to_owned);
                        read_request(&mut stream).await;
                        let text = OK.replace("ready", &format!("{sni:?}"));
                        let text = text.replace("Content-Length: 5\r\n", "");
                        play_on(&mut stream, Play::say(&text)).await;
                    }
                });
            }
        });
        SecureStage { address, task }
    }

    fn trusted(&self, name: &str) -> TlsProbe {
        TlsProbe {
            server_name: Some(name.into()),
            verify: true,
            ca_pem: Some(self.pem.clone()),
        }
    }
}

fn https(tls: TlsProbe, change: impl FnOnce(&mut HttpProbe)) -> ProbeKind {
    let mut http = http_probe();
    http.host = "www.example.com".into();
    http.tls = Some(tls);
    change(&mut http);
    ProbeKind::Http(http)
}

fn unverified(name: Option<&str>) -> TlsProbe {
    TlsProbe {
        server_name: name.map(str::to_owned),
        verify: false,
        ca_pem: None,
    }
}

#[tokio::test]
async fn names_what_is_wrong_with_a_certificate() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let www = "www.example.com";
    let good = authority.open(&[www], -10, 90).await;
    let expired = authority.open(&[www], -90, -3).await;
    let early = authority.open(&[www], 3, 90).await;
    let other = authority.open(&["a.example", "b.example"], -10, 90).await;
    let short = authority.open(&[www], -10, 6).await;
    let address = authority.open(&["127.0.0.1"], -10, 90).await;
    let trusted = |name| authority.trusted(name);
    let days = |count| move |http: &mut HttpProbe| http.days_left = count;
    #[rustfmt::skip]
    let cases = [
        ("good", &good, https(trusted(www), |_| {}), "status 200"),
        ("good for long", &good, https(trusted(www), days(14)), "status 200"),
        ("expired", &expired, https(trusted(www), |_| {}), "certificate expired 3 days ago"),
        ("early", &early, https(trusted(www), |_| {}), "certificate becomes valid only in 2 days"),
        ("other names", &other, https(trusted(www), |_| {}), "certificate is not for www.example.com but for a.example, b.example"),
        ("another name is verified", &other, https(trusted("a.example"), |_| {}), "status 200"),
        ("short", &short, https(trusted(www), days(14)), "certificate valid for 5 more days but 14 days wanted"),
        ("stranger", &good, https(stranger.trusted(www), |_| {}), "certificate is from an unknown authority"),
        ("an address is verified", &address, https(trusted("127.0.0.1"), |_| {}), "status 200"),
        ("expired, but not verified", &expired, https(unverified(Some(www)), |_| {}), "status 200"),
        ("not verified, but days are wanted", &expired, https(unverified(Some(www)), days(1)), "certificate expired 3 days ago"),
        ("other names, but not verified", &other, https(unverified(None), |_| {}), "status 200"),
        ("the name is sent", &good, https(unverified(Some("sni.example")), |http| http.contains = Some("Some(\"sni.example\")".into())), "status 200"),
        ("no name is sent", &good, https(unverified(None), |http| http.contains = Some("None".into())), "status 200"),
        ("no name to verify", &good, https(TlsProbe { server_name: None, verify: true, ca_pem: None }, |_| {}), "the probe cannot be made: "),
        ("ca without certificate", &good, https(TlsProbe { server_name: Some(www.into()), verify: true, ca_pem: Some(String::new()) }, |_| {}), "the probe cannot be made: `ca` holds no certificate (no evidence)"),
    ];
    for (name, stage, kind, wanted) in cases {
        let evidence = probe(stage.address, kind, AMPLE).await;
        // `early` begins at midnight, so it is 2 or 3 days by the hour.
        assert!(evidence.starts_with(wanted), "{name}: {evidence}");
    }
}

#[tokio::test]
async fn says_where_a_handshake_fails() {
    let tls = || https(unverified(None), |_| {});
    let plain = Play::say("HTTP/1.1 400 Bad Request\r\n\r\n");
    #[rustfmt::skip]
    let cases = [
        (plain, AMPLE, "TLS handshake failed: the peer does not speak TLS on this port"),
        (Play::SayAndHold(vec![]), SCARCE, "timed out after 80 ms in the TLS handshake"),
    ];
    for (play, timeout, wanted) in cases {
        let stage = Stage::open(vec![play]).await;
        // A handshake holds no line end that the stage waits for, or does by chance; so it speaks when it is spoken to.
        let evidence = probe_raw(&stage, tls(), timeout).await;
        assert_eq!(evidence, wanted);
    }
}

/// Probes an endpoint that reads once and then plays its part.
async fn probe_raw(stage: &Stage, kind: ProbeKind, timeout: crate::health::Timeout) -> String {
    probe(stage.address, kind, timeout).await
}

#[tokio::test]
async fn measures_the_handshake_apart() {
    let authority = Authority::new();
    let stage = authority.open(&["www.example.com"], -10, 90).await;
    let kind = https(authority.trusted("www.example.com"), |_| {});
    let observation = observe(stage.address, kind, AMPLE).await;
    let phases = observation.phases;
    assert!(phases.connect.is_some() && phases.tls.is_some() && phases.first_byte.is_some());
    assert!(
        phases.tls > phases.connect,
        "a handshake takes longer than to connect on loopback"
    );
}

#[tokio::test]
async fn speaks_tls_in_tcp_checks() {
    let authority = Authority::new();
    let stage = authority.open(&["www.example.com"], -10, 90).await;
    let other = authority.open(&["other.example"], -10, 90).await;
    let tcp = |contains: Option<&str>| {
        ProbeKind::Tcp(TcpProbe {
            tls: Some(authority.trusted("www.example.com")),
            send: Some("hello\n".into()),
            contains: contains.map(str::to_owned),
            regex: None,
        })
    };
    let cases = [
        (&stage, tcp(None), "connected"),
        (&stage, tcp(Some("200 OK")), "replied as expected"),
        (
            &other,
            tcp(None),
            "certificate is not for www.example.com but for other.example",
        ),
    ];
    for (stage, kind, wanted) in cases {
        let observation = observe(stage.address, kind, AMPLE).await;
        assert_eq!(observation.evidence.to_string(), wanted);
        assert_eq!(
            observation.phases.tls.is_some(),
            observation.outcome == Outcome::Good
        );
    }
}
