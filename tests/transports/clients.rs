//! Clients, one a transport, that share no code with the server.
//!
//! In: messages as octets. Out: answers as octets. Never here: what is in them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use crate::clients::{Sealed, ask_framed, frame, tcp_client, tls_client, trusting, udp_client};

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
        Self(udp_client(server))
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
            stream: tcp_client(server),
            name: "tcp",
        }
    }
}

impl Framed<Sealed> {
    pub(crate) fn tls(server: SocketAddr, trusted: &CertificateDer<'static>) -> Self {
        let config = trusting(std::slice::from_ref(trusted), &[b"dot"]);
        Self {
            stream: tls_client(server, Arc::new(config)),
            name: "tls",
        }
    }

    /// Shakes hands and says whether both sides agreed.
    pub(crate) fn is_welcome(&mut self) -> bool {
        let Sealed { conn, sock } = &mut self.stream;
        conn.complete_io(sock).is_ok()
    }
}

impl<S: Read + Write> Client for Framed<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn send(&mut self, message: &[u8]) {
        self.stream.write_all(&frame(message)).expect("sent");
    }

    fn ask(&mut self, message: &[u8]) -> Vec<u8> {
        ask_framed(&mut self.stream, message)
    }
}
