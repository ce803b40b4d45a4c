//! The history that policies of a zone depend on: active tiers, last known members, ramps, degraded members.
//!
//! In: bits before and after a change, the time, how soon targets could change. Out: a [`PolicyState`]. Never here: clocks,
//! files, decisions. A policy state follows from tracker and bits alone: made anew from both it is the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Moment, WallTime};
use crate::health::{FailbackState, RAMP_STEPS, ramp_tenths, release, step_failback};
use crate::zone::{NodeId, NodeKind, Policies, RootId, RunId};

use super::bits::Layer;
use super::horizon::horizons;
use super::inputs::Inputs;
use super::policy_state::{ActiveTier, Horizon, PolicyState};
use super::ramp_weights::{ReducedWeight, RunWeights};

/// A tick of the clock for one zone.
pub struct ZoneTick<'a> {
    /// The time.
    pub now: Moment,
    /// The civil time.
    pub wall: WallTime,
    /// Least time until a target, by slot, could change its status.
    pub turns_in: &'a dyn Fn(u32) -> Duration,
    /// Percent of their weight that members of a target, by slot, keep while it is degraded.
    pub degraded: &'a dyn Fn(u32) -> Option<u8>,
    /// Time until the next maintenance of the zone begins.
    pub planned_in: Option<Duration>,
    /// Time until any maintenance of the zone begins or ends.
    pub changes_in: Option<Duration>,
}

/// Tracked history of one zone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PolicyTracker {
    pub(super) now: Moment,
    pub(super) wall: WallTime,
    /// State of each failback, by number.
    pub(super) failbacks: Vec<FailbackState>,
    /// Bits when a candidate was healthy last, by number; `None` while one is, and where health is unknown.
    pub(super) last_known: Vec<Option<Arc<Layer>>>,
    /// Members on their ramp, and when each healed.
    pub(super) healed: BTreeMap<u32, Moment>,
    /// Members of degraded targets, and the percent of their weight that is left.
    pub(super) degraded: BTreeMap<u32, u8>,
    horizons: Vec<(RootId, Horizon)>,
    /// True if something changed that must survive a restart and was not reported yet.
    pub(super) is_unsaved: bool,
}

impl PolicyTracker {
    /// Starts with the bits of a fold: no tier is held, no member is on a ramp.
    pub(super) fn new(policies: &Policies, layer: &Layer, now: Moment, wall: WallTime) -> Self {
        let failbacks = (0..policies.failbacks.len() as u32)
            .map(|number| FailbackState::new(healthy_tiers(policies, layer, number), now, wall));
        Self {
            now,
            wall,
            failbacks: failbacks.collect(),
            last_known: vec![None; policies.lasts.len()],
            ..Self::default()
        }
    }

    /// Follows bits that changed.
    pub(super) fn follow(&mut self, policies: &Policies, before: &Arc<Layer>, after: &Layer) {
        self.step(policies, after);
        for (last, known) in self.last_known.iter_mut().zip(&policies.lasts) {
            if has_candidate(policies, after, known.node) {
                self.is_unsaved |= last.take().is_some();
            } else if has_candidate(policies, before, known.node) {
                *last = Some(Arc::clone(before));
                self.is_unsaved = true;
            }
        }
        if policies.ramps.is_empty() {
            return;
        }
        for (word, (old, new)) in before.up.iter().zip(&after.up).enumerate() {
            let mut changed = old ^ new;
            while changed != 0 {
                let bit = changed.trailing_zeros();
                changed &= changed - 1;
                let member = word as u32 * 64 + bit;
                let has_ramp = policies
                    .ramps
                    .get(member as usize)
                    .is_some_and(|ramp| *ramp > 0);
                if new >> bit & 1 == 0 {
                    self.healed.remove(&member);
                } else if has_ramp {
                    self.healed.insert(member, self.now);
                }
            }
        }
    }

    /// Follows a tick: failbacks that are due, ramps, degraded members, horizons.
    pub(super) fn tick(
        &mut self,
        policies: &Policies,
        layer: &Layer,
        inputs: &Inputs,
        tick: &ZoneTick<'_>,
    ) {
        (self.now, self.wall) = (tick.now, tick.wall);
        self.step(policies, layer);
        let now = self.now;
        self.healed
            .retain(|&member, healed| tenths(policies, member, *healed, now) < RAMP_STEPS);
        self.degraded.clear();
        if !policies.soft_members.is_empty() {
            for slot in 0..policies.targets.len() as u32 {
                let Some(percent) = (tick.degraded)(slot) else {
                    continue;
                };
                for &member in policies.soft_members.row(slot) {
                    let left = self.degraded.entry(member).or_insert(100);
                    *left = percent.min(*left);
                }
            }
        }
        self.horizons = horizons(policies, layer, inputs, self, tick);
    }

    fn step(&mut self, policies: &Policies, layer: &Layer) {
        for (number, failback) in policies.failbacks.iter().enumerate() {
            let healthy = healthy_tiers(policies, layer, number as u32);
            let state = self.failbacks[number].clone();
            let before = state.tier;
            let state = step_failback(&failback.rule, state, healthy, self.now, self.wall);
            self.is_unsaved |= state.tier != before;
            self.failbacks[number] = state;
        }
    }

    /// Makes the first healthy tier of a failback the active one; returns whether another was before.
    pub(super) fn release(&mut self, policies: &Policies, layer: &Layer, number: u32) -> bool {
        let healthy = healthy_tiers(policies, layer, number);
        let state = &mut self.failbacks[number as usize];
        let before = state.tier;
        *state = release(state.clone(), healthy, self.wall);
        let is_released = state.tier != before;
        self.is_unsaved |= is_released;
        is_released
    }

    /// Returns the state of a failback, and its healthy tiers.
    pub(super) fn failback(
        &self,
        policies: &Policies,
        layer: &Layer,
        number: u32,
    ) -> (&FailbackState, u16) {
        let healthy = healthy_tiers(policies, layer, number);
        (&self.failbacks[number as usize], healthy)
    }

    /// Makes the policy state that follows from history and bits.
    pub(super) fn policy_state(&self, policies: &Policies, layer: &Layer) -> PolicyState {
        let active_tier = |(number, state): (usize, &FailbackState)| ActiveTier {
            tier: state.tier,
            is_held: state.is_held(healthy_tiers(policies, layer, number as u32)),
            since: state.since,
        };
        PolicyState {
            active_tiers: self.failbacks.iter().enumerate().map(active_tier).collect(),
            last_known: self.last_known.clone().into(),
            run_weights: self.run_weights(policies, layer),
            horizons: self.horizons.clone().into(),
        }
    }

    fn run_weights(&self, policies: &Policies, layer: &Layer) -> Box<[(RunId, Arc<RunWeights>)]> {
        let members = self.healed.keys().chain(self.degraded.keys());
        let mut runs: Vec<RunId> = members
            .map(|&member| policies.run_of_member[member as usize])
            .collect();
        runs.sort_unstable();
        runs.dedup();
        let weights = runs.into_iter().filter_map(|id| {
            let run = &policies.runs[id as usize];
            let members = run.first_bit..run.first_bit + u32::from(run.len);
            let reduced: Vec<ReducedWeight> = members
                .map(|member| self.reduced(policies, member))
                .collect();
            let weights = RunWeights::of(policies, run, layer, &reduced)?;
            Some((id, Arc::new(weights)))
        });
        weights.collect()
    }

    fn reduced(&self, policies: &Policies, member: u32) -> ReducedWeight {
        let healed = self.healed.get(&member);
        ReducedWeight {
            percent: self.degraded.get(&member).copied().unwrap_or(100),
            tenths: healed.map_or(RAMP_STEPS, |&healed| {
                tenths(policies, member, healed, self.now)
            }),
        }
    }
}

fn tenths(policies: &Policies, member: u32, healed: Moment, now: Moment) -> u8 {
    let ramp = policies.ramps.get(member as usize).copied().unwrap_or(0);
    ramp_tenths(healed, Duration::from_millis(ramp.into()), now)
}

/// Returns a bit for each healthy tier of a failback.
fn healthy_tiers(policies: &Policies, layer: &Layer, number: u32) -> u16 {
    let failback = &policies.failbacks[number as usize];
    let Some(node) = policies.nodes.get(failback.node as usize) else {
        return 0;
    };
    layer.alive_word(node.first, u32::from(node.n).min(16)) as u16
}

/// Returns whether a node has a healthy candidate, its gate apart.
pub(super) fn has_candidate(policies: &Policies, layer: &Layer, id: NodeId) -> bool {
    let Some(node) = policies.nodes.get(id as usize) else {
        return true;
    };
    let mut children = node.first..node.first + u32::from(node.n);
    if node.kind == NodeKind::Pool {
        return children.any(|run| {
            let run = &policies.runs[run as usize];
            (0..u32::from(run.len)).any(|member| layer.is_up(run.first_bit + member))
        });
    }
    children.any(|child| layer.is_alive(child))
}
