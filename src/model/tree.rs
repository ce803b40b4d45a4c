//! Walks over the policies of a zone: what is written where, and what can be reached from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::reach::{branches, nodes_of_options, policies};
use crate::model::{
    CalculatedRule, CheckKind, CheckModel, CheckRef, MemberModel, MemberValue, NameModel, NodeKind,
    NodeModel, PoolBody, PoolId, PoolModel, ZoneModel,
};
use crate::model::{Follow, PolicyReach};
use crate::wire::{Name, Rtype};

/// Deepest nesting that walks follow: twice what the reader allows (rule a42), so that even a cycle ends.
pub const DEPTH_MAX: usize = 32;

/// A policy where it is written: at a name, at a type of a name, or as a pool's body.
pub struct Root<'m> {
    /// Its TOML path.
    pub path: String,
    /// The node.
    pub node: &'m NodeModel,
    /// The name it belongs to, if any.
    pub name: Option<&'m NameModel>,
}

/// Lists every policy of the zone: names first, then pools.
pub fn roots(model: &ZoneModel) -> Vec<Root<'_>> {
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

/// Writes the TOML path of a name.
pub fn name_path(model: &ZoneModel, owner: &Name) -> String {
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
pub fn pool_path(pool: &PoolModel) -> String {
    if is_anonymous(pool) {
        pool.id.clone()
    } else {
        format!("pools.{}", pool.id)
    }
}

/// Says whether a pool was made from a record list (rule a47): ids hold no dot.
pub fn is_anonymous(pool: &PoolModel) -> bool {
    pool.id.contains('.')
}

/// Returns a node and every node written inside it, references not followed.
pub fn nodes_within(node: &NodeModel) -> Vec<&NodeModel> {
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

/// The plain pools that a node may answer from, health references not followed.
pub fn leaves(model: &ZoneModel, node: &NodeModel) -> BTreeSet<PoolId> {
    let mut reach = PolicyReach::new(model, Follow::Answers);
    reach.add_node(node);
    reach.plain_pools().map(|(id, _)| id).collect()
}

/// Returns the members of a plain pool; empty for policy pools.
pub fn members(pool: &PoolModel) -> &[MemberModel] {
    match &pool.body {
        PoolBody::Members(members) => members,
        PoolBody::Policy(_) => &[],
    }
}

/// Counts a pool's members by the type they answer, targets as CNAME.
pub fn members_by_type(pool: &PoolModel) -> BTreeMap<Rtype, Vec<&MemberModel>> {
    let mut by_type: BTreeMap<Rtype, Vec<&MemberModel>> = BTreeMap::new();
    for member in members(pool) {
        by_type.entry(member_type(member)).or_default().push(member);
    }
    by_type
}

/// Returns the type a member answers.
pub fn member_type(member: &MemberModel) -> Rtype {
    match &member.value {
        MemberValue::Address(address) if address.is_ipv4() => Rtype::A,
        MemberValue::Address(_) => Rtype::AAAA,
        MemberValue::Target(_) => Rtype::CNAME,
        MemberValue::Record(rtype, _) => *rtype,
    }
}

/// Says whether a check is judged once, not a member (rule a30).
pub fn is_gate(model: &ZoneModel, reference: &CheckRef) -> bool {
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
pub fn passes(rule: CalculatedRule, holding: usize, children: usize) -> bool {
    match rule {
        CalculatedRule::All => holding == children,
        CalculatedRule::Any => holding > 0,
        CalculatedRule::Not => holding == 0,
        CalculatedRule::AtLeast(wanted) => holding >= wanted,
    }
}
