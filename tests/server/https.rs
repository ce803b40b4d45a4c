//! DNS over HTTPS.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use leeward::metrics::TcpEvent;
use leeward::server::{Drained, HttpsGuise, HttpsOptions, Serving, TcpLimits, Transport};
use tokio::runtime::Runtime;

use crate::clients::{Sealed, read_to_end, tcp_client, tls_client, web_client};
use crate::echo::{EchoServer, query, reply};
use crate::wait::wait_until;

/// A server of DNS over HTTPS, and where its clients run.
struct WebServer {
    server: EchoServer,
    runtime: Runtime,
}

impl WebServer {
    fn open(tcp: TcpLimits, guise: HttpsGuise) -> Self {
        let serving = Serving {
            tcp,
            https: HttpsOptions {
                guise,
                ..HttpsOptions::default()
            },
            ..Serving::default()
        };
        Self {
            server: EchoServer::start_as(&[Transport::Https], serving),
            runtime: Runtime::new().expect("a runtime"),
        }
    }

    fn sealed(tcp: TcpLimits) -> Self {
        Self::open(tcp, HttpsGuise::Sealed)
    }

    /// A stream on which a test says HTTP/1.1 word by word.
    fn raw(&self) -> Sealed {
        let config = Arc::new(self.server.trusted(&[b"http/1.1"]));
        tls_client(self.server.at(Transport::Https), config)
    }

    /// Asks by a whole client of HTTP.
    fn ask(&self, version: Version, request: Request<Full<Bytes>>) -> (StatusCode, String, Bytes) {
        self.runtime.block_on(async {
            let protocol: &[u8] = match version {
                Version::HTTP_2 => b"h2",
                _ => b"http/1.1",
            };
            let config = self.server.trusted(&[protocol]);
            let stream = web_client(self.server.at(Transport::Https), config).await;
            let response = match version {
                Version::HTTP_2 => {
                    let shaken =
                        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await;
                    let (mut sender, connection) = shaken.expect("HTTP/2");
                    tokio::spawn(connection);
                    sender.send_request(request).await
                }
                _ => {
                    let shaken = hyper::client::conn::http1::handshake(stream).await;
                    let (mut sender, connection) = shaken.expect("HTTP/1.1");
                    tokio::spawn(connection);
                    sender.send_request(request).await
                }
            };
            let response = response.expect("a response");
            assert_eq!(response.version(), version);
            let header = |name| match response.headers().get(name) {
                Some(value) => value.to_str().expect("ASCII").to_owned(),
                None => String::new(),
            };
            let headers = ["content-type", "cache-control", "content-length", "allow"].map(header);
            let status = response.status();
            let body = response.into_body().collect().await.expect("a body");
            (status, headers.join("|"), body.to_bytes())
        })
    }
}

fn request(method: &str, target: &str, kind: &str, body: &[u8]) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).expect("a method"))
        .uri(format!("https://localhost{target}"))
        .header("host", "localhost");
    if !kind.is_empty() {
        request = request.header("content-type", kind);
    }
    let body = Full::new(Bytes::copy_from_slice(body));
    request.body(body).expect("a request")
}

fn target(message: &[u8]) -> String {
    format!("/dns-query?dns={}", URL_SAFE_NO_PAD.encode(message))
}

const DNS: &str = "application/dns-message";

#[test]
fn answers_get_head_and_post_over_both_versions() {
    let web = WebServer::sealed(TcpLimits::default());
    let one = query("one");
    let large = query(&"x".repeat(65_523));
    let heading = |len: usize| format!("{DNS}|max-age=0|{len}|");
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let cases = [
            ("GET", target(&one), &[][..], reply("one"), 15),
            ("HEAD", target(&one), &[], vec![], 15),
            ("POST", "/dns-query".to_owned(), &one, reply("one"), 15),
            (
                "POST",
                "/dns-query".to_owned(),
                &large,
                reply(&"x".repeat(65_523)),
                65_535,
            ),
        ];
        for (method, target, body, wanted, len) in cases {
            let kind = if body.is_empty() { "" } else { DNS };
            let (status, headers, body) = web.ask(version, request(method, &target, kind, body));
            assert_eq!(status, StatusCode::OK, "{version:?} {method}");
            // An echo has neither records nor SOA.
            assert_eq!(
                headers,
                heading(len).replace("max-age=0", "no-store"),
                "{method}"
            );
            assert!(body == wanted, "{version:?} {method}");
        }
    }
}

#[test]
fn refuses_what_is_no_query_and_says_why() {
    let web = WebServer::sealed(TcpLimits::default());
    let one = query("one");
    let path = "/dns-query";
    let too_large = vec![0; 65_536];
    let long = format!("{path}?dns={}", "A".repeat(20_000));
    let cases = [
        ("GET", "/", "", &[][..], 404),
        ("GET", "/dns-query/", "", &[], 404),
        ("PUT", path, DNS, &one, 405),
        ("DELETE", path, "", &[], 405),
        ("GET", path, "", &[], 400),
        ("GET", "/dns-query?dns=AAE", "", &[], 400),
        ("GET", "/dns-query?dns=+++", "", &[], 400),
        ("POST", path, "", &one, 415),
        ("POST", path, "application/json", &one, 415),
        ("POST", path, DNS, &one[..11], 400),
        ("POST", path, DNS, &reply("a response"), 400),
        ("POST", path, DNS, &query("silence"), 500),
        ("POST", path, DNS, &query("poison"), 500),
        ("POST", path, DNS, &too_large, 413),
        ("GET", &long, "", &[], 431),
    ];
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for (method, target, kind, body, wanted) in &cases {
            let (status, headers, _) = web.ask(version, request(method, target, kind, body));
            let name = format!("{version:?} {method} {target:.40} {kind}");
            assert_eq!(status.as_u16(), *wanted, "{name}");
            assert_eq!(
                headers.ends_with("|GET, HEAD, POST"),
                *wanted == 405,
                "{name}"
            );
        }
    }
}

#[test]
fn answers_many_requests_on_one_connection_in_order() {
    let web = WebServer::sealed(TcpLimits::default());
    let mut client = web.raw();
    let get = format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", target(&query("one")));
    client.write_all(get.repeat(50).as_bytes()).expect("sent");
    let mut received = Vec::new();
    while received
        .windows(15)
        .filter(|window| *window == reply("one"))
        .count()
        < 50
    {
        let mut some = [0; 4096];
        let count = client.read(&mut some).expect("replies");
        assert_ne!(count, 0, "the connection stays");
        received.extend_from_slice(&some[..count]);
    }
}

#[test]
fn speaks_both_versions_in_the_clear_behind_a_proxy() {
    let web = WebServer::open(TcpLimits::default(), HttpsGuise::Plain);
    let mut client = tcp_client(web.server.at(Transport::Https));
    let get = format!("GET {} HTTP/1.0\r\n\r\n", target(&query("one")));
    client.write_all(get.as_bytes()).expect("sent");
    let mut text = Vec::new();
    client.read_to_end(&mut text).expect("a response");
    assert!(text.starts_with(b"HTTP/1.0 200") && text.ends_with(&reply("one")));
    let body = web.runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(web.server.at(Transport::Https))
            .await
            .expect("accepted");
        let shaken =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.expect("HTTP/2");
        tokio::spawn(connection);
        let post = request("POST", "/dns-query", DNS, &query("two"));
        let response = sender.send_request(post).await.expect("a response");
        response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes()
    });
    assert_eq!(body, reply("two"));
}

#[test]
fn ends_slow_and_silent_connections_and_answers_others_meanwhile() {
    let limits = TcpLimits {
        idle_timeout: Duration::from_millis(150),
        message_timeout: Duration::from_millis(100),
        ..TcpLimits::default()
    };
    let web = WebServer::sealed(limits);
    let head = "POST /dns-query HTTP/1.1\r\nhost: x\r\ncontent-type: application/dns-message\r\n";
    let mut silent = web.raw();
    silent.flush().expect("shaken");
    let mut slow_head = web.raw();
    slow_head.write_all(&head.as_bytes()[..20]).expect("sent");
    let mut slow_body = web.raw();
    let body = format!("{head}content-length: 20\r\n\r\n12345");
    slow_body.write_all(body.as_bytes()).expect("sent");
    let (status, _, _) = web.ask(
        Version::HTTP_2,
        request("GET", &target(&query("x")), "", &[]),
    );
    assert_eq!(status, StatusCode::OK);
    let mut text = String::new();
    let _ = slow_body.read_to_string(&mut text);
    assert!(text.starts_with("HTTP/1.1 408"), "{text}");
    for mut client in [silent, slow_head] {
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest);
    }
    wait_until("the time-outs", || {
        web.server.totals().tcp(TcpEvent::TimedOut) >= 2
    });
}

#[test]
fn finishes_what_has_begun_when_it_stops() {
    let web = WebServer::sealed(TcpLimits::default());
    let mut stalled = tcp_client(web.server.at(Transport::Https));
    // Without an octet it would not be accepted yet.
    stalled.write_all(&[22]).expect("sent");
    let mut quiet = web.raw();
    let get = format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", target(&query("one")));
    quiet.write_all(get.as_bytes()).expect("sent");
    let mut first = [0; 12];
    quiet.read_exact(&mut first).expect("a response");
    assert_eq!(&first, b"HTTP/1.1 200");
    assert_eq!(web.server.server.shutdown(), Drained::InTime);
    let mut rest = Vec::new();
    let _ = quiet.read_to_end(&mut rest);
    assert!(rest.ends_with(&reply("one")));
    assert_eq!(read_to_end(&mut stalled), 0);
}
