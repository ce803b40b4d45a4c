//! Which file serves a zone, over edits, copies, removals and restarts (F26, N1, X10).

use std::fs;

use leeward::admin;
use serde_json::{Value, json};

use super::stage::{Live, fixed_zone};
use crate::wait::wait_for;

const MASTER: &str = "$ORIGIN example.com.\n@ 60 SOA ns hostmaster 1 2h 15m 2w 5m\n@ NS ns\nns A 192.0.2.9\nwww A 192.0.2.1\n";

/// A server with a state folder.
fn live(files: &[(&str, &str)]) -> Live {
    Live::start(files, |config, folder| {
        config.state = Some(folder.join("state"));
    })
}

fn reload(live: &Live, yes: bool) -> Value {
    let told = admin::post(live.http(), &format!("/api/reload?yes={yes}"));
    serde_json::from_str(&told.expect("an answer")).expect("JSON")
}

fn alarms(live: &Live) -> Vec<String> {
    let status = live.json("/api/status");
    let alarms = status["alarms"].as_array().expect("a list").iter();
    alarms
        .map(|row| {
            format!(
                "{} {}",
                row["kind"].as_str().unwrap_or_default(),
                row["subject"].as_str().unwrap_or_default()
            )
        })
        .collect()
}

fn wait_alarms(live: &Live, wanted: &[&str]) {
    wait_for(&format!("alarms {wanted:?}"), || {
        (alarms(live) == wanted).then_some(())
    });
}

/// Waits until one file of this name is refused; returns why.
fn wait_refused(live: &Live, file: &str) -> String {
    wait_for(&format!("{file} to be refused"), || {
        let status = live.json("/api/status");
        let rows = status["files_refused"].as_array()?.clone();
        let row = rows.iter().find(|row| {
            row["file"]
                .as_str()
                .is_some_and(|path| path.ends_with(file))
        })?;
        Some(row["faults"][0].as_str()?.to_owned())
    })
}

#[test]
fn the_file_that_serves_a_zone_keeps_it_over_reloads_and_restarts() {
    // F26, X10: copies, backups, another format, another way to write the apex.
    let other = fixed_zone("example.com", "192.0.2.66");
    let cases = [
        ("example.com.toml", "example.com-old.toml", other.clone()),
        ("example.com.toml", "backup/example.com.toml", other.clone()),
        ("example.com.toml", "example.com (copy).toml", other.clone()),
        (
            "example.com.toml",
            "a.toml",
            fixed_zone("EXAMPLE.com.", "192.0.2.66"),
        ),
        (
            "example.com.toml",
            "example.com.zone",
            MASTER.replace("192.0.2.1\n", "192.0.2.66\n"),
        ),
        ("example.com.zone", "example.com.toml", other.clone()),
        ("zones.toml", "example.com.toml", other),
    ];
    for (serving, newcomer, text) in cases {
        let first = if serving.ends_with(".zone") {
            MASTER.to_owned()
        } else {
            fixed_zone("example.com", "192.0.2.1")
        };
        let mut live = live(&[(serving, &first)]);
        fs::create_dir_all(live.zones().join("backup")).expect("a writable folder");
        live.write(newcomer, &text);
        for round in ["a look", "a reload by hand", "a restart"] {
            match round {
                "a reload by hand" => drop(reload(&live, false)),
                "a restart" => live.restart(),
                _ => (),
            }
            let why = wait_refused(&live, newcomer);
            assert!(
                why.contains("D001")
                    && why.contains(&format!(
                        "served from {}",
                        live.zones().join(serving).display()
                    )),
                "{serving}, {newcomer} after {round}: {why}"
            );
            assert_eq!(
                live.ask("www.example.com").text(),
                "192.0.2.1",
                "{newcomer} after {round}"
            );
            assert!(alarms(&live).is_empty(), "{:?}", alarms(&live));
        }
    }
}

#[test]
fn without_memory_the_file_that_is_called_like_the_zone_serves_it() {
    let (right, wrong) = (
        fixed_zone("example.com", "192.0.2.1"),
        fixed_zone("example.com", "192.0.2.66"),
    );
    let cases: [&[(&str, &str)]; 3] = [
        &[
            ("example.com-old.toml", &wrong),
            ("example.com.toml", &right),
        ],
        &[("a.toml", &wrong), ("Example.Com.toml", &right)],
        &[("b.toml", &wrong), ("a.toml", &right)],
    ];
    for files in cases {
        let live = Live::start(files, |_, _| ());
        assert_eq!(live.ask("www.example.com").text(), "192.0.2.1", "{files:?}");
        let why = wait_refused(&live, files[0].0);
        assert!(why.contains("none of them served it before"), "{why}");
    }
}

#[test]
fn a_file_that_is_renamed_takes_its_zone_along() {
    let mut live = live(&[("a.toml", &fixed_zone("example.com", "192.0.2.1"))]);
    let rename = |live: &Live, from: &str, to: &str| {
        fs::rename(live.zones().join(from), live.zones().join(to)).expect("a writable folder");
    };
    let served_from = |live: &Live, file: &str| {
        wait_for(&format!("{file} to serve"), || {
            assert_eq!(live.ask("www.example.com").text(), "192.0.2.1", "no gap");
            assert!(alarms(live).is_empty(), "{:?}", alarms(live));
            let status = live.json("/api/status");
            let path = status["zones"][0]["file"].as_str()?;
            path.ends_with(file).then_some(())
        });
    };
    rename(&live, "a.toml", "b.toml");
    served_from(&live, "b.toml");
    live.stop();
    rename(&live, "b.toml", "c.toml");
    live.restart();
    served_from(&live, "c.toml");
    // Written anew under another name: no gap either, and told.
    live.write("d.toml", &fixed_zone("example.com", "192.0.2.4"));
    live.remove("c.toml");
    live.wait_answer("www.example.com", "192.0.2.4");
    let timeline = live.get("/api/timeline");
    assert!(timeline.contains("\"moved\""), "{timeline}");
}

#[test]
fn a_refused_copy_does_not_follow_silently() {
    let mut live = live(&[("example.com.toml", &fixed_zone("example.com", "192.0.2.1"))]);
    live.write(
        "example.com-old.toml",
        &fixed_zone("example.com", "192.0.2.66"),
    );
    wait_refused(&live, "example.com-old.toml");
    live.remove("example.com.toml");
    for round in ["a look", "a restart"] {
        if round == "a restart" {
            live.restart();
        }
        wait_alarms(&live, &["zone-file-missing example.com."]);
        assert_eq!(
            live.ask("www.example.com").text(),
            "192.0.2.1",
            "after {round}"
        );
        let why = wait_refused(&live, "example.com-old.toml");
        assert!(
            why.contains("last good version") && why.contains("is gone"),
            "{why}"
        );
    }
    let told = reload(&live, true);
    assert_eq!(told["moved"][0]["zone"], "example.com.", "{told}");
    assert_eq!(live.ask("www.example.com").text(), "192.0.2.66");
    wait_alarms(&live, &[]);
}

#[test]
fn a_removed_file_is_told_and_its_zone_is_served_until_an_operator_lets_it_go() {
    // N1, and point 3: the last good version outlives removed files until told.
    let mut live = live(&[
        ("a.toml", &fixed_zone("a.example", "192.0.2.1")),
        ("b.toml", &fixed_zone("b.example", "192.0.2.2")),
    ]);
    live.remove("b.toml");
    let told = reload(&live, false);
    assert_eq!(told["missing"][0]["zone"], "b.example.", "{told}");
    for round in ["a reload", "a restart"] {
        if round == "a restart" {
            live.restart();
        }
        assert_eq!(
            live.ask("www.b.example").text(),
            "192.0.2.2",
            "after {round}"
        );
        wait_alarms(&live, &["zone-file-missing b.example."]);
        let status = live.json("/api/status");
        let row = &status["zones"][1];
        assert_eq!(row["state"], "last good version served", "{row}");
        assert!(
            row["why"]
                .as_str()
                .is_some_and(|why| why.contains("b.toml is gone")),
            "{row}"
        );
        let metrics = live.get("/metrics");
        assert!(
            metrics.contains("leeward_zone_last_good{zone=\"b.example.\"} 1"),
            "{metrics}"
        );
    }
    let told = reload(&live, true);
    assert_eq!(told["removed"], json!(["b.example."]), "{told}");
    assert_eq!(live.ask("www.b.example").text(), "REFUSED");
    wait_alarms(&live, &[]);
    assert!(live.get("/api/timeline").contains("removed: b.example."));
    assert!(
        live.get("/metrics")
            .contains("leeward_zones_removed_total 1")
    );
    live.restart();
    assert_eq!(
        live.ask("www.b.example").text(),
        "REFUSED",
        "it is let go for good"
    );
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.1");
}

#[test]
fn a_file_that_defines_another_zone_now_leaves_the_old_one_served() {
    let live = live(&[("a.toml", &fixed_zone("example.com", "192.0.2.1"))]);
    live.write("a.toml", &fixed_zone("exmaple.com", "192.0.2.1"));
    live.wait_answer("www.exmaple.com", "192.0.2.1");
    assert_eq!(live.ask("www.example.com").text(), "192.0.2.1");
    wait_alarms(&live, &["zone-file-missing example.com."]);
    live.write("a.toml", &fixed_zone("example.com", "192.0.2.3"));
    live.wait_answer("www.example.com", "192.0.2.3");
    // The other zone is missing now, until it is let go.
    wait_alarms(&live, &["zone-file-missing exmaple.com."]);
    reload(&live, true);
    wait_alarms(&live, &[]);
}

#[test]
fn a_folder_that_loses_its_last_zone_counts_as_unreadable() {
    let mut live = live(&[("a.toml", &fixed_zone("a.example", "192.0.2.1"))]);
    let text = fixed_zone("a.example", "192.0.2.1");
    live.remove("a.toml");
    for round in ["a look", "a reload", "a restart"] {
        match round {
            "a reload" => {
                let told = reload(&live, false);
                assert!(
                    told["error"]
                        .as_str()
                        .is_some_and(|why| why.contains("holds none now")),
                    "{told}"
                );
            }
            "a restart" => live.restart(),
            _ => (),
        }
        wait_for("the alarm", || {
            alarms(&live)
                .iter()
                .any(|alarm| alarm.starts_with("zones-folder"))
                .then_some(())
        });
        assert_eq!(
            live.ask("www.a.example").text(),
            "192.0.2.1",
            "after {round}"
        );
    }
    live.write("a.toml", &text);
    wait_alarms(&live, &[]);
    // The folder itself is gone at a restart.
    let away = live.zones().with_extension("away");
    live.stop();
    fs::rename(live.zones(), &away).expect("a writable folder");
    live.restart();
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.1");
    fs::rename(&away, live.zones()).expect("a writable folder");
    wait_alarms(&live, &[]);
    live.remove("a.toml");
    let told = reload(&live, true);
    assert_eq!(told["removed"], json!(["a.example."]), "{told}");
    wait_alarms(&live, &["no-zone "]);
    let ready = admin::get(live.http(), "/readyz").expect_err("nothing is served");
    assert!(ready.to_string().contains("no zone is served"), "{ready}");
}

#[test]
fn folders_that_are_exchanged_by_links_raise_no_alarm() {
    // As mounted settings are: files are links through one link that is exchanged.
    let live = live(&[]);
    let fill = |version: &str, address: &str| {
        let folder = live.zones().join(version);
        fs::create_dir(&folder).expect("a writable folder");
        fs::write(folder.join("a.toml"), fixed_zone("a.example", address))
            .expect("a writable folder");
        let beside = live.zones().join("..tmp");
        std::os::unix::fs::symlink(version, &beside).expect("a writable folder");
        fs::rename(&beside, live.zones().join("..data")).expect("a writable folder");
    };
    fill("..1", "192.0.2.1");
    std::os::unix::fs::symlink("..data/a.toml", live.zones().join("a.toml"))
        .expect("a writable folder");
    live.wait_answer("www.a.example", "192.0.2.1");
    for (version, address) in [("..2", "192.0.2.2"), ("..3", "192.0.2.3")] {
        fill(version, address);
        live.wait_answer("www.a.example", address);
        assert!(alarms(&live).is_empty(), "{:?}", alarms(&live));
    }
    assert_eq!(live.json("/api/status")["files_refused"], json!([]));
}
