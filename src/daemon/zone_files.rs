//! The files that one zone is read from: its own, and those that it names or includes.
//!
//! In: the zones folder, or what was kept of a zone. Out: contents, and what was read with its stamps. Never here: what the
//! files say.
//!
//! A link may lead anywhere inside the zones folder, and into folders that the server file allows; nowhere else: whoever
//! may write a zone file must not be shown other files of this machine by its faults.

use std::collections::HashMap;
use std::fs;
use std::hash::Hasher as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use siphasher::sip::SipHasher24;

use crate::config::Files;

use super::files::{CHANGING, Stamp, read_stamped, stamp};
use super::last_good::Contents;

/// Files that one zone may be read from; chosen, as many as a master file may include, and its own.
const FILES_MAX: usize = 10_001;
/// Octets that one zone may be read from, with every file that it names; chosen, four files of the largest size.
const ZONE_SIZE_MAX: u64 = 4 * super::files::SIZE_MAX;

/// A file as it was read.
#[derive(Clone, Debug)]
pub(super) struct ReadFile {
    pub(super) path: PathBuf,
    pub(super) stamp: Option<Stamp>,
    /// Hash of its contents; of nothing if it cannot be read.
    hash: u64,
    /// Its contents, `None` once they were taken, or why it cannot be read.
    octets: Result<Option<Arc<Vec<u8>>>, String>,
}

impl ReadFile {
    /// Says whether it changed while it was read.
    pub(super) fn is_changing(&self) -> bool {
        self.octets.as_ref().is_err_and(|cause| cause == CHANGING)
    }

    /// Returns its contents, if they were not taken.
    #[cfg(test)]
    fn contents(&self) -> Option<Arc<Vec<u8>>> {
        self.octets.clone().ok().flatten()
    }
}

/// What was read so far.
#[derive(Debug, Default)]
struct Read {
    files: Vec<ReadFile>,
    places: HashMap<PathBuf, usize>,
    size: u64,
}

/// Where contents come from.
#[derive(Debug)]
enum Origin {
    /// The disk; links may lead into the zones folder and these folders.
    Disk(Vec<PathBuf>),
    /// What was kept, by path relative to the zones folder.
    Kept(HashMap<PathBuf, Arc<Vec<u8>>>),
}

/// The files of one zone. Each is read once, and remembered.
#[derive(Debug)]
pub struct ZoneFiles {
    folder: PathBuf,
    origin: Origin,
    read: Mutex<Read>,
}

impl ZoneFiles {
    /// Serves files below a folder.
    pub fn new(folder: &Path) -> Self {
        Self::within(folder, &[])
    }

    /// Serves files below a folder; links may lead into further folders, too.
    pub(super) fn within(folder: &Path, links: &[PathBuf]) -> Self {
        Self {
            folder: folder.to_path_buf(),
            origin: Origin::Disk(links.to_vec()),
            read: Mutex::default(),
        }
    }

    /// Serves what was kept of a zone, as if it stood below a folder.
    pub(super) fn kept(folder: &Path, contents: Contents) -> Self {
        Self {
            folder: folder.to_path_buf(),
            origin: Origin::Kept(contents.into_iter().collect()),
            read: Mutex::default(),
        }
    }

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
        self.fetch(path).map(|octets| octets.to_vec())
    }

    /// Reads a located file, or returns what was read of it before.
    pub(super) fn fetch(&self, path: &Path) -> Result<Arc<Vec<u8>>, String> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&at) = read.places.get(path) {
            return match &read.files[at].octets {
                Ok(Some(octets)) => Ok(Arc::clone(octets)),
                // A file that includes itself.
                Ok(None) => self.open(path).1,
                Err(cause) => Err(cause.clone()),
            };
        }
        if read.files.len() >= FILES_MAX || read.size > ZONE_SIZE_MAX {
            return Err(format!(
                "a zone is read from {FILES_MAX} files and {ZONE_SIZE_MAX} octets at most"
            ));
        }
        let (stamp, octets) = self.open(path);
        let contents = octets.as_ref().map_or(&[][..], |octets| octets.as_slice());
        read.size += contents.len() as u64;
        let file = ReadFile {
            path: path.to_path_buf(),
            stamp,
            hash: SipHasher24::new().hash(contents),
            octets: octets.clone().map(Some),
        };
        let at = read.files.len();
        read.places.insert(path.to_path_buf(), at);
        read.files.push(file);
        octets
    }

    /// Reads a located file and keeps nothing of its contents.
    pub(super) fn take(&self, path: &Path) -> Result<Vec<u8>, String> {
        let octets = self.fetch(path)?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&at) = read.places.get(path) {
            read.files[at].octets = Ok(None);
        }
        Ok(Arc::try_unwrap(octets).unwrap_or_else(|shared| shared.to_vec()))
    }

    fn open(&self, path: &Path) -> (Option<Stamp>, Result<Arc<Vec<u8>>, String>) {
        match &self.origin {
            Origin::Disk(links) => {
                let looked = stamp(path);
                match real_path(&self.folder, links, path).and_then(|real| read_stamped(&real)) {
                    Ok((octets, stamp)) => (stamp, Ok(Arc::new(octets))),
                    Err(cause) => (looked, Err(cause)),
                }
            }
            Origin::Kept(contents) => {
                let kept = contents.get(relative_to(&self.folder, path));
                (
                    None,
                    kept.cloned().ok_or_else(|| "it was not kept".to_owned()),
                )
            }
        }
    }

    /// Takes the files that were read since the last call, in order.
    pub(super) fn take_read(&self) -> Vec<ReadFile> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *read).files
    }
}

impl Files for ZoneFiles {
    fn read(&self, relative: &Path) -> Result<String, String> {
        text_of(&self.fetch(&self.locate(relative)?)?)
    }
}

/// Returns contents as text.
pub(super) fn text_of(octets: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(octets).map_err(|_| "it is not valid UTF-8".to_owned())?;
    Ok(text.to_owned())
}

/// Hashes the contents of the files of a zone, its own first. The same on every machine and with every version.
pub(super) fn digest<'r>(read: impl Iterator<Item = &'r ReadFile>) -> u64 {
    let mut hasher = SipHasher24::new();
    for file in read {
        hasher.write_u8(u8::from(file.octets.is_ok()));
        hasher.write_u64(file.hash);
    }
    hasher.finish()
}

/// Returns a path as it is seen from a folder.
pub(super) fn relative_to<'p>(folder: &Path, path: &'p Path) -> &'p Path {
    path.strip_prefix(folder).unwrap_or(path)
}

/// Follows links; returns where they end.
///
/// # Errors
/// If they end outside the zones folder and the folders where links may lead, or nowhere.
pub(super) fn real_path(folder: &Path, links: &[PathBuf], path: &Path) -> Result<PathBuf, String> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let real = |path: &Path| fs::canonicalize(path).map_err(|cause| cause.to_string());
    let found = real(path)?;
    let is_below = |root: &Path| real(root).is_ok_and(|root| found.starts_with(root));
    if is_below(folder) || links.iter().any(|root| is_below(root)) {
        return Ok(found);
    }
    Err(
        "a link leads out of the zones folder; `zone-links` in the server file lists folders where links may lead"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_and_links_that_lead_out_are_refused() {
        let outside = tempfile::tempdir().expect("a folder");
        let zones = outside.path().join("zones");
        let shared = outside.path().join("shared");
        for folder in [&zones, &shared] {
            fs::create_dir(folder).expect("a writable folder");
        }
        let link = |to: &str, name: &str| {
            symlink(to, zones.join(name)).expect("a writable folder");
        };
        for file in ["secret", "zones/inside", "shared/list"] {
            fs::write(outside.path().join(file), "a TXT x\n").expect("a writable folder");
        }
        link("../secret", "out");
        link("out", "twice");
        link("inside", "alias");
        link("alias", "alias-of-alias");
        link("../shared", "down");
        link("..", "up");
        link("/proc/self", "process");
        link("itself", "itself");
        let cases = [
            ("inside", true, true),
            ("./inside", true, true),
            ("alias", true, true),
            ("alias-of-alias", true, true),
            ("down/list", false, true),
            ("out", false, false),
            ("twice", false, false),
            ("up/secret", false, false),
            ("up/zones/inside", true, true),
            ("process/environ", false, false),
            ("itself", false, false),
            ("../secret", false, false),
            ("x/../../secret", false, false),
            ("/etc/hostname", false, false),
            ("absent", false, false),
        ];
        for (named, wanted, wanted_with_roots) in cases {
            for (roots, wanted) in [(vec![], wanted), (vec![shared.clone()], wanted_with_roots)] {
                let files = ZoneFiles::within(&zones, &roots);
                let read = Files::read(&files, Path::new(named));
                assert_eq!(read.is_ok(), wanted, "{named}, {roots:?}: {read:?}");
            }
        }
    }

    #[test]
    fn each_file_is_read_once_and_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("list");
        fs::write(&path, "one").expect("a writable folder");
        let files = ZoneFiles::new(folder.path());
        let first = files.read(Path::new("list"));
        fs::write(&path, "other").expect("a writable folder");
        assert_eq!(
            files.read(Path::new("list")),
            first,
            "one load sees one version"
        );
        let read = files.take_read();
        assert_eq!(read.len(), 1);
        let again = ZoneFiles::kept(
            folder.path(),
            vec![("list".into(), read[0].contents().expect("it was read"))],
        );
        assert_eq!(again.read(Path::new("list")), first);
        assert!(again.read(Path::new("more")).is_err());
        assert_eq!(
            digest(read.iter()),
            digest(again.take_read().iter().take(1))
        );
    }
}
