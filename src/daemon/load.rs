//! Loads a folder of zones: each file read, reviewed, compiled and tested by its own expectations.
//!
//! A file without faults becomes a served zone; a file with faults is refused whole and its last good version is
//! kept, if there is one. A file whose content did not change keeps its zone as it is.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::WallTime;
use crate::config::model::{Span, ZoneModel};
use crate::config::{Diagnostic, Severity, Source, compile_zone, read_zone, review};
use crate::place::Locations;
use crate::rehearse::check_expectations;
use crate::zone::{ServedZone, build_maps};

use super::files::{FolderFault, Stamp, ZoneFiles, find_zone_files, read_text, stamp};
use super::serials::Serials;

/// A zone that is served, with where it came from.
#[derive(Clone, Debug)]
pub struct LoadedZone {
    /// The file.
    pub path: PathBuf,
    /// What it means.
    pub model: Arc<ZoneModel>,
    /// What is served.
    pub served: ServedZone,
    /// When this content was loaded.
    pub loaded_at: WallTime,
    /// Warnings and notes about it.
    pub diagnostics: Arc<Vec<Diagnostic>>,
    /// Its text, for messages.
    pub source: Arc<Source>,
    digest: u64,
    stamps: Vec<(PathBuf, Option<Stamp>)>,
}

/// A file that is refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The file.
    pub path: PathBuf,
    /// Since when.
    pub since: WallTime,
    /// What is wrong, warnings included.
    pub diagnostics: Arc<Vec<Diagnostic>>,
    /// Its text, for messages.
    pub source: Arc<Source>,
    stamps: Vec<(PathBuf, Option<Stamp>)>,
}

/// Everything a folder gave.
#[derive(Clone, Debug, Default)]
pub struct ZoneSet {
    /// Zones, in the order of their paths.
    pub zones: Vec<LoadedZone>,
    /// Refused files.
    pub refusals: Vec<Refusal>,
}

impl ZoneSet {
    /// Returns every finding, with the sources they point into.
    pub fn findings(&self) -> (Vec<Diagnostic>, Vec<Source>) {
        let refused_paths: Vec<&PathBuf> =
            self.refusals.iter().map(|refusal| &refusal.path).collect();
        let served = self
            .zones
            .iter()
            .filter(|zone| !refused_paths.contains(&&zone.path));
        let served = served.map(|zone| (&zone.diagnostics, &zone.source));
        let refused = self
            .refusals
            .iter()
            .map(|refusal| (&refusal.diagnostics, &refusal.source));
        let mut diagnostics = Vec::new();
        let mut sources = Vec::new();
        for (found, source) in served.chain(refused) {
            diagnostics.extend(found.iter().cloned());
            sources.push(Source::clone(source));
        }
        (diagnostics, sources)
    }

    /// Says whether anything on disk looks different from what was loaded.
    pub fn is_stale(&self, folder: &Path) -> Result<bool, FolderFault> {
        let mut known: Vec<&PathBuf> = self.zones.iter().map(|zone| &zone.path).collect();
        known.extend(self.refusals.iter().map(|refusal| &refusal.path));
        known.sort();
        known.dedup();
        if find_zone_files(folder)?.iter().ne(known) {
            return Ok(true);
        }
        let refused: Vec<&PathBuf> = self.refusals.iter().map(|refusal| &refusal.path).collect();
        let current = self
            .zones
            .iter()
            .filter(|zone| !refused.contains(&&zone.path))
            .map(|zone| &zone.stamps);
        let mut all = current.chain(self.refusals.iter().map(|refusal| &refusal.stamps));
        Ok(all.any(|stamps| stamps.iter().any(|(path, known)| stamp(path) != *known)))
    }
}

/// What a load needs to know.
pub struct Loading<'a> {
    /// Folder of zones, or one file.
    pub folder: &'a Path,
    /// What was served before.
    pub previous: &'a ZoneSet,
    /// Serials so far.
    pub serials: &'a mut Serials,
    /// What is known about addresses.
    pub locations: &'a Locations,
    /// Whether locations changed, so that maps must be built anew.
    pub are_locations_new: bool,
    /// The time.
    pub wall: WallTime,
}

/// Loads every zone file.
///
/// # Errors
/// If the folder cannot be read; nothing is changed then.
pub fn load_zones(mut loading: Loading<'_>) -> Result<ZoneSet, FolderFault> {
    let paths = find_zone_files(loading.folder)?;
    let before: HashMap<&Path, &LoadedZone> = loading
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
    let files = ZoneFiles::new(&folder);
    let mut set = ZoneSet::default();
    for path in paths {
        let known = before.get(path.as_path()).copied();
        let since = refused_before
            .get(path.as_path())
            .copied()
            .unwrap_or(loading.wall);
        match load_file(&path, &files, known, &mut loading) {
            Ok(zone) => add_zone(&mut set, zone, since),
            Err(mut refusal) => {
                refusal.since = since;
                // The last good version is served on.
                if let Some(known) = known {
                    add_zone(&mut set, known.clone(), since);
                }
                set.refusals.push(refusal);
            }
        }
    }
    Ok(set)
}

/// Adds a zone unless its apex is taken; then the later file is refused, with both places shown.
fn add_zone(set: &mut ZoneSet, zone: LoadedZone, since: WallTime) {
    let Some(first) = set
        .zones
        .iter()
        .find(|known| known.model.apex == zone.model.apex)
    else {
        set.zones.push(zone);
        return;
    };
    let message = format!(
        "zone {} is already defined in {}",
        zone.model.apex,
        first.path.display()
    );
    let at = zone.source.text.find("zone").unwrap_or(0);
    let mut diagnostic = Diagnostic::fault("D001", Span(at..at + 4), "zone", message)
        .help("keep one of the two files, or give one of them another zone");
    diagnostic.path.clone_from(&zone.path);
    set.refusals.push(Refusal {
        path: zone.path,
        since,
        diagnostics: Arc::new(vec![diagnostic]),
        source: zone.source,
        stamps: zone.stamps,
    });
}

fn load_file(
    path: &Path,
    files: &ZoneFiles,
    known: Option<&LoadedZone>,
    loading: &mut Loading<'_>,
) -> Result<LoadedZone, Refusal> {
    let own_stamp = stamp(path);
    let wall = loading.wall;
    let refuse = |text: String, diagnostics: Vec<Diagnostic>, stamps| Refusal {
        path: path.to_path_buf(),
        since: wall,
        diagnostics: Arc::new(diagnostics),
        source: Arc::new(Source {
            path: path.to_path_buf(),
            text,
        }),
        stamps,
    };
    let own = vec![(path.to_path_buf(), own_stamp)];
    let text = match read_text(path) {
        Ok(text) => text,
        Err(cause) => {
            let fault = at_file(
                path,
                Diagnostic::fault("D005", Span(0..0), "", format!("cannot be read: {cause}")),
            );
            return Err(refuse(String::new(), vec![fault], own));
        }
    };
    let source = Source {
        path: path.to_path_buf(),
        text,
    };
    let (model, mut diagnostics) = read_zone(&source, files);
    let mut stamps = own;
    let mut hasher = DefaultHasher::new();
    source.text.hash(&mut hasher);
    for (named, stamp) in files.take_read() {
        read_text(&named).unwrap_or_default().hash(&mut hasher);
        stamps.push((named, stamp));
    }
    let digest = hasher.finish();
    if let Some(known) = known.filter(|known| known.digest == digest) {
        return Ok(unchanged(known, stamps, loading));
    }
    let Some(model) = model else {
        return Err(refuse(source.text, diagnostics, stamps));
    };
    diagnostics.extend(
        review::review_zone(&model)
            .into_iter()
            .map(|finding| finding.into_diagnostic(path)),
    );
    let served = match serve(&model, digest, loading) {
        Ok(served) => served,
        Err(message) => {
            diagnostics.push(at_file(
                path,
                Diagnostic::fault("D002", Span(0..0), "", message),
            ));
            return Err(refuse(source.text, diagnostics, stamps));
        }
    };
    diagnostics.extend(rehearse(path, &model, &served, loading));
    if diagnostics
        .iter()
        .any(|found| found.severity == Severity::Fault)
    {
        return Err(refuse(source.text, diagnostics, stamps));
    }
    Ok(LoadedZone {
        path: path.to_path_buf(),
        model: Arc::new(model),
        served,
        loaded_at: loading.wall,
        diagnostics: Arc::new(diagnostics),
        source: Arc::new(source),
        digest,
        stamps,
    })
}

/// Runs the expectations of a zone file; those that do not hold are faults.
fn rehearse(
    path: &Path,
    model: &ZoneModel,
    served: &ServedZone,
    loading: &Loading<'_>,
) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let has_database = !loading.locations.databases().is_empty();
    for failure in check_expectations(model, served, loading.locations, has_database) {
        let message = format!("expectation \"{}\": {}", failure.title, failure.message);
        let mut diagnostic = if failure.is_skipped {
            Diagnostic::warning("D004", failure.span, "expect", message)
        } else {
            Diagnostic::fault("D003", failure.span, "expect", message)
        };
        if !failure.trace.is_empty() {
            diagnostic = diagnostic.help(failure.trace);
        }
        diagnostics.push(at_file(path, diagnostic));
    }
    diagnostics
}

fn at_file(path: &Path, mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.path = path.to_path_buf();
    diagnostic
}

/// Keeps a zone whose content is the same; only its location maps follow new locations.
fn unchanged(
    known: &LoadedZone,
    stamps: Vec<(PathBuf, Option<Stamp>)>,
    loading: &Loading<'_>,
) -> LoadedZone {
    let mut zone = LoadedZone {
        stamps,
        ..known.clone()
    };
    if loading.are_locations_new {
        zone.served.maps = build_maps(&zone.served.zone.policies, loading.locations);
    }
    zone
}

fn serve(model: &ZoneModel, digest: u64, loading: &mut Loading<'_>) -> Result<ServedZone, String> {
    let apex = model.apex.to_string().to_ascii_lowercase();
    let serial = model
        .soa
        .serial
        .unwrap_or_else(|| loading.serials.serial(&apex, digest, loading.wall));
    let zone = compile_zone(model, serial).map_err(|fault| fault.to_string())?;
    let maps = build_maps(&zone.policies, loading.locations);
    Ok(ServedZone {
        zone: Arc::new(zone),
        maps,
    })
}
