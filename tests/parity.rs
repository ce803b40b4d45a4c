//! Every rule of Route 53 and of the zone format, by its number: shown by an expectation of `tests/parity/*.toml`, proven by
//! a test that `parity/evidence.rs` names, or decided in `docs/route53.md`.

#[path = "parity/evidence.rs"]
mod evidence;
#[path = "parity/numbers.rs"]
mod numbers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use leeward::geo::Locations;
use leeward::model::ZoneModel;
use leeward::simulate::check_expectations;

use evidence::PROVEN;
use numbers::rules;

use crate::zones::{NoFiles, read_beside, serve};

fn at_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(at_root(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

/// The zones of `tests/parity/`, read.
fn zones() -> Vec<(String, ZoneModel)> {
    let mut zones = Vec::new();
    for entry in std::fs::read_dir(at_root("tests/parity")).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let file = path.file_name().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(&path).expect("readable");
        let model = read_beside(&text, &NoFiles).unwrap_or_else(|shown| panic!("{file}: {shown}"));
        zones.push((file.into_owned(), model));
    }
    zones.sort_by(|a, b| a.0.cmp(&b.0));
    zones
}

#[test]
fn every_expectation_of_a_rule_holds() {
    let mut wrong = Vec::new();
    for (file, model) in zones() {
        let locations = Locations::unknown();
        let served = serve(&model, &locations);
        for failure in check_expectations(&model, &served, &locations, true) {
            let (title, message) = (&failure.title, &failure.message);
            wrong.push(format!("{file}, {title}: {message}\n{}", failure.trace));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The numbers at the beginning of a title, up to its first colon.
fn numbers_of(title: &str) -> impl Iterator<Item = &str> {
    let numbers = title.split(':').next().unwrap_or_default();
    numbers.split(',').map(str::trim)
}

/// Numbers that expectations show. A second group of numbers may stand after a semicolon.
fn shown() -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    for (_, model) in zones() {
        for expect in &model.expects {
            for part in expect.title.split("; ") {
                if part.contains(':') {
                    shown.extend(numbers_of(part).map(str::to_owned));
                }
            }
        }
    }
    shown
}

/// Numbers that the page decides: the first column of its tables.
fn decided() -> BTreeMap<String, String> {
    let page = text_of("docs/route53.md");
    let mut decided = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [numbers, decision, ..] = cells[..] else {
            continue;
        };
        for number in numbers.split(',').map(str::trim) {
            decided.insert(number.to_owned(), decision.to_owned());
        }
    }
    decided
}

#[test]
fn every_rule_is_shown_proven_or_decided() {
    let (shown, decided) = (shown(), decided());
    let proven: BTreeSet<&str> = PROVEN.iter().map(|(number, _)| *number).collect();
    let rules = rules();
    let missing: Vec<&String> = rules
        .iter()
        .filter(|number| {
            !shown.contains(*number)
                && !proven.contains(number.as_str())
                && !decided.contains_key(*number)
        })
        .collect();
    assert!(missing.is_empty(), "no test and no decision: {missing:?}");
    for number in shown.iter().map(String::as_str).chain(proven) {
        assert!(
            rules.iter().any(|rule| rule == number),
            "{number} is no rule"
        );
    }
    for (number, decision) in decided.iter().filter(|(number, _)| rules.contains(number)) {
        assert!(
            decision.len() > 20,
            "{number}: `{decision}` says too little"
        );
    }
}

#[test]
fn what_is_named_as_a_proof_is_there() {
    for (number, proof) in PROVEN {
        let (file, test) = match proof.split_once("::") {
            Some((file, test)) => (file, Some(test)),
            None => (*proof, None),
        };
        let text = text_of(file);
        if let Some(test) = test {
            assert!(text.contains(&format!("fn {test}(")), "{number}: {proof}");
        } else {
            assert!(file.ends_with(".toml"), "{number}: {proof} names no test");
        }
    }
}
