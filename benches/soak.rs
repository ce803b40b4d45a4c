//! How fast a flip reaches the wire, and what ten thousand probes cost queries, in one whole server on loopback.
//!
//! `cargo bench --bench soak -- [TARGETS] [NAMES] [FLIPS]`, by default 10,000 HTTP targets at a 10 s interval, 10,000 names
//! on one check and 200 flips. A flip is timed from the moment when the endpoint sends its response to the first
//! changed answer that a client holds, so it is longer than from observation to answer. Everything shares the
//! machine's cores: server, endpoints and clients.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use leeward::admin;
use leeward::clock::Clock;
use leeward::config::server_file::ServerConfig;
use leeward::daemon::{Running, start};

/// Members of one pool.
const MEMBERS: u32 = 50;
/// Time between two steady queries.
const QUERY_GAP: Duration = Duration::from_millis(1);

fn main() {
    let numbers: Vec<u32> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let number = |at: usize, default| numbers.get(at).copied().unwrap_or(default);
    let (targets, names, flips) = (number(0, 10_000), number(1, 10_000), number(2, 200));

    let crowd = answer_all(None);
    let switch = Arc::new(Switch::default());
    let switched = answer_all(Some(Arc::clone(&switch)));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");

    let quiet = serve(&runtime, &zone(0, names, crowd, switched, "1h"));
    wait_for_probes(&quiet, 1);
    println!(
        "queries beside 1 target:       {}",
        steady(&quiet, Duration::from_secs(5))
    );
    runtime.block_on(quiet.stop());

    let running = serve(&runtime, &zone(targets, names, crowd, switched, "100ms"));
    let begun = Instant::now();
    wait_for_probes(&running, u64::from(targets));
    println!(
        "{targets} targets probed once after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    println!(
        "queries beside {targets} targets:  {}",
        steady(&running, Duration::from_secs(12))
    );
    let spans = (0..flips).map(|flip| time_flip(&running, &switch, flip, names));
    println!(
        "flip, response to wire:        {}",
        Figures::of(spans.collect())
    );
    let metrics = admin::get(http(&running), "/metrics").expect("metrics");
    for line in metrics.lines() {
        let shown = [
            "leeward_probe_late_total",
            "leeward_flip_seconds",
            "leeward_probes_total",
            "leeward_transitions",
        ];
        if shown.iter().any(|name| line.starts_with(name)) {
            println!("  {line}");
        }
    }
    runtime.block_on(running.stop());
}

/// Whether the switched endpoint answers well, and when it first said so.
#[derive(Default)]
struct Switch {
    is_bad: AtomicBool,
    turn: AtomicU64,
    told: Mutex<Option<(u64, Instant)>>,
}

/// Answers HTTP on every loopback address of one port; returns the port.
fn answer_all(switch: Option<Arc<Switch>>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
    let port = listener.local_addr().expect("a bound listener").port();
    for _ in 0..2 {
        let listener = listener.try_clone().expect("a descriptor");
        let switch = switch.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
                let _ = stream.read(&mut [0; 1024]);
                let turn = switch
                    .as_ref()
                    .map(|switch| switch.turn.load(Ordering::SeqCst));
                let is_bad = switch
                    .as_ref()
                    .is_some_and(|switch| switch.is_bad.load(Ordering::SeqCst));
                let status = if is_bad { "503 Out" } else { "200 OK" };
                let head =
                    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                if let (Some(switch), Some(turn)) = (&switch, turn) {
                    let mut told = switch.told.lock().expect("no thread panics");
                    if told.is_none_or(|(known, _)| known != turn) {
                        *told = Some((turn, Instant::now()));
                    }
                }
                let _ = stream.write_all(head.as_bytes());
            }
        });
    }
    port
}

fn zone(targets: u32, names: u32, crowd: u16, switched: u16, interval: &str) -> String {
    let mut text = format!(
        "zone = \"soak.example\"\nttl = \"5s\"\n[checks.crowd]\ntype = \"http\"\nport = {crowd}\ninterval = \"10s\"\n\
         [checks.switch]\ntype = \"http\"\nport = {switched}\ninterval = \"{interval}\"\ntimeout = \"90ms\"\nfall = 1\n\
         rise = 1\n[pools.east]\ncheck = \"switch\"\nmembers = [\"127.0.0.1\"]\n[pools.west]\nmembers = [\"192.0.2.2\"]\n"
    );
    for pool in 0..targets.div_ceil(MEMBERS) {
        let size = MEMBERS.min(targets - pool * MEMBERS);
        let member = |number: u32| {
            let at = pool * MEMBERS + number + 1;
            format!("\"127.1.{}.{}\"", at >> 8, at & 255)
        };
        let members: Vec<String> = (0..size).map(member).collect();
        let _ = writeln!(
            text,
            "[pools.p{pool}]\ncheck = \"crowd\"\nmembers = [{}]",
            members.join(", ")
        );
    }
    text.push_str("[names]\n\"@\".NS = \"ns.example.net.\"\nfixed.A = \"192.0.2.7\"\n");
    for pool in 0..targets.div_ceil(MEMBERS) {
        let _ = writeln!(text, "c{pool} = \"p{pool}\"");
    }
    for name in 0..names.max(1) {
        let _ = writeln!(text, "[names.n{name}]\nfailover = [\"east\", \"west\"]");
    }
    text
}

fn serve(runtime: &tokio::runtime::Runtime, zone: &str) -> Running {
    let folder = tempfile::tempdir().expect("a folder").keep();
    std::fs::write(folder.join("soak.toml"), zone).expect("a writable folder");
    let loopback: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let config = ServerConfig {
        listen: vec![loopback],
        http: Some(loopback),
        zones: folder.clone(),
        state: Some(folder.join("state")),
        ..ServerConfig::default()
    };
    let begun = Instant::now();
    let running = runtime
        .block_on(start(config, Clock::start()))
        .expect("the server starts");
    assert_eq!(running.zones().zones.len(), 1, "{}", faults(&running));
    println!("started in {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    running
}

fn faults(running: &Running) -> String {
    let (diagnostics, _) = running.zones().findings();
    let messages = diagnostics
        .iter()
        .take(3)
        .map(|found| found.message.clone());
    messages.collect::<Vec<_>>().join("; ")
}

fn http(running: &Running) -> SocketAddr {
    running.http().expect("control is on")
}

fn wait_for_probes(running: &Running, wanted: u64) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let metrics = admin::get(http(running), "/metrics").expect("metrics");
        let counts = metrics
            .lines()
            .filter(|line| line.starts_with("leeward_probes_total"));
        let total: f64 = counts
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum();
        if total >= wanted as f64 {
            return;
        }
        assert!(Instant::now() < deadline, "{total} probes after a minute");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A client that asks for addresses one after another.
struct Client {
    socket: UdpSocket,
    id: u16,
}

impl Client {
    fn new(running: &Running) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(running.addresses()[0]).expect("a route");
        socket
            .set_read_timeout(Some(Duration::from_secs(1)))
            .expect("a socket");
        Self { socket, id: 0 }
    }

    /// Returns the last octet of the answer; `None` if none came.
    fn ask(&mut self, label: &str) -> Option<u8> {
        self.id = self.id.wrapping_add(1);
        let mut query = Vec::from(self.id.to_be_bytes());
        query.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        for label in [label, "soak", "example"] {
            query.push(u8::try_from(label.len()).expect("a short label"));
            query.extend(label.as_bytes());
        }
        query.extend([0, 0, 1, 0, 1]);
        self.socket.send(&query).ok()?;
        let mut octets = [0; 1232];
        loop {
            let len = self.socket.recv(&mut octets).ok()?;
            if octets[..2] == self.id.to_be_bytes() {
                return Some(octets[len - 1]);
            }
        }
    }
}

/// Asks steadily and tells how long answers took.
fn steady(running: &Running, length: Duration) -> Figures {
    let mut client = Client::new(running);
    let begun = Instant::now();
    let mut spans = Vec::new();
    let mut number = 0_u32;
    while begun.elapsed() < length {
        let sent = Instant::now();
        number = number.wrapping_add(1);
        client
            .ask(&format!("n{}", number % 100))
            .expect("an answer within a second");
        spans.push(sent.elapsed());
        std::thread::sleep(QUERY_GAP);
    }
    Figures::of(spans)
}

/// Turns the switch and asks one of the names until its answer changes.
fn time_flip(running: &Running, switch: &Switch, flip: u32, names: u32) -> Duration {
    let mut client = Client::new(running);
    let label = format!("n{}", flip.wrapping_mul(7_919) % names.max(1));
    let is_bad = flip.is_multiple_of(2);
    let wanted = if is_bad { 2 } else { 1 };
    switch.is_bad.store(is_bad, Ordering::SeqCst);
    let turn = switch.turn.fetch_add(1, Ordering::SeqCst) + 1;
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = client.ask(&label);
        let seen = Instant::now();
        let told = *switch.told.lock().expect("no thread panics");
        if let (Some(answer), Some((told, at))) = (answer, told)
            && answer == wanted
            && told == turn
        {
            return seen.saturating_duration_since(at);
        }
        assert!(seen < deadline, "flip {flip} is not answered");
    }
}

/// The middle, the tail and the worst of some spans.
struct Figures {
    count: usize,
    median: Duration,
    p99: Duration,
    max: Duration,
}

impl Figures {
    fn of(mut spans: Vec<Duration>) -> Self {
        spans.sort_unstable();
        let at = |share: usize| {
            spans
                .get(spans.len().saturating_sub(1) * share / 100)
                .copied()
        };
        Self {
            count: spans.len(),
            median: at(50).unwrap_or_default(),
            p99: at(99).unwrap_or_default(),
            max: at(100).unwrap_or_default(),
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let micros = |span: Duration| span.as_secs_f64() * 1e6;
        let (median, p99, max) = (micros(self.median), micros(self.p99), micros(self.max));
        write!(
            f,
            "{} times, p50 {median:.0} us, p99 {p99:.0} us, max {max:.0} us",
            self.count
        )
    }
}
