//! The lab as a newcomer runs it: regions, server, parent zone and resolver in one process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::wait::PATIENCE;

/// Pairs of ports that are tried; each try ends at once if a port of the many is taken.
const TRIES_MAX: usize = 20;

/// Finds a port that is free for TCP and, most likely, for UDP and above.
fn some_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is free");
    // Below the ports that the system gives away itself, so that no other test is in the way.
    listener.local_addr().expect("bound").port() / 2
}

/// A lab that runs.
struct Lab {
    process: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    port: u16,
}

impl Lab {
    /// Starts a lab on whatever ports are free.
    fn start() -> Self {
        for _ in 0..TRIES_MAX {
            let (port, http) = (some_port().max(1_024), some_port().max(1_024));
            let mut process = Command::new(env!("CARGO_BIN_EXE_leeward"))
                .args([
                    "lab",
                    "--port",
                    &port.to_string(),
                    "--http",
                    &http.to_string(),
                ])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("the program runs");
            let input = process.stdin.take().expect("a pipe");
            let output = BufReader::new(process.stdout.take().expect("a pipe"));
            let (sender, lines) = channel();
            std::thread::spawn(move || {
                for line in output.lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
            let lab = Self {
                process,
                input,
                lines,
                port,
            };
            if lab.wait_for("Then type: kill us-east").is_some() {
                return lab;
            }
        }
        panic!("no ports are free");
    }

    /// Waits for a line with these words; `None` if the lab ended.
    fn wait_for(&self, words: &str) -> Option<String> {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            match line {
                Ok(line) if line.contains(words) => return Some(line),
                Ok(_) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(_) => panic!("waited in vain: {words}"),
            }
        }
    }

    fn type_line(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the lab reads");
    }

    /// Asks for the address of www; returns the TTL and the last address of the answer.
    fn ask(&self, distance: u16) -> (u32, [u8; 4]) {
        let mut query = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in ["www", "lab", "example", ""] {
            query.push(label.len() as u8);
            query.extend(label.bytes());
        }
        query.extend([0, 1, 0, 1]);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback is free");
        let server = SocketAddr::from(([127, 0, 0, 1], self.port + distance));
        socket.connect(server).expect("a route");
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        socket.send(&query).expect("sent");
        let mut reply = [0; 512];
        let len = socket.recv(&mut reply).expect("a reply");
        // Without EDNS the answer ends with TTL, length and address of an A record.
        let [.., t0, t1, t2, t3, 0, 4, a, b, c, d] = reply[..len] else {
            panic!("{:02x?}", &reply[..len]);
        };
        (u32::from_be_bytes([t0, t1, t2, t3]), [a, b, c, d])
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn seconds(line: &str, before: &str) -> f64 {
    let (_, after) = line.split_once(before).expect("the words are there");
    let number = after.split(' ').next().expect("a word");
    number.parse().unwrap_or_else(|_| panic!("{line}"))
}

#[test]
fn the_lab_shows_when_the_server_moved_and_when_clients_behind_the_resolver_did() {
    let mut lab = Lab::start();
    let (ttl, east) = lab.ask(1);
    assert_eq!(east[..3], [127, 0, 1], "the resolver found the zone");
    assert!((1..=5).contains(&ttl), "{ttl}");
    lab.type_line("kill us-east");
    let line = lab
        .wait_for("us-east: server moved after")
        .expect("it runs");
    let server = seconds(&line, "server moved after ");
    let resolver = seconds(&line, "clients behind the resolver after ");
    // Two probes, a second apart, and what they take; then at most the TTL, and a look of the board.
    assert!((0.5..15.0).contains(&server), "{line}");
    assert!(resolver >= server && resolver <= server + 6.0, "{line}");
    let west = [127, 0, 2];
    assert_eq!(lab.ask(0).1[..3], west);
    assert_eq!(lab.ask(1).1[..3], west);
    lab.type_line("quit");
    lab.wait_for("the lab is closed").expect("it says so");
}

#[test]
fn a_taken_port_is_told_with_the_way_out() {
    for (below, who) in [(1, "resolver"), (2, "parent zone")] {
        // Ports beside the one that is taken may be somebody else's; the highest leave no room for the others.
        let told = (0..8).find_map(|_| {
            let taken = TcpListener::bind("127.0.0.1:0").expect("loopback is free");
            let port = taken.local_addr().expect("bound").port();
            let said = (port - below <= 64_882).then(|| start_at(port - below))?;
            let what = format!("listen on 127.0.0.1:{port} for the {who}: ");
            said.contains(&what).then_some((port - below, said))
        });
        let (chosen, said) = told.expect("one of eight ports has free neighbours");
        let way_out = format!("leeward lab --port {}", chosen + 100);
        assert!(said.contains(&way_out), "{said}");
    }
}

/// Starts the lab on a port that it cannot have all of; returns what it says.
fn start_at(port: u16) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_leeward"))
        .args(["lab", "--port", &port.to_string()])
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    said
}
