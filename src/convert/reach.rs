//! What a policy may answer in any case at all: the pools and records that can be reached from it.
//!
//! In: a model and a node of it. Out: pools and static records in the order in which they are met. Never here: health,
//! weights, places; who is answered what is for `answer` to say.

use std::collections::HashSet;

use crate::config::model::{
    AllDownModel, BranchModel, NameId, NodeKind, NodeModel, PoolBody, PoolId, PoolModel,
    RrsetModel, ZoneModel,
};
use crate::wire::Rtype;

/// Deepest nesting that is followed: twice what the reader allows (rule a42).
pub(super) const DEPTH_MAX: usize = 32;

/// What can be reached from a policy.
#[derive(Default)]
pub(super) struct Reach<'m> {
    /// Pools with members.
    pub(super) pools: Vec<&'m PoolModel>,
    /// Address records of names that are referred to.
    pub(super) rrsets: Vec<&'m RrsetModel>,
    pools_seen: HashSet<PoolId>,
    names_seen: HashSet<NameId>,
}

impl<'m> Reach<'m> {
    /// Walks everything below a node.
    pub(super) fn of(model: &'m ZoneModel, node: &'m NodeModel) -> Self {
        let mut reach = Self::default();
        reach.node(model, node, 0);
        reach
    }

    fn node(&mut self, model: &'m ZoneModel, node: &'m NodeModel, depth: usize) {
        if depth == DEPTH_MAX {
            return;
        }
        let depth = depth + 1;
        match &node.kind {
            NodeKind::Pool(id) => self.pool(model, *id, depth),
            NodeKind::Name(id) => self.name(model, *id, depth),
            NodeKind::To(inner) => self.node(model, inner, depth),
            NodeKind::Failover(list)
            | NodeKind::Weighted(list)
            | NodeKind::Nearest(list)
            | NodeKind::Latency(list) => self.branches(model, list.iter(), depth),
            NodeKind::Geo(list) => {
                self.branches(model, list.iter().map(|(_, branch)| branch), depth);
            }
            NodeKind::Subnets(list) => {
                self.branches(model, list.iter().map(|(_, branch)| branch), depth);
            }
            NodeKind::Multivalue(pools) => {
                pools.iter().for_each(|id| self.pool(model, *id, depth));
            }
        }
        for node in [
            all_down(&node.options.all_down),
            node.options.overflow.as_deref(),
        ]
        .into_iter()
        .flatten()
        {
            self.node(model, node, depth);
        }
    }

    fn branches(
        &mut self,
        model: &'m ZoneModel,
        branches: impl Iterator<Item = &'m BranchModel>,
        depth: usize,
    ) {
        branches.for_each(|branch| self.node(model, &branch.node, depth));
    }

    fn pool(&mut self, model: &'m ZoneModel, id: PoolId, depth: usize) {
        if !self.pools_seen.insert(id) {
            return;
        }
        let pool = &model.pools[id];
        match &pool.body {
            PoolBody::Members(_) => self.pools.push(pool),
            PoolBody::Policy(node) => self.node(model, node, depth),
        }
    }

    fn name(&mut self, model: &'m ZoneModel, id: NameId, depth: usize) {
        if !self.names_seen.insert(id) {
            return;
        }
        let name = &model.names[id];
        let own = name.policy.iter().map(|node| &**node);
        let typed = name.type_policies.iter().map(|(_, node)| node);
        own.chain(typed)
            .for_each(|node| self.node(model, node, depth));
        let is_address = |set: &&RrsetModel| matches!(set.rtype, Rtype::A | Rtype::AAAA);
        self.rrsets.extend(name.rrsets.iter().filter(is_address));
        if let Some(node) = all_down(&name.options.all_down) {
            self.node(model, node, depth);
        }
    }
}

fn all_down(option: &Option<AllDownModel>) -> Option<&NodeModel> {
    match option {
        Some(AllDownModel::Node(node)) => Some(node),
        _ => None,
    }
}
