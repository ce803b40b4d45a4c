//! Odd but legal texts, and illegal ones, against what BIND and NSD made of the same files.
//!
//! `peers.txt` says for each file of `odd/` whether BIND 9.18 (named-compilezone) and NSD 4.6 (nsd-checkzone) load it; a
//! file with the ending `bind` holds the records as BIND prints them. No peer is needed to run the tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use leeward::wire::rdata_text;

use super::read_octets;

/// Files that we treat otherwise than BIND, with the reason; where the peers agree there is none.
const DIFFERS: &[(&str, &str)] = &[
    (
        "parentheses-before-owner",
        "NSD refuses it too: what follows a blank is no owner",
    ),
    (
        "soa-many-lines",
        "NSD loads it too: an apex without NS is a warning here",
    ),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/master")
}

/// Every record of a file, in the form that we print; `None` if it is refused.
fn load(name: &str, ending: &str) -> Option<BTreeSet<String>> {
    let path = folder().join("odd").join(format!("{name}.{ending}"));
    let reading = read_octets(&std::fs::read(path).expect("readable"));
    let records = reading.records?;
    let lines = records.rrsets().flat_map(|set| {
        let (owner, rtype, ttl) = (set.owner.clone(), set.rtype, set.ttl);
        let texts = set.rdata.into_iter();
        texts
            .map(move |rdata| format!("{owner} {ttl} {rtype} {}", rdata_text(rtype, rdata)))
            .collect::<Vec<_>>()
    });
    Some(lines.collect())
}

#[test]
fn loads_what_other_servers_load_and_refuses_what_they_refuse() {
    let peers = std::fs::read_to_string(folder().join("peers.txt")).expect("readable");
    let mut found = Vec::new();
    for row in peers.lines().filter(|row| !row.starts_with('#')) {
        let [name, bind, nsd] = row.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        let ours = if load(name, "zone").is_some() {
            "loads"
        } else {
            "refuses"
        };
        // Where the peers agree we agree with both, else with BIND.
        if ours != bind {
            found.push(format!("{name}: {ours}, BIND {bind}, NSD {nsd}"));
        }
    }
    let listed = |line: &String| {
        DIFFERS
            .iter()
            .any(|(name, _)| line.starts_with(&format!("{name}:")))
    };
    let unlisted: Vec<&String> = found.iter().filter(|line| !listed(line)).collect();
    assert_eq!(unlisted, [""; 0]);
    assert_eq!(found.len(), DIFFERS.len(), "every difference listed is one");
}

#[test]
fn reads_the_records_that_bind_reads() {
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder().join("odd")).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|ending| ending != "bind") {
            continue;
        }
        let name = path.file_stem().expect("a name").to_string_lossy();
        if DIFFERS.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let (ours, theirs) = (load(&name, "zone"), load(&name, "bind"));
        if ours != theirs {
            wrong.push(format!("{name}: we read {ours:?}, BIND {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
