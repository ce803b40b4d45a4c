//! The eighteen zones of the format: they load clean, all their expectations hold, and a broken one is told with its
//! trace.

use std::path::{Path, PathBuf};

use leeward::config::Files;
use leeward::geo::{Locations, LocationsBuilder, Network, Place};
use leeward::model::ZoneModel;
use leeward::simulate::{ExpectFailure, check_expectations};

use crate::zones::{read_beside, serve};

struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, relative: &Path) -> Result<String, String> {
        std::fs::read_to_string(self.0.join(relative)).map_err(|error| error.to_string())
    }
}

/// Expectations that stand in the zones, at least: nobody takes them out unseen.
const EXPECTATIONS_MIN: usize = 7;
/// Those among them that name pools.
const POOLS_EXPECTED_MIN: usize = 5;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zones/eighteen")
}

/// Zone texts by file, in order.
fn zones() -> Vec<(String, String)> {
    let mut zones = Vec::new();
    for entry in std::fs::read_dir(folder()).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let file = path.file_name().expect("a name").to_string_lossy();
            let text = std::fs::read_to_string(&path).expect("readable");
            zones.push((file.into_owned(), text));
        }
    }
    zones.sort();
    zones
}

fn read(file: &str, text: &str) -> ZoneModel {
    let read = read_beside(text, &Folder(folder()));
    read.unwrap_or_else(|shown| panic!("{file} is refused: {shown}"))
}

/// Somewhere to look up addresses of questions: without it expectations that come from addresses are skipped.
fn locations() -> Locations {
    let germany = Network {
        prefix: "10.0.0.0/8".parse().expect("a prefix"),
        place: Place::parse("EU-DE").expect("a place"),
    };
    LocationsBuilder::new().networks(&[germany]).build()
}

fn run(model: &ZoneModel) -> Vec<ExpectFailure> {
    let locations = locations();
    let served = serve(model, &locations);
    check_expectations(model, &served, &locations, true)
}

#[test]
fn all_expectations_of_the_eighteen_zones_hold() {
    let zones = zones();
    assert_eq!(zones.len(), 18);
    let mut expectations = 0;
    let mut wrong = Vec::new();
    for (file, text) in &zones {
        let model = read(file, text);
        expectations += model.expects.len();
        for failure in run(&model) {
            let (title, message) = (&failure.title, &failure.message);
            wrong.push(format!("{file}, {title}: {message}\n{}", failure.trace));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let written: usize = zones
        .iter()
        .map(|(_, text)| text.matches("\n[[expect]]").count())
        .sum();
    assert_eq!(expectations, written, "expectations that were read");
    assert!(
        expectations >= EXPECTATIONS_MIN,
        "{expectations} expectations"
    );
}

/// Every expectation that names pools is turned into one that cannot hold; each must fail, with a message and a trace.
#[test]
fn a_broken_expectation_fails_with_message_and_trace() {
    let mut broken = 0;
    for (file, text) in zones() {
        let model = read(&file, &text);
        for number in 0..model.expects.len() {
            let mut model = read(&file, &text);
            let Some(pools) = &mut model.expects[number].wanted.pools else {
                continue;
            };
            pools.clear();
            let title = model.expects[number].title.clone();
            let failures = run(&model);
            assert_eq!(failures.len(), 1, "{file}, {title}: {failures:#?}");
            let failure = &failures[0];
            assert_eq!(failure.title, title, "{file}");
            assert!(!failure.is_skipped, "{file}, {title}");
            assert!(
                failure.message.contains("but the answer is"),
                "{file}, {title}: {}",
                failure.message
            );
            assert!(
                failure.trace.contains(" in zone ") && failure.trace.contains("TTL"),
                "{file}, {title}: {}",
                failure.trace
            );
            broken += 1;
        }
    }
    assert!(broken >= POOLS_EXPECTED_MIN, "{broken} were broken");
}

#[test]
fn each_kind_of_broken_demand_is_told_in_words() {
    let zone = |demand: &str| {
        format!(
            r#"zone = "example.com"
[checks.web]
type = "tcp"
port = 80
[pools]
a = {{ check = "web", members = ["192.0.2.1"] }}
b = {{ check = "web", members = ["192.0.2.2"] }}
[names]
"@".NS = "ns.example.net."
www.failover = ["a", "b"]
[[expect]]
name = "the second takes over"
down = ["pool:a"]
ask = {{ name = "www" }}
{demand}
"#
        )
    };
    #[rustfmt::skip]
    let cases = [
        (r#"answer = "a""#, "expected a, but the answer is b"),
        (r#"answer = "nodata""#, "expected nodata, but the answer is b"),
        ("share = { b = 50 }", "expected 50 % for b, but its share is 100.0 %"),
        (r#"rdata = ["192.0.2.1"]"#, "expected 192.0.2.1, but the records are 192.0.2.2"),
        (r#"rcode = "NXDOMAIN""#, "expected NXDOMAIN, but the response code is NOERROR"),
        (r#"ttl = "5s""#, "expected a TTL of 5 s, but it is 60 s"),
    ];
    for (demand, message) in cases {
        let model = read("small", &zone(demand));
        let failures = run(&model);
        assert_eq!(failures.len(), 1, "{demand}: {failures:#?}");
        assert_eq!(failures[0].message, message, "{demand}");
        assert!(
            failures[0]
                .trace
                .contains("out     a: 0 of 1 members healthy"),
            "{}",
            failures[0].trace
        );
    }
    let sound = read("small", &zone(r#"answer = "b""#));
    assert_eq!(run(&sound), Vec::new());
}
