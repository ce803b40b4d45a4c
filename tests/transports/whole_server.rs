//! The whole server on loopback, on a free port of every transport, with a certificate that its clients trust.
//!
//! In: nothing. Out: clients. Never here: expectations.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use hickory_server::Server;
use leeward::clock::Clock;
use leeward::config::server_file::{
    CertificateSetting, HttpsSettings, QuicSettings, ServerConfig, TlsSettings,
};
use leeward::daemon::{Running, start};
use leeward::server::Transport;
use leeward::server::hickory::FailoverZones;
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Runtime;

use super::clients::{Client, Datagrams, Framed};
use super::questions::ZONE;
use super::web::{Form, Streams, Web};
use crate::wait::wait_for;

/// How long a connection to hickory-server may be silent.
const HICKORY_IDLE: Duration = Duration::from_secs(20);

/// How many transports there are.
const TRANSPORTS: usize = 5;

/// A running server.
pub(crate) struct WholeServer {
    runtime: Runtime,
    running: Option<Running>,
    certificate: CertificateDer<'static>,
    folder: TempDir,
}

impl WholeServer {
    /// Starts the server with the zone of the questions.
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let zones = folder.path().join("zones");
        std::fs::create_dir(&zones).expect("a folder");
        std::fs::write(zones.join("transports.toml"), zone()).expect("written");
        let shown = write_pair(folder.path());
        let (certificate, key) = (folder.path().join("chain"), folder.path().join("key"));
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = ServerConfig {
            listen: vec![any],
            http: Some(any),
            workers: Some(1),
            zones,
            tls: TlsSettings {
                listen: vec![any],
                certificate: Some(CertificateSetting::Files { certificate, key }),
            },
            https: HttpsSettings {
                listen: vec![any],
                ..HttpsSettings::default()
            },
            quic: QuicSettings { listen: vec![any] },
            ..ServerConfig::default()
        };
        let runtime = Runtime::new().expect("a runtime");
        let running = runtime
            .block_on(start(config, Clock::start()))
            .unwrap_or_else(|fault| panic!("{fault}"));
        let served = running.zones();
        assert!(served.refusals.is_empty(), "{:?}", served.refusals);
        Self {
            runtime,
            running: Some(running),
            certificate: shown,
            folder,
        }
    }

    /// Starts hickory-server with the same zones, and returns where it listens by UDP and TCP; it runs as long as this server.
    pub(crate) fn hickory(&self) -> SocketAddr {
        self.runtime.block_on(async {
            let any = SocketAddr::from(([127, 0, 0, 1], 0));
            let tcp = TcpListener::bind(any).await.expect("loopback is free");
            let address = tcp.local_addr().expect("bound");
            let udp = UdpSocket::bind(address).await.expect("the port is free");
            let zones = FailoverZones::alone(&self.running().current(), Clock::start());
            let mut server = Server::new(zones);
            server.register_socket(udp);
            server.register_listener(tcp, HICKORY_IDLE, 16);
            tokio::spawn(async move { server.block_until_done().await });
            address
        })
    }

    pub(crate) fn udp(&self) -> Datagrams {
        Datagrams::connect(self.address(Transport::Udp))
    }

    pub(crate) fn tcp(&self) -> impl Client + use<> {
        Framed::tcp(self.address(Transport::Tcp))
    }

    pub(crate) fn tls(&self) -> impl Client + use<> {
        Framed::tls(self.address(Transport::Tls), &self.certificate)
    }

    /// Replaces the certificate's files and asks for a reload; clients made from now on trust the new one alone.
    pub(crate) fn renew(&mut self) {
        self.certificate = write_pair(self.folder.path());
        self.running().reload();
    }

    /// Says whether a newcomer that trusts the present certificate is answered over TLS.
    pub(crate) fn is_trusted(&self) -> bool {
        let address = self.address(Transport::Tls);
        Framed::tls(address, &self.certificate).is_welcome()
    }

    pub(crate) fn https1(&self, form: Form) -> Web {
        Web::http1(self.address(Transport::Https), &self.certificate, form)
    }

    pub(crate) fn https2(&self, form: Form) -> Web {
        Web::http2(self.address(Transport::Https), &self.certificate, form)
    }

    pub(crate) fn quic(&self) -> Streams {
        Streams::connect(self.address(Transport::Quic), &self.certificate)
    }

    /// Returns a client of every transport.
    pub(crate) fn all(&self) -> Vec<Box<dyn Client>> {
        vec![
            Box::new(self.udp()),
            Box::new(self.tcp()),
            Box::new(self.tls()),
            Box::new(self.https1(Form::Get)),
            Box::new(self.https1(Form::Post)),
            Box::new(self.https2(Form::Get)),
            Box::new(self.https2(Form::Post)),
            Box::new(self.quic()),
        ]
    }

    /// Returns the metrics text once the last second's counts are in it.
    pub(crate) fn metrics(&self) -> String {
        let http = self.running().http().expect("metrics are on");
        // Counters are copied once a second.
        wait_for("every transport to be counted", || {
            let mut stream = TcpStream::connect(http).expect("accepted");
            stream
                .write_all(b"GET /metrics HTTP/1.0\r\nhost: localhost\r\n\r\n")
                .expect("sent");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("a text");
            let counted = text
                .lines()
                .filter(|line| line.starts_with("leeward_queries_total{"))
                .count();
            (counted >= TRANSPORTS).then_some(text)
        })
    }

    fn address(&self, transport: Transport) -> SocketAddr {
        self.running().listen().of(transport)[0]
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs until the end")
    }
}

impl Drop for WholeServer {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

/// Writes a new certificate and its key, and returns the certificate.
fn write_pair(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    std::fs::write(folder.join("chain"), made.cert.pem()).expect("written");
    std::fs::write(folder.join("key"), made.signing_key.serialize_pem()).expect("written");
    made.cert.der().clone()
}

/// Writes the zone, with a text too large for a datagram.
fn zone() -> String {
    let mut zone = ZONE.to_owned();
    let texts: Vec<_> = (0..12)
        .map(|number| format!("\"{number} {}\"", "x".repeat(200)))
        .collect();
    let _ = writeln!(zone, "large.TXT = [{}]", texts.join(", "));
    zone
}
