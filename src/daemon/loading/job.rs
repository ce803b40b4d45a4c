//! One load: files are compared and loaded beside what is served, on a thread of its own.
//!
//! In: settings, versions of files in use, what is served now. Out: a new set with all that belongs to it, or the reason why
//! there is none. Never here: putting anything in place; a slow disk delays no flip.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::admin::Consent;
use crate::clock::WallTime;
use crate::compile::Flattened;
use crate::config::server_file::ServerConfig;
use crate::geo::Locations;
use crate::simulate::AnswerDiff;

use super::change::{Served, over_radius};
use super::locations::{load_locations, stamps};
use super::looks::Looks;
use super::serials::Serials;
use super::server_file::{Reread, ServerFile};
use super::serving_options::Secrets;
use super::when::When;
use crate::daemon::certificate::CertificateWatch;
use crate::daemon::files::Stamp;
use crate::daemon::last_good::LastGood;
use crate::daemon::load::{Loading, folder_of, load_zones};
use crate::daemon::name_changes::{NameChange, name_changes};
use crate::daemon::zone_set::{Look, Pace, ZoneSet};

/// Nice value of a load, on the kernel's scale from -20 to 19: beside a busy worker at 0 it gets a tenth of a core, on an
/// idle one all of it.
const NICE: i32 = 10;

/// What a load brought.
pub(in crate::daemon) struct Brought {
    pub(in crate::daemon) set: ZoneSet,
    pub(in crate::daemon) serials: Arc<Serials>,
    /// New locations, if a database changed.
    pub(in crate::daemon) locations: Option<Arc<Locations>>,
    /// Why the databases cannot be used as they are now.
    pub(in crate::daemon) location_fault: Option<String>,
    pub(in crate::daemon) location_stamps: Vec<Option<Stamp>>,
    /// New cookie secrets, or why there are none.
    pub(super) secrets: Result<Option<Secrets>, String>,
    /// What the server file says now, if it was read again.
    pub(in crate::daemon) reread: Option<Reread>,
    /// Names that come and go with it.
    pub(in crate::daemon) names: Vec<NameChange>,
    /// What it changes for clients, if that was compared.
    pub(in crate::daemon) change: Option<AnswerDiff>,
    /// Why it must wait for an operator, if it must.
    pub(in crate::daemon) must_wait: Option<String>,
}

/// What came of a load in the background; nothing if nothing on disk had changed.
pub(in crate::daemon) type Loaded = Result<Option<Box<Brought>>, Box<Failure>>;

/// A load that failed as a whole.
pub(in crate::daemon) struct Failure {
    pub(in crate::daemon) message: String,
    /// What the server file says now, if it was read again.
    pub(in crate::daemon) reread: Option<Reread>,
}

/// The state of the server that a load reads beside what the loader owns.
pub(in crate::daemon) struct Beside {
    /// The time.
    pub(in crate::daemon) wall: WallTime,
    /// Addresses of flattened targets.
    pub(in crate::daemon) flattened: Flattened,
    /// What the new set is compared with.
    pub(in crate::daemon) served: Served,
    /// Whether the zones folder could not be used at the last load.
    pub(in crate::daemon) is_folder_faulty: bool,
}

/// Everything that a load in the background needs.
pub(super) struct Job {
    pub(super) set: Arc<ZoneSet>,
    pub(super) serials: Arc<Serials>,
    pub(super) config: ServerConfig,
    pub(super) locations: Arc<Locations>,
    pub(super) location_stamps: Vec<Option<Stamp>>,
    pub(super) location_fault: Option<String>,
    pub(super) secrets: Secrets,
    pub(super) secret_fault: Option<String>,
    pub(super) certificates: Option<Arc<CertificateWatch>>,
    pub(super) consent: Consent,
    /// Versions kept over restarts.
    pub(super) kept: Option<Arc<LastGood>>,
    /// Findings of the look before.
    pub(super) looks: Looks,
    pub(super) server_file: Option<ServerFile>,
    /// The set that waits for an operator: looks compare the disk with it.
    pub(super) waiting: Option<(Arc<ZoneSet>, Vec<Option<Stamp>>)>,
    pub(super) beside: Beside,
}

impl Job {
    /// Looks at the zone files; returns which changes are to be loaded, if any are.
    fn pace(&self, when: When) -> Option<Pace> {
        if when == When::Always {
            return Some(Pace::AtOnce);
        }
        let set = self.waiting.as_ref().map_or(&self.set, |(set, _)| set);
        let look = set.look(
            &self.config.zones,
            &self.config.zone_links,
            self.beside.wall,
        );
        let is_gone = self.looks.is_folder_gone(look.is_err());
        match look {
            // What waits was settled once, and an operator looks at it before it is served.
            Ok(Look::Stale(_)) if self.waiting.is_some() => Some(Pace::AtOnce),
            Ok(Look::Stale(pace)) => Some(pace),
            // The folder is back as it was: the load says so.
            Ok(Look::Same) if self.beside.is_folder_faulty => Some(Pace::settled()),
            Ok(Look::Same | Look::Unsettled) => None,
            // The load says what is wrong.
            Err(_) => is_gone.then(Pace::settled),
        }
    }

    /// Keeps what is about to be served, so that a crash forgets neither it nor its serial.
    fn keep(&self, set: &ZoneSet) {
        if let Some(store) = &self.kept {
            let folder = folder_of(&self.config.zones);
            store.keep(set, (&folder, &self.config.zone_links), self.beside.wall);
        }
    }

    /// Compares what was loaded with what is served; says why it must wait, if it must.
    fn compare(
        &self,
        set: &ZoneSet,
        locations: &Locations,
    ) -> (Option<AnswerDiff>, Option<String>) {
        let radius = &self.config.blast_radius;
        if !self.beside.served.is_worth_comparing(radius) {
            return (None, None);
        }
        let change = self.beside.served.compare(set, locations, self.beside.wall);
        let why = over_radius(radius, &change).filter(|_| self.consent == Consent::Open);
        (Some(change), why)
    }

    /// Reads the server file again if it is new; what it says holds for this load already.
    fn reread(&mut self, when: When) -> Option<Reread> {
        let file = self.server_file.as_ref()?;
        let reread = file.look(&self.config, &self.looks, when)?;
        if let Some(config) = reread.config() {
            self.config = config.clone();
        }
        Some(reread)
    }

    /// Reads the location databases if they are new. A broken one holds nothing else back: the old one is kept, and the
    /// zones are loaded.
    fn locate(&mut self, are_new: bool) -> (Option<Arc<Locations>>, Option<String>) {
        if !are_new {
            return (None, self.location_fault.take());
        }
        match load_locations(&self.config.geo) {
            Ok(new) => (Some(Arc::new(new)), None),
            Err(fault) => (None, Some(fault.to_string())),
        }
    }

    /// Keeps what is served if that failed before and is to be tried again.
    fn keep_what_was_not(&self) {
        if self
            .kept
            .as_ref()
            .is_some_and(|store| store.is_due(self.beside.wall))
        {
            self.keep(&self.set);
        }
    }

    /// Runs at a low priority, and sends the result.
    pub(super) fn run_nicely(self, when: When, loaded: &mpsc::Sender<Loaded>) {
        // Queries go first; it works without that, and everybody may lower a priority.
        let _ = rustix::process::setpriority_process(None, NICE);
        // The server may have stopped meanwhile.
        let _ = loaded.blocking_send(self.run(when));
    }

    fn run(mut self, when: When) -> Loaded {
        if let Some(certificates) = &self.certificates {
            certificates.look(when, self.beside.wall);
        }
        let reread = self.reread(when);
        let (is_geo_new, are_links_new) = what_is_new(reread.as_ref());
        let location_stamps = stamps(&self.config.geo);
        let known = self.waiting.as_ref();
        let known = known.map_or(&self.location_stamps, |(_, known)| known);
        let are_databases_new = self.looks.are_databases_new(&location_stamps, known, when);
        let secrets = self.secrets.renew(&self.config);
        let are_secrets_new = match &secrets {
            Ok(renewed) => renewed.is_some() || self.secret_fault.is_some(),
            Err(fault) => self.secret_fault.as_ref() != Some(fault),
        };
        let pace = match self.pace(when) {
            None if are_databases_new || are_secrets_new || reread.is_some() => Pace::settled(),
            None => {
                self.keep_what_was_not();
                return Ok(None);
            }
            Some(pace) => pace,
        };
        let are_databases_new =
            is_geo_new || are_databases_new && location_stamps != self.location_stamps;
        let location_stamps = if are_databases_new {
            location_stamps
        } else {
            std::mem::take(&mut self.location_stamps)
        };
        let (locations, location_fault) = self.locate(are_databases_new);
        let loading = Loading {
            folder: &self.config.zones,
            links: &self.config.zone_links,
            previous: &self.set,
            kept: None,
            pace,
            consent: self.consent,
            serials: &mut self.serials,
            locations: locations.as_ref().unwrap_or(&self.locations),
            // What was refused for its links may be read now.
            are_locations_new: locations.is_some() || are_links_new,
            flattened: &self.beside.flattened,
            wall: self.beside.wall,
        };
        let set = match load_zones(loading).map_err(|fault| fault.to_string()) {
            Ok(set) => set,
            Err(message) => return Err(Box::new(Failure { message, reread })),
        };
        let (change, must_wait) = self.compare(&set, locations.as_ref().unwrap_or(&self.locations));
        if must_wait.is_none() {
            self.keep(&set);
        }
        let names = name_changes(&self.set, &set);
        let serials = self.serials;
        Ok(Some(Box::new(Brought {
            set,
            serials,
            locations,
            location_fault,
            location_stamps,
            secrets,
            reread,
            names,
            change,
            must_wait,
        })))
    }
}

/// Says whether the server file has other location settings now, and other folders for links.
fn what_is_new(reread: Option<&Reread>) -> (bool, bool) {
    let changes = |key| reread.is_some_and(|reread| reread.changes(key));
    (changes("geo."), changes("zone-links"))
}
