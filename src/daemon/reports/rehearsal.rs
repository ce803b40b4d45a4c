//! Premises of rehearsals from files alone.
//!
//! In: loaded zones. Out: their inputs where everything is healthy. Never here: deciding.

use crate::clock::WallTime;
use crate::health::Status;
use crate::simulate::{SimulatedZone, apply_maintenance};
use crate::view::Inputs;

use crate::daemon::zone_set::ZoneSet;

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
