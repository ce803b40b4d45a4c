//! The server file while the server runs, and the exit codes of what reads and reloads files (N1, N5).

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use leeward::admin;
use serde_json::Value;

use super::command::{Served, serve_config, signal};
use super::stage::{ask, fixed_zone};
use crate::wait::wait_for;

fn leeward(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_leeward"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

const BASE: &str =
    "listen = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\nstate = \"state\"\npoll = \"100ms\"\n";

/// A folder with a server file and one zone.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("zones")).expect("a writable folder");
    put(folder.path(), "leeward.toml", BASE);
    put(
        folder.path(),
        "zones/a.toml",
        &fixed_zone("a.example", "192.0.2.1"),
    );
    folder
}

/// Writes a file as careful tools do.
fn put(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    let beside = path.with_extension("new");
    fs::write(&beside, text).expect("a writable folder");
    fs::rename(&beside, &path).expect("a writable folder");
}

#[test]
fn a_server_file_is_read_again_and_faults_in_it_are_told_at_once() {
    // N5.
    let folder = folder();
    let (server, dns, http) = serve_config(&folder.path().join("leeward.toml"));
    let alarms = || -> Vec<(String, String)> {
        let status = admin::get(http, "/api/status").expect("an answer");
        let status: Value = serde_json::from_str(&status).expect("JSON");
        let rows = status["alarms"].as_array().expect("a list").iter();
        let word = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        rows.map(|row| (word(row, "kind"), word(row, "text")))
            .collect()
    };
    let wait = |kind: &str, part: &str| {
        wait_for(&format!("{kind}: {part}"), || {
            let found = alarms();
            let is_told = |(of, text): &(String, String)| of == kind && text.contains(part);
            found.iter().any(is_told).then_some(())
        });
    };
    let none = || wait_for("no alarm", || alarms().is_empty().then_some(()));
    for garbage in [
        "listen = [\n",
        "colour = 1\n",
        "\u{0}\u{1}",
        "poll = \"1 parsec\"\n",
    ] {
        put(folder.path(), "leeward.toml", garbage);
        wait("server-file", "leeward.toml:");
        put(folder.path(), "leeward.toml", BASE);
        none();
    }
    fs::remove_file(folder.path().join("leeward.toml")).expect("a writable folder");
    wait("server-file", "cannot be read");
    let more =
        format!("{BASE}workers = 3\n[identity]\nversion = \"seen\"\n[tcp]\nconnections = 7\n");
    put(folder.path(), "leeward.toml", &more);
    wait("restart-needed", "workers, tcp.connections");
    assert_eq!(alarms().len(), 1, "{:?}", alarms());
    put(folder.path(), "leeward.toml", BASE);
    none();
    // SIGHUP reads it, too.
    put(folder.path(), "leeward.toml", &more);
    signal(&server, "-HUP");
    wait("restart-needed", "workers");
    let server = http.to_string();
    let told = leeward(&["reload", "--server", &server]);
    assert!(
        text(&told).contains("server file: workers, tcp.connections"),
        "{}",
        text(&told)
    );
    assert_eq!(ask(dns, "www.a.example").text(), "192.0.2.1");
}

#[test]
fn a_folder_outside_is_read_once_the_server_file_allows_it() {
    let folder = folder();
    let shared = folder.path().join("shared");
    fs::create_dir(&shared).expect("a writable folder");
    fs::write(shared.join("b.toml"), fixed_zone("b.example", "192.0.2.2"))
        .expect("a writable folder");
    let link = folder.path().join("zones/b.toml");
    std::os::unix::fs::symlink(shared.join("b.toml"), link).expect("a writable folder");
    let (_server, dns, http) = serve_config(&folder.path().join("leeward.toml"));
    let status = admin::get(http, "/api/status").expect("an answer");
    assert!(status.contains("leads out of the zones folder"), "{status}");
    put(
        folder.path(),
        "leeward.toml",
        &format!("{BASE}zone-links = \"shared\"\n"),
    );
    wait_for("the zone behind the link", || {
        (ask(dns, "www.b.example").text() == "192.0.2.2").then_some(())
    });
}

#[test]
fn validate_and_check_know_server_files_and_empty_folders() {
    let folder = folder();
    let path = |file: &str| folder.path().join(file).display().to_string();
    put(folder.path(), "other.toml", &format!("{BASE}colour = 1\n"));
    put(
        folder.path(),
        "broken.toml",
        &format!("{BASE}[log]\nformat = \"xml\"\n"),
    );
    fs::create_dir(folder.path().join("empty")).expect("a writable folder");
    fs::create_dir(folder.path().join("odd")).expect("a writable folder");
    put(folder.path(), "odd/db.example.com", "@ SOA\n");
    put(folder.path(), "odd/.a.toml", "");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["validate", "leeward.toml"], 0, ""),
        (&["validate", "other.toml"], 1, "S002"),
        (&["validate", "broken.toml"], 1, "log.format"),
        (&["validate", "zones"], 0, ""),
        (&["validate", "empty"], 1, "there is no zone file here"),
        (&["validate", "odd"], 1, "db.example.com"),
        (&["validate", "--format", "json", "empty"], 1, "D008"),
        (&["serve", "--check", "--config", "leeward.toml"], 0, ""),
        (&["serve", "--check", "--config", "other.toml"], 1, "S002"),
        (
            &["serve", "--check", "empty"],
            1,
            "there is no zone file here",
        ),
    ];
    for (arguments, wanted, part) in cases {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|word| {
                let is_path = folder.path().join(word).exists();
                if is_path {
                    path(word)
                } else {
                    (*word).to_owned()
                }
            })
            .collect();
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = leeward(&words);
        assert_eq!(
            output.status.code(),
            Some(*wanted),
            "{arguments:?}: {}",
            text(&output)
        );
        assert!(
            text(&output).contains(part),
            "{arguments:?}: {}",
            text(&output)
        );
    }
    // In the zones folder it is named for what it is.
    put(folder.path(), "zones/leeward.toml", BASE);
    let output = leeward(&["validate", &path("zones")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("this is a server file"),
        "{}",
        text(&output)
    );
}

#[test]
fn reload_tells_removals_by_words_and_exit_codes() {
    // N1.
    let folder = folder();
    put(
        folder.path(),
        "zones/b.toml",
        &fixed_zone("b.example", "192.0.2.2"),
    );
    put(folder.path(), "leeward.toml", &BASE.replace("100ms", "0s"));
    let (_server, dns, http) = serve_config(&folder.path().join("leeward.toml"));
    let http = http.to_string();
    let reload = |more: &[&str]| leeward(&[&["reload", "--server", &http], more].concat());
    let remove = |file: &str| fs::remove_file(folder.path().join(file)).expect("a writable folder");
    remove("zones/b.toml");
    let told = reload(&[]);
    assert_eq!(told.status.code(), Some(1), "{}", text(&told));
    assert!(
        text(&told).contains("removed: ") && text(&told).contains("b.example."),
        "{}",
        text(&told)
    );
    assert_eq!(ask(dns, "www.b.example").text(), "192.0.2.2");
    let status = leeward(&["status", "--server", &http]);
    assert_eq!(status.status.code(), Some(1));
    let told = reload(&["--yes"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told));
    assert!(
        text(&told).contains("removed: b.example."),
        "{}",
        text(&told)
    );
    assert_eq!(ask(dns, "www.b.example").text(), "REFUSED");
    // A name within a zone.
    put(
        folder.path(),
        "zones/a.toml",
        &fixed_zone("a.example", "192.0.2.1").replace("www.A", "web.A"),
    );
    let told = text(&reload(&[]));
    assert!(
        told.contains("removed 1 name (www.a.example.)")
            && told.contains("added 1 name (web.a.example.)"),
        "{told}"
    );
    remove("zones/a.toml");
    let told = reload(&[]);
    assert_eq!(told.status.code(), Some(3), "{}", text(&told));
    assert!(text(&told).contains("holds none now"), "{}", text(&told));
    assert_eq!(ask(dns, "web.a.example").text(), "192.0.2.1");
    let told = reload(&["--yes"]);
    assert!(
        text(&told).contains("removed: a.example."),
        "{}",
        text(&told)
    );
    assert_eq!(ask(dns, "web.a.example").text(), "REFUSED");
}

#[test]
fn every_line_of_a_log_in_json_is_json() {
    // N5: a warning about the server file came as plain text before the log began.
    let folder = folder();
    let config = BASE.replace("http = \"127.0.0.1:0\"", "http = \"0.0.0.0:0\"");
    put(
        folder.path(),
        "leeward.toml",
        &format!("{config}[log]\nformat = \"json\"\n"),
    );
    let child = Command::new(env!("CARGO_BIN_EXE_leeward"))
        .args(["serve", "--config"])
        .arg(folder.path().join("leeward.toml"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut server = Served(child);
    let log = BufReader::new(server.0.stderr.take().expect("it is piped"));
    let mut is_warned = false;
    for line in log.lines() {
        let line = line.expect("text");
        serde_json::from_str::<Value>(&line).unwrap_or_else(|cause| panic!("{cause}: {line}"));
        is_warned |= line.contains("S013");
        if line.contains("control on http") {
            break;
        }
    }
    assert!(is_warned, "the server file has a warning");
}
