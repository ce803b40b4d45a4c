//! The servers: how each is set up, started, found ready, charged and stopped.
//!
//! In: the scene. Out: a running server, its ports, and the CPU time of all its processes.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Port;
use super::scene::{APEX, Questions, Scene};

/// How long a server may take until its first answer.
const START_MAX: Duration = Duration::from_secs(30);

/// Clock ticks a second of `/proc/PID/stat` on every Linux that we run on.
const TICKS: f64 = 100.0;

/// A server that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerKind {
    Leeward,
    Knot,
    Pdns,
    Nsd,
    Bind,
    /// A proxy, in front of Leeward over UDP; only the proxy's own time counts.
    Dnsdist,
}

pub(crate) const SERVERS: [ServerKind; 6] = [
    ServerKind::Leeward,
    ServerKind::Knot,
    ServerKind::Pdns,
    ServerKind::Nsd,
    ServerKind::Bind,
    ServerKind::Dnsdist,
];

impl ServerKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Leeward => "leeward",
            Self::Knot => "knot",
            Self::Pdns => "pdns",
            Self::Nsd => "nsd",
            Self::Bind => "bind",
            Self::Dnsdist => "dnsdist",
        }
    }

    /// Says whether the packaged version has a transport.
    pub(crate) fn speaks(self, port: Port) -> bool {
        match self {
            Self::Leeward => true,
            Self::Knot | Self::Pdns => port == Port::Plain,
            Self::Nsd => matches!(port, Port::Plain | Port::Tls),
            Self::Bind | Self::Dnsdist => matches!(port, Port::Plain | Port::Tls | Port::Https),
        }
    }
}

/// CPU seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    pub(crate) user: f64,
    pub(crate) system: f64,
}

impl Cpu {
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user - earlier.user,
            system: self.system - earlier.system,
        }
    }

    pub(crate) fn sum(self) -> f64 {
        self.user + self.system
    }
}

/// Ports of one server.
#[derive(Clone, Copy, Debug)]
struct Ports {
    plain: u16,
    tls: u16,
    https: u16,
    quic: u16,
}

impl Ports {
    /// Asks the system for free ones, which others might take before the server does: that run fails then.
    fn draw() -> Self {
        let held: Vec<_> = (0..4)
            .map(|_| TcpListener::bind("127.0.0.1:0").expect("loopback is free"))
            .collect();
        let port = |at: usize| held[at].local_addr().expect("an address").port();
        Self {
            plain: port(0),
            tls: port(1),
            https: port(2),
            quic: port(3),
        }
    }
}

/// A server that answers.
pub(crate) struct Running {
    child: Child,
    ports: Ports,
    /// Whom a proxy asks.
    behind: Option<Box<Self>>,
    _folder: TempDir,
}

impl Running {
    pub(crate) fn start(kind: ServerKind, scene: &Scene, program: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let ports = Ports::draw();
        let behind = match kind {
            ServerKind::Dnsdist => {
                Some(Box::new(Self::start(ServerKind::Leeward, scene, program)?))
            }
            _ => None,
        };
        let site = Site {
            folder: folder.path(),
            ports,
            scene,
        };
        let command = match kind {
            ServerKind::Leeward => site.leeward(program),
            ServerKind::Knot => site.knot(),
            ServerKind::Pdns => site.pdns(),
            ServerKind::Nsd => site.nsd(),
            ServerKind::Bind => site.bind(),
            ServerKind::Dnsdist => site.dnsdist(behind.as_ref().expect("just started").ports.plain),
        };
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let child = Command::new("taskset")
            .args(["-c", "0"])
            .args(&command)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .map_err(|cause| format!("{}: {cause}", command[0]))?;
        let mut running = Self {
            child,
            ports,
            behind,
            _folder: folder,
        };
        running.wait_until_ready()?;
        Ok(running)
    }

    pub(crate) fn address(&self, port: Port) -> SocketAddr {
        let port = match port {
            Port::Plain => self.ports.plain,
            Port::Tls => self.ports.tls,
            Port::Https => self.ports.https,
            Port::Quic => self.ports.quic,
        };
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// Adds up what the server's processes have used so far.
    pub(crate) fn cpu(&self) -> Cpu {
        family(self.child.id())
            .into_iter()
            .filter_map(times)
            .fold(Cpu::default(), |sum, one| Cpu {
                user: sum.user + one.user,
                system: sum.system + one.system,
            })
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START_MAX;
        let address = self.address(Port::Plain);
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                let log = std::fs::read_to_string(self._folder.path().join("log"));
                return Err(format!("ended: {status}: {}", log.unwrap_or_default()));
            }
            if is_answering(address) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err("does not answer".to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").arg(&id).output();
        let deadline = Instant::now() + Duration::from_secs(8);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.behind = None;
    }
}

/// Asks once over TCP for a name that is in the zone.
fn is_answering(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let (questions, mut query) = (Questions::new(1), Vec::new());
    questions.write_framed(&mut query);
    let mut length = [0; 2];
    if stream.write_all(&query).is_err() || stream.read_exact(&mut length).is_err() {
        return false;
    }
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    if stream.read_exact(&mut answer).is_err() {
        return false;
    }
    questions.count(&answer);
    questions.answered() == 1
}

/// Finds a process and all that descend from it.
fn family(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let entries = std::fs::read_dir("/proc").expect("Linux");
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    for id in ids {
        if let Some(fields) = stat(id)
            && let Some(parent) = fields.get(1).and_then(|text| text.parse().ok())
        {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while let Some(id) = found.get(at) {
        found.extend(children.remove(id).unwrap_or_default());
        at += 1;
    }
    found
}

/// Reads the fields of `/proc/PID/stat` from the third on.
fn stat(id: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn times(id: u32) -> Option<Cpu> {
    let fields = stat(id)?;
    let seconds = |at: usize| Some(fields.get(at)?.parse::<f64>().ok()? / TICKS);
    Some(Cpu {
        user: seconds(11)?,
        system: seconds(12)?,
    })
}

/// Where one server's files go.
struct Site<'a> {
    folder: &'a Path,
    ports: Ports,
    scene: &'a Scene,
}

impl Site<'_> {
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).expect("a file");
        show(path)
    }

    fn certificate(&self) -> (String, String) {
        let path = |name| show(self.scene.path(name));
        (path("chain.pem"), path("key.pem"))
    }

    fn leeward(&self, program: &str) -> Vec<String> {
        let (chain, key) = self.certificate();
        let Ports {
            plain,
            tls,
            https,
            quic,
        } = self.ports;
        let zones = show(self.scene.path("zones"));
        let file = self.write(
            "leeward.toml",
            &format!(
                "listen = [\"127.0.0.1:{plain}\"]\nzones = \"{zones}\"\nworkers = 1\n\
                 [tls]\nlisten = [\"127.0.0.1:{tls}\"]\ncertificate = \"{chain}\"\nkey = \"{key}\"\n\
                 [https]\nlisten = [\"127.0.0.1:{https}\"]\n[quic]\nlisten = [\"127.0.0.1:{quic}\"]\n"
            ),
        );
        words(&[program, "serve", "--config", &file])
    }

    fn knot(&self) -> Vec<String> {
        let folder = self.folder.display();
        let (plain, zone) = (self.ports.plain, show(self.scene.zone()));
        let file = self.write(
            "knot.conf",
            &format!(
                "server:\n  rundir: \"{folder}\"\n  listen: 127.0.0.1@{plain}\n  udp-workers: 1\n  tcp-workers: 1\n  \
                 background-workers: 1\n  tcp-max-clients: 1000\ndatabase:\n  storage: \"{folder}/db\"\n\
                 log:\n  - target: stderr\n    any: warning\n\
                 template:\n  - id: default\n    journal-content: none\n    zonefile-sync: -1\n\
                 zone:\n  - domain: {APEX}\n    file: \"{zone}\"\n"
            ),
        );
        words(&["/usr/sbin/knotd", "-c", &file])
    }

    fn pdns(&self) -> Vec<String> {
        let folder = self.folder.display();
        let (plain, zone) = (self.ports.plain, show(self.scene.zone()));
        let zones = self.write(
            "named.conf",
            &format!("zone \"{APEX}\" {{ type master; file \"{zone}\"; }};\n"),
        );
        self.write(
            "pdns.conf",
            &format!(
                "launch=bind\nbind-config={zones}\nlocal-address=127.0.0.1\nlocal-port={plain}\nsocket-dir={folder}\n\
                 receiver-threads=1\ndistributor-threads=1\nmax-tcp-connections=1000\ndaemon=no\nguardian=no\n\
                 loglevel=3\nlog-dns-queries=no\nsecurity-poll-suffix=\n"
            ),
        );
        words(&["/usr/sbin/pdns_server", &format!("--config-dir={folder}")])
    }

    fn nsd(&self) -> Vec<String> {
        let folder = self.folder.display();
        let (chain, key) = self.certificate();
        let (plain, tls, zone) = (self.ports.plain, self.ports.tls, show(self.scene.zone()));
        let file = self.write(
            "nsd.conf",
            &format!(
                "server:\n  ip-address: 127.0.0.1@{plain}\n  ip-address: 127.0.0.1@{tls}\n  tls-port: {tls}\n  \
                 tls-service-pem: \"{chain}\"\n  tls-service-key: \"{key}\"\n  server-count: 1\n  tcp-count: 1000\n  \
                 username: \"\"\n  database: \"\"\n  zonesdir: \"{folder}\"\n  pidfile: \"{folder}/nsd.pid\"\n  \
                 xfrdfile: \"{folder}/xfrd.state\"\n  zonelistfile: \"{folder}/zone.list\"\n  xfrdir: \"{folder}\"\n  \
                 rrl-ratelimit: 0\nremote-control:\n  control-enable: no\nzone:\n  name: {APEX}\n  zonefile: \"{zone}\"\n"
            ),
        );
        words(&["/usr/sbin/nsd", "-d", "-c", &file])
    }

    fn bind(&self) -> Vec<String> {
        let folder = self.folder.display();
        let (chain, key) = self.certificate();
        let Ports {
            plain, tls, https, ..
        } = self.ports;
        let zone = show(self.scene.zone());
        let file = self.write(
            "named.conf",
            &format!(
                "tls own {{ cert-file \"{chain}\"; key-file \"{key}\"; }};\n\
                 http own {{ endpoints {{ \"/dns-query\"; }}; }};\n\
                 options {{ directory \"{folder}\"; listen-on port {plain} {{ 127.0.0.1; }};\n\
                 listen-on port {tls} tls own {{ 127.0.0.1; }};\n\
                 listen-on port {https} tls own http own {{ 127.0.0.1; }};\n\
                 listen-on-v6 {{ none; }}; pid-file \"{folder}/named.pid\"; session-keyfile \"{folder}/session.key\";\n\
                 recursion no; querylog no; notify no; dnssec-validation no; tcp-clients 1000; }};\n\
                 controls {{ }};\nzone \"{APEX}\" {{ type primary; file \"{zone}\"; }};\n"
            ),
        );
        words(&["/usr/sbin/named", "-f", "-n", "1", "-c", &file])
    }

    fn dnsdist(&self, behind: u16) -> Vec<String> {
        let (chain, key) = self.certificate();
        let Ports {
            plain, tls, https, ..
        } = self.ports;
        let file = self.write(
            "dnsdist.conf",
            &format!(
                "setSecurityPollSuffix('')\nsetACL({{'127.0.0.0/8'}})\naddLocal('127.0.0.1:{plain}')\n\
                 addTLSLocal('127.0.0.1:{tls}', '{chain}', '{key}')\n\
                 addDOHLocal('127.0.0.1:{https}', '{chain}', '{key}', '/dns-query')\n\
                 newServer({{address='127.0.0.1:{behind}', healthCheckMode='up'}})\n\
                 setMaxTCPClientThreads(1)\n"
            ),
        );
        words(&["dnsdist", "--supervised", "--disable-syslog", "-C", &file])
    }
}

fn show(path: PathBuf) -> String {
    path.into_os_string().into_string().expect("plain text")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
