//! CPU, memory and punctuality of many HTTP checks against one tiny server.
//!
//! `cargo bench --bench probe -- [TARGETS] [INTERVAL_MS] [SECONDS] [THREADS]`, by default 10,000 targets, 10 s, 30 s, 1. The server is a
//! process of its own, so what is told is the cost of the prober alone. Linux only: figures come from `/proc`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::Duration;

use leeward::clock::{Clock, Moment};
use leeward::health::{
    Damping, Endpoint, HttpProbe, ProbeKind, ProbeRecipe, Target, Targets, Timeout,
};
use leeward::probe::{ProbeConfig, Prober};
use tokio::sync::mpsc;

const SERVE: &str = "--serve";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == SERVE) {
        return serve();
    }
    let mut numbers = arguments
        .iter()
        .filter_map(|argument| argument.parse().ok());
    let targets = numbers.next().unwrap_or(10_000);
    let interval = Duration::from_millis(numbers.next().unwrap_or(10_000));
    let length = Duration::from_secs(numbers.next().unwrap_or(30));

    let mut server = Command::new(std::env::current_exe().expect("a running program has a file"))
        .arg(SERVE)
        .stdout(Stdio::piped())
        .spawn()
        .expect("start the server");
    let mut line = String::new();
    let output = server.stdout.take().expect("it is piped");
    BufReader::new(output)
        .read_line(&mut line)
        .expect("the server tells its address");
    let address = line.trim().parse().expect("an address");
    let mut builder = match numbers.next() {
        Some(threads @ 2..) => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(threads as usize);
            builder
        }
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build().expect("a runtime");
    runtime.block_on(measure(address, targets, interval, length));
    server.kill().expect("stop the server");
    server.wait().expect("the server has stopped");
}

async fn measure(server: SocketAddr, count: u64, interval: Duration, length: Duration) {
    let clock = Clock::start();
    let mut table = Targets::default();
    let idle_kib = resident_kib();
    let wanted = (0..count).map(|number| target(server, number, interval));
    let changes = table.reconcile(wanted, clock.now());
    let (sink, mut reports) = mpsc::channel(1024);
    let handle = Prober::start(ProbeConfig::default(), sink, clock, std::future::pending());
    handle.update(changes.added, changes.removed);
    let warm = clock.now().after(interval);
    let mut begin: Option<(Moment, Duration, u64)> = None;
    let counters = handle.counters();
    while let Some(report) = reports.recv().await {
        let now = clock.now();
        table.observe(report.target, report.observation, now);
        match begin {
            None if now >= warm => begin = Some((now, cpu_time(), counters.read().started)),
            Some((since, cpu, started)) if now.since(since) >= length => {
                let counts = counters.read();
                let probes = counts.started - started;
                let used = cpu_time() - cpu;
                let per_probe = used / u32::try_from(probes.max(1)).expect("not that many");
                println!("{count} targets every {interval:?}, {length:?}:");
                println!("  {probes} probes, {per_probe:?} CPU each");
                println!(
                    "  {:.1} % of a core",
                    100.0 * used.as_secs_f64() / length.as_secs_f64()
                );
                println!(
                    "  {} KiB a target",
                    (resident_kib() - idle_kib) as f64 / count as f64
                );
                println!("  {counts:?}");
                return;
            }
            _ => {}
        }
    }
}

fn target(server: SocketAddr, number: u64, interval: Duration) -> Target {
    // One loopback address a target, so that local ports are as plentiful as against real targets.
    let [high, middle, low] = [number >> 16, number >> 8, number].map(|part| part as u8);
    Target {
        probe: ProbeRecipe {
            endpoint: Endpoint::Address(IpAddr::from([127, high.wrapping_add(1), middle, low])),
            port: server.port(),
            kind: ProbeKind::Http(HttpProbe {
                tls: None,
                method: "GET".into(),
                path: "/healthz".into(),
                host: "www.example.com".into(),
                headers: vec![],
                status: vec![(200, 299)],
                contains: Some("ready".into()),
                regex: None,
                follow_redirects: 0,
                days_left: 0,
            }),
            interval,
            timeout: Timeout::Whole(interval.min(Duration::from_secs(3))),
            watch: false,
        },
        damping: Damping {
            rise: 2,
            fall: 3,
            forgive: 1,
            degraded: None,
        },
    }
}

/// Answers every connection on every loopback address, a few at once: a client that is slow to send must not fill the
/// queue of the listener.
fn serve() {
    let listener = TcpListener::bind("0.0.0.0:0").expect("bind");
    println!("{}", listener.local_addr().expect("it is bound"));
    std::thread::scope(|scope| {
        for _ in 0..SERVER_THREADS {
            scope.spawn(|| answer(&listener));
        }
    });
}

const SERVER_THREADS: usize = 64;

fn answer(listener: &TcpListener) {
    let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nready";
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(reply);
    }
}

/// CPU time of this process. The kernel counts in hundredths of a second.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
    let ticks: u64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.expect("a line with a number")
}
