//! A fold that remembers: what was carries over changes of bits, reloads and restarts.
//!
//! In: folds before and after a change, the time, saved states. Out: a fold whose view says what follows. Never here: what
//! is remembered (see [`super::memory`]), files.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::{Moment, WallTime};
use crate::health::TIERS_MAX;
use crate::zone::{Hold, NodeId, NodeKind, Policies};

use super::memory::{Memory, Turn, has_candidate};
use super::view::{Fold, Inputs, Layer};

/// What is kept of a node over reloads and restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SavedNode {
    /// The tier in office of a failover.
    Office {
        /// Owner or pool, type and key path.
        key: String,
        /// Label of the tier.
        tier: String,
        /// Since when, milliseconds since the Unix epoch.
        since_ms: i64,
        /// Since when each tier is healthy without a break, by label. Not over restarts: nobody watched meanwhile.
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
    /// Starts to remember, where the zone asks for it.
    pub fn begin_memory(&mut self, policies: &Policies, now: Moment, wall: WallTime) {
        if policies.is_judged() {
            let memory = Memory::new(policies, &self.layers[0], now, wall);
            self.memory = Some(Box::new(memory));
            self.judge_anew(policies);
        }
    }

    /// Folds the same inputs and the same memory anew; the view is the same.
    pub fn refolded(&self, policies: &Policies) -> Self {
        let mut fold = Self::new(policies, self.inputs.clone());
        fold.memory.clone_from(&self.memory);
        fold.judge_anew(policies);
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

    /// Says what would follow if other inputs came now; what is held stays held.
    pub fn supposing(&self, policies: &Policies, inputs: &Inputs) -> Self {
        if *inputs == self.inputs {
            return self.clone();
        }
        self.with(policies, inputs.clone())
    }

    fn with(&self, policies: &Policies, inputs: Inputs) -> Self {
        let mut fold = Self::new(policies, inputs);
        fold.memory.clone_from(&self.memory);
        fold.remember(policies, &self.layers[0]);
        fold
    }

    /// Remembers what a change of bits means.
    pub(super) fn remember(&mut self, policies: &Policies, before: &Arc<Layer>) {
        if let Some(memory) = &mut self.memory {
            memory.follow(policies, before, &self.layers[0]);
            self.judge_anew(policies);
        }
    }

    /// Lets time pass; returns whether the view changed.
    pub fn pass(&mut self, policies: &Policies, turn: &Turn<'_>) -> bool {
        let Some(memory) = &mut self.memory else {
            return false;
        };
        memory.pass(policies, &self.layers[0], &self.inputs, turn);
        self.judge_anew(policies)
    }

    /// Lets the first healthy tiers take over in the failovers of an owner or pool (`pool:x`). Returns how many stood
    /// elsewhere, or `None` if there is none at that place.
    pub fn release(&mut self, policies: &Policies, place: &str) -> Option<usize> {
        let memory = self.memory.as_mut()?;
        let named: Vec<u32> = (0..policies.failbacks.len() as u32)
            .filter(|&number| policies.failbacks[number as usize].place == place)
            .collect();
        if named.is_empty() {
            return None;
        }
        let layer = &self.layers[0];
        let released = named
            .iter()
            .filter(|&&number| memory.release(policies, layer, number))
            .count();
        self.judge_anew(policies);
        Some(released)
    }

    /// Says, once, that something changed which must survive a restart.
    pub fn take_news(&mut self) -> bool {
        let memory = self.memory.as_mut();
        memory.is_some_and(|memory| std::mem::take(&mut memory.is_news))
    }

    fn judge_anew(&mut self, policies: &Policies) -> bool {
        let judgement = self
            .memory
            .as_ref()
            .map(|memory| memory.judgement(policies, &self.layers[0]));
        if judgement.as_ref() == self.judgement.as_deref() {
            return false;
        }
        self.judgement = judgement.map(Arc::new);
        true
    }

    /// Takes over the memory of a fold of the very same policies.
    pub fn inherit(&mut self, policies: &Policies, before: &Self) {
        self.memory.clone_from(&before.memory);
        self.remember(policies, &before.layers[0]);
    }

    /// Writes down what must survive a reload or restart.
    pub fn save(&self, policies: &Policies) -> Vec<SavedNode> {
        let Some(memory) = &self.memory else {
            return Vec::new();
        };
        let offices = policies.failbacks.iter().zip(&memory.incumbents);
        let mut saved: Vec<SavedNode> = offices
            .map(|(failback, state)| SavedNode::Office {
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
        for (known, last) in policies.lasts.iter().zip(&memory.lasts) {
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

    /// Takes what was saved by other policies or an earlier run; what is not there any more is passed over.
    pub fn restore(&mut self, policies: &Policies, saved: &[SavedNode]) {
        for node in saved {
            match node {
                SavedNode::Office {
                    key,
                    tier,
                    since_ms,
                    calm,
                } => {
                    let since = WallTime::from_millis(*since_ms);
                    self.restore_office(policies, key, (tier, since), calm);
                }
                SavedNode::Last { key, members } => self.restore_last(policies, key, members),
            }
        }
        self.judge_anew(policies);
    }

    fn restore_office(
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
        let (Some(number), Some(memory)) = (number, &mut self.memory) else {
            return;
        };
        let tiers = &policies.failbacks[number].tiers;
        let state = &mut memory.incumbents[number];
        for (at, label) in tiers.iter().enumerate().take(TIERS_MAX) {
            let known = calm.iter().find(|(known, _)| known == label);
            if let (Some(now), Some((_, then))) = (&mut state.healthy_since[at], known) {
                *now = (*now).min(*then);
            }
        }
        let at = tiers.iter().position(|label| **label == *tier);
        // A tier that is out has left office meanwhile, unless all are: then it stays (rule a41).
        let is_nobody = state.healthy_since.iter().all(Option::is_none);
        if let Some(at) = at.filter(|&at| is_nobody || state.healthy_since[at].is_some()) {
            state.tier = at as u8;
            state.since = since;
        }
    }

    fn restore_last(&mut self, policies: &Policies, key: &str, members: &[(String, String)]) {
        let number = policies.lasts.iter().position(|known| known.key == key);
        let (Some(number), Some(memory)) = (number, &mut self.memory) else {
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
        memory.lasts[number] = has_candidate(policies, &layer, node).then_some(layer);
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
