//! Diagnostics of zone files seen from outside: one minimal zone for each code, and zones that are right.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use leeward::config::{CODES, Files, read_zone};
use leeward::diagnostic::{Severity, Source, render_github, render_json, render_text};
use proptest::prelude::*;

/// Files beside the zones.
struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, relative: &Path) -> Result<String, String> {
        std::fs::read_to_string(self.0.join(relative)).map_err(|error| error.kind().to_string())
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// Zone files of a folder by name, with paths that do not depend on the machine.
fn zone_files(name: &str) -> BTreeMap<String, Source> {
    let mut sources = BTreeMap::new();
    for entry in std::fs::read_dir(folder(name)).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let file = path
                .file_name()
                .expect("a file name")
                .to_string_lossy()
                .into_owned();
            let text = std::fs::read_to_string(&path).expect("readable");
            let path = PathBuf::from(&file);
            sources.insert(file, Source { path, text });
        }
    }
    sources
}

#[test]
fn the_eighteen_zones_load_without_faults() {
    let files = Folder(folder("zones/eighteen"));
    let sources = zone_files("zones/eighteen");
    assert_eq!(sources.len(), 18);
    for (file, source) in sources {
        let (model, diagnostics) = read_zone(&source, &files);
        let text = render_text(&diagnostics, std::slice::from_ref(&source), false);
        assert!(model.is_some(), "{file}:\n{text}");
        assert!(
            diagnostics
                .iter()
                .all(|found| found.severity == Severity::Note),
            "{file}:\n{text}"
        );
    }
}

/// Renders what a zone of `tests/faults/` draws, and says which codes.
fn judge(source: &Source) -> (bool, String, Vec<&'static str>) {
    let (model, diagnostics) = read_zone(source, &Folder(folder("faults")));
    let text = render_text(&diagnostics, std::slice::from_ref(source), false);
    let codes = diagnostics.iter().map(|found| found.code).collect();
    (model.is_some(), text, codes)
}

#[test]
fn every_zone_draws_the_diagnostics_beside_it() {
    let rewrite = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for (file, source) in zone_files("faults") {
        let (_, text, codes) = judge(&source);
        if let Some(code) = file.get(..4).filter(|code| code.starts_with('L')) {
            assert!(codes.contains(&code), "{file} draws {codes:?}:\n{text}");
        }
        let golden = folder("faults").join(file.replace(".toml", ".txt"));
        if rewrite {
            std::fs::write(&golden, shorten(&text)).expect("writable");
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != shorten(&text) {
            wrong.push(format!("{file}:\n{text}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "UPDATE_GOLDEN=1 rewrites\n{}",
        wrong.join("\n")
    );
}

/// Keeps the beginning and the end of a flood.
fn shorten(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= 120 {
        return text.to_owned();
    }
    let (head, tail) = (&lines[..20], &lines[lines.len() - 12..]);
    format!("{}\n...\n{}\n", head.join("\n"), tail.join("\n"))
}

#[test]
fn every_code_has_a_zone_and_zones_that_are_right_draw_nothing() {
    let sources = zone_files("faults");
    for (code, title) in CODES {
        let has_zone = sources.keys().any(|file| file.starts_with(code));
        assert!(has_zone, "{code} ({title}) has no zone in tests/faults");
    }
    for (file, source) in &sources {
        let (loads, text, codes) = judge(source);
        let is_right = file.starts_with("right-");
        if is_right {
            assert!(loads && codes.is_empty(), "{file}:\n{text}");
        }
    }
}

#[test]
fn a_zone_loads_exactly_when_it_draws_no_fault() {
    for (file, source) in zone_files("faults") {
        let (model, diagnostics) = read_zone(&source, &Folder(folder("faults")));
        let has_fault = diagnostics
            .iter()
            .any(|found| found.severity == Severity::Fault);
        assert_eq!(model.is_none(), has_fault, "{file}");
        for found in &diagnostics {
            assert!(
                found.span.0.end <= source.text.len() && !found.message.ends_with('.'),
                "{file}: {found:?}"
            );
        }
    }
}

/// Returns the eighteen zones and all fault zones as seeds.
fn seeds() -> Vec<String> {
    let mut all: Vec<String> = zone_files("zones/eighteen")
        .into_values()
        .map(|source| source.text)
        .collect();
    all.extend(
        zone_files("faults")
            .into_values()
            .map(|source| source.text)
            .filter(|text| text.len() < 4_000),
    );
    all
}

/// One small change of a text.
#[derive(Clone, Debug)]
enum Change {
    Delete(usize, usize),
    Insert(usize, String),
    Copy(usize, usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let bits = r#"[ -~]{1,3}|\n|"|\.|=|\[|\]|\{|\}|,|@|\*|0|-1|name:|pool:|/|ä|\\u0000|1e999|true"#;
    prop_oneof![
        (any::<usize>(), 1..20usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (any::<usize>(), bits).prop_map(|(at, text)| Change::Insert(at, text)),
        (any::<usize>(), any::<usize>(), 1..40usize)
            .prop_map(|(from, to, length)| Change::Copy(from, to, length)),
    ]
}

fn apply(text: &str, change: &Change) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let count = letters.len().max(1);
    match change {
        Change::Delete(at, length) => {
            let at = at % count;
            letters.drain(at.min(letters.len())..(at + length).min(letters.len()));
        }
        Change::Insert(at, text) => {
            let at = (at % count).min(letters.len());
            letters.splice(at..at, text.chars());
        }
        Change::Copy(from, to, length) => {
            let from = (from % count).min(letters.len());
            let part: Vec<char> = letters[from..(from + length).min(letters.len())].to_vec();
            let to = (to % count).min(letters.len());
            letters.splice(to..to, part);
        }
    }
    letters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a hand does to a zone file, it is read or refused with words, never with a panic.
    #[test]
    fn no_text_makes_the_reader_panic(seed in any::<usize>(), changes in prop::collection::vec(change(), 1..6)) {
        let seeds = seeds();
        let mut text = seeds[seed % seeds.len()].clone();
        for change in &changes {
            text = apply(&text, change);
        }
        let source = Source { path: "mutant.toml".into(), text };
        let (model, diagnostics) = read_zone(&source, &Folder(folder("zones/eighteen")));
        let has_fault = diagnostics.iter().any(|found| found.severity == Severity::Fault);
        prop_assert_eq!(model.is_none(), has_fault);
        for found in &diagnostics {
            prop_assert!(found.span.0.end <= source.text.len() && found.span.0.start <= found.span.0.end);
        }
        let sources = [source];
        render_text(&diagnostics, &sources, true);
        serde_json::from_str::<serde_json::Value>(&render_json(&diagnostics, &sources)).expect("JSON");
        render_github(&diagnostics, &sources);
    }
}

#[test]
fn a_zone_of_many_names_is_read_in_time_that_grows_with_it() {
    let mut text = "zone = \"big.example\"\n[pools.a]\nmembers = [\"192.0.2.1\"]\n[names]\n\"@\".NS = \"ns.example.net.\"\n".to_owned();
    for i in 0..20_000 {
        text.push_str(&format!("n{i} = \"a\"\n\"x.n{i}\".A = \"192.0.2.1\"\n"));
    }
    let source = Source {
        path: "big.toml".into(),
        text,
    };
    let (model, diagnostics) = read_zone(&source, &Folder(folder("faults")));
    assert!(diagnostics.is_empty());
    assert_eq!(model.expect("it loads").names.len(), 40_001);
}
