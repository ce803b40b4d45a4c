//! State of one connection of DNS over HTTPS, as far as its timer depends on it.
//!
//! In: octets that come, heads and requests that are finished. Out: how long to wait for the next thing. Never here: timers.
//!
//! | State | Entered when | Timer |
//! |---|---|---|
//! | between requests | a request is finished | idle |
//! | head (HTTP/1.1) | an octet comes between requests | message |
//! | request | the head is whole | idle; its body has a timer of its own |
//!
//! HTTP/2 mixes the octets of many requests with its own: there only the end of a request counts.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use super::super::limits::TcpLimits;

/// HTTP version of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    Head,
    Request,
}

/// State of a connection, with a signal for each change.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Notified when the timer has to start anew.
    pub(super) changed: Notify,
    state: Cell<State>,
}

impl Pulse {
    fn enter(&self, state: State) {
        self.state.set(state);
        self.changed.notify_one();
    }

    fn octets_came(&self) {
        if self.state.get() == State::Between {
            self.enter(State::Head);
        }
    }

    /// Notes that a request can be looked at.
    pub(super) fn head_is_whole(&self) {
        self.enter(State::Request);
    }

    /// Notes that a response is ready.
    pub(super) fn request_is_finished(&self) {
        self.enter(State::Between);
    }

    /// Returns the longest duration of the current state.
    pub(super) fn patience(&self, limits: &TcpLimits) -> Duration {
        match self.state.get() {
            State::Head => limits.message_timeout,
            State::Between | State::Request => limits.idle_timeout,
        }
    }
}

/// Stream that reports received octets to a [`Pulse`].
pub(super) struct ObservedStream<S> {
    pub(super) stream: S,
    pub(super) pulse: Rc<Pulse>,
    pub(super) version: Version,
}

impl<S: AsyncRead + Unpin> AsyncRead for ObservedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = room.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, room);
        if self.version == Version::Http1 && room.filled().len() > before {
            self.pulse.octets_came();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ObservedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
