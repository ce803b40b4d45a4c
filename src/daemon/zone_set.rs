//! What a folder of zones gave: zones that are served, files that are refused.
//!
//! In: what the loader made. Out: findings, and whether anything on disk looks different. Never here: loading.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::WallTime;
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::model::ZoneModel;
use crate::simulate::zone_holding;
use crate::wire::Name;
use crate::zone::ServedZone;

use super::files::{FolderFault, Stamp, stamp};
use super::listing::Listing;
use super::master::is_master_file;

/// Stamps of files by path; `None` for a file that is not there.
pub(super) type Stamps = HashMap<PathBuf, Option<Stamp>>;

/// Why a zone is served as an older version than its files hold now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldCause {
    /// Its file is refused.
    Refused,
    /// Its file is gone, or defines another zone.
    Missing,
    /// The folder of its file cannot be read.
    Unreadable,
}

/// Which version of a zone is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What its file holds.
    Current,
    /// The last good version.
    Old {
        /// Why.
        cause: OldCause,
        /// The same in words, as the end of a sentence about the zone.
        why: String,
        /// Since when.
        since: WallTime,
    },
}

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
    /// Which version it is.
    pub standing: Standing,
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
    /// When it was read last.
    pub(super) compared_at: WallTime,
    pub(super) stamps: Vec<(PathBuf, Option<Stamp>)>,
    /// What it would be if no other file served its zone.
    pub(super) rival: Option<Arc<LoadedZone>>,
}

impl LoadedZone {
    /// Says whether the zone comes from a master file.
    pub fn is_master(&self) -> bool {
        is_master_file(&self.path)
    }

    /// Counts its warnings.
    pub fn warning_count(&self) -> usize {
        let found = self.diagnostics.iter();
        found
            .filter(|found| found.severity == Severity::Warning)
            .count()
    }

    /// Returns the text of the file that a diagnostic points into.
    pub fn text_of(&self, diagnostic: &Diagnostic) -> &str {
        text_of(&self.source, &self.included, diagnostic)
    }

    /// Returns the same zone with another standing; as it is if nothing changes.
    pub(super) fn stand(self: Arc<Self>, standing: Standing) -> Arc<Self> {
        let is_same = match (&self.standing, &standing) {
            (Standing::Current, Standing::Current) => true,
            (
                Standing::Old { cause, why, .. },
                Standing::Old {
                    cause: new_cause,
                    why: new_why,
                    ..
                },
            ) => (cause, why) == (new_cause, new_why),
            (Standing::Current, Standing::Old { .. })
            | (Standing::Old { .. }, Standing::Current) => false,
        };
        if is_same {
            return self;
        }
        Arc::new(Self {
            standing,
            ..Self::clone(&self)
        })
    }
}

impl Refusal {
    /// Returns the text of the file that a diagnostic points into.
    pub fn text_of(&self, diagnostic: &Diagnostic) -> &str {
        text_of(&self.source, &self.included, diagnostic)
    }
}

fn text_of<'s>(source: &'s Source, included: &'s [Source], diagnostic: &Diagnostic) -> &'s str {
    let mut all = std::iter::once(source).chain(included);
    all.find(|source| source.path == diagnostic.path)
        .map_or(source.text.as_str(), |source| source.text.as_str())
}

/// A zone that another file serves now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) apex: String,
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
    pub(super) is_same: bool,
}

/// Everything a folder gave.
#[derive(Clone, Debug, Default)]
pub struct ZoneSet {
    /// Zones, in the order of their paths.
    pub zones: Vec<Arc<LoadedZone>>,
    /// Refused files.
    pub refusals: Vec<Refusal>,
    /// Why the folder could not be used at the start, if so.
    pub folder_fault: Option<String>,
    /// Apexes of zones that an operator let go with this load.
    pub(super) removed: Vec<String>,
    /// Zones that another file serves now: apex, file before, file now, whether the content is the same.
    pub(super) moved: Vec<Moved>,
    /// New files that are still being written.
    pub(super) deferred: Vec<PathBuf>,
    /// Some of the files that are none of zones by their names.
    pub(super) others: Arc<[PathBuf]>,
    /// The files that there were, renewed with every look.
    pub(super) listing: Arc<Mutex<Listing>>,
    /// Files that looked different at the last look, as they looked.
    pub(super) seen: Arc<Mutex<Stamps>>,
}

/// Which changes a load takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Every one: the server starts, or somebody said that the files are ready.
    #[default]
    AtOnce,
    /// Those whose writers are done.
    Settled(Changes),
}

/// What looks different from what was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// At the look before.
    pub(super) before: Stamps,
    /// Now.
    pub(super) now: Stamps,
}

impl Pace {
    /// Nothing looked different before or does now: only what is put in place whole is taken.
    pub(super) fn settled() -> Self {
        Self::Settled(Changes::default())
    }
}

/// What a look at the disk found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing is different.
    Same,
    /// Something is different, and may still be under way.
    Unsettled,
    /// Something is different, and settled.
    Stale(Pace),
}

impl ZoneSet {
    /// Starts with the files that there are.
    pub(super) fn listed(listing: Listing) -> Self {
        Self {
            others: Arc::clone(&listing.others),
            listing: Arc::new(Mutex::new(listing)),
            ..Self::default()
        }
    }

    /// Returns the number of the zone with the longest apex at or above a name.
    pub(super) fn holding(&self, name: &Name) -> Option<usize> {
        zone_holding(self.zones.iter().map(|zone| &*zone.served.zone), name)
    }

    /// Returns the number of the zone with an apex.
    pub(super) fn at_apex(&self, apex: &Name) -> Option<usize> {
        let mut zones = self.zones.iter();
        zones.position(|zone| zone.model.apex == *apex)
    }

    /// Returns the files that there were at the last look.
    pub(super) fn listing(&self) -> Listing {
        let known = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Returns some of the files that are not read because of their names.
    pub fn passed_over(&self) -> &[PathBuf] {
        &self.others
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

    /// Looks at each file once: does anything look different from what was loaded, and has whoever changes it done so?
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(super) fn look(
        &self,
        folder: &Path,
        links: &[PathBuf],
        wall: WallTime,
    ) -> Result<Look, FolderFault> {
        let known = self.listing();
        let found = known.renewed(folder, links, wall)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *seen);
        let mut is_any_settled = false;
        let mut differ = |path: &Path, known: Option<&Stamp>| {
            let now = stamp(path);
            if now.as_ref() != known {
                is_any_settled |= is_settled(&before, path, &now, known);
                seen.insert(path.to_path_buf(), now);
            }
        };
        for (path, known) in self.stamps() {
            differ(path, known.as_ref());
        }
        self.deferred.iter().for_each(|path| differ(path, None));
        let is_listed_alike = found.lists_the_same(&known);
        if is_listed_alike {
            *self.listing.lock().unwrap_or_else(PoisonError::into_inner) = found;
        } else {
            let before: HashSet<&PathBuf> = known.files.iter().collect();
            let new = found.files.iter().filter(|path| !before.contains(path));
            new.for_each(|path| differ(path, None));
        }
        Ok(match (seen.is_empty(), is_any_settled) {
            (true, _) if is_listed_alike => Look::Same,
            (false, false) => Look::Unsettled,
            // What is gone without having been served, and folders that are closed or open again, need no second look.
            (true, _) | (_, true) => Look::Stale(Pace::Settled(Changes {
                before,
                now: seen.clone(),
            })),
        })
    }

    /// Returns the files that were read for what is served and refused, as they looked then.
    fn stamps(&self) -> impl Iterator<Item = &(PathBuf, Option<Stamp>)> {
        let refused: HashSet<&PathBuf> =
            self.refusals.iter().map(|refusal| &refusal.path).collect();
        let is_current = move |zone: &&Arc<LoadedZone>| {
            zone.standing == Standing::Current && !refused.contains(&zone.path)
        };
        let served = self.zones.iter().filter(is_current);
        let served = served.flat_map(|zone| &zone.stamps);
        served.chain(self.refusals.iter().flat_map(|refusal| &refusal.stamps))
    }
}

/// Says whether whoever changed a file is done: it looks as it did at the look before, or another file was put in its
/// place whole.
pub(super) fn is_settled(
    before: &Stamps,
    path: &Path,
    now: &Option<Stamp>,
    known: Option<&Stamp>,
) -> bool {
    if before.get(path) == Some(now) {
        return true;
    }
    now.as_ref().is_some_and(|now| {
        now.is_put_in_place() && known.is_none_or(|known| known.inode != now.inode)
    })
}
