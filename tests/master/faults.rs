//! One minimal zone for each code of master files, with the findings beside it.

use std::path::Path;

use leeward::zonefile::MASTER_CODES;

use super::read_octets;

/// Drawn by more than 4 GiB of text only.
const WITHOUT_ZONE: &str = "M034";

/// Writes the findings of a zone, one a line: file, line, column, gravity, code, message, help.
fn findings(octets: &[u8]) -> String {
    let reading = read_octets(octets);
    let mut text = String::new();
    for found in &reading.findings {
        let mut sources = reading.sources.iter();
        let source = sources
            .find(|source| source.path == found.path)
            .expect("a source");
        let before = &source.text[..found.span.0.start];
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
        let place = format!("{}:{line}:{column}", source.path.display());
        let (gravity, code, message) = (found.severity, found.code, &found.message);
        text.push_str(&format!("{place}: {gravity:?} {code}: {message}\n"));
        if let Some(help) = &found.help {
            text.push_str(&format!("  help: {help}\n"));
        }
    }
    text
}

#[test]
fn every_code_is_drawn_by_its_zone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/master/faults");
    let rewrite = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for (code, _) in MASTER_CODES {
        if *code == WITHOUT_ZONE {
            continue;
        }
        let zone = std::fs::read(folder.join(format!("{code}.zone"))).expect(code);
        let found = findings(&zone);
        let beside = folder.join(format!("{code}.txt"));
        if rewrite {
            std::fs::write(&beside, &found).expect("a writable folder");
        }
        let wanted = std::fs::read_to_string(&beside).unwrap_or_default();
        if found != wanted || !found.contains(&format!(" {code}: ")) {
            wrong.push(format!("{code}: found\n{found}wanted\n{wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
