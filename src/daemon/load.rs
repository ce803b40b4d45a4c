//! Loads a folder of zones: each file read, reviewed, compiled and tested by its own expectations.
//!
//! A file without faults becomes a served zone; a file with faults is refused whole and its last good version is
//! kept, if there is one. A file whose content did not change keeps its zone as it is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::admin::Consent;
use crate::clock::WallTime;
use crate::compile::Flattened;
use crate::geo::Locations;

use super::files::{FolderCause, FolderFault, Stamp, stamp};
use super::last_good::LastGood;
use super::listing::Listing;
use super::loading::Serials;
use super::owners::{
    Incumbent, Outcome, OwnershipRules, incumbents_of, known_by_path, rivals_of, settle,
};
use super::reading::{Loaded, Torn, closed_refusal, incumbent_of, read_file, unchanged};
use super::zone_files::ZoneFiles;
use super::zone_set::{Changes, LoadedZone, Pace, Refusal, Stamps, Standing, ZoneSet, is_settled};

/// What a load needs to know.
pub struct Loading<'a> {
    /// Folder of zones, or one file.
    pub folder: &'a Path,
    /// Folders outside it where links may lead.
    pub links: &'a [PathBuf],
    /// What was served before.
    pub previous: &'a ZoneSet,
    /// Versions that were kept, at a start.
    pub kept: Option<&'a LastGood>,
    /// Which changes are taken.
    pub pace: Pace,
    /// Whether an operator agrees to the removal of zones.
    pub consent: Consent,
    /// Serials so far; copied only if one changes.
    pub serials: &'a mut Arc<Serials>,
    /// What is known about addresses.
    pub locations: &'a Locations,
    /// Whether locations changed, so that maps must be built anew.
    pub are_locations_new: bool,
    /// What flattened targets are known to be.
    pub flattened: &'a Flattened,
    /// The time.
    pub wall: WallTime,
}

/// Loads one zone from its text, for tests of what follows.
#[cfg(test)]
pub(super) fn load_text(text: &str) -> ZoneSet {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("zone.toml"), text).expect("a writable folder");
    let set = load_zones(Loading {
        folder: folder.path(),
        links: &[],
        previous: &ZoneSet::default(),
        kept: None,
        pace: Pace::AtOnce,
        consent: Consent::Open,
        serials: &mut Arc::default(),
        locations: &Locations::unknown(),
        are_locations_new: false,
        flattened: &Flattened::default(),
        wall: WallTime::from_millis(1_800_000_000_000),
    });
    let set = set.expect("a folder with one zone");
    assert_eq!(set.zones.len(), 1, "{:?}", set.refusals);
    set
}

/// Loads every zone file.
///
/// # Errors
/// If the folder cannot be read, or lost its last zone file; nothing is changed then.
pub fn load_zones(loading: Loading<'_>) -> Result<ZoneSet, FolderFault> {
    let (listing, folder_fault) = list(&loading)?;
    let folder = folder_of(loading.folder);
    let known = known_by_path(loading.previous);
    let refused: HashMap<&Path, &Refusal> = loading
        .previous
        .refusals
        .iter()
        .map(|refusal| (refusal.path.as_path(), refusal))
        .collect();
    let job = Job {
        folder: &folder,
        links: loading.links,
        known,
        refused,
        pace: loading.pace.clone(),
        serials: loading.serials,
        locations: loading.locations,
        are_locations_new: loading.are_locations_new,
        flattened: loading.flattened,
        wall: loading.wall,
        written: Mutex::default(),
    };
    let outcomes = load_each(&listing.files, &job);
    let mut outcomes: BTreeMap<PathBuf, Outcome> =
        listing.files.iter().cloned().zip(outcomes).collect();
    let mut set = ZoneSet::listed(listing.clone());
    set.folder_fault = folder_fault.map(|fault| fault.to_string());
    let (incumbents, rivals) = claims_before(&loading, &outcomes, &job);
    let rules = OwnershipRules {
        just_gone: just_gone(&incumbents, &outcomes, &job.pace),
        listing: &listing,
        previous: loading.previous,
        rivals,
        consent: loading.consent,
        wall: loading.wall,
    };
    for closed in listing.closed.iter() {
        let refusal = closed_refusal(&closed.path, &closed.why, &job);
        outcomes.insert(closed.path.clone(), Outcome::Bad(refusal));
    }
    let deferred = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Deferred));
    set.deferred = deferred.map(|(path, _)| path.clone()).collect();
    if let Pace::Settled(Changes { now, .. }) = &job.pace {
        let mut seen = now.clone();
        seen.extend(std::mem::take(&mut *lock(&job.written)));
        *lock(&set.seen) = seen;
    }
    settle(&mut set, outcomes, incumbents, &rules);
    learn_serials(loading.serials, &set);
    Ok(set)
}

/// Returns who served each zone before, and which files were refused for it.
fn claims_before(
    loading: &Loading<'_>,
    outcomes: &BTreeMap<PathBuf, Outcome>,
    job: &Job<'_>,
) -> (Vec<Incumbent>, BTreeSet<PathBuf>) {
    let mut incumbents = incumbents_of(loading.previous);
    let mut rivals = rivals_of(loading.previous);
    if let Some(store) = loading.kept {
        let kept = store.rivals();
        rivals.extend(kept.iter().map(|file| job.folder.join(file)));
        for kept in store.all() {
            incumbents.push(incumbent_of(kept, store, outcomes, job));
        }
    }
    (incumbents, rivals)
}

/// Returns files that are gone, but were still there at the look before: they may be back at the next.
fn just_gone(
    incumbents: &[Incumbent],
    outcomes: &BTreeMap<PathBuf, Outcome>,
    pace: &Pace,
) -> HashSet<PathBuf> {
    let Pace::Settled(Changes { before, .. }) = pace else {
        return HashSet::new();
    };
    let paths = incumbents.iter().map(|incumbent| &incumbent.path);
    let gone = paths.filter(|path| !outcomes.contains_key(*path));
    gone.filter(|path| before.get(*path) != Some(&None))
        .cloned()
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the folder that names in zone files start from.
pub(super) fn folder_of(zones: &Path) -> PathBuf {
    if zones.is_file() {
        let parent = zones.parent();
        parent.unwrap_or_else(|| Path::new("")).to_path_buf()
    } else {
        zones.to_path_buf()
    }
}

/// Lists the zone files. Where zones were served, a folder without any counts as one that cannot be read; at a start with
/// kept versions both are told beside the zones that are served from them.
fn list(loading: &Loading<'_>) -> Result<(Listing, Option<FolderFault>), FolderFault> {
    let known = loading.previous.listing();
    let listing = known.renewed(loading.folder, loading.links, loading.wall);
    let is_kept = loading.kept.is_some_and(|store| !store.all().is_empty());
    let is_served = is_kept || !loading.previous.zones.is_empty();
    let emptied = || FolderFault {
        path: loading.folder.to_path_buf(),
        cause: FolderCause::Emptied,
    };
    let is_empty = |listing: &Listing| listing.files.is_empty() && listing.closed.is_empty();
    match listing {
        Ok(listing) if is_served && is_empty(&listing) && loading.consent == Consent::Open => {
            if is_kept {
                return Ok((listing, Some(emptied())));
            }
            Err(emptied())
        }
        Ok(listing) => Ok((listing, None)),
        Err(fault) if is_kept => Ok((Listing::default(), Some(fault))),
        Err(fault) => Err(fault),
    }
}

/// Notes the serials that are served and that nobody wrote.
fn learn_serials(serials: &mut Arc<Serials>, set: &ZoneSet) {
    for zone in &set.zones {
        let (apex, serial) = (&zone.model.apex, zone.served.zone.serial());
        let is_ours = zone.model.soa.serial.is_none() && !zone.is_master();
        if is_ours && !serials.knows(apex, zone.digest, serial) {
            Arc::make_mut(serials).learn(apex, zone.digest, serial);
        }
    }
}

/// Threads that load at most; chosen, more than disks reward.
const THREADS_MAX: usize = 16;
/// Files that are worth a thread of their own.
const FILES_PER_THREAD: usize = 16;

/// What every file's load shares.
pub(super) struct Job<'a> {
    pub(super) folder: &'a Path,
    pub(super) links: &'a [PathBuf],
    /// What each file held before.
    pub(super) known: HashMap<&'a Path, &'a Arc<LoadedZone>>,
    /// Files that were refused before.
    pub(super) refused: HashMap<&'a Path, &'a Refusal>,
    pub(super) pace: Pace,
    pub(super) serials: &'a Serials,
    pub(super) locations: &'a Locations,
    pub(super) are_locations_new: bool,
    pub(super) flattened: &'a Flattened,
    pub(super) wall: WallTime,
    /// Files that are being written, as they look.
    pub(super) written: Mutex<Stamps>,
}

impl Job<'_> {
    /// Says whether every file that looks different is settled.
    fn is_settled(
        &self,
        stamps: &[(PathBuf, Option<Stamp>)],
        known: &[(PathBuf, Option<Stamp>)],
    ) -> bool {
        let Pace::Settled(Changes { before, .. }) = &self.pace else {
            return true;
        };
        let is_done = |(path, now): &(PathBuf, Option<Stamp>)| {
            let known = known.iter().find(|(of, _)| of == path);
            let known = known.and_then(|(_, known)| known.as_ref());
            now.as_ref() == known || is_settled(before, path, now, known)
        };
        let mut open = stamps.iter().filter(|pair| !is_done(pair)).peekable();
        let is_all_done = open.peek().is_none();
        lock(&self.written).extend(open.cloned());
        is_all_done
    }

    /// Returns what a file is while it is being written: what it was.
    fn as_before(&self, path: &Path) -> Outcome {
        match (self.refused.get(path), self.known.get(path)) {
            (Some(refusal), _) if refusal.rival.is_none() => Outcome::Bad((*refusal).clone()),
            (_, Some(known)) if known.standing == Standing::Current => {
                Outcome::Good(Arc::clone(known))
            }
            (_, _) => Outcome::Deferred,
        }
    }
}

/// Loads every file, on as many threads as are worth it; results stand in the order of the paths.
fn load_each(paths: &[PathBuf], job: &Job<'_>) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, path)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            paths.get(at).map(|path| (at, path))
        } {
            done.push((at, load_file(path, job)));
        }
        done
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(THREADS_MAX).min(paths.len() / FILES_PER_THREAD);
    let mut all = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for other in others {
            all.extend(other.join().expect("a load does not panic on any file"));
        }
        all
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, loaded)| loaded).collect()
}

/// Returns what a file is if it looks the same, and its look can be trusted: it is not even read then.
fn load_unread(
    known: Option<&Arc<LoadedZone>>,
    refused: Option<&Refusal>,
    job: &Job<'_>,
) -> Option<Outcome> {
    let is_same = |stamps: &[(PathBuf, Option<Stamp>)], read_at| {
        let is_trusted =
            |known: &Option<Stamp>| known.as_ref().is_none_or(|known| known.is_settled(read_at));
        stamps
            .iter()
            .all(|(path, known)| is_trusted(known) && stamp(path) == *known)
    };
    match (refused, known) {
        // Expectations may hold where clients are elsewhere.
        (Some(refused), _) if !job.are_locations_new => {
            is_same(&refused.stamps, refused.compared_at).then(|| Outcome::Bad(refused.clone()))
        }
        (None, Some(known)) if is_same(&known.stamps, known.compared_at) => {
            Some(Outcome::Good(if job.are_locations_new {
                unchanged(known, known.stamps.clone(), known.compared_at, job)
            } else {
                Arc::clone(known)
            }))
        }
        (_, _) => None,
    }
}

fn load_file(path: &Path, job: &Job<'_>) -> Outcome {
    let known = job.known.get(path).copied();
    let refused = job.refused.get(path).copied();
    let refused = refused.filter(|refusal| refusal.rival.is_none());
    if let Some(outcome) = load_unread(known, refused, job) {
        return outcome;
    }
    let before: &[(PathBuf, Option<Stamp>)] = match (refused, known) {
        (Some(refused), _) => &refused.stamps,
        (None, Some(known)) => &known.stamps,
        (None, None) => &[],
    };
    let now: Vec<(PathBuf, Option<Stamp>)> = match before {
        [] => vec![(path.to_path_buf(), stamp(path))],
        before => before
            .iter()
            .map(|(path, _)| (path.clone(), stamp(path)))
            .collect(),
    };
    if !job.is_settled(&now, before) {
        return job.as_before(path);
    }
    let files = ZoneFiles::within(job.folder, job.links);
    let loaded = read_file(path, &files, known, job);
    let read = match &loaded {
        Loaded::Zone(zone) => &zone.stamps,
        Loaded::Refused(refusal, _) => &refusal.stamps,
    };
    let is_changing = matches!(loaded, Loaded::Refused(_, Torn::Yes)) && job.pace != Pace::AtOnce;
    if is_changing || !job.is_settled(read, before) {
        return job.as_before(path);
    }
    match loaded {
        Loaded::Zone(zone) => Outcome::Good(zone),
        Loaded::Refused(mut refusal, _) => {
            if let Some(known) = job.refused.get(path) {
                refusal.since = known.since;
            }
            Outcome::Bad(refusal)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A time when everything written now counts as left alone.
    const LATER: WallTime = WallTime::from_millis(1 << 52);

    fn load(folder: &Path, previous: &ZoneSet, pace: Pace) -> ZoneSet {
        let loading = Loading {
            folder,
            links: &[],
            previous,
            kept: None,
            pace,
            consent: Consent::Open,
            serials: &mut Arc::default(),
            locations: &Locations::unknown(),
            are_locations_new: false,
            flattened: &Flattened::default(),
            wall: LATER,
        };
        load_zones(loading).expect("a folder")
    }

    fn zone(address: &str) -> String {
        format!(
            "zone = \"a.example\"\n[names]\n\"@\".NS = \"ns.example.net.\"\nwww.A = \"{address}\"\n"
        )
    }

    #[test]
    fn a_refused_file_that_did_not_change_is_not_read_again() {
        // X18: refused files were parsed again at every reload of any zone.
        let folder = tempfile::tempdir().expect("a folder");
        let write = |file: &str, text: &str| {
            fs::write(folder.path().join(file), text).expect("a writable folder");
        };
        write("a.toml", &zone("192.0.2.1"));
        write("bad.toml", "zone = [\n");
        write("b.example.zone", "@ SOA\n$INCLUDE absent\n");
        std::os::unix::fs::symlink("nowhere", folder.path().join("c.toml"))
            .expect("a writable folder");
        let first = load(folder.path(), &ZoneSet::default(), Pace::AtOnce);
        assert_eq!(first.refusals.len(), 3);
        write("a.toml", &zone("192.0.2.22"));
        let second = load(folder.path(), &first, Pace::AtOnce);
        assert!(!Arc::ptr_eq(&first.zones[0].model, &second.zones[0].model));
        for (before, after) in first.refusals.iter().zip(&second.refusals) {
            assert!(
                Arc::ptr_eq(&before.diagnostics, &after.diagnostics),
                "{:?}",
                after.path
            );
        }
        write("bad.toml", "zone = [[\n");
        write("absent", "");
        let third = load(folder.path(), &second, Pace::AtOnce);
        for number in [0, 1] {
            let (before, after) = (&second.refusals[number], &third.refusals[number]);
            assert!(
                !Arc::ptr_eq(&before.diagnostics, &after.diagnostics),
                "{:?}",
                after.path
            );
        }
    }

    #[test]
    fn a_change_is_taken_when_two_looks_agree() {
        // N4, for a zone file, a new one, and one that goes.
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.toml");
        fs::write(&path, zone("192.0.2.1")).expect("a writable folder");
        let mut set = load(folder.path(), &ZoneSet::default(), Pace::AtOnce);
        let mut look = || {
            use crate::daemon::zone_set::Look;
            let look = set.look(folder.path(), &[], LATER).expect("a folder");
            let Look::Stale(pace) = look else {
                return (look == Look::Same, None);
            };
            set = load(folder.path(), &set, pace);
            let standings: Vec<bool> = set
                .zones
                .iter()
                .map(|zone| zone.standing == Standing::Current)
                .collect();
            (false, Some((standings, set.refusals.len())))
        };
        assert_eq!(look(), (true, None), "nothing changed");
        fs::write(&path, zone("192.0.2.22")).expect("a writable folder");
        assert_eq!(look(), (false, None), "it may still be written");
        fs::write(&path, zone("192.0.2.222")).expect("a writable folder");
        assert_eq!(look(), (false, None), "it is");
        assert_eq!(look(), (false, Some((vec![true], 0))), "it was left alone");
        assert_eq!(look(), (true, None));
        fs::write(folder.path().join("b.toml"), "zone = ").expect("a writable folder");
        assert_eq!(look(), (false, None));
        assert_eq!(look(), (false, Some((vec![true], 1))));
        fs::remove_file(folder.path().join("b.toml")).expect("a writable folder");
        fs::write(folder.path().join("c.txt"), "").expect("a writable folder");
        assert_eq!(look(), (false, None));
        assert_eq!(look(), (false, Some((vec![true], 0))));
        fs::write(
            folder.path().join("z.toml"),
            zone("192.0.2.1").replace("a.ex", "z.ex"),
        )
        .expect("a writable folder");
        fs::remove_file(&path).expect("a writable folder");
        assert_eq!(look(), (false, None), "it may be back in a moment");
        assert_eq!(look(), (false, Some((vec![false, true], 0))), "it is gone");
        assert_eq!(look(), (true, None));
    }
}
