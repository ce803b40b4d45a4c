//! HTTPS and TCP with TLS, with certificates made here.

use std::sync::Arc;

use leeward::health::{CertificateProbe, HttpProbe, Outcome, ProbeKind, TcpProbe, TlsProbe};
use rcgen::{BasicConstraints, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;

use crate::certificates::{Authority, Identity, certificate_params, server_builder, show};
use crate::endpoint::{Listening, Play, ScriptedEndpoint, play_on, read_request};
use crate::probing::{AMPLE, SCARCE, http_probe, observe, probe, tcp_probe};

/// Opens a server whose certificate is for these names and days, counted from today.
async fn open(authority: &Authority, names: &[&str], from: i64, until: i64) -> Listening {
    serve(authority.certify(names, from, until).server()).await
}

/// Serves TLS; the body of its responses is the name that was sent in the handshake.
async fn serve(config: ServerConfig) -> Listening {
    Listening::open_tls(config, async |mut stream| {
        let name = stream.get_ref().1.server_name().map(str::to_owned);
        read_request(&mut stream).await;
        let text = format!(
            "HTTP/1.1 200 OK

{name:?}"
        );
        play_on(&mut stream, Play::say(&text)).await;
    })
    .await
}

pub(super) fn https(tls: TlsProbe, change: impl FnOnce(&mut HttpProbe)) -> ProbeKind {
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
    let authority = Authority::new("one");
    let stranger = Authority::new("two");
    let www = "www.example.com";
    let good = open(&authority, &[www], -10, 90).await;
    let expired = open(&authority, &[www], -90, -3).await;
    let early = open(&authority, &[www], 3, 90).await;
    let other = open(&authority, &["a.example", "b.example"], -10, 90).await;
    let short = open(&authority, &[www], -10, 6).await;
    let address = open(&authority, &["127.0.0.1"], -10, 90).await;
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
    for (name, server, kind, wanted) in cases {
        let evidence = probe(server.address, kind, AMPLE).await;
        // `early` begins at midnight, so its three days are two and some hours.
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
        let server = ScriptedEndpoint::open(vec![play]).await;
        assert_eq!(probe(server.address, tls(), timeout).await, wanted);
    }
}

#[tokio::test]
async fn accepts_a_self_signed_certificate_that_is_named_as_ca() {
    // `openssl req -x509` marks its certificates as authorities unless told otherwise; both are common.
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let cases = [
            ((-10, 90), "www.example.com", "status 200"),
            (
                (-10, 90),
                "b.example",
                "certificate is not for b.example but for www.example.com",
            ),
            (
                (-90, -3),
                "www.example.com",
                "certificate expired 3 days ago",
            ),
        ];
        for ((from, until), name, wanted) in cases {
            let key = KeyPair::generate().unwrap();
            let mut params = certificate_params(&["www.example.com"], from, until);
            params.is_ca = is_ca;
            let signed = params.self_signed(&key).unwrap();
            let certificate = signed.der().clone();
            let server = serve(Identity { certificate, key }.server()).await;
            let tls = TlsProbe {
                server_name: Some(name.into()),
                verify: true,
                ca_pem: Some(signed.pem()),
            };
            let evidence = probe(server.address, https(tls, |_| {}), AMPLE).await;
            assert_eq!(evidence, wanted, "{is_ca:?}");
        }
    }
}

#[tokio::test]
async fn measures_the_handshake_apart() {
    let authority = Authority::new("one");
    let server = open(&authority, &["www.example.com"], -10, 90).await;
    let kind = https(authority.trusted("www.example.com"), |_| {});
    let observation = observe(server.address, kind, AMPLE).await;
    let phases = observation.phases;
    assert!(phases.connect.is_some() && phases.tls.is_some() && phases.first_byte.is_some());
    let parts = [phases.connect, phases.tls, phases.first_byte];
    let sum = parts.into_iter().flatten().sum();
    assert!(phases.total >= Some(sum), "{phases:?}");
}

#[tokio::test]
async fn speaks_tls_in_tcp_checks() {
    let authority = Authority::new("one");
    let server = open(&authority, &["www.example.com"], -10, 90).await;
    let other = open(&authority, &["other.example"], -10, 90).await;
    let tcp = |contains: Option<&str>| {
        ProbeKind::Tcp(TcpProbe {
            tls: Some(authority.trusted("www.example.com")),
            send: Some("hello\n".into()),
            contains: contains.map(str::to_owned),
            ..tcp_probe()
        })
    };
    let cases = [
        (&server, tcp(None), "connected"),
        (&server, tcp(Some("200 OK")), "replied as expected"),
        (
            &other,
            tcp(None),
            "certificate is not for www.example.com but for other.example",
        ),
    ];
    for (server, kind, wanted) in cases {
        let observation = observe(server.address, kind, AMPLE).await;
        assert_eq!(observation.evidence.to_string(), wanted);
        assert_eq!(
            observation.phases.tls.is_some(),
            observation.outcome == Outcome::Good
        );
    }
}

#[tokio::test]
async fn looks_at_certificates_alone() {
    let authority = Authority::new("one");
    let www = "www.example.com";
    let good = open(&authority, &[www], -10, 90).await;
    let short = open(&authority, &[www], -10, 6).await;
    let check = |days_left, tls| ProbeKind::Tls(CertificateProbe { tls, days_left });
    let trusted = || authority.trusted(www);
    #[rustfmt::skip]
    let cases = [
        ("good", &good, check(14, trusted()), "the TLS session stood"),
        ("ends soon", &short, check(14, trusted()), "certificate valid for 5 more days but 14 days wanted"),
        ("unverified, ends soon", &short, check(14, unverified(None)), "certificate valid for 5 more days but 14 days wanted"),
        ("stranger", &good, check(0, Authority::new("two").trusted(www)), "certificate is from an unknown authority, \"one\""),
        ("other name", &good, check(0, authority.trusted("b.example")), "certificate is not for b.example but for www.example.com"),
    ];
    for (name, server, kind, wanted) in cases {
        assert_eq!(probe(server.address, kind, AMPLE).await, wanted, "{name}");
    }
    let plain = ScriptedEndpoint::open(vec![Play::say("no TLS here")]).await;
    let found = probe(plain.address, check(0, trusted()), AMPLE).await;
    assert_eq!(
        found,
        "TLS handshake failed: the peer does not speak TLS on this port"
    );
    let silent = ScriptedEndpoint::open(vec![Play::SayAndHold(vec![])]).await;
    let found = probe(silent.address, check(0, trusted()), SCARCE).await;
    assert_eq!(found, "timed out after 80 ms in the TLS handshake");
}

#[tokio::test]
async fn says_what_a_server_refuses_in_a_handshake() {
    // X20: "does not speak TLS" was said of servers that do.
    let alert = |code: u8| Play::Say(vec![21, 3, 3, 0, 2, 2, code]);
    #[rustfmt::skip]
    let cases = [
        (alert(112), "TLS handshake failed: the server refused: it has no certificate for the name www.example.com (SNI) (alert 112)"),
        (alert(40), "TLS handshake failed: the server refused: no version, cipher or curve in common, or no certificate for the name (alert 40)"),
        (alert(70), "TLS handshake failed: the server refused: it speaks neither TLS 1.2 nor 1.3 (alert 70)"),
        (alert(80), "TLS handshake failed: the server refused: an error of its own (alert 80)"),
        (Play::Say(vec![22, 3, 3, 0x50, 0]), "TLS handshake failed: the server sent a record that is longer than TLS allows"),
        (Play::say("220 mail.example ESMTP\r\n"), "TLS handshake failed: the peer does not speak TLS on this port"),
        (Play::say(""), "connection closed in the TLS handshake"),
    ];
    for (play, wanted) in cases {
        let server = ScriptedEndpoint::open(vec![play]).await;
        let kind = https(unverified(Some("www.example.com")), |_| {});
        assert_eq!(probe(server.address, kind, AMPLE).await, wanted);
    }
}

#[tokio::test]
async fn names_the_certificate_of_a_chain_that_is_to_blame() {
    // X20.
    let root = Authority::new("Root");
    let www = "www.example.com";
    let between = |from_days, until_days| {
        let mut params = certificate_params(&[], from_days, until_days);
        params
            .distinguished_name
            .push(DnType::CommonName, "Between");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &root.issuer).unwrap();
        (certificate.der().clone(), Issuer::new(params, key))
    };
    let chain = |between: &(CertificateDer<'static>, Issuer<'static, KeyPair>), copies: usize| {
        let key = KeyPair::generate().unwrap();
        let leaf = certificate_params(&[www], -10, 90)
            .signed_by(&key, &between.1)
            .unwrap();
        let mut chain = vec![leaf.der().clone()];
        chain.extend(std::iter::repeat_n(between.0.clone(), copies));
        let builder = server_builder(rustls::ALL_VERSIONS).with_no_client_auth();
        show(builder, chain, &key)
    };
    let (good, expired, early) = (between(-10, 90), between(-90, -3), between(3, 90));
    let cases = [
        (chain(&good, 1), "status 200"),
        (
            chain(&expired, 1),
            "certificate of the authority \"Between\" expired 3 days ago",
        ),
        (
            chain(&early, 1),
            "certificate of the authority \"Between\" becomes valid only in 2 days",
        ),
        (
            chain(&good, 0),
            "certificate is from an unknown authority, \"Between\"",
        ),
        // A megabyte.
        (
            chain(&good, 2_500),
            "TLS handshake failed: the server's certificates are longer than 65,536 bytes together",
        ),
    ];
    for (config, wanted) in cases {
        let server = serve(config).await;
        let kind = https(root.trusted(www), |_| {});
        assert_eq!(probe(server.address, kind, AMPLE).await, wanted);
    }
    let key = KeyPair::generate().unwrap();
    let alone = certificate_params(&[www], -10, 90)
        .self_signed(&key)
        .unwrap();
    let certificate = alone.der().clone();
    let server = serve(Identity { certificate, key }.server()).await;
    let evidence = probe(server.address, https(root.trusted(www), |_| {}), AMPLE).await;
    assert!(
        evidence.starts_with("certificate is self-signed, by "),
        "{evidence}"
    );
}

#[tokio::test]
async fn says_that_a_server_wants_a_certificate_of_the_client() {
    let authority = Authority::new("one");
    let mut roots = rustls::RootCertStore::empty();
    let pem = rustls::pki_types::pem::PemObject::from_pem_slice(authority.pem.as_bytes());
    roots.add(pem.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
    let clients = clients.build().unwrap();
    for version in rustls::ALL_VERSIONS {
        let identity = authority.certify(&["www.example.com"], -10, 90);
        let builder = server_builder(&[version]);
        let builder = builder.with_client_cert_verifier(Arc::clone(&clients));
        let server = serve(show(builder, vec![identity.certificate], &identity.key)).await;
        let kind = https(authority.trusted("www.example.com"), |_| {});
        let evidence = probe(server.address, kind, AMPLE).await;
        let wanted = "it wants a certificate of the client";
        assert!(evidence.contains(wanted), "{version:?}: {evidence}");
    }
}
