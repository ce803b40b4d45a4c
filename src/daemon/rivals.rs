//! The list of files that are refused because another serves their zone: at a restart none of them takes it over.
//!
//! In: the folder of last good versions. Out: paths as seen from the zones folder. Never here: zones, or which file wins.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::durable::{Readers, replace};

/// Returns where the list is.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("refused-files.json")
}

/// Reads the list; it is empty if nothing was written yet.
///
/// # Errors
/// If it cannot be read or is damaged.
pub(super) fn read(folder: &Path) -> Result<BTreeSet<PathBuf>, String> {
    match fs::read(path(folder)) {
        Ok(octets) => serde_json::from_slice(&octets).map_err(|cause| {
            format!("{cause}; a file that was refused before may serve its zone now")
        }),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(cause) => Err(cause.to_string()),
    }
}

/// Writes the list; names that are no UTF-8 are left out.
///
/// # Errors
/// If it cannot be saved.
pub(super) fn write(folder: &Path, rivals: &BTreeSet<PathBuf>) -> Result<(), String> {
    let names: Vec<&str> = rivals.iter().filter_map(|path| path.to_str()).collect();
    let text = serde_json::to_vec(&names).map_err(|cause| cause.to_string())?;
    replace(&path(folder), &text, Readers::Owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_list_is_told_and_a_missing_one_is_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        assert_eq!(read(folder), Ok(BTreeSet::new()));
        let rivals = BTreeSet::from([PathBuf::from("b.toml")]);
        write(folder, &rivals).expect("a writable folder");
        assert_eq!(read(folder), Ok(rivals));
        fs::write(path(folder), "[\"b.to").expect("a writable folder");
        let why = read(folder).expect_err("half a list");
        assert!(why.contains("refused"), "{why}");
        fs::remove_file(path(folder)).expect("a writable folder");
        fs::create_dir(path(folder)).expect("a writable folder");
        assert!(read(folder).is_err());
    }
}
