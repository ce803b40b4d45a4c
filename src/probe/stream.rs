//! The connection of one probe: TCP, with TLS above it where the check asks for it.
//!
//! In: an address, TLS settings. Out: one stream of octets. Never here: what is spoken over it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::classify::classify;
use super::handshake::secure;
use super::once::Attempt;
use super::trace::Trace;
use crate::health::{Finding, TlsProbe};

/// A connection that stands.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    /// Large, and rare enough for a place of its own.
    Secure(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Connects to the attempt's address; the caller marks in the trace what comes next.
    pub(super) async fn connect(
        attempt: &Attempt<'_>,
        tls: Option<&TlsProbe>,
        trace: &Trace,
    ) -> Result<Self, Finding> {
        let tcp = TcpStream::connect(attempt.address)
            .await
            .map_err(|error| classify(&error, trace))?;
        let Some(tls) = tls else {
            return Ok(Self::Plain(tcp));
        };
        // The end of the handshake and the request are two small writes; the second must not wait until the first is
        // acknowledged. Where the option is refused, the check is only slower.
        let _ = tcp.set_nodelay(true);
        let config = Arc::clone(&attempt.plan.profile.tls);
        let session = secure(config, tls, trace, tcp).await?;
        Ok(Self::Secure(Box::new(session)))
    }

    /// Closes a connection over which nothing more is to come by a reset: neither side then remembers it for a minute.
    pub(super) fn reset(self) {
        let tcp = match &self {
            Self::Plain(tcp) => tcp,
            Self::Secure(session) => session.get_ref().0,
        };
        // Where the option is refused, the connection is closed as usual.
        let _ = tcp.set_zero_linger();
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Self::Secure(session) => Pin::new(session).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, octets),
            Self::Secure(session) => Pin::new(session).poll_write(context, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Self::Secure(session) => Pin::new(session).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Self::Secure(session) => Pin::new(session).poll_shutdown(context),
        }
    }
}
