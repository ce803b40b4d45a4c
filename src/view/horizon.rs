//! The horizon: least time until the answer of a root could change (rules a44, a49).
//!
//! In: least time until each target could change its status, bits, tracked history. Out: a [`Horizon`] for each root
//! whose TTL follows it. Never here: TTLs; whether something will change.
//!
//! One pass over formulas, one over nodes: each refers to lower numbers only. What cannot change the present answer
//! does not count: in a failover the tiers behind the active one, under a hold also those before it.

use std::time::Duration;

use crate::health::{ramp_step_left, step_failback};
use crate::zone::{AllDown, Condition, Hold, NONE, Node, NodeKind, Policies, RootId};

use super::bits::Layer;
use super::inputs::Inputs;
use super::policy_state::{Horizon, HorizonCause};
use super::tracker::{PolicyTracker, ZoneTick};

/// Upper bound of a horizon: a week and a day, longer than any TTL.
const FAR: Duration = Duration::from_secs(8 * 86_400);

/// Least time until something could change, and its cause.
type Soon = Option<(Duration, HorizonCause)>;

fn sooner(a: Soon, b: Soon) -> Soon {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 < a.0 { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// Finds the horizon of every root that has one.
pub(super) fn horizons(
    policies: &Policies,
    layer: &Layer,
    inputs: &Inputs,
    tracker: &PolicyTracker,
    tick: &ZoneTick<'_>,
) -> Vec<(RootId, Horizon)> {
    // What lies further ahead than any TTL reaches shortens none.
    let near = |planned: &u32| *planned < longest_ttl(policies);
    let planned = tick.planned_in.map(at_tick).filter(near);
    let edge = tick
        .changes_in
        .map(|left| (left.saturating_sub(TICK), HorizonCause::Maintenance));
    if policies.ranged_roots.is_empty() {
        // Only what is planned shortens a TTL that does not follow the rest of the horizon.
        let Some(planned) = planned else {
            return Vec::new();
        };
        let horizon = Horizon {
            secs: planned,
            planned,
            cause: HorizonCause::Maintenance,
        };
        return (0..policies.roots.len() as RootId)
            .map(|root| (root, horizon))
            .collect();
    }
    let conditions = soonest_of_conditions(policies, tick);
    let walk = Walk {
        policies,
        layer,
        inputs,
        tracker,
        conditions,
    };
    let nodes = walk.soonest_of_nodes();
    let of_root = |root: RootId| {
        let soonest = sooner(nodes[policies.roots[root as usize].node as usize], edge);
        let (left, cause) = soonest.unwrap_or((FAR, HorizonCause::Maintenance));
        let is_limited = left < FAR || planned.is_some();
        is_limited.then(|| {
            let horizon = Horizon {
                secs: left.as_secs() as u32,
                planned: planned.unwrap_or(u32::MAX),
                cause,
            };
            (root, horizon)
        })
    };
    if planned.is_some() {
        return (0..policies.roots.len() as RootId)
            .filter_map(of_root)
            .collect();
    }
    let mut ranged = policies.ranged_roots.to_vec();
    ranged.sort_unstable();
    ranged.into_iter().filter_map(of_root).collect()
}

/// A view is made once a second; an answer may be given that much later.
const TICK: Duration = Duration::from_secs(1);

/// Returns the longest TTL that answers of a zone's policies can have.
fn longest_ttl(policies: &Policies) -> u32 {
    let of_roots = policies.roots.iter().map(|root| root.ttl);
    let written = policies.options.iter().filter_map(|options| options.ttl);
    of_roots
        .chain(written.map(|(_, max)| max))
        .max()
        .unwrap_or(0)
}

fn at_tick(left: Duration) -> u32 {
    left.saturating_sub(TICK).min(FAR).as_secs() as u32
}

/// Finds the least time until each formula could change.
fn soonest_of_conditions(policies: &Policies, tick: &ZoneTick<'_>) -> Vec<Soon> {
    let targets: Vec<Duration> = (0..policies.targets.len() as u32)
        .map(|slot| (tick.turns_in)(slot))
        .collect();
    let mut conditions: Vec<Soon> = Vec::with_capacity(policies.conditions.len());
    for condition in &policies.conditions {
        let soon = match *condition {
            // The time of an operator's switch is unknown.
            Condition::Constant(_) | Condition::Switch(_) => None,
            Condition::Target { slot, .. } => {
                Some((targets[slot as usize], HorizonCause::Target(slot)))
            }
            Condition::Not(of) | Condition::Member { of, .. } => conditions[of as usize],
            Condition::AtLeast { first, len, .. } => policies.condition_children
                [first as usize..(first + len) as usize]
                .iter()
                .fold(None, |soon, &child| {
                    sooner(soon, conditions[child as usize])
                }),
        };
        conditions.push(soon);
    }
    conditions
}

struct Walk<'a> {
    policies: &'a Policies,
    layer: &'a Layer,
    inputs: &'a Inputs,
    tracker: &'a PolicyTracker,
    conditions: Vec<Soon>,
}

impl Walk<'_> {
    fn soonest_of_nodes(&self) -> Vec<Soon> {
        let mut nodes: Vec<Soon> = Vec::with_capacity(self.policies.nodes.len());
        for (id, node) in self.policies.nodes.iter().enumerate() {
            let gate = self.policies.gates[id];
            let gate = (gate != NONE)
                .then(|| self.conditions[gate as usize])
                .flatten();
            let soon = match node.kind {
                NodeKind::Pool => self.soonest_of_pool(node),
                NodeKind::First => self.soonest_of_tiers(node, &nodes),
                _ => children(node).fold(None, |soon, child| sooner(soon, nodes[child as usize])),
            };
            nodes.push(sooner(gate, sooner(soon, self.beside(node, &nodes))));
        }
        nodes
    }

    fn soonest_of_pool(&self, node: &Node) -> Soon {
        let runs =
            &self.policies.runs[node.first as usize..node.first as usize + usize::from(node.n)];
        let members = runs
            .iter()
            .flat_map(|run| run.first_bit..run.first_bit + u32::from(run.len));
        members.fold(None, |soon, member| {
            sooner(soon, self.soonest_of_member(member))
        })
    }

    fn soonest_of_member(&self, member: u32) -> Soon {
        // What an operator or file holds does not follow its probes.
        let probes = match self.inputs.holds[member as usize] {
            Hold::None => {
                self.conditions[self.policies.member_conditions[member as usize] as usize]
            }
            Hold::Drained | Hold::Down | Hold::Up | Hold::Failing => None,
        };
        let ramp = self.tracker.healed.get(&member).and_then(|&healed| {
            let ramp = Duration::from_millis(self.policies.ramps[member as usize].into());
            let left = ramp_step_left(healed, ramp, self.tracker.now)?;
            Some((left.saturating_sub(TICK), HorizonCause::Ramp(member)))
        });
        sooner(probes, ramp)
    }

    fn soonest_of_tiers(&self, node: &Node, nodes: &[Soon]) -> Soon {
        let options = &self.policies.options[node.options as usize];
        let Some(chosen) = children(node).find(|&child| self.layer.is_alive(child)) else {
            return children(node).fold(None, |soon, child| sooner(soon, nodes[child as usize]));
        };
        if options.trickle_percent > 0 {
            return children(node).fold(None, |soon, child| sooner(soon, nodes[child as usize]));
        }
        if let Some(number) = options.failback {
            let (state, healthy) = self.tracker.failback(self.policies, self.layer, number);
            let rule = &self.policies.failbacks[number as usize].rule;
            let (now, wall) = (self.tracker.now, self.tracker.wall);
            let at = node.first + u32::from(state.tier);
            let returns = state
                .changes_in(rule, healthy, now, wall)
                .map(|left| (left.saturating_sub(TICK), HorizonCause::Failback(number)));
            debug_assert_eq!(
                step_failback(rule, state.clone(), healthy, now, wall).tier,
                state.tier,
                "the state was stepped before"
            );
            if state.is_held(healthy) {
                return sooner(nodes[at as usize], returns);
            }
        }
        (node.first..=chosen).fold(None, |soon, child| sooner(soon, nodes[child as usize]))
    }

    /// Returns the soonest change of the `overflow` node, and of that of `all-down`.
    fn beside(&self, node: &Node, nodes: &[Soon]) -> Soon {
        let options = &self.policies.options[node.options as usize];
        let overflow = options.overflow.and_then(|other| nodes[other as usize]);
        let instead = match options.all_down {
            AllDown::Node(other) => nodes[other as usize],
            _ => None,
        };
        sooner(overflow, instead)
    }
}

fn children(node: &Node) -> std::ops::Range<u32> {
    node.first..node.first + u32::from(node.n)
}
