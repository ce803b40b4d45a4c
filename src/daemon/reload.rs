//! Reloads: files are compared and loaded beside what is served, on a thread of their own, then swapped whole.
//!
//! In: the folder of zones, the databases, what is served now. Out: a new set in place, or everything as before and
//! the reason. Never here: reading on the keeper's own thread; a slow disk delays no flip.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::info;

use crate::answer::{Inputs, Prefixes};
use crate::clock::WallTime;
use crate::config::server_file::ServerConfig;
use crate::config::{Flattened, Severity, render_text};
use crate::control::Consent;
use crate::health::{Status, TargetId};
use crate::place::Locations;
use crate::publish::ZoneInputs;
use crate::rehearse::{AnswerDiff, apply_maintenance, diff_summary};
use crate::timeline::{AlarmKind, EventKind};
use crate::zone::{Snapshot, Zone};

use super::certificate::CertificateWatch;
use super::change::{Served, Waiting, over_radius};
use super::conduct::{Secrets, compose};
use super::files::Stamp;
use super::keeper::Keeper;
use super::load::{Loading, load_zones};
use super::locations::{describe, load_locations, stamps};
use super::measure;
use super::overview::refused_rows;
use super::running::count_workers;
use super::serials::Serials;
use super::switches::Switches;
use super::zone_set::ZoneSet;

/// Nice value of a load, on the kernel's scale from -20 to 19: beside a busy worker at 0 it gets a tenth of a core, on an
/// idle one all of it.
const NICE: i32 = 10;

/// When a load is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// If anything on disk looks different.
    Changed,
    /// In any case.
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
    /// What it changes for clients, if that was compared.
    change: Option<AnswerDiff>,
    /// Why it must wait for an operator, if it must.
    must_wait: Option<String>,
}

/// What came of a load in the background; nothing if nothing on disk had changed.
pub(super) type Loaded = Result<Option<Box<Brought>>, String>;

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
    /// What waits for an operator: looks compare the disk with it.
    waiting: Option<(Arc<ZoneSet>, Vec<Option<Stamp>>)>,
}

impl Job {
    /// Says whether zones or databases on disk differ from what was read last.
    fn is_stale(&self, stamps: &[Option<Stamp>]) -> bool {
        let (set, known) = match &self.waiting {
            Some((set, known)) => (set, known),
            None => (&self.set, &self.location_stamps),
        };
        // A folder that cannot be listed is stale too: the load says what is wrong.
        stamps != known || set.is_stale(&self.config.zones, self.wall).unwrap_or(true)
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

    fn run(mut self, when: When) -> Loaded {
        if let Some(certificates) = &self.certificates {
            certificates.look(when, self.wall);
        }
        let location_stamps = stamps(&self.config.geo);
        let are_databases_new = location_stamps != self.location_stamps;
        let secrets = self.secrets.renew(&self.config);
        let are_secrets_new = match &secrets {
            Ok(renewed) => renewed.is_some() || self.secret_fault.is_some(),
            Err(fault) => self.secret_fault.as_ref() != Some(fault),
        };
        if when == When::Changed && !are_secrets_new && !self.is_stale(&location_stamps) {
            return Ok(None);
        }
        // A broken database holds nothing else back: the old one is kept, and the zones are loaded.
        let mut location_fault = self.location_fault.take();
        let mut locations = None;
        if are_databases_new {
            match load_locations(&self.config.geo) {
                Ok(new) => {
                    locations = Some(Arc::new(new));
                    location_fault = None;
                }
                Err(fault) => location_fault = Some(fault.to_string()),
            }
        }
        let loading = Loading {
            folder: &self.config.zones,
            previous: &self.set,
            serials: &mut self.serials,
            locations: locations.as_ref().unwrap_or(&self.locations),
            are_locations_new: locations.is_some(),
            flattened: &self.flattened,
            wall: self.wall,
        };
        let set = load_zones(loading).map_err(|fault| fault.to_string())?;
        let (change, must_wait) = self.judge(&set, locations.as_ref().unwrap_or(&self.locations));
        let serials = self.serials;
        Ok(Some(Box::new(Brought {
            set,
            serials,
            locations,
            location_fault,
            location_stamps,
            secrets,
            change,
            must_wait,
        })))
    }
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
                observed: self.history.observed(self.clock.now()),
            },
            consent: std::mem::take(&mut self.consent),
            waiting: self.waiting.as_ref().map(Waiting::known),
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
            let _ = done.try_send(Err(format!("cannot start a thread to load: {cause}")));
        }
    }

    /// Puts a loaded set in place; on failure everything stays as it is.
    pub(super) fn take_loaded(&mut self, loaded: Loaded) -> Option<Value> {
        let mut brought = match loaded {
            Ok(Some(brought)) => *brought,
            Ok(None) => return None,
            Err(message) => {
                self.set_alarm(AlarmKind::ZonesFolder, "", Some(message.clone()));
                self.exposition
                    .add("leeward_reloads_total", &[("result", "failed")], 1);
                return Some(json!({ "result": "failed", "error": message }));
            }
        };
        if let (Some(why), Some(change)) = (brought.must_wait.take(), brought.change.take()) {
            return Some(self.wait(why, &change, brought));
        }
        self.waiting = None;
        self.exposition.set("leeward_reload_waiting", &[], 0.0);
        let answers = brought.change.as_ref().map(diff_summary);
        let before = std::mem::replace(&mut self.set, Arc::new(brought.set));
        self.set_alarm(AlarmKind::ZonesFolder, "", None);
        self.serials = brought.serials;
        self.location_stamps = brought.location_stamps;
        self.location_fault = brought.location_fault;
        self.set_alarm(AlarmKind::LocationDatabase, "", self.location_fault.clone());
        if let Some(locations) = brought.locations {
            info!("{}", describe(&locations, &self.config.geo));
            self.locations = locations;
        }
        self.take_secrets(brought.secrets);
        self.put_in_place(&before);
        self.flattening.hurry(self.clock.now());
        let changed = self.tell_changes(&before);
        let refused: Vec<String> = self
            .set
            .refusals
            .iter()
            .map(|refusal| refusal.path.display().to_string())
            .collect();
        let result = if refused.is_empty() && self.location_fault.is_none() {
            "loaded"
        } else {
            "loaded-with-refusals"
        };
        self.exposition
            .add("leeward_reloads_total", &[("result", result)], 1);
        if let Some(answers) = answers.as_ref().filter(|_| !changed.is_empty()) {
            info!("reload: {answers}");
        }
        Some(json!({
            "result": result,
            "changed": changed,
            "zones": self.set.zones.len(),
            "refused": refused,
            "faults": faults_text(&self.set),
            "answers": answers,
        }))
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
            self.record(EventKind::Waiting {
                why: waiting.row.why.clone(),
            });
            self.waiting = Some(waiting);
        } else if let Some(known) = &mut self.waiting {
            known.take(waiting);
        }
        self.exposition.set("leeward_reload_waiting", &[], 1.0);
        self.exposition
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
        self.set_alarm(AlarmKind::CookieSecrets, "", fault.clone());
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

    /// Tells refusals, mended files and changed zones, each once.
    fn tell_changes(&mut self, before: &ZoneSet) -> Vec<String> {
        let was_refused =
            |path: &std::path::Path| before.refusals.iter().find(|refusal| refusal.path == path);
        let mut events = Vec::new();
        for refusal in &self.set.refusals {
            let is_known = was_refused(&refusal.path).is_some_and(|known| {
                known.source.text == refusal.source.text && known.diagnostics == refusal.diagnostics
            });
            if is_known {
                continue;
            }
            let row = refused_rows(&ZoneSet {
                refusals: vec![refusal.clone()],
                ..ZoneSet::default()
            })
            .remove(0);
            let first = row.faults.first().cloned().unwrap_or_default();
            events.push(EventKind::Refused {
                file: row.file,
                faults: row.faults.len(),
                first,
            });
        }
        let mut mended = Vec::new();
        for refusal in &before.refusals {
            if !self
                .set
                .refusals
                .iter()
                .any(|still| still.path == refusal.path)
            {
                mended.push(refusal.path.display().to_string());
            }
        }
        events.extend(
            mended
                .iter()
                .map(|file| EventKind::Mended { file: file.clone() }),
        );
        let known: HashSet<*const Zone> = before
            .zones
            .iter()
            .map(|zone| Arc::as_ptr(&zone.served.zone))
            .collect();
        let same =
            |zone: &super::zone_set::LoadedZone| known.contains(&Arc::as_ptr(&zone.served.zone));
        let changed: Vec<String> = self
            .set
            .zones
            .iter()
            .filter(|zone| !same(zone))
            .map(|zone| zone.model.apex.to_string())
            .collect();
        events.push(EventKind::Reload {
            changed: changed.clone(),
            zones: self.set.zones.len(),
        });
        for kind in events {
            self.record(kind);
        }
        changed
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
            self.latencies.remove(gone);
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
        self.exposition
            .set("leeward_world_generation", &[], published.generation as f64);
        self.follow_flattened();
        // What reading took is many times what is kept, and the world before is about to go.
        self.is_memory_due = true;
        self.know_targets();
        self.let_time_pass();
        self.write_book();
        self.zone_series.follow(&self.exposition, &self.set, before);
        self.series =
            measure::Series::of(&self.exposition, &self.set, &self.ids, &self.targets, now);
    }
}

/// Writes the faults of refused files as a compiler would, an expectation's with the trace of its decision.
fn faults_text(set: &ZoneSet) -> String {
    let (mut faults, sources) = set.findings();
    faults.retain(|found| found.severity == Severity::Fault);
    render_text(&faults, &sources, false)
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
