//! The fold: statuses, switches and holds to a bit a member and a bit a node, in up to three layers (rule a12).
//!
//! In: statuses by target slot, switches, holds. Out: a [`ZoneView`]. Never here: the time (see [`super::tracker`]), saved
//! states.
//!
//! | Layer | Healthy means | Used |
//! |---|---|---|
//! | 0 | checks hold, not drained, not held down | always |
//! | 1 | as 0, drains ignored | last resort, first step |
//! | 2 | no operator holds it down | last resort, second step |
//!
//! Layers 1 and 2 exist only where something is held or switched; without them they equal layer 0 and "all".
//! [`Fold`] keeps the bits of formulas as well, and follows changes upward; folding anew gives the same bits.

use std::sync::Arc;

use crate::health::Status;
use crate::zone::{Condition, Hold, Node, NodeKind, Policies, Run};

use super::bits::{Layer, bit, next_set, set, words};
use super::inputs::Inputs;
use super::policy_state::PolicyState;
use super::tracker::PolicyTracker;
use super::zone_view::ZoneView;

/// Layers of a view.
const LAYERS_MAX: usize = 3;

/// Folds inputs into bits and follows changes.
#[derive(Clone, Debug)]
pub struct Fold {
    pub(super) inputs: Inputs,
    conditions: Vec<Box<[u64]>>,
    pub(super) layers: Vec<Arc<Layer>>,
    pub(super) tracker: Option<Box<PolicyTracker>>,
    pub(super) policy_state: Option<Arc<PolicyState>>,
}

impl Fold {
    /// Folds all conditions, members and nodes anew.
    pub fn new(policies: &Policies, inputs: Inputs) -> Self {
        let count = if inputs.needs_layers() { LAYERS_MAX } else { 1 };
        let layer = Layer {
            up: words(policies.member_count()),
            alive: words(policies.nodes.len()),
        };
        let mut fold = Self {
            inputs,
            conditions: vec![words(policies.conditions.len()); count],
            layers: (0..count).map(|_| Arc::new(layer.clone())).collect(),
            tracker: None,
            policy_state: None,
        };
        for layer in 0..count {
            fold.fold_layer(policies, layer);
        }
        fold
    }

    /// Returns the view as it stands.
    pub fn view(&self) -> ZoneView {
        ZoneView {
            layers: self.layers.clone(),
            policy_state: self.policy_state.clone(),
            leases: self.inputs.leases.clone(),
        }
    }

    /// Takes the seconds that leases still last; returns whether they differ from before.
    pub fn lease(&mut self, leases: &Arc<[u32]>) -> bool {
        let is_new = self.inputs.leases.as_ref() != Some(leases);
        if is_new {
            self.inputs.leases = Some(Arc::clone(leases));
        }
        is_new
    }

    /// Returns the policy state of the view, in zones whose policies need one.
    pub fn policy_state(&self) -> Option<&PolicyState> {
        self.policy_state.as_deref()
    }

    /// Returns the inputs.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    fn fold_layer(&mut self, policies: &Policies, layer: usize) {
        for id in 0..policies.conditions.len() as u32 {
            let holds = self.holds(policies, layer, id);
            set(&mut self.conditions[layer], id, holds);
            if let Condition::Member { bit, .. } = policies.conditions[id as usize] {
                set(&mut Arc::make_mut(&mut self.layers[layer]).up, bit, holds);
            }
        }
        for id in 0..policies.nodes.len() as u32 {
            let alive = self.node(policies, layer, id);
            set(&mut Arc::make_mut(&mut self.layers[layer]).alive, id, alive);
        }
    }

    /// Takes new statuses of target slots; returns whether any bit changed.
    pub fn observe(&mut self, policies: &Policies, changes: &[(u32, Status)]) -> bool {
        let mut dirty = words(policies.conditions.len());
        for &(slot, status) in changes {
            if std::mem::replace(&mut self.inputs.statuses[slot as usize], status) != status {
                for &condition in policies.conditions_of_target.row(slot) {
                    set(&mut dirty, condition, true);
                }
            }
        }
        let before = self.tracker.as_ref().map(|_| Arc::clone(&self.layers[0]));
        let mut changed = false;
        for layer in 0..self.layers.len() {
            changed |= self.follow(policies, layer, dirty.clone());
        }
        if let (Some(before), true) = (before, changed) {
            self.track(policies, &before);
        }
        changed
    }

    /// Carries changes of conditions upward: conditions refer to lower numbers only, and so do nodes, so one pass over the
    /// dirty bits in order is enough.
    fn follow(&mut self, policies: &Policies, layer: usize, mut dirty: Box<[u64]>) -> bool {
        let mut dirty_nodes = words(policies.nodes.len());
        let mut changed = false;
        let mut at = 0;
        while let Some(condition) = next_set(&dirty, at) {
            at = condition + 1;
            let holds = self.holds(policies, layer, condition);
            if !set(&mut self.conditions[layer], condition, holds) {
                continue;
            }
            for &parent in policies.conditions_of_condition.row(condition) {
                set(&mut dirty, parent, true);
            }
            for &node in policies.nodes_of_gate.row(condition) {
                set(&mut dirty_nodes, node, true);
            }
            if let Condition::Member { bit, .. } = policies.conditions[condition as usize] {
                set(&mut Arc::make_mut(&mut self.layers[layer]).up, bit, holds);
                changed = true;
                for &node in policies
                    .nodes_of_run
                    .row(policies.run_of_member[bit as usize])
                {
                    set(&mut dirty_nodes, node, true);
                }
            }
        }
        at = 0;
        while let Some(node) = next_set(&dirty_nodes, at) {
            at = node + 1;
            let alive = self.node(policies, layer, node);
            if set(
                &mut Arc::make_mut(&mut self.layers[layer]).alive,
                node,
                alive,
            ) {
                changed = true;
                for &parent in policies.parents.row(node) {
                    set(&mut dirty_nodes, parent, true);
                }
            }
        }
        changed
    }

    /// Returns whether a condition holds in a layer, from the conditions below it.
    fn holds(&self, policies: &Policies, layer: usize, id: u32) -> bool {
        let below = &self.conditions[layer];
        let only_operators = layer == 2;
        match policies.conditions[id as usize] {
            Condition::Constant(holds) => holds || only_operators,
            Condition::Target {
                slot,
                unknown_is_healthy,
            } => {
                only_operators
                    || Condition::counts(self.inputs.statuses[slot as usize], unknown_is_healthy)
            }
            Condition::Switch(slot) => self.inputs.switches[slot as usize],
            // What probes say is no operator's doing, turned round or not (rule a12).
            Condition::Not(of) => !bit(below, of) || (only_operators && !is_switched(policies, of)),
            Condition::AtLeast { wanted, first, len } => {
                let children = &policies.condition_children[first as usize..(first + len) as usize];
                children.iter().filter(|&&child| bit(below, child)).count() >= wanted as usize
            }
            Condition::Member { bit: member, of } => match self.inputs.holds[member as usize] {
                Hold::None => bit(below, of),
                Hold::Up => true,
                Hold::Down => false,
                Hold::Drained => layer >= 1 && bit(below, of),
                Hold::Failing => only_operators,
            },
        }
    }

    /// Returns whether a node is alive in a layer, from members and lower nodes.
    fn node(&self, policies: &Policies, layer: usize, id: u32) -> bool {
        let gate = policies.gates[id as usize];
        if gate != crate::zone::NONE && !bit(&self.conditions[layer], gate) {
            return false;
        }
        let bits = &self.layers[layer];
        let node = &policies.nodes[id as usize];
        match node.kind {
            // Below `follow-health = false` only the branch's own gate counts (rule a43).
            NodeKind::Refer if node.extra == 1 => true,
            _ if node.is_dependent => true,
            NodeKind::Pool => {
                let wanted = if layer == 2 { 1 } else { node.extra.max(1) };
                count_up(policies, bits, node) >= wanted
            }
            _ => (node.first..node.first + u32::from(node.n)).any(|child| bits.is_alive(child)),
        }
    }
}

/// Returns whether a condition depends on a switch.
fn is_switched(policies: &Policies, id: u32) -> bool {
    match policies.conditions[id as usize] {
        Condition::Switch(_) => true,
        Condition::Constant(_) | Condition::Target { .. } => false,
        Condition::Not(of) | Condition::Member { of, .. } => is_switched(policies, of),
        Condition::AtLeast { first, len, .. } => policies.condition_children
            [first as usize..(first + len) as usize]
            .iter()
            .any(|&child| is_switched(policies, child)),
    }
}

/// Counts the members that a pool would answer from: those up with weight above 0, else those up with weight 0
/// (rule a23).
fn count_up(policies: &Policies, bits: &Layer, node: &Node) -> u32 {
    let runs = &policies.runs[node.first as usize..node.first as usize + usize::from(node.n)];
    let weighted: u32 = runs
        .iter()
        .map(|run| bits.count_up(run.first_bit, u32::from(run.weighted_len)))
        .sum();
    if weighted > 0 {
        return weighted;
    }
    runs.iter().map(|run| count_standby(bits, run)).sum()
}

fn count_standby(bits: &Layer, run: &Run) -> u32 {
    let weighted = u32::from(run.weighted_len);
    bits.count_up(run.first_bit + weighted, u32::from(run.len) - weighted)
}
