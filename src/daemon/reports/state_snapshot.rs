//! The state of the running server at one moment, shared with those who read it.
//!
//! In: pointers to what the owners hold. Out: inputs, evidence and stages of zones. Never here: changes; an owner that changes
//! what a snapshot holds copies that part first.

use std::sync::Arc;

use crate::admin::DoubtRow;
use crate::clock::{Moment, WallTime};
use crate::compile::flattened_below;
use crate::geo::Locations;
use crate::health::{Status, TargetId, TargetTable};
use crate::resolver::ResolvedTargets;
use crate::simulate::{SimulatedZone, ZoneState};
use crate::view::{Fold, Inputs};
use crate::wire::Name;

use crate::daemon::zone_set::ZoneSet;

/// Zones in place, and the states of their targets.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct StateSnapshot {
    /// The moment, and the civil time then.
    pub(in crate::daemon) now: Moment,
    pub(in crate::daemon) wall: WallTime,
    /// Zones in place.
    pub(in crate::daemon) set: Arc<ZoneSet>,
    /// Fold of each zone with policies.
    pub(in crate::daemon) folds: Vec<Option<Arc<Fold>>>,
    /// Target of each slot, by zone.
    pub(in crate::daemon) slots: Arc<[Vec<TargetId>]>,
    /// States of all targets.
    pub(in crate::daemon) targets: TargetTable,
    /// Location databases in use.
    pub(in crate::daemon) locations: Arc<Locations>,
    /// Addresses of flattened targets.
    pub(in crate::daemon) flattened: Arc<ResolvedTargets>,
    /// The present self-doubt, if one lasts.
    pub(in crate::daemon) doubt: Option<DoubtRow>,
}

impl StateSnapshot {
    /// Copies the inputs of one zone's view; a zone without policies has none that matter.
    pub(in crate::daemon) fn inputs_of(&self, number: usize) -> Inputs {
        let policies = &self.set.zones[number].served.zone.policies;
        self.folds[number].as_ref().map_or_else(
            || Inputs::uniform(policies, Status::Unknown),
            |fold| fold.inputs().clone(),
        )
    }

    /// Puts every zone and its inputs together.
    pub(in crate::daemon) fn premises(&self) -> Vec<SimulatedZone<'_>> {
        let zones = self.set.zones.iter().enumerate();
        zones
            .map(|(number, zone)| SimulatedZone {
                model: &zone.model,
                served: &zone.served,
                inputs: self.inputs_of(number),
            })
            .collect()
    }

    /// Returns the last evidence of the target in a slot of a zone.
    pub(super) fn evidence(&self, zone: usize, slot: u32) -> Option<String> {
        let id = *self.slots.get(zone)?.get(slot as usize)?;
        let row = self.targets.row(id)?;
        Some(row.state.last_evidence.to_string())
    }

    /// Shows the stage of a zone under other inputs than its own.
    pub(super) fn show_stage(
        &self,
        number: usize,
        inputs: &Inputs,
        then: &mut dyn FnMut(&ZoneState<'_>),
    ) {
        let zone = &self.set.zones[number];
        let policies = &zone.served.zone.policies;
        let view = self.folds[number].as_ref().map_or_else(
            || Fold::new(policies, inputs.clone()).view(),
            |fold| fold.supposing(policies, inputs).view(),
        );
        then(&ZoneState {
            served: &zone.served,
            view: &view,
            inputs,
            locations: &self.locations,
            evidence: &|slot| self.evidence(number, slot),
        });
    }

    /// Returns words for each flattened target that a name of a zone leads to.
    pub(super) fn flattened_words(&self, number: usize, owner: &Name) -> Vec<String> {
        let zone = &self.set.zones[number];
        if zone.served.zone.policies.leases.is_empty() {
            return Vec::new();
        }
        let targets = flattened_below(&zone.model, owner).into_iter();
        targets
            .map(|target| format!("{target} {}", self.flattened.words(&target, self.now)))
            .collect()
    }

    /// Makes a snapshot of a set whose targets nobody watches, for tests.
    #[cfg(test)]
    pub(in crate::daemon) fn of_set(set: ZoneSet) -> Self {
        use crate::resolver::{ResolveLimits, ResolvedTargets};
        use std::time::Duration;

        let limits = ResolveLimits {
            ttl_min: Duration::from_secs(1),
            ttl_max: Duration::from_secs(60),
            keep: Duration::from_secs(60),
        };
        let fold = |policies: &crate::zone::Policies| {
            let inputs = Inputs::uniform(policies, Status::Healthy);
            (!policies.is_empty()).then(|| Arc::new(Fold::new(policies, inputs)))
        };
        let zones = || set.zones.iter().map(|zone| &zone.served.zone.policies);
        Self {
            now: Moment::from_secs(1),
            wall: WallTime::from_millis(1_800_000_000_000),
            folds: zones().map(fold).collect(),
            slots: zones().map(|_| Vec::new()).collect(),
            targets: TargetTable::default(),
            locations: Arc::new(Locations::unknown()),
            flattened: Arc::new(ResolvedTargets::new(limits, Vec::new())),
            doubt: None,
            set: Arc::new(set),
        }
    }
}
