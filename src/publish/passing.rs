//! What time brings to views: failbacks that are due, ramps, horizons; and what of it outlives reloads and restarts.
//!
//! In: the time, targets, maintenance ahead; what an earlier run saved. Out: publications. Never here: what is remembered
//! (that is the fold's), files, clocks.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::answer::{Fold, Office, SavedNode, Turn};
use crate::clock::{Moment, WallTime};
use crate::health::{TargetId, Targets};
use crate::wire::Name;
use crate::zone::Snapshot;

use super::publisher::{Published, Publisher};

/// What is read when time passes.
pub struct Outlook<'a> {
    /// The time.
    pub now: Moment,
    /// The civil time.
    pub wall: WallTime,
    /// All targets.
    pub targets: &'a Targets,
    /// How long until the next maintenance of a zone, by number, begins; and until any begins or ends.
    pub maintenance: &'a dyn Fn(usize) -> (Option<Duration>, Option<Duration>),
}

/// What is saved of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedZone {
    /// Its apex.
    pub zone: String,
    /// What is remembered of its nodes.
    pub nodes: Vec<SavedNode>,
}

/// A failover that does not answer its first healthy tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldNode {
    /// Number of the zone.
    pub zone: usize,
    /// Number of the failback.
    pub failback: u32,
    /// The tier in office.
    pub office: Office,
}

impl Publisher {
    /// Says what time it is, for all that follows.
    pub fn at(&mut self, now: Moment, wall: WallTime) {
        (self.now, self.wall) = (now, wall);
    }

    /// Lets time pass; publishes if an answer follows from it. Call it about once a second.
    pub fn pass(&mut self, outlook: &Outlook<'_>) -> Option<Published> {
        self.at(outlook.now, outlook.wall);
        let mut touched = Vec::new();
        for (zone, fold) in self.folds.iter_mut().enumerate() {
            let policies = &self.snapshot.zones[zone].zone.policies;
            let Some(fold) = fold.as_mut().filter(|_| policies.is_judged()) else {
                continue;
            };
            let slots = &self.slots[zone];
            let row = |slot: u32| outlook.targets.row(slots[slot as usize]);
            let (planned_in, changes_in) = (outlook.maintenance)(zone);
            let turn = Turn {
                now: outlook.now,
                wall: outlook.wall,
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
            if fold.pass(policies, &turn) {
                touched.push(zone);
            }
        }
        self.publish_zones(&touched)
    }

    /// Ends what holds the failovers of an owner or pool of a zone. Returns how many changed their tier, or `None` if there
    /// is no failback to release.
    pub fn release(&mut self, zone: usize, place: &str) -> Option<usize> {
        let policies = &self.snapshot.zones.get(zone)?.zone.policies;
        let released = self
            .folds
            .get_mut(zone)?
            .as_mut()?
            .release(policies, place)?;
        self.publish_zones(&[zone]);
        Some(released)
    }

    /// Lists the failovers that are held: an earlier tier is healthy and waits.
    pub fn held(&self) -> Vec<HeldNode> {
        let mut held = Vec::new();
        for (zone, fold) in self.folds.iter().enumerate() {
            let view = fold.as_ref().map(Fold::view);
            let Some(judgement) = view.and_then(|view| view.judgement) else {
                continue;
            };
            for (number, office) in judgement.incumbents.iter().enumerate() {
                if office.is_held {
                    held.push(HeldNode {
                        zone,
                        failback: number as u32,
                        office: *office,
                    });
                }
            }
        }
        held
    }

    /// Returns a target by the number of its zone and its slot.
    pub fn target(&self, zone: usize, slot: u32) -> Option<TargetId> {
        self.slots.get(zone)?.get(slot as usize).copied()
    }

    /// Says whether something is remembered that was not written down yet, and should be soon.
    pub fn has_news(&self) -> bool {
        self.is_memory_new
    }

    /// Notes that what is remembered was written down.
    pub fn forget_news(&mut self) {
        self.is_memory_new = false;
    }

    /// Writes down what must survive a restart.
    pub fn save(&self) -> Vec<SavedZone> {
        self.save_with(&[])
    }

    /// Writes down what must survive a restart as it would be once failovers are released: numbers of zones, each with an
    /// owner or pool.
    pub fn save_with(&self, released: &[(usize, &str)]) -> Vec<SavedZone> {
        let zones = self.snapshot.zones.iter().zip(&self.folds).enumerate();
        let mut saved: Vec<SavedZone> = zones
            .filter_map(|(number, (served, fold))| {
                let policies = &served.zone.policies;
                let mut fold = Cow::Borrowed(fold.as_ref()?);
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

    /// Takes what an earlier run saved; zones claim it when they are published.
    pub fn restore(&mut self, saved: Vec<SavedZone>) {
        self.saved
            .extend(saved.into_iter().map(|saved| (saved.zone, saved.nodes)));
    }

    /// Gives new folds what the ones before remember, or what an earlier run saved.
    pub(super) fn hand_down(&mut self, snapshot: &Snapshot, folds: &mut [Option<Fold>]) {
        let zones = self.snapshot.zones.iter().enumerate();
        let before: HashMap<&Name, usize> = zones
            .map(|(number, served)| (served.zone.apex(), number))
            .collect();
        for (served, fold) in snapshot.zones.iter().zip(folds) {
            let policies = &served.zone.policies;
            let Some(fold) = fold.as_mut().filter(|_| policies.is_judged()) else {
                continue;
            };
            fold.begin_memory(policies, self.now, self.wall);
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
