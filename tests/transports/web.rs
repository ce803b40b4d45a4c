//! Clients of DNS over HTTPS and QUIC.
//!
//! In: messages as octets. Out: answers as octets. Never here: what is in them, but for the id, which QUIC forbids.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioExecutor;
use quinn::{Connection, Endpoint};
use rustls::pki_types::CertificateDer;
use tokio::runtime::Runtime;

use super::clients::Client;
use crate::clients::{frame, quic_client, trusting, web_client};

/// How a message stands in a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Get,
    Post,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// Messages in requests of HTTP.
pub(crate) struct Web {
    runtime: Runtime,
    sender: Sender,
    form: Form,
}

impl Web {
    pub(crate) fn http1(server: SocketAddr, trusted: &CertificateDer<'static>, form: Form) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let sender = runtime.block_on(async {
            let config = trusting(std::slice::from_ref(trusted), &[b"http/1.1"]);
            let stream = web_client(server, config).await;
            let (sender, connection) = http1::handshake(stream).await.expect("HTTP/1.1");
            tokio::spawn(connection);
            Sender::Http1(sender)
        });
        Self {
            runtime,
            sender,
            form,
        }
    }

    pub(crate) fn http2(server: SocketAddr, trusted: &CertificateDer<'static>, form: Form) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let sender = runtime.block_on(async {
            let config = trusting(std::slice::from_ref(trusted), &[b"h2"]);
            let stream = web_client(server, config).await;
            let shaken = http2::handshake(TokioExecutor::new(), stream).await;
            let (sender, connection) = shaken.expect("HTTP/2");
            tokio::spawn(connection);
            Sender::Http2(sender)
        });
        Self {
            runtime,
            sender,
            form,
        }
    }

    fn exchange(&mut self, message: &[u8]) -> (StatusCode, Vec<u8>) {
        let builder = Request::builder().header("host", "localhost");
        let root = "https://localhost/dns-query";
        let request = match self.form {
            Form::Get => {
                let encoded = URL_SAFE_NO_PAD.encode(message);
                let builder = builder.uri(format!("{root}?dns={encoded}"));
                builder.body(Full::default())
            }
            Form::Post => {
                let builder = builder.method("POST").uri(root);
                let builder = builder.header("content-type", "application/dns-message");
                builder.body(Full::new(Bytes::copy_from_slice(message)))
            }
        };
        let request = request.expect("a request");
        let sender = &mut self.sender;
        self.runtime.block_on(async {
            let response = match sender {
                Sender::Http1(sender) => {
                    sender.ready().await.expect("open");
                    sender.send_request(request).await
                }
                Sender::Http2(sender) => sender.send_request(request).await,
            };
            let response = response.expect("a response");
            let status = response.status();
            let body = response.into_body().collect().await.expect("a body");
            (status, body.to_bytes().to_vec())
        })
    }
}

impl Client for Web {
    fn name(&self) -> &'static str {
        match (&self.sender, self.form) {
            (Sender::Http1(_), Form::Get) => "https GET/1.1",
            (Sender::Http1(_), Form::Post) => "https POST/1.1",
            (Sender::Http2(_), Form::Get) => "https GET/2",
            (Sender::Http2(_), Form::Post) => "https POST/2",
        }
    }

    fn send(&mut self, message: &[u8]) {
        self.exchange(message);
    }

    fn ask(&mut self, message: &[u8]) -> Vec<u8> {
        let (status, body) = self.exchange(message);
        assert_eq!(status, StatusCode::OK);
        body
    }
}

/// Messages on streams of QUIC.
pub(crate) struct Streams {
    runtime: Runtime,
    connection: Connection,
    _endpoint: Endpoint,
}

impl Streams {
    pub(crate) fn connect(server: SocketAddr, trusted: &CertificateDer<'static>) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (endpoint, connection) = runtime.block_on(async {
            let endpoint = quic_client(trusting(std::slice::from_ref(trusted), &[b"doq"]));
            let connecting = endpoint.connect(server, "localhost").expect("settings");
            let connection = connecting.await.expect("shaken");
            (endpoint, connection)
        });
        Self {
            runtime,
            connection,
            _endpoint: endpoint,
        }
    }

    fn exchange(&self, message: &[u8]) -> Option<Vec<u8>> {
        // RFC 9250, section 4.2.1: the id is 0 on the wire.
        let framed = frame(&[&[0, 0], &message[2..]].concat());
        self.runtime.block_on(async {
            let (mut send, mut receive) = self.connection.open_bi().await.expect("a stream");
            send.write_all(&framed).await.expect("sent");
            send.finish().expect("open");
            let mut answer = receive.read_to_end(65_537).await.ok()?.split_off(2);
            assert_eq!(answer[..2], [0, 0], "the id");
            answer[..2].copy_from_slice(&message[..2]);
            Some(answer)
        })
    }
}

impl Client for Streams {
    fn name(&self) -> &'static str {
        "quic"
    }

    fn send(&mut self, message: &[u8]) {
        self.exchange(message);
    }

    fn ask(&mut self, message: &[u8]) -> Vec<u8> {
        self.exchange(message).expect("an answer")
    }
}
