//! Everything that can be reached from policies of a zone, references followed.
//!
//! In: a model; nodes, names or pools of it. Out: pools and names in the order in which they are met, and checks. Never
//! here: health, weights, places; who is answered what is for `answer` to say.

use std::collections::HashSet;

use super::{
    AllDownModel, BranchModel, CheckId, CheckKind, CheckRef, NameId, NameModel, NodeKind,
    NodeModel, NodeOptions, PoolBody, PoolId, PoolModel, ZoneModel,
};
use crate::wire::Rtype;

/// Which references are followed; each case includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Follow {
    /// Policies of names, but for those of single types: what may answer a type without a policy of its own.
    Policies,
    /// All policies: what may be answered at all.
    Answers,
    /// Checks as well, with what their formulas refer to: what may decide an answer.
    Health,
}

/// Pools, names and checks that were reached.
#[derive(Debug)]
pub struct PolicyReach<'m> {
    model: &'m ZoneModel,
    follow: Follow,
    pools: Seen,
    names: Seen,
    checks: Seen,
}

/// Numbers in the order in which they are met, each once.
#[derive(Debug, Default)]
struct Seen {
    order: Vec<usize>,
    known: HashSet<usize>,
}

impl Seen {
    /// Adds a number; says whether it is new.
    fn insert(&mut self, number: usize) -> bool {
        let is_new = self.known.insert(number);
        if is_new {
            self.order.push(number);
        }
        is_new
    }
}

/// One step of the walk.
enum Step<'m> {
    Node(&'m NodeModel),
    Pool(PoolId),
    Name(NameId),
    Check(&'m CheckRef),
}

impl<'m> PolicyReach<'m> {
    /// Starts with nothing.
    pub fn new(model: &'m ZoneModel, follow: Follow) -> Self {
        Self {
            model,
            follow,
            pools: Seen::default(),
            names: Seen::default(),
            checks: Seen::default(),
        }
    }

    /// Follows a node.
    pub fn add_node(&mut self, node: &'m NodeModel) {
        self.walk(vec![Step::Node(node)]);
    }

    /// Follows the nodes and checks that options name.
    pub fn add_options(&mut self, options: &'m NodeOptions) {
        let mut steps = Vec::new();
        below_options(options, &mut steps);
        steps.reverse();
        self.walk(steps);
    }

    /// Follows a name's policies and options.
    pub fn add_name(&mut self, id: NameId) {
        self.walk(vec![Step::Name(id)]);
    }

    /// Follows a pool.
    pub fn add_pool(&mut self, id: PoolId) {
        self.walk(vec![Step::Pool(id)]);
    }

    /// Returns the pools with members.
    pub fn plain_pools(&self) -> impl Iterator<Item = (PoolId, &'m PoolModel)> {
        let pools = self
            .pools
            .order
            .iter()
            .map(|&id| (id, &self.model.pools[id]));
        pools.filter(|(_, pool)| matches!(pool.body, PoolBody::Members(_)))
    }

    /// Returns the names that are referred to.
    pub fn names(&self) -> &[NameId] {
        &self.names.order
    }

    /// Returns the checks, children of calculated ones included.
    pub fn checks(&self) -> &[CheckId] {
        &self.checks.order
    }

    /// Says whether a pool was reached, policy pools included.
    pub fn has_pool(&self, id: PoolId) -> bool {
        self.pools.known.contains(&id)
    }

    /// Says whether a check was reached.
    pub fn has_check(&self, id: CheckId) -> bool {
        self.checks.known.contains(&id)
    }

    /// Takes steps from the end of a list until none is left: each pool, name and check is entered once, and nodes lie
    /// within nodes only as deep as a file writes them (rule a42), so that even a cycle ends.
    fn walk(&mut self, mut open: Vec<Step<'m>>) {
        while let Some(step) = open.pop() {
            let at = open.len();
            self.take(step, &mut open);
            // What is written first is met first.
            open[at..].reverse();
        }
    }

    fn take(&mut self, step: Step<'m>, open: &mut Vec<Step<'m>>) {
        let model = self.model;
        match step {
            Step::Node(node) => below_node(node, open),
            Step::Pool(id) => {
                if let Some(pool) = model.pools.get(id)
                    && self.pools.insert(id)
                {
                    below_pool(pool, open);
                }
            }
            Step::Name(id) => self.take_name(id, open),
            Step::Check(_) if self.follow < Follow::Health => {}
            Step::Check(CheckRef::Pool(id)) => open.push(Step::Pool(*id)),
            Step::Check(CheckRef::Name(id)) => open.push(Step::Name(*id)),
            Step::Check(CheckRef::Check(id) | CheckRef::Switch(id, _)) => {
                if self.checks.insert(*id)
                    && let Some(CheckKind::Calculated { children, .. }) =
                        model.checks.get(*id).map(|check| &check.kind)
                {
                    open.extend(children.iter().map(Step::Check));
                }
            }
        }
    }

    fn take_name(&mut self, id: NameId, open: &mut Vec<Step<'m>>) {
        let Some(name) = self.model.names.get(id) else {
            return;
        };
        if !self.names.insert(id) {
            return;
        }
        for (rtype, node) in policies(name) {
            if rtype.is_none() || self.follow > Follow::Policies {
                open.push(Step::Node(node));
            }
        }
        below_options(&name.options, open);
    }
}

fn below_node<'m>(node: &'m NodeModel, open: &mut Vec<Step<'m>>) {
    match &node.kind {
        NodeKind::Pool(id) => open.push(Step::Pool(*id)),
        NodeKind::Multivalue(ids) => open.extend(ids.iter().map(|id| Step::Pool(*id))),
        NodeKind::Name(id) => open.push(Step::Name(*id)),
        NodeKind::To(inner) => open.push(Step::Node(inner)),
        _ => {
            for branch in branches(node) {
                open.extend(branch.checks.iter().map(Step::Check));
                open.push(Step::Node(&branch.node));
            }
        }
    }
    below_options(&node.options, open);
}

fn below_options<'m>(options: &'m NodeOptions, open: &mut Vec<Step<'m>>) {
    open.extend(options.checks.iter().map(Step::Check));
    open.extend(nodes_of_options(options).map(Step::Node));
}

fn below_pool<'m>(pool: &'m PoolModel, open: &mut Vec<Step<'m>>) {
    open.extend(pool.checks.iter().map(Step::Check));
    match &pool.body {
        PoolBody::Policy(node) => open.push(Step::Node(node)),
        PoolBody::Members(members) => {
            let checks = members
                .iter()
                .flat_map(|member| member.checks.iter().flatten());
            open.extend(checks.map(Step::Check));
        }
    }
}

/// Lists a name's policies with the type each governs; `None` is every other type.
pub fn policies(name: &NameModel) -> impl Iterator<Item = (Option<Rtype>, &NodeModel)> {
    let types = name
        .type_policies
        .iter()
        .map(|(rtype, node)| (Some(*rtype), node));
    name.policy.iter().map(|node| (None, &**node)).chain(types)
}

/// Returns the branches of a policy; empty for references and `multivalue`.
pub fn branches(node: &NodeModel) -> Vec<&BranchModel> {
    match &node.kind {
        NodeKind::Failover(list)
        | NodeKind::Weighted(list)
        | NodeKind::Nearest(list)
        | NodeKind::Latency(list) => list.iter().collect(),
        NodeKind::Geo(list) => list.iter().map(|(_, branch)| branch).collect(),
        NodeKind::Subnets(list) => list.iter().map(|(_, branch)| branch).collect(),
        NodeKind::Pool(_) | NodeKind::Name(_) | NodeKind::To(_) | NodeKind::Multivalue(_) => {
            Vec::new()
        }
    }
}

/// Returns the nodes that options name: `all-down` and `overflow`.
pub fn nodes_of_options(options: &NodeOptions) -> impl Iterator<Item = &NodeModel> {
    let all_down = match &options.all_down {
        Some(AllDownModel::Node(node)) => Some(&**node),
        _ => None,
    };
    all_down.into_iter().chain(options.overflow.as_deref())
}
