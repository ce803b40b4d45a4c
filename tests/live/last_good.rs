//! The last good version of a zone: over broken edits, restarts, damage and half-written files (N2, N4, X11, X15, F29).

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use leeward::admin;
use serde_json::{Value, json};

use super::command::{serve_config, signal};
use super::stage::{Live, ask, fixed_zone};
use crate::wait::wait_for;

/// A server with a state folder.
fn live(files: &[(&str, &str)]) -> Live {
    Live::start(files, |config, folder| {
        config.state = Some(folder.join("state"));
    })
}

fn wait_status(live: &Live, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, || {
        let status = live.json("/api/status");
        is_so(&status).then_some(status)
    })
}

fn has_alarm(status: &Value, kind: &str) -> bool {
    let mut alarms = status["alarms"].as_array().expect("a list").iter();
    alarms.any(|row| row["kind"] == kind)
}

fn has_refusal(status: &Value) -> bool {
    status["files_refused"] != json!([])
}

const MASTER: &str =
    "@ 60 SOA ns hostmaster 7 2h 15m 2w 5m\n@ NS ns\nns A 192.0.2.9\n$INCLUDE hosts.txt\n";

#[test]
fn a_file_that_is_broken_or_gone_at_a_restart_is_served_as_it_was() {
    // N2: each change is made while the server runs, and again while it is down.
    let broken: &[(&str, &str, Option<&str>)] = &[
        (
            "a.toml",
            "www.a.example",
            Some("zone = \"a.example\"\n[names\n"),
        ),
        ("a.toml", "www.a.example", Some("")),
        ("a.toml", "www.a.example", None),
        ("b.example.zone", "www.b.example", Some("@ 60 SOA ns\n")),
        ("b.example.zone", "www.b.example", None),
        ("hosts.txt", "www.b.example", Some("www A 192.0.2\n")),
        ("hosts.txt", "www.b.example", None),
    ];
    let good = [
        ("a.toml", fixed_zone("a.example", "192.0.2.1")),
        ("b.example.zone", MASTER.to_owned()),
        ("hosts.txt", "www A 192.0.2.1\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = good
        .iter()
        .map(|(file, text)| (*file, text.as_str()))
        .collect();
    let mut live = live(&files);
    for (file, name, text) in broken {
        live.stop();
        match text {
            Some(text) => live.write(file, text),
            None => live.remove(file),
        }
        live.restart();
        assert_eq!(live.ask(name).text(), "192.0.2.1", "{file} {text:?}");
        let status = wait_status(&live, "an alarm", |status| {
            has_alarm(status, "old-version-served") || has_alarm(status, "zone-file-missing")
        });
        let rows = status["zones"].as_array().expect("a list").iter();
        let old: Vec<&Value> = rows
            .filter(|row| row["state"] == "last good version served")
            .collect();
        assert_eq!(old.len(), 1, "{file} {text:?}: {status}");
        assert!(
            old[0]["why"].as_str().is_some_and(|why| !why.is_empty()),
            "{status}"
        );
        let ready = wait_for("readiness", || admin::get(live.http(), "/readyz").ok());
        assert!(
            ready.contains("1 of 2 zones are served from their last good version"),
            "{ready}"
        );
        let (_, whole) = good
            .iter()
            .find(|(known, _)| known == file)
            .expect("it is listed");
        live.write(file, whole);
        wait_status(&live, "all to be well", |status| {
            status["alarms"] == json!([]) && !has_refusal(status)
        });
        wait_for("readiness", || {
            (live.get("/readyz") == "ready\n").then_some(())
        });
    }
}

#[test]
fn a_damaged_version_is_noticed_and_never_served() {
    let mut live = live(&[("a.toml", &fixed_zone("a.example", "192.0.2.1"))]);
    live.stop();
    let folder = live.folder.path().join("state/last-good");
    let kept = || {
        let all = fs::read_dir(&folder).expect("a folder").flatten();
        let mut kept = all.filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|end| end == "last-good")
        });
        kept.next().expect("a kept version").path()
    };
    let whole = fs::read(kept()).expect("a file");
    let mut damaged = whole;
    let at = damaged
        .windows(9)
        .rposition(|part| part == b"192.0.2.1")
        .expect("the address");
    damaged[at + 8] = b'3';
    fs::write(kept(), &damaged).expect("a writable folder");
    live.write("a.toml", "zone = ");
    live.restart();
    assert_eq!(live.ask("www.a.example").text(), "REFUSED");
    wait_status(&live, "the damage to be told", |status| {
        has_alarm(status, "last-good-damaged") && has_alarm(status, "no-zone")
    });
    // A good file brings a good version.
    live.write("a.toml", &fixed_zone("a.example", "192.0.2.4"));
    live.wait_answer("www.a.example", "192.0.2.4");
    wait_status(&live, "all to be well", |status| {
        status["alarms"] == json!([])
    });
}

#[test]
fn a_state_folder_that_cannot_be_written_stops_no_answer_and_is_told() {
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |config, folder| {
            // A file where the folder would be.
            fs::create_dir(folder.join("state")).expect("a writable folder");
            fs::write(folder.join("state/last-good"), "").expect("a writable folder");
            config.state = Some(folder.join("state"));
        },
    );
    wait_status(&live, "the alarm", |status| {
        has_alarm(status, "last-good-not-kept")
    });
    live.write("a.toml", &fixed_zone("a.example", "192.0.2.2"));
    live.wait_answer("www.a.example", "192.0.2.2");
    fs::remove_file(live.folder.path().join("state/last-good")).expect("a writable folder");
    live.write("a.toml", &fixed_zone("a.example", "192.0.2.3"));
    wait_status(&live, "the alarm to end", |status| {
        !has_alarm(status, "last-good-not-kept")
    });
}

/// Waits a moment without sleeping: nothing is ever sent.
fn pause(millis: u64) {
    let (_never, quiet) = mpsc::channel::<()>();
    let _ = quiet.recv_timeout(Duration::from_millis(millis));
}

#[test]
fn a_file_that_is_written_slowly_is_taken_when_it_is_whole() {
    // N4: each prefix of this file that ends at a line is a valid zone. The same of an included file.
    for (zone, slow, name) in [
        ("a.toml", "a.toml", "www.a.example"),
        ("b.example.zone", "hosts.txt", "www.b.example"),
    ] {
        let live = live(&[
            ("a.toml", &fixed_zone("a.example", "192.0.2.1")),
            ("b.example.zone", MASTER),
            ("hosts.txt", "www A 192.0.2.1\n"),
        ]);
        let path = live.zones().join(slow);
        let (head, tail) = if zone == slow {
            (
                "zone = \"a.example\"\n[names]\n\"@\".NS = \"ns.example.net.\"\n",
                "www.A = \"192.0.2.5\"\n",
            )
        } else {
            ("", "www A 192.0.2.5\n")
        };
        let mut file = fs::File::create(&path).expect("a writable folder");
        let mut write = |text: &str| file.write_all(text.as_bytes()).expect("room");
        write(head);
        for line in 0..30 {
            if zone == slow {
                write(&format!("h{line}.A = \"192.0.2.7\"\n"));
            } else {
                write(&format!("h{line} A 192.0.2.7\n"));
            }
            pause(20);
            assert_eq!(live.ask(name).text(), "192.0.2.1", "{slow}, line {line}");
        }
        write(tail);
        live.wait_answer(name, "192.0.2.5");
    }
}

#[test]
fn a_link_out_of_the_zones_folder_is_not_read_and_no_key_is_shown() {
    // X11: by a link, a link to a link, a link to a folder, an included file, and a second name of the same file.
    let secret = "MC4CAQAwBQYDK2VwBCIEIKp";
    let key = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n");
    let live = live(&[("a.toml", &fixed_zone("a.example", "192.0.2.1"))]);
    let outside = live.folder.path().join("outside");
    fs::create_dir(&outside).expect("a writable folder");
    fs::write(outside.join("k.zone"), &key).expect("a writable folder");
    fs::write(outside.join("z.toml"), fixed_zone("z.example", "192.0.2.1"))
        .expect("a writable folder");
    let zones = live.zones().to_path_buf();
    symlink(outside.join("k.zone"), zones.join("k.zone")).expect("a writable folder");
    symlink("k.zone", zones.join("l.zone")).expect("a writable folder");
    symlink("../outside", zones.join("folder")).expect("a writable folder");
    fs::hard_link(outside.join("k.zone"), zones.join("h.zone")).expect("a writable folder");
    fs::hard_link(outside.join("k.zone"), zones.join("h.toml")).expect("a writable folder");
    symlink(outside.join("k.zone"), zones.join("included")).expect("a writable folder");
    live.write("i.example.zone", &MASTER.replace("hosts.txt", "included"));
    let status = wait_status(&live, "all to be refused", |status| {
        status["files_refused"]
            .as_array()
            .is_some_and(|rows| rows.len() == 6)
    });
    let told = admin::post(live.http(), "/api/reload").expect("an answer");
    let all = format!(
        "{status}{told}{}{}",
        live.get("/api/timeline"),
        live.get("/")
    );
    assert!(!all.contains(&secret[..12]), "{all}");
    for wanted in ["leads out of the zones folder", "holds a key", "zone-links"] {
        assert!(all.contains(wanted), "{wanted}: {all}");
    }
    assert_eq!(live.ask("www.z.example").text(), "REFUSED");
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.1");
}

#[test]
fn a_serial_survives_a_kill_and_two_servers_agree_on_one_file() {
    // X15, and point 6.
    let folder = tempfile::tempdir().expect("a folder");
    let serial = |http: std::net::SocketAddr| -> u64 {
        let status = admin::get(http, "/api/status").expect("an answer");
        let status: Value = serde_json::from_str(&status).expect("JSON");
        status["zones"][0]["serial"].as_u64().expect("a serial")
    };
    let file = |server: &str| folder.path().join(server).join("zones/a.toml");
    let put = |server: &str, address: &str, secs: u64| {
        let beside = file(server).with_extension("new");
        fs::write(&beside, fixed_zone("a.example", address)).expect("a writable folder");
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
        let open = fs::File::options()
            .write(true)
            .open(&beside)
            .expect("a file");
        open.set_modified(written).expect("its owner may");
        fs::rename(&beside, file(server)).expect("a writable folder");
    };
    let config = |server: &str| {
        let root = folder.path().join(server);
        fs::create_dir_all(root.join("zones")).expect("a writable folder");
        let path = root.join("leeward.toml");
        let text = "listen = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\nstate = \"state\"\npoll = \"100ms\"\n";
        fs::write(&path, text).expect("a writable folder");
        path
    };
    let (one, two) = (config("one"), config("two"));
    put("one", "192.0.2.1", 1_700_000_000);
    let (server, dns, http) = serve_config(&one);
    assert_eq!(serial(http), 1_700_000_000);
    put("one", "192.0.2.2", 1_700_000_500);
    wait_for("the second version", || {
        (ask(dns, "www.a.example").text() == "192.0.2.2").then_some(())
    });
    // An older file came back: its time says less than what was served.
    put("one", "192.0.2.3", 1_600_000_000);
    wait_for("the third version", || {
        (ask(dns, "www.a.example").text() == "192.0.2.3").then_some(())
    });
    assert_eq!(serial(http), 1_700_000_501);
    signal(&server, "-KILL");
    drop(server);
    let (server, dns, http) = serve_config(&one);
    assert_eq!(serial(http), 1_700_000_501, "it does not fall");
    assert_eq!(ask(dns, "www.a.example").text(), "192.0.2.3");
    // Another server that saw nothing of this.
    put("one", "192.0.2.4", 1_700_001_000);
    put("two", "192.0.2.4", 1_700_001_000);
    let (other, _, other_http) = serve_config(&two);
    wait_for("the same serial", || {
        (serial(http) == 1_700_001_000 && serial(other_http) == 1_700_001_000).then_some(())
    });
    drop((server, other));
}

#[test]
fn warnings_of_a_served_zone_are_told() {
    // F29.
    let zone = "zone = \"a.example\"\n[pools.east]\nmembers = [\"192.0.2.1\"]\n[names]\n\"@\".NS = \"ns.example.net.\"\n\
                www.failover = [\"east\"]\n";
    let live = live(&[("a.toml", zone)]);
    let status = live.json("/api/status");
    let row = &status["zones"][0];
    let count = row["warnings"].as_u64().expect("a number");
    assert!(count > 0 && row["findings"][0].as_str().is_some(), "{row}");
    let metric = format!("leeward_zone_warnings{{zone=\"a.example.\"}} {count}");
    assert!(
        live.get("/metrics").contains(&metric),
        "{}",
        live.get("/metrics")
    );
    assert!(
        live.get("/api/timeline").contains("\"warnings\""),
        "{}",
        live.get("/api/timeline")
    );
}
