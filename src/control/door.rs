//! The way in to the API: how many clients are served at once, how long each may take, and whom a browser speaks for.
//!
//! In: connections. Out: connections with a deadline, one request each. Never here: what is asked for.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use super::fault::fault;
use crate::config::COMMAND_HEADER;

/// Connections served at once; further ones wait in the system's queue (chosen: collectors, probes and some people).
pub(super) const CONNECTIONS_MAX: usize = 64;
/// Time from accepting a connection to the last octet of its answer (chosen: 40 MB of status over a slow link).
pub(super) const VISIT_MAX: Duration = Duration::from_secs(30);

/// A listener with room for [`CONNECTIONS_MAX`] connections.
pub(super) struct Door {
    listener: TcpListener,
    room: Arc<Semaphore>,
    visit_max: Duration,
}

impl Door {
    pub(super) fn new(listener: TcpListener, visit_max: Duration) -> Self {
        Self {
            listener,
            visit_max,
            room: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        }
    }
}

impl Listener for Door {
    type Io = Visit;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visit, SocketAddr) {
        let permit = Arc::clone(&self.room).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        // The trait's accept waits when descriptors run out, instead of spinning.
        let (stream, client) = Listener::accept(&mut self.listener).await;
        let visit = Visit {
            stream,
            deadline: Box::pin(sleep(self.visit_max)),
            _permit: permit,
        };
        (visit, client)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends at its deadline, whatever the client does.
pub(super) struct Visit {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
}

impl Visit {
    fn check_deadline(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Visit {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_deadline(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Visit {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_deadline(context)?;
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Refuses what a browser sends in another site's name, and marks every answer: one a connection, never stored.
///
/// | Listening on | Host | Origin | Request |
/// |---|---|---|---|
/// | loopback | a name other than localhost | any | refused: a name that was pointed at us (DNS rebinding) |
/// | any | any | another than Host | refused unless it only reads |
/// | any | any | absent or Host | let in if it only reads, or carries [`COMMAND_HEADER`] |
///
/// The header keeps out what speaks HTTP without meaning to command: checks of zones, forms of web pages.
pub(super) async fn guard(
    State(listening): State<Option<SocketAddr>>,
    request: Request,
    next: Next,
) -> Response {
    let is_loopback = listening.is_some_and(|address| address.ip().is_loopback());
    let refusal = refuse_stranger(is_loopback, request.method(), request.headers());
    let mut response = match refusal {
        Some(help) => fault(StatusCode::FORBIDDEN, "this request is not let in", help),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONNECTION, "close"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refuse_stranger(
    is_loopback: bool,
    method: &Method,
    headers: &HeaderMap,
) -> Option<&'static str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    if is_loopback && !host.is_empty() && !is_local(host) {
        return Some(
            "a server that listens on loopback answers to addresses and to localhost only: ask with \
             `Host: 127.0.0.1`, or let it listen on another address",
        );
    }
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let is_own = headers.get(header::ORIGIN).is_none()
        || text(header::ORIGIN)
            .and_then(|origin| origin.strip_prefix("http://"))
            .is_some_and(|origin| origin == host);
    if !is_own {
        return Some("a page of another site may not command the server");
    }
    (!headers.contains_key(COMMAND_HEADER)).then_some(
        "what changes something must carry the header `X-Leeward-Request: 1`: with curl, add \
         `-H 'X-Leeward-Request: 1'`",
    )
}

/// Whether a Host header names an address or localhost.
fn is_local(host: &str) -> bool {
    let is_address = host.parse::<SocketAddr>().is_ok()
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let name = host.split(':').next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    is_address || name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_in_operators_and_keeps_out_foreign_pages() {
        let cases = [
            (true, Method::GET, "127.0.0.1:8053", None, true),
            (true, Method::GET, "[::1]:8053", None, true),
            (true, Method::GET, "[::1]", None, true),
            (true, Method::GET, "localhost:8053", None, true),
            (true, Method::GET, "", None, true),
            (true, Method::GET, "evil.example:8053", None, false),
            (true, Method::GET, "localhost.evil.example", None, false),
            (false, Method::GET, "ns1.example.com:8053", None, true),
            (
                false,
                Method::GET,
                "ns1.example.com",
                Some("http://evil.example"),
                true,
            ),
            (
                false,
                Method::POST,
                "ns1.example.com",
                Some("http://evil.example"),
                false,
            ),
            (
                false,
                Method::POST,
                "ns1.example.com",
                Some("http://ns1.example.com"),
                true,
            ),
            (true, Method::POST, "127.0.0.1:8053", Some("null"), false),
            (true, Method::POST, "127.0.0.1:8053", None, true),
        ];
        for (is_loopback, method, host, origin, wanted) in cases {
            let mut headers = HeaderMap::new();
            if !host.is_empty() {
                headers.insert(header::HOST, HeaderValue::from_static(host));
            }
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            headers.insert(COMMAND_HEADER, HeaderValue::from_static("1"));
            assert_eq!(
                refuse_stranger(is_loopback, &method, &headers).is_none(),
                wanted,
                "{method} {host} from {origin:?}"
            );
        }
    }

    #[test]
    fn takes_commands_only_with_the_header_that_checks_may_not_send() {
        // X12: a check with `method = "POST"` threw a switch.
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:8053"));
        for (method, wanted) in [
            (Method::GET, true),
            (Method::HEAD, true),
            (Method::POST, false),
            (Method::PUT, false),
            (Method::OPTIONS, false),
        ] {
            let is_let_in = refuse_stranger(true, &method, &headers).is_none();
            assert_eq!(is_let_in, wanted, "{method}");
        }
        headers.insert(COMMAND_HEADER, HeaderValue::from_static("1"));
        assert_eq!(refuse_stranger(true, &Method::POST, &headers), None);
    }

    #[tokio::test]
    async fn ends_a_visit_at_its_deadline_and_frees_its_room() {
        use tokio::io::AsyncReadExt as _;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut door = Door::new(listener, Duration::from_millis(1));
        let address = door.local_addr().expect("bound");
        let _client = TcpStream::connect(address).await.expect("listening");
        let (mut visit, _) = door.accept().await;
        assert_eq!(door.room.available_permits(), CONNECTIONS_MAX - 1);
        let mut octets = [0; 1];
        let ended = visit.read(&mut octets).await.expect_err("nothing was sent");
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
        drop(visit);
        assert_eq!(door.room.available_permits(), CONNECTIONS_MAX);
    }
}
