//! What operators and their jobs tell a running server: switches and heartbeats, over the API, kept over a restart.

use leeward::admin;

use super::stage::Live;
use crate::wait::wait_for;

const ZONE: &str = r#"
zone = "a.example"
ttl = "5s"
[checks.colour]
type = "manual"
switches = { blue = true, green = false }
at-least = 1
at-most = 1
[checks.open]
type = "manual"
[checks.job]
type = "heartbeat"
every = "1s"
fall = 2
[pools.blue]
check = "colour/blue"
members = ["192.0.2.1"]
[pools.green]
check = "colour/green"
members = ["192.0.2.2"]
[pools.sorry]
members = ["192.0.2.3"]
[pools.fresh]
check = "job"
members = ["192.0.2.4"]
[names]
"@".NS = "ns.example.net."
www.failover = ["blue", "green"]
shop.failover = [{ to = "blue", check = "open" }, "sorry"]
data.failover = ["fresh", "sorry"]
"#;

fn stage() -> Live {
    Live::start(&[("a.toml", ZONE)], |config, folder| {
        config.state = Some(folder.join("state"));
    })
}

fn throw(stage: &Live, query: &str) -> Result<String, String> {
    admin::post(stage.http(), &format!("/api/switch?{query}")).map_err(|fault| fault.to_string())
}

#[test]
fn a39_switches_change_in_one_step_within_their_bounds_and_outlast_a_restart() {
    let mut stage = stage();
    assert_eq!(stage.ask("www.a.example").text(), "192.0.2.1");
    for (query, refused) in [
        (
            "check=colour&set=blue:off",
            "0 switches of `colour` would be on; it allows 1 to 1",
        ),
        (
            "check=colour&set=green:on",
            "2 switches of `colour` would be on",
        ),
        (
            "check=colour&set=red:on",
            "`colour` has no switch `red`, but blue, green",
        ),
        ("check=colour&set=on", "`colour` has no switch ``"),
        (
            "check=open&set=blue:off",
            "`open` is one switch: set it to on or off",
        ),
        ("check=open&set=maybe", "neither on nor off"),
        ("check=job&set=on", "no check of type manual"),
        (
            "check=other&set=on",
            "no zone that is served has a check `other`",
        ),
        (
            "check=open&set=off&zone=b.example",
            "no zone that is served",
        ),
    ] {
        let why = throw(&stage, query).expect_err(query);
        assert!(why.contains(refused), "{query}: {why}");
        assert_eq!(stage.ask("www.a.example").text(), "192.0.2.1", "{query}");
    }
    // One step: no answer in between is without a colour.
    throw(&stage, "check=colour&set=blue:off,green:on").expect("within the bounds");
    assert_eq!(stage.ask("www.a.example").text(), "192.0.2.2");
    throw(&stage, "check=open&set=off&zone=A.Example.").expect("a switch of its own");
    assert_eq!(stage.ask("shop.a.example").text(), "192.0.2.3");
    let rows = stage.json("/api/switches");
    assert_eq!(rows.as_array().map(Vec::len), Some(3));
    assert_eq!(rows[0]["on"], false);
    assert_eq!(rows[0]["first"], true);
    let told = stage.get("/api/timeline");
    assert!(told.contains("colour/blue off, colour/green on"), "{told}");
    stage.restart();
    assert_eq!(stage.ask("www.a.example").text(), "192.0.2.2");
    assert_eq!(stage.ask("shop.a.example").text(), "192.0.2.3");
    // Bounds that the file changes so that what was set breaks them: the file is right.
    stage.write(
        "a.toml",
        &ZONE
            .replace("at-least = 1\nat-most = 1", "at-least = 2")
            .replace("green = false", "green = true"),
    );
    stage.wait_answer("www.a.example", "192.0.2.1");
    // What was ordered and does not count is told, until it is ordered anew.
    let alarms = || stage.json("/api/status")["alarms"].to_string();
    let told = alarms();
    assert!(
        told.contains("switches-overruled") && told.contains("a.example. colour"),
        "{told}"
    );
    throw(&stage, "check=colour&set=blue:on,green:on").expect("within the bounds");
    assert_eq!(alarms(), "[]");
}

#[test]
fn a_heartbeat_that_stays_away_is_unhealthy_until_it_comes() {
    let mut stage = stage();
    assert_eq!(
        stage.ask("data.a.example").text(),
        "192.0.2.4",
        "unknown counts as healthy"
    );
    stage.wait_answer("data.a.example", "192.0.2.3");
    let beat = |stage: &Live, query: &str| {
        admin::post(stage.http(), &format!("/api/heartbeat?check=job{query}"))
    };
    beat(&stage, "&note=3+rows").expect("a job that reports");
    assert_eq!(
        stage.ask("data.a.example").text(),
        "192.0.2.4",
        "answers follow at once"
    );
    let status = stage.get("/api/status");
    assert!(status.contains("reported: 3 rows"), "{status}");
    for _ in 0..2 {
        beat(&stage, "&result=bad").expect("a job that fails");
    }
    assert_eq!(stage.ask("data.a.example").text(), "192.0.2.3");
    beat(&stage, "").expect("a job that reports");
    stage.restart();
    wait_for("what was saved", || {
        stage.get("/api/status").contains("reported").then_some(())
    });
    stage.wait_answer("data.a.example", "192.0.2.3");
    for (query, why) in [
        ("&result=perhaps", "good or bad"),
        ("&zone=b.example", "`job`"),
    ] {
        let fault = beat(&stage, query).expect_err(query).to_string();
        assert!(fault.contains(why), "{fault}");
    }
}

const CAPACITY: &str = r#"
zone = "b.example"
[checks.open]
type = "manual"
[pools.us]
check = "open"
members = ["192.0.2.1"]
[pools.eu]
capacity = "40%"
members = ["192.0.2.2"]
[names]
"@".NS = "ns.example.net."
www.weighted = { us = 60, eu = 40 }
"#;

#[test]
fn a58_status_says_when_a_name_is_over_capacity() {
    let stage = Live::start(&[("b.toml", CAPACITY)], |_, _| {});
    let because = || {
        let status = stage.json("/api/status");
        status["names"][0]["because"]
            .as_str()
            .map(str::to_owned)
            .expect("a row of a name")
    };
    assert_eq!(because(), "");
    throw(&stage, "check=open&set=off").expect("a switch");
    assert_eq!(stage.ask("www.b.example").text(), "192.0.2.2");
    assert!(
        because().starts_with("over capacity; us is out: "),
        "{}",
        because()
    );
    assert!(stage.get("/").contains("over capacity; us is out"));
}
