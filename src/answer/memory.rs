//! What the writer of a view remembers: tiers in office, what was healthy last, who came back when.
//!
//! In: bits before and after a change, the time, how targets do. Out: a [`Judgement`]. Never here: clocks, files; deciding.
//! A judgement follows from memory and bits alone: made anew from both it is the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Moment, WallTime};
use crate::health::{Incumbent, RAMP_STEPS, ramp_tenths, release, step_failback};
use crate::zone::{NodeId, NodeKind, Policies, RootId, RunId};

use super::horizon::horizons;
use super::judgement::{Horizon, Judgement, Office};
use super::shares::{RunShares, Soft};
use super::view::{Inputs, Layer};

/// What the passing of time brings for one zone.
pub struct Turn<'a> {
    /// The time.
    pub now: Moment,
    /// The civil time.
    pub wall: WallTime,
    /// How soon a target, by slot, could change its status.
    pub turns_in: &'a dyn Fn(u32) -> Duration,
    /// Percent of their weight that members of a target, by slot, keep while it is degraded.
    pub degraded: &'a dyn Fn(u32) -> Option<u8>,
    /// How long until the next maintenance of the zone begins.
    pub planned_in: Option<Duration>,
    /// How long until any maintenance of the zone begins or ends.
    pub changes_in: Option<Duration>,
}

/// What is remembered for one zone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    pub(super) now: Moment,
    pub(super) wall: WallTime,
    /// By failback.
    pub(super) incumbents: Vec<Incumbent>,
    /// By number; `None` while a candidate is healthy, and where nothing is known.
    pub(super) lasts: Vec<Option<Arc<Layer>>>,
    /// Members on their ramp, and since when.
    pub(super) healed: BTreeMap<u32, Moment>,
    /// Members of degraded targets, and the percent of their weight that is left.
    pub(super) degraded: BTreeMap<u32, u8>,
    horizons: Vec<(RootId, Horizon)>,
    /// Whether something changed that must survive a restart, and nobody was told yet.
    pub(super) is_news: bool,
}

impl Memory {
    /// Starts with the bits of a fold: nothing is held, nobody is on a ramp.
    pub(super) fn new(policies: &Policies, layer: &Layer, now: Moment, wall: WallTime) -> Self {
        let incumbents = (0..policies.failbacks.len() as u32)
            .map(|number| Incumbent::new(healthy_tiers(policies, layer, number), now, wall));
        Self {
            now,
            wall,
            incumbents: incumbents.collect(),
            lasts: vec![None; policies.lasts.len()],
            ..Self::default()
        }
    }

    /// Follows bits that changed.
    pub(super) fn follow(&mut self, policies: &Policies, before: &Arc<Layer>, after: &Layer) {
        self.step(policies, after);
        for (last, known) in self.lasts.iter_mut().zip(&policies.lasts) {
            if has_candidate(policies, after, known.node) {
                self.is_news |= last.take().is_some();
            } else if has_candidate(policies, before, known.node) {
                *last = Some(Arc::clone(before));
                self.is_news = true;
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

    /// Lets time pass.
    pub(super) fn pass(
        &mut self,
        policies: &Policies,
        layer: &Layer,
        inputs: &Inputs,
        turn: &Turn<'_>,
    ) {
        (self.now, self.wall) = (turn.now, turn.wall);
        self.step(policies, layer);
        let now = self.now;
        self.healed
            .retain(|&member, healed| tenths(policies, member, *healed, now) < RAMP_STEPS);
        self.degraded.clear();
        if !policies.soft_members.is_empty() {
            for slot in 0..policies.targets.len() as u32 {
                let Some(percent) = (turn.degraded)(slot) else {
                    continue;
                };
                for &member in policies.soft_members.row(slot) {
                    let left = self.degraded.entry(member).or_insert(100);
                    *left = percent.min(*left);
                }
            }
        }
        self.horizons = horizons(policies, layer, inputs, self, turn);
    }

    fn step(&mut self, policies: &Policies, layer: &Layer) {
        for (number, failback) in policies.failbacks.iter().enumerate() {
            let healthy = healthy_tiers(policies, layer, number as u32);
            let state = self.incumbents[number].clone();
            let before = state.tier;
            let state = step_failback(&failback.rule, state, healthy, self.now, self.wall);
            self.is_news |= state.tier != before;
            self.incumbents[number] = state;
        }
    }

    /// Lets the first healthy tier of a failback take over; says whether that changed anything.
    pub(super) fn release(&mut self, policies: &Policies, layer: &Layer, number: u32) -> bool {
        let healthy = healthy_tiers(policies, layer, number);
        let state = &mut self.incumbents[number as usize];
        let before = state.tier;
        *state = release(state.clone(), healthy, self.wall);
        let is_released = state.tier != before;
        self.is_news |= is_released;
        is_released
    }

    /// Returns the state of a failback, and its healthy tiers.
    pub(super) fn incumbent(
        &self,
        policies: &Policies,
        layer: &Layer,
        number: u32,
    ) -> (&Incumbent, u16) {
        let healthy = healthy_tiers(policies, layer, number);
        (&self.incumbents[number as usize], healthy)
    }

    /// Says what follows from memory and bits.
    pub(super) fn judgement(&self, policies: &Policies, layer: &Layer) -> Judgement {
        let office = |(number, state): (usize, &Incumbent)| Office {
            tier: state.tier,
            is_held: state.is_held(healthy_tiers(policies, layer, number as u32)),
            since: state.since,
        };
        Judgement {
            incumbents: self.incumbents.iter().enumerate().map(office).collect(),
            lasts: self.lasts.clone().into(),
            shares: self.shares(policies, layer),
            horizons: self.horizons.clone().into(),
        }
    }

    fn shares(&self, policies: &Policies, layer: &Layer) -> Box<[(RunId, Arc<RunShares>)]> {
        let soft = self.healed.keys().chain(self.degraded.keys());
        let mut runs: Vec<RunId> = soft
            .map(|&member| policies.run_of_member[member as usize])
            .collect();
        runs.sort_unstable();
        runs.dedup();
        let shares = runs.into_iter().filter_map(|id| {
            let run = &policies.runs[id as usize];
            let members = run.first_bit..run.first_bit + u32::from(run.len);
            let soft: Vec<Soft> = members.map(|member| self.soft(policies, member)).collect();
            Some((id, Arc::new(RunShares::of(policies, run, layer, &soft)?)))
        });
        shares.collect()
    }

    fn soft(&self, policies: &Policies, member: u32) -> Soft {
        let healed = self.healed.get(&member);
        Soft {
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

/// Says whether a node has a healthy candidate, its gate apart.
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
