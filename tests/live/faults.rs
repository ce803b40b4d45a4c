//! What hostile clients and broken folders do; whatever it is, queries are answered.

use std::fs;
use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::symlink;
use std::process::Command;

use domain::base::Rtype;

use super::stage::{Live, ask, fixed_zone, query};
use crate::wait::wait_for;

/// A small generator (xorshift), so that every run sends the same.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A query with a few octets changed, cut or added, or plain noise.
    fn message(&mut self) -> Vec<u8> {
        let mut octets = query(7, "www.a.example", Rtype::ANY);
        match self.next() % 4 {
            0 => {
                let len = usize::try_from(self.next() % 600).expect("small");
                return (0..len).map(|_| self.next().to_le_bytes()[0]).collect();
            }
            1 => octets.truncate(usize::try_from(self.next() % 32).expect("small")),
            2 => octets.extend(self.next().to_le_bytes()),
            _ => (),
        }
        for _ in 0..self.next() % 6 {
            let at = usize::try_from(self.next()).unwrap_or(0) % octets.len().max(1);
            if let Some(octet) = octets.get_mut(at) {
                *octet = self.next().to_le_bytes()[0];
            }
        }
        octets
    }
}

/// How many hostile datagrams are sent; `LEEWARD_ATTACK` asks for more.
fn rounds() -> u64 {
    let asked = std::env::var("LEEWARD_ATTACK").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(20_000)
}

#[test]
fn noise_over_udp_stops_no_answer() {
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |_, _| (),
    );
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let mut noise = Noise(0x5eed_0001);
    for round in 0..rounds() {
        // A full buffer is the sender's own trouble.
        let _ = socket.send_to(&noise.message(), live.dns());
        if round % 1_000 == 0 {
            assert_eq!(
                live.ask("www.a.example").text(),
                "192.0.2.1",
                "round {round}"
            );
        }
    }
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.1");
}

#[test]
fn noise_and_half_open_connections_over_tcp_stop_no_answer() {
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |_, _| (),
    );
    let mut noise = Noise(0x5eed_0002);
    let mut held = Vec::new();
    for round in 0..rounds() / 50 {
        let Ok(mut stream) = TcpStream::connect(live.dns()) else {
            continue;
        };
        let message = noise.message();
        let len = u16::try_from(message.len()).expect("short").to_be_bytes();
        let lie = noise.next().to_le_bytes();
        let _ = match round % 3 {
            0 => stream.write_all(&[&len[..], &message].concat()),
            1 => stream.write_all(&[&lie[..2], &message].concat()),
            _ => stream.write_all(&lie[..1]),
        };
        held.push(stream);
        if held.len() > 300 {
            held.clear();
        }
        if round % 50 == 0 {
            assert_eq!(
                live.ask("www.a.example").text(),
                "192.0.2.1",
                "round {round}"
            );
        }
    }
    let dns = live.dns();
    drop(held);
    wait_for("an answer over TCP", || {
        let stream = TcpStream::connect(dns).ok()?;
        drop(stream);
        Some(())
    });
    assert_eq!(ask(dns, "www.a.example").text(), "192.0.2.1");
}

/// Waits until a file of this name is refused.
fn wait_refused(live: &Live, file: &str) {
    wait_for(&format!("{file} to be refused"), || {
        let status = live.json("/api/status");
        let refused = status["files_refused"].as_array()?;
        let is_refused = |row: &serde_json::Value| {
            row["file"]
                .as_str()
                .is_some_and(|path| path.ends_with(file))
        };
        refused.iter().any(is_refused).then_some(())
    });
}

#[test]
fn odd_files_are_refused_and_the_rest_is_served() {
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |_, _| (),
    );
    let zones = live.zones().to_path_buf();
    let mut noise = Noise(0x5eed_0003);
    let garbage: Vec<u8> = (0..1 << 20)
        .map(|_| noise.next().to_le_bytes()[0])
        .collect();
    fs::write(zones.join("garbage.toml"), &garbage).expect("a writable folder");
    fs::write(zones.join("brackets.toml"), vec![b'['; 1 << 20]).expect("a writable folder");
    symlink(zones.join("nowhere"), zones.join("dangling.toml")).expect("a writable folder");
    symlink("self.toml", zones.join("self.toml")).expect("a writable folder");
    symlink("/dev/zero", zones.join("endless.toml")).expect("a writable folder");
    let pipe = Command::new("mkfifo").arg(zones.join("pipe.toml")).status();
    let refused = [
        "garbage.toml",
        "brackets.toml",
        "dangling.toml",
        "self.toml",
        "endless.toml",
    ];
    refused.iter().for_each(|file| wait_refused(&live, file));
    if pipe.is_ok_and(|status| status.success()) {
        wait_refused(&live, "pipe.toml");
    }
    live.write("b.toml", &fixed_zone("b.example", "192.0.2.2"));
    live.wait_answer("www.b.example", "192.0.2.2");
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.1");
}

#[test]
fn folders_that_loop_are_read_once() {
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |_, _| (),
    );
    for name in ["Again", "again", "once-more", "up"] {
        symlink(".", live.zones().join(name)).expect("a writable folder");
    }
    live.write("b.toml", &fixed_zone("b.example", "192.0.2.2"));
    live.wait_answer("www.b.example", "192.0.2.2");
    let status = live.json("/api/status");
    assert_eq!(status["files_refused"], serde_json::json!([]));
    assert_eq!(status["zones"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_folder_that_vanishes_takes_no_zone_with_it() {
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |_, _| (),
    );
    let away = live.zones().with_extension("away");
    fs::rename(live.zones(), &away).expect("a writable folder");
    wait_for("the failed reload to be counted", || {
        live.get("/metrics")
            .contains("leeward_reloads_total{result=\"failed\"}")
            .then_some(())
    });
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.1");
    fs::rename(&away, live.zones()).expect("a writable folder");
    live.write("a.toml", &fixed_zone("a.example", "192.0.2.2"));
    live.wait_answer("www.a.example", "192.0.2.2");
}
