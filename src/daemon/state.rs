//! What survives a restart: statuses with their age, serials, and what failovers remember. Written beside and renamed, so that a full disk or a
//! crash leaves the last whole file; failing to save never stops answers.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::health::SavedStatus;
use crate::publish::SavedZone;
use crate::resolve::SavedLease;

use super::durable::{self, Readers};
use super::heartbeats::SavedBeat;
use super::serials::Serials;
use super::switches::SavedSwitch;

/// Version of the file's format.
const FORMAT: u32 = 1;

/// The saved state.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) format: u32,
    pub(super) statuses: Vec<SavedStatus>,
    pub(super) serials: Serials,
    /// What failovers and last known answers remember.
    #[serde(default)]
    pub(super) zones: Vec<SavedZone>,
    #[serde(default)]
    pub(super) switches: Vec<SavedSwitch>,
    #[serde(default)]
    pub(super) heartbeats: Vec<SavedBeat>,
    #[serde(default)]
    pub(super) flattened: Vec<SavedLease>,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("state.json")
}

/// Reads the saved state; a missing file is a first start.
///
/// # Errors
/// If the file is there and cannot be read or understood.
pub(super) fn read(folder: &Path) -> Result<Saved, String> {
    let path = file(folder);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Saved::default()),
        Err(cause) => return Err(format!("read {}: {cause}", path.display())),
    };
    let saved: Saved =
        serde_json::from_str(&text).map_err(|cause| format!("read {}: {cause}", path.display()))?;
    if saved.format != FORMAT {
        return Err(format!(
            "read {}: its format is {}, not {FORMAT}",
            path.display(),
            saved.format
        ));
    }
    Ok(saved)
}

/// Writes the state.
///
/// # Errors
/// If the folder cannot be written; the old file stays.
pub(super) fn write(folder: &Path, saved: Saved) -> Result<(), String> {
    let path = file(folder);
    let saved = Saved {
        format: FORMAT,
        ..saved
    };
    let text =
        serde_json::to_vec(&saved).map_err(|cause| format!("write {}: {cause}", path.display()))?;
    durable::replace(&path, &text, Readers::Anyone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote_and_says_what_is_wrong() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(
            read(folder.path())
                .expect("a first start")
                .statuses
                .is_empty()
        );
        write(folder.path(), Saved::default()).expect("a writable folder");
        assert_eq!(
            read(folder.path()).expect("what was written").format,
            FORMAT
        );
        fs::write(file(folder.path()), "{").expect("a writable folder");
        assert!(
            read(folder.path())
                .expect_err("half a file")
                .contains("state.json")
        );
    }
}
