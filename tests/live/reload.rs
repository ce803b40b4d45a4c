//! Zone files and databases change while queries are answered.

use maxminddb_writer::Database;
use maxminddb_writer::metadata::IpVersion;
use maxminddb_writer::paths::IpAddrWithMask;
use serde_json::json;

use super::stage::{Live, failover_zone, fixed_zone, two_endpoints};
use crate::wait::wait_for;

#[test]
fn a_changed_file_is_served_after_a_look() {
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |_, _| (),
    );
    let serial = live.json("/api/status")["zones"][0]["serial"].as_u64();
    live.write("a.toml", &fixed_zone("a.example", "192.0.2.2"));
    live.wait_answer("www.a.example", "192.0.2.2");
    assert!(live.json("/api/status")["zones"][0]["serial"].as_u64() > serial);
}

#[test]
fn a_master_file_and_what_it_includes_are_served_and_followed() {
    let head = "@ 60 SOA ns hostmaster 1 2h 15m 2w 5m\n@ NS ns\nns A 192.0.2.9\n";
    let live = Live::start(
        &[
            ("b.example.zone", &format!("{head}$INCLUDE hosts.txt\n")),
            ("hosts.txt", "www A 192.0.2.1\n"),
            ("a.toml", &fixed_zone("a.example", "192.0.2.7")),
        ],
        |_, _| (),
    );
    assert_eq!(live.ask("www.b.example").text(), "192.0.2.1");
    live.write("hosts.txt", "www A 192.0.2.2\n");
    live.wait_answer("www.b.example", "192.0.2.2");
    live.write("hosts.txt", "www A 192.0.2\n");
    let refused = wait_for("the refusal", || {
        let status = live.json("/api/status");
        (status["files_refused"].as_array()?.len() == 1).then_some(status)
    });
    let fault = refused["files_refused"][0]["faults"][0].as_str();
    assert!(
        fault.is_some_and(|text| text.contains("hosts.txt:1:7 M014")),
        "{fault:?}"
    );
    assert_eq!(live.ask("www.b.example").text(), "192.0.2.2");
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.7");
}

#[test]
fn a_request_reloads_where_nothing_looks() {
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |config, _| {
            config.poll = None;
        },
    );
    live.write("a.toml", &fixed_zone("a.example", "192.0.2.2"));
    live.running().reload();
    live.wait_answer("www.a.example", "192.0.2.2");
    live.write("a.toml", &fixed_zone("a.example", "192.0.2.3"));
    let told = leeward::admin::post(live.http(), "/api/reload").expect("an answer");
    assert!(told.contains("\"loaded\""), "{told}");
    assert_eq!(
        live.ask("www.a.example").text(),
        "192.0.2.3",
        "the answer comes after the swap"
    );
}

#[test]
fn a_request_during_a_load_is_not_lost() {
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.0"))],
        |config, _| {
            config.poll = None;
        },
    );
    for round in 1..=50 {
        let address = format!("192.0.2.{round}");
        // The first load may still be under way, with the old content read already.
        live.running().reload();
        live.write("a.toml", &fixed_zone("a.example", &address));
        leeward::admin::post(live.http(), "/api/reload").expect("an answer");
        assert_eq!(live.ask("www.a.example").text(), address);
    }
}

#[test]
fn a_broken_file_keeps_the_last_good_zone() {
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |_, _| (),
    );
    live.write("a.toml", "zone = \"a.example\"\n[names\n");
    let refused = wait_for("the refusal", || {
        let status = live.json("/api/status");
        (status["files_refused"].as_array()?.len() == 1).then_some(status)
    });
    assert!(
        refused["files_refused"][0]["faults"][0]
            .as_str()
            .is_some_and(|text| text.contains("L001"))
    );
    assert_eq!(refused["zones"][0]["state"], "last good version served");
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.1");
    let gauge = |value: &str| {
        live.get("/metrics")
            .lines()
            .any(|line| line.starts_with("leeward_zone_refused{") && line.ends_with(value))
    };
    assert!(gauge(" 1"), "{}", live.get("/metrics"));
    live.write("a.toml", &fixed_zone("a.example", "192.0.2.3"));
    live.wait_answer("www.a.example", "192.0.2.3");
    assert_eq!(live.json("/api/status")["files_refused"], json!([]));
    // A file that is served again has no series, rather than one that stays for ever.
    assert!(!gauge(" 1"), "{}", live.get("/metrics"));
}

#[test]
fn zones_come_and_go_and_no_apex_is_served_twice() {
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |_, _| (),
    );
    live.write("b.toml", &fixed_zone("b.example", "192.0.2.2"));
    live.wait_answer("www.b.example", "192.0.2.2");
    live.write("c.toml", &fixed_zone("b.example", "192.0.2.3"));
    wait_for("the second file of one zone to be refused", || {
        let status = live.json("/api/status");
        status["files_refused"][0]["file"]
            .as_str()?
            .ends_with("c.toml")
            .then_some(())
    });
    assert_eq!(live.ask("www.b.example").text(), "192.0.2.2");
    live.remove("b.toml");
    let reload = || leeward::admin::post(live.http(), "/api/reload?yes=true").expect("an answer");
    reload();
    assert_eq!(live.ask("www.b.example").text(), "192.0.2.3");
    live.remove("c.toml");
    reload();
    assert_eq!(live.ask("www.b.example").text(), "REFUSED");
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.1");
}

#[test]
fn equal_targets_keep_their_status() {
    let (east, west) = two_endpoints();
    let zone = failover_zone("a.example", &east, &west);
    let live = Live::start(&[("a.toml", &zone)], |_, _| ());
    east.kill();
    live.wait_answer("www.a.example", "127.0.1.2");
    live.wait_statuses_known();
    let before = live.json("/api/status");
    live.write("a.toml", &zone.replace("192.0.2.7", "192.0.2.8"));
    wait_for("the new content", || {
        let reply = live.ask("www.a.example");
        assert_eq!(reply.text(), "127.0.1.2", "no answer in between");
        (live.ask("fixed.a.example").text() == "192.0.2.8").then_some(())
    });
    let after = live.json("/api/status");
    for number in 0..2 {
        for key in ["id", "status", "since"] {
            assert_eq!(
                after["targets"][number][key],
                before["targets"][number][key]
            );
        }
    }
}

/// A database that puts the loopback network in one country.
fn database(country: &str, continent: &str) -> Vec<u8> {
    let mut writer = Database::default();
    writer.metadata.ip_version = IpVersion::V4;
    writer.metadata.database_type = "Test-Country".to_owned();
    writer.metadata.binary_format_major_version = 2;
    writer.metadata.build_epoch = 1_780_000_000;
    let record = json!({"country": {"iso_code": country}, "continent": {"code": continent}});
    let value = writer.insert_value(&record).expect("a record");
    writer.insert_node(
        "127.0.0.0/8".parse::<IpAddrWithMask>().expect("a prefix"),
        value,
    );
    writer.write_to(Vec::new()).expect("memory can be written")
}

#[test]
fn a_database_is_exchanged_and_a_broken_one_is_passed_over() {
    let zone = "zone = \"a.example\"\n[pools.eu]\nmembers = [\"192.0.2.1\"]\n[pools.us]\nmembers = [\"192.0.2.2\"]\n\
                [names]\n\"@\".NS = \"ns.example.net.\"\n[names.www.geo]\nEU = \"eu\"\ndefault = \"us\"\n";
    let live = Live::start(&[("a.toml", zone)], |config, folder| {
        let path = folder.join("country.mmdb");
        std::fs::write(&path, database("DE", "EU")).expect("a writable folder");
        config.geo.databases = vec![path];
    });
    let path = live.folder.path().join("country.mmdb");
    let exchange = |octets: &[u8]| {
        let beside = path.with_extension("new");
        std::fs::write(&beside, octets).expect("a writable folder");
        std::fs::rename(&beside, &path).expect("a writable folder");
    };
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.1");
    exchange(&database("US", "NA"));
    live.wait_answer("www.a.example", "192.0.2.2");
    exchange(b"no database");
    wait_for("the fault to be shown", || {
        let status = live.json("/api/status");
        let alarms = status["alarms"].as_array()?;
        let fault = alarms
            .iter()
            .find(|row| row["kind"] == "location-database")?;
        fault["text"]
            .as_str()?
            .contains("country.mmdb")
            .then_some(())
    });
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.2");
    // A broken database holds no zone back.
    live.write("a.toml", &zone.replace("192.0.2.2", "192.0.2.3"));
    live.wait_answer("www.a.example", "192.0.2.3");
    exchange(&database("FR", "EU"));
    live.wait_answer("www.a.example", "192.0.2.1");
    assert_eq!(live.json("/api/geo?address=127.0.0.1")["place"], "EU-FR");
}

/// A file that a restart finds broken takes down no zone: queries are answered, and an alarm lasts until it is mended.
#[test]
fn a_start_with_a_broken_database_and_without_cookie_secrets_answers() {
    let zone = "zone = \"a.example\"\n[pools.eu]\nmembers = [\"192.0.2.1\"]\n[pools.us]\nmembers = [\"192.0.2.2\"]\n\
                [names]\n\"@\".NS = \"ns.example.net.\"\n[names.www.geo]\nEU = \"eu\"\ndefault = \"us\"\n";
    let live = Live::start(&[("a.toml", zone)], |config, folder| {
        let path = folder.join("country.mmdb");
        std::fs::write(&path, "half of a database").expect("a writable folder");
        config.geo.databases = vec![path];
        config.cookies.secret_file = Some(folder.join("secrets"));
    });
    assert_eq!(live.ask("www.a.example").text(), "192.0.2.2");
    let kinds = || -> Vec<String> {
        let alarms = live.json("/api/status")["alarms"].clone();
        let rows = alarms.as_array().into_iter().flatten();
        rows.map(|row| row["kind"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(kinds(), ["location-database", "cookie-secrets"]);
    let metrics = live.get("/metrics");
    for kind in kinds() {
        let gauge = format!("leeward_alarms{{kind=\"{kind}\"}} 1");
        assert!(metrics.contains(&gauge), "no {gauge} in {metrics}");
    }
    let put = |name: &str, octets: &[u8]| {
        let beside = live.folder.path().join("new");
        std::fs::write(&beside, octets).expect("a writable folder");
        std::fs::rename(&beside, live.folder.path().join(name)).expect("a writable folder");
    };
    put("country.mmdb", &database("DE", "EU"));
    put("secrets", b"e5e973e5a6b2a43f48e7dc849e37bfcf\n");
    live.wait_answer("www.a.example", "192.0.2.1");
    wait_for("the alarms to end", || kinds().is_empty().then_some(()));
}
