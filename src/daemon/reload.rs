//! Reloads: files are compared and loaded beside what is served, on a thread of their own, then swapped whole.
//!
//! In: the folder of zones, the databases, what is served now. Out: a new set in place, or everything as before and
//! the reason. Never here: reading on the keeper's own thread; a slow disk delays no flip.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::info;

use crate::answer::Prefixes;
use crate::clock::WallTime;
use crate::config::Flattened;
use crate::config::server_file::ServerConfig;
use crate::control::Consent;
use crate::health::{Status, TargetId};
use crate::place::Locations;
use crate::publish::ZoneInputs;
use crate::rehearse::{AnswerDiff, apply_maintenance, diff_summary};
use crate::timeline::{AlarmKind, EventKind};
use crate::view::Inputs;
use crate::zone::Snapshot;

use super::certificate::CertificateWatch;
use super::change::{Served, Waiting, over_radius};
use super::conduct::{Secrets, compose};
use super::files::Stamp;
use super::keeper::Keeper;
use super::last_good::LastGood;
use super::load::{Loading, folder_of, load_zones};
use super::locations::{describe, load_locations, stamps};
use super::looks::Looks;
use super::name_changes::{NameChange, name_changes};
use super::running::count_workers;
use super::serials::Serials;
use super::server_file::{Reread, ServerFile};
use super::switches::Switches;
use super::telemetry;
use super::zone_set::{Look, Pace, ZoneSet};

/// Nice value of a load, on the kernel's scale from -20 to 19: beside a busy worker at 0 it gets a tenth of a core, on an
/// idle one all of it.
const NICE: i32 = 10;

/// When a load is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// If anything on disk looks different, and whoever changes it is done.
    Changed,
    /// In any case, with everything as it is.
    Always,
}

/// What a load brought.
pub(super) struct Brought {
    set: ZoneSet,
    serials: Arc<Serials>,
    /// New locations, if a database changed.
    locations: Option<Arc<Locations>>,
    /// Why the databases cannot be used as they are now.
    location_fault: Option<String>,
    location_stamps: Vec<Option<Stamp>>,
    /// New cookie secrets, or why there are none.
    secrets: Result<Option<Secrets>, String>,
    /// What the server file says now, if it was read again.
    reread: Option<Reread>,
    /// Names that come and go with it.
    names: Vec<NameChange>,
    /// What it changes for clients, if that was compared.
    change: Option<AnswerDiff>,
    /// Why it must wait for an operator, if it must.
    must_wait: Option<String>,
}

/// What came of a load in the background; nothing if nothing on disk had changed.
pub(super) type Loaded = Result<Option<Box<Brought>>, Box<Failure>>;

/// A load that failed as a whole.
pub(super) struct Failure {
    message: String,
    /// What the server file says now, if it was read again.
    reread: Option<Reread>,
}

/// Everything that a load in the background needs.
struct Job {
    set: Arc<ZoneSet>,
    serials: Arc<Serials>,
    config: ServerConfig,
    locations: Arc<Locations>,
    flattened: Flattened,
    location_stamps: Vec<Option<Stamp>>,
    location_fault: Option<String>,
    secrets: Secrets,
    secret_fault: Option<String>,
    certificates: Option<Arc<CertificateWatch>>,
    wall: WallTime,
    /// What the new set is compared with.
    served: Served,
    consent: Consent,
    /// Versions kept over restarts.
    kept: Option<Arc<LastGood>>,
    /// What the look before found.
    looks: Looks,
    server_file: Option<ServerFile>,
    /// Whether the zones folder could not be used at the last load.
    is_folder_faulty: bool,
    /// What waits for an operator: looks compare the disk with it.
    waiting: Option<(Arc<ZoneSet>, Vec<Option<Stamp>>)>,
}

impl Job {
    /// Looks at the zone files; returns which changes are to be loaded, if any are.
    fn pace(&self, when: When) -> Option<Pace> {
        if when == When::Always {
            return Some(Pace::AtOnce);
        }
        let set = self.waiting.as_ref().map_or(&self.set, |(set, _)| set);
        let look = set.look(&self.config.zones, &self.config.zone_links, self.wall);
        let is_gone = self.looks.is_folder_gone(look.is_err());
        match look {
            // What waits was settled once, and an operator looks at it before it is served.
            Ok(Look::Stale(_)) if self.waiting.is_some() => Some(Pace::AtOnce),
            Ok(Look::Stale(pace)) => Some(pace),
            // The folder is back as it was: the load says so.
            Ok(Look::Same) if self.is_folder_faulty => Some(Pace::settled()),
            Ok(Look::Same | Look::Unsettled) => None,
            // The load says what is wrong.
            Err(_) => is_gone.then(Pace::settled),
        }
    }

    /// Keeps what is about to be served, so that a crash forgets neither it nor its serial.
    fn keep(&self, set: &ZoneSet) {
        if let Some(store) = &self.kept {
            let folder = folder_of(&self.config.zones);
            store.keep(set, (&folder, &self.config.zone_links), self.wall);
        }
    }

    /// Compares what was loaded with what is served; says why it must wait, if it must.
    fn judge(&self, set: &ZoneSet, locations: &Locations) -> (Option<AnswerDiff>, Option<String>) {
        let radius = &self.config.blast_radius;
        if !self.served.is_worth_comparing(radius) {
            return (None, None);
        }
        let change = self.served.compare(set, locations, self.wall);
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
            .is_some_and(|store| store.is_due(self.wall))
        {
            self.keep(&self.set);
        }
    }

    fn run(mut self, when: When) -> Loaded {
        if let Some(certificates) = &self.certificates {
            certificates.look(when, self.wall);
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
            flattened: &self.flattened,
            wall: self.wall,
        };
        let set = match load_zones(loading).map_err(|fault| fault.to_string()) {
            Ok(set) => set,
            Err(message) => return Err(Box::new(Failure { message, reread })),
        };
        let (change, must_wait) = self.judge(&set, locations.as_ref().unwrap_or(&self.locations));
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

impl Keeper {
    /// Begins a load beside what is served.
    pub(super) fn begin_load(&mut self, when: When, done: &mpsc::Sender<Loaded>) {
        let job = Job {
            set: Arc::clone(&self.set),
            serials: Arc::clone(&self.serials),
            config: self.config.clone(),
            locations: Arc::clone(&self.locations),
            flattened: self.flattening.known(),
            location_stamps: self.location_stamps.clone(),
            location_fault: self.location_fault.clone(),
            secrets: self.secrets.clone(),
            secret_fault: self.secret_fault.clone(),
            certificates: self.certificates.clone(),
            wall: self.clock.wall(),
            served: Served {
                switches: self.switches.clone(),
                set: Arc::clone(&self.set),
                inputs: self.inputs_now(),
                locations: Arc::clone(&self.locations),
                observed: self.telemetry.observed(),
            },
            consent: std::mem::take(&mut self.consent),
            waiting: self.waiting.as_ref().map(Waiting::known),
            kept: self.kept.clone(),
            looks: self.looks.clone(),
            server_file: self.server_file.clone(),
            is_folder_faulty: self.telemetry.has_alarm(AlarmKind::ZonesFolder),
        };
        let loaded = done.clone();
        let started = std::thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || {
                // Queries go first; it works without that, and everybody may lower a priority.
                let _ = rustix::process::setpriority_process(None, NICE);
                // The keeper may have stopped meanwhile.
                let _ = loaded.blocking_send(job.run(when));
            });
        if let Err(cause) = started {
            // There is room: at most one load is under way.
            let message = format!("cannot start a thread to load: {cause}");
            let _ = done.try_send(Err(Box::new(Failure {
                message,
                reread: None,
            })));
        }
    }

    /// Puts a loaded set in place; on failure everything stays as it is.
    pub(super) fn take_loaded(&mut self, loaded: Loaded) -> Option<Value> {
        let mut brought = match loaded {
            Ok(Some(brought)) => *brought,
            Ok(None) => return None,
            Err(failure) => {
                let Failure { message, reread } = *failure;
                let server_file = self.take_server_file(reread);
                self.telemetry
                    .set_alarm(AlarmKind::ZonesFolder, "", Some(message.clone()));
                self.telemetry
                    .exposition
                    .add("leeward_reloads_total", &[("result", "failed")], 1);
                return Some(json!({
                    "result": "failed", "error": message, "server_file": server_file,
                }));
            }
        };
        let server_file = self.take_server_file(brought.reread.take());
        if let (Some(why), Some(change)) = (brought.must_wait.take(), brought.change.take()) {
            return Some(self.wait(why, &change, brought));
        }
        self.waiting = None;
        self.telemetry
            .exposition
            .set("leeward_reload_waiting", &[], 0.0);
        let answers = brought.change.as_ref().map(diff_summary);
        let before = std::mem::replace(&mut self.set, Arc::new(brought.set));
        self.telemetry.set_alarm(AlarmKind::ZonesFolder, "", None);
        self.serials = brought.serials;
        self.location_stamps = brought.location_stamps;
        self.location_fault = brought.location_fault;
        self.telemetry
            .set_alarm(AlarmKind::LocationDatabase, "", self.location_fault.clone());
        if let Some(locations) = brought.locations {
            info!("{}", describe(&locations, &self.config.geo));
            self.locations = locations;
        }
        self.take_secrets(brought.secrets);
        self.put_in_place(&before);
        self.tell_overruled();
        self.flattening.hurry(self.clock.now());
        let mut told = self.tell_loaded(&before, &brought.names, answers);
        told["server_file"] = Value::Array(server_file);
        Some(told)
    }

    /// Keeps what is served, and says what waits.
    fn wait(&mut self, why: String, change: &AnswerDiff, brought: Brought) -> Value {
        self.take_secrets(brought.secrets);
        let wall = self.clock.wall();
        let waiting = Waiting::new((brought.set, brought.location_stamps), wall, why, change);
        let answer =
            json!({ "result": "waiting", "why": waiting.row.why, "changes": waiting.row.changes });
        let is_new = self.waiting.as_ref().is_none_or(|known| {
            (&known.row.why, &known.row.changes) != (&waiting.row.why, &waiting.row.changes)
        });
        if is_new {
            self.telemetry.record(EventKind::Waiting {
                why: waiting.row.why.clone(),
            });
            self.waiting = Some(waiting);
        } else if let Some(known) = &mut self.waiting {
            known.take(waiting);
        }
        self.telemetry
            .exposition
            .set("leeward_reload_waiting", &[], 1.0);
        self.telemetry
            .exposition
            .add("leeward_reloads_total", &[("result", "waiting")], 1);
        answer
    }

    /// Uses new cookie secrets from now on; a file that cannot be used leaves the ones before.
    fn take_secrets(&mut self, secrets: Result<Option<Secrets>, String>) {
        let fault = match secrets {
            Ok(Some(secrets)) => {
                info!("cookie secrets are exchanged");
                self.secrets = secrets;
                self.publish_conduct();
                None
            }
            Ok(None) => None,
            Err(fault) => Some(fault),
        };
        self.telemetry
            .set_alarm(AlarmKind::CookieSecrets, "", fault.clone());
        self.secret_fault = fault;
    }

    /// Publishes how the server behaves beside its data.
    pub(super) fn publish_conduct(&mut self) {
        let workers = count_workers(&self.config);
        let mut conduct = compose(&self.config, &self.secrets, workers);
        let allow = &self.config.explain.allow;
        conduct.reasons = (!allow.is_empty()).then(|| self.shelf.reasons(Prefixes::new(allow)));
        self.publisher.conduct(conduct);
    }

    /// Publishes the set: targets are reconciled by identity, so equal ones keep their state.
    pub(super) fn put_in_place(&mut self, before: &ZoneSet) {
        let now = self.clock.now();
        let wall = self.clock.wall();
        let wanted = self
            .set
            .zones
            .iter()
            .flat_map(|zone| zone.served.zone.policies.targets.iter().cloned());
        let wanted = wanted.chain(self.anchor_targets());
        let changes = self.targets.reconcile(wanted, now);
        changes.removed.iter().for_each(|gone| {
            self.telemetry.latencies.remove(gone);
        });
        // What was reported before a restart is known before anything is published.
        for report in self.heartbeats.await_those_of(&self.targets, now) {
            let _ = self.targets.observe(report.target, report.observation, now);
        }
        self.ids = self
            .set
            .zones
            .iter()
            .map(|zone| {
                let targets = zone.served.zone.policies.targets.iter();
                targets
                    .map(|target| self.targets.id(target).unwrap_or(TargetId(u32::MAX)))
                    .collect()
            })
            .collect();
        self.update_prober(changes.added, &changes.removed);
        let inputs = (0..self.set.zones.len()).map(|number| {
            let inputs = inputs_of(&self.set, number, wall, &self.switches);
            ZoneInputs {
                targets: self.ids[number].clone(),
                switches: inputs.switches,
                holds: inputs.holds,
                leases: self.flattening.leases(&self.set.zones[number], now),
            }
        });
        let inputs = inputs.collect();
        let served = self
            .set
            .zones
            .iter()
            .map(|zone| zone.served.clone())
            .collect();
        let snapshot = Snapshot::new(served, Arc::clone(&self.locations));
        let targets = &self.targets;
        self.publisher.at(now, wall);
        let published = self
            .publisher
            .replace(snapshot, inputs, |id| targets.status(id));
        self.telemetry.published(published.generation);
        self.follow_flattened();
        // What reading took is many times what is kept, and the world before is about to go.
        self.is_memory_due = true;
        self.know_targets();
        self.tick_views();
        self.write_book();
        self.telemetry
            .zone_series
            .follow(&self.telemetry.exposition, &self.set, before);
        self.telemetry.series = telemetry::Series::of(
            &self.telemetry.exposition,
            &self.set,
            &self.ids,
            &self.targets,
            now,
        );
    }
}

/// Returns switches and holds of a zone as its file and operators have them now, maintenance included.
pub(super) fn inputs_of(
    set: &ZoneSet,
    number: usize,
    wall: WallTime,
    switches: &Switches,
) -> Inputs {
    let zone = &set.zones[number];
    let policies = &zone.served.zone.policies;
    let mut inputs = Inputs::uniform(policies, Status::Unknown);
    switches.apply(zone, &mut inputs.switches);
    // References that mean nothing were refused when the file was read.
    let _ = apply_maintenance(&zone.model, policies, wall, &mut inputs);
    inputs
}
