//! Names to entries of the zone: static RRsets, and a root for each type that a policy governs (rules a25-a29).

use std::collections::BTreeSet;

use crate::wire::{AutoHints, Name, Rtype, hints_left_open};
use crate::zone::{ANY_TYPE, BuildFault, Zone, ZoneBuilder};

use super::compiler::{Compiler, Family};
use crate::model::members;
use crate::model::{
    Families, MemberValue, NameId, NodeKind, NodeModel, PoolBody, RrsetModel, SoaModel, ZoneModel,
};
use crate::model::{Follow, PolicyReach};

/// What the members below a policy can answer.
#[derive(Debug, Default)]
struct Answerable {
    types: BTreeSet<Rtype>,
    has_target: bool,
}

impl<'m> Compiler<'m> {
    pub(super) fn compile(mut self, serial: u32) -> Result<Zone, BuildFault> {
        let model = self.model;
        if !model.maintenance.is_empty() {
            self.policies.plans();
        }
        let soa = &model.soa;
        let negative_ttl = soa.negative_ttl.min(soa.ttl);
        let mut builder =
            ZoneBuilder::new(&model.apex, &soa_rdata(soa, serial), soa.ttl, negative_ttl)?;
        for (id, name) in model.names.iter().enumerate() {
            builder.touch(&name.owner)?;
            for set in &name.rrsets {
                let ttl = set.ttl_in(&name.options, model.ttl);
                if has_open_hints(set)
                    && let Some(spec) = self.static_spec(id, Family::Type(set.rtype))
                {
                    let root = self.policies.root(spec, (ttl, ttl));
                    builder.dynamic(&name.owner, set.rtype, root)?;
                } else {
                    builder.rrset(&name.owner, set.rtype, ttl, &set.rdata)?;
                }
            }
            for (rtype, node) in &name.type_policies {
                let family = Family::Type(*rtype);
                if let Some(spec) = self.policy_spec(id, node, family) {
                    let spec = self.with_name_options(id, spec, family);
                    let root = self.policies.root(spec, (model.ttl.min, model.ttl.max));
                    builder.dynamic(&name.owner, *rtype, root)?;
                }
            }
            if let Some(policy) = &name.policy {
                self.compile_policy(id, policy, &mut builder)?;
            }
        }
        builder.finish(self.policies.finish())
    }

    fn compile_policy(
        &mut self,
        id: NameId,
        policy: &'m NodeModel,
        builder: &mut ZoneBuilder,
    ) -> Result<(), BuildFault> {
        let model = self.model;
        let name = &model.names[id];
        let mut reach = PolicyReach::new(model, Follow::Policies);
        reach.add_node(policy);
        reach.add_options(&name.options);
        let mut found = answerable(model, &reach);
        let own: Vec<Rtype> = name.type_policies.iter().map(|(rtype, _)| *rtype).collect();
        // Rule a27: one decision for all types, unless every target is flattened, as at the apex.
        let is_alias = found.has_target && name.owner != model.apex;
        let is_together =
            name.families.or_else(|| self.families_of(policy)) == Some(Families::Together);
        if is_alias || is_together {
            let family = if is_alias {
                Family::Together
            } else {
                Family::Addresses
            };
            let Some(spec) = self.policy_spec(id, policy, family) else {
                return Ok(());
            };
            let spec = self.with_name_options(id, spec, family);
            let root = self.policies.root(spec, (model.ttl.min, model.ttl.max));
            let types = if is_alias {
                vec![ANY_TYPE]
            } else {
                vec![Rtype::A, Rtype::AAAA]
            };
            for rtype in types.into_iter().filter(|rtype| !own.contains(rtype)) {
                builder.dynamic(&name.owner, rtype, root)?;
            }
            if is_alias {
                return Ok(());
            }
            found
                .types
                .retain(|rtype| !matches!(*rtype, Rtype::A | Rtype::AAAA));
        }
        for rtype in found.types {
            if own.contains(&rtype) {
                continue;
            }
            let family = Family::Type(rtype);
            if let Some(spec) = self.policy_spec(id, policy, family) {
                let spec = self.with_name_options(id, spec, family);
                let root = self.policies.root(spec, (model.ttl.min, model.ttl.max));
                builder.dynamic(&name.owner, rtype, root)?;
            }
        }
        Ok(())
    }

    /// Returns the `families` of the policy pool that a name leads to.
    fn families_of(&self, node: &NodeModel) -> Option<Families> {
        match &node.kind {
            NodeKind::To(inner) => self.families_of(inner),
            NodeKind::Pool(id) => {
                let pool = &self.model.pools[*id];
                pool.families.or_else(|| match &pool.body {
                    PoolBody::Policy(node) => self.families_of(node),
                    PoolBody::Members(_) => None,
                })
            }
            NodeKind::Name(id) => {
                let name = &self.model.names[*id];
                name.families
                    .or_else(|| name.policy.as_ref().and_then(|node| self.families_of(node)))
            }
            _ => None,
        }
    }
}

fn answerable(model: &ZoneModel, reach: &PolicyReach<'_>) -> Answerable {
    let mut found = Answerable::default();
    for member in reach.plain_pools().flat_map(|(_, pool)| members(pool)) {
        match &member.value {
            MemberValue::Target(_) => {
                found.has_target |= !member.flatten;
                found.types.extend([Rtype::A, Rtype::AAAA]);
            }
            MemberValue::Address(address) if address.is_ipv4() => {
                found.types.insert(Rtype::A);
            }
            MemberValue::Address(_) => {
                found.types.insert(Rtype::AAAA);
            }
            MemberValue::Record(rtype, _) => {
                found.types.insert(*rtype);
            }
        }
    }
    for name in reach.names().iter().map(|&id| &model.names[id]) {
        let typed = name.type_policies.iter().map(|(rtype, _)| *rtype);
        let address = |rtype: &Rtype| matches!(*rtype, Rtype::A | Rtype::AAAA);
        let fixed = name.rrsets.iter().map(|set| set.rtype).filter(address);
        found.types.extend(typed.chain(fixed));
    }
    found
}

/// Lists the targets that a name answers as their addresses (rules a27, a28).
pub fn flattened_below(model: &ZoneModel, owner: &Name) -> Vec<Name> {
    let mut reach = PolicyReach::new(model, Follow::Policies);
    for name in model.names.iter().filter(|name| name.owner == *owner) {
        let nodes = name.policy.iter().map(|node| &**node);
        for node in nodes.chain(name.type_policies.iter().map(|(_, node)| node)) {
            reach.add_node(node);
        }
        reach.add_options(&name.options);
    }
    let mut targets = BTreeSet::new();
    for member in reach.plain_pools().flat_map(|(_, pool)| members(pool)) {
        if let MemberValue::Target(target) = &member.value
            && (member.flatten || *owner == model.apex)
        {
            targets.insert(target.clone());
        }
    }
    targets.into_iter().collect()
}

/// Says whether a record set has hints that are decided when it is asked for (rule a55).
fn has_open_hints(set: &RrsetModel) -> bool {
    set.rdata
        .iter()
        .any(|rdata| hints_left_open(set.rtype, rdata) != AutoHints::default())
}

fn soa_rdata(soa: &SoaModel, serial: u32) -> Vec<u8> {
    let mut rdata = soa.mname.octets().to_vec();
    rdata.extend_from_slice(soa.rname.octets());
    for number in [serial, soa.refresh, soa.retry, soa.expire, soa.negative_ttl] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    rdata
}
