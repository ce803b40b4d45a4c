//! CPU, memory and punctuality of checks against one tiny server, and the same checks by a bare hyper client.
//!
//! `cargo bench --bench probe -- compare [PER_SECOND] [SECONDS] [ROUNDS]` runs ours and the bare client in turn and prints
//! medians; `compare-tls` does so for HTTPS, with full handshakes and with resumed sessions. `cargo bench --bench probe --
//! many [TARGETS] [INTERVAL_MS] [SECONDS]` measures ours alone. Server and client are processes of their own, so what
//! is told is the cost of checks alone. Linux only: figures come from `/proc`.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

mod bare;
mod endpoint;
mod figures;
mod ours;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use figures::Figures;

/// What one child measures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) targets: u64,
    pub(crate) interval: Duration,
    pub(crate) length: Duration,
}

/// Names of client and protocol, as children are told them. Without `resumed` the server forgets sessions.
const PLAIN: [&str; 2] = ["ours", "bare"];
const SECURE: [&str; 4] = [
    "ours-tls",
    "bare-tls",
    "ours-tls-resumed",
    "bare-tls-resumed",
];

/// Interval of compared checks: long enough that a target is rarely checked twice in a run, as in life.
const COMPARED_INTERVAL: Duration = Duration::from_secs(5);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--bench")
        .collect();
    let number = |at: usize, default: u64| {
        let written = words.get(at).and_then(|word| word.parse().ok());
        written.unwrap_or(default)
    };
    match words.first().copied() {
        Some("--serve") => endpoint::serve(Path::new(words[1])),
        Some("--measure") => measure(&words[1..]),
        Some("many") | None => {
            let load = Load {
                targets: number(1, 10_000),
                interval: Duration::from_millis(number(2, 10_000)),
                length: Duration::from_secs(number(3, 30)),
            };
            let server = Server::start();
            println!("{load:?}\n{}", server.measure("ours", load));
        }
        Some(word @ ("compare" | "compare-tls")) => {
            let clients: &[&str] = if word == "compare" { &PLAIN } else { &SECURE };
            let load = Load {
                targets: number(1, 2_000) * COMPARED_INTERVAL.as_secs(),
                interval: COMPARED_INTERVAL,
                length: Duration::from_secs(number(2, 10)),
            };
            compare(clients, load, number(3, 3));
        }
        Some(word) => eprintln!("{word:?} is none of compare, compare-tls, many"),
    }
}

/// Runs all clients in turn, several rounds; prints medians and how they compare with the client that follows.
fn compare(clients: &[&str], load: Load, rounds: u64) {
    let server = Server::start();
    let mut all: Vec<Vec<Figures>> = clients.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (client, figures) in clients.iter().zip(&mut all) {
            figures.push(server.measure(client, load));
        }
    }
    let medians: Vec<Figures> = all.into_iter().map(Figures::median).collect();
    for (client, figures) in clients.iter().zip(&medians) {
        println!("{client:>17}: {figures}");
    }
    for (pair, names) in medians.chunks(2).zip(clients.chunks(2)) {
        let ratio = pair[0].cpu_us / pair[1].cpu_us;
        println!("{} / {}: {ratio:.2}", names[0], names[1]);
    }
}

/// The process of the endpoints.
struct Server {
    child: Child,
    plain: SocketAddr,
    forgetful: SocketAddr,
    secure: SocketAddr,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = program()
            .arg("--serve")
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the server");
        let output = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines();
        let mut address = || {
            let line = lines.next().expect("three addresses").expect("readable");
            line.parse().expect("an address")
        };
        Self {
            plain: address(),
            forgetful: address(),
            secure: address(),
            child,
            folder,
        }
    }

    /// Measures one client in a process of its own.
    fn measure(&self, client: &str, load: Load) -> Figures {
        let address = match client.split_once('-') {
            None => self.plain,
            Some((_, "tls")) => self.forgetful,
            Some(_) => self.secure,
        };
        let output = program()
            .args(["--measure", client, &address.to_string()])
            .arg(load.targets.to_string())
            .arg(load.interval.as_millis().to_string())
            .arg(load.length.as_secs().to_string())
            .arg(self.folder.path().join(endpoint::AUTHORITY))
            .stderr(Stdio::inherit())
            .output()
            .expect("run a client");
        let text = String::from_utf8_lossy(&output.stdout);
        Figures::parse(&text).unwrap_or_else(|| panic!("{client} told {text:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Command {
    Command::new(std::env::current_exe().expect("a running program has a file"))
}

/// The child's side: `CLIENT ADDRESS TARGETS INTERVAL_MS SECONDS AUTHORITY`.
fn measure(words: &[&str]) {
    let number = |at: usize| words[at].parse().expect("a number");
    let server = words[1].parse().expect("an address");
    let load = Load {
        targets: number(2),
        interval: Duration::from_millis(number(3)),
        length: Duration::from_secs(number(4)),
    };
    let client = words[0];
    let authority = client
        .contains("tls")
        .then(|| std::fs::read_to_string(words[5]).expect("the server wrote it"));
    let figures = if client.starts_with("ours") {
        ours::measure(server, load, authority)
    } else {
        bare::measure(server, load, authority.as_deref())
    };
    println!("{}", figures.line());
}

/// One loopback address a target, so that local ports are as plentiful as against real targets.
fn target_address(server: SocketAddr, number: u64) -> SocketAddr {
    let [high, middle, low] = [number >> 16, number >> 8, number].map(|part| part as u8);
    ([127, high.wrapping_add(1), middle, low], server.port()).into()
}
