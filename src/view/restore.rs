//! History of folds over changes of inputs, ticks, reloads and restarts.
//!
//! In: folds before and after a change, the time, saved states. Out: folds with the policy state that follows, states
//! to save. Never here: what the history holds (see [`super::tracker`]), files.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::{Moment, WallTime};
use crate::health::TIERS_MAX;
use crate::zone::{Hold, NodeId, NodeKind, Policies};

use super::bits::Layer;
use super::fold::Fold;
use super::inputs::Inputs;
use super::tracker::{PolicyTracker, ZoneTick, has_candidate};

/// State of a node that outlives reloads and restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SavedNode {
    /// The active tier of a failover; `office` in state files.
    #[serde(rename = "office")]
    ActiveTier {
        /// Owner or pool, type and key path.
        key: String,
        /// Label of the tier.
        tier: String,
        /// Time when it became the active one, milliseconds since the Unix epoch.
        since_ms: i64,
        /// Time since which each tier is healthy without a break, by label. Not over restarts: no probe ran meanwhile.
        #[serde(skip)]
        calm: Vec<(Box<str>, Moment)>,
    },
    /// The members that were healthy last, of a node that has none now.
    Last {
        /// Owner or pool, type and key path.
        key: String,
        /// Pool and member as text.
        members: Vec<(String, String)>,
    },
}

impl Fold {
    /// Starts a history, if the policies of the zone need one.
    pub fn begin_tracking(&mut self, policies: &Policies, now: Moment, wall: WallTime) {
        if policies.need_policy_state() {
            let tracker = PolicyTracker::new(policies, &self.layers[0], now, wall);
            self.tracker = Some(Box::new(tracker));
            self.update_policy_state(policies);
        }
    }

    /// Folds the same inputs and the same history anew; the view is the same.
    pub fn refolded(&self, policies: &Policies) -> Self {
        let mut fold = Self::new(policies, self.inputs.clone());
        fold.tracker.clone_from(&self.tracker);
        fold.update_policy_state(policies);
        fold
    }

    /// Takes new switches and holds; returns whether the view changed.
    pub fn hold(&mut self, policies: &Policies, switches: Vec<bool>, holds: Vec<Hold>) -> bool {
        if self.inputs.switches == switches && self.inputs.holds == holds {
            return false;
        }
        let inputs = Inputs {
            statuses: std::mem::take(&mut self.inputs.statuses),
            switches,
            holds,
            leases: self.inputs.leases.take(),
        };
        *self = self.with(policies, inputs);
        true
    }

    /// Makes the fold that would follow if other inputs came now; what is held stays held.
    pub fn supposing(&self, policies: &Policies, inputs: &Inputs) -> Self {
        if *inputs == self.inputs {
            return self.clone();
        }
        self.with(policies, inputs.clone())
    }

    fn with(&self, policies: &Policies, inputs: Inputs) -> Self {
        let mut fold = Self::new(policies, inputs);
        fold.tracker.clone_from(&self.tracker);
        fold.track(policies, &self.layers[0]);
        fold
    }

    /// Takes a change of bits into the history.
    pub(super) fn track(&mut self, policies: &Policies, before: &Arc<Layer>) {
        if let Some(tracker) = &mut self.tracker {
            tracker.follow(policies, before, &self.layers[0]);
            self.update_policy_state(policies);
        }
    }

    /// Follows a tick; returns whether the view changed.
    pub fn tick(&mut self, policies: &Policies, tick: &ZoneTick<'_>) -> bool {
        let Some(tracker) = &mut self.tracker else {
            return false;
        };
        tracker.tick(policies, &self.layers[0], &self.inputs, tick);
        self.update_policy_state(policies)
    }

    /// Makes the first healthy tiers the active ones in the failovers of an owner or pool (`pool:x`). Returns in how many
    /// another was, or `None` if there is no failback at that place.
    pub fn release(&mut self, policies: &Policies, place: &str) -> Option<usize> {
        let tracker = self.tracker.as_mut()?;
        let named: Vec<u32> = (0..policies.failbacks.len() as u32)
            .filter(|&number| policies.failbacks[number as usize].place == place)
            .collect();
        if named.is_empty() {
            return None;
        }
        let layer = &self.layers[0];
        let released = named
            .iter()
            .filter(|&&number| tracker.release(policies, layer, number))
            .count();
        self.update_policy_state(policies);
        Some(released)
    }

    /// Returns, once, whether something changed that must survive a restart.
    pub fn take_unsaved(&mut self) -> bool {
        let tracker = self.tracker.as_mut();
        tracker.is_some_and(|tracker| std::mem::take(&mut tracker.is_unsaved))
    }

    fn update_policy_state(&mut self, policies: &Policies) -> bool {
        let state = self
            .tracker
            .as_ref()
            .map(|tracker| tracker.policy_state(policies, &self.layers[0]));
        if state.as_ref() == self.policy_state.as_deref() {
            return false;
        }
        self.policy_state = state.map(Arc::new);
        true
    }

    /// Takes over the history of a fold of the very same policies.
    pub fn inherit(&mut self, policies: &Policies, before: &Self) {
        self.tracker.clone_from(&before.tracker);
        self.track(policies, &before.layers[0]);
    }

    /// Lists the states that must survive a reload or restart.
    pub fn save(&self, policies: &Policies) -> Vec<SavedNode> {
        let Some(tracker) = &self.tracker else {
            return Vec::new();
        };
        let failbacks = policies.failbacks.iter().zip(&tracker.failbacks);
        let mut saved: Vec<SavedNode> = failbacks
            .map(|(failback, state)| SavedNode::ActiveTier {
                key: failback.key.clone(),
                tier: failback.tiers[usize::from(state.tier)].to_string(),
                since_ms: state.since.millis(),
                calm: failback
                    .tiers
                    .iter()
                    .zip(state.healthy_since)
                    .filter_map(|(tier, since)| Some((tier.clone(), since?)))
                    .collect(),
            })
            .collect();
        for (known, last) in policies.lasts.iter().zip(&tracker.last_known) {
            let Some(layer) = last else { continue };
            let mut members = members_below(policies, known.node);
            members.retain(|&member| layer.is_up(member));
            let label = |&member: &u32| {
                let label = &policies.labels[member as usize];
                (
                    policies.pools[label.pool as usize].clone(),
                    label.text.clone(),
                )
            };
            saved.push(SavedNode::Last {
                key: known.key.clone(),
                members: members.iter().map(label).collect(),
            });
        }
        saved
    }

    /// Takes states saved by other policies or an earlier run; those of nodes that are gone are passed over.
    pub fn restore(&mut self, policies: &Policies, saved: &[SavedNode]) {
        for node in saved {
            match node {
                SavedNode::ActiveTier {
                    key,
                    tier,
                    since_ms,
                    calm,
                } => {
                    let since = WallTime::from_millis(*since_ms);
                    self.restore_active_tier(policies, key, (tier, since), calm);
                }
                SavedNode::Last { key, members } => self.restore_last_known(policies, key, members),
            }
        }
        self.update_policy_state(policies);
    }

    fn restore_active_tier(
        &mut self,
        policies: &Policies,
        key: &str,
        (tier, since): (&str, WallTime),
        calm: &[(Box<str>, Moment)],
    ) {
        let number = policies
            .failbacks
            .iter()
            .position(|failback| failback.key == key);
        let (Some(number), Some(tracker)) = (number, &mut self.tracker) else {
            return;
        };
        let tiers = &policies.failbacks[number].tiers;
        let state = &mut tracker.failbacks[number];
        for (at, label) in tiers.iter().enumerate().take(TIERS_MAX) {
            let known = calm.iter().find(|(known, _)| known == label);
            if let (Some(now), Some((_, then))) = (&mut state.healthy_since[at], known) {
                *now = (*now).min(*then);
            }
        }
        let at = tiers.iter().position(|label| **label == *tier);
        // A tier that is out is the active one no longer, unless all are out: then it stays (rule a41).
        let are_all_out = state.healthy_since.iter().all(Option::is_none);
        if let Some(at) = at.filter(|&at| are_all_out || state.healthy_since[at].is_some()) {
            state.tier = at as u8;
            state.since = since;
        }
    }

    fn restore_last_known(&mut self, policies: &Policies, key: &str, members: &[(String, String)]) {
        let number = policies.lasts.iter().position(|known| known.key == key);
        let (Some(number), Some(tracker)) = (number, &mut self.tracker) else {
            return;
        };
        let node = policies.lasts[number].node;
        if has_candidate(policies, &self.layers[0], node) {
            return;
        }
        let mut inputs = self.inputs.clone();
        for member in members_below(policies, node) {
            let label = &policies.labels[member as usize];
            let pool = &policies.pools[label.pool as usize];
            let was_up = members
                .iter()
                .any(|(of, text)| of == pool && *text == label.text);
            inputs.holds[member as usize] = if was_up { Hold::Up } else { Hold::Failing };
        }
        let layer = Arc::clone(&Self::new(policies, inputs).layers[0]);
        tracker.last_known[number] = has_candidate(policies, &layer, node).then_some(layer);
    }
}

/// Lists the members that a node leads to, by its branches.
fn members_below(policies: &Policies, id: NodeId) -> Vec<u32> {
    let (mut members, mut open) = (Vec::new(), vec![id]);
    while let Some(id) = open.pop() {
        let Some(node) = policies.nodes.get(id as usize) else {
            continue;
        };
        let children = node.first..node.first + u32::from(node.n);
        if node.kind == NodeKind::Pool {
            for run in children {
                let run = &policies.runs[run as usize];
                members.extend(run.first_bit..run.first_bit + u32::from(run.len));
            }
        } else {
            open.extend(children);
        }
    }
    members.sort_unstable();
    members.dedup();
    members
}
