//! Folds statuses into views and publishes worlds.
//!
//! In: snapshots, statuses of targets, switches, holds, leases. Out: worlds. Never here: the time (see
//! [`super::tick`]). Statuses, not bits, are the truth: a new snapshot is folded anew from them; a changed status
//! touches the bits that depend on it, and only the views of zones that use its target are made anew.

use std::collections::HashMap;
use std::sync::Arc;

use crate::answer::{ServingOptions, World};
use crate::clock::{Moment, WallTime};
use crate::health::{Status, TargetId};
use crate::view::{Fold, HealthView, Inputs, SavedNode, ZoneView};
use crate::zone::{Hold, Snapshot};

use super::current::{Current, Retired};

/// Inputs of a zone's fold, with targets in place of their statuses.
#[derive(Clone, Debug, Default)]
pub struct ZoneInputs {
    /// Target of each slot.
    pub targets: Vec<TargetId>,
    /// Switch by slot.
    pub switches: Vec<bool>,
    /// Hold by member bit.
    pub holds: Vec<Hold>,
    /// Seconds that each lease of a flattened target lasts; absent: every lease lasts for ever.
    pub leases: Option<Arc<[u32]>>,
}

/// Result of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Generation now current.
    pub generation: u64,
    /// Zones whose bits changed.
    pub zones_changed: usize,
}

/// The one writer.
#[derive(Debug)]
pub struct Publisher {
    current: Arc<Current>,
    pub(super) snapshot: Arc<Snapshot>,
    view: HealthView,
    serving: Arc<ServingOptions>,
    /// Fold of each zone with policies. A clone is a snapshot; a fold that changes while one is held is copied first.
    pub(super) folds: Vec<Option<Arc<Fold>>>,
    /// Target of each slot, by zone.
    pub(super) slots: Arc<[Vec<TargetId>]>,
    /// Policy state that an earlier run saved and no zone has claimed yet, by apex.
    pub(super) saved: HashMap<String, Vec<SavedNode>>,
    /// True if policy state changed since the last save.
    pub(super) is_unsaved: bool,
    pub(super) now: Moment,
    pub(super) wall: WallTime,
    uses: HashMap<TargetId, Vec<(u32, u32)>>,
    retired: Retired,
    generation: u64,
}

impl Publisher {
    /// Starts from a snapshot with empty views and default options.
    pub fn new(snapshot: Snapshot) -> Self {
        let snapshot = Arc::new(snapshot);
        let view = HealthView::new(vec![ZoneView::default(); snapshot.zones.len()]);
        let serving = Arc::default();
        let world = World {
            snapshot: Arc::clone(&snapshot),
            view: view.clone(),
            serving: Arc::clone(&serving),
            generation: 1,
        };
        let folds = vec![None; snapshot.zones.len()];
        Self {
            current: Current::new(world),
            snapshot,
            view,
            serving,
            folds,
            slots: Arc::default(),
            saved: HashMap::new(),
            is_unsaved: false,
            now: Moment::ZERO,
            wall: WallTime::default(),
            uses: HashMap::new(),
            retired: Retired::default(),
            generation: 1,
        }
    }

    /// Returns the pointer to the current world.
    pub fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current)
    }

    /// Returns the fold of a zone, if it has policies.
    pub fn fold(&self, zone: usize) -> Option<&Fold> {
        self.folds.get(zone)?.as_deref()
    }

    /// Returns the fold of each zone with policies, in the order of the snapshot.
    pub fn folds(&self) -> &[Option<Arc<Fold>>] {
        &self.folds
    }

    /// Returns the target of each slot, by zone.
    pub fn slots(&self) -> &Arc<[Vec<TargetId>]> {
        &self.slots
    }

    /// Lists the uses of a target: zone and slot.
    pub fn uses(&self, target: TargetId) -> impl Iterator<Item = (usize, u32)> + '_ {
        let uses = self.uses.get(&target).map_or(&[][..], Vec::as_slice);
        uses.iter().map(|&(zone, slot)| (zone as usize, slot))
    }

    /// Returns the snapshot that is served.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Replaces the serving options (cookies, limits, identity) and publishes.
    pub fn serving(&mut self, serving: ServingOptions) -> Published {
        self.serving = Arc::new(serving);
        self.publish(0)
    }

    /// Publishes a snapshot: inputs are in the order of its zones.
    pub fn replace(
        &mut self,
        snapshot: Snapshot,
        inputs: Vec<ZoneInputs>,
        status: impl Fn(TargetId) -> Status,
    ) -> Published {
        self.uses.clear();
        self.slots = inputs.iter().map(|given| given.targets.clone()).collect();
        let mut folds = Vec::with_capacity(inputs.len());
        for (number, (served, given)) in snapshot.zones.iter().zip(inputs).enumerate() {
            let policies = &served.zone.policies;
            for (slot, &target) in given.targets.iter().enumerate() {
                let used = (number as u32, slot as u32);
                self.uses.entry(target).or_default().push(used);
            }
            folds.push((!policies.is_empty()).then(|| {
                let statuses = given.targets.iter().map(|&target| status(target)).collect();
                let inputs = Inputs {
                    statuses,
                    switches: given.switches,
                    holds: given.holds,
                    leases: given.leases,
                };
                Arc::new(Fold::new(policies, inputs))
            }));
        }
        self.hand_down(&snapshot, &mut folds);
        let view = folds.iter().map(|fold| {
            fold.as_ref()
                .map_or_else(ZoneView::default, |fold| fold.view())
        });
        self.view = HealthView::new(view);
        self.folds = folds;
        self.snapshot = Arc::new(snapshot);
        let zones_changed = self.folds.len();
        self.publish(zones_changed)
    }

    /// Takes new statuses; publishes if any bit changed.
    pub fn observe(&mut self, changes: &[(TargetId, Status)]) -> Option<Published> {
        let mut by_zone: HashMap<u32, Vec<(u32, Status)>> = HashMap::new();
        for (target, status) in changes {
            for &(zone, slot) in self.uses.get(target).into_iter().flatten() {
                by_zone.entry(zone).or_default().push((slot, *status));
            }
        }
        let mut touched = Vec::new();
        for (zone, changes) in by_zone {
            let policies = &self.snapshot.zones[zone as usize].zone.policies;
            if let Some(fold) = &mut self.folds[zone as usize]
                && Arc::make_mut(fold).observe(policies, &changes)
            {
                touched.push(zone as usize);
            }
        }
        self.publish_zones(&touched)
    }

    /// Sets the switches and holds of a zone; publishes if any bit changed.
    pub fn hold(
        &mut self,
        zone: usize,
        switches: Vec<bool>,
        holds: Vec<Hold>,
    ) -> Option<Published> {
        let policies = &self.snapshot.zones.get(zone)?.zone.policies;
        let fold = self.folds.get_mut(zone)?.as_mut()?;
        if !Arc::make_mut(fold).hold(policies, switches, holds) {
            return None;
        }
        self.publish_zones(&[zone])
    }

    /// Takes the seconds that leases of zones still last; publishes if any answer could change.
    pub fn lease(&mut self, leases: &[(usize, Arc<[u32]>)]) -> Option<Published> {
        let mut touched = Vec::new();
        for (zone, left) in leases {
            if let Some(Some(fold)) = self.folds.get_mut(*zone)
                && Arc::make_mut(fold).lease(left)
            {
                touched.push(*zone);
            }
        }
        self.publish_zones(&touched)
    }

    pub(super) fn publish_zones(&mut self, zones: &[usize]) -> Option<Published> {
        if zones.is_empty() {
            return None;
        }
        let mut changed = Vec::with_capacity(zones.len());
        for &zone in zones {
            if let Some(fold) = &mut self.folds[zone] {
                changed.push((zone, fold.view()));
                self.is_unsaved |= Arc::make_mut(fold).take_unsaved();
            }
        }
        self.view.replace(changed);
        Some(self.publish(zones.len()))
    }

    fn publish(&mut self, zones_changed: usize) -> Published {
        self.generation += 1;
        let world = World {
            snapshot: Arc::clone(&self.snapshot),
            view: self.view.clone(),
            serving: Arc::clone(&self.serving),
            generation: self.generation,
        };
        self.retired.replace(&self.current, Arc::new(world));
        Published {
            generation: self.generation,
            zones_changed,
        }
    }

    /// Frees worlds that no reader holds any more; call about once a second. Returns how many are still held.
    pub fn sweep(&mut self) -> usize {
        self.retired.sweep()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::compile::compile_zone;
    use crate::config::{Files, read_zone};
    use crate::diagnostic::Source;
    use crate::geo::Locations;
    use crate::zone::ServedZone;

    struct NoFiles;

    impl Files for NoFiles {
        fn read(&self, _: &Path) -> Result<String, String> {
            Err("there is none".to_owned())
        }
    }

    /// A zone with one failover of two targets.
    fn zone(number: u8, locations: &Locations) -> ServedZone {
        let text = format!(
            "zone = \"z{number}.example\"\n\
             [checks.tcp]\ntype = \"tcp\"\nport = 80\n\
             [pools]\na = {{ check = \"tcp\", members = [\"192.0.2.1\"] }}\n\
             b = {{ check = \"tcp\", members = [\"192.0.2.2\"] }}\n\
             [names]\n\"@\".NS = \"ns.example.net.\"\n\
             www = {{ failover = [\"a\", \"b\"], failback = \"manual\" }}\n"
        );
        let path = "zone.toml".into();
        let (model, found) = read_zone(&Source { path, text }, &NoFiles);
        let model = model.unwrap_or_else(|| panic!("{found:?}"));
        ServedZone::new(compile_zone(&model, 1).expect("a small zone"), locations)
    }

    #[test]
    fn a_flip_in_one_zone_shares_the_views_of_all_others() {
        let locations = Arc::new(Locations::unknown());
        let served: Vec<ServedZone> = (0..3).map(|number| zone(number, &locations)).collect();
        let inputs = (0..).zip(&served).map(|(number, served)| ZoneInputs {
            targets: vec![TargetId(2 * number), TargetId(2 * number + 1)],
            holds: served.zone.policies.holds.to_vec(),
            ..ZoneInputs::default()
        });
        let inputs = inputs.collect();
        let mut publisher = Publisher::new(Snapshot::new(Vec::new(), Arc::clone(&locations)));
        publisher.replace(Snapshot::new(served, locations), inputs, |_| {
            Status::Healthy
        });
        let current = publisher.current();
        let before = current.load();
        let published = publisher.observe(&[(TargetId(2), Status::Unhealthy)]);
        assert_eq!(published.map(|published| published.zones_changed), Some(1));
        let after = current.load();
        for (number, (old, new)) in before.view.zones.iter().zip(&*after.view.zones).enumerate() {
            assert_eq!(Arc::ptr_eq(old, new), number != 1, "view of zone {number}");
            assert_eq!(old == new, number != 1, "bits of zone {number}");
        }
        assert!(
            publisher.is_unsaved(),
            "the active tier must survive a restart"
        );
    }
}
