//! Reloads as the running server takes them: a load is begun, and its result is put in place whole.
//!
//! In: results of loads, what is served now. Out: a new set in place, or everything as before and the reason. Never here:
//! reading files (see [`super::loading`]).

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::answer::Prefixes;
use crate::clock::WallTime;
use crate::health::{Status, TargetId};
use crate::publish::ZoneInputs;
use crate::rehearse::{apply_maintenance, diff_summary};
use crate::timeline::AlarmKind;
use crate::view::Inputs;
use crate::zone::Snapshot;

use super::change::Served;
use super::keeper::Keeper;
use super::loading::{Beside, Failure, Loaded, Reread, When};
use super::switches::Switches;
use super::telemetry;
use super::watching::anchor_targets;
use super::zone_set::ZoneSet;

impl Keeper {
    /// Begins a load beside what is served.
    pub(super) fn begin_load(&mut self, when: When, done: &mpsc::Sender<Loaded>) {
        let beside = Beside {
            wall: self.clock.wall(),
            flattened: self.flattening.known(),
            served: Served {
                switches: self.switches.clone(),
                set: Arc::clone(&self.set),
                inputs: self.inputs_now(),
                locations: Arc::clone(&self.loading.locations),
                observed: self.telemetry.observed(),
            },
            is_folder_faulty: self.telemetry.has_alarm(AlarmKind::ZonesFolder),
        };
        self.loading.begin(when, beside, done);
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
        let secrets = std::mem::replace(&mut brought.secrets, Ok(None));
        if self.loading.take_secrets(secrets, &mut self.telemetry) {
            self.publish_conduct();
        }
        if let (Some(why), Some(change)) = (brought.must_wait.take(), brought.change.take()) {
            let telemetry = &mut self.telemetry;
            return Some(self.loading.wait(why, &change, brought, telemetry));
        }
        let answers = brought.change.as_ref().map(diff_summary);
        let names = std::mem::take(&mut brought.names);
        let set = self.loading.take(brought, &mut self.telemetry);
        let before = std::mem::replace(&mut self.set, set);
        self.telemetry.set_alarm(AlarmKind::ZonesFolder, "", None);
        self.put_in_place(&before);
        self.tell_overruled();
        self.flattening.hurry(self.clock.now());
        let mut told = self.tell_loaded(&before, &names, answers);
        told["server_file"] = Value::Array(server_file);
        Some(told)
    }

    /// Takes the present content of the server file; returns lines for the answer to a reload.
    fn take_server_file(&mut self, reread: Option<Reread>) -> Vec<Value> {
        let taken = self.loading.take_server_file(reread, &mut self.telemetry);
        let (lines, is_changed) = taken;
        if is_changed {
            self.publish_conduct();
        }
        lines
    }

    /// Publishes the serving options.
    pub(super) fn publish_conduct(&mut self) {
        let mut conduct = self.loading.serving_options();
        let allow = &self.loading.config.explain.allow;
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
        let wanted = wanted.chain(anchor_targets(&self.loading.config.self_doubt));
        let changes = self.watching.targets.reconcile(wanted, now);
        changes.removed.iter().for_each(|gone| {
            self.telemetry.latencies.remove(gone);
        });
        // What was reported before a restart is known before anything is published.
        for report in self
            .watching
            .heartbeats
            .await_those_of(&self.watching.targets, now)
        {
            let _ = self
                .watching
                .targets
                .observe(report.target, report.observation, now);
        }
        self.ids = self
            .set
            .zones
            .iter()
            .map(|zone| {
                let targets = zone.served.zone.policies.targets.iter();
                targets
                    .map(|target| {
                        self.watching
                            .targets
                            .id(target)
                            .unwrap_or(TargetId(u32::MAX))
                    })
                    .collect()
            })
            .collect();
        self.watching.update_prober(changes, &self.set, &self.ids);
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
        let snapshot = Snapshot::new(served, Arc::clone(&self.loading.locations));
        let targets = &self.watching.targets;
        self.publisher.at(now, wall);
        let published = self
            .publisher
            .replace(snapshot, inputs, |id| targets.status(id));
        self.telemetry.published(published.generation);
        self.follow_flattened();
        // What reading took is many times what is kept, and the world before is about to go.
        self.is_memory_due = true;
        let settings = &self.loading.config.self_doubt;
        self.watching.know_targets(settings, &self.set, &self.ids);
        self.tick_views();
        self.write_book();
        self.telemetry
            .zone_series
            .follow(&self.telemetry.exposition, &self.set, before);
        self.telemetry.series = telemetry::Series::of(
            &self.telemetry.exposition,
            &self.set,
            &self.ids,
            &self.watching.targets,
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
