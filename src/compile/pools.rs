//! Pools to runs of members and pool nodes (rules a21-a24).

use std::net::IpAddr;

use crate::wire::{Name, Rtype};
use crate::zone::{Condition, Hold, Lease, MemberLabel, MemberSpec, NodeSpec, Options, RunSpec};

use super::compiler::{Compiler, Family, PoolRun};
use super::conditions::{MemberAt, member_text};
use super::flattened::{Shape, spread_weights};
use crate::model::{
    CheckRef, Force, MemberModel, MemberValue, MinHealthy, PoolBody, PoolId, PoolModel,
};

/// Type under which a member is answered; `None` for a flattened target, which has addresses instead.
fn member_type(member: &MemberModel, shape: Shape) -> Option<Rtype> {
    match &member.value {
        MemberValue::Address(IpAddr::V4(_)) => Some(Rtype::A),
        MemberValue::Address(IpAddr::V6(_)) => Some(Rtype::AAAA),
        MemberValue::Target(_) if member.flatten || shape == Shape::Flat => None,
        MemberValue::Target(_) => Some(Rtype::CNAME),
        MemberValue::Record(rtype, _) => Some(*rtype),
    }
}

fn address_rdata(address: IpAddr) -> Box<[u8]> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

fn member_rdata(value: &MemberValue) -> Box<[u8]> {
    match value {
        MemberValue::Address(address) => address_rdata(*address),
        MemberValue::Target(name) => name.octets().into(),
        MemberValue::Record(_, rdata) => rdata.clone(),
    }
}

/// What one member answers under one type: itself, or the addresses that it stands for.
struct Answers<'m> {
    member: &'m MemberModel,
    rdata: Vec<Box<[u8]>>,
    lease: Option<u32>,
    is_usable: bool,
}

impl<'m> Compiler<'m> {
    /// Returns the runs of a member pool, consecutive, A before AAAA.
    pub(super) fn pool_runs(&mut self, id: PoolId, shape: Shape) -> Vec<PoolRun> {
        let model = self.model;
        let pool = &model.pools[id];
        let PoolBody::Members(members) = &pool.body else {
            return Vec::new();
        };
        // Without targets both shapes are the same.
        let has_names = members
            .iter()
            .any(|member| member_type(member, Shape::Written) == Some(Rtype::CNAME));
        let shape = if has_names { shape } else { Shape::Written };
        if let Some(known) = self.pool_runs.get(&(id, shape)) {
            return known.clone();
        }
        let mut types: Vec<Rtype> = Vec::new();
        for member in members {
            match member_type(member, shape) {
                Some(rtype) => types.push(rtype),
                None => types.extend([Rtype::A, Rtype::AAAA]),
            }
        }
        types.sort_unstable();
        types.dedup();
        let mut specs = Vec::new();
        for rtype in types {
            let answers = self.answers(id, members, shape, rtype);
            let members = self.member_specs(id, pool, &answers);
            if !members.is_empty() {
                specs.push(RunSpec { rtype, members });
            }
        }
        let mut runs = Vec::new();
        for spec in specs {
            let (rtype, specs) = (spec.rtype, spec.members.clone());
            let (run, conditions) = self.policies.run(spec);
            for &condition in &conditions {
                self.policies.ramp(condition, pool.ramp.as_millis() as u32);
            }
            let weights = specs.iter().map(|spec| spec.weight);
            runs.push(PoolRun {
                rtype,
                run,
                members: conditions.into_iter().zip(weights).collect(),
                specs,
            });
        }
        self.pool_runs.insert((id, shape), runs.clone());
        runs
    }

    /// Returns what members answer under one type.
    fn answers(
        &mut self,
        id: PoolId,
        members: &'m [MemberModel],
        shape: Shape,
        rtype: Rtype,
    ) -> Vec<Answers<'m>> {
        let mut answers = Vec::new();
        for member in members {
            match (member_type(member, shape), &member.value) {
                (Some(own), value) if own == rtype => answers.push(Answers {
                    member,
                    rdata: vec![member_rdata(value)],
                    lease: None,
                    is_usable: true,
                }),
                (None, MemberValue::Target(target)) => {
                    answers.push(self.leased(id, member, target, rtype));
                }
                _ => {}
            }
        }
        answers
    }

    /// Returns the addresses of a flattened target.
    fn leased(
        &mut self,
        id: PoolId,
        member: &'m MemberModel,
        target: &Name,
        rtype: Rtype,
    ) -> Answers<'m> {
        let known = self.flattened.find(target, rtype);
        let lease = Lease {
            target: target.clone(),
            rtype,
            is_usable: known.is_none_or(|known| known.is_usable),
        };
        let lease = self.policies.lease(lease, self.pool_numbers[id]);
        let set = self.flattened.addresses(target, rtype, lease);
        Answers {
            member,
            rdata: set.addresses.iter().copied().map(address_rdata).collect(),
            lease: Some(lease),
            is_usable: set.is_usable,
        }
    }

    fn member_specs(
        &mut self,
        id: PoolId,
        pool: &'m PoolModel,
        answers: &[Answers<'m>],
    ) -> Vec<MemberSpec> {
        let counts = answers.iter().flat_map(|answers| {
            let count = answers.rdata.len();
            std::iter::repeat_n((answers.member.weight, count), count)
        });
        let mut weights = spread_weights(&counts.collect::<Vec<_>>()).into_iter();
        let mut specs = Vec::new();
        for answers in answers.iter().filter(|answers| !answers.rdata.is_empty()) {
            let spec = self.member_spec(id, pool, answers);
            for (rdata, weight) in answers.rdata.iter().zip(weights.by_ref()) {
                specs.push(MemberSpec {
                    rdata: rdata.clone(),
                    weight,
                    ..spec.clone()
                });
            }
        }
        specs
    }

    /// Makes what all records of a member have in common.
    fn member_spec(
        &mut self,
        id: PoolId,
        pool: &'m PoolModel,
        answers: &Answers<'m>,
    ) -> MemberSpec {
        let member = answers.member;
        let site = member.site.as_deref().unwrap_or(&pool.site);
        let at = MemberAt {
            pool: id,
            value: &member.value,
            pool_probe: &pool.probe,
            probe: &member.probe,
            site,
        };
        let mut condition = match &member.checks {
            Some(own) => self.condition_of_all(own, Some(at)),
            None => {
                let recipes: Vec<&CheckRef> = pool
                    .checks
                    .iter()
                    .filter(|check| self.is_recipe(check))
                    .collect();
                self.condition_of_all(recipes, Some(at))
            }
        };
        if !answers.is_usable {
            // Lookups failed for too long (rule a28).
            let never = self.policies.condition(Condition::Constant(false));
            condition = self.policies.all(vec![condition, never]);
        }
        let hold = match member.force {
            None => Hold::None,
            Some(Force::Up) => Hold::Up,
            Some(Force::Down) => Hold::Down,
        };
        let label = MemberLabel {
            pool: self.pool_numbers[id],
            text: member_text(&member.value),
            site: site.to_owned(),
        };
        MemberSpec {
            rdata: Box::default(),
            weight: member.weight,
            condition,
            hold,
            ttl: None,
            lease: answers.lease,
            label,
        }
    }

    /// Returns how many of these members must be healthy (rule a23).
    pub(super) fn min_healthy(&self, id: PoolId, runs: &[PoolRun]) -> u32 {
        match self.model.pools[id].min_healthy {
            MinHealthy::Count(count) => u32::from(count),
            MinHealthy::Percent(percent) => {
                let weighted = runs
                    .iter()
                    .flat_map(|run| &run.members)
                    .filter(|(_, weight)| *weight > 0)
                    .count();
                (weighted as u32 * u32::from(percent)).div_ceil(100).max(1)
            }
        }
    }

    /// Compiles a pool for a family; `None` if it has no member of it (rule a25).
    pub(super) fn pool_spec(&mut self, id: PoolId, family: Family) -> Option<NodeSpec> {
        if let Some(known) = self.pool_specs.get(&(id, family)) {
            return known.clone();
        }
        let model = self.model;
        let pool = &model.pools[id];
        let options = Options {
            ttl: pool.ttl.map(|ttl| (ttl.min, ttl.max)),
            answers: pool.answers.unwrap_or(0),
            ..Options::default()
        };
        let spec = match &pool.body {
            PoolBody::Members(_) => self.members_spec(id, family, options),
            PoolBody::Policy(node) => self
                .at_place(format!("pool:{}", pool.id), |this| {
                    this.node_spec(node, family)
                })
                .map(|spec| self.wrap(spec, options)),
        };
        let gates: Vec<&CheckRef> = pool
            .checks
            .iter()
            .filter(|check| !self.is_recipe(check))
            .collect();
        let gate = self.condition_of_all(gates, None);
        let spec = spec.map(|spec| {
            let mut spec = self.policies.gated(spec, gate);
            spec.label = pool.id.as_str().into();
            spec
        });
        self.pool_specs.insert((id, family), spec.clone());
        spec
    }

    fn members_spec(&mut self, id: PoolId, family: Family, options: Options) -> Option<NodeSpec> {
        let runs = self.pool_runs(id, family.shape());
        let wanted: Vec<PoolRun> = match family {
            Family::Type(rtype) => runs.into_iter().filter(|run| run.rtype == rtype).collect(),
            Family::Together | Family::Addresses => runs,
        };
        let first = wanted.first()?.run;
        let min = self.min_healthy(id, &wanted);
        Some(
            self.policies
                .pool_node(first, wanted.len() as u16, min, options),
        )
    }

    /// Compiles `multivalue`: the members of several pools as one run a type, each healthy if it and its pool are
    /// (rule a47).
    pub(super) fn multivalue_spec(
        &mut self,
        pools: &[PoolId],
        family: Family,
        options: Options,
    ) -> Option<NodeSpec> {
        let types = match family {
            Family::Type(rtype) => vec![rtype],
            Family::Addresses => vec![Rtype::A, Rtype::AAAA],
            Family::Together => vec![Rtype::A, Rtype::AAAA, Rtype::CNAME],
        };
        let mut specs = Vec::new();
        for rtype in types {
            let (members, ramps) = self.merged_members(pools, rtype, family.shape());
            if !members.is_empty() {
                specs.push((RunSpec { rtype, members }, ramps));
            }
        }
        let mut first = None;
        let count = specs.len() as u16;
        for (spec, ramps) in specs {
            let (run, conditions) = self.policies.run(spec);
            for (condition, ramp) in conditions.into_iter().zip(ramps) {
                self.policies.ramp(condition, ramp);
            }
            first = first.or(Some(run));
        }
        Some(self.policies.pool_node(first?, count, 1, options))
    }

    /// Returns members of several pools, and the ramp of each in milliseconds.
    fn merged_members(
        &mut self,
        pools: &[PoolId],
        rtype: Rtype,
        shape: Shape,
    ) -> (Vec<MemberSpec>, Vec<u32>) {
        let model = self.model;
        let mut merged = Vec::new();
        let mut ramps = Vec::new();
        for &id in pools {
            let Some(run) = self
                .pool_runs(id, shape)
                .into_iter()
                .find(|run| run.rtype == rtype)
            else {
                continue;
            };
            let pool = &model.pools[id];
            let enough = self.condition_of_run(id, &run);
            let gates: Vec<&CheckRef> = pool
                .checks
                .iter()
                .filter(|check| !self.is_recipe(check))
                .collect();
            let gate = self.condition_of_all(gates, None);
            for (spec, (own, _)) in run.specs.into_iter().zip(run.members) {
                ramps.push(pool.ramp.as_millis() as u32);
                merged.push(MemberSpec {
                    condition: self.policies.all(vec![own, enough, gate]),
                    hold: Hold::None,
                    ttl: pool.ttl.map(|ttl| ttl.max),
                    ..spec
                });
            }
        }
        (merged, ramps)
    }
}
