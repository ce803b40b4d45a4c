//! Probes and the control API over loopback: what they read comes through a socket, as in a server that runs.
//!
//! In: the octets that the other side sends. Out: a finding; a response. Never here: what either must be.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use leeward::clock::Clock;
use leeward::config::server_file::ServerConfig;
use leeward::compile::compile_zone;
use leeward::config::read_zone;
use leeward::daemon::{Running, start};
use leeward::health::{Observation, Target};
use leeward::probe::{ProbeContext, probe_once};
use tokio::runtime::Runtime;

use crate::{Shelf, source};

/// Longest wait for the other side; an answer takes less than a millisecond.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most octets of a request or a response that are read.
const READ_MAX: usize = 1 << 20;

/// Checks of every kind that reads what an endpoint says over TCP.
const CHECKS: &str = r#"
zone = "example.com"
[checks.found]
type = "http"
port = PORT
path = "/health"
contains = "well"
[checks.matched]
type = "http"
port = PORT
method = "POST"
regex = "^(up|well)[0-9]*$"
status = ["200-299", "404"]
[checks.followed]
type = "http"
port = PORT
follow-redirects = 2
[checks.plain]
type = "http"
port = PORT
method = "HEAD"
[checks.spoken]
type = "tcp"
port = PORT
send = "PING\r\n"
contains = "PONG"
[checks.counted]
type = "prometheus"
url = "http://127.0.0.1:PORT"
query = "up"
healthy-if = ">= 1"
[pools]
a = { check = "found", members = ["127.0.0.1"] }
b = { check = "matched", members = ["127.0.0.1"] }
c = { check = "followed", members = ["127.0.0.1"] }
d = { check = "plain", members = ["127.0.0.1"] }
e = { check = "spoken", members = ["127.0.0.1"] }
f = { check = "counted", members = ["127.0.0.1"] }
[names]
"@".NS = "ns.example.net."
www = { failover = ["a", "b", "c", "d", "e", "f"] }
"#;

/// An endpoint that sends what it is told, and checks that probe it.
pub struct Endpoint {
    reply: Arc<Mutex<Vec<u8>>>,
    targets: Vec<Arc<Target>>,
    kit: Arc<ProbeContext>,
    runtime: Runtime,
}

impl Endpoint {
    /// Opens a port on loopback.
    pub fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is free");
        let port = listener.local_addr().expect("bound").port();
        let reply = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&reply);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let reply: Vec<u8> = said.lock().expect("nobody panics").clone();
                // A probe that has read enough closes early: that is its right.
                let _ = serve(stream, &reply);
            }
        });
        let (model, found) = read_zone(&source(&CHECKS.replace("PORT", &port.to_string())), &Shelf);
        let model = model.unwrap_or_else(|| panic!("{found:#?}"));
        let zone = compile_zone(&model, 1).expect("it is small");
        let targets = zone.policies.targets.iter().cloned().map(Arc::new);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self {
            reply,
            targets: targets.collect(),
            kit: ProbeContext::new("fuzz", Vec::new(), Clock::start()),
            runtime: runtime.expect("a runtime"),
        }
    }

    /// Probes once while the endpoint sends these octets; `check` chooses the check.
    pub fn probe(&self, check: u8, reply: &[u8]) -> Observation {
        *self.reply.lock().expect("nobody panics") = reply.to_vec();
        let target = &self.targets[usize::from(check) % self.targets.len()];
        self.runtime.block_on(probe_once(&self.kit, target))
    }
}

fn serve(mut stream: TcpStream, reply: &[u8]) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = [0; 4_096];
    let mut length = 0;
    while !request[..length].ends_with(b"\n") && length < request.len() {
        let count = stream.read(&mut request[length..])?;
        if count == 0 {
            break;
        }
        length += count;
    }
    stream.write_all(reply)?;
    stream.shutdown(Shutdown::Write)?;
    // Until the probe has closed, so that nothing it should read is lost in a reset.
    stream.read(&mut request).map(drop)
}

/// A zone with something for every request of the API.
const ZONE: &str = r#"
zone = "example.com"
[checks.door]
type = "manual"
switches = { blue = true, green = false }
at-least = 1
[checks.gate]
type = "manual"
[checks.backup]
type = "heartbeat"
every = "1h"
[pools]
blue = { check = "door/blue", members = ["192.0.2.1"] }
green = { check = "door/green", members = ["192.0.2.2"] }
rest = { check = "backup", members = ["192.0.2.3", "192.0.2.4"] }
shut = { check = "gate", members = ["192.0.2.5"] }
[names]
"@".NS = "ns.example.net."
www = { failover = ["blue", "green", "rest"], failback = "manual" }
geo = { geo = { EU = "rest", default = "shut" } }
"#;

/// A whole server whose API is asked.
pub struct Api {
    running: Running,
    address: SocketAddr,
    _runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Api {
    /// Starts it on free ports of loopback.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let zones = folder.path().join("zones");
        std::fs::create_dir(&zones).expect("a writable folder");
        std::fs::write(zones.join("example.com.toml"), ZONE).expect("a writable folder");
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = ServerConfig {
            listen: vec![loopback],
            http: Some(loopback),
            zones,
            ..ServerConfig::default()
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let running = runtime.block_on(start(config, Clock::start())).expect("it starts");
        assert_eq!(running.zones().zones.len(), 1, "{:?}", running.zones().findings());
        let address = running.http().expect("control is on");
        Self {
            running,
            address,
            _runtime: runtime,
            _folder: folder,
        }
    }

    /// Sends octets and returns all that comes back.
    pub fn ask(&self, octets: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).expect("the API listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        // The server may have answered and closed before it has read all.
        let _ = stream.write_all(octets);
        let _ = stream.shutdown(Shutdown::Write);
        let mut response = Vec::new();
        let room = u64::try_from(READ_MAX).expect("it fits");
        let read = stream.take(room).read_to_end(&mut response);
        let is_late = read.is_err_and(|cause| cause.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!is_late, "no end of the response after {PATIENCE:?}");
        response
    }

    /// Number of zones that are served.
    pub fn zones(&self) -> usize {
        self.running.zones().zones.len()
    }
}
