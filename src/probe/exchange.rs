//! One HTTP/1.1 exchange on a connection of its own: a request out, a response with its body back.
//!
//! In: a request, an address. Out: status, headers, chunks of the body. Never here: what they mean.
//!
//! # Why two carriers
//!
//! reqwest carries probes that follow redirects and queries to Prometheus. All other checks ask one thing of one
//! address, and reqwest's layers (a pool that keeps nothing, a resolver that is told the address, a task for each
//! connection, a URL for each request) made such a check more than twice as costly as hyper's own connection, which
//! reads and writes the same octets beneath (`benches/probe`). Here that connection is driven in the probe's own task. This
//! is also what makes TLS resumption possible: a session that arrives is read where the probe's trace is known.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use reqwest::header::HeaderMap;

use super::classify::classify;
use super::http::HEADERS_MAX;
use super::stream::Stream;
use super::trace::Trace;
use crate::health::{Finding, Phase};

/// Header lines that a response may have. Their octets are bounded as well.
pub(super) const HEADER_LINES_MAX: usize = 512;

/// Most octets that are read ahead of what is parsed: the longest headers and some body.
const READ_AHEAD_MAX: usize = 2 * HEADERS_MAX;

/// Frames that are looked at to learn whether a body that nobody reads is there already.
const FRAMES_MAX: usize = 4;

/// A response, its body yet to be read.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    body: Body,
}

#[expect(
    clippy::large_enum_variant,
    reason = "one body a probe, and the large one is the usual"
)]
enum Body {
    Carried(reqwest::Response),
    Direct(Direct),
}

/// The rest of an exchange without reqwest.
struct Direct {
    line: Line,
    /// Held because the connection ends when nobody can send any more.
    _sender: SendRequest<Empty<Bytes>>,
    body: Incoming,
}

/// A connection that is driven by whoever awaits something of it.
struct Line {
    connection: Connection<TokioIo<Stream>, Empty<Bytes>>,
    /// Whether there is nothing more to drive; the stream is open still.
    is_over: bool,
}

impl Reply {
    /// Sends a request through reqwest.
    pub(super) async fn fetch(
        client: &reqwest::Client,
        request: reqwest::Request,
        trace: &Trace,
    ) -> Result<Self, Finding> {
        let mut response = client
            .execute(request)
            .await
            .map_err(|error| classify(&error, trace))?;
        Ok(Self {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body: Body::Carried(response),
        })
    }

    /// Sends a request over a connection that stands.
    pub(super) async fn exchange(
        stream: Stream,
        request: Request<Empty<Bytes>>,
        trace: &Trace,
    ) -> Result<Self, Finding> {
        trace.enter_exchange(Phase::Headers);
        let failed = |error: hyper::Error| classify(&error, trace);
        let (mut sender, connection) = http1::Builder::new()
            .max_headers(HEADER_LINES_MAX)
            .max_buf_size(READ_AHEAD_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(failed)?;
        let mut line = Line {
            connection,
            is_over: false,
        };
        let response = line.drive(sender.send_request(request)).await;
        let (head, body) = response.map_err(failed)?.into_parts();
        let direct = Direct {
            line,
            _sender: sender,
            body,
        };
        Ok(Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body: Body::Direct(direct),
        })
    }

    /// Returns the next octets of the body; `None` at its end.
    pub(super) async fn chunk(&mut self, trace: &Trace) -> Result<Option<Bytes>, Finding> {
        match &mut self.body {
            Body::Carried(response) => response
                .chunk()
                .await
                .map_err(|error| classify(&error, trace)),
            Body::Direct(direct) => direct
                .chunk()
                .await
                .map_err(|error| classify(&error, trace)),
        }
    }

    /// Ends the exchange. If the response is here as a whole, the connection is reset: there is nothing to lose, and
    /// thousands of checks a second would otherwise leave a minute's worth of closed connections behind.
    pub(super) fn close(self) {
        if let Body::Direct(mut direct) = self.body
            && direct.is_complete()
        {
            direct.line.reset();
        }
    }
}

impl Direct {
    async fn chunk(&mut self) -> hyper::Result<Option<Bytes>> {
        // Ends with the body; what is no data is its one set of trailers.
        while let Some(frame) = self.line.drive(self.body.frame()).await {
            if let Ok(octets) = frame?.into_data() {
                return Ok(Some(octets));
            }
        }
        Ok(None)
    }

    /// Tells whether the body has come to its end, as far as it can be known without waiting.
    fn is_complete(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..FRAMES_MAX {
            self.line.poll(&mut context);
            match pin!(self.body.frame()).poll(&mut context) {
                Poll::Ready(None) => return true,
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_))) | Poll::Pending => return false,
            }
        }
        false
    }
}

impl Line {
    /// Awaits what the connection brings about, and drives it meanwhile.
    async fn drive<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.poll(context);
            future.as_mut().poll(context)
        })
        .await
    }

    /// Reads and writes as far as possible. How the connection ended, whoever awaits a part of the exchange learns.
    fn poll(&mut self, context: &mut Context<'_>) {
        if !self.is_over {
            self.is_over = self.connection.poll_without_shutdown(context).is_ready();
        }
    }

    fn reset(self) {
        self.connection.into_parts().io.into_inner().reset();
    }
}
