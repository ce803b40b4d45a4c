//! Zonemaster and DNSViz find nothing wrong with a zone that Leeward serves on two names and four addresses.
//!
//! A network namespace of its own holds a small Internet: NSD plays the root and the parent (`zonemaster/net`), Leeward
//! serves `zonemaster/zones`, and `zonemaster/judge.sh` lets both judges ask. A second zone that lacks what its parent
//! promises shows that they can find fault.

use std::path::Path;
use std::process::Command;

use super::need::Need;
use serde_json::Value;
use tempfile::TempDir;

const ZONE: &str = include_str!("zonemaster/zones/judged.net.toml");
/// Levels of Zonemaster that are no fault; NOTICE says that the zone is not signed.
const CALM: [&str; 3] = ["DEBUG", "INFO", "NOTICE"];

/// What the judges say about a zone: one line a fault.
fn judge(zone: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let zones = folder.path().join("zones");
    std::fs::create_dir(&zones).expect("a writable folder");
    std::fs::write(zones.join("judged.net.toml"), zone).expect("a writable folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zonemaster/judge.sh");
    let output = Command::new("unshare")
        .arg("--net")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_leeward"))
        .arg(&zones)
        .arg(folder.path())
        .output()
        .expect("unshare runs");
    assert!(
        output.status.success(),
        "a judge cannot run; `tests/peers.sh judges` installs both, as root: {}\n{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        text(&folder, "zonemaster.err"),
        text(&folder, "dnsviz.err"),
    );
    let mut faults = zonemaster(&text(&folder, "zonemaster.json"));
    dnsviz("", &json(&text(&folder, "dnsviz.json")), &mut faults);
    faults
}

fn text(folder: &TempDir, file: &str) -> String {
    std::fs::read_to_string(folder.path().join(file)).unwrap_or_default()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|fault| panic!("{fault}: {text}"))
}

/// Messages of Zonemaster above NOTICE; every module must have been heard, or it has not come to its end.
fn zonemaster(text: &str) -> Vec<String> {
    let told = json(text);
    let messages = told.as_array().expect("a list of messages");
    let modules = [
        "BASIC",
        "CONSISTENCY",
        "DELEGATION",
        "NAMESERVER",
        "SYNTAX",
        "ZONE",
    ];
    for module in modules {
        let is_heard = messages.iter().any(|message| message["module"] == module);
        assert!(is_heard, "Zonemaster tested nothing of {module}");
    }
    let is_fault = |message: &&Value| !CALM.iter().any(|level| message["level"] == *level);
    let tell = |message: &Value| format!("Zonemaster: {message}");
    messages.iter().filter(is_fault).map(tell).collect()
}

/// Errors and warnings of DNSViz, wherever they stand.
fn dnsviz(path: &str, value: &Value, faults: &mut Vec<String>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                if key == "errors" || key == "warnings" {
                    faults.push(format!("DNSViz: {path} {key}: {value}"));
                } else {
                    dnsviz(&format!("{path}/{key}"), value, faults);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| dnsviz(path, value, faults)),
        _ => {}
    }
}

#[test]
fn zonemaster_and_dnsviz_find_no_fault() {
    if !Need::Zonemaster.is_met() {
        return;
    }
    let faults = judge(ZONE);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn zonemaster_and_dnsviz_can_find_fault() {
    if !Need::Zonemaster.is_met() {
        return;
    }
    let promised = "\"@\".NS = [\"ns1.judged.net.\", \"ns2.judged.net.\"]";
    let lame = ZONE.replace(promised, "\"@\".NS = \"ns1.judged.net.\"");
    assert_ne!(lame, ZONE);
    let faults = judge(&lame);
    for judge in ["Zonemaster", "DNSViz"] {
        let is_heard = faults.iter().any(|fault| fault.starts_with(judge));
        assert!(
            is_heard,
            "{judge} finds a zone without its second name server in order: {faults:?}"
        );
    }
}
