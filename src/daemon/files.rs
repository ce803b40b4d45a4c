//! Zone files on disk: their contents, and whether they changed.
//!
//! Contents are what counts, so that folders swapped by symbolic links, editors that rename, and file systems without
//! notices are all seen; stamps only spare reading what cannot have changed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use crate::clock::WallTime;
use crate::config::Files;

/// Largest zone file or file named by one, in octets.
const SIZE_MAX: u64 = 1 << 30;

/// Why the zones folder cannot be read.
#[derive(Debug)]
pub struct FolderFault {
    /// The path.
    pub path: PathBuf,
    /// The cause.
    pub cause: std::io::Error,
}

impl std::fmt::Display for FolderFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "read zones folder {}: {}",
            self.path.display(),
            self.cause
        )
    }
}

impl std::error::Error for FolderFault {}

/// What tells one version of a file from another without reading it. The inode and the time of the last change tell a
/// file that was put in place with the size and the date of the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified_nanos: u128,
    changed: (i64, i64),
    inode: (u64, u64),
    len: u64,
}

impl Stamp {
    /// Says whether the file was left alone for a while before it was read at `wall`: a second change in the same tick
    /// of the file system's clock would leave the stamp as it is.
    pub(super) fn is_settled(&self, wall: WallTime) -> bool {
        let changed_millis = self.changed.0.saturating_mul(1_000);
        changed_millis.saturating_add(SETTLED_MILLIS) < wall.millis()
    }
}

/// Age in milliseconds at which a stamp is trusted; chosen: coarser than any file system in use.
const SETTLED_MILLIS: i64 = 3_000;

/// Returns the stamp of a file; `None` if it cannot be looked at.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    let modified = metadata
        .modified()
        .ok()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Some(Stamp {
        modified_nanos: modified.as_nanos(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
        inode: (metadata.dev(), metadata.ino()),
        len: metadata.len(),
    })
}

/// Reads a file of bounded size as text.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    String::from_utf8(read_octets(path)?)
        .map_err(|_| "stream did not contain valid UTF-8".to_owned())
}

/// Reads a file of bounded size.
///
/// # Errors
/// Says in words why it cannot be read.
pub fn read_octets(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|cause| cause.to_string())?;
    // A pipe would hold the reader up for good, and a device may never end.
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let len = metadata.len();
    if len > SIZE_MAX {
        return Err(format!("it has {len} octets; the limit is {SIZE_MAX}"));
    }
    let mut octets = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
    // It may grow while it is read.
    fs::File::open(path)
        .and_then(|file| file.take(SIZE_MAX).read_to_end(&mut octets))
        .map_err(|cause| cause.to_string())?;
    Ok(octets)
}

/// The files that zone files may name: those inside the zones folder. Remembers what was read.
#[derive(Debug)]
pub struct ZoneFiles {
    folder: PathBuf,
    read: Mutex<BTreeMap<PathBuf, Option<Stamp>>>,
}

impl ZoneFiles {
    /// Serves files below a folder.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
            read: Mutex::default(),
        }
    }

    /// Takes the files that were read since the last call, with their stamps.
    pub(super) fn take_read(&self) -> Vec<(PathBuf, Option<Stamp>)> {
        let mut read = self
            .read
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::take(&mut *read).into_iter().collect()
    }
}

impl ZoneFiles {
    /// Returns where a file that a zone names would be.
    ///
    /// # Errors
    /// If it would lie outside the zones folder.
    pub fn locate(&self, relative: &Path) -> Result<PathBuf, String> {
        let is_inside = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if is_inside {
            Ok(self.folder.join(relative))
        } else {
            Err("only files inside the zones folder may be named, without `..`".to_owned())
        }
    }

    /// Reads a located file.
    ///
    /// # Errors
    /// If links lead out of the zones folder, or it cannot be read.
    pub fn read_inside(&self, path: &Path) -> Result<Vec<u8>, String> {
        let folder = if self.folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            self.folder.as_path()
        };
        let real = |path: &Path| fs::canonicalize(path).map_err(|cause| cause.to_string());
        if real(path)?.starts_with(real(folder)?) {
            read_octets(path)
        } else {
            Err("a link leads out of the zones folder".to_owned())
        }
    }
}

impl Files for ZoneFiles {
    fn read(&self, relative: &Path) -> Result<String, String> {
        let path = self.locate(relative)?;
        let found = stamp(&path);
        self.read
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(path.clone(), found);
        read_text(&path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_links_that_lead_out_are_refused() {
        let outside = tempfile::tempdir().expect("a folder");
        let zones = outside.path().join("zones");
        fs::create_dir(&zones).expect("a writable folder");
        fs::write(outside.path().join("secret"), "a TXT x\n").expect("a writable folder");
        fs::write(zones.join("inside"), "a TXT x\n").expect("a writable folder");
        std::os::unix::fs::symlink("../secret", zones.join("out")).expect("a writable folder");
        std::os::unix::fs::symlink("inside", zones.join("alias")).expect("a writable folder");
        let files = ZoneFiles::new(&zones);
        let cases = [
            ("inside", true),
            ("./inside", true),
            ("alias", true),
            ("out", false),
            ("../secret", false),
            ("x/../../secret", false),
            ("/etc/hostname", false),
            ("absent", false),
        ];
        for (named, wanted) in cases {
            let path = files.locate(Path::new(named));
            let read = path.and_then(|path| files.read_inside(&path));
            assert_eq!(read.is_ok(), wanted, "{named}: {read:?}");
        }
    }
}
