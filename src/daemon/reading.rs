//! One zone file, from its octets to a zone or a refusal: read, reviewed, compiled, tested by its own expectations.
//!
//! In: a file, what it held before. Out: a zone, or why there is none; zones from kept versions. Never here: which file serves
//! which zone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::WallTime;
use crate::compile::{Flattened, compile_zone_with};
use crate::config::read_zone;
use crate::config::server_file::looks_like_server_file;
use crate::diagnostic::Span;
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::geo::Locations;
use crate::lint;
use crate::model::ZoneModel;
use crate::simulate::{ExpectFailure, check_expectations};
use crate::zone::{ServedZone, build_maps};

use super::files::Stamp;
use super::last_good::{Kept, LastGood};
use super::load::Job;
use super::master::{MasterLoad, is_master_file, load_master};
use super::owners::{Incumbent, Outcome};
use super::secrecy::hide_secrets;
use super::zone_files::{ReadFile, ZoneFiles, digest, text_of};
use super::zone_set::{LoadedZone, Refusal, Standing};

/// Whether a file changed while it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Torn {
    Yes,
    No,
}

/// What reading a file gave.
pub(super) enum Loaded {
    Zone(Arc<LoadedZone>),
    Refused(Refusal, Torn),
}

/// Reads a file and makes of it what it is.
pub(super) fn read_file(
    path: &Path,
    files: &ZoneFiles,
    known: Option<&Arc<LoadedZone>>,
    job: &Job<'_>,
) -> Loaded {
    if let Some(known) = known {
        for (path, _) in &known.stamps {
            // What cannot be read is part of the digest.
            let _ = files.fetch(path);
        }
        // What it named before may be named no more.
        let read = files.take_read();
        if digest(read.iter()) == known.digest {
            return Loaded::Zone(unchanged(known, stamps_of(&read), job.wall, job));
        }
    }
    let judged = if is_master_file(path) {
        of_master(path, load_master(path, files))
    } else {
        judge_toml(path, files)
    };
    let read = files.take_read();
    let stamps = stamps_of(&read);
    let torn = if read.iter().any(ReadFile::is_changing) {
        Torn::Yes
    } else {
        Torn::No
    };
    let Judged {
        mut diagnostics,
        mut sources,
        model,
    } = judged;
    hide_secrets(&mut diagnostics, &mut sources);
    let mut sources = sources.into_iter();
    let source = Arc::new(sources.next().unwrap_or_else(|| Source {
        path: path.to_path_buf(),
        text: String::new(),
    }));
    let included: Arc<Vec<Source>> = Arc::new(sources.collect());
    let digest = digest(read.iter());
    let served = model.and_then(|(model, served)| {
        let served = match served {
            Some(served) => Ok(served),
            None => finish(&model, digest, &stamps, &mut diagnostics, job),
        };
        Some((model, served.ok()?))
    });
    let diagnostics = Arc::new(diagnostics);
    match served {
        Some((model, served)) => Loaded::Zone(Arc::new(LoadedZone {
            path: path.to_path_buf(),
            model: Arc::new(model),
            served,
            loaded_at: job.wall,
            standing: Standing::Current,
            diagnostics,
            source,
            included,
            compared_at: job.wall,
            digest,
            stamps,
        })),
        None => {
            let refusal = Refusal {
                path: path.to_path_buf(),
                since: job.wall,
                diagnostics,
                source,
                included,
                compared_at: job.wall,
                stamps,
                rival: None,
            };
            Loaded::Refused(refusal, torn)
        }
    }
}

fn stamps_of(read: &[ReadFile]) -> Vec<(PathBuf, Option<Stamp>)> {
    let stamps = read.iter();
    stamps
        .map(|file| (file.path.clone(), file.stamp.clone()))
        .collect()
}

/// What a file means, as far as it alone tells.
struct Judged {
    /// The model; for a master file with the zone that it is.
    model: Option<(ZoneModel, Option<ServedZone>)>,
    diagnostics: Vec<Diagnostic>,
    /// The files that diagnostics point into, the zone's own first.
    sources: Vec<Source>,
}

fn of_master(path: &Path, load: MasterLoad) -> Judged {
    let source = || Source {
        path: path.to_path_buf(),
        text: String::new(),
    };
    let mut sources = load.sources;
    if sources.is_empty() {
        sources.push(source());
    }
    Judged {
        model: load.zone.map(|(model, served)| (model, Some(served))),
        diagnostics: load.diagnostics,
        sources,
    }
}

/// Reads and reviews a file in the format of its own.
fn judge_toml(path: &Path, files: &ZoneFiles) -> Judged {
    let read = files.fetch(path).and_then(|octets| text_of(&octets));
    let (text, cause) = match read {
        Ok(text) => (text, None),
        Err(cause) => (String::new(), Some(cause)),
    };
    let source = Source {
        path: path.to_path_buf(),
        text,
    };
    let mut diagnostics = Vec::new();
    let mut model = None;
    if let Some(cause) = cause {
        let found = Diagnostic::fault("D005", Span(0..0), "", format!("cannot be read: {cause}"));
        diagnostics.push(at_file(path, found));
    } else {
        let (read, found) = read_zone(&source, files);
        if read.is_none() && looks_like_server_file(&source.text) {
            let message = "this is a server file, not a zone: keep it outside the zones folder";
            let found = Diagnostic::fault("D010", Span(0..0), "", message.to_owned());
            diagnostics.push(at_file(path, found));
        } else {
            diagnostics.extend(found);
        }
        if let Some(read) = &read {
            diagnostics.extend(lint::review_zone(read));
        }
        model = read.map(|read| (read, None));
    }
    Judged {
        model,
        diagnostics,
        sources: vec![source],
    }
}

/// Compiles a zone and tries its expectations; fails if there is a fault among the diagnostics then.
fn finish(
    model: &ZoneModel,
    digest: u64,
    stamps: &[(PathBuf, Option<Stamp>)],
    diagnostics: &mut Vec<Diagnostic>,
    job: &Job<'_>,
) -> Result<ServedZone, ()> {
    let path = &model.file;
    let served = serve(model, digest, stamps, job).map_err(|message| {
        let found = Diagnostic::fault("D002", Span(0..0), "", message);
        diagnostics.push(at_file(path, found));
    })?;
    let has_database = !job.locations.databases().is_empty();
    let rehearsed = rehearsed(model, &served, job);
    let tried = rehearsed.as_ref().unwrap_or(&served);
    let failures = check_expectations(model, tried, job.locations, has_database);
    diagnostics.extend(
        failures
            .into_iter()
            .map(|failure| of_expectation(path, failure)),
    );
    let mut found = diagnostics.iter();
    if found.any(|found| found.severity == Severity::Fault) {
        return Err(());
    }
    Ok(served)
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

/// Keeps a zone whose content is the same; only its location maps follow new locations, and its serial a new time.
pub(super) fn unchanged(
    known: &LoadedZone,
    stamps: Vec<(PathBuf, Option<Stamp>)>,
    compared_at: WallTime,
    job: &Job<'_>,
) -> Arc<LoadedZone> {
    let mut zone = LoadedZone {
        stamps,
        compared_at,
        standing: Standing::Current,
        ..known.clone()
    };
    if !zone.is_master() && zone.model.soa.serial.is_none() {
        let serial = next_serial(&zone.model, zone.digest, &zone.stamps, job);
        if serial != zone.served.zone.serial()
            && let Ok(served) = compile(&zone.model, serial, job.flattened, job.locations)
        {
            zone.served = served;
        }
    }
    if job.are_locations_new {
        zone.served.maps = build_maps(&zone.served.zone.policies, job.locations);
    }
    Arc::new(zone)
}

fn serve(
    model: &ZoneModel,
    digest: u64,
    stamps: &[(PathBuf, Option<Stamp>)],
    job: &Job<'_>,
) -> Result<ServedZone, String> {
    let next_serial = || next_serial(model, digest, stamps, job);
    let serial = model.soa.serial.unwrap_or_else(next_serial);
    compile(model, serial, job.flattened, job.locations)
}

/// Returns the serial of a zone that nobody wrote one for.
fn next_serial(
    model: &ZoneModel,
    digest: u64,
    stamps: &[(PathBuf, Option<Stamp>)],
    job: &Job<'_>,
) -> u32 {
    let times = stamps.iter().filter_map(|(_, stamp)| stamp.as_ref());
    let modified = times.map(Stamp::modified_secs).max().unwrap_or(0);
    job.serials.next(&model.apex, digest, modified, job.wall)
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

/// Makes an incumbent of a kept version. It is read only if it is needed: its file no longer defines the zone.
pub(super) fn incumbent_of(
    kept: Kept,
    store: &LastGood,
    outcomes: &BTreeMap<PathBuf, Outcome>,
    job: &Job<'_>,
) -> Incumbent {
    let path = job.folder.join(&kept.file);
    let is_defined = match outcomes.get(&path) {
        Some(Outcome::Good(zone)) => zone.model.apex == kept.apex,
        Some(Outcome::Bad(_) | Outcome::Deferred) | None => false,
    };
    let zone = if is_defined {
        None
    } else {
        match load_kept(&kept, &path, store, job) {
            Ok(zone) => Some(zone),
            Err(why) => {
                store.note_damage(&kept, why);
                None
            }
        }
    };
    Incumbent {
        apex: kept.apex,
        path,
        digest: kept.digest,
        zone,
    }
}

/// Makes a zone of a kept version. What it was tested for then holds.
fn load_kept(
    kept: &Kept,
    path: &Path,
    store: &LastGood,
    job: &Job<'_>,
) -> Result<Arc<LoadedZone>, String> {
    let contents = store.read(kept)?;
    let named: Vec<PathBuf> = contents
        .iter()
        .map(|(file, _)| job.folder.join(file))
        .collect();
    let files = ZoneFiles::kept(job.folder, contents);
    let judged = if is_master_file(path) {
        of_master(path, load_master(path, &files))
    } else {
        judge_toml(path, &files)
    };
    let mut faults = judged.diagnostics.iter();
    let faults = faults.find(|found| found.severity == Severity::Fault);
    let refused = |why: &str| format!("this version of the program refuses it: {why}");
    if let Some(fault) = faults {
        return Err(refused(&fault.message));
    }
    let (model, served) = judged.model.ok_or_else(|| refused("it holds no zone"))?;
    let served = match served {
        Some(served) => served,
        None => compile(&model, kept.serial, job.flattened, job.locations)
            .map_err(|why| refused(&why))?,
    };
    let mut sources = judged.sources.into_iter();
    let source = sources.next().unwrap_or_else(|| Source {
        path: path.to_path_buf(),
        text: String::new(),
    });
    Ok(Arc::new(LoadedZone {
        path: path.to_path_buf(),
        model: Arc::new(model),
        served,
        loaded_at: kept.loaded_at,
        standing: Standing::Current,
        diagnostics: Arc::new(judged.diagnostics),
        source: Arc::new(source),
        included: Arc::new(sources.collect()),
        compared_at: WallTime::from_millis(0),
        digest: kept.digest,
        stamps: named.into_iter().map(|named| (named, None)).collect(),
    }))
}

/// Refuses a place that was not looked into.
pub(super) fn closed_refusal(path: &Path, why: &str, job: &Job<'_>) -> Refusal {
    let message = format!("nothing below it is read: {why}");
    let found = Diagnostic::fault("D006", Span(0..0), "", message);
    let known = job.refused.get(path);
    Refusal {
        path: path.to_path_buf(),
        since: known.map_or(job.wall, |known| known.since),
        diagnostics: Arc::new(vec![at_file(path, found)]),
        source: Arc::new(Source {
            path: path.to_path_buf(),
            text: String::new(),
        }),
        included: Arc::default(),
        compared_at: job.wall,
        stamps: Vec::new(),
        rival: None,
    }
}
