//! Failover stories in virtual time: zones, what their targets do, what an operator does, and what must be answered.
//!
//! Each file of `tests/scenarios/` is one story; the keys stand in `scenarios/story.rs`. Every question is asked twice:
//! of `explain`, whose probabilities are compared exactly, and of the engine as octets with a fixed seed, whose
//! messages are read by another implementation and must agree with the explanation.

#[path = "scenarios/core.rs"]
pub(crate) mod core;
#[path = "scenarios/judge.rs"]
mod judge;
#[path = "scenarios/message.rs"]
pub(crate) mod message;
#[path = "scenarios/play.rs"]
mod play;
#[path = "scenarios/story.rs"]
mod story;

use std::collections::BTreeMap;
use std::path::Path;

use story::Story;

fn stories() -> BTreeMap<String, Story> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut stories = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let file = path.file_name().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(&path).expect("readable");
        let story = toml::from_str(&text).unwrap_or_else(|fault| panic!("{file}: {fault}"));
        stories.insert(file.into_owned(), story);
    }
    stories
}

#[test]
fn every_story_comes_out_as_written() {
    let only = std::env::var("STORY").ok();
    let mut wrong = Vec::new();
    for (file, story) in stories() {
        if only.as_ref().is_none_or(|part| file.contains(part)) {
            wrong.extend(play::play(&file, &story));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Worked cases of `docs/route53-rules.md`, section 10, that concern selection, geo, trees, and damping.
const WORKED_CASES: &str = "W1 W3 W5 W7 W9 W11 W13 F1 F3 F5 F7 F9 F11 F13 M1 M3 M5 M7 L1 L3 L5 \
    G1 G3 G5 G7 G9 G11 G13 G15 G17 P1 P3 P5 C1 C3 C5 C7 C9 C11 T1 T3 T5 T7 T9 T11 T13 T15 T17 T19 T21 \
    H13 H15 H17 H19 D1 D3 D5";

#[test]
fn every_worked_case_has_a_story() {
    let stories = stories();
    let told: Vec<&String> = stories.values().flat_map(|story| &story.cases).collect();
    let missing: Vec<&str> = WORKED_CASES
        .split_whitespace()
        .filter(|case| !told.iter().any(|known| known == case))
        .collect();
    assert!(missing.is_empty(), "no story tells {missing:?}");
    for (file, story) in &stories {
        for case in &story.cases {
            let is_known = WORKED_CASES.split_whitespace().any(|known| known == case);
            assert!(is_known, "{file} tells {case}, which is no worked case");
        }
        assert!(!story.title.is_empty(), "{file} has no title");
        let is_empty = story.differs.as_ref().is_some_and(String::is_empty);
        assert!(!is_empty, "{file} differs without a reason");
    }
}
