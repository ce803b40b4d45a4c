//! What thousands of checks a second cost the queries that are answered beside them, in one whole server on loopback.
//!
//! `cargo bench --bench beside -- [CHECKS_A_SECOND] [QUERIES_A_SECOND] [SECONDS] [ROUNDS]`, by default 2,000, 20,000, 10
//! and 3. Each round measures the server without checks and then with them; endpoints are a process of their own, but
//! server, endpoints and clients share the machine's cores. CPU is told by thread: probes apart from all others.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

mod client;
#[path = "../probe/endpoint.rs"]
mod endpoint;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use leeward::admin;
use leeward::clock::Clock;
use leeward::config::server_file::ServerConfig;
use leeward::daemon::{Running, start};

use client::Answers;

/// Time between two checks of a target.
const INTERVAL_SECS: u64 = 5;

/// Members of one pool.
const MEMBERS: u64 = 50;

/// Names that are asked for.
const NAMES: u64 = 1_000;

/// Time before measuring: two intervals, so that checks have found their places.
const WARM: Duration = Duration::from_secs(2 * INTERVAL_SECS);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [serve, folder] = arguments.as_slice()
        && serve == "--serve"
    {
        return endpoint::serve(Path::new(folder));
    }
    let numbers: Vec<u64> = arguments
        .iter()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let number = |at: usize, default| numbers.get(at).copied().unwrap_or(default);
    let (checks, queries) = (number(0, 2_000), number(1, 20_000));
    let length = Duration::from_secs(number(2, 10));

    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Command::new(std::env::current_exe().expect("a running program has a file"))
        .arg("--serve")
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start the endpoints");
    let mut output = BufReader::new(server.stdout.take().expect("it is piped"));
    let mut line = String::new();
    output
        .read_line(&mut line)
        .expect("the endpoints tell their address");
    let port = line.trim().parse::<SocketAddr>().expect("one").port();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    for _ in 0..number(3, 3) {
        for rate in [0, checks] {
            let running = serve(&runtime, &zone(rate * INTERVAL_SECS, port));
            if rate > 0 {
                std::thread::sleep(WARM);
            }
            print_one(&running, rate, queries, length);
            runtime.block_on(running.stop());
        }
    }
    server.kill().expect("stop the endpoints");
    server.wait().expect("they have stopped");
    // Until here, since endpoints tell more addresses than one.
    drop(output);
}

fn print_one(running: &Running, rate: u64, queries: u64, length: Duration) {
    let (cpu, probes) = (cpu_by_thread(), count(running, "leeward_probes_total"));
    let late = count(running, "leeward_probe_late_total");
    let good = count_with(running, "leeward_probes_total", "outcome=\"good\"");
    let answers = client::ask(running.addresses()[0], queries, NAMES, length);
    let after = cpu_by_thread();
    let probes = count(running, "leeward_probes_total") - probes;
    let late = count(running, "leeward_probe_late_total") - late;
    let good = count_with(running, "leeward_probes_total", "outcome=\"good\"") - good;
    let used = |name: &str| {
        let nanos = |cpu: &HashMap<String, u64>| cpu.get(name).copied().unwrap_or_default();
        (nanos(&after).saturating_sub(nanos(&cpu))) as f64
    };
    let Answers {
        asked,
        answered,
        p50,
        p99,
        p999,
    } = answers;
    println!(
        "{rate:>6} checks/s: {asked} queries, {answered} answered, p50 {p50:.0} us, p99 {p99:.0} us, p99.9 {p999:.0} us; \
         {probes:.0} checks, {good:.0} good, {late:.0} late, {:.1} us CPU each in their threads, {:.0} % of a core",
        used("probe") / 1e3 / probes.max(1.0),
        used("probe") / 1e7 / length.as_secs_f64()
    );
}

/// A zone of names that are asked for, and of pools that are checked.
fn zone(targets: u64, port: u16) -> String {
    let mut text = format!(
        "zone = \"beside.example\"\nttl = \"5s\"\n[checks.crowd]\ntype = \"http\"\nport = {port}\npath = \"/healthz\"\n\
         interval = \"{INTERVAL_SECS}s\"\ntimeout = \"3s\"\n"
    );
    for pool in 0..targets.div_ceil(MEMBERS) {
        let member = |number: u64| {
            let at = pool * MEMBERS + number + 1;
            format!("\"127.{}.{}.{}\"", 1 + (at >> 16), at >> 8 & 255, at & 255)
        };
        let members: Vec<String> = (0..MEMBERS).map(member).collect();
        let list = members.join(", ");
        let _ = writeln!(
            text,
            "[pools.p{pool}]\ncheck = \"crowd\"\nmembers = [{list}]"
        );
    }
    text.push_str("[names]\n\"@\".NS = \"ns.example.net.\"\n");
    for pool in 0..targets.div_ceil(MEMBERS) {
        let _ = writeln!(text, "c{pool} = \"p{pool}\"");
    }
    for name in 0..NAMES {
        let _ = writeln!(text, "n{name}.A = \"192.0.2.7\"");
    }
    text
}

fn serve(runtime: &tokio::runtime::Runtime, zone: &str) -> Running {
    let folder = tempfile::tempdir().expect("a folder").keep();
    std::fs::write(folder.join("beside.toml"), zone).expect("a writable folder");
    let loopback: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let config = ServerConfig {
        listen: vec![loopback],
        http: Some(loopback),
        zones: folder,
        ..ServerConfig::default()
    };
    let running = runtime
        .block_on(start(config, Clock::start()))
        .expect("the server starts");
    assert_eq!(running.zones().zones.len(), 1, "the zone has a fault");
    running
}

/// Sums a counter over its labels.
fn count(running: &Running, name: &str) -> f64 {
    count_with(running, name, "")
}

/// Sums the series of a name that have a label.
fn count_with(running: &Running, name: &str, label: &str) -> f64 {
    let http = running.http().expect("control is on");
    let metrics = admin::get(http, "/metrics").expect("metrics");
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    lines
        .filter(|line| line.contains(label))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum()
}

/// CPU nanoseconds of this process' threads, by the first part of their names.
fn cpu_by_thread() -> HashMap<String, u64> {
    let mut sums = HashMap::new();
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux");
    for thread in threads.flatten() {
        let read = |file| std::fs::read_to_string(thread.path().join(file)).unwrap_or_default();
        let name = read("comm");
        let name = name.trim().split('-').next().unwrap_or_default().to_owned();
        let nanos: u64 = read("schedstat")
            .split(' ')
            .next()
            .and_then(|number| number.parse().ok())
            .unwrap_or_default();
        *sums.entry(name).or_default() += nanos;
    }
    sums
}
