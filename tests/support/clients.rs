//! Clients of every transport that share no code with the server.
//!
//! In: addresses and what to trust. Out: connected sockets, sessions and endpoints; octets in frames. Never here: expectations.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use quinn::Endpoint;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use tokio_rustls::TlsConnector;

use super::wait::PATIENCE;

/// A stream inside TLS.
pub(crate) type Sealed = StreamOwned<ClientConnection, TcpStream>;

/// Opens a socket that sends to one server, and takes datagrams from the address that it asked and from no other.
pub(crate) fn udp_client(server: SocketAddr) -> UdpSocket {
    let local = if server.is_ipv4() {
        "127.0.0.1:0"
    } else {
        "[::1]:0"
    };
    let client = UdpSocket::bind(local).expect("loopback is free");
    client.connect(server).expect("a route");
    client.set_read_timeout(Some(PATIENCE)).expect("an option");
    client
}

pub(crate) fn tcp_client(server: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(server).expect("accepted");
    client.set_read_timeout(Some(PATIENCE)).expect("an option");
    client.set_write_timeout(Some(PATIENCE)).expect("an option");
    client.set_nodelay(true).expect("an option");
    client
}

/// Makes TLS settings that trust these certificates alone and offer these protocols.
pub(crate) fn trusting(trusted: &[CertificateDer<'static>], protocols: &[&[u8]]) -> ClientConfig {
    let mut config = trusting_by(rustls::ALL_VERSIONS, trusted);
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config
}

/// Makes TLS settings of these versions that trust these certificates alone.
pub(crate) fn trusting_by(
    versions: &[&'static SupportedProtocolVersion],
    trusted: &[CertificateDer<'static>],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).expect("a certificate");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("suites")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Connects and begins a session; the handshake comes with the first octets.
pub(crate) fn tls_client(server: SocketAddr, config: Arc<ClientConfig>) -> Sealed {
    let session = ClientConnection::new(config, localhost()).expect("settings");
    StreamOwned::new(session, tcp_client(server))
}

/// Connects and shakes hands; for HTTP over TLS.
pub(crate) async fn web_client(
    server: SocketAddr,
    config: ClientConfig,
) -> TokioIo<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let stream = tokio::net::TcpStream::connect(server).await;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(localhost(), stream.expect("accepted"));
    TokioIo::new(stream.await.expect("shaken"))
}

/// Binds an endpoint of QUIC; within a runtime.
pub(crate) fn quic_client(config: ClientConfig) -> Endpoint {
    let crypto = QuicClientConfig::try_from(config).expect("suites");
    let mut endpoint = Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).expect("bound");
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
    endpoint
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("a name")
}

/// Puts its length before a message.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("a message");
    [&length.to_be_bytes(), message].concat()
}

/// Reads a message behind its length.
pub(crate) fn read_frame(stream: &mut impl Read) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("a length");
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).expect("a message");
    message
}

/// Sends a message over a stream and reads the next one.
pub(crate) fn ask_framed(stream: &mut (impl Read + Write), message: &[u8]) -> Vec<u8> {
    stream.write_all(&frame(message)).expect("sent");
    read_frame(stream)
}

/// Reads to the end and returns how many octets came; a reset is an end too.
pub(crate) fn read_to_end(stream: &mut TcpStream) -> usize {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Err(cause) if cause.kind() == ErrorKind::WouldBlock => panic!("was not closed"),
        _ => rest.len(),
    }
}
