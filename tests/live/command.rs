//! The program itself: exit codes, signals, and output that other programs read.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use super::stage::{ask, failover_zone, fixed_zone, two_endpoints};
use crate::wait::wait_for;

fn leeward(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_leeward"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|cause| panic!("{cause}: {}", text(output)))
}

fn path(folder: &Path, file: &str) -> String {
    folder.join(file).display().to_string()
}

#[test]
fn validate_tells_by_its_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = path(folder.path(), "good.toml");
    std::fs::write(&good, fixed_zone("a.example", "192.0.2.1")).expect("a writable folder");
    assert_eq!(leeward(&["validate", &good]).status.code(), Some(0));
    let bad = path(folder.path(), "bad.toml");
    std::fs::write(&bad, "zone = \"b.example\"\nttl = 5\n").expect("a writable folder");
    assert_eq!(leeward(&["validate", &bad]).status.code(), Some(1));
    assert_eq!(leeward(&["validate"]).status.code(), Some(2));
    let output = leeward(&["validate", "--format", "json", &path(folder.path(), "")]);
    assert_eq!(output.status.code(), Some(1));
    let all = text(&output);
    assert!(all.contains("L011") && all.contains("bad.toml"), "{all}");
    serde_json::from_str::<Value>(&all).expect("one JSON value");
}

/// F23: a master file by another name is told what to be called. F25: a typing error is named, not its consequence.
#[test]
fn a_file_that_cannot_be_read_as_a_zone_is_told_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let master = "$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ IN NS ns1\n";
    std::fs::write(folder.path().join("db.example.com"), master).expect("a writable folder");
    let broken = "zone = \"example.com\"\n[checks.web]\ntype = \"http\n[names]\n";
    std::fs::write(folder.path().join("broken.toml"), broken).expect("a writable folder");
    let cases = [
        (&["validate", "db.example.com"][..], 1, "`example.com.zone`"),
        (&["show", "db.example.com"], 1, "`example.com.zone`"),
        (
            &["probe", "--zones", "db.example.com"],
            1,
            "`example.com.zone`",
        ),
        (&["probe", "--zones", "broken.toml"], 1, "broken.toml:3:8"),
        (&["show", "broken.toml", "www"], 1, "broken.toml:3:8"),
        (
            &[
                "convert",
                "db.example.com",
                "--to",
                "toml",
                "--origin",
                "example.com",
            ],
            0,
            "zone = \"example.com\"",
        ),
    ];
    for (words, code, wanted) in cases {
        let output = Command::new(env!("CARGO_BIN_EXE_leeward"))
            .args(words)
            .current_dir(folder.path())
            .output()
            .expect("the program runs");
        let told = text(&output) + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
        assert!(
            told.contains(wanted) && !told.contains("no check"),
            "{words:?}: {told}"
        );
    }
}

#[test]
fn explain_writes_the_keys_that_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let zone = "zone = \"a.example\"\n[checks.web]\ntype = \"tcp\"\nport = 80\n[pools.east]\ncheck = \"web\"\n\
                members = [\"192.0.2.1\"]\n[pools.west]\ncheck = \"web\"\nmembers = [\"192.0.2.2\"]\n[names]\n\
                \"@\".NS = \"ns.example.net.\"\nlost.CNAME = \"none\"\n[names.www]\nfailover = [\"east\", \"west\"]\n";
    std::fs::write(folder.path().join("a.toml"), zone).expect("a writable folder");
    let zones = path(folder.path(), "");
    let down = ["--down", "pool:east", "--json"];
    let output = leeward(
        &[
            &["explain", "www.a.example", "A", "--zones", &zones],
            &down[..],
        ]
        .concat(),
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told = json(&output);
    assert_eq!(told["rcode"], "NOERROR");
    for key in ["ttl", "scope", "candidates", "steps"] {
        assert!(!told[key].is_null(), "{key}: {told}");
    }
    let first = &told["candidates"][0];
    assert_eq!(first["probability"], 1.0);
    assert_eq!(first["pool"], "west");
    assert_eq!(first["rdata"][0], "192.0.2.2");
    // A name that does not exist, and an alias to it (RFC 6604, section 3).
    for name in ["none.a.example", "lost.a.example"] {
        let output = leeward(&["explain", name, "A", "--zones", &zones, "--json"]);
        assert_eq!(json(&output)["rcode"], "NXDOMAIN", "{name}");
    }
}

#[test]
fn what_show_prints_reads_back_as_it_was() {
    for entry in std::fs::read_dir("tests/zones/eighteen").expect("the sample zones") {
        let zone = entry.expect("an entry").path();
        if zone.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let shown = leeward(&["show", &zone.display().to_string()]);
        assert_eq!(
            shown.status.code(),
            Some(0),
            "{}: {shown:?}",
            zone.display()
        );
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::copy(
            "tests/zones/eighteen/isp-north.txt",
            folder.path().join("isp-north.txt"),
        )
        .expect("the sample list");
        let again = path(folder.path(), "again.toml");
        std::fs::write(&again, &shown.stdout).expect("a writable folder");
        let twice = leeward(&["show", &again]);
        assert_eq!(text(&twice), text(&shown), "{}", zone.display());
    }
}

#[test]
fn small_verbs_do_their_work() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            text(&leeward(&["completions", shell])).contains("leeward"),
            "{shell}"
        );
    }
    let output = leeward(&["geo", "EU-DE"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output).contains("EU-DE"), "{output:?}");
    json(&leeward(&["geo", "192.0.2.1", "--json"]));
    let nobody = leeward(&["status", "--server", "127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(3), "{nobody:?}");
}

#[test]
fn probe_shows_a_verdict_for_each_target() {
    let (east, west) = two_endpoints();
    let folder = tempfile::tempdir().expect("a folder");
    let zone = failover_zone("a.example", &east, &west);
    std::fs::write(folder.path().join("a.toml"), zone).expect("a writable folder");
    let zones = path(folder.path(), "");
    let good = leeward(&["probe", "--zones", &zones, "--json"]);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    json(&good);
    east.kill();
    let bad = leeward(&["probe", "--zones", &zones]);
    assert_eq!(bad.status.code(), Some(1), "{bad:?}");
    assert!(text(&bad).contains("refused"), "{}", text(&bad));
}

/// A child that does not outlive its test.
pub(crate) struct Served(pub(crate) Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the program; returns its DNS and HTTP addresses as its log tells them.
fn serve(zones: &str) -> (Served, SocketAddr, SocketAddr) {
    let addresses = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    serve_with(&[&addresses[..], &[zones]].concat())
}

/// Starts the program from a server file whose ports are free ones.
pub(crate) fn serve_config(file: &Path) -> (Served, SocketAddr, SocketAddr) {
    serve_with(&["--config", &file.display().to_string()])
}

fn serve_with(arguments: &[&str]) -> (Served, SocketAddr, SocketAddr) {
    let child = Command::new(env!("CARGO_BIN_EXE_leeward"))
        .arg("serve")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut served = Served(child);
    let mut lines = BufReader::new(served.0.stderr.take().expect("it is piped")).lines();
    let mut find = |mark: &str| loop {
        let line = lines.next().expect("a line more").expect("text");
        if let Some((_, rest)) = line.split_once(mark) {
            let end = rest.find([',', '/', ' ']).unwrap_or(rest.len());
            break rest[..end].parse().expect("an address");
        }
    };
    let (dns, http) = (find("answering on "), find("control on http://"));
    // The log is drained, so that the program never waits for its reader.
    std::thread::spawn(move || lines.for_each(drop));
    (served, dns, http)
}

/// Sends a signal, named as `kill` wants it.
pub(crate) fn signal(served: &Served, name: &str) {
    let sent = Command::new("kill")
        .args([name, &served.0.id().to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()), "kill {name}");
}

#[test]
fn signals_reload_and_end_the_program() {
    let (east, west) = two_endpoints();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.toml");
    let zone = failover_zone("a.example", &east, &west);
    std::fs::write(&file, &zone).expect("a writable folder");
    let (mut served, dns, http) = serve(&path(folder.path(), ""));
    assert_eq!(ask(dns, "fixed.a.example").text(), "192.0.2.7");
    std::fs::write(&file, zone.replace("192.0.2.7", "192.0.2.8")).expect("a writable folder");
    signal(&served, "-HUP");
    wait_for("the new content", || {
        (ask(dns, "fixed.a.example").text() == "192.0.2.8").then_some(())
    });
    let server = http.to_string();
    let status = leeward(&["status", "--server", &server, "--json"]);
    assert_eq!(status.status.code(), Some(0), "{status:?}");
    let report = json(&status);
    for key in ["status", "since", "evidence"] {
        assert!(report["targets"][0][key].is_string(), "{key}");
    }
    assert_eq!(report["pools"].as_array().map(Vec::len), Some(2));
    assert_eq!(report["names"][0]["name"], "www.a.example.");
    assert_eq!(
        leeward(&["healthcheck", "--server", &server]).status.code(),
        Some(0)
    );
    assert_eq!(
        leeward(&["reload", "--server", &server]).status.code(),
        Some(0)
    );
    signal(&served, "-TERM");
    let ended = wait_for("the end of the program", || {
        served.0.try_wait().expect("a child")
    });
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn names_of_master_files_are_shown_and_explained_across_zones() {
    let folder = tempfile::tempdir().expect("a folder");
    let master = "@ 60 SOA ns hostmaster 1 2h 15m 2w 5m\n@ NS ns\nns A 192.0.2.9\nwww A 192.0.2.1\nback CNAME www.a.example.\n";
    std::fs::write(folder.path().join("m.example.zone"), master).expect("a writable folder");
    let zone = "zone = \"a.example\"\n[pools.east]\nmembers = [\"192.0.2.5\"]\n[names]\n\"@\".NS = \"ns.example.net.\"\n\
                alias.CNAME = \"www.m.example.\"\nlost.CNAME = \"none.m.example.\"\nwww = \"east\"\n";
    std::fs::write(folder.path().join("a.toml"), zone).expect("a writable folder");
    let zones = path(folder.path(), "");
    for name in ["www", "www.m.example", "www.m.example."] {
        let shown = text(&leeward(&["show", &zones, name]));
        assert!(
            shown.contains("www.m.example. 60 IN A 192.0.2.1"),
            "{name}: {shown}"
        );
    }
    assert_eq!(leeward(&["show", &zones, "none"]).status.code(), Some(2));
    let explain = |name: &str| {
        json(&leeward(&[
            "explain", name, "A", "--zones", &zones, "--json",
        ]))
    };
    let told = explain("alias.a.example");
    assert_eq!(told["candidates"][0]["rdata"][0], "192.0.2.1", "{told}");
    assert_eq!(told["aliases"][0], "CNAME www.m.example.");
    let told = explain("back.m.example");
    assert_eq!(told["candidates"][0]["pool"], "east", "{told}");
    assert_eq!(told["pools"][0]["share"], 1.0);
    assert_eq!(explain("lost.a.example")["rcode"], "NXDOMAIN");
    let output = leeward(&[
        "explain",
        "back.m.example",
        "A",
        "--zones",
        &zones,
        "--down",
        "pool:none",
    ]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

/// N8: both verbs choose alike, and the first line says from where.
#[test]
fn explain_and_simulate_say_from_where() {
    let (east, west) = two_endpoints();
    let folder = tempfile::tempdir().expect("a folder");
    let zone = failover_zone("a.example", &east, &west);
    std::fs::write(folder.path().join("a.toml"), zone).expect("a writable folder");
    let zones = path(folder.path(), "");
    let (_served, _, http) = serve(&zones);
    let http = http.to_string();
    let from_files = format!("from the zone files in {zones}, all healthy");
    let from_server = format!("from the running server at {http}, as it is now");
    for verb in [&["explain", "www.a.example", "A"][..], &["simulate"]] {
        for (from, wanted) in [
            (["--zones", &zones], &from_files),
            (["--server", &http], &from_server),
        ] {
            let words = [verb, &from, &["--down", "pool:*"]].concat();
            let told = text(&leeward(&words));
            assert_eq!(told.lines().next(), Some(&wanted[..]), "{words:?}: {told}");
            let told = json(&leeward(&[&words[..], &["--json"]].concat()));
            assert_eq!(told["basis"], wanted[..], "{words:?}");
        }
    }
}

#[test]
fn simulate_and_diff_tell_by_their_exit_codes() {
    let folder = tempfile::tempdir().expect("a folder");
    let zone = "zone = \"a.example\"\n[checks.web]\ntype = \"tcp\"\nport = 80\n[pools.east]\ncheck = \"web\"\n\
                members = [\"192.0.2.1\"]\n[pools.west]\ncheck = \"web\"\nmembers = [\"192.0.2.2\"]\n[names]\n\
                \"@\".NS = \"ns.example.net.\"\nlone = \"east\"\n[names.www]\nfailover = [\"east\", \"west\"]\n";
    for (file, text) in [
        ("old.toml", zone.to_owned()),
        (
            "new.toml",
            zone.replace("\"east\", \"west\"", "\"west\", \"east\""),
        ),
    ] {
        std::fs::write(folder.path().join(file), text).expect("a writable folder");
    }
    let (old, new) = (
        path(folder.path(), "old.toml"),
        path(folder.path(), "new.toml"),
    );
    let simulate = |more: &[&str]| leeward(&[&["simulate", "--zones", &old], more].concat());
    assert_eq!(simulate(&["--down", "pool:west"]).status.code(), Some(0));
    assert_eq!(
        simulate(&["--down", "pool:east"]).status.code(),
        Some(1),
        "lone is on last resort"
    );
    assert_eq!(
        simulate(&["--down", "pool:east", "--name", "www.*"])
            .status
            .code(),
        Some(0)
    );
    assert_eq!(simulate(&["--down", "pool:none"]).status.code(), Some(2));
    let walked = simulate(&["--every-single-loss", "--json"]);
    assert_eq!(walked.status.code(), Some(1));
    assert_eq!(json(&walked)["losses"][0]["loss"], "pool:east");
    let same = leeward(&["diff", &old, &old]);
    assert_eq!(
        (same.status.code(), text(&same).trim()),
        (Some(0), "no answer changes")
    );
    let differs = leeward(&["diff", &old, &new]);
    assert_eq!(differs.status.code(), Some(1));
    assert!(
        text(&differs).contains("www.a.example. A: east -> west"),
        "{differs:?}"
    );
    assert_eq!(
        json(&leeward(&["diff", &old, &new, "--json"]))["names_changed"],
        1
    );
}
