//! Clients, one a transport, that share no code with the server.
//!
//! In: messages as octets. Out: answers as octets. Never here: what is in them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// How long an answer may take before a test fails; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody who asks over one transport.
pub(crate) trait Client {
    /// Returns the transport's name.
    fn name(&self) -> &'static str;

    /// Sends a message and waits for nothing.
    fn send(&mut self, message: &[u8]);

    /// Sends a message and returns the answer.
    fn ask(&mut self, message: &[u8]) -> Vec<u8>;
}

/// Datagrams.
pub(crate) struct Datagrams(UdpSocket);

impl Datagrams {
    pub(crate) fn connect(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback is free");
        socket.connect(server).expect("a route");
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        Self(socket)
    }
}

impl Client for Datagrams {
    fn name(&self) -> &'static str {
        "udp"
    }

    fn send(&mut self, message: &[u8]) {
        self.0.send(message).expect("sent");
    }

    fn ask(&mut self, message: &[u8]) -> Vec<u8> {
        self.send(message);
        let mut answer = vec![0; 65_535];
        let len = self.0.recv(&mut answer).expect("an answer");
        answer.truncate(len);
        answer
    }
}

/// Messages behind their lengths, over any stream.
pub(crate) struct Framed<S> {
    stream: S,
    name: &'static str,
}

impl Framed<TcpStream> {
    pub(crate) fn tcp(server: SocketAddr) -> Self {
        Self {
            stream: open(server),
            name: "tcp",
        }
    }
}

impl Framed<StreamOwned<ClientConnection, TcpStream>> {
    pub(crate) fn tls(server: SocketAddr, trusted: &CertificateDer<'static>) -> Self {
        let name = ServerName::try_from("localhost").expect("a name");
        let config = Arc::new(trusting(trusted, &[b"dot"]));
        let session = ClientConnection::new(config, name).expect("settings");
        Self {
            stream: StreamOwned::new(session, open(server)),
            name: "tls",
        }
    }
}

impl Framed<StreamOwned<ClientConnection, TcpStream>> {
    /// Shakes hands and says whether both sides agreed.
    pub(crate) fn is_welcome(&mut self) -> bool {
        let StreamOwned { conn, sock } = &mut self.stream;
        conn.complete_io(sock).is_ok()
    }
}

/// TLS settings of a client that trusts one certificate and names these protocols.
pub(crate) fn trusting(trusted: &CertificateDer<'static>, protocols: &[&[u8]]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("suites")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config
}

fn open(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).expect("accepted");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    stream.set_nodelay(true).expect("an option");
    stream
}

impl<S: Read + Write> Client for Framed<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn send(&mut self, message: &[u8]) {
        let length = u16::try_from(message.len())
            .expect("a message")
            .to_be_bytes();
        let framed = [&length, message].concat();
        self.stream.write_all(&framed).expect("sent");
    }

    fn ask(&mut self, message: &[u8]) -> Vec<u8> {
        self.send(message);
        let mut length = [0; 2];
        self.stream.read_exact(&mut length).expect("a length");
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        self.stream.read_exact(&mut answer).expect("an answer");
        answer
    }
}
