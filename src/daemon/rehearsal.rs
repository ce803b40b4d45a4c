//! Rehearsals on the running state: a copy of the inputs is asked on a thread of its own.
//!
//! In: the loaded zones and the inputs of their views. Out: simulations. Never here: deciding, or anything on the
//! keeper's own thread but the copy; a long simulation delays no flip.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::clock::WallTime;
use crate::health::Status;
use crate::simulate::{SimulateRequest, SimulatedZone, Simulation, apply_maintenance, simulate};
use crate::view::Inputs;

use super::keeper::Keeper;
use super::reload::inputs_of;
use super::zone_set::ZoneSet;

/// Rehearsals under way at once. Chosen: one thread's worth, so that queries keep the others.
pub(super) const REHEARSALS_MAX: usize = 1;

/// Returns the premises of zones from files alone: everything healthy, maintenance as it is under way.
pub fn premises_of(set: &ZoneSet, wall: WallTime) -> Vec<SimulatedZone<'_>> {
    set.zones
        .iter()
        .map(|zone| {
            let policies = &zone.served.zone.policies;
            let mut inputs = Inputs::uniform(policies, Status::Healthy);
            // References that mean nothing were refused when the file was read.
            let _ = apply_maintenance(&zone.model, policies, wall, &mut inputs);
            SimulatedZone {
                model: &zone.model,
                served: &zone.served,
                inputs,
            }
        })
        .collect()
}

/// Puts zones and inputs together.
pub(super) fn premises_with(set: &ZoneSet, inputs: Vec<Inputs>) -> Vec<SimulatedZone<'_>> {
    let zones = set.zones.iter().zip(inputs);
    zones
        .map(|(zone, inputs)| SimulatedZone {
            model: &zone.model,
            served: &zone.served,
            inputs,
        })
        .collect()
}

impl Keeper {
    /// Copies the inputs of every zone's view as they are now.
    pub(super) fn inputs_now(&self) -> Vec<Inputs> {
        (0..self.set.zones.len())
            .map(|number| self.inputs_of_zone(number))
            .collect()
    }

    /// Copies the inputs of one zone's view as they are now.
    pub(super) fn inputs_of_zone(&self, number: usize) -> Inputs {
        self.publisher.fold(number).map_or_else(
            || inputs_of(&self.set, number, self.clock.wall(), &self.switches),
            |fold| fold.inputs().clone(),
        )
    }

    /// Simulates beside the loop.
    pub(super) fn simulate(
        &self,
        mut request: SimulateRequest,
        answer: oneshot::Sender<Result<Simulation, String>>,
    ) {
        let Ok(permit) = Arc::clone(&self.rehearsals).try_acquire_owned() else {
            // A client that went away needs no answer.
            let _ = answer.send(Err("another simulation is under way; try again".to_owned()));
            return;
        };
        let (set, locations) = (Arc::clone(&self.set), Arc::clone(&self.loading.locations));
        let inputs = self.inputs_now();
        request.observed = self.telemetry.observed();
        tokio::task::spawn_blocking(move || {
            let premises = premises_with(&set, inputs);
            let result = simulate(&premises, &locations, &request);
            drop(permit);
            let _ = answer.send(result.map_err(|fault| fault.to_string()));
        });
    }
}
