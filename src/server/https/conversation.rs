//! One connection of DNS over HTTPS: a handshake, then HTTP/1.1 or HTTP/2 as the client named it.
//!
//! In: accepted streams. Out: requests to the [`Resource`]. Never here: what is in requests.
//!
//! A connection ends when no request is finished for the idle timeout: so end clients that do not read, and those that
//! merely ping. The head of a request has as long as a message to arrive, and so has its body; a stream of HTTP/2 has
//! the same again to be read.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::metrics::{QueryCounters, TcpEvent};

use super::super::accept::{CloseReason, ConnectionGuard, Conversation, attend};
use super::super::certificate::ALPN_H2;
use super::super::engine::{Engine, Transport, WorkerId};
use super::super::limits::TcpLimits;
use super::super::message_responder::MessageResponder;
use super::super::serve::Post;
use super::super::tls::Handshakes;
use super::pulse::{ObservedStream, Pulse, Version};
use super::resource::Resource;

/// The longest head of a request. Chosen; no standard value: a query in a URL has some 200 octets.
const HEAD_SIZE_MAX: usize = 16 << 10;

/// The most header fields of a request. Chosen; no standard value.
const FIELDS_MAX: usize = 64;

/// Streams at once on one connection; RFC 9113, section 6.5.2, asks for no fewer.
const STREAMS_MAX: u32 = 100;

/// Receive window of one stream of HTTP/2, octets: a message.
const STREAM_WINDOW: u32 = 65_535;

/// Receive window of one connection of HTTP/2, octets.
const CONNECTION_WINDOW: u32 = 256 << 10;

/// Longest time for requests that have begun to end when the server stops. Chosen; no standard value.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// The resource behind a handshake, or in the clear.
struct Web<E, M> {
    resource: Rc<Resource<E, M>>,
    limits: TcpLimits,
    handshakes: Option<Handshakes>,
    counters: Arc<QueryCounters>,
}

/// Runs the streams of HTTP/2 on this thread, each within its time.
#[derive(Clone)]
struct Streams {
    patience: Duration,
}

impl<F: Future + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        // Past its time it is dropped, which resets the stream. There are at most STREAMS_MAX a connection.
        drop(tokio::task::spawn_local(timeout(self.patience, stream)));
    }
}

impl<E, M> Conversation for Web<E, M>
where
    E: Engine + 'static,
    M: Fn(WorkerId) -> E + 'static,
{
    async fn converse(
        &self,
        stream: TcpStream,
        guard: Rc<ConnectionGuard>,
        stop: watch::Receiver<bool>,
    ) -> CloseReason {
        let Some(handshakes) = &self.handshakes else {
            let version = match detect(&stream, self.limits.message_timeout, stop.clone()).await {
                Ok(version) => version,
                Err(reason) => return reason,
            };
            return self.serve(stream, version, guard, stop).await;
        };
        match handshakes.shake_hands(stream, &guard, stop.clone()).await {
            Ok(stream) => {
                let version = match stream.get_ref().1.alpn_protocol() {
                    Some(ALPN_H2) => Version::Http2,
                    _ => Version::Http1,
                };
                self.serve(stream, version, guard, stop).await
            }
            Err(reason) => reason,
        }
    }

    fn idle(&self) {
        self.resource.responder.borrow_mut().idle();
    }
}

/// Detects the version of a connection in the clear: HTTP/2 begins with its preface (RFC 9113, section 3.3). A preface
/// whose first three octets come in two segments is taken for HTTP/1.1; no known client sends one.
async fn detect(
    stream: &TcpStream,
    patience: Duration,
    mut stop: watch::Receiver<bool>,
) -> Result<Version, CloseReason> {
    let mut first = [0; 3];
    let looked = tokio::select! {
        biased;
        _ = stop.wait_for(|is_asked| *is_asked) => return Err(CloseReason::Stopped),
        looked = timeout(patience, stream.peek(&mut first)) => looked,
    };
    match looked {
        Err(_) => Err(CloseReason::TimedOut),
        Ok(Err(_) | Ok(0)) => Err(CloseReason::Client),
        // No other method begins so.
        Ok(Ok(_)) if &first == b"PRI" => Ok(Version::Http2),
        Ok(Ok(_)) => Ok(Version::Http1),
    }
}

impl<E, M> Web<E, M>
where
    E: Engine + 'static,
    M: Fn(WorkerId) -> E + 'static,
{
    async fn serve<S>(
        &self,
        stream: S,
        version: Version,
        guard: Rc<ConnectionGuard>,
        stop: watch::Receiver<bool>,
    ) -> CloseReason
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let pulse = Rc::new(Pulse::default());
        let (resource, beat) = (Rc::clone(&self.resource), Rc::clone(&pulse));
        let service = service_fn(move |request: Request<Incoming>| {
            let (resource, beat, guard) =
                (Rc::clone(&resource), Rc::clone(&beat), Rc::clone(&guard));
            beat.head_is_whole();
            async move {
                let response = resource.respond(guard.client(), request).await;
                guard.touch();
                beat.request_is_finished();
                Ok::<Response<_>, Infallible>(response)
            }
        });
        let stream = TokioIo::new(ObservedStream {
            stream,
            pulse: Rc::clone(&pulse),
            version,
        });
        match version {
            Version::Http1 => {
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    // Hyper's own counts from the end of the request before; ours from the first octet.
                    .header_read_timeout(None)
                    .max_buf_size(HEAD_SIZE_MAX)
                    .max_headers(FIELDS_MAX)
                    .serve_connection(stream, service);
                let end = |connection: Pin<&mut http1::Connection<_, _>>| {
                    connection.graceful_shutdown();
                };
                self.watch(connection, end, &pulse, stop).await
            }
            Version::Http2 => {
                let patience = self.limits.message_timeout + self.limits.write_timeout;
                let connection = http2::Builder::new(Streams { patience })
                    .timer(TokioTimer::new())
                    .max_concurrent_streams(STREAMS_MAX)
                    .initial_stream_window_size(STREAM_WINDOW)
                    .initial_connection_window_size(CONNECTION_WINDOW)
                    .max_header_list_size(HEAD_SIZE_MAX as u32)
                    .serve_connection(stream, service);
                let end = |connection: Pin<&mut http2::Connection<_, _, _>>| {
                    connection.graceful_shutdown();
                };
                self.watch(connection, end, &pulse, stop).await
            }
        }
    }

    /// Drives a connection while requests are finished on it; `end` asks it to finish those that have begun.
    async fn watch<C: Future<Output = hyper::Result<()>>>(
        &self,
        connection: C,
        end: impl Fn(Pin<&mut C>),
        pulse: &Pulse,
        mut stop: watch::Receiver<bool>,
    ) -> CloseReason {
        let mut connection = pin!(connection);
        let mut timer = pin!(sleep(self.limits.idle_timeout));
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|is_asked| *is_asked) => {
                    end(connection.as_mut());
                    let _ = timeout(DRAIN_MAX, connection).await;
                    return CloseReason::Stopped;
                }
                end = connection.as_mut() => {
                    if end.is_err_and(|cause| is_misuse(&cause)) {
                        self.counters.count_tcp(TcpEvent::Misused);
                    }
                    return CloseReason::Client;
                }
                () = pulse.changed.notified() => timer.set(sleep(pulse.patience(&self.limits))),
                () = timer.as_mut() => {
                    // GOAWAY, where the client takes it at once.
                    end(connection.as_mut());
                    poll_fn(|context| leave(connection.as_mut(), context)).await;
                    return CloseReason::TimedOut;
                }
            }
        }
    }
}

/// Returns whether a connection ended because its client broke HTTP/2 or overused it, as a flood of resets does.
fn is_misuse(cause: &hyper::Error) -> bool {
    let cause =
        std::error::Error::source(cause).and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| cause.is_go_away() && cause.is_library())
}

fn leave<C: Future>(connection: Pin<&mut C>, context: &mut Context<'_>) -> Poll<()> {
    let _ = connection.poll(context);
    Poll::Ready(())
}

/// Serves until stop is asked; returns whether what was queued was finished in time.
pub(in crate::server) async fn run<E, M>(
    listeners: Vec<TcpListener>,
    config: Option<Arc<ServerConfig>>,
    post: Post<E, M>,
) -> bool
where
    E: Engine + 'static,
    M: Fn(WorkerId) -> E + 'static,
{
    let settings = post.accept_settings();
    let limits = settings.limits.bounded();
    let handshakes =
        config.map(|config| Handshakes::new(config, limits, Arc::clone(&settings.counters)));
    let web = Web {
        resource: Rc::new(Resource {
            responder: RefCell::new(MessageResponder::new(post.guarded, Transport::Https)),
            path: post.serving.https.path,
            patience: limits.message_timeout,
        }),
        limits,
        handshakes,
        counters: Arc::clone(&settings.counters),
    };
    attend(listeners, web, settings).await
}
