//! Which zone files there are below a folder.
//!
//! In: the zones folder, or the one file that is named. Out: paths in order. Never here: what the files say.
//!
//! A folder that looks as it did when it was read is not read again: its stamp changes with every file that comes or
//! goes. Links that lead nowhere, or to no zone file, may lead to a folder one day without a trace in the folder that
//! they stand in, so with such a link among them folders are read each time.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::WallTime;

use super::files::{FolderFault, Stamp, stamp};

/// Folders below the zones folder that are looked into.
const DEPTH_MAX: usize = 8;
/// Zone files in one folder tree (chosen; far above 13,000).
const FILES_MAX: usize = 1_000_000;

/// The zone files below a folder as it was read once.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    /// The files, sorted by path.
    pub(super) files: Arc<[PathBuf]>,
    folders: Vec<(PathBuf, Option<Stamp>)>,
    /// Whether the stamps of the folders tell every change.
    is_told_by_stamps: bool,
    read_at: WallTime,
}

impl Default for Listing {
    fn default() -> Self {
        Self {
            files: Arc::from([]),
            folders: Vec::new(),
            is_told_by_stamps: false,
            read_at: WallTime::from_millis(0),
        }
    }
}

impl Listing {
    /// Reads a folder and those below it.
    pub(super) fn read(path: &Path, wall: WallTime) -> Result<Self, FolderFault> {
        let mut search = Search::default();
        let is_folder = !fs::metadata(path)
            .map_err(|cause| fault(path, cause))?
            .is_file();
        if is_folder {
            search.collect(path, 0)?;
            search.found.sort();
        } else {
            search.found.push(path.to_path_buf());
        }
        Ok(Self {
            files: search.found.into(),
            is_told_by_stamps: is_folder && !search.has_loose_link,
            folders: search.folders,
            read_at: wall,
        })
    }

    /// Returns this listing if the folders look as they did and their look can be trusted, else a new one.
    pub(super) fn renewed(&self, path: &Path, wall: WallTime) -> Result<Self, FolderFault> {
        let is_same = |(folder, known): &(PathBuf, Option<Stamp>)| {
            let is_settled = |known: &Stamp| known.is_settled(self.read_at);
            known.as_ref().is_some_and(is_settled) && stamp(folder) == *known
        };
        let is_root_same = self.folders.first().is_some_and(|(root, _)| root == path);
        if self.is_told_by_stamps && is_root_same && self.folders.iter().all(is_same) {
            return Ok(self.clone());
        }
        Self::read(path, wall)
    }
}

/// Lists the zone files below a folder, or the one file that is named, sorted by path.
///
/// # Errors
/// If the folder cannot be read.
pub fn find_zone_files(path: &Path) -> Result<Vec<PathBuf>, FolderFault> {
    let listing = Listing::read(path, WallTime::from_millis(0))?;
    Ok(listing.files.to_vec())
}

fn fault(path: &Path, cause: std::io::Error) -> FolderFault {
    FolderFault {
        path: path.to_path_buf(),
        cause,
    }
}

/// What a walk through folders has found, and where it has been: links may lead in circles.
#[derive(Default)]
struct Search {
    visited: HashSet<(u64, u64)>,
    found: Vec<PathBuf>,
    folders: Vec<(PathBuf, Option<Stamp>)>,
    has_loose_link: bool,
}

impl Search {
    /// Collects below a folder: its own files first, so that links to it from below lead to nothing new.
    fn collect(&mut self, folder: &Path, depth: usize) -> Result<(), FolderFault> {
        let metadata = fs::metadata(folder).map_err(|cause| fault(folder, cause))?;
        // Before it is read: what comes while it is read makes it look different.
        self.folders.push((folder.to_path_buf(), stamp(folder)));
        if !self.visited.insert((metadata.dev(), metadata.ino())) {
            return Ok(());
        }
        let mut below = Vec::new();
        for entry in fs::read_dir(folder).map_err(|cause| fault(folder, cause))? {
            let entry = entry.map_err(|cause| fault(folder, cause))?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with('.') || self.found.len() >= FILES_MAX {
                continue;
            }
            let path = entry.path();
            let kind = entry.file_type().ok();
            let is_link = kind.is_none_or(|kind| kind.is_symlink());
            let is_folder = kind.is_some_and(|kind| kind.is_dir()) || is_link && path.is_dir();
            let is_zone = path
                .extension()
                .is_some_and(|extension| extension == "toml" || extension == "zone");
            if is_folder {
                if depth < DEPTH_MAX {
                    below.push(path);
                }
            } else if is_zone {
                self.found.push(path);
            } else {
                self.has_loose_link |= is_link;
            }
        }
        below.sort();
        below
            .iter()
            .try_for_each(|path| self.collect(path, depth + 1))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A time when everything made now counts as left alone.
    const LATER: i64 = 1 << 52;

    #[test]
    fn sees_what_comes_and_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("zones");
        let write = |name: &str| fs::write(root.join(name), "").expect("a writable folder");
        fs::create_dir_all(root.join("below")).expect("a writable folder");
        write("a.zone");
        let later = WallTime::from_millis(LATER);
        let mut listing = Listing::read(&root, later).expect("a folder");
        let mut look = |wanted: &[&str], is_reused: bool| {
            let new = listing.renewed(&root, later).expect("a folder");
            let found: Vec<PathBuf> = new.files.to_vec();
            let wanted: Vec<PathBuf> = wanted.iter().map(|name| root.join(name)).collect();
            assert_eq!(found, wanted);
            assert_eq!(
                Arc::ptr_eq(&new.files, &listing.files),
                is_reused,
                "{wanted:?}"
            );
            listing = new;
        };
        look(&["a.zone"], true);
        write("below/b.toml");
        look(&["a.zone", "below/b.toml"], false);
        look(&["a.zone", "below/b.toml"], true);
        fs::write(root.join("below/b.toml"), "longer").expect("a writable folder");
        look(&["a.zone", "below/b.toml"], true);
        fs::rename(root.join("a.zone"), root.join("c.zone")).expect("a writable folder");
        look(&["below/b.toml", "c.zone"], false);
        fs::remove_file(root.join("c.zone")).expect("a writable folder");
        look(&["below/b.toml"], false);
    }

    #[test]
    fn links_to_folders_are_followed_wherever_they_lead_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, first, second) = (
            folder.path().join("zones"),
            folder.path().join("first"),
            folder.path().join("second"),
        );
        for made in [&root, &first] {
            fs::create_dir(made).expect("a writable folder");
        }
        fs::write(first.join("a.zone"), "").expect("a writable folder");
        symlink(&second, folder.path().join("swapped")).expect("a writable folder");
        symlink(folder.path().join("swapped"), root.join("link")).expect("a writable folder");
        let later = WallTime::from_millis(LATER);
        let listing = Listing::read(&root, later).expect("a folder");
        assert!(listing.files.is_empty());
        // The link leads somewhere now, and its own folder looks as before.
        fs::rename(&first, &second).expect("a writable folder");
        let listing = listing.renewed(&root, later).expect("a folder");
        assert_eq!(*listing.files, [root.join("link/a.zone")]);
    }

    #[test]
    fn a_folder_that_changed_a_moment_ago_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.zone"), "").expect("a writable folder");
        let just_now = WallTime::from_millis(0);
        let listing = Listing::read(folder.path(), just_now).expect("a folder");
        let new = listing.renewed(folder.path(), just_now).expect("a folder");
        assert_eq!(new.files, listing.files);
        assert!(!Arc::ptr_eq(&new.files, &listing.files));
    }
}
