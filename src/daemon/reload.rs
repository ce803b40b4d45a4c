//! Reloads of the keeper: files are compared, loaded beside what is served, and swapped in.
//!
//! In: zone files and location databases. Out: a new world, and events that say what changed. Never here: reading.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::{error, info};

use crate::health::TargetId;
use crate::place::Locations;
use crate::publish::ZoneInputs;
use crate::timeline::EventKind;
use crate::zone::Snapshot;

use super::files::Stamp;
use super::keeper::{Keeper, inputs_of};
use super::load::{Loading, ZoneSet, load_zones};
use super::locations::{describe, load_locations, stamps};
use super::measure;
use super::overview::refused_rows;
use super::serials::Serials;

/// What came of a load in the background.
pub(super) type Loaded =
    Result<(ZoneSet, Serials, Option<Arc<Locations>>, Vec<Option<Stamp>>), String>;

impl Keeper {
    pub(super) fn is_stale(&self) -> bool {
        let are_databases_new = stamps(&self.config.geo) != self.location_stamps;
        match self.set.is_stale(&self.config.zones) {
            Ok(is_stale) => is_stale || are_databases_new,
            // The load says what is wrong.
            Err(_) => true,
        }
    }

    /// Begins a load beside what is served, unless one is under way; says whether one is.
    pub(super) fn begin_load(&self, is_loading: bool, done: &mpsc::Sender<Loaded>) -> bool {
        if is_loading {
            return true;
        }
        let set = Arc::clone(&self.set);
        let mut serials = self.serials.clone();
        let (config, old) = (self.config.clone(), Arc::clone(&self.locations));
        let (wall, done) = (self.clock.wall(), done.clone());
        let known_stamps = self.location_stamps.clone();
        tokio::task::spawn_blocking(move || {
            let found_stamps = stamps(&config.geo);
            let new = if found_stamps == known_stamps {
                Ok(None)
            } else {
                load_locations(&config.geo).map(|locations| Some(Arc::new(locations)))
            };
            let result = new.map_err(|fault| fault.to_string()).and_then(|new| {
                let loading = Loading {
                    folder: &config.zones,
                    previous: &set,
                    serials: &mut serials,
                    locations: new.as_ref().unwrap_or(&old),
                    are_locations_new: new.is_some(),
                    wall,
                };
                let loaded = load_zones(loading).map_err(|fault| fault.to_string())?;
                Ok((loaded, serials, new, found_stamps))
            });
            // The keeper may have stopped meanwhile.
            let _ = done.blocking_send(result);
        });
        true
    }

    /// Puts a loaded set in place; on failure everything stays as it is.
    pub(super) fn take_loaded(&mut self, loaded: Loaded) -> Value {
        let (set, serials, locations, found_stamps) = match loaded {
            Ok(loaded) => loaded,
            Err(message) => {
                error!("reload: {message}; everything is served as before");
                self.exposition
                    .add("leeward_reloads_total", &[("result", "failed")], 1);
                return json!({ "result": "failed", "error": message });
            }
        };
        let before = std::mem::replace(&mut self.set, Arc::new(set));
        self.serials = serials;
        self.location_stamps = found_stamps;
        if let Some(locations) = locations {
            info!("{}", describe(&locations, &self.config.geo));
            self.locations = locations;
        }
        self.put_in_place();
        let changed = self.tell_changes(&before);
        let refused: Vec<String> = self
            .set
            .refusals
            .iter()
            .map(|refusal| refusal.path.display().to_string())
            .collect();
        let result = if refused.is_empty() {
            "loaded"
        } else {
            "loaded-with-refusals"
        };
        self.exposition
            .add("leeward_reloads_total", &[("result", result)], 1);
        json!({ "result": result, "changed": changed, "zones": self.set.zones.len(), "refused": refused })
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
                zones: Vec::new(),
                refusals: vec![refusal.clone()],
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
        measure::zones(&self.exposition, &self.set, &mended);
        let same = |zone: &super::load::LoadedZone| {
            before
                .zones
                .iter()
                .any(|known| Arc::ptr_eq(&known.served.zone, &zone.served.zone))
        };
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
            match &kind {
                EventKind::Refused { .. } => error!("{kind}"),
                _ => info!("{kind}"),
            }
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
        measure::zones(&self.exposition, &self.set, &[]);
    }
}
