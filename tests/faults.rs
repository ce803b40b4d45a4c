//! Diagnostics of zone files seen from outside: one minimal zone for each code, and zones that are right.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use leeward::config::{Files, Severity, Source, read_zone, render_text};

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
