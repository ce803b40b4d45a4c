//! Whether targets that hang delay good ones: one whole server with 1,000 good targets at a 1 s interval, once alone, once
//! beside 10,000 targets that hang, 1,000 names whose server is silent and 100 commands that take a minute.
//!
//! `cargo bench --bench fairness -- [GOOD] [HANGING] [NAMES] [COMMANDS] [SECONDS] [FALLS] [ROUNDS]`. Endpoints are a process of
//! their own and note when each request comes; a target's requests should be one second apart, and whatever one of them is
//! behind the most punctual is told as late. A fall is timed from the moment when an endpoint begins to answer 503 to the
//! first changed answer. Half of the hanging targets accept and never answer, half do not even accept; all at an interval and
//! a timeout of 10 s, the worst there is. Linux only.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

mod endpoints;
mod zones;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use leeward::admin;
use leeward::clock::Clock;
use leeward::config::server_file::{ExecSettings, ResolverSettings, ServerConfig};
use leeward::daemon::{COMMANDS_VERB, Running, start};
use leeward::probe::serve_commands;
use leeward::server::raise_descriptor_limit;

use zones::Size;

/// Time before anything is measured: every hanging target is under way then, and every name was tried.
const WARM: Duration = Duration::from_secs(20);
/// Longest wait for an answer to change.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--endpoints") => return endpoints::serve(),
        Some(COMMANDS_VERB) => {
            let owned = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned().expect("a pipe");
            use std::os::fd::AsFd as _;
            let (input, output) = (std::io::stdin(), std::io::stdout());
            serve_commands(owned(input.as_fd()), owned(output.as_fd())).expect("two pipes");
            return;
        }
        _ => {}
    }
    let numbers: Vec<u32> = arguments
        .iter()
        .filter_map(|word| word.parse().ok())
        .collect();
    let number = |at: usize, default| numbers.get(at).copied().unwrap_or(default);
    let size = Size {
        good: number(0, 1_000),
        hanging: number(1, 10_000),
        names: number(2, 1_000),
        commands: number(3, 100),
    };
    let (length, falls) = (Duration::from_secs(number(4, 30).into()), number(5, 20));
    let alone = Size {
        good: size.good,
        ..Size::default()
    };
    let limit = raise_descriptor_limit().expect("a limit");
    println!("{limit} descriptors; {size:?}");
    for round in 0..number(6, 1) {
        for (title, size) in [("alone", alone), ("beside", size)] {
            println!("round {round}, {title}:");
            measure(size, length, falls);
        }
    }
}

fn measure(size: Size, length: Duration, falls: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut endpoints = Endpoints::start();
    let idle_kib = resident_kib();
    let running = serve(&runtime, &endpoints, size);
    std::thread::sleep(WARM);
    endpoints.tell("reset");
    std::thread::sleep(length);
    println!("  requests: {}", endpoints.ask("report"));
    let mut spans = Vec::new();
    for fall in 0..falls {
        spans.push(time_fall(&running, &mut endpoints, fall % zones::VICTIMS));
    }
    spans.sort_unstable();
    if let (Some(first), Some(last)) = (spans.first(), spans.last()) {
        let median = spans[spans.len() / 2];
        println!("  falls: {falls}, median {median:.0?}, {first:.0?} to {last:.0?}");
    }
    let metrics = admin::get(running.http().expect("control is on"), "/metrics");
    let shown = [
        "leeward_probe_late_total",
        "leeward_probes_skipped_total",
        "leeward_probes_crowded_total",
        "leeward_probes_waiting",
        "leeward_probe_places",
        "leeward_names{",
        "leeward_alarms{",
        "leeward_probes_total{zone=\"good",
    ];
    for line in metrics.expect("metrics").lines() {
        if shown.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0") {
            println!("    {line}");
        }
    }
    let grown = resident_kib().saturating_sub(idle_kib);
    println!("  memory: {grown} KiB more than at rest");
    runtime.block_on(running.stop());
}

fn serve(runtime: &tokio::runtime::Runtime, endpoints: &Endpoints, size: Size) -> Running {
    let folder = tempfile::tempdir().expect("a folder").keep();
    for (name, text) in zones::texts(size, &endpoints.ports) {
        std::fs::write(folder.join(name), text).expect("a writable folder");
    }
    let loopback: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let config = ServerConfig {
        listen: vec![loopback],
        http: Some(loopback),
        zones: folder,
        exec: ExecSettings {
            allow: vec!["/bin/sleep".into()],
            ..ExecSettings::default()
        },
        resolver: ResolverSettings {
            servers: vec![([127, 0, 0, 1], endpoints.ports.resolver).into()],
            ..ResolverSettings::default()
        },
        ..ServerConfig::default()
    };
    let running = runtime
        .block_on(start(config, Clock::start()))
        .expect("the server starts");
    let (diagnostics, _) = running.zones().findings();
    let messages = diagnostics
        .iter()
        .take(3)
        .map(|found| found.message.clone());
    let faults: Vec<String> = messages.collect();
    let count = if size.hanging + size.names + size.commands == 0 {
        1
    } else {
        4
    };
    assert_eq!(running.zones().zones.len(), count, "{faults:?}");
    running
}

/// Lets an endpoint answer 503 and waits until its name is answered otherwise, then heals it again.
fn time_fall(running: &Running, endpoints: &mut Endpoints, victim: u32) -> Duration {
    let (mut client, address) = (Client::new(running), zones::victim(victim));
    let label = format!("v{victim}");
    let last = address.octets()[3];
    client.wait_for(&label, |octet| octet == last);
    let begun = Instant::now();
    endpoints.tell(&format!("bad {address}"));
    client.wait_for(&label, |octet| octet != last);
    let span = begun.elapsed();
    endpoints.tell(&format!("good {address}"));
    span
}

/// The process of the endpoints.
struct Endpoints {
    child: Child,
    input: ChildStdin,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    ports: zones::Ports,
}

impl Endpoints {
    fn start() -> Self {
        let mut child =
            Command::new(std::env::current_exe().expect("a running program has a file"))
                .arg("--endpoints")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("start the endpoints");
        let input = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines();
        let first = lines.next().expect("ports").expect("readable");
        let mut ports = first.split(' ').map(|word| word.parse().expect("a port"));
        let mut port = || ports.next().expect("four ports");
        Self {
            ports: zones::Ports {
                good: port(),
                mute: port(),
                deaf: port(),
                resolver: port(),
            },
            child,
            input,
            lines,
        }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the endpoints live");
    }

    fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.lines.next().expect("an answer").expect("readable")
    }
}

impl Drop for Endpoints {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that asks for addresses.
struct Client {
    socket: UdpSocket,
    id: u16,
}

impl Client {
    fn new(running: &Running) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(running.addresses()[0]).expect("a route");
        let wait = Some(Duration::from_secs(1));
        socket.set_read_timeout(wait).expect("a socket");
        Self { socket, id: 0 }
    }

    /// Asks until the last octet of the answer is as wanted.
    fn wait_for(&mut self, label: &str, is_wanted: impl Fn(u8) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !self.ask(label).is_some_and(&is_wanted) {
            assert!(
                Instant::now() < deadline,
                "{label} is not answered as it should"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn ask(&mut self, label: &str) -> Option<u8> {
        self.id = self.id.wrapping_add(1);
        let mut query = Vec::from(self.id.to_be_bytes());
        query.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        for label in [label, "good", "example"] {
            query.push(u8::try_from(label.len()).expect("a short label"));
            query.extend(label.as_bytes());
        }
        query.extend([0, 0, 1, 0, 1]);
        self.socket.send(&query).ok()?;
        let mut octets = [0; 1232];
        loop {
            let length = self.socket.recv(&mut octets).ok()?;
            if octets[..2] == self.id.to_be_bytes() {
                return Some(octets[length - 1]);
            }
        }
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.expect("a line with a number")
}
