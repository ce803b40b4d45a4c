//! Last step of building policies: references are inverted, and everything becomes immutable.
//!
//! In: a builder. Out: [`Policies`]. Never here: sharing of equal parts; the builder has done that.

use super::build::PolicyBuilder;
use super::condition::Condition;
use super::csr::Csr;
use super::program::{NONE, NodeKind, Policies};

impl PolicyBuilder {
    /// Ends the building.
    pub fn finish(mut self) -> Policies {
        self.uses.sort_by_key(|used| used.slot);
        let links = self.links();
        let soft_members = self.soft_members();
        self.place_damped();
        self.settle_leases();
        Policies {
            conditions_of_target: links.conditions_of_target,
            conditions_of_condition: links.conditions_of_condition,
            nodes_of_gate: links.nodes_of_gate,
            nodes_of_run: links.nodes_of_run,
            parents: links.parents,
            nodes: self.nodes.into(),
            gates: self.gates.into(),
            options: self.options.into(),
            sums: self.sums.into(),
            capacities: self.capacities.into(),
            runs: self.runs.into(),
            data: self.data.into(),
            offsets: self.offsets.into(),
            member_ttls: self.member_ttls.into(),
            leases: self.leases.into(),
            lease_of_member: self.lease_of_member.into(),
            lease_uses: self.lease_uses.into(),
            roots: self.roots.into(),
            root_rules: self.root_rules.into(),
            rules: self.rules.into(),
            maps: self.maps.into(),
            conditions: self.conditions.into(),
            condition_children: self.condition_children.into(),
            member_conditions: self.member_conditions.into(),
            holds: self.holds.into(),
            targets: self.targets.into(),
            uses: self.uses.into(),
            switches: self.switches.into(),
            switch_names: self.switch_names.into(),
            labels: self.labels.into(),
            pools: self.pools.into(),
            branch_labels: self.branch_labels.into(),
            run_of_member: self.run_of_member.into(),
            failbacks: self.failbacks.into(),
            lasts: self.lasts.into(),
            ramps: self.ramps.into(),
            soft_members,
            ranged_roots: self.ranged_roots.into(),
            has_plans: self.has_plans,
        }
    }

    /// Inverts the references of the builder.
    fn links(&self) -> Links {
        let mut condition_pairs = Vec::new();
        let mut target_pairs = Vec::new();
        for (id, condition) in self.conditions.iter().enumerate() {
            let id = id as u32;
            match *condition {
                Condition::Target { slot, .. } => target_pairs.push((slot, id)),
                Condition::Not(of) | Condition::Member { of, .. } => condition_pairs.push((of, id)),
                Condition::AtLeast { first, len, .. } => {
                    let children = &self.condition_children[first as usize..(first + len) as usize];
                    condition_pairs.extend(children.iter().map(|&child| (child, id)));
                }
                Condition::Constant(_) | Condition::Switch(_) => {}
            }
        }
        let mut run_pairs = Vec::new();
        let mut gate_pairs = Vec::new();
        let mut parent_pairs = Vec::new();
        for (id, node) in self.nodes.iter().enumerate() {
            let id = id as u32;
            let children = (node.first..node.first + u32::from(node.n)).map(|child| (child, id));
            if node.kind == NodeKind::Pool {
                run_pairs.extend(children);
            } else {
                parent_pairs.extend(children);
            }
            if self.gates[id as usize] != NONE {
                gate_pairs.push((self.gates[id as usize], id));
            }
        }
        Links {
            conditions_of_target: Csr::group(self.targets.len(), &target_pairs),
            conditions_of_condition: Csr::group(self.conditions.len(), &condition_pairs),
            nodes_of_gate: Csr::group(self.conditions.len(), &gate_pairs),
            nodes_of_run: Csr::group(self.runs.len(), &run_pairs),
            parents: Csr::group(self.nodes.len(), &parent_pairs),
        }
    }
}

/// References between conditions, nodes and runs, for changes to spread along.
struct Links {
    conditions_of_target: Csr,
    conditions_of_condition: Csr,
    nodes_of_gate: Csr,
    nodes_of_run: Csr,
    parents: Csr,
}
