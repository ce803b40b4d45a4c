//! Loads a folder of zones: each file read, reviewed, compiled and tested by its own expectations.
//!
//! A file without faults becomes a served zone; a file with faults is refused whole and its last good version is
//! kept, if there is one. A file whose content did not change keeps its zone as it is.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::WallTime;
use crate::config::model::{Span, ZoneModel};
use crate::config::{
    Diagnostic, Flattened, Severity, Source, compile_zone_with, read_zone, review,
};
use crate::place::Locations;
use crate::rehearse::{ExpectFailure, check_expectations};
use crate::zone::{ServedZone, build_maps};

use super::files::{FolderFault, Stamp, ZoneFiles, read_text, stamp};
use super::master::{MasterLoad, is_master_file, load_master};
use super::serials::Serials;
use super::zone_set::{LoadedZone, Refusal, ZoneSet};

/// What a load needs to know.
pub struct Loading<'a> {
    /// Folder of zones, or one file.
    pub folder: &'a Path,
    /// What was served before.
    pub previous: &'a ZoneSet,
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

/// Loads every zone file.
///
/// # Errors
/// If the folder cannot be read; nothing is changed then.
pub fn load_zones(loading: Loading<'_>) -> Result<ZoneSet, FolderFault> {
    let listing = loading
        .previous
        .listing()
        .renewed(loading.folder, loading.wall)?;
    let paths = Arc::clone(&listing.files);
    let before: HashMap<&Path, &Arc<LoadedZone>> = loading
        .previous
        .zones
        .iter()
        .map(|zone| (zone.path.as_path(), zone))
        .collect();
    let refused_before: HashMap<&Path, WallTime> = loading
        .previous
        .refusals
        .iter()
        .map(|refusal| (refusal.path.as_path(), refusal.since))
        .collect();
    let folder = if loading.folder.is_file() {
        loading
            .folder
            .parent()
            .unwrap_or_else(|| Path::new(""))
            .to_path_buf()
    } else {
        loading.folder.to_path_buf()
    };
    let job = Job {
        folder: &folder,
        serials: Mutex::new(Arc::clone(loading.serials)),
        locations: loading.locations,
        are_locations_new: loading.are_locations_new,
        flattened: loading.flattened,
        wall: loading.wall,
    };
    let loaded = load_each(&paths, &before, &job);
    *loading.serials = job
        .serials
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let mut set = ZoneSet::listed(listing);
    let mut apexes = HashMap::with_capacity(paths.len());
    for (path, loaded) in paths.iter().zip(loaded) {
        let known = before.get(path.as_path()).copied();
        let since = refused_before
            .get(path.as_path())
            .copied()
            .unwrap_or(loading.wall);
        match loaded {
            Ok(zone) => add_zone(&mut set, &mut apexes, zone, since),
            Err(mut refusal) => {
                refusal.since = since;
                // The last good version is served on.
                if let Some(known) = known {
                    add_zone(&mut set, &mut apexes, Arc::clone(known), since);
                }
                set.refusals.push(refusal);
            }
        }
    }
    Ok(set)
}

/// Threads that load at most; chosen, more than disks reward.
const THREADS_MAX: usize = 16;
/// Files that are worth a thread of their own.
const FILES_PER_THREAD: usize = 16;

/// What every file's load shares.
struct Job<'a> {
    folder: &'a Path,
    serials: Mutex<Arc<Serials>>,
    locations: &'a Locations,
    are_locations_new: bool,
    flattened: &'a Flattened,
    wall: WallTime,
}

/// Loads every file, on as many threads as are worth it; results stand in the order of the paths.
fn load_each(
    paths: &[PathBuf],
    before: &HashMap<&Path, &Arc<LoadedZone>>,
    job: &Job<'_>,
) -> Vec<Result<Arc<LoadedZone>, Refusal>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, path)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            paths.get(at).map(|path| (at, path))
        } {
            let known = before.get(path.as_path()).copied();
            done.push((at, load_file(path, known, job)));
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

/// Adds a zone unless its apex is taken; then the later file is refused, with both places shown.
fn add_zone(
    set: &mut ZoneSet,
    apexes: &mut HashMap<Vec<u8>, usize>,
    zone: Arc<LoadedZone>,
    since: WallTime,
) {
    let number = set.zones.len();
    let first = *apexes.entry(zone.model.apex.to_folded()).or_insert(number);
    let Some(first) = set.zones.get(first) else {
        set.zones.push(zone);
        return;
    };
    let message = format!(
        "zone {} is already defined in {}",
        zone.model.apex,
        first.path.display()
    );
    let span = match zone.source.text.find("zone").filter(|_| !zone.is_master()) {
        Some(at) => Span(at..at + 4),
        None => Span(0..0),
    };
    let mut diagnostic = Diagnostic::fault("D001", span, "zone", message)
        .help("keep one of the two files, or give one of them another zone");
    diagnostic.path.clone_from(&zone.path);
    set.refusals.push(Refusal {
        path: zone.path.clone(),
        since,
        diagnostics: Arc::new(vec![diagnostic]),
        source: Arc::clone(&zone.source),
        included: Arc::default(),
        stamps: zone.stamps.clone(),
    });
}

fn load_file(
    path: &Path,
    known: Option<&Arc<LoadedZone>>,
    job: &Job<'_>,
) -> Result<Arc<LoadedZone>, Refusal> {
    // A file that looks the same, and whose look can be trusted, is not even read.
    let is_same = |(path, known): &(PathBuf, Option<Stamp>), read_at| {
        let is_settled = |known: &Stamp| known.is_settled(read_at);
        known.as_ref().is_some_and(is_settled) && stamp(path) == *known
    };
    if let Some(known) = known
        && known
            .stamps
            .iter()
            .all(|pair| is_same(pair, known.compared_at))
    {
        if !job.are_locations_new {
            return Ok(Arc::clone(known));
        }
        let stamps = known.stamps.clone();
        return Ok(unchanged(known, stamps, known.compared_at, job));
    }
    let files = ZoneFiles::new(job.folder);
    if is_master_file(path) {
        take_master(path, load_master(path, &files), known, job)
    } else {
        load_toml(path, &files, known, job)
    }
}

/// Makes a loaded zone, or a refusal, of what a master file gave.
fn take_master(
    path: &Path,
    load: MasterLoad,
    known: Option<&Arc<LoadedZone>>,
    job: &Job<'_>,
) -> Result<Arc<LoadedZone>, Refusal> {
    if let Some(known) = known.filter(|known| known.digest == load.digest)
        && load.zone.is_some()
    {
        return Ok(unchanged(known, load.stamps, job.wall, job));
    }
    let mut sources = load.sources.into_iter();
    let source = sources.next().unwrap_or_else(|| Source {
        path: path.to_path_buf(),
        text: String::new(),
    });
    let (diagnostics, source) = (Arc::new(load.diagnostics), Arc::new(source));
    let included = Arc::new(sources.collect());
    match load.zone {
        Some((model, served)) => Ok(Arc::new(LoadedZone {
            path: path.to_path_buf(),
            model: Arc::new(model),
            served,
            loaded_at: job.wall,
            diagnostics,
            source,
            included,
            compared_at: job.wall,
            digest: load.digest,
            stamps: load.stamps,
        })),
        None => Err(Refusal {
            path: path.to_path_buf(),
            since: job.wall,
            diagnostics,
            source,
            included,
            stamps: load.stamps,
        }),
    }
}

fn load_toml(
    path: &Path,
    files: &ZoneFiles,
    known: Option<&Arc<LoadedZone>>,
    job: &Job<'_>,
) -> Result<Arc<LoadedZone>, Refusal> {
    let mut stamps = vec![(path.to_path_buf(), stamp(path))];
    let read = read_text(path);
    let source = Source {
        path: path.to_path_buf(),
        text: read.as_deref().unwrap_or_default().to_owned(),
    };
    if let Some(known) = known
        && read.is_ok()
    {
        let named = known.stamps.iter().skip(1).map(|(named, _)| named.clone());
        let named: Vec<PathBuf> = named.collect();
        if digest(&source.text, &named) == known.digest {
            stamps.extend(named.into_iter().map(|named| {
                let found = stamp(&named);
                (named, found)
            }));
            return Ok(unchanged(known, stamps, job.wall, job));
        }
    }
    let mut diagnostics = Vec::new();
    let judged = match read {
        Ok(_) => judge(&source, files, job, &mut stamps, &mut diagnostics),
        Err(cause) => {
            let message = format!("cannot be read: {cause}");
            diagnostics.push(at_file(
                path,
                Diagnostic::fault("D005", Span(0..0), "", message),
            ));
            None
        }
    };
    let (diagnostics, source) = (Arc::new(diagnostics), Arc::new(source));
    match judged {
        Some((model, served, digest)) => Ok(Arc::new(LoadedZone {
            path: path.to_path_buf(),
            model: Arc::new(model),
            served,
            loaded_at: job.wall,
            diagnostics,
            source,
            included: Arc::default(),
            compared_at: job.wall,
            digest,
            stamps,
        })),
        None => Err(Refusal {
            path: path.to_path_buf(),
            since: job.wall,
            diagnostics,
            source,
            included: Arc::default(),
            stamps,
        }),
    }
}

/// Hashes a zone's text and the contents of the files that it names.
fn digest(text: &str, named: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    for path in named {
        read_text(path).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}

/// Reads, reviews, compiles and tests a zone; `None` if there is a fault among the diagnostics.
fn judge(
    source: &Source,
    files: &ZoneFiles,
    job: &Job<'_>,
    stamps: &mut Vec<(PathBuf, Option<Stamp>)>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(ZoneModel, ServedZone, u64)> {
    let path = &source.path;
    let (model, found) = read_zone(source, files);
    diagnostics.extend(found);
    stamps.extend(files.take_read());
    let named: Vec<PathBuf> = stamps
        .iter()
        .skip(1)
        .map(|(named, _)| named.clone())
        .collect();
    let digest = digest(&source.text, &named);
    let model = model?;
    let findings = review::review_zone(&model).into_iter();
    diagnostics.extend(findings.map(|finding| finding.into_diagnostic(path)));
    let served = match serve(&model, digest, job) {
        Ok(served) => served,
        Err(message) => {
            diagnostics.push(at_file(
                path,
                Diagnostic::fault("D002", Span(0..0), "", message),
            ));
            return None;
        }
    };
    let has_database = !job.locations.databases().is_empty();
    let rehearsed = rehearsed(&model, &served, job);
    let tried = rehearsed.as_ref().unwrap_or(&served);
    let failures = check_expectations(&model, tried, job.locations, has_database);
    diagnostics.extend(
        failures
            .into_iter()
            .map(|failure| of_expectation(path, failure)),
    );
    let is_faulty = diagnostics
        .iter()
        .any(|found| found.severity == Severity::Fault);
    (!is_faulty).then_some((model, served, digest))
}

/// Turns a failed expectation into a fault, a skipped one into a warning.
fn of_expectation(path: &Path, failure: ExpectFailure) -> Diagnostic {
    let message = format!("expectation \"{}\": {}", failure.title, failure.message);
    let mut diagnostic = if failure.is_skipped {
        Diagnostic::warning("D004", failure.span, "expect", message)
    } else {
        Diagnostic::fault("D003", failure.span, "expect", message)
    };
    if !failure.trace.is_empty() {
        diagnostic = diagnostic.help(failure.trace);
    }
    at_file(path, diagnostic)
}

fn at_file(path: &Path, mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.path = path.to_path_buf();
    diagnostic
}

/// Keeps a zone whose content is the same; only its location maps follow new locations.
fn unchanged(
    known: &LoadedZone,
    stamps: Vec<(PathBuf, Option<Stamp>)>,
    compared_at: WallTime,
    job: &Job<'_>,
) -> Arc<LoadedZone> {
    let mut zone = LoadedZone {
        stamps,
        compared_at,
        ..known.clone()
    };
    if job.are_locations_new {
        zone.served.maps = build_maps(&zone.served.zone.policies, job.locations);
    }
    Arc::new(zone)
}

fn serve(model: &ZoneModel, digest: u64, job: &Job<'_>) -> Result<ServedZone, String> {
    let apex = model.apex.to_string().to_ascii_lowercase();
    let next_serial = || {
        let mut serials = job.serials.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut serials).serial(&apex, digest, job.wall)
    };
    let serial = model.soa.serial.unwrap_or_else(next_serial);
    compile(model, serial, job.flattened, job.locations)
}

fn compile(
    model: &ZoneModel,
    serial: u32,
    flattened: &Flattened,
    locations: &Locations,
) -> Result<ServedZone, String> {
    let zone = compile_zone_with(model, serial, flattened).map_err(|fault| fault.to_string())?;
    let maps = build_maps(&zone.policies, locations);
    Ok(ServedZone {
        zone: Arc::new(zone),
        maps,
    })
}

/// Returns the zone that expectations are tried on: what flattened targets are today changes nothing about them.
fn rehearsed(model: &ZoneModel, served: &ServedZone, job: &Job<'_>) -> Option<ServedZone> {
    if served.zone.policies.leases.is_empty() || model.expects.is_empty() {
        return None;
    }
    // The zone compiled with what is known, so it compiles with one address of each family.
    compile(
        model,
        served.zone.serial(),
        &Flattened::assumed(),
        job.locations,
    )
    .ok()
}
