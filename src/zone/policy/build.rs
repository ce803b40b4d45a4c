//! Builds [`Policies`](super::Policies): conditions, runs, nodes and roots, each after what it refers to; equal
//! conditions and equal children blocks are shared.

use std::collections::{HashMap, HashSet};

use crate::health::Target;
use crate::wire::{AutoHints, hints_left_open};

use super::condition::{Condition, ConditionId, Hold};
use super::program::{
    AllDown, Failback, LastKnown, Lease, LocationRule, MemberLabel, NONE, Node, NodeId, NodeKind,
    Options, Root, RootId, Run, RunId, TargetUse,
};
use super::reach::Reached;
use super::spec::{NodeSpec, RunSpec};

/// Collects the policies of one zone.
#[derive(Default)]
pub struct PolicyBuilder {
    pub(super) nodes: Vec<Node>,
    pub(super) gates: Vec<u32>,
    pub(super) branch_labels: Vec<Box<str>>,
    pub(super) options: Vec<Options>,
    pub(super) option_ids: HashMap<Options, u32>,
    pub(super) sums: Vec<u32>,
    pub(super) weight_ids: HashMap<Vec<u16>, u32>,
    pub(super) capacities: Vec<u8>,
    pub(super) runs: Vec<Run>,
    pub(super) data: Vec<u8>,
    pub(super) offsets: Vec<u32>,
    pub(super) member_ttls: Vec<u32>,
    pub(super) roots: Vec<Root>,
    pub(super) root_rules: Vec<u32>,
    pub(super) root_ids: HashMap<(NodeSpec, (u32, u32)), RootId>,
    pub(super) blocks: HashMap<Vec<NodeSpec>, NodeId>,
    pub(super) rules: Vec<LocationRule>,
    pub(super) maps: Vec<Box<[u32]>>,
    pub(super) conditions: Vec<Condition>,
    pub(super) condition_ids: HashMap<Condition, ConditionId>,
    pub(super) list_ids: HashMap<(u32, Vec<ConditionId>), ConditionId>,
    pub(super) condition_children: Vec<u32>,
    pub(super) member_conditions: Vec<ConditionId>,
    pub(super) holds: Vec<Hold>,
    pub(super) labels: Vec<MemberLabel>,
    pub(super) targets: Vec<Target>,
    pub(super) target_slots: HashMap<Target, u32>,
    pub(super) uses: Vec<TargetUse>,
    pub(super) known_uses: HashSet<TargetUse>,
    pub(super) switches: Vec<bool>,
    pub(super) switch_names: Vec<(usize, usize)>,
    pub(super) pools: Vec<String>,
    pub(super) run_of_member: Vec<RunId>,
    pub(super) failbacks: Vec<Failback>,
    pub(super) failback_ids: HashMap<String, u32>,
    pub(super) lasts: Vec<LastKnown>,
    pub(super) last_ids: HashMap<String, u32>,
    pub(super) ramps: Vec<u32>,
    pub(super) ranged_roots: Vec<RootId>,
    pub(super) has_plans: bool,
    pub(super) leases: Vec<Lease>,
    pub(super) lease_ids: HashMap<Lease, u32>,
    pub(super) lease_of_member: Vec<u32>,
    pub(super) lease_uses: Vec<(u32, u32)>,
}

impl PolicyBuilder {
    /// Starts without anything.
    pub fn new() -> Self {
        let mut builder = Self::default();
        builder.option_id(Options::default());
        builder
    }

    /// Returns the number of an equal condition, or adds this one.
    pub fn condition(&mut self, condition: Condition) -> ConditionId {
        if let Some(&id) = self.condition_ids.get(&condition) {
            return id;
        }
        let id = self.push_condition(condition);
        self.condition_ids.insert(condition, id);
        id
    }

    fn push_condition(&mut self, condition: Condition) -> ConditionId {
        let id = self.conditions.len() as u32;
        self.conditions.push(condition);
        id
    }

    /// Returns a condition that holds when at least `wanted` of `list` do. Trivial lists give the simpler condition.
    pub fn at_least(&mut self, wanted: u32, mut list: Vec<ConditionId>) -> ConditionId {
        if wanted == 0 {
            return self.condition(Condition::Constant(true));
        }
        if wanted as usize > list.len() {
            return self.condition(Condition::Constant(false));
        }
        if let ([only], 1) = (&list[..], wanted) {
            return *only;
        }
        list.sort_unstable();
        let key = (wanted, list);
        if let Some(&id) = self.list_ids.get(&key) {
            return id;
        }
        let first = self.condition_children.len() as u32;
        self.condition_children.extend_from_slice(&key.1);
        let id = self.push_condition(Condition::AtLeast {
            wanted,
            first,
            len: key.1.len() as u32,
        });
        self.list_ids.insert(key, id);
        id
    }

    /// Returns a condition that holds when all of `list` do; always, for an empty list.
    pub fn all(&mut self, mut list: Vec<ConditionId>) -> ConditionId {
        list.sort_unstable();
        list.dedup();
        let always = self.condition(Condition::Constant(true));
        list.retain(|&condition| condition != always);
        let wanted = list.len() as u32;
        self.at_least(wanted, list)
    }

    /// Returns the slot of a target; equal targets share one.
    pub fn target(&mut self, target: Target) -> u32 {
        if let Some(&slot) = self.target_slots.get(&target) {
            return slot;
        }
        let slot = self.targets.len() as u32;
        self.targets.push(target.clone());
        self.target_slots.insert(target, slot);
        slot
    }

    /// Adds a use of a target.
    pub fn target_use(&mut self, used: TargetUse) {
        if self.known_uses.insert(used.clone()) {
            self.uses.push(used);
        }
    }

    /// Adds a switch of a check with its first value.
    pub fn switch(&mut self, check: usize, index: usize, is_on: bool) -> u32 {
        self.switches.push(is_on);
        self.switch_names.push((check, index));
        self.switches.len() as u32 - 1
    }

    /// Adds a pool name.
    pub fn pool(&mut self, id: &str) -> u32 {
        self.pools.push(id.to_owned());
        self.pools.len() as u32 - 1
    }

    /// Returns the index of equal options, or adds these.
    pub fn option_id(&mut self, options: Options) -> u32 {
        if let Some(&id) = self.option_ids.get(&options) {
            return id;
        }
        let id = self.options.len() as u32;
        self.options.push(options);
        self.option_ids.insert(options, id);
        id
    }

    /// Adds a run; returns its number and the `Member` conditions in the order of the spec.
    pub fn run(&mut self, spec: RunSpec) -> (RunId, Vec<ConditionId>) {
        let run = self.runs.len() as u32;
        let first_bit = self.member_conditions.len() as u32;
        let mut order: Vec<usize> = (0..spec.members.len()).collect();
        order.sort_by_key(|&i| spec.members[i].weight == 0);
        let weighted_len = spec
            .members
            .iter()
            .filter(|member| member.weight > 0)
            .count();
        let stride = spec.members.first().map_or(0, |first| first.rdata.len());
        let is_even = stride > 0
            && spec
                .members
                .iter()
                .all(|member| member.rdata.len() == stride);
        let data = if is_even {
            self.data.len()
        } else {
            self.offsets.len()
        } as u32;
        let mut conditions = vec![0; spec.members.len()];
        for &i in &order {
            let member = &spec.members[i];
            if !is_even {
                self.offsets.push(self.data.len() as u32);
            }
            self.data.extend_from_slice(&member.rdata);
            let bit = self.member_conditions.len() as u32;
            conditions[i] = self.push_condition(Condition::Member {
                bit,
                of: member.condition,
            });
            self.member_conditions.push(conditions[i]);
            self.holds.push(member.hold);
            self.labels.push(member.label.clone());
            self.run_of_member.push(run);
            self.lease_of_member.push(member.lease.unwrap_or(NONE));
        }
        if !is_even {
            self.offsets.push(self.data.len() as u32);
        }
        let weights: Vec<u16> = order[..weighted_len]
            .iter()
            .map(|&i| spec.members[i].weight)
            .collect();
        let sums = self.member_sums(&weights);
        let ttls = self.merged_ttls(&spec, &order);
        self.runs.push(Run {
            rtype: spec.rtype,
            len: spec.members.len() as u16,
            weighted_len: weighted_len as u16,
            first_bit,
            data,
            stride: if is_even { stride as u16 } else { 0 },
            sums,
            ttls,
            has_open_hints: spec
                .members
                .iter()
                .any(|member| hints_left_open(spec.rtype, &member.rdata) != AutoHints::default()),
            is_leased: spec.members.iter().any(|member| member.lease.is_some()),
        });
        (run, conditions)
    }

    fn member_sums(&mut self, weights: &[u16]) -> u32 {
        if weights.windows(2).all(|pair| pair[0] == pair[1]) {
            return NONE;
        }
        let first = self.sums.len() as u32;
        self.push_sums(weights);
        first
    }

    fn push_sums(&mut self, weights: &[u16]) {
        let mut sum = 0;
        for &weight in weights {
            sum += u32::from(weight);
            self.sums.push(sum);
        }
    }

    fn merged_ttls(&mut self, spec: &RunSpec, order: &[usize]) -> u32 {
        if spec.members.iter().all(|member| member.ttl.is_none()) {
            return NONE;
        }
        let first = self.member_ttls.len() as u32;
        self.member_ttls.extend(
            order
                .iter()
                .map(|&i| spec.members[i].ttl.unwrap_or(u32::MAX)),
        );
        first
    }

    /// Places a block of children and returns the number of the first; equal blocks are shared.
    pub fn place(&mut self, children: Vec<NodeSpec>) -> NodeId {
        if let Some(&first) = self.blocks.get(&children) {
            return first;
        }
        let first = self.nodes.len() as u32;
        for child in &children {
            self.nodes.push(child.node);
            self.gates.push(child.gate);
            self.branch_labels.push(child.label.clone());
        }
        self.blocks.insert(children, first);
        first
    }

    /// Returns whether any of these needs the client's location.
    fn any_dependent(children: &[NodeSpec]) -> bool {
        children.iter().any(|child| child.node.is_dependent)
    }

    fn group(
        &mut self,
        kind: NodeKind,
        children: Vec<NodeSpec>,
        extra: u32,
        options: Options,
    ) -> NodeSpec {
        let n = children.len() as u16;
        let is_dependent = kind == NodeKind::Located || Self::any_dependent(&children);
        let first = self.place(children);
        let options = self.option_id(options);
        NodeSpec {
            node: Node {
                kind,
                is_dependent,
                n,
                first,
                extra,
                options,
            },
            gate: NONE,
            label: "".into(),
        }
    }

    /// Makes a node that takes the first healthy child.
    pub fn first(&mut self, children: Vec<NodeSpec>, options: Options) -> NodeSpec {
        self.group(NodeKind::First, children, 0, options)
    }

    /// Makes a node that draws by weight.
    pub fn weighted(&mut self, children: Vec<(NodeSpec, u16)>, options: Options) -> NodeSpec {
        let mut children = children;
        children.sort_by_key(|(_, weight)| *weight == 0);
        let weights: Vec<u16> = children
            .iter()
            .map(|(_, weight)| *weight)
            .filter(|&weight| weight > 0)
            .collect();
        let extra = match self.weight_ids.get(&weights) {
            Some(&known) => known,
            None => {
                let first = self.sums.len() as u32;
                self.sums.push(weights.len() as u32);
                self.push_sums(&weights);
                self.weight_ids.insert(weights, first);
                first
            }
        };
        self.group(
            NodeKind::Weighted,
            children.into_iter().map(|(child, _)| child).collect(),
            extra,
            options,
        )
    }

    /// Adds the capacities of the children of a weighted node, percent, in their order: those of weight 0 last.
    pub fn capacities(&mut self, percents: &[u8]) -> u32 {
        let first = self.capacities.len() as u32;
        self.capacities.extend_from_slice(percents);
        first
    }

    /// Makes a node that orders its children by the client's location.
    pub fn located(
        &mut self,
        children: Vec<NodeSpec>,
        rule: LocationRule,
        options: Options,
    ) -> NodeSpec {
        let extra = self
            .rules
            .iter()
            .position(|known| *known == rule)
            .unwrap_or_else(|| {
                self.rules.push(rule);
                self.rules.len() - 1
            });
        self.group(NodeKind::Located, children, extra as u32, options)
    }

    /// Makes a pool node over consecutive runs.
    pub fn pool_node(
        &mut self,
        first: RunId,
        n: u16,
        min_healthy: u32,
        options: Options,
    ) -> NodeSpec {
        let options = self.option_id(options);
        let node = Node {
            kind: NodeKind::Pool,
            is_dependent: false,
            n,
            first,
            extra: min_healthy,
            options,
        };
        NodeSpec {
            node,
            gate: NONE,
            label: "".into(),
        }
    }

    /// Makes a node that stands for another one whose health does not count (rule a43).
    pub fn always(&mut self, inner: NodeSpec) -> NodeSpec {
        let label = inner.label.clone();
        let is_dependent = inner.node.is_dependent;
        let first = self.place(vec![inner]);
        let node = Node {
            kind: NodeKind::Refer,
            is_dependent,
            n: 1,
            first,
            extra: 1,
            options: 0,
        };
        NodeSpec {
            node,
            gate: NONE,
            label,
        }
    }

    /// Makes the last resort of a node `all`, unless it has an `all-down` of its own (rule a14).
    pub fn last_resort_all(&mut self, mut spec: NodeSpec) -> NodeSpec {
        let mut options = self.options[spec.node.options as usize];
        if options.all_down == AllDown::LastResort {
            options.all_down = AllDown::All;
            spec.node.options = self.option_id(options);
        }
        spec
    }

    /// Adds a gate to a node, beside those it has.
    pub fn gated(&mut self, mut spec: NodeSpec, gate: ConditionId) -> NodeSpec {
        let always = self.condition(Condition::Constant(true));
        if gate == always {
            return spec;
        }
        spec.gate = if spec.gate == NONE {
            gate
        } else {
            self.all(vec![spec.gate, gate])
        };
        spec
    }

    /// Returns the root of a tree; equal trees with equal bounds of the TTL, least and greatest, are one root.
    pub fn root(&mut self, spec: NodeSpec, ttl: (u32, u32)) -> RootId {
        let key = (spec, ttl);
        if let Some(&root) = self.root_ids.get(&key) {
            return root;
        }
        let node = self.place(vec![key.0.clone()]);
        let Reached {
            mut rules,
            sticky,
            is_ranged,
        } = self.reached(node);
        rules.sort_unstable();
        rules.dedup();
        let map = if rules.is_empty() {
            NONE
        } else {
            self.map_id(&rules)
        };
        let root = self.roots.len() as u32;
        let rules_first = self.root_rules.len() as u32;
        self.root_rules.extend_from_slice(&rules);
        self.roots.push(Root {
            node,
            ttl: ttl.1,
            ttl_min: ttl.0,
            rules_first,
            rules_len: rules.len() as u16,
            sticky,
            map,
        });
        if is_ranged || ttl.0 != ttl.1 {
            self.ranged_roots.push(root);
        }
        self.root_ids.insert(key, root);
        root
    }

    fn map_id(&mut self, rules: &[u32]) -> u32 {
        let at = self
            .maps
            .iter()
            .position(|known| **known == *rules)
            .unwrap_or_else(|| {
                self.maps.push(rules.into());
                self.maps.len() - 1
            });
        at as u32
    }
}
