//! Pools to runs of members and pool nodes (rules a21-a24).

use std::net::IpAddr;

use crate::wire::Rtype;
use crate::zone::{Hold, JudgeId, MemberLabel, MemberSpec, NodeSpec, Options, RunSpec};

use super::super::model::{
    CheckRef, Force, MemberModel, MemberValue, MinHealthy, PoolBody, PoolId, PoolModel,
};
use super::compiler::{Compiler, Family, PoolRun};
use super::judges::{MemberAt, member_text};

/// Type under which a member is answered; `None` for a flattened target, whose addresses are not known here.
fn member_type(member: &MemberModel) -> Option<Rtype> {
    match &member.value {
        MemberValue::Address(IpAddr::V4(_)) => Some(Rtype::A),
        MemberValue::Address(IpAddr::V6(_)) => Some(Rtype::AAAA),
        MemberValue::Target(_) if member.flatten => None,
        MemberValue::Target(_) => Some(Rtype::CNAME),
        MemberValue::Record(rtype, _) => Some(*rtype),
    }
}

fn member_rdata(value: &MemberValue) -> Box<[u8]> {
    match value {
        MemberValue::Address(IpAddr::V4(address)) => address.octets().into(),
        MemberValue::Address(IpAddr::V6(address)) => address.octets().into(),
        MemberValue::Target(name) => name.octets().into(),
        MemberValue::Record(_, rdata) => rdata.clone(),
    }
}

impl<'m> Compiler<'m> {
    /// Returns the runs of a member pool, consecutive, A before AAAA.
    pub(super) fn pool_runs(&mut self, id: PoolId) -> Vec<PoolRun> {
        if let Some(known) = self.pool_runs.get(&id) {
            return known.clone();
        }
        let model = self.model;
        let pool = &model.pools[id];
        let PoolBody::Members(members) = &pool.body else {
            return Vec::new();
        };
        let mut types: Vec<Rtype> = members.iter().filter_map(member_type).collect();
        types.sort_unstable();
        types.dedup();
        let mut specs = Vec::new();
        for rtype in types {
            let of_type: Vec<&'m MemberModel> = members
                .iter()
                .filter(|member| member_type(member) == Some(rtype))
                .collect();
            let weights: Vec<u16> = of_type.iter().map(|member| member.weight).collect();
            let members = of_type
                .into_iter()
                .map(|member| self.member_spec(id, pool, member))
                .collect();
            specs.push((RunSpec { rtype, members }, weights));
        }
        let mut runs = Vec::new();
        for (spec, weights) in specs {
            let rtype = spec.rtype;
            let (run, judges) = self.policies.run(spec);
            for &judge in &judges {
                self.policies.ramp(judge, pool.ramp.as_millis() as u32);
            }
            runs.push(PoolRun {
                rtype,
                run,
                members: judges.into_iter().zip(weights).collect(),
            });
        }
        self.pool_runs.insert(id, runs.clone());
        runs
    }

    fn member_spec(
        &mut self,
        id: PoolId,
        pool: &'m PoolModel,
        member: &'m MemberModel,
    ) -> MemberSpec {
        let site = member.site.as_deref().unwrap_or(&pool.site);
        let at = MemberAt {
            pool: id,
            value: &member.value,
            pool_probe: &pool.probe,
            probe: &member.probe,
            site,
        };
        let judge = match &member.checks {
            Some(own) => self.judge_all(own, Some(at)),
            None => {
                let recipes: Vec<&CheckRef> = pool
                    .checks
                    .iter()
                    .filter(|check| self.is_recipe(check))
                    .collect();
                self.judge_all(recipes, Some(at))
            }
        };
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
            rdata: member_rdata(&member.value),
            weight: member.weight,
            judge,
            hold,
            ttl: None,
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
        let gate = self.judge_all(gates, None);
        let spec = spec.map(|spec| {
            let mut spec = self.policies.gated(spec, gate);
            spec.label = pool.id.as_str().into();
            spec
        });
        self.pool_specs.insert((id, family), spec.clone());
        spec
    }

    fn members_spec(&mut self, id: PoolId, family: Family, options: Options) -> Option<NodeSpec> {
        let runs = self.pool_runs(id);
        let wanted: Vec<PoolRun> = match family {
            Family::Type(rtype) => runs.into_iter().filter(|run| run.rtype == rtype).collect(),
            Family::Together => runs,
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
            Family::Together => vec![Rtype::A, Rtype::AAAA, Rtype::CNAME],
        };
        let mut specs = Vec::new();
        for rtype in types {
            let (members, ramps) = self.merged_members(pools, rtype);
            if !members.is_empty() {
                specs.push((RunSpec { rtype, members }, ramps));
            }
        }
        let mut first = None;
        let count = specs.len() as u16;
        for (spec, ramps) in specs {
            let (run, judges) = self.policies.run(spec);
            for (judge, ramp) in judges.into_iter().zip(ramps) {
                self.policies.ramp(judge, ramp);
            }
            first = first.or(Some(run));
        }
        Some(self.policies.pool_node(first?, count, 1, options))
    }

    /// Returns members of several pools, and the ramp of each in milliseconds.
    fn merged_members(&mut self, pools: &[PoolId], rtype: Rtype) -> (Vec<MemberSpec>, Vec<u32>) {
        let model = self.model;
        let mut merged = Vec::new();
        let mut ramps = Vec::new();
        for &id in pools {
            let Some(run) = self
                .pool_runs(id)
                .into_iter()
                .find(|run| run.rtype == rtype)
            else {
                continue;
            };
            let pool = &model.pools[id];
            let enough = self.judge_run(id, &run);
            let gates: Vec<&CheckRef> = pool
                .checks
                .iter()
                .filter(|check| !self.is_recipe(check))
                .collect();
            let gate = self.judge_all(gates, None);
            let PoolBody::Members(members) = &pool.body else {
                continue;
            };
            let of_type = members
                .iter()
                .filter(|member| member_type(member) == Some(rtype));
            for (member, (own, weight)) in of_type.zip(run.members) {
                let judge: JudgeId = self.policies.all(vec![own, enough, gate]);
                let text = member_text(&member.value);
                let site = member.site.clone().unwrap_or_else(|| pool.site.clone());
                ramps.push(pool.ramp.as_millis() as u32);
                merged.push(MemberSpec {
                    rdata: member_rdata(&member.value),
                    weight,
                    judge,
                    hold: Hold::None,
                    ttl: pool.ttl.map(|ttl| ttl.max),
                    label: MemberLabel {
                        pool: self.pool_numbers[id],
                        text,
                        site,
                    },
                });
            }
        }
        (merged, ramps)
    }
}
