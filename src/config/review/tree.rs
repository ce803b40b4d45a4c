//! Walks over the policies of a zone: what is written where, and what can be reached from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::model::{
    AllDownModel, BranchModel, CalculatedRule, CheckId, CheckKind, CheckModel, CheckRef,
    MemberModel, MemberValue, NameId, NameModel, NodeKind, NodeModel, NodeOptions, PoolBody,
    PoolId, PoolModel, ZoneModel,
};
use crate::wire::{Name, Rtype};

/// Deepest nesting that walks follow: twice what the reader allows (rule a42), so that even a cycle ends.
pub(super) const DEPTH_MAX: usize = 32;

/// A policy where it is written: at a name, at a type of a name, or as a pool's body.
pub(super) struct Root<'m> {
    /// Its TOML path.
    pub(super) path: String,
    /// The node.
    pub(super) node: &'m NodeModel,
    /// The name it belongs to, if any.
    pub(super) name: Option<&'m NameModel>,
}

/// Lists every policy of the zone: names first, then pools.
pub(super) fn roots(model: &ZoneModel) -> Vec<Root<'_>> {
    let mut roots = Vec::new();
    for name in &model.names {
        for (rtype, node) in policies(name) {
            let path = name_path(model, &name.owner);
            roots.push(Root {
                path: rtype.map_or_else(|| path.clone(), |rtype| format!("{path}.{rtype}")),
                node,
                name: Some(name),
            });
        }
    }
    for pool in &model.pools {
        if let PoolBody::Policy(node) = &pool.body {
            roots.push(Root {
                path: pool_path(pool),
                node,
                name: None,
            });
        }
    }
    roots
}

/// Lists a name's policies with the type each governs; `None` is every other type.
pub(super) fn policies(name: &NameModel) -> impl Iterator<Item = (Option<Rtype>, &NodeModel)> {
    let types = name
        .type_policies
        .iter()
        .map(|(rtype, node)| (Some(*rtype), node));
    name.policy.iter().map(|node| (None, &**node)).chain(types)
}

/// Writes the TOML path of a name.
pub(super) fn name_path(model: &ZoneModel, owner: &Name) -> String {
    let relative = owner.to_relative(&model.apex);
    let is_bare = relative
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_');
    if is_bare {
        format!("names.{relative}")
    } else {
        format!("names.\"{relative}\"")
    }
}

/// Writes the TOML path of a pool; the id of an anonymous pool is a path already.
pub(super) fn pool_path(pool: &PoolModel) -> String {
    if is_anonymous(pool) {
        pool.id.clone()
    } else {
        format!("pools.{}", pool.id)
    }
}

/// Says whether a pool was made from a record list (rule a47): ids hold no dot.
pub(in crate::config) fn is_anonymous(pool: &PoolModel) -> bool {
    pool.id.contains('.')
}

/// Returns the branches of a policy; empty for references and `multivalue`.
pub(super) fn branches(node: &NodeModel) -> Vec<&BranchModel> {
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

/// Returns a node and every node written inside it, references not followed.
pub(in crate::config) fn nodes_within(node: &NodeModel) -> Vec<&NodeModel> {
    let mut found = vec![node];
    let mut at = 0;
    while let Some(&node) = found.get(at) {
        at += 1;
        found.extend(branches(node).into_iter().map(|branch| &branch.node));
        if let NodeKind::To(inner) = &node.kind {
            found.push(inner);
        }
        found.extend(nodes_of_options(&node.options));
    }
    found
}

/// Returns the nodes that options name: `all-down` and `overflow`.
pub(super) fn nodes_of_options(options: &NodeOptions) -> impl Iterator<Item = &NodeModel> {
    let all_down = match &options.all_down {
        Some(AllDownModel::Node(node)) => Some(&**node),
        _ => None,
    };
    all_down.into_iter().chain(options.overflow.as_deref())
}

/// Everything that can be reached from some nodes, references followed.
#[derive(Default)]
pub(super) struct Reach {
    /// Pools, policy pools included.
    pub(super) pools: BTreeSet<PoolId>,
    /// Names.
    pub(super) names: BTreeSet<NameId>,
    /// Checks, children of calculated ones included.
    pub(super) checks: BTreeSet<CheckId>,
}

impl Reach {
    /// Follows a name's policies and options.
    pub(super) fn add_name(&mut self, model: &ZoneModel, id: NameId) {
        let Some(name) = model.names.get(id) else {
            return;
        };
        // Of a name that leads nowhere nothing need be remembered.
        let leads = policies(name).next().is_some()
            || !name.options.checks.is_empty()
            || nodes_of_options(&name.options).next().is_some();
        if !leads || !self.names.insert(id) {
            return;
        }
        self.add_options(model, &name.options);
        for (_, node) in policies(name) {
            self.add_node(model, node);
        }
    }

    /// Follows a node.
    pub(super) fn add_node(&mut self, model: &ZoneModel, node: &NodeModel) {
        self.add_options(model, &node.options);
        match &node.kind {
            NodeKind::Pool(id) => self.add_pool(model, *id),
            NodeKind::Name(id) => self.add_name(model, *id),
            NodeKind::To(inner) => self.add_node(model, inner),
            NodeKind::Multivalue(ids) => {
                for id in ids {
                    self.add_pool(model, *id);
                }
            }
            _ => {
                for branch in branches(node) {
                    self.add_refs(model, &branch.checks);
                    self.add_node(model, &branch.node);
                }
            }
        }
    }

    /// Follows a pool.
    pub(super) fn add_pool(&mut self, model: &ZoneModel, id: PoolId) {
        if !self.pools.insert(id) {
            return;
        }
        let Some(pool) = model.pools.get(id) else {
            return;
        };
        self.add_refs(model, &pool.checks);
        match &pool.body {
            PoolBody::Policy(node) => self.add_node(model, node),
            PoolBody::Members(members) => {
                for member in members {
                    self.add_refs(model, member.checks.as_deref().unwrap_or_default());
                }
            }
        }
    }

    fn add_options(&mut self, model: &ZoneModel, options: &NodeOptions) {
        self.add_refs(model, &options.checks);
        for node in nodes_of_options(options) {
            self.add_node(model, node);
        }
    }

    fn add_refs(&mut self, model: &ZoneModel, refs: &[CheckRef]) {
        for reference in refs {
            match reference {
                CheckRef::Check(id) | CheckRef::Switch(id, _) => {
                    if !self.checks.insert(*id) {
                        continue;
                    }
                    if let Some(CheckKind::Calculated { children, .. }) =
                        model.checks.get(*id).map(|check| &check.kind)
                    {
                        self.add_refs(model, children);
                    }
                }
                CheckRef::Pool(id) => self.add_pool(model, *id),
                CheckRef::Name(id) => self.add_name(model, *id),
            }
        }
    }
}

/// The plain pools that a node may answer from, health references not followed.
pub(super) fn leaves(model: &ZoneModel, node: &NodeModel) -> BTreeSet<PoolId> {
    let mut leaves = BTreeSet::new();
    let mut seen_pools = BTreeSet::new();
    let mut seen_names = BTreeSet::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        open.extend(nodes_of_options(&node.options));
        open.extend(branches(node).into_iter().map(|branch| &branch.node));
        let pools: &[PoolId] = match &node.kind {
            NodeKind::Pool(id) => std::slice::from_ref(id),
            NodeKind::Multivalue(ids) => ids,
            NodeKind::To(inner) => {
                open.push(inner);
                &[]
            }
            NodeKind::Name(id) => {
                if let Some(name) = model.names.get(*id)
                    && seen_names.insert(*id)
                {
                    open.extend(policies(name).map(|(_, node)| node));
                    open.extend(nodes_of_options(&name.options));
                }
                &[]
            }
            _ => &[],
        };
        for id in pools {
            if !seen_pools.insert(*id) {
                continue;
            }
            match model.pools.get(*id).map(|pool| &pool.body) {
                Some(PoolBody::Policy(node)) => open.push(node),
                Some(PoolBody::Members(_)) => {
                    leaves.insert(*id);
                }
                None => {}
            }
        }
    }
    leaves
}

/// Returns the members of a plain pool; empty for policy pools.
pub(in crate::config) fn members(pool: &PoolModel) -> &[MemberModel] {
    match &pool.body {
        PoolBody::Members(members) => members,
        PoolBody::Policy(_) => &[],
    }
}

/// Counts a pool's members by the type they answer, targets as CNAME.
pub(super) fn members_by_type(pool: &PoolModel) -> BTreeMap<Rtype, Vec<&MemberModel>> {
    let mut by_type: BTreeMap<Rtype, Vec<&MemberModel>> = BTreeMap::new();
    for member in members(pool) {
        by_type.entry(member_type(member)).or_default().push(member);
    }
    by_type
}

/// Returns the type a member answers.
pub(super) fn member_type(member: &MemberModel) -> Rtype {
    match &member.value {
        MemberValue::Address(address) if address.is_ipv4() => Rtype::A,
        MemberValue::Address(_) => Rtype::AAAA,
        MemberValue::Target(_) => Rtype::CNAME,
        MemberValue::Record(rtype, _) => *rtype,
    }
}

/// Says whether a check is judged once, not a member (rule a30).
pub(super) fn is_gate(model: &ZoneModel, reference: &CheckRef) -> bool {
    let mut open = vec![reference];
    let mut seen = BTreeSet::new();
    while let Some(reference) = open.pop() {
        let CheckRef::Check(id) = reference else {
            continue;
        };
        let Some(CheckModel { kind, .. }) = model.checks.get(*id) else {
            continue;
        };
        match kind {
            CheckKind::Probe(template) if template.endpoint.is_none() => return false,
            CheckKind::Calculated { children, .. } if seen.insert(*id) => open.extend(children),
            _ => {}
        }
    }
    true
}

/// Says whether a rule over children passes, given how many of them hold.
pub(super) fn passes(rule: CalculatedRule, holding: usize, children: usize) -> bool {
    match rule {
        CalculatedRule::All => holding == children,
        CalculatedRule::Any => holding > 0,
        CalculatedRule::Not => holding == 0,
        CalculatedRule::AtLeast(wanted) => holding >= wanted,
    }
}
