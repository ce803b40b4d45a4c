//! Load over HTTPS: few connections of HTTP/2 with many requests in flight on each.
//!
//! In: an address. Out: tasks that ask until they are dropped.

use std::net::SocketAddr;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio_rustls::TlsConnector;

use super::scene::Questions;
use super::tls::{Resume, server_name, settings};

/// How a message stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Get,
    Post,
}

/// Connections, and requests in flight on each.
const CONNECTIONS: usize = 4;
const IN_FLIGHT: usize = 32;

/// Where the resource is.
const RESOURCE: &str = "https://localhost/dns-query";

/// Asks over HTTP/2.
pub(crate) fn load(form: Form, server: SocketAddr, questions: &Rc<Questions>) {
    let connector = TlsConnector::from(settings(b"h2", Resume::Never));
    for _ in 0..CONNECTIONS {
        let (questions, connector) = (Rc::clone(questions), connector.clone());
        spawn_local(async move {
            let Some(sender) = connect(server, connector).await else {
                questions.fail();
                return;
            };
            for _ in 0..IN_FLIGHT {
                spawn_local(ask(form, sender.clone(), Rc::clone(&questions)));
            }
        });
    }
}

async fn connect(server: SocketAddr, connector: TlsConnector) -> Option<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(server).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let stream = connector.connect(server_name(), stream).await.ok()?;
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .ok()?;
    spawn_local(connection);
    Some(sender)
}

async fn ask(form: Form, mut sender: SendRequest<Full<Bytes>>, questions: Rc<Questions>) {
    loop {
        let exchange = async {
            sender.ready().await.ok()?;
            let response = sender
                .send_request(request(form, questions.next()))
                .await
                .ok()?;
            let is_fine = response.status() == StatusCode::OK;
            let body = response.into_body().collect().await.ok()?.to_bytes();
            is_fine.then_some(body)
        };
        match exchange.await {
            Some(answer) => questions.count(&answer),
            None => {
                questions.fail();
                return;
            }
        }
    }
}

fn request(form: Form, message: &[u8]) -> Request<Full<Bytes>> {
    let builder = Request::builder().header("accept", "application/dns-message");
    let built = match form {
        Form::Get => builder
            .uri(format!(
                "{RESOURCE}?dns={}",
                URL_SAFE_NO_PAD.encode(message)
            ))
            .body(Full::default()),
        Form::Post => builder
            .method("POST")
            .uri(RESOURCE)
            .header("content-type", "application/dns-message")
            .body(Full::new(Bytes::copy_from_slice(message))),
    };
    built.expect("a request")
}
