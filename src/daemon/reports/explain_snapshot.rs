//! The snapshot that `dig TXT _explain.NAME` reads beside the world, renewed once a second.
//!
//! In: snapshots of the state. Out: lines that explain an answer, on the worker that was asked. Never here: anything that other
//! questions touch; a snapshot that is being exchanged is not waited for.

use std::sync::{Arc, Mutex, PoisonError};

use crate::answer::{Prefixes, Reasons, WhyAsked, World};
use crate::health::Status;
use crate::simulate::{GivenClient, ZoneState, inputs_of_view, why_lines, zone_holding};
use crate::wire::{ClientSubnet, Name};
use crate::zone::Zone;

use super::state_snapshot::StateSnapshot;

/// The newest snapshot, shared with workers; none before the first.
#[derive(Clone, Debug, Default)]
pub(super) struct ExplainSnapshot(Arc<Mutex<Option<Arc<StateSnapshot>>>>);

impl ExplainSnapshot {
    /// Replaces the snapshot.
    pub(super) fn put(&self, snapshot: StateSnapshot) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *shared = Some(Arc::new(snapshot));
    }

    /// Returns the newest snapshot, or none while it is being exchanged.
    fn look(&self) -> Option<Arc<StateSnapshot>> {
        self.0.try_lock().ok()?.clone()
    }

    /// Makes what answers clients of some networks.
    pub(super) fn reasons(&self, allow: Prefixes) -> Reasons {
        let shared = self.clone();
        Reasons::new(allow, Arc::new(move |asked| shared.explain(asked)))
    }

    fn explain(&self, asked: &WhyAsked<'_>) -> Vec<String> {
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

/// Returns words for the flattened targets of the name asked for.
fn flattened_lines(snapshot: &StateSnapshot, asked: &WhyAsked<'_>) -> Vec<String> {
    let zone = &asked.world.snapshot.zones[asked.zone].zone;
    let name = Name::from_wire(asked.name).ok();
    let (Some(number), Some((name, _))) = (number_of(snapshot, zone), name) else {
        return Vec::new();
    };
    let words = snapshot.flattened_words(number, &name).into_iter();
    words.map(|words| format!("flattened {words}")).collect()
}

/// Returns the number of a zone of the world in the snapshot, which may be older.
fn number_of(snapshot: &StateSnapshot, zone: &Arc<Zone>) -> Option<usize> {
    let mut zones = snapshot.set.zones.iter();
    zones.position(|known| Arc::ptr_eq(&known.served.zone, zone))
}

/// Shows the stage of a zone of the world.
fn with_stage(
    world: &World,
    snapshot: Option<&StateSnapshot>,
    zone: usize,
    then: &mut dyn FnMut(&ZoneState<'_>),
) {
    let served = &world.snapshot.zones[zone];
    let view = &world.view.zones[zone];
    let known = snapshot.and_then(|snapshot| {
        let number = number_of(snapshot, &served.zone)?;
        Some((snapshot, number, snapshot.folds[number].as_deref()?))
    });
    // The view is what answers; a snapshot that is a second old only adds words to it.
    let seen;
    let inputs = match known {
        Some((_, _, fold)) => fold.inputs(),
        None => {
            seen = inputs_of_view(&served.zone.policies, view);
            &seen
        }
    };
    let evidence = |slot: u32| {
        let (snapshot, number, fold) = known?;
        let is_failing = fold.inputs().statuses.get(slot as usize)? != &Status::Healthy;
        is_failing.then(|| snapshot.evidence(number, slot))?
    };
    then(&ZoneState {
        served,
        view,
        inputs,
        locations: &world.snapshot.locations,
        evidence: &evidence,
    });
}
