//! `weighted` to nodes: weights, what each branch can carry, and where the rest goes (rules a15, a58).

use crate::zone::{NodeSpec, Options};

use super::compiler::{Compiler, Family};
use crate::model::{BranchModel, NodeKind, NodeModel, NodeOptions};

/// What a branch without `capacity` can carry, in percent.
const WHOLE: u8 = 100;

impl<'m> Compiler<'m> {
    pub(super) fn weighted_spec(
        &mut self,
        branches: &'m [BranchModel],
        family: Family,
        mut options: Options,
        own: &'m NodeOptions,
    ) -> Option<NodeSpec> {
        let mut compiled = self.branches(branches, family);
        if compiled.is_empty() {
            return None;
        }
        // The builder's order, which capacities go by.
        compiled.sort_by_key(|(at, _)| branches[*at].weight == 0);
        let capacities: Vec<u8> = compiled
            .iter()
            .map(|(at, _)| self.capacity_of(&branches[*at].node).unwrap_or(WHOLE))
            .collect();
        if capacities.iter().any(|percent| *percent < WHOLE) {
            options.capacities = Some(self.policies.capacities(&capacities));
            if let Some(overflow) = &own.overflow {
                let spec = self.at_step("overflow", |this| this.node_spec(overflow, family));
                options.overflow = spec.map(|spec| self.policies.place(vec![spec]));
            }
        }
        let children = compiled
            .into_iter()
            .map(|(at, spec)| (spec, branches[at].weight))
            .collect();
        Some(self.policies.weighted(children, options))
    }

    /// Returns the capacity of the pool that a branch leads to.
    fn capacity_of(&self, node: &NodeModel) -> Option<u8> {
        match &node.kind {
            NodeKind::Pool(id) => self.model.pools[*id].capacity_percent,
            NodeKind::To(inner) => self.capacity_of(inner),
            _ => None,
        }
    }
}
