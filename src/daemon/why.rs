//! What `dig TXT _explain.NAME` reads beside the world: inputs and evidence of every zone, renewed once a second.
//!
//! In: folds and targets of the keeper. Out: one immutable snapshot that workers look into when somebody asks why. Never
//! here: anything that other questions touch; a snapshot that is being exchanged is not waited for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::answer::{Prefixes, Reasons, WhyAsked, World};
use crate::health::Status;
use crate::simulate::{GivenClient, ZoneState, inputs_of_view, why_lines, zone_holding};
use crate::view::Inputs;
use crate::wire::{ClientSubnet, Name};
use crate::zone::Zone;

use super::keeper::Keeper;

/// A zone as it was when the snapshot was written.
#[derive(Debug)]
struct ExplainZone {
    zone: Arc<Zone>,
    inputs: Inputs,
    /// Evidence of targets that are not healthy, by slot.
    evidence: HashMap<u32, String>,
    /// What is known of flattened targets, by the name that leads to them.
    flattened: HashMap<Name, Vec<String>>,
}

/// Inputs and evidence of every zone with policies.
#[derive(Debug, Default)]
pub(super) struct ExplainSnapshot {
    zones: Vec<ExplainZone>,
}

/// Where the newest snapshot lies.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedSnapshot(Arc<Mutex<Arc<ExplainSnapshot>>>);

impl SharedSnapshot {
    fn put(&self, snapshot: ExplainSnapshot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// Returns the newest snapshot, or none while it is being exchanged.
    fn look(&self) -> Option<Arc<ExplainSnapshot>> {
        self.0.try_lock().ok().map(|snapshot| Arc::clone(&snapshot))
    }

    /// Makes what answers clients of some networks.
    pub(super) fn reasons(&self, allow: Prefixes) -> Reasons {
        let shelf = self.clone();
        Reasons::new(allow, Arc::new(move |asked| shelf.tell(asked)))
    }

    fn tell(&self, asked: &WhyAsked<'_>) -> Vec<String> {
        let client = match asked.subnet.and_then(ClientSubnet::given_prefix) {
            Some(prefix) => GivenClient::Subnet(prefix),
            None => GivenClient::Address(asked.client),
        };
        let snapshot = self.look();
        let snapshot = snapshot.as_deref();
        let on_stage = |name: &Name, then: &mut dyn FnMut(&ZoneState<'_>)| {
            let zones = asked.world.snapshot.zones.iter();
            if let Some(zone) = zone_holding(zones.map(|served| &*served.zone), name) {
                with_stage(asked.world, snapshot, zone, then);
            }
        };
        let mut lines = Vec::new();
        with_stage(asked.world, snapshot, asked.zone, &mut |stage| {
            lines = why_lines(stage, &on_stage, asked.name, client);
        });
        if let Some(snapshot) = snapshot {
            lines.extend(flattened_lines(snapshot, asked));
        }
        lines
    }
}

/// Returns what is known of the flattened targets of the name asked for.
fn flattened_lines(snapshot: &ExplainSnapshot, asked: &WhyAsked<'_>) -> Vec<String> {
    let zone = &asked.world.snapshot.zones[asked.zone].zone;
    let is_of = |known: &&ExplainZone| Arc::ptr_eq(&known.zone, zone);
    let Some(zone) = snapshot.zones.iter().find(is_of) else {
        return Vec::new();
    };
    let name = Name::from_wire(asked.name).ok();
    let known = name.and_then(|(name, _)| zone.flattened.get(&name));
    let lines = known.into_iter().flatten();
    lines.map(|line| format!("flattened {line}")).collect()
}

/// Shows the stage of a zone of the world.
fn with_stage(
    world: &World,
    snapshot: Option<&ExplainSnapshot>,
    zone: usize,
    then: &mut dyn FnMut(&ZoneState<'_>),
) {
    let served = &world.snapshot.zones[zone];
    let view = &world.view.zones[zone];
    let is_of = |zone: &&ExplainZone| Arc::ptr_eq(&zone.zone, &served.zone);
    let zone = snapshot.and_then(|snapshot| snapshot.zones.iter().find(is_of));
    // The view is what answers; a snapshot that is a second old only adds words to it.
    let seen;
    let inputs = match zone {
        Some(zone) => &zone.inputs,
        None => {
            seen = inputs_of_view(&served.zone.policies, view);
            &seen
        }
    };
    then(&ZoneState {
        served,
        view,
        inputs,
        locations: &world.snapshot.locations,
        evidence: &|slot| zone.and_then(|zone| zone.evidence.get(&slot)).cloned(),
    });
}

impl Keeper {
    /// Writes a new snapshot, if anybody may read it.
    pub(super) fn write_book(&self) {
        if self.loading.config.explain.allow.is_empty() {
            return;
        }
        let mut zones = Vec::new();
        for (number, zone) in self.set.zones.iter().enumerate() {
            let Some(fold) = self.publisher.fold(number) else {
                continue;
            };
            let inputs = fold.inputs().clone();
            let failing = inputs
                .statuses
                .iter()
                .enumerate()
                .filter(|(_, status)| **status != Status::Healthy);
            let evidence = failing
                .filter_map(|(slot, _)| Some((slot as u32, self.evidence(number, slot as u32)?)))
                .collect();
            zones.push(ExplainZone {
                zone: Arc::clone(&zone.served.zone),
                inputs,
                evidence,
                flattened: self.flattened_of(number),
            });
        }
        self.shelf.put(ExplainSnapshot { zones });
    }
}
