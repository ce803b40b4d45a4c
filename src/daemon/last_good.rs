//! The last good version of each zone, in the state folder: what it was read from, so that it is served after a restart
//! whatever has become of its files.
//!
//! In: zones that are served. Out: their files as they were; what could not be kept or is damaged. Never here: which version
//! is served.
//!
//! One file a zone, replaced in one step, so that a crash leaves the old version or the new one:
//!
//! ```text
//! leeward-last-good 1 DIGEST     of everything below
//! {"zone": ..., "files": ...}    one line of JSON
//! the contents of the files, one after the other
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::hash::Hasher as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

use crate::clock::WallTime;
use crate::wire::Name;

use super::durable::{Readers, make_folder, replace, sync_folder};
use super::rivals;
use super::zone_files::{ZoneFiles, digest, relative_to};
use super::zone_set::{LoadedZone, Standing, ZoneSet};

/// Name of the folder in the state folder.
const FOLDER: &str = "last-good";
/// Ending of the files in it.
const ENDING: &str = "last-good";
/// First words of a file, with the version of its format.
const MAGIC: &str = "leeward-last-good 1 ";
/// Octets that all versions take together. Chosen; no standard value: sixty zones of 1,000,000 names.
const SIZE_MAX: u64 = 4 << 30;
/// Versions written at a time from which on the file system is synced once for all of them.
const BATCH_MIN: usize = 16;
/// Time until a save that failed is tried again, in milliseconds.
const RETRY_MILLIS: i64 = 30_000;

/// What a kept version says about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Manifest {
    zone: String,
    /// Its own file, seen from the zones folder.
    file: String,
    digest: u64,
    serial: u32,
    /// When it was loaded, in milliseconds since the Unix epoch.
    loaded_at: i64,
    /// The files it was read from, with their sizes.
    files: Vec<(String, u64)>,
}

/// A kept version.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) apex: Name,
    /// Its own file, seen from the zones folder.
    pub(super) file: PathBuf,
    pub(super) digest: u64,
    pub(super) serial: u32,
    pub(super) loaded_at: WallTime,
    /// The file that holds it.
    pub(super) place: PathBuf,
    size: u64,
}

#[derive(Debug, Default)]
struct Index {
    /// By apex, folded.
    kept: HashMap<Vec<u8>, Kept>,
    rivals: BTreeSet<PathBuf>,
    /// Files that hold no whole version, and why.
    damaged: BTreeMap<PathBuf, String>,
    /// Zones that cannot be kept as they are: their content, and why.
    unfit: BTreeMap<String, (u64, String)>,
    /// Why the last save failed, and when it is tried again.
    fault: Option<(String, WallTime)>,
}

/// The kept versions of every zone.
#[derive(Debug)]
pub struct LastGood {
    folder: PathBuf,
    index: Mutex<Index>,
}

impl LastGood {
    /// Reads what is kept in a state folder; what is damaged is told by [`LastGood::damaged`].
    pub(super) fn open(state: &Path) -> Self {
        let folder = state.join(FOLDER);
        let mut index = Index::default();
        // A folder that is not there holds nothing; one that cannot be read cannot be written either, and says so then.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let extension = path.extension().unwrap_or_default();
            if extension == "new" {
                // What a crash left half written; it is overwritten if it stays.
                let _ = fs::remove_file(&path);
            } else if extension == ENDING {
                match read_kept(&path) {
                    Ok((kept, _)) => {
                        index.kept.insert(kept.apex.to_folded(), kept);
                    }
                    Err(why) => {
                        index.damaged.insert(path, why);
                    }
                }
            }
        }
        match rivals::read(&folder) {
            Ok(rivals) => index.rivals = rivals,
            Err(why) => {
                index.damaged.insert(rivals::path(&folder), why);
            }
        }
        Self {
            folder,
            index: Mutex::new(index),
        }
    }

    fn index(&self) -> std::sync::MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns every version that is kept.
    pub(super) fn all(&self) -> Vec<Kept> {
        self.index().kept.values().cloned().collect()
    }

    /// Returns files that were refused because another served their zone, seen from the zones folder.
    pub(super) fn rivals(&self) -> BTreeSet<PathBuf> {
        self.index().rivals.clone()
    }

    /// Says what is damaged, by the file.
    pub(super) fn damaged(&self) -> Vec<(String, String)> {
        let index = self.index();
        let damaged = index.damaged.iter();
        damaged
            .map(|(path, why)| (path.display().to_string(), why.clone()))
            .collect()
    }

    /// Says what is not kept, if anything is not.
    pub(super) fn fault(&self) -> Option<String> {
        let index = self.index();
        let first = index.unfit.iter().next();
        let unfit = first.map(|(zone, (_, why))| match index.unfit.len() {
            1 => format!("{zone} {why}"),
            count => format!("{zone} {why}; and {} more zones", count - 1),
        });
        index.fault.as_ref().map(|(why, _)| why.clone()).or(unfit)
    }

    /// Says whether a save failed and is to be tried again.
    pub(super) fn is_due(&self, wall: WallTime) -> bool {
        let index = self.index();
        index.fault.as_ref().is_some_and(|(_, at)| *at <= wall)
    }

    /// Returns the files of a kept version, seen from the zones folder.
    pub(super) fn read(&self, kept: &Kept) -> Result<Contents, String> {
        read_kept(&kept.place).map(|(_, contents)| contents)
    }

    /// Notes that a kept version cannot be used.
    pub(super) fn note_damage(&self, kept: &Kept, why: String) {
        self.index().damaged.insert(kept.place.clone(), why);
    }

    /// Keeps every zone of a set that is what its files hold, and lets go of what an operator let go of. When this
    /// returns, it is on the disk, or [`LastGood::fault`] says why not.
    pub(super) fn keep(&self, set: &ZoneSet, (folder, links): (&Path, &[PathBuf]), wall: WallTime) {
        let mut index = self.index();
        let result = self
            .let_go(set, &mut index)
            .and_then(|()| self.keep_rivals(set, folder, &mut index))
            .and_then(|()| self.keep_zones(set, (folder, links), &mut index));
        let retry_at = WallTime::from_millis(wall.millis().saturating_add(RETRY_MILLIS));
        index.fault = result.err().map(|why| (why, retry_at));
    }

    fn let_go(&self, set: &ZoneSet, index: &mut Index) -> Result<(), String> {
        for apex in &set.removed {
            index.unfit.remove(apex);
            let apex = Name::parse_absolute(apex).map_err(|fault| format!("{apex}: {fault}"))?;
            let Some(kept) = index.kept.remove(&apex.to_folded()) else {
                continue;
            };
            fs::remove_file(&kept.place)
                .and_then(|()| sync_folder(&self.folder))
                .map_err(|cause| format!("remove {}: {cause}", kept.place.display()))?;
        }
        Ok(())
    }

    fn keep_rivals(&self, set: &ZoneSet, folder: &Path, index: &mut Index) -> Result<(), String> {
        let rivals = super::owners::rivals_of(set);
        let rivals = rivals
            .iter()
            .map(|path| relative_to(folder, path).to_path_buf());
        let rivals: BTreeSet<PathBuf> = rivals.collect();
        if rivals != index.rivals {
            rivals::write(&self.folder, &rivals)?;
            index.damaged.remove(&rivals::path(&self.folder));
            index.rivals = rivals;
        }
        Ok(())
    }

    fn keep_zones(
        &self,
        set: &ZoneSet,
        (folder, links): (&Path, &[PathBuf]),
        index: &mut Index,
    ) -> Result<(), String> {
        let is_wanted = |zone: &&Arc<LoadedZone>| {
            let file = relative_to(folder, &zone.path);
            let apex = &zone.model.apex;
            let kept = index.kept.get(&apex.to_folded());
            let is_kept = kept.is_some_and(|kept| {
                kept.file == file
                    && (kept.digest, kept.serial) == (zone.digest, zone.served.zone.serial())
            });
            let unfit = index.unfit.get(&apex.to_string());
            let is_unfit = unfit.is_some_and(|(digest, _)| *digest == zone.digest);
            zone.standing == Standing::Current && !is_kept && !is_unfit
        };
        let wanted: Vec<&Arc<LoadedZone>> = set.zones.iter().filter(is_wanted).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        make_folder(&self.folder)?;
        let mut batch = Vec::new();
        for zone in &wanted {
            let apex = zone.model.apex.to_string();
            match self.prepare(zone, folder, links) {
                Ok(None) => continue,
                Ok(Some((kept, octets))) => {
                    let all = index.kept.values().map(|kept| kept.size).sum::<u64>();
                    if all.saturating_add(kept.size) > SIZE_MAX {
                        let why = format!(
                            "finds no room: all kept versions take {SIZE_MAX} octets at most"
                        );
                        index.unfit.insert(apex, (zone.digest, why));
                        continue;
                    }
                    index.unfit.remove(&apex);
                    if wanted.len() < BATCH_MIN {
                        replace(&kept.place, &octets, Readers::Owner)?;
                        index.take(kept);
                    } else {
                        write_beside(&kept.place, &octets)?;
                        batch.push(kept);
                    }
                }
                Err(why) => {
                    index.unfit.insert(apex, (zone.digest, why));
                }
            }
        }
        self.put_in_place(batch, index)
    }

    /// Puts versions that were written beside in place, all on one sync of the file system.
    fn put_in_place(&self, batch: Vec<Kept>, index: &mut Index) -> Result<(), String> {
        if batch.is_empty() {
            return Ok(());
        }
        let fault = |cause: std::io::Error| format!("sync {}: {cause}", self.folder.display());
        let opened = fs::File::open(&self.folder).map_err(fault)?;
        rustix::fs::syncfs(&opened).map_err(|cause| fault(cause.into()))?;
        for kept in batch {
            fs::rename(kept.place.with_extension("new"), &kept.place)
                .map_err(|cause| format!("replace {}: {cause}", kept.place.display()))?;
            index.take(kept);
        }
        sync_folder(&self.folder).map_err(fault)
    }

    /// Reads the files of a zone again and writes them as one; `None` if they are others by now.
    fn prepare(
        &self,
        zone: &LoadedZone,
        folder: &Path,
        links: &[PathBuf],
    ) -> Result<Option<(Kept, Vec<u8>)>, String> {
        let files = ZoneFiles::within(folder, links);
        let mut contents = Vec::with_capacity(zone.stamps.len());
        let mut sizes = Vec::with_capacity(zone.stamps.len());
        for (path, _) in &zone.stamps {
            let named = relative_to(folder, path).to_str();
            let named = named.ok_or("has a file whose name is not UTF-8, and cannot be kept")?;
            if let Ok(octets) = files.fetch(path) {
                sizes.push((named.to_owned(), octets.len() as u64));
                contents.push(octets);
            }
        }
        if digest(files.take_read().iter()) != zone.digest {
            return Ok(None);
        }
        let apex = &zone.model.apex;
        let manifest = Manifest {
            zone: apex.to_string(),
            file: relative_to(folder, &zone.path).display().to_string(),
            digest: zone.digest,
            serial: zone.served.zone.serial(),
            loaded_at: zone.loaded_at.millis(),
            files: sizes,
        };
        let octets = encode(&manifest, &contents)?;
        let kept = Kept {
            apex: apex.clone(),
            file: PathBuf::from(manifest.file),
            digest: manifest.digest,
            serial: manifest.serial,
            loaded_at: zone.loaded_at,
            place: self.folder.join(place_of(apex)),
            size: octets.len() as u64,
        };
        Ok(Some((kept, octets)))
    }
}

impl Index {
    fn take(&mut self, kept: Kept) {
        self.damaged.remove(&kept.place);
        self.kept.insert(kept.apex.to_folded(), kept);
    }
}

fn write_beside(place: &Path, octets: &[u8]) -> Result<(), String> {
    let beside = place.with_extension("new");
    let fault = |cause: std::io::Error| format!("write {}: {cause}", beside.display());
    let mut options = fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .open(&beside)
        .map_err(fault)?;
    file.write_all(octets).map_err(fault)
}

/// Names the file of a zone: its apex as far as any file system takes it, and a hash that tells it from all others.
fn place_of(apex: &Name) -> String {
    let folded = apex.to_folded();
    let text = apex.to_string().to_ascii_lowercase();
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || "-_.".contains(*letter);
    let shown: String = text
        .trim_matches('.')
        .chars()
        .filter(is_plain)
        .take(100)
        .collect();
    format!(
        "{shown}@{:016x}.{ENDING}",
        siphasher::sip::SipHasher24::new().hash(&folded)
    )
}

fn encode(manifest: &Manifest, contents: &[Arc<Vec<u8>>]) -> Result<Vec<u8>, String> {
    let mut body = serde_json::to_vec(manifest).map_err(|cause| cause.to_string())?;
    body.push(b'\n');
    contents
        .iter()
        .for_each(|octets| body.extend_from_slice(octets));
    let mut octets = format!("{MAGIC}{:032x}\n", checksum(&body)).into_bytes();
    octets.append(&mut body);
    Ok(octets)
}

fn checksum(octets: &[u8]) -> u128 {
    let mut hasher = SipHasher24::new();
    hasher.write(octets);
    hasher.finish128().as_u128()
}

/// The files of a kept version in the order in which they were read, seen from the zones folder.
pub(super) type Contents = Vec<(PathBuf, Arc<Vec<u8>>)>;

fn read_kept(path: &Path) -> Result<(Kept, Contents), String> {
    let octets = fs::read(path).map_err(|cause| format!("it cannot be read: {cause}"))?;
    let damaged = || "it is damaged: its digest is another one".to_owned();
    let (head, body) = split_line(&octets).ok_or_else(damaged)?;
    let head = std::str::from_utf8(head).map_err(|_| damaged())?;
    if head != format!("{MAGIC}{:032x}", checksum(body)) {
        return Err(damaged());
    }
    let (manifest, mut rest) = split_line(body).ok_or_else(damaged)?;
    let manifest: Manifest =
        serde_json::from_slice(manifest).map_err(|cause| format!("it is damaged: {cause}"))?;
    let mut contents = Contents::new();
    for (named, size) in manifest.files {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let (octets, after) = rest.split_at_checked(size).ok_or_else(damaged)?;
        contents.push((PathBuf::from(named), Arc::new(octets.to_vec())));
        rest = after;
    }
    let apex = Name::parse_absolute(&manifest.zone).map_err(|fault| fault.to_string())?;
    let kept = Kept {
        apex,
        file: PathBuf::from(manifest.file),
        digest: manifest.digest,
        serial: manifest.serial,
        loaded_at: WallTime::from_millis(manifest.loaded_at),
        place: path.to_path_buf(),
        size: octets.len() as u64,
    };
    Ok((kept, contents))
}

fn split_line(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = octets.iter().position(|octet| *octet == b'\n')?;
    Some((&octets[..end], &octets[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            zone: "Example.com.".to_owned(),
            file: "a.zone".to_owned(),
            digest: 7,
            serial: 9,
            loaded_at: 1_800_000_000_000,
            files: vec![("a.zone".to_owned(), 3), ("b/list".to_owned(), 2)],
        }
    }

    #[test]
    fn what_was_written_reads_back_and_any_changed_octet_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.last-good");
        let contents = [Arc::new(b"a\n\xff".to_vec()), Arc::new(b"xy".to_vec())];
        let octets = encode(&manifest(), &contents).expect("plain data");
        fs::write(&path, &octets).expect("a writable folder");
        let (kept, found) = read_kept(&path).expect("a whole version");
        assert_eq!((kept.digest, kept.serial), (7, 9));
        assert_eq!(found[0], ("a.zone".into(), Arc::clone(&contents[0])));
        assert_eq!(found[1], ("b/list".into(), Arc::clone(&contents[1])));
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).expect("a writable folder");
            assert!(read_kept(&path).is_err(), "octet {at}");
            fs::write(&path, &octets[..at]).expect("a writable folder");
            assert!(read_kept(&path).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn each_apex_has_a_file_of_its_own_whatever_it_is_called() {
        let long = [vec!["a".repeat(63); 3], vec!["b".repeat(61)]]
            .concat()
            .join(".");
        let names = [
            ".",
            "root.",
            "example.com.",
            "EXAMPLE.com.",
            "a\\.b.",
            "a.b.",
            "..-.",
            &long,
        ];
        let places: Vec<String> = names
            .iter()
            .filter_map(|name| Name::parse_absolute(name).ok())
            .map(|name| place_of(&name))
            .collect();
        for place in &places {
            assert!(place.len() < 200 && !place.starts_with('.'), "{place}");
            assert!(!place.contains('/'), "{place}");
        }
        let mut apart: Vec<&String> = places.iter().collect();
        apart.sort();
        apart.dedup();
        assert_eq!(
            apart.len(),
            places.len() - 1,
            "case means nothing: {places:?}"
        );
    }
}
