//! Puts files in place so that they outlive a crash and a loss of power: written beside, synced, renamed, and the folder
//! synced.
//!
//! In: a path and octets. Out: the whole new file, or the whole old one and why. Never here: what is in the file; calls on
//! the control loop's task, for a disk may take seconds.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Whoever the process's mask lets.
    Anyone,
    /// The owner alone, for secrets.
    Owner,
}

/// Replaces a file in one step: when this returns, the new content is on the disk under its name. Folders that are missing
/// are made. Whatever is left beside by a crash (`NAME.new`) is replaced, also a pipe or a link.
///
/// # Errors
/// Says what could not be written and why. The old file is whole then; only if syncing the folder failed may the new one
/// stand in its place already.
pub(super) fn replace(path: &Path, octets: &[u8], readers: Readers) -> Result<(), String> {
    let beside = beside(path);
    let folder = folder_of(path);
    make_folder(folder)?;
    let put = write_beside(&beside, octets, readers)
        .map_err(|cause| fault("write", &beside, &cause))
        .and_then(|()| fs::rename(&beside, path).map_err(|cause| fault("replace", path, &cause)));
    if put.is_err() {
        // What is half written helps nobody, and a full disk needs the room. It may not be there at all.
        let _ = fs::remove_file(&beside);
    }
    put?;
    sync_folder(folder).map_err(|cause| fault("sync", folder, &cause))
}

/// Makes a folder with those above it, each synced into its parent.
///
/// # Errors
/// Says which folder could not be made and why.
pub(super) fn make_folder(folder: &Path) -> Result<(), String> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder_of(folder);
    if parent != folder {
        make_folder(parent)?;
    }
    match fs::create_dir(folder) {
        // Somebody else made it meanwhile.
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made.map_err(|cause| fault("make folder", folder, &cause))?,
    }
    sync_folder(parent).map_err(|cause| fault("sync", parent, &cause))
}

/// Syncs the entries of a folder, so that a rename in it outlives a loss of power.
///
/// # Errors
/// If the file system cannot do it now. One that has no such call at all (some network file systems) is no error: there
/// is nothing more to wait for.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    match fs::File::open(folder)?.sync_all() {
        Err(cause)
            if matches!(
                cause.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// The name under which a file is written before it is put in place.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    path.with_file_name(name)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

fn write_beside(beside: &Path, octets: &[u8], readers: Readers) -> io::Result<()> {
    // Opened as a new file only: a pipe that stands there would hold us up, and a link would lead elsewhere.
    match fs::remove_file(beside) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        Ok(()) | Err(_) => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    if readers == Readers::Owner {
        options.mode(0o600);
    }
    let mut file = options.open(beside)?;
    file.write_all(octets)?;
    file.sync_all()
}

fn fault(verb: &str, path: &Path, cause: &io::Error) -> String {
    format!("{verb} {}: {cause}", path.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn puts_a_file_in_place_with_folders_that_are_missing() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("a/b/state.json");
        for (text, readers, mode) in [
            ("one", Readers::Owner, 0o600),
            ("two", Readers::Anyone, 0o400),
        ] {
            replace(&path, text.as_bytes(), readers).expect("a writable folder");
            assert_eq!(fs::read_to_string(&path).expect("written"), text);
            let found = fs::metadata(&path).expect("written").permissions().mode();
            assert_eq!(found & mode, mode, "{readers:?}");
            if readers == Readers::Owner {
                assert_eq!(found & 0o077, 0, "{found:o}");
            }
        }
        let left = fs::read_dir(root.path().join("a/b")).expect("a folder");
        assert_eq!(left.count(), 1, "nothing is left beside");
    }

    #[test]
    fn replaces_what_a_crash_or_a_joker_left_beside() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("state.json");
        let beside = beside(&path);
        let elsewhere = root.path().join("elsewhere");
        fs::write(&elsewhere, "untouched").expect("a writable folder");
        fs::write(&beside, "half").expect("a writable folder");
        replace(&path, b"1", Readers::Anyone).expect("a file is replaced");
        std::os::unix::fs::symlink(&elsewhere, &beside).expect("a writable folder");
        replace(&path, b"2", Readers::Anyone).expect("a link is replaced");
        assert_eq!(
            fs::read_to_string(&elsewhere).expect("still there"),
            "untouched"
        );
        let made = std::process::Command::new("mkfifo").arg(&beside).status();
        assert!(made.expect("mkfifo runs").success());
        replace(&path, b"3", Readers::Anyone).expect("a pipe is replaced");
        assert_eq!(fs::read_to_string(&path).expect("written"), "3");
    }

    #[test]
    fn says_what_could_not_be_written_and_leaves_the_old_file() {
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().join("file");
        fs::write(&file, "old").expect("a writable folder");
        // A file where a folder should be; a folder where the file should be; a folder where the new one is written.
        let taken = root.path().join("taken");
        fs::create_dir_all(taken.join("inside")).expect("a writable folder");
        fs::create_dir(root.path().join("file.new")).expect("a writable folder");
        let cases = [
            (file.join("state.json"), "make folder"),
            (taken.clone(), "replace"),
            (file.clone(), "write"),
        ];
        for (path, verb) in cases {
            let said = replace(&path, b"new", Readers::Anyone).expect_err("it cannot be written");
            assert!(said.starts_with(verb), "{said}");
        }
        assert_eq!(fs::read_to_string(&file).expect("still there"), "old");
        assert!(!taken.with_file_name("taken.new").exists());
    }
}
