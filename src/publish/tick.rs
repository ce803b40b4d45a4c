//! The tick of all views: failbacks that are due, ramps, horizons; and the policy state that outlives reloads and restarts.
//!
//! In: the time, targets, maintenance ahead; states that an earlier run saved. Out: publications. Never here: what a tick
//! changes in a view (see [`Fold::tick`]), files, clocks.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Moment, WallTime};
use crate::health::Targets;
use crate::view::{ActiveTier, Fold, SavedNode, ZoneTick};
use crate::wire::Name;
use crate::zone::Snapshot;

use super::publisher::{Published, Publisher};

/// A tick of the clock.
pub struct Tick<'a> {
    /// The time.
    pub now: Moment,
    /// The civil time.
    pub wall: WallTime,
    /// All targets.
    pub targets: &'a Targets,
    /// Time until the next maintenance of a zone, by number, begins; and until any begins or ends.
    pub maintenance: &'a dyn Fn(usize) -> (Option<Duration>, Option<Duration>),
}

/// Saved policy state of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedZone {
    /// Apex of the zone.
    pub zone: String,
    /// States of its nodes.
    pub nodes: Vec<SavedNode>,
}

/// A failover that does not answer its first healthy tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldNode {
    /// Number of the zone.
    pub zone: usize,
    /// Number of the failback.
    pub failback: u32,
    /// The tier that it answers from.
    pub active: ActiveTier,
}

/// Lists the failovers of folds that are held: an earlier tier is healthy and waits.
pub fn held_nodes(folds: &[Option<Arc<Fold>>]) -> Vec<HeldNode> {
    let mut held = Vec::new();
    for (zone, fold) in folds.iter().enumerate() {
        let Some(state) = fold.as_ref().and_then(|fold| fold.policy_state()) else {
            continue;
        };
        for (number, active) in state.active_tiers.iter().enumerate() {
            if active.is_held {
                held.push(HeldNode {
                    zone,
                    failback: number as u32,
                    active: *active,
                });
            }
        }
    }
    held
}

impl Publisher {
    /// Sets the time for all that follows.
    pub fn at(&mut self, now: Moment, wall: WallTime) {
        (self.now, self.wall) = (now, wall);
    }

    /// Follows a tick in every zone; publishes if an answer could change. Call it about once a second.
    pub fn tick(&mut self, tick: &Tick<'_>) -> Option<Published> {
        self.at(tick.now, tick.wall);
        let mut touched = Vec::new();
        for (zone, fold) in self.folds.iter_mut().enumerate() {
            let policies = &self.snapshot.zones[zone].zone.policies;
            let Some(fold) = fold.as_mut().filter(|_| policies.need_policy_state()) else {
                continue;
            };
            let slots = &self.slots[zone];
            let row = |slot: u32| tick.targets.row(slots[slot as usize]);
            let (planned_in, changes_in) = (tick.maintenance)(zone);
            let zone_tick = ZoneTick {
                now: tick.now,
                wall: tick.wall,
                turns_in: &|slot| {
                    row(slot).map_or(Duration::ZERO, |row| {
                        let target = row.target;
                        row.state.turns_in(&target.damping, target.probe.interval)
                    })
                },
                degraded: &|slot| {
                    let row = row(slot)?;
                    let rule = row.target.damping.degraded?;
                    let is_degraded = row.state.is_degraded(&row.target.damping);
                    is_degraded.then_some(rule.weight_percent)
                },
                planned_in,
                changes_in,
            };
            if Arc::make_mut(fold).tick(policies, &zone_tick) {
                touched.push(zone);
            }
        }
        self.publish_zones(&touched)
    }

    /// Ends the holds of the failovers of an owner or pool of a zone. Returns the number that changed their tier, or
    /// `None` if there is no failback to release.
    pub fn release(&mut self, zone: usize, place: &str) -> Option<usize> {
        let policies = &self.snapshot.zones.get(zone)?.zone.policies;
        let fold = self.folds.get_mut(zone)?.as_mut()?;
        let released = Arc::make_mut(fold).release(policies, place)?;
        self.publish_zones(&[zone]);
        Some(released)
    }

    /// Says whether policy state changed since the last save.
    pub fn is_unsaved(&self) -> bool {
        self.is_unsaved
    }

    /// Clears the mark of [`Self::is_unsaved`] once the policy state was saved.
    pub fn mark_saved(&mut self) {
        self.is_unsaved = false;
    }

    /// Lists the policy state that must survive a restart.
    pub fn save(&self) -> Vec<SavedZone> {
        self.save_with(&[])
    }

    /// Lists the policy state that must survive a restart as it would be once failovers are released: numbers of zones,
    /// each with an owner or pool.
    pub fn save_with(&self, released: &[(usize, &str)]) -> Vec<SavedZone> {
        let zones = self.snapshot.zones.iter().zip(&self.folds).enumerate();
        let mut saved: Vec<SavedZone> = zones
            .filter_map(|(number, (served, fold))| {
                let policies = &served.zone.policies;
                let mut fold = Cow::Borrowed(&**fold.as_ref()?);
                for (_, place) in released.iter().filter(|(zone, _)| *zone == number) {
                    // What has no failback any more has nothing to release.
                    let _ = fold.to_mut().release(policies, place);
                }
                let nodes = fold.save(policies);
                let zone = served.zone.apex().to_string();
                (!nodes.is_empty()).then_some(SavedZone { zone, nodes })
            })
            .collect();
        // A zone that is refused just now may come back.
        let unclaimed = self.saved.iter();
        saved.extend(unclaimed.map(|(zone, nodes)| SavedZone {
            zone: zone.clone(),
            nodes: nodes.clone(),
        }));
        saved
    }

    /// Takes the policy state that an earlier run saved; zones claim it when they are published.
    pub fn restore(&mut self, saved: Vec<SavedZone>) {
        self.saved
            .extend(saved.into_iter().map(|saved| (saved.zone, saved.nodes)));
    }

    /// Gives new folds the history of the ones before, or the policy state that an earlier run saved.
    pub(super) fn hand_down(&mut self, snapshot: &Snapshot, folds: &mut [Option<Arc<Fold>>]) {
        let zones = self.snapshot.zones.iter().enumerate();
        let before: HashMap<&Name, usize> = zones
            .map(|(number, served)| (served.zone.apex(), number))
            .collect();
        for (served, fold) in snapshot.zones.iter().zip(folds) {
            let policies = &served.zone.policies;
            let Some(fold) = fold.as_mut().filter(|_| policies.need_policy_state()) else {
                continue;
            };
            let fold = Arc::make_mut(fold);
            fold.begin_tracking(policies, self.now, self.wall);
            let known = before.get(served.zone.apex()).copied();
            let known = known.and_then(|number| Some((number, self.folds[number].as_ref()?)));
            if let Some((number, known)) = known {
                let old = &self.snapshot.zones[number].zone;
                if Arc::ptr_eq(old, &served.zone) {
                    fold.inherit(policies, known);
                } else {
                    fold.restore(policies, &known.save(&old.policies));
                }
            } else if let Some(saved) = self.saved.remove(&served.zone.apex().to_string()) {
                fold.restore(policies, &saved);
            }
        }
    }
}
