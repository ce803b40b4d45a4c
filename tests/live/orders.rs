//! Orders that outlive whatever happens after their answer, and state files that nobody can read.

use std::fs;
use std::path::Path;
use std::process::Command;

use leeward::admin::{self, ClientFault};

use super::command::{serve_config, signal};
use super::stage::{Live, ask};
use crate::wait::wait_for;

const ZONE: &str = r#"
zone = "a.example"
ttl = "5s"
[checks.gate]
type = "manual"
[checks.door]
type = "manual"
[checks.job]
type = "heartbeat"
every = "1h"
fall = 1
[pools.shop]
check = "gate"
members = ["192.0.2.1"]
[pools.other]
check = "door"
members = ["192.0.2.2"]
[pools.fresh]
check = "job"
members = ["192.0.2.4"]
[pools.sorry]
members = ["192.0.2.3"]
[names]
"@".NS = "ns.example.net."
www.failover = ["shop", "sorry"]
alt.failover = ["other", "sorry"]
data.failover = ["fresh", "sorry"]
"#;

fn stage(state: &str) -> Live {
    let state = state.to_owned();
    Live::start(&[("a.toml", ZONE)], move |config, folder| {
        config.state = Some(folder.join(state));
    })
}

fn throw(stage: &Live, set: &str) -> Result<String, ClientFault> {
    admin::post(stage.http(), &format!("/api/switch?check=gate&set={set}"))
}

fn alarms(stage: &Live) -> Vec<String> {
    let status = stage.json("/api/status");
    let rows = status["alarms"].as_array().expect("a list").iter();
    rows.map(|row| row["kind"].as_str().expect("a word").to_owned())
        .collect()
}

fn wait_alarm(stage: &Live, kind: &str, is_wanted: bool) {
    wait_for(&format!("{kind} to be {is_wanted}"), || {
        (alarms(stage).iter().any(|alarm| alarm == kind) == is_wanted).then_some(())
    });
}

/// Writes a server file, with the zone beside it.
fn files(folder: &Path) -> std::path::PathBuf {
    let zones = folder.join("zones");
    fs::create_dir(&zones).expect("a writable folder");
    fs::write(zones.join("a.toml"), ZONE).expect("a writable folder");
    let file = folder.join("leeward.toml");
    let text = "listen = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\nstate = \"state\"\nworkers = 1\n";
    fs::write(&file, text).expect("a writable folder");
    file
}

// X4.
#[test]
fn what_was_answered_is_kept_over_a_kill_right_after() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = files(folder.path());
    let mut wanted = "192.0.2.1";
    for round in 0..30 {
        let (mut served, dns, http) = serve_config(&file);
        assert_eq!(ask(dns, "www.a.example").text(), wanted, "round {round}");
        let data = if round == 0 { "192.0.2.4" } else { "192.0.2.3" };
        assert_eq!(ask(dns, "data.a.example").text(), data, "round {round}");
        let (set, next) = match round % 2 {
            0 => ("off", "192.0.2.3"),
            _ => ("on", "192.0.2.1"),
        };
        admin::post(http, "/api/heartbeat?check=job&result=bad").expect("a report");
        admin::post(http, &format!("/api/switch?check=gate&set={set}")).expect("a switch");
        signal(&served, "-KILL");
        served.0.wait().expect("a child");
        wanted = next;
    }
}

#[test]
fn orders_that_cannot_be_saved_are_refused_until_they_can() {
    // A file in the place of the folder stops even those who may write everywhere.
    let stage = stage("leeward.state");
    let state = stage.folder.path().join("leeward.state");
    throw(&stage, "off").expect("a folder that can be made");
    assert_eq!(stage.ask("www.a.example").text(), "192.0.2.3");
    fs::remove_dir_all(&state).expect("a folder");
    fs::write(&state, "no folder").expect("a writable folder");
    let refused = throw(&stage, "on").expect_err("it cannot be saved");
    assert!(matches!(refused, ClientFault::Refused(507, _)), "{refused}");
    let text = refused.to_string();
    for wanted in ["not in force", "leeward.state", "ask again"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert_eq!(stage.ask("www.a.example").text(), "192.0.2.3");
    assert_eq!(stage.json("/api/switches")[0]["on"], false);
    let beat = admin::post(stage.http(), "/api/heartbeat?check=job&result=bad");
    let text = beat.expect_err("it cannot be saved").to_string();
    assert!(text.contains("is counted"), "{text}");
    assert_eq!(
        stage.ask("data.a.example").text(),
        "192.0.2.3",
        "a fact counts"
    );
    wait_alarm(&stage, "state-not-saved", true);
    let metrics = stage.get("/metrics");
    assert!(metrics.contains("leeward_state_saves_total{result=\"failed\"}"));
    assert!(metrics.contains("leeward_state_saved_age_seconds"));
    fs::remove_file(&state).expect("a file");
    throw(&stage, "on").expect("a folder that can be made");
    assert_eq!(stage.ask("www.a.example").text(), "192.0.2.1");
    wait_alarm(&stage, "state-not-saved", false);
}

#[test]
fn a_save_that_fails_half_way_leaves_the_orders_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = files(folder.path());
    let (served, _, http) = serve_config(&file);
    admin::post(http, "/api/switch?check=door&set=off").expect("room");
    signal(&served, "-KILL");
    drop(served);
    let saved = fs::read(folder.path().join("state/orders.json")).expect("saved");
    let beside = folder.path().join("state/orders.json.new");
    fs::create_dir(&beside).expect("a writable folder");
    let (_served, dns, http) = serve_config(&file);
    assert_eq!(ask(dns, "alt.a.example").text(), "192.0.2.3");
    let refused = admin::post(http, "/api/switch?check=gate&set=off")
        .expect_err("the new file cannot be made");
    assert!(matches!(refused, ClientFault::Refused(507, _)), "{refused}");
    assert_eq!(ask(dns, "www.a.example").text(), "192.0.2.1");
    let still = fs::read(folder.path().join("state/orders.json")).expect("still there");
    assert_eq!(still, saved);
}

#[test]
fn without_a_state_folder_the_answer_says_that_memory_is_all() {
    let stage = Live::start(&[("a.toml", ZONE)], |_, _| {});
    for answer in [
        throw(&stage, "off"),
        admin::post(stage.http(), "/api/heartbeat?check=job"),
    ] {
        let answer = answer.expect("it is in force");
        assert!(answer.contains("in memory only"), "{answer}");
    }
    assert_eq!(stage.ask("www.a.example").text(), "192.0.2.3");
    assert!(
        !stage
            .get("/metrics")
            .contains("leeward_state_saved_age_seconds ")
    );
}

#[test]
fn many_heartbeats_share_a_few_saves() {
    const SENDERS: usize = 60;
    let stage = stage("state");
    let http = stage.http();
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            std::thread::spawn(move || {
                for _ in 0..3 {
                    admin::post(http, "/api/heartbeat?check=job").expect("it is taken");
                }
            })
        })
        .collect();
    for sender in senders {
        sender.join().expect("every report is taken");
    }
    let metrics = stage.get("/metrics");
    let saves = metrics
        .lines()
        .find_map(|line| line.strip_prefix("leeward_state_saves_total{result=\"saved\"} "))
        .and_then(|count| count.parse::<usize>().ok())
        .expect("saves");
    assert!(saves < SENDERS, "{saves} saves of {} reports", 3 * SENDERS);
}

#[test]
fn one_order_of_two_on_one_panel_is_judged_after_the_other() {
    let stage = stage("state");
    let http = stage.http();
    let both: Vec<_> = ["off", "on"]
        .map(|set| {
            std::thread::spawn(move || {
                admin::post(http, &format!("/api/switch?check=gate&set={set}"))
            })
        })
        .into_iter()
        .map(|order| order.join().expect("no panic").expect("in order"))
        .collect();
    let now = stage.json("/api/switches")[0]["on"].clone();
    let on = if now == true {
        "192.0.2.1"
    } else {
        "192.0.2.3"
    };
    assert_eq!(stage.ask("www.a.example").text(), on, "{both:?}");
}

// X16.
#[test]
fn a_state_file_that_cannot_be_read_costs_only_what_is_garbled() {
    let mut stage = stage("state");
    let state = stage.folder.path().join("state");
    throw(&stage, "off").expect("a switch");
    admin::post(stage.http(), "/api/switch?check=door&set=off").expect("a switch");
    stage.stop();
    let path = state.join("state.json");
    let text = fs::read_to_string(&path).expect("saved");
    let garbled = text.replacen("\"check\":\"door\"", "\"check\":\"door", 1);
    assert_ne!(text, garbled);
    fs::write(&path, &garbled).expect("a writable folder");
    stage.restart();
    assert_eq!(stage.ask("www.a.example").text(), "192.0.2.3", "kept");
    assert_eq!(stage.ask("alt.a.example").text(), "192.0.2.2", "lost");
    wait_alarm(&stage, "state-damaged", true);
    let kept = state.join("state.json.bad");
    assert_eq!(fs::read_to_string(&kept).expect("kept"), garbled);
    assert!(
        stage
            .get("/metrics")
            .contains("leeward_state_entries_lost 1")
    );
    // An operator who has seen it ends the alarm.
    fs::remove_file(&kept).expect("kept");
    wait_alarm(&stage, "state-damaged", false);
}

#[test]
fn whatever_stands_in_the_place_of_the_state_holds_up_no_start() {
    let mut stage = stage("state");
    let path = stage.folder.path().join("state/state.json");
    throw(&stage, "off").expect("a switch");
    type Spoiled = (&'static str, fn(&Path));
    let spoil: [Spoiled; 5] = [
        ("a pipe", |path| {
            let made = Command::new("mkfifo").arg(path).status();
            assert!(made.expect("mkfifo runs").success());
        }),
        ("a folder", |path| fs::create_dir(path).expect("writable")),
        ("a device", |path| {
            std::os::unix::fs::symlink("/dev/zero", path).expect("writable");
        }),
        ("a huge file", |path| {
            let file = fs::File::create(path).expect("writable");
            file.set_len(1 << 33).expect("a sparse file");
        }),
        ("nothing in it", |path| {
            fs::write(path, "").expect("writable")
        }),
    ];
    for (what, spoil) in spoil {
        stage.stop();
        fs::remove_file(&path).expect("saved at the end");
        spoil(&path);
        stage.restart();
        assert_eq!(stage.ask("www.a.example").text(), "192.0.2.1", "{what}");
        wait_alarm(&stage, "state-damaged", true);
        // What was there is kept, and the state is saved in its place. Nothing huge, endless or silent is read here.
        wait_for(what, || {
            let about = fs::symlink_metadata(&path).ok()?;
            let is_state = about.is_file() && about.len() < 1 << 20;
            let text = is_state.then(|| fs::read_to_string(&path).ok())??;
            text.starts_with("{\"format\":1").then_some(())
        });
    }
}

#[test]
fn two_servers_do_not_save_in_one_folder() {
    let first = stage("state");
    let state = first.folder.path().join("state");
    throw(&first, "off").expect("a switch");
    let second = Live::start(&[("a.toml", ZONE)], |config, _| {
        config.state = Some(state.clone());
    });
    wait_alarm(&second, "state-not-saved", true);
    let text = throw(&second, "on")
        .expect_err("it cannot be saved")
        .to_string();
    assert!(text.contains("another process"), "{text}");
    throw(&first, "on").expect("it was first");
    drop(first);
    throw(&second, "off").expect("it is alone now");
    wait_alarm(&second, "state-not-saved", false);
}
