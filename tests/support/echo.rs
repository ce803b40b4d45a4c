//! A server of any transports whose engine echoes.
//!
//! In: transports and limits. Out: a server on free ports of 127.0.0.1, what its clients trust, and messages it answers.
//! Never here: expectations.

use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use leeward::metrics::QueryTotals;
use leeward::server::{
    CertificateSource, Certificates, Engine, Exchange, Listen, Server, Serving, Source, TcpLimits,
    Transport, WorkerId, bind,
};
use leeward::wire::Rtype;
use rustls::ClientConfig;

use super::clients::{ask_framed, trusting};

/// Sets QR of whatever has a header; panics on the text "poison", is silent on "silence".
pub(crate) struct Echo;

impl Engine for Echo {
    fn respond(&mut self, batch: &mut [Exchange<'_>]) {
        for exchange in batch {
            assert!(!exchange.input.ends_with(b"poison"), "a poisonous query");
            if exchange.input.len() < 12 || exchange.input.ends_with(b"silence") {
                continue;
            }
            let len = exchange.input.len().min(exchange.out.len());
            exchange.out[..len].copy_from_slice(&exchange.input[..len]);
            exchange.out[2] |= 0x80;
            exchange.len = len;
            exchange.tally.rtype = Rtype::A;
            exchange.tally.source = Source::Static;
        }
    }

    fn idle(&mut self) {}
}

/// Writes a message that [`Echo`] answers with [`reply`] of the same text.
pub(crate) fn query(text: &str) -> Vec<u8> {
    [&[0; 12], text.as_bytes()].concat()
}

pub(crate) fn reply(text: &str) -> Vec<u8> {
    let mut message = query(text);
    message[2] = 0x80;
    message
}

/// Asks over a stream.
pub(crate) fn ask(stream: &mut (impl Read + Write), text: &str) -> Vec<u8> {
    ask_framed(stream, &query(text))
}

pub(crate) fn ask_udp(client: &UdpSocket, text: &str) -> Vec<u8> {
    client.send(&query(text)).expect("sent");
    let mut buffer = [0; 4096];
    let len = client.recv(&mut buffer).expect("a reply");
    buffer[..len].to_vec()
}

/// A server that runs until it is dropped.
pub(crate) struct EchoServer {
    pub(crate) server: Server,
    pub(crate) certificates: Arc<Certificates>,
}

impl EchoServer {
    /// Starts one worker for each of these transports.
    pub(crate) fn start(transports: &[Transport], tcp: TcpLimits) -> Self {
        let serving = Serving {
            tcp,
            ..Serving::default()
        };
        Self::start_as(transports, serving)
    }

    /// Does so with other settings; a certificate is made where none is given.
    pub(crate) fn start_as(transports: &[Transport], serving: Serving) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut listen = Listen::default();
        for transport in transports {
            match transport {
                Transport::Udp | Transport::Tcp => listen.plain = vec![any],
                Transport::Tls => listen.tls = vec![any],
                Transport::Https => listen.https = vec![any],
                Transport::Quic => listen.quic = vec![any],
            }
        }
        Self::start_on(&listen, 1, serving)
    }

    /// Does so on these addresses, with so many workers for UDP.
    pub(crate) fn start_on(listen: &Listen, workers: usize, serving: Serving) -> Self {
        let made = || Certificates::load(CertificateSource::SelfSigned).expect("made");
        let certificates = serving.certificates.clone().unwrap_or_else(made);
        let serving = Serving {
            certificates: Some(Arc::clone(&certificates)),
            ..serving
        };
        let bound = bind(listen, workers).expect("loopback is free");
        Self {
            server: bound.start(serving, |_: WorkerId| Echo).expect("threads"),
            certificates,
        }
    }

    /// Returns where one transport is listened on.
    pub(crate) fn at(&self, transport: Transport) -> SocketAddr {
        self.server.listen().of(transport)[0]
    }

    /// Makes settings of a client that trusts the server's certificate and offers these protocols.
    pub(crate) fn trusted(&self, protocols: &[&[u8]]) -> ClientConfig {
        trusting(&self.certificates.chain(), protocols)
    }

    pub(crate) fn totals(&self) -> QueryTotals {
        totals(&self.server)
    }
}

/// Sums what all workers of a server counted.
pub(crate) fn totals(server: &Server) -> QueryTotals {
    QueryTotals::sum(server.counters())
}
