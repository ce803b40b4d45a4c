//! The connection of one probe: TCP, with TLS above it where the check asks for it.
//!
//! In: an address, TLS settings. Out: one stream of octets. Never here: the protocol over it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::classify::classify;
use super::trace::Trace;
use crate::health::Finding;

/// A connection that stands.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    /// Large, and rare enough for a place of its own.
    Secure(Box<TlsStream<TcpStream>>),
}

/// TLS settings of one connection.
#[derive(Clone, Debug)]
pub(super) struct Secure {
    pub(super) config: Arc<ClientConfig>,
    /// The name for the handshake.
    pub(super) name: ServerName<'static>,
}

/// Connects to an address. A connection that the peer accepted and has reset since is returned too, with the error:
/// octets sent before can still be read.
pub(super) async fn connect(address: SocketAddr) -> io::Result<(TcpStream, Option<io::Error>)> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let stream = TcpStream::from_std(socket.into())?;
    stream.writable().await?;
    match stream.take_error()? {
        // Before a connection stands, a reset is told as a refusal.
        Some(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok((stream, Some(error))),
        Some(error) => Err(error),
        None => Ok((stream, None)),
    }
}

impl Stream {
    /// Connects to an address; the caller marks in the trace what comes next. The error, if any, is one of sending.
    pub(super) async fn connect(
        address: SocketAddr,
        secure: Option<&Secure>,
        trace: &Trace,
    ) -> Result<(Self, Option<io::Error>), Finding> {
        let connected = connect(address).await;
        let (tcp, broken) = connected.map_err(|error| classify(&error, trace))?;
        let Some(secure) = secure else {
            return Ok((Self::Plain(tcp), broken));
        };
        // The end of the handshake and the request are two small writes; the second must not wait until the first is
        // acknowledged. Where the option is refused, the check is only slower.
        let _ = tcp.set_nodelay(true);
        let session = shake_hands(secure.clone(), trace, tcp).await?;
        Ok((Self::Secure(Box::new(session)), None))
    }

    /// Closes a finished connection by a reset, so that neither side keeps it for a minute.
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

/// Makes a TLS session over a connection.
pub(super) async fn shake_hands(
    secure: Secure,
    trace: &Trace,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Finding> {
    trace.enter_tls();
    if let (true, ServerName::DnsName(name)) = (secure.config.enable_sni, &secure.name) {
        trace.send_name(name.as_ref());
    }
    TlsConnector::from(secure.config)
        .connect(secure.name, stream)
        .await
        .map_err(|error| classify(&error, trace))
}
