//! DNS, gRPC and Prometheus: real servers on loopback that answer rightly, wrongly, or not at all.

use std::future::poll_fn;

use hyper::body::Bytes;
use hyper::http::{HeaderMap, Response};
use leeward::health::{DnsProbe, ExpectedRecord, GrpcProbe, MetricProbe, ProbeKind, Threshold};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::resumption::HoldingProber;
use crate::certificates::Authority;
use crate::endpoint::{Listening, Play, ScriptedEndpoint, closed_address};
use crate::probing::{AMPLE, SCARCE, probe};

const A_NAME: &[u8] = b"\x01a\x07example\x00";

fn dns(expect: &[[u8; 4]]) -> ProbeKind {
    let expect = expect.iter().map(|octets| ExpectedRecord {
        text: std::net::Ipv4Addr::from(*octets).to_string(),
        rdata: octets.as_slice().into(),
    });
    ProbeKind::Dns(DnsProbe {
        question: "a.example. A".into(),
        name: A_NAME.into(),
        rtype: 1,
        expect: expect.collect(),
    })
}

/// Turns a query into a response: flags, then one A record for each address.
fn respond(query: &[u8], flags: [u8; 2], addresses: &[[u8; 4]]) -> Vec<u8> {
    let mut message = query.to_vec();
    message[2..4].copy_from_slice(&flags);
    message[7] = u8::try_from(addresses.len()).expect("few");
    for address in addresses {
        message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        message.extend_from_slice(address);
    }
    message
}

/// A DNS server that answers each query with several datagrams, and over TCP with one message.
async fn name_server(
    datagrams: fn(&[u8]) -> Vec<Vec<u8>>,
    message: fn(&[u8]) -> Vec<u8>,
) -> Listening {
    // A port that is free for UDP may be taken for TCP, by another test for one.
    let (socket, listener) = loop {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        match TcpListener::bind(socket.local_addr().expect("bound")).await {
            Ok(listener) => break (socket, listener),
            Err(cause) => assert_eq!(cause.kind(), std::io::ErrorKind::AddrInUse),
        }
    };
    let address = socket.local_addr().expect("bound");
    let task = tokio::spawn(async move {
        let mut query = [0; 512];
        loop {
            tokio::select! {
                Ok((length, from)) = socket.recv_from(&mut query) => {
                    for datagram in datagrams(&query[..length]) {
                        socket.send_to(&datagram, from).await.expect("sent");
                    }
                }
                Ok((mut stream, _)) = listener.accept() => {
                    let length = stream.read_u16().await.expect("a length");
                    stream.read_exact(&mut query[..usize::from(length)]).await.expect("whole");
                    let message = message(&query[..usize::from(length)]);
                    stream.write_u16(u16::try_from(message.len()).expect("short")).await.expect("whole");
                    stream.write_all(&message).await.expect("whole");
                }
            }
        }
    });
    Listening::by(address, task)
}

#[tokio::test]
async fn asks_name_servers() {
    type Datagrams = fn(&[u8]) -> Vec<Vec<u8>>;
    const ONE: [u8; 4] = [192, 0, 2, 1];
    const TWO: [u8; 4] = [192, 0, 2, 2];
    let strayed: Datagrams = |query| {
        let mut other = respond(query, [0x84, 0], &[TWO]);
        other[0] ^= 1;
        vec![other, vec![1, 2, 3], respond(query, [0x84, 0], &[ONE])]
    };
    #[rustfmt::skip]
    let cases: [(&str, Datagrams, ProbeKind, &str); 9] = [
        ("any answer", |query| vec![respond(query, [0x84, 0], &[ONE])], dns(&[]), "answered 1 record"),
        ("all that is wanted", |query| vec![respond(query, [0x84, 0], &[TWO, ONE])], dns(&[ONE, TWO]), "answered 2 records"),
        ("one is missing", |query| vec![respond(query, [0x84, 0], &[ONE])], dns(&[ONE, TWO]), "the answer to a.example. A lacks 192.0.2.2"),
        ("nothing", |query| vec![respond(query, [0x84, 0], &[])], dns(&[]), "answered no record for a.example. A"),
        ("SERVFAIL", |query| vec![respond(query, [0x80, 2], &[])], dns(&[]), "answered SERVFAIL for a.example. A"),
        ("strays before the answer", strayed, dns(&[ONE]), "answered 1 record"),
        ("only strays", |_| vec![vec![0; 12]; 20], dns(&[]), "malformed response: only answers to other questions came"),
        ("cut off", |query| vec![respond(query, [0x86, 0], &[])], dns(&[TWO]), "answered 1 record"),
        ("silence", |_| vec![], dns(&[]), "timed out after 80 ms waiting for the expected reply"),
    ];
    for (name, datagrams, kind, wanted) in cases {
        let server = name_server(datagrams, |query| respond(query, [0x84, 0], &[TWO])).await;
        let timeout = if name == "silence" { SCARCE } else { AMPLE };
        let found = probe(server.address, kind, timeout).await;
        assert_eq!(found, wanted, "{name}");
    }
    let closed = closed_address().await;
    assert_eq!(probe(closed, dns(&[]), AMPLE).await, "connect refused");
}

fn grpc(service: &str) -> ProbeKind {
    ProbeKind::Grpc(GrpcProbe {
        tls: None,
        host: "health.example".into(),
        service: service.into(),
    })
}

/// A gRPC server that knows one service: what it says goes by the request's last octet.
async fn health_server() -> Listening {
    Listening::open(serve_health).await
}

async fn serve_health(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut connection = h2::server::handshake(stream)
        .await
        .expect("as it should be");
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        tokio::spawn(async move {
            assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
            let mut body = request.into_body();
            let mut asked = Vec::new();
            while let Some(Ok(chunk)) = body.data().await {
                asked.extend_from_slice(&chunk);
            }
            let response = Response::builder().header("content-type", "application/grpc");
            let service = asked.get(7..).unwrap_or_default();
            if service == b"unknown" {
                let response = response
                    .header("grpc-status", "5")
                    .header("grpc-message", "unknown service");
                respond
                    .send_response(response.body(()).expect("as it should be"), true)
                    .expect("as it should be");
                return;
            }
            let response = response.body(()).expect("as it should be");
            let mut stream = respond
                .send_response(response, false)
                .expect("as it should be");
            if service == b"endless" {
                // Ends when the client resets the stream.
                loop {
                    stream.reserve_capacity(999);
                    match poll_fn(|context| stream.poll_capacity(context)).await {
                        Some(Ok(room)) => {
                            let _ = stream.send_data(Bytes::from(vec![0; room]), false);
                        }
                        _ => return,
                    }
                }
            }
            let status = if service == b"down" { 2 } else { 1 };
            let message = Bytes::from(vec![0, 0, 0, 0, 2, 8, status]);
            stream.send_data(message, false).expect("as it should be");
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().expect("as it should be"));
            stream.send_trailers(trailers).expect("as it should be");
        });
    }
}

#[tokio::test]
async fn calls_the_health_service_of_grpc() {
    let server = health_server().await;
    let cases = [
        ("", "SERVING"),
        ("shop", "SERVING"),
        ("down", "NOT_SERVING"),
        ("unknown", "gRPC status NOT_FOUND: unknown service"),
        ("endless", "malformed response: a message over 1024 bytes"),
    ];
    for (service, wanted) in cases {
        let found = probe(server.address, grpc(service), AMPLE).await;
        assert_eq!(found, wanted, "{service}");
    }
}

#[tokio::test]
async fn calls_the_health_service_over_tls() {
    let authority = Authority::new("one");
    let mut config = authority.certify(&["health.example"], -10, 90).server();
    // RFC 9113, section 3.3: over TLS, HTTP/2 is chosen by this name.
    config.alpn_protocols = vec![b"h2".to_vec()];
    let server = Listening::open_tls(config, async |stream| {
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        serve_health(stream).await;
    });
    let server = server.await;
    let other = "certificate is not for other.example but for health.example";
    let mut prober = HoldingProber::start();
    // The second time the session is resumed.
    for (name, service, wanted) in [
        ("health.example", "shop", "SERVING"),
        ("health.example", "down", "NOT_SERVING"),
        ("other.example", "shop", other),
    ] {
        let kind = ProbeKind::Grpc(GrpcProbe {
            tls: Some(authority.trusted(name)),
            host: "health.example".into(),
            service: service.into(),
        });
        let observation = prober.probe(server.address, kind).await;
        assert_eq!(observation.evidence.to_string(), wanted, "{name} {service}");
        assert_eq!(observation.phases.tls.is_some(), wanted != other);
    }
}

#[tokio::test]
async fn survives_what_is_no_grpc() {
    let plays = [
        ("http/1.1", Play::say("HTTP/1.1 400 Bad Request\r\n\r\n")),
        ("closes", Play::say("")),
        ("resets", Play::SayAndReset(vec![])),
        ("garbage without end", Play::Repeat(vec![], vec![0xff; 999])),
    ];
    for (name, play) in plays {
        let endpoint = ScriptedEndpoint::open(vec![play]).await;
        let found = probe(endpoint.address, grpc(""), AMPLE).await;
        let is_told = ["malformed", "connection"]
            .iter()
            .any(|word| found.starts_with(word));
        assert!(is_told, "{name}: {found}");
    }
    // Nobody accepts: the kernel completes the connection and keeps it waiting.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let found = probe(address, grpc(""), SCARCE).await;
    assert_eq!(found, "timed out after 80 ms waiting for headers");
}

fn metric(query: &str) -> ProbeKind {
    ProbeKind::Metric(MetricProbe {
        tls: None,
        host: "prometheus.example".into(),
        prefix: "/prom".into(),
        query: query.into(),
        healthy_if: Threshold::parse("< 0.05").expect("a threshold"),
    })
}

#[tokio::test]
async fn asks_prometheus() {
    let answer = |value: &str| {
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[1,"{value}"]}}]}}}}"#
        );
        Play::say(&format!("HTTP/1.1 200 OK\r\n\r\n{body}"))
    };
    let endless = Play::Repeat(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b' '; 999]);
    let moved = "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n";
    let cases = [
        (answer("0.01"), "value 0.01 is < 0.05"),
        (answer("0.5"), "value 0.5 is not < 0.05"),
        (
            Play::say("HTTP/1.1 503 Service Unavailable\r\n\r\nstarting"),
            "Prometheus answered no JSON of its API (status 503) (no evidence)",
        ),
        (
            Play::say(moved),
            "Prometheus answered no JSON of its API (status 302) (no evidence)",
        ),
        (
            endless,
            "Prometheus cannot be asked: malformed response: a body over 65536 bytes (no evidence)",
        ),
    ];
    for (play, wanted) in cases {
        let endpoint = ScriptedEndpoint::open(vec![play]).await;
        let kind = metric("rate(errors[5m]) > 0");
        assert_eq!(probe(endpoint.address, kind, AMPLE).await, wanted);
        let request = &endpoint.requests()[0];
        let path = "GET /prom/api/v1/query?query=rate%28errors%5B5m%5D%29%20%3E%200 HTTP/1.1";
        assert!(request.starts_with(path), "{request}");
    }
    let found = probe(closed_address().await, metric("up"), AMPLE).await;
    assert_eq!(
        found,
        "Prometheus cannot be asked: connect refused (no evidence)"
    );
}
