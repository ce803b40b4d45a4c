//! Diagnostics of zone files seen from outside: one minimal zone for each code, and zones that are right.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use leeward::config::{CODES, Files, Severity, Source, read_zone, render_text};

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
