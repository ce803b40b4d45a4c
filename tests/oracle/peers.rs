//! The servers under comparison: NSD, Knot and BIND from their packages, and Leeward, each on an address of its own.
//!
//! In: a folder of master files. Out: running processes that end when dropped. Never here: questions, judgement.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Voice {
    Leeward,
    Nsd,
    Knot,
    Bind,
}

impl Voice {
    /// All of them; ours first.
    pub(crate) const ALL: [Self; 4] = [Self::Leeward, Self::Nsd, Self::Knot, Self::Bind];
    /// The ones that we are compared with.
    pub(crate) const PEERS: [Self; 3] = [Self::Nsd, Self::Knot, Self::Bind];

    /// Name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Leeward => "Leeward",
            Self::Nsd => "NSD",
            Self::Knot => "Knot",
            Self::Bind => "BIND",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Leeward => env!("CARGO_BIN_EXE_leeward"),
            Self::Nsd => "nsd",
            Self::Knot => "knotd",
            Self::Bind => "named",
        }
    }
}

/// A zone as the servers are told of it.
pub(crate) struct Served {
    pub(crate) apex: String,
    pub(crate) file: String,
}

/// One running server.
pub(crate) struct Peer {
    pub(crate) voice: Voice,
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts one server over a folder of master files; its own files go into `folder/<name>`.
pub(crate) fn start(voice: Voice, folder: &Path, zones: &Path, served: &[Served]) -> Peer {
    let own = folder.join(voice.name());
    fs::create_dir_all(&own).expect("a writable folder");
    let address = free_address(voice);
    let text = match voice {
        Voice::Leeward => leeward_file(&own, zones, address),
        Voice::Nsd => nsd_file(&own, zones, address, served),
        Voice::Knot => knot_file(&own, zones, address, served),
        Voice::Bind => bind_file(&own, zones, address, served),
    };
    let file = own.join("server.conf");
    fs::write(&file, text).expect("a writable folder");
    let log = fs::File::create(own.join("log")).expect("a writable folder");
    let mut command = Command::new(voice.program());
    match voice {
        Voice::Leeward => command.args(["serve", "--config"]).arg(&file),
        Voice::Nsd => command.arg("-d").arg("-c").arg(&file),
        Voice::Knot => command.arg("-c").arg(&file),
        Voice::Bind => command.args(["-g", "-n", "1", "-c"]).arg(&file),
    };
    // The programs of daemons lie where only root's PATH leads.
    let path = std::env::var("PATH").unwrap_or_default();
    let child = command
        .env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("an open file"))
        .stderr(log)
        .spawn()
        .unwrap_or_else(|cause| missing(voice, &cause));
    let mut peer = Peer {
        voice,
        address,
        process: child,
    };
    peer.wait_until_it_answers(&own);
    peer
}

fn missing(voice: Voice, cause: &std::io::Error) -> ! {
    panic!(
        "{} cannot be started ({cause}). The comparison needs it: run tests/peers.sh as root to install it, or set \
         LEEWARD_SKIP=peers to go without on purpose",
        voice.name()
    )
}

impl Peer {
    /// Waits until any question gets any answer.
    fn wait_until_it_answers(&mut self, own: &Path) {
        let socket = UdpSocket::bind((loopback(self.voice), 0)).expect("a socket");
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("a socket");
        let deadline = Instant::now() + PATIENCE;
        let (_never, quiet) = mpsc::channel::<()>();
        let query = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x07invalid\0\0\x01\0\x01";
        loop {
            let is_sent = socket.send_to(query, self.address).is_ok();
            let mut room = [0; 512];
            if is_sent && socket.recv(&mut room).is_ok() {
                return;
            }
            let ended = self.process.try_wait().expect("a child of ours");
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(own.join("log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(20).collect();
                panic!("{} does not answer: {}", self.voice.name(), tail.join("\n"));
            }
            let _ = quiet.recv_timeout(Duration::from_millis(20));
        }
    }
}

fn loopback(voice: Voice) -> IpAddr {
    let (third, last) = match voice {
        Voice::Leeward => (3, 11),
        Voice::Nsd => (3, 12),
        Voice::Knot => (3, 13),
        // BIND listens only on addresses that an interface has.
        Voice::Bind => (0, 1),
    };
    IpAddr::V4(Ipv4Addr::new(127, 0, third, last))
}

/// Finds a port that is free for UDP and TCP.
fn free_address(voice: Voice) -> SocketAddr {
    for _ in 0..100 {
        let socket = UdpSocket::bind((loopback(voice), 0)).expect("loopback has free ports");
        let address = socket.local_addr().expect("a bound socket");
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free for UDP and TCP at {}", loopback(voice));
}

/// Large answers go out as peers send them, without the bound that a client without cookie meets.
fn leeward_file(own: &Path, zones: &Path, address: SocketAddr) -> String {
    format!(
        "listen = [\"{address}\"]\nzones = {zones:?}\nstate = {own:?}\nworkers = 1\nhttp = false\n[udp]\namplification-max = 0\n"
    )
}

fn nsd_file(own: &Path, zones: &Path, address: SocketAddr, served: &[Served]) -> String {
    let own = own.display();
    let mut text = format!(
        "server:\n ip-address: {}@{}\n port: {}\n zonesdir: \"{}\"\n database: \"\"\n username: \"\"\n pidfile: \
         \"{own}/pid\"\n xfrdfile: \"{own}/xfrd\"\n zonelistfile: \"{own}/list\"\n xfrdir: \"{own}\"\n rrl-ratelimit: 0\n \
         rrl-whitelist-ratelimit: 0\n server-count: 1\n ipv4-edns-size: 1232\n minimal-responses: yes\n refuse-any: no\n \
         tcp-count: 200\n verbosity: 0\n hide-version: yes\n hide-identity: yes\nremote-control:\n control-enable: no\n",
        address.ip(),
        address.port(),
        address.port(),
        zones.display(),
    );
    for zone in served {
        write!(
            text,
            "zone:\n name: {:?}\n zonefile: {:?}\n",
            zone.apex, zone.file
        )
        .expect("room");
    }
    text
}

fn knot_file(own: &Path, zones: &Path, address: SocketAddr, served: &[Served]) -> String {
    let own = own.display();
    let mut text = format!(
        "server:\n  rundir: \"{own}\"\n  listen: \"{}@{}\"\n  udp-max-payload: 1232\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\nlog:\n - target: stderr\n   any: error\ndatabase:\n  storage: \"{own}\"\ntemplate:\n - id: \
         default\n   storage: \"{}\"\n   journal-content: none\n   zonefile-load: whole\n   zonefile-sync: -1\n   \
         semantic-checks: off\nzone:\n",
        address.ip(),
        address.port(),
        zones.display(),
    );
    for zone in served {
        write!(
            text,
            " - domain: {:?}\n   file: {:?}\n",
            zone.apex, zone.file
        )
        .expect("room");
    }
    text
}

fn bind_file(own: &Path, zones: &Path, address: SocketAddr, served: &[Served]) -> String {
    let own = own.display();
    let mut text = format!(
        "options {{ directory \"{}\"; listen-on port {} {{ {}; }}; listen-on-v6 {{ none; }}; recursion no; pid-file \
         \"{own}/pid\"; session-keyfile \"{own}/session.key\"; lock-file none; minimal-responses no-auth; minimal-any \
         yes; dnssec-validation no; notify no; max-udp-size 1232; edns-udp-size 1232; allow-transfer {{ none; }}; \
         check-names primary ignore; check-mx ignore; check-integrity no; check-sibling no; check-wildcard no; \
         check-mx-cname ignore; check-srv-cname ignore; check-dup-records ignore; check-spf ignore; \
         empty-zones-enable no; managed-keys-directory \"{own}\"; }};\ncontrols {{}};\n",
        zones.display(),
        address.port(),
        address.ip(),
    );
    for zone in served {
        writeln!(
            text,
            "zone {:?} {{ type primary; file {:?}; }};",
            zone.apex, zone.file
        )
        .expect("room");
    }
    text
}
