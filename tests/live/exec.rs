//! Commands as checks: the program and its helper process, with commands that mean well and commands that do not.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use leeward::admin;
use serde_json::Value;
use tempfile::TempDir;

use super::command::{Served, serve_config, signal};
use super::stage::ask;
use crate::wait::wait_for;

/// A server whose checks run the scripts of a folder.
struct Scene {
    folder: TempDir,
    served: Served,
    dns: SocketAddr,
    http: SocketAddr,
}

impl Scene {
    /// Starts with two pools of one member each; the first is judged by a script.
    fn start(script: &str, check: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir_all(root.join("zones")).expect("a writable folder");
        fs::create_dir_all(root.join("checks")).expect("a writable folder");
        write_script(&root.join("checks/probe"), script);
        let zone = format!(
            "zone = \"a.example\"\nttl = \"5s\"\n[checks.run]\ntype = \"exec\"\ninterval = \"200ms\"\nfall = 2\nrise = 1\n\
             command = [\"{}\", \"{{address}}\"]\n{check}\n[pools.one]\ncheck = \"run\"\nmembers = [\"192.0.2.1\"]\n\
             [pools.two]\nmembers = [\"192.0.2.2\"]\n[names]\n\"@\".NS = \"ns.example.net.\"\n\
             www.failover = [\"one\", \"two\"]\n",
            root.join("checks/probe").display()
        );
        fs::write(root.join("zones/a.toml"), zone).expect("a writable folder");
        let config = "listen = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\nzones = \"zones\"\n[exec]\nallow = \"checks\"\n";
        let file = root.join("leeward.toml");
        fs::write(&file, config).expect("a writable folder");
        let (served, dns, http) = serve_config(&file);
        Self {
            folder,
            served,
            dns,
            http,
        }
    }

    fn script(&self, text: &str) {
        write_script(&self.folder.path().join("checks/probe"), text);
    }

    fn wait_answer(&self, wanted: &str) {
        wait_for(wanted, || {
            (ask(self.dns, "www.a.example").text() == wanted).then_some(())
        });
    }

    fn wait_evidence(&self, wanted: &str) {
        wait_for(wanted, || {
            let status = admin::get(self.http, "/api/status").ok()?;
            let status: Value = serde_json::from_str(&status).ok()?;
            let evidence = status["targets"][0]["evidence"].as_str()?;
            evidence.contains(wanted).then_some(())
        });
    }

    fn wait_metric(&self, wanted: &str) {
        wait_for(wanted, || {
            let metrics = admin::get(self.http, "/metrics").ok()?;
            metrics.lines().any(|line| line == wanted).then_some(())
        });
    }

    /// Processes whose parent is the server: its helper, if it runs.
    fn helper(&self) -> Option<i32> {
        let server = self.served.0.id();
        let tasks = fs::read_dir(format!("/proc/{server}/task")).ok()?;
        tasks.flatten().find_map(|task| {
            let children = fs::read_to_string(task.path().join("children")).ok()?;
            children.split_ascii_whitespace().next()?.parse().ok()
        })
    }
}

/// Puts a script in place whole, so that no half of it is ever run.
fn write_script(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, format!("#!/bin/sh\n{text}\n")).expect("a writable folder");
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).expect("our own file");
    fs::rename(&beside, path).expect("a writable folder");
}

#[test]
fn a_command_decides_and_its_first_line_is_the_evidence() {
    let scene = Scene::start("echo \"lag of $1: 3 s\"", "");
    scene.wait_answer("192.0.2.1");
    scene.wait_evidence("lag of 192.0.2.1: 3 s");
    scene.script("echo lag 300 s; exit 2");
    scene.wait_answer("192.0.2.2");
    scene.wait_evidence("exit status 2: lag 300 s");
    scene.script("exit 0");
    scene.wait_answer("192.0.2.1");
}

#[test]
fn commands_that_never_end_write_for_ever_or_multiply_are_bad_and_gone() {
    let scene = Scene::start("exit 0", "timeout = \"150ms\"");
    scene.wait_answer("192.0.2.1");
    for (hostile, evidence) in [
        ("trap '' TERM INT; sleep 4242", "while the command ran"),
        ("exec yes", "and was killed"),
        // Two at a time, each of which does the same, until the time is up.
        (
            "n=${2:-0}; [ $n -gt 5 ] && sleep 4242; \"$0\" x $((n+1)) & \"$0\" x $((n+1)) & wait",
            "timed out",
        ),
        // Out of the group and left behind.
        ("setsid sleep 4242 & exit 1", "exit status 1"),
    ] {
        scene.script(hostile);
        scene.wait_answer("192.0.2.2");
        scene.wait_evidence(evidence);
        scene.script("exit 0");
        scene.wait_answer("192.0.2.1");
        wait_for("all of them to be gone", || {
            let helper = scene.helper()?;
            let listed = Command::new("ps")
                .args(["-eo", "ppid=,args="])
                .output()
                .ok()?;
            let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
            let of_helper = |line: &&str| {
                line.trim_start().starts_with(&format!("{helper} ")) && line.contains("sleep 4242")
            };
            (listed.lines().find(of_helper).is_none()).then_some(())
        });
    }
}

#[test]
fn a_helper_that_dies_is_unknown_then_starts_again() {
    let scene = Scene::start("exit 0", "");
    scene.wait_answer("192.0.2.1");
    scene.wait_metric("leeward_exec_helper_up 1");
    scene.script("exit 1");
    scene.wait_answer("192.0.2.2");
    let first = wait_for("the helper", || scene.helper());
    let killed = Command::new("kill")
        .args(["-9", &first.to_string()])
        .status();
    assert!(killed.is_ok_and(|status| status.success()));
    let second = wait_for("another helper", || {
        scene.helper().filter(|next| *next != first)
    });
    assert_ne!(first, second);
    scene.wait_metric("leeward_exec_helper_starts_total 2");
    scene.script("exit 0");
    scene.wait_answer("192.0.2.1");
    // The helper ends with the server.
    signal(&scene.served, "-KILL");
    wait_for("the end of the helper", || {
        let state = fs::read_to_string(format!("/proc/{second}/stat")).unwrap_or_default();
        (state.is_empty() || state.contains(") Z ")).then_some(())
    });
}

#[test]
fn a_command_that_the_server_does_not_allow_is_no_evidence() {
    let scene = Scene::start("exit 1", "");
    scene.wait_answer("192.0.2.2");
    let file = scene.folder.path().join("zones/a.toml");
    let zone = fs::read_to_string(&file).expect("it was written");
    let program = scene
        .folder
        .path()
        .join("checks/probe")
        .display()
        .to_string();
    fs::write(&file, zone.replace(&program, "/bin/false")).expect("a writable folder");
    scene.wait_evidence("does not name /bin/false");
    scene.wait_answer("192.0.2.1");
}

/// X20: the command of one check ends the helper each time it runs; those of another go on.
#[test]
fn a_command_that_kills_its_parent_stops_no_other() {
    let scene = Scene::start("sleep 0.1; exit 0", "");
    scene.wait_answer("192.0.2.1");
    let root = scene.folder.path();
    write_script(&root.join("checks/killer"), "kill -9 $PPID; sleep 1");
    let zone = format!(
        "zone = \"b.example\"\n[checks.kill]\ntype = \"exec\"\ninterval = \"200ms\"\ncommand = [\"{}\"]\n\
         [pools.one]\ncheck = \"kill\"\nmembers = [\"192.0.2.9\"]\n[names]\n\"@\".NS = \"ns.example.net.\"\nwww = \"one\"\n",
        root.join("checks/killer").display()
    );
    fs::write(root.join("zones/b.toml"), zone).expect("a writable folder");
    let count = |wanted: &str| -> f64 {
        let metrics = admin::get(scene.http, "/metrics").unwrap_or_default();
        let lines = metrics.lines().filter(|line| line.starts_with(wanted));
        lines
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum()
    };
    wait_for("a helper that dies again and again", || {
        (count("leeward_exec_helper_starts_total") >= 8.0).then_some(())
    });
    wait_for("the alarm", || {
        let status = admin::get(scene.http, "/api/status").ok()?;
        status.contains("commands-helper").then_some(())
    });
    // What was lost with the first deaths is over; from then on the other check is as if alone.
    let of = |outcome: &str| {
        count(&format!(
            "leeward_probes_total{{zone=\"a.example.\",check=\"run\",outcome=\"{outcome}\"}}"
        ))
    };
    let (good, lost) = (of("good"), of("no-evidence"));
    wait_for("good probes", || (of("good") >= good + 6.0).then_some(()));
    assert!(of("no-evidence") <= lost + 2.0, "{lost} were lost before");
    // The status follows its command at once.
    scene.script("exit 1");
    scene.wait_answer("192.0.2.2");
}

/// X2: forty commands that take almost a minute leave turns for one that is quick, before and after it is known as such.
#[test]
fn commands_that_take_long_delay_no_other() {
    let scene = Scene::start("exit 0", "");
    let root = scene.folder.path();
    write_script(&root.join("checks/slow"), "exec sleep 57");
    let mut zone = String::from("zone = \"b.example\"\n");
    for number in 0..40 {
        zone += &format!(
            "[checks.c{number}]\ntype = \"exec\"\ninterval = \"60s\"\ntimeout = \"58s\"\ncommand = [\"{}\", \"{number}\"]\n\
             [pools.p{number}]\ncheck = \"c{number}\"\nmembers = [\"192.0.2.{number}\"]\n",
            root.join("checks/slow").display()
        );
    }
    zone += "[names]\n\"@\".NS = \"ns.example.net.\"\n";
    for number in 0..40 {
        zone += &format!("n{number} = \"p{number}\"\n");
    }
    fs::write(root.join("zones/b.toml"), zone).expect("a writable folder");
    let metric = |wanted: &str| -> f64 {
        let metrics = admin::get(scene.http, "/metrics").unwrap_or_default();
        let line = metrics.lines().find(|line| line.starts_with(wanted));
        line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok())
            .unwrap_or(0.0)
    };
    wait_for("every turn that they may have", || {
        (metric("leeward_exec_running") >= 24.0).then_some(())
    });
    let good = "leeward_probes_total{zone=\"a.example.\",check=\"run\",outcome=\"good\"}";
    let before = metric(good);
    wait_for("good probes", || {
        (metric(good) >= before + 10.0).then_some(())
    });
    wait_for("the alarm", || {
        let status = admin::get(scene.http, "/api/status").ok()?;
        (status.contains("probes-late") && status.contains("commands")).then_some(())
    });
    scene.script("exit 1");
    scene.wait_answer("192.0.2.2");
    assert_eq!(
        metric("leeward_probes_crowded_total{room=\"network\"}"),
        0.0
    );
}
