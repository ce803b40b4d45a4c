//! What a folder of zones gave: zones that are served, files that are refused.
//!
//! In: what the loader made. Out: findings, and whether anything on disk looks different. Never here: loading.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::WallTime;
use crate::config::model::ZoneModel;
use crate::config::{Diagnostic, Source};
use crate::zone::ServedZone;

use super::files::{FolderFault, Stamp, stamp};
use super::listing::Listing;
use super::master::is_master_file;

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
    /// Texts of included files that messages point into.
    pub(super) included: Arc<Vec<Source>>,
    /// When it was compared last.
    pub(super) compared_at: WallTime,
    pub(super) digest: u64,
    pub(super) stamps: Vec<(PathBuf, Option<Stamp>)>,
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
    /// Texts of included files that messages point into.
    pub(super) included: Arc<Vec<Source>>,
    pub(super) stamps: Vec<(PathBuf, Option<Stamp>)>,
}

impl LoadedZone {
    /// Says whether the zone comes from a master file.
    pub fn is_master(&self) -> bool {
        is_master_file(&self.path)
    }
}

impl Refusal {
    /// Returns the text of the file that a diagnostic points into.
    pub fn text_of(&self, diagnostic: &Diagnostic) -> &str {
        let included = self.included.iter();
        let mut all = std::iter::once(&*self.source).chain(included);
        all.find(|source| source.path == diagnostic.path)
            .map_or(self.source.text.as_str(), |source| source.text.as_str())
    }
}

/// Everything a folder gave.
#[derive(Clone, Debug, Default)]
pub struct ZoneSet {
    /// Zones, in the order of their paths.
    pub zones: Vec<Arc<LoadedZone>>,
    /// Refused files.
    pub refusals: Vec<Refusal>,
    /// The files that there were, renewed with every look.
    pub(super) listing: Arc<Mutex<Listing>>,
}

impl ZoneSet {
    /// Starts with the files that there are.
    pub(super) fn listed(listing: Listing) -> Self {
        Self {
            listing: Arc::new(Mutex::new(listing)),
            ..Self::default()
        }
    }

    /// Returns the files that there were at the last look.
    pub(super) fn listing(&self) -> Listing {
        let known = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Returns every finding, with the sources they point into.
    pub fn findings(&self) -> (Vec<Diagnostic>, Vec<Source>) {
        let refused_paths: HashSet<&PathBuf> =
            self.refusals.iter().map(|refusal| &refusal.path).collect();
        let served = self
            .zones
            .iter()
            .filter(|zone| !refused_paths.contains(&zone.path));
        let served = served.map(|zone| (&zone.diagnostics, &zone.source, &zone.included));
        let refused = self
            .refusals
            .iter()
            .map(|refusal| (&refusal.diagnostics, &refusal.source, &refusal.included));
        let mut diagnostics = Vec::new();
        let mut sources = Vec::new();
        for (found, source, included) in served.chain(refused) {
            diagnostics.extend(found.iter().cloned());
            sources.push(Source::clone(source));
            sources.extend(included.iter().cloned());
        }
        (diagnostics, sources)
    }

    /// Says whether anything on disk looks different from what was loaded: one look at each file.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn is_stale(&self, folder: &Path, wall: WallTime) -> Result<bool, FolderFault> {
        let known = self.listing();
        let found = known.renewed(folder, wall)?;
        if found.files != known.files {
            return Ok(true);
        }
        *self.listing.lock().unwrap_or_else(PoisonError::into_inner) = found;
        let refused: HashSet<&PathBuf> =
            self.refusals.iter().map(|refusal| &refusal.path).collect();
        let current = self
            .zones
            .iter()
            .filter(|zone| !refused.contains(&zone.path))
            .map(|zone| &zone.stamps);
        let mut all = current.chain(self.refusals.iter().map(|refusal| &refusal.stamps));
        Ok(all.any(|stamps| stamps.iter().any(|(path, known)| stamp(path) != *known)))
    }
}
