//! What live tests stand on: endpoints that can be killed, a server on free ports, an independent client, and waits.
//!
//! In: zone texts. Out: answers as text. Never here: expectations.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::AllRecordData;
use leeward::admin;
use leeward::clock::Clock;
use leeward::config::server_file::ServerConfig;
use leeward::daemon::{Running, start};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::clients::udp_client;
use crate::wait::wait_for;

/// A small HTTP server that answers 200 to everything, until it is dropped.
pub(crate) struct Endpoint {
    address: SocketAddr,
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Listens on an address; with port 0 on any.
    pub(crate) fn start(address: SocketAddr) -> Self {
        let listener = wait_for("a free port", || TcpListener::bind(address).ok());
        let address = listener.local_addr().expect("a bound listener");
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&is_stopped);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
                let _ = stream.read(&mut [0; 2048]);
                let _ = stream.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nready",
                );
            }
        });
        Self {
            address,
            is_stopped,
            thread: Some(thread),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// Closes the listener; connections are refused from here on. Returns the address for a revival.
    pub(crate) fn kill(mut self) -> SocketAddr {
        self.close();
        self.address
    }

    fn close(&mut self) {
        self.is_stopped.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the endpoint ends cleanly");
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.close();
    }
}

/// Two endpoints on two addresses and one port.
pub(crate) fn two_endpoints() -> (Endpoint, Endpoint) {
    wait_for("one port on two addresses", || {
        let first = Endpoint::start("127.0.1.1:0".parse().expect("an address"));
        let second = SocketAddr::new("127.0.1.2".parse().expect("an address"), first.port());
        TcpListener::bind(second).ok().map(drop)?;
        Some((first, Endpoint::start(second)))
    })
}

/// A zone with a failover from one address to another, both probed.
pub(crate) fn failover_zone(apex: &str, primary: &Endpoint, secondary: &Endpoint) -> String {
    format!(
        "zone = \"{apex}\"\nttl = \"5s\"\n[checks.web]\ntype = \"http\"\nport = {}\ninterval = \"200ms\"\n\
         timeout = \"150ms\"\nfall = 2\nrise = 2\n[pools.east]\ncheck = \"web\"\nmembers = [\"{}\"]\n[pools.west]\n\
         check = \"web\"\nmembers = [\"{}\"]\n[names]\n\"@\".NS = \"ns.example.net.\"\nfixed.A = \"192.0.2.7\"\n\
         [names.www]\nfailover = [\"east\", \"west\"]\n",
        primary.port(),
        primary.ip(),
        secondary.ip(),
    )
}

/// A zone with one address at `www`.
pub(crate) fn fixed_zone(apex: &str, address: &str) -> String {
    format!("zone = \"{apex}\"\n[names]\n\"@\".NS = \"ns.example.net.\"\nwww.A = \"{address}\"\n")
}

/// A running server over a folder of its own.
pub(crate) struct Live {
    running: Option<Running>,
    runtime: Runtime,
    pub(crate) folder: TempDir,
    config: ServerConfig,
}

impl Live {
    /// Starts over zone files of these names and texts.
    pub(crate) fn start(
        files: &[(&str, &str)],
        adapt: impl FnOnce(&mut ServerConfig, &Path),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let zones = folder.path().join("zones");
        fs::create_dir(&zones).expect("a writable folder");
        let loopback: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let mut config = ServerConfig {
            listen: vec![loopback],
            http: Some(loopback),
            poll: Some(Duration::from_millis(100)),
            workers: Some(1),
            zones,
            ..ServerConfig::default()
        };
        adapt(&mut config, folder.path());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let mut live = Self {
            running: None,
            runtime,
            folder,
            config,
        };
        files.iter().for_each(|(file, text)| live.write(file, text));
        live.restart();
        live
    }

    /// Stops the server, if it runs, and starts it anew over the same folder.
    pub(crate) fn restart(&mut self) {
        self.stop();
        let started = self
            .runtime
            .block_on(start(self.config.clone(), Clock::start()));
        self.running = Some(started.expect("the server starts"));
    }

    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }

    /// Writes a zone file as careful tools do: beside, then renamed.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.config.zones.join(file);
        let beside = path.with_extension("new");
        fs::write(&beside, text).expect("a writable folder");
        fs::rename(&beside, &path).expect("a writable folder");
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.config.zones.join(file)).expect("a file that is there");
    }

    pub(crate) fn zones(&self) -> &Path {
        &self.config.zones
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().expect("a server that runs")
    }

    pub(crate) fn dns(&self) -> SocketAddr {
        self.running().addresses()[0]
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.running().http().expect("control is on")
    }

    pub(crate) fn get(&self, path: &str) -> String {
        admin::get(self.http(), path).unwrap_or_else(|fault| panic!("{path}: {fault}"))
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path)).expect("JSON")
    }

    /// Asks for addresses of a name over UDP.
    pub(crate) fn ask(&self, name: &str) -> Reply {
        ask(self.dns(), name)
    }

    /// Waits until a name has exactly this answer; returns how long that took.
    pub(crate) fn wait_answer(&self, name: &str, wanted: &str) -> Duration {
        let begun = Instant::now();
        wait_for(&format!("{name} to be {wanted}"), || {
            (self.ask(name).text() == wanted).then_some(())
        });
        begun.elapsed()
    }

    /// Waits until every target has this status.
    pub(crate) fn wait_statuses(&self, wanted: &str) {
        wait_for(&format!("all targets {wanted}"), || {
            let status = self.json("/api/status");
            let targets = status["targets"].as_array().expect("a list");
            (!targets.is_empty() && targets.iter().all(|row| row["status"] == wanted)).then_some(())
        });
    }
}

impl Live {
    /// Waits until no target is unknown.
    pub(crate) fn wait_statuses_known(&self) {
        wait_for("all targets to be known", || {
            let status = self.json("/api/status");
            let targets = status["targets"].as_array().expect("a list");
            let is_known = targets.iter().all(|row| row["status"] != "unknown");
            is_known.then_some(())
        });
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        }
    }
}

/// An answer as the independent decoder reads it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) id: u16,
    pub(crate) rcode: String,
    pub(crate) is_authoritative: bool,
    pub(crate) answers: Vec<String>,
    pub(crate) ttl: u32,
}

impl Reply {
    /// Records, or the response code if there are none.
    pub(crate) fn text(&self) -> String {
        if self.answers.is_empty() {
            self.rcode.clone()
        } else {
            self.answers.join(" ")
        }
    }
}

/// Writes a query.
pub(crate) fn query(id: u16, name: &str, rtype: Rtype) -> Vec<u8> {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_id(id);
    let mut question = message.question();
    let name: Name<Vec<u8>> = name.parse().expect("a name");
    question.push((name, rtype)).expect("room");
    question.finish()
}

/// Reads a reply.
pub(crate) fn decode(octets: &[u8]) -> Reply {
    let message = Message::from_octets(octets).expect("a message");
    let header = message.header();
    assert!(header.qr(), "a response");
    let mut ttl = 0;
    let mut answers = Vec::new();
    for record in message.answer().expect("an answer section") {
        let record = record.expect("a record");
        ttl = record.ttl().as_secs();
        let record = record
            .to_any_record::<AllRecordData<_, _>>()
            .expect("known data");
        answers.push(record.data().to_string());
    }
    Reply {
        id: header.id(),
        rcode: header.rcode().to_string(),
        is_authoritative: header.aa(),
        answers,
        ttl,
    }
}

/// Asks for an address over UDP, three times at most.
pub(crate) fn ask(server: SocketAddr, name: &str) -> Reply {
    let socket = udp_client(server);
    socket
        .set_read_timeout(Some(Duration::from_secs(3)))
        .expect("a socket");
    let mut octets = [0; 4096];
    for id in 1..=3 {
        socket.send(&query(id, name, Rtype::A)).expect("room");
        if let Ok(len) = socket.recv(&mut octets) {
            return decode(&octets[..len]);
        }
    }
    panic!("no answer from {server} for {name}");
}
