//! Readers of the log that stand still or are gone, addresses that others hold, and switches that are misspelt.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use leeward::admin;

use super::command::{Served, serve_config, signal};
use super::stage::{Live, ask, fixed_zone};
use crate::wait::wait_for;

/// How long an end may take: what drains has five seconds, the state five, the log one.
const END_MAX: Duration = Duration::from_secs(15);

const ZONE: &str = "zone = \"a.example\"\nttl = \"5s\"\n[checks.gate]\ntype = \"manual\"\n[pools.shop]\ncheck = \"gate\"\n\
                    members = [\"192.0.2.1\"]\n[pools.sorry]\nmembers = [\"192.0.2.3\"]\n[names]\n\"@\".NS = \
                    \"ns.example.net.\"\nwww.failover = [\"shop\", \"sorry\"]\n";

/// A free address, which somebody else may take before it is used; hardly ever within a test.
fn free() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("bound")
}

fn write(folder: &Path, text: &str) -> std::path::PathBuf {
    let zones = folder.join("zones");
    fs::create_dir_all(&zones).expect("a writable folder");
    fs::write(zones.join("a.toml"), ZONE).expect("a writable folder");
    let file = folder.join("leeward.toml");
    fs::write(&file, text).expect("a writable folder");
    file
}

fn flip_and_end(stderr: Stdio) {
    let folder = tempfile::tempdir().expect("a folder");
    let (dns, http) = (free(), free());
    let text =
        format!("listen = \"{dns}\"\nhttp = \"{http}\"\nworkers = 1\n[log]\nlevel = \"debug\"\n");
    let file = write(folder.path(), &text);
    let child = Command::new(env!("CARGO_BIN_EXE_leeward"))
        .args(["serve", "--config", &file.display().to_string()])
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .expect("the program runs");
    let mut served = Served(child);
    wait_for("the control API", || admin::get(http, "/healthz").ok());
    for round in 0..20 {
        let (set, wanted) = match round % 2 {
            0 => ("off", "192.0.2.3"),
            _ => ("on", "192.0.2.1"),
        };
        admin::post(http, &format!("/api/switch?check=gate&set={set}")).expect("a switch");
        assert_eq!(ask(dns, "www.a.example").text(), wanted, "round {round}");
    }
    let begun = Instant::now();
    signal(&served, "-TERM");
    let ended = wait_for("the end", || served.0.try_wait().expect("a child"));
    assert_eq!(ended.code(), Some(0));
    assert!(begun.elapsed() < END_MAX, "{:?}", begun.elapsed());
}

// X6.
#[test]
fn a_log_that_nobody_reads_stops_neither_flips_nor_the_end() {
    let (_never_read, mut full) = std::io::pipe().expect("a pipe");
    let stderr = Stdio::from(full.try_clone().expect("a copy"));
    // A pipe of Linux holds this much; the next octet waits.
    full.write_all(&[b'x'; 65_536]).expect("room");
    flip_and_end(stderr);
}

#[test]
fn a_log_whose_reader_is_gone_or_whose_disk_is_full_stops_nothing() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    flip_and_end(Stdio::from(writer));
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    flip_and_end(Stdio::from(full.expect("a device of Linux")));
}

#[test]
fn what_is_wrong_at_the_start_is_told_before_the_end() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound");
    let folder = tempfile::tempdir().expect("a folder");
    let file = write(
        folder.path(),
        &format!("listen = \"{address}\"\nhttp = false\n"),
    );
    let output = Command::new(env!("CARGO_BIN_EXE_leeward"))
        .args(["serve", "--config", &file.display().to_string()])
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("address in use"), "{said}");
}

// X17.
#[test]
fn an_address_that_is_taken_keeps_no_other_from_being_served() {
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = held.local_addr().expect("bound");
    let stage = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |config, _| config.listen.push(taken),
    );
    assert_eq!(stage.ask("www.a.example").text(), "192.0.2.1");
    let alarms = || stage.json("/api/status")["alarms"].to_string();
    wait_for("an alarm", || {
        let told = alarms();
        (told.contains("not-listening") && told.contains(&taken.to_string())).then_some(())
    });
    let server = stage.http().to_string();
    let status = leeward(&["status", "--server", &server]);
    assert_eq!(status.status.code(), Some(1), "{status:?}");
    drop(held);
    wait_for("the address to be served", || {
        alarms().eq("[]").then_some(())
    });
    assert_eq!(ask(taken, "www.a.example").text(), "192.0.2.1");
    let listen = stage.json("/api/status")["server"]["listen"].to_string();
    assert!(listen.contains(&taken.to_string()), "{listen}");
}

#[test]
fn a_control_address_that_is_taken_or_a_certificate_that_is_missing_stops_no_answer() {
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = held.local_addr().expect("bound");
    let folder = tempfile::tempdir().expect("a folder");
    let (dns, tls) = (free(), free());
    let text = format!(
        "listen = \"{dns}\"\nhttp = \"{taken}\"\nworkers = 1\n[tls]\nlisten = \"{tls}\"\n\
         certificate = \"chain.pem\"\nkey = \"key.pem\"\n"
    );
    let file = write(folder.path(), &text);
    let child = Command::new(env!("CARGO_BIN_EXE_leeward"))
        .args(["serve", "--config", &file.display().to_string()])
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    let _served = Served(child);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let millis = Some(Duration::from_millis(100));
    socket.set_read_timeout(millis).expect("a socket option");
    wait_for("an answer", || {
        let query = super::stage::query(7, "www.a.example", domain::base::Rtype::A);
        // Until it listens, the kernel says so.
        let _ = socket.send_to(&query, dns);
        socket.recv(&mut [0; 512]).ok()
    });
    drop(held);
    let status = wait_for("the control API", || admin::get(taken, "/api/status").ok());
    assert!(status.contains("chain.pem"), "{status}");
    let made = rcgen::generate_simple_self_signed(["ns.example".to_owned()]).expect("made");
    fs::write(
        folder.path().join("key.pem"),
        made.signing_key.serialize_pem(),
    )
    .expect("writable");
    fs::write(folder.path().join("chain.pem"), made.cert.pem()).expect("writable");
    wait_for("DNS over TLS", || {
        let listen = admin::get(taken, "/api/status").ok()?;
        std::net::TcpStream::connect(tls).ok()?;
        listen.contains("\"alarms\":[]").then_some(())
    });
}

fn leeward(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_leeward"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

// N9.
#[test]
fn misspelt_orders_end_with_one_and_the_nearest_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "listen = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\nworkers = 1\n";
    let (_served, dns, http) = serve_config(&write(folder.path(), text));
    let server = http.to_string();
    let run = |words: &[&str]| {
        let output = leeward(&[words, &["--server", &server]].concat());
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    };
    let cases: [(&[&str], i32, &str); 11] = [
        (&["switch"], 0, "gate"),
        (&["switch", "gate"], 0, "on"),
        (&["switch", "gat"], 1, "did you mean `gate`?"),
        (&["switch", "gat", "off"], 1, "did you mean `gate`?"),
        (&["switch", "gat=off"], 1, "did you mean `gate`?"),
        (&["switch", "gate", "--zone", "b.example"], 1, "a.example"),
        (&["switch", "gate=of"], 1, "neither on nor off"),
        (&["switch", "gate=off", "on"], 2, "sets it again"),
        (&["heartbeat", "jobb"], 1, "jobb"),
        (&["release", "ww.a.example"], 1, "no failback"),
        (&["release", "www.b.example"], 1, "a.example"),
    ];
    for (words, code, wanted) in cases {
        let (found, said) = run(words);
        assert_eq!(found, Some(code), "{words:?}: {said}");
        assert!(said.contains(wanted), "{words:?}: {said}");
        assert_eq!(ask(dns, "www.a.example").text(), "192.0.2.1", "{words:?}");
    }
    for (words, wanted) in [
        (&["switch", "gate=off"][..], "192.0.2.3"),
        (&["switch", "gate", "on"], "192.0.2.1"),
        (&["switch", "gate", "OFF"], "192.0.2.3"),
    ] {
        let (code, said) = run(words);
        assert_eq!(code, Some(0), "{words:?}: {said}");
        assert!(said.contains("in memory only"), "{said}");
        assert_eq!(ask(dns, "www.a.example").text(), wanted, "{words:?}");
    }
    let (code, _) = (
        leeward(&["reload", "--server", "127.0.0.1:1"])
            .status
            .code(),
        (),
    );
    assert_eq!(code, Some(3));
}
