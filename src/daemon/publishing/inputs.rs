//! Inputs of a zone's fold as its file and operators have them.
//!
//! In: a zone, switches, the civil time. Out: switches and holds, maintenance included. Never here: statuses.

use crate::clock::WallTime;
use crate::health::Status;
use crate::simulate::apply_maintenance;
use crate::view::Inputs;

use crate::daemon::watching::Switches;
use crate::daemon::zone_set::ZoneSet;

/// Returns switches and holds of a zone as they are now, under unknown statuses.
pub(in crate::daemon) fn inputs_of(
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
