//! Checks that may not be made, and checks that learn nothing.

use super::stage::Live;
use crate::wait::wait_for;

/// A zone whose checks cannot say anything: one goes where clouds keep secrets, one runs no program, one asks no Prometheus.
const SILENT: &str = r#"
zone = "silent.example"
[checks.secrets]
type = "http"
path = "/latest/meta-data/"
interval = "100ms"
[checks.command]
type = "exec"
command = ["/nonexistent/program"]
interval = "100ms"
[checks.metric]
type = "prometheus"
url = "http://127.0.0.1:1"
query = "up"
healthy-if = "> 0"
interval = "100ms"
[pools.a]
check = ["secrets", "command", "metric"]
members = ["169.254.169.254", "169.254.169.253"]
[names]
"@".NS = "ns.example.net."
www.failover = ["a"]
"#;

#[test]
fn checks_that_learn_nothing_raise_an_alarm_each() {
    // F48: such checks counted as healthy for ever, and nothing said so.
    let stage = Live::start(&[("silent.toml", SILENT)], |_, _| {});
    let rows = wait_for("an alarm for each check", || {
        let status = stage.json("/api/status");
        let rows = status["alarms"].as_array()?.clone();
        let ours = rows.into_iter().filter(|row| row["kind"] == "no-evidence");
        let ours: Vec<_> = ours.collect();
        (ours.len() == 3).then_some(ours)
    });
    let texts = [
        ("silent.example. command", "the probe cannot be made"),
        (
            "silent.example. metric",
            "Prometheus cannot be asked: connect refused",
        ),
        (
            "silent.example. secrets",
            "2 targets, the first: 169.254.169.25",
        ),
    ];
    for (row, (subject, text)) in rows.iter().zip(texts) {
        assert_eq!(row["subject"], subject, "{rows:?}");
        let told = row["text"].as_str().unwrap_or_default();
        assert!(told.contains(text), "{told}");
    }
    let metrics = stage.get("/metrics");
    assert!(
        metrics.contains("leeward_alarms{kind=\"no-evidence\"} 3"),
        "{metrics}"
    );
}

#[test]
fn checks_of_a_zone_command_no_other_zone() {
    // X12: a check with `method = "POST"` threw a switch of another zone.
    let victim = r#"
zone = "victim.example"
[checks.open]
type = "manual"
[pools.a]
check = "open"
members = ["192.0.2.1"]
[pools.b]
members = ["192.0.2.2"]
[names]
"@".NS = "ns.example.net."
www.failover = ["a", "b"]
"#;
    let stage = Live::start(&[("victim.toml", victim)], |_, _| {});
    let spellings = [
        "address = \"127.0.0.1\"",
        "address = \"0.0.0.0\"",
        "address = \"::ffff:127.0.0.1\"",
        "target = \"localhost.\"",
    ];
    let port = stage.http().port();
    let mut checks = String::new();
    for (number, spelling) in spellings.iter().enumerate() {
        checks += &format!(
            "[checks.c{number}]\ntype = \"http\"\nmethod = \"POST\"\ninterval = \"100ms\"\nport = {port}\n\
             path = \"/api/switch?check=open&set=off\"\n{spelling}\n"
        );
    }
    let hostile = format!(
        "zone = \"hostile.example\"\n{checks}[pools.a]\ncheck = [\"c0\", \"c1\", \"c2\", \"c3\"]\n\
         members = [\"192.0.2.9\"]\n[names]\n\"@\".NS = \"ns.example.net.\"\nwww.failover = [\"a\"]\n"
    );
    stage.write("hostile.toml", &hostile);
    let told = wait_for("evidence of each check", || {
        let status = stage.get("/api/status");
        let count = status
            .matches("is where this server takes commands")
            .count();
        (count >= spellings.len()).then_some(status)
    });
    assert_eq!(
        stage.ask("www.victim.example").text(),
        "192.0.2.1",
        "{told}"
    );
}
