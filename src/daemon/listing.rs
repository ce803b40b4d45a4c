//! Which zone files there are below a folder.
//!
//! In: the zones folder, or the one file that is named. Out: paths in order, and what was not looked into, with why. Never
//! here: what the files say.
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

use super::files::{FolderCause, FolderFault, Stamp, stamp};
use super::zone_files::real_path;

/// Folders below the zones folder that are looked into.
const DEPTH_MAX: usize = 8;
/// Zone files in one folder tree (chosen; far above 13,000).
const FILES_MAX: usize = 1_000_000;
/// Names of passed over files that are kept for messages.
const OTHERS_MAX: usize = 20;

/// The zone files below a folder as it was read once.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    /// The files, sorted by path.
    pub(super) files: Arc<[PathBuf]>,
    /// Folders that were not looked into, and why; zone files may stand there.
    pub(super) closed: Arc<[Closed]>,
    /// Some of the files that are none of zones by their names.
    pub(super) others: Arc<[PathBuf]>,
    folders: Vec<(PathBuf, Option<Stamp>)>,
    /// Whether the stamps of the folders tell every change.
    is_told_by_stamps: bool,
    read_at: WallTime,
}

/// A place that was not looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) path: PathBuf,
    pub(super) why: String,
}

impl Default for Listing {
    fn default() -> Self {
        Self {
            files: Arc::from([]),
            closed: Arc::from([]),
            others: Arc::from([]),
            folders: Vec::new(),
            is_told_by_stamps: false,
            read_at: WallTime::from_millis(0),
        }
    }
}

impl Listing {
    /// Reads a folder and those below it; links may lead into further folders.
    pub(super) fn read(
        path: &Path,
        links: &[PathBuf],
        wall: WallTime,
    ) -> Result<Self, FolderFault> {
        let mut search = Search::new(path, links);
        let is_folder = !fs::metadata(path)
            .map_err(|cause| fault(path, cause))?
            .is_file();
        if is_folder {
            search
                .collect(path, 0)
                .map_err(|cause| fault(path, cause))?;
            search.found.sort();
        } else {
            search.found.push(path.to_path_buf());
        }
        Ok(Self {
            files: search.found.into(),
            closed: search.closed.into(),
            others: search.others.into(),
            is_told_by_stamps: is_folder && !search.has_loose_link,
            folders: search.folders,
            read_at: wall,
        })
    }

    /// Returns this listing if the folders look as they did and their look can be trusted, else a new one.
    pub(super) fn renewed(
        &self,
        path: &Path,
        links: &[PathBuf],
        wall: WallTime,
    ) -> Result<Self, FolderFault> {
        let is_same = |(folder, known): &(PathBuf, Option<Stamp>)| {
            let is_settled = |known: &Stamp| known.is_settled(self.read_at);
            known.as_ref().is_some_and(is_settled) && stamp(folder) == *known
        };
        let is_root_same = self.folders.first().is_some_and(|(root, _)| root == path);
        if self.is_told_by_stamps && is_root_same && self.folders.iter().all(is_same) {
            return Ok(self.clone());
        }
        Self::read(path, links, wall)
    }

    /// Says whether the same files and the same closed folders are listed.
    pub(super) fn lists_the_same(&self, other: &Self) -> bool {
        (&self.files, &self.closed) == (&other.files, &other.closed)
    }

    /// Returns the closed folder that a path lies in, if one does.
    pub(super) fn closed_above(&self, path: &Path) -> Option<&Closed> {
        self.closed
            .iter()
            .find(|closed| path.starts_with(&closed.path))
    }
}

/// Lists the zone files below a folder, or the one file that is named, sorted by path.
///
/// # Errors
/// If the folder cannot be read.
pub fn find_zone_files(path: &Path) -> Result<Vec<PathBuf>, FolderFault> {
    let listing = Listing::read(path, &[], WallTime::from_millis(0))?;
    Ok(listing.files.to_vec())
}

fn fault(path: &Path, cause: std::io::Error) -> FolderFault {
    FolderFault {
        path: path.to_path_buf(),
        cause: FolderCause::Unreadable(cause),
    }
}

/// What a walk through folders has found, and where it has been: links may lead in circles.
struct Search<'s> {
    root: &'s Path,
    links: &'s [PathBuf],
    visited: HashSet<(u64, u64)>,
    found: Vec<PathBuf>,
    closed: Vec<Closed>,
    others: Vec<PathBuf>,
    folders: Vec<(PathBuf, Option<Stamp>)>,
    has_loose_link: bool,
}

impl<'s> Search<'s> {
    fn new(root: &'s Path, links: &'s [PathBuf]) -> Self {
        Self {
            root,
            links,
            visited: HashSet::new(),
            found: Vec::new(),
            closed: Vec::new(),
            others: Vec::new(),
            folders: Vec::new(),
            has_loose_link: false,
        }
    }

    fn close(&mut self, path: &Path, why: impl Into<String>) {
        self.closed.push(Closed {
            path: path.to_path_buf(),
            why: why.into(),
        });
    }

    /// Collects below a folder: its own files first, so that links to it from below lead to nothing new.
    fn collect(&mut self, folder: &Path, depth: usize) -> std::io::Result<()> {
        let metadata = fs::metadata(folder)?;
        // Before it is read: what comes while it is read makes it look different.
        self.folders.push((folder.to_path_buf(), stamp(folder)));
        if !self.visited.insert((metadata.dev(), metadata.ino())) {
            return Ok(());
        }
        let mut below = Vec::new();
        for entry in fs::read_dir(folder)? {
            self.take(&entry?, &mut below);
        }
        below.sort();
        for path in below {
            if depth == DEPTH_MAX {
                self.close(&path, format!("it lies more than {DEPTH_MAX} folders deep"));
            } else if let Err(cause) = self.collect(&path, depth + 1) {
                self.close(&path, format!("the folder cannot be read: {cause}"));
            }
        }
        Ok(())
    }

    /// Takes one entry of a folder in.
    fn take(&mut self, entry: &fs::DirEntry, below: &mut Vec<PathBuf>) {
        let path = entry.path();
        let is_zone = path
            .extension()
            .is_some_and(|extension| extension == "toml" || extension == "zone");
        // Links of mounted settings, and what editors leave, begin with a dot.
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            if is_zone && self.others.len() < OTHERS_MAX {
                self.others.push(path);
            }
            return;
        }
        let kind = entry.file_type().ok();
        let is_link = kind.is_none_or(|kind| kind.is_symlink());
        let is_folder = kind.is_some_and(|kind| kind.is_dir()) || is_link && path.is_dir();
        if is_folder {
            let led = real_path(self.root, self.links, &path);
            match led.err().filter(|_| is_link) {
                Some(why) => {
                    self.has_loose_link = true;
                    self.close(&path, why);
                }
                None => below.push(path),
            }
        } else if !is_zone {
            self.has_loose_link |= is_link;
            if self.others.len() < OTHERS_MAX {
                self.others.push(path);
            }
        } else if self.found.len() < FILES_MAX {
            self.found.push(path);
        } else if self.found.len() == FILES_MAX
            && !self.closed.iter().any(|closed| closed.path == self.root)
        {
            self.close(
                self.root,
                format!("there are more than {FILES_MAX} zone files; the rest is not read"),
            );
        }
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
        let mut listing = Listing::read(&root, &[], later).expect("a folder");
        let mut look = |wanted: &[&str], is_reused: bool| {
            let new = listing.renewed(&root, &[], later).expect("a folder");
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
        let links = [folder.path().to_path_buf()];
        let listing = Listing::read(&root, &links, later).expect("a folder");
        assert!(listing.files.is_empty());
        // The link leads somewhere now, and its own folder looks as before.
        fs::rename(&first, &second).expect("a writable folder");
        let listing = listing.renewed(&root, &links, later).expect("a folder");
        assert_eq!(*listing.files, [root.join("link/a.zone")]);
    }

    #[test]
    fn what_is_not_looked_into_is_told() {
        // X11, and the limits of listing: a link that leads out, and a folder that lies too deep.
        let folder = tempfile::tempdir().expect("a folder");
        let (root, outside) = (folder.path().join("zones"), folder.path().join("outside"));
        let mut deep = root.clone();
        for _ in 0..=DEPTH_MAX {
            deep = deep.join("d");
        }
        for made in [&deep, &outside] {
            fs::create_dir_all(made).expect("a writable folder");
        }
        fs::write(deep.join("a.zone"), "").expect("a writable folder");
        fs::write(outside.join("b.zone"), "").expect("a writable folder");
        fs::write(root.join("db.example.com"), "").expect("a writable folder");
        fs::write(root.join(".hidden.toml"), "").expect("a writable folder");
        symlink(&outside, root.join("out")).expect("a writable folder");
        let later = WallTime::from_millis(LATER);
        let listing = Listing::read(&root, &[], later).expect("a folder");
        assert!(listing.files.is_empty(), "{:?}", listing.files);
        let why = |path: &Path| {
            let closed = listing.closed_above(path);
            closed.map(|closed| closed.why.clone()).unwrap_or_default()
        };
        assert!(why(&root.join("out/b.zone")).contains("leads out"));
        assert!(why(&deep.join("a.zone")).contains("folders deep"));
        let mut others = listing.others.to_vec();
        others.sort();
        assert_eq!(
            others,
            [root.join(".hidden.toml"), root.join("db.example.com")]
        );
        let listing = Listing::read(&root, &[outside], later).expect("a folder");
        assert_eq!(*listing.files, [root.join("out/b.zone")]);
    }

    #[test]
    fn a_folder_that_changed_a_moment_ago_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.zone"), "").expect("a writable folder");
        let just_now = WallTime::from_millis(0);
        let listing = Listing::read(folder.path(), &[], just_now).expect("a folder");
        let new = listing
            .renewed(folder.path(), &[], just_now)
            .expect("a folder");
        assert_eq!(new.files, listing.files);
        assert!(!Arc::ptr_eq(&new.files, &listing.files));
    }
}
