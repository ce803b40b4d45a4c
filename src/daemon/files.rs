//! Zone files on disk: their contents, and whether they changed.
//!
//! Contents are what counts, so that folders swapped by symbolic links, editors that rename, and file systems without
//! notices are all seen; stamps only spare reading what cannot have changed.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::OFlags;

use crate::clock::WallTime;

/// Largest file that a zone is read from, in octets. Chosen: a master file of 1,000,000 names has some 65 MB.
pub(super) const SIZE_MAX: u64 = 256 << 20;
/// How often a file that changes while it is read is read again.
const READS_MAX: usize = 3;

/// Why the zones folder cannot be read.
#[derive(Debug)]
pub struct FolderFault {
    /// The path.
    pub path: PathBuf,
    /// The cause.
    pub cause: FolderCause,
}

/// What is wrong with the zones folder.
#[derive(Debug)]
pub enum FolderCause {
    /// It cannot be read.
    Unreadable(std::io::Error),
    /// It held zone files, and holds none now: it may be a mount that is missing.
    Emptied,
}

impl std::fmt::Display for FolderFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.display();
        match &self.cause {
            FolderCause::Unreadable(cause) => write!(f, "read zones folder {path}: {cause}"),
            FolderCause::Emptied => write!(
                f,
                "zones folder {path} held zone files and holds none now, as if something were not mounted; \
                 `leeward reload --yes` removes every zone"
            ),
        }
    }
}

impl std::error::Error for FolderFault {}

/// What tells one version of a file from another without reading it. The inode and the time of the last change tell a
/// file that was put in place with the size and the date of the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified_nanos: u128,
    changed: (i64, i64),
    pub(super) inode: (u64, u64),
    len: u64,
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Option<Self> {
        let modified = metadata
            .modified()
            .ok()?
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Some(Self {
            modified_nanos: modified.as_nanos(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: (metadata.dev(), metadata.ino()),
            len: metadata.len(),
        })
    }

    /// Says whether the file was left alone for a while before it was read at `wall`: a second change in the same tick
    /// of the file system's clock would leave the stamp as it is.
    pub(super) fn is_settled(&self, wall: WallTime) -> bool {
        let changed_millis = self.changed.0.saturating_mul(1_000);
        changed_millis.saturating_add(SETTLED_MILLIS) < wall.millis()
    }

    /// Says whether the file got its name or its times after its contents: whoever wrote it is done.
    pub(super) fn is_put_in_place(&self) -> bool {
        let nanos = i128::from(self.changed.0) * 1_000_000_000 + i128::from(self.changed.1);
        u128::try_from(nanos).is_ok_and(|changed| changed > self.modified_nanos)
    }

    /// Returns when the file was written last, in seconds since the Unix epoch.
    pub(super) fn modified_secs(&self) -> u64 {
        u64::try_from(self.modified_nanos / 1_000_000_000).unwrap_or(u64::MAX)
    }
}

/// Age in milliseconds at which a stamp is trusted; chosen: coarser than any file system in use.
const SETTLED_MILLIS: i64 = 3_000;

/// Returns the stamp of a file; `None` if it cannot be looked at.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    Stamp::of(&fs::metadata(path).ok()?)
}

/// Reads a file of bounded size.
///
/// # Errors
/// Says in words why it cannot be read.
pub fn read_octets(path: &Path) -> Result<Vec<u8>, String> {
    read_stamped(path).map(|(octets, _)| octets)
}

/// Octets of a file, with its stamp.
pub(super) type Contents = (Vec<u8>, Option<Stamp>);

/// Reads a file of bounded size as one writer left it: its stamp is the same before and after.
pub(super) fn read_stamped(path: &Path) -> Result<Contents, String> {
    for _ in 0..READS_MAX {
        if let Some(read) = read_once(path)? {
            return Ok(read);
        }
    }
    Err(CHANGING.to_owned())
}

/// Why a file that is being written is not taken.
pub(super) const CHANGING: &str = "it changes while it is read; it is taken when it is whole";

/// Reads a file; `None` if it changed meanwhile.
fn read_once(path: &Path) -> Result<Option<Contents>, String> {
    let words = |cause: std::io::Error| cause.to_string();
    // A pipe would hold the reader up for good, and a device may never end.
    let refuse_odd = |metadata: &fs::Metadata| {
        if !metadata.is_file() {
            return Err("it is not a regular file".to_owned());
        }
        match metadata.len() {
            len if len > SIZE_MAX => Err(format!("it has {len} octets; the limit is {SIZE_MAX}")),
            _ => Ok(()),
        }
    };
    refuse_odd(&fs::metadata(path).map_err(words)?)?;
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(words)?;
    // What was looked at and what was opened may be two files.
    let before = file.metadata().map_err(words)?;
    refuse_odd(&before)?;
    let mut octets = Vec::with_capacity(usize::try_from(before.len()).unwrap_or(0));
    file.by_ref()
        .take(SIZE_MAX)
        .read_to_end(&mut octets)
        .map_err(words)?;
    let after = file.metadata().map_err(words)?;
    let (before, after) = (Stamp::of(&before), Stamp::of(&after));
    Ok((before == after).then_some((octets, before)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_renamed_after_it_was_written_is_known_by_its_times() {
        let at = |modified: u128, changed: i64| Stamp {
            modified_nanos: modified * 1_000_000_000,
            changed: (changed, 0),
            inode: (1, 2),
            len: 3,
        };
        assert!(at(10, 11).is_put_in_place());
        assert!(!at(10, 10).is_put_in_place(), "it may still be written");
        assert!(!at(10, 9).is_put_in_place(), "its date lies ahead");
        assert_eq!(at(10, 11).modified_secs(), 10);
    }

    #[test]
    fn what_is_no_plain_file_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let fault = |path: &Path| read_octets(path).expect_err("it is refused");
        assert!(fault(folder.path()).contains("not a regular file"));
        assert!(fault(Path::new("/dev/zero")).contains("not a regular file"));
        let large = folder.path().join("large");
        let file = fs::File::create(&large).expect("a writable folder");
        file.set_len(SIZE_MAX + 1).expect("a sparse file");
        assert!(fault(&large).contains("the limit is"), "{}", fault(&large));
    }
}
