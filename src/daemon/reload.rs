//! Reloads: files are compared and loaded beside what is served, on a thread of their own, then swapped whole.
//!
//! In: the folder of zones, the databases, what is served now. Out: a new set in place, or everything as before and
//! the reason. Never here: reading on the keeper's own thread; a slow disk delays no flip.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::{error, info};

use crate::answer::Inputs;
use crate::clock::WallTime;
use crate::config::server_file::ServerConfig;
use crate::health::{Status, TargetId};
use crate::place::Locations;
use crate::publish::ZoneInputs;
use crate::rehearse::apply_maintenance;
use crate::timeline::EventKind;
use crate::zone::{Snapshot, Zone};

use super::certificate::CertificateWatch;
use super::conduct::{Secrets, compose};
use super::files::Stamp;
use super::keeper::Keeper;
use super::load::{Loading, load_zones};
use super::locations::{describe, load_locations, stamps};
use super::measure;
use super::overview::refused_rows;
use super::running::count_workers;
use super::serials::Serials;
use super::zone_set::ZoneSet;

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
    serials: Serials,
    /// New locations, if a database changed.
    locations: Option<Arc<Locations>>,
    /// Why the databases cannot be used as they are now.
    location_fault: Option<String>,
    location_stamps: Vec<Option<Stamp>>,
    /// New cookie secrets, or why there are none.
    secrets: Result<Option<Secrets>, String>,
}

/// What came of a load in the background; nothing if nothing on disk had changed.
pub(super) type Loaded = Result<Option<Box<Brought>>, String>;

/// Everything that a load in the background needs.
struct Job {
    set: Arc<ZoneSet>,
    serials: Serials,
    config: ServerConfig,
    locations: Arc<Locations>,
    location_stamps: Vec<Option<Stamp>>,
    location_fault: Option<String>,
    secrets: Secrets,
    secret_fault: Option<String>,
    certificates: Option<Arc<CertificateWatch>>,
    wall: WallTime,
}

impl Job {
    fn run(mut self, when: When) -> Loaded {
        if let Some(certificates) = &self.certificates {
            certificates.look(when);
        }
        let location_stamps = stamps(&self.config.geo);
        let are_databases_new = location_stamps != self.location_stamps;
        // A folder that cannot be listed is stale too: the load says what is wrong.
        let is_stale = || {
            self.set
                .is_stale(&self.config.zones, self.wall)
                .unwrap_or(true)
        };
        let secrets = self.secrets.renew(&self.config);
        let are_secrets_new = match &secrets {
            Ok(renewed) => renewed.is_some() || self.secret_fault.is_some(),
            Err(fault) => self.secret_fault.as_ref() != Some(fault),
        };
        if when == When::Changed && !are_databases_new && !are_secrets_new && !is_stale() {
            return Ok(None);
        }
        // A broken database holds nothing else back: the old one is kept, and the zones are loaded.
        let mut location_fault = self.location_fault;
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
            wall: self.wall,
        };
        let set = load_zones(loading).map_err(|fault| fault.to_string())?;
        let serials = self.serials;
        Ok(Some(Box::new(Brought {
            set,
            serials,
            locations,
            location_fault,
            location_stamps,
            secrets,
        })))
    }
}

impl Keeper {
    /// Begins a load beside what is served.
    pub(super) fn begin_load(&self, when: When, done: &mpsc::Sender<Loaded>) {
        let job = Job {
            set: Arc::clone(&self.set),
            serials: self.serials.clone(),
            config: self.config.clone(),
            locations: Arc::clone(&self.locations),
            location_stamps: self.location_stamps.clone(),
            location_fault: self.location_fault.clone(),
            secrets: self.secrets.clone(),
            secret_fault: self.secret_fault.clone(),
            certificates: self.certificates.clone(),
            wall: self.clock.wall(),
        };
        let done = done.clone();
        tokio::task::spawn_blocking(move || {
            // The keeper may have stopped meanwhile.
            let _ = done.blocking_send(job.run(when));
        });
    }

    /// Puts a loaded set in place; on failure everything stays as it is.
    pub(super) fn take_loaded(&mut self, loaded: Loaded) -> Option<Value> {
        let brought = match loaded {
            Ok(Some(brought)) => *brought,
            Ok(None) => return None,
            Err(message) => {
                // Once, not at every look at the files.
                if self.load_fault.as_ref() != Some(&message) {
                    error!("reload: {message}; everything is served as before");
                }
                self.load_fault = Some(message.clone());
                self.exposition
                    .add("leeward_reloads_total", &[("result", "failed")], 1);
                return Some(json!({ "result": "failed", "error": message }));
            }
        };
        let before = std::mem::replace(&mut self.set, Arc::new(brought.set));
        self.load_fault = None;
        self.serials = brought.serials;
        self.location_stamps = brought.location_stamps;
        if let Some(fault) = brought
            .location_fault
            .as_ref()
            .filter(|fault| self.location_fault.as_ref() != Some(fault))
        {
            error!("{fault}; clients are located as before");
        }
        self.location_fault = brought.location_fault;
        if let Some(locations) = brought.locations {
            info!("{}", describe(&locations, &self.config.geo));
            self.locations = locations;
        }
        self.take_secrets(brought.secrets);
        self.put_in_place();
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
        Some(
            json!({ "result": result, "changed": changed, "zones": self.set.zones.len(), "refused": refused }),
        )
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
            Err(fault) => {
                if self.secret_fault.as_ref() != Some(&fault) {
                    error!("{fault}; cookies are made and checked as before");
                }
                Some(fault)
            }
        };
        self.secret_fault = fault;
    }

    /// Publishes how the server behaves beside its data.
    pub(super) fn publish_conduct(&mut self) {
        let workers = count_workers(&self.config);
        let conduct = compose(&self.config, &self.secrets, workers);
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
    pub(super) fn put_in_place(&mut self) {
        let now = self.clock.now();
        let wall = self.clock.wall();
        let wanted = self
            .set
            .zones
            .iter()
            .flat_map(|zone| zone.served.zone.policies.targets.iter().cloned());
        let changes = self.targets.reconcile(wanted, now);
        changes.removed.iter().for_each(|gone| {
            self.latencies.remove(gone);
        });
        if let Some(prober) = &self.prober {
            prober.update(changes.added, changes.removed);
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
        let inputs = (0..self.set.zones.len()).map(|number| {
            let inputs = inputs_of(&self.set, number, wall);
            ZoneInputs {
                targets: self.ids[number].clone(),
                switches: inputs.switches,
                holds: inputs.holds,
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
        let published = self
            .publisher
            .replace(snapshot, inputs, |id| targets.status(id));
        self.exposition
            .set("leeward_world_generation", &[], published.generation as f64);
        self.series =
            measure::Series::of(&self.exposition, &self.set, &self.ids, &self.targets, now);
    }
}

/// Returns switches and holds of a zone as its file has them now, maintenance included.
pub(super) fn inputs_of(set: &ZoneSet, number: usize, wall: WallTime) -> Inputs {
    let zone = &set.zones[number];
    let policies = &zone.served.zone.policies;
    let mut inputs = Inputs::uniform(policies, Status::Unknown);
    // References that mean nothing were refused when the file was read.
    let _ = apply_maintenance(&zone.model, policies, wall, &mut inputs);
    inputs
}
