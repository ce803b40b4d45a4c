//! What can become unhealthy at all, by checks alone: the ground for "this tier never fails" (rule a51).
//!
//! Overrides and maintenance can take anything down; they are operators' acts and do not count here.

use crate::model::{
    CheckId, CheckKind, CheckRef, Force, GeoKey, MemberModel, MinHealthy, NameId, NodeKind,
    NodeModel, PoolBody, PoolId, PoolModel, SubnetKeys, ZoneModel,
};
use crate::model::{branches, is_gate, members, passes};

/// Answers "can this become unhealthy", each pool, name and check once.
pub(super) struct Vitality<'m> {
    model: &'m ZoneModel,
    pools: Vec<Option<bool>>,
    names: Vec<Option<bool>>,
    /// What each check can become: (can hold, can fail).
    checks: Vec<Option<(bool, bool)>>,
}

impl<'m> Vitality<'m> {
    /// Prepares for a zone.
    pub(super) fn new(model: &'m ZoneModel) -> Self {
        Self {
            model,
            pools: vec![None; model.pools.len()],
            names: vec![None; model.names.len()],
            checks: vec![None; model.checks.len()],
        }
    }

    /// Says whether a branch can become unhealthy: by its own gates, or by what it leads to (rule a43).
    pub(super) fn branch_can_fail(&mut self, branch: &crate::model::BranchModel) -> bool {
        self.any_can_fail(&branch.checks)
            || (branch.follow_health && self.node_can_fail(&branch.node))
    }

    /// Says whether a node can become unhealthy for some client: all its candidates can (rule a11).
    pub(super) fn node_can_fail(&mut self, node: &NodeModel) -> bool {
        if self.any_can_fail(&node.options.checks) {
            return true;
        }
        match &node.kind {
            NodeKind::Pool(id) => self.pool_can_fail(*id),
            NodeKind::Name(id) => self.name_can_fail(*id),
            NodeKind::To(inner) => self.node_can_fail(inner),
            NodeKind::Multivalue(ids) => ids.iter().all(|id| self.pool_can_fail(*id)),
            // Every client's chain ends in `default`; without one some clients have no candidate at all.
            NodeKind::Geo(list) => list
                .iter()
                .find(|(key, _)| *key == GeoKey::Default)
                .is_none_or(|(_, branch)| self.branch_can_fail(branch)),
            NodeKind::Subnets(list) => list
                .iter()
                .find(|(keys, _)| *keys == SubnetKeys::Default)
                .is_none_or(|(_, branch)| self.branch_can_fail(branch)),
            _ => branches(node)
                .into_iter()
                .all(|branch| self.branch_can_fail(branch)),
        }
    }

    /// Says whether a pool can become unhealthy.
    pub(super) fn pool_can_fail(&mut self, id: PoolId) -> bool {
        let Some(pool) = self.model.pools.get(id) else {
            return true;
        };
        if let Some(known) = self.pools[id] {
            return known;
        }
        // Stands while the pool is being judged, so that a cycle ends; cycles are faults elsewhere.
        self.pools[id] = Some(true);
        let model = self.model;
        let gates: Vec<CheckRef> = pool
            .checks
            .iter()
            .filter(|reference| is_gate(model, reference))
            .cloned()
            .collect();
        let can_fail = self.any_can_fail(&gates)
            || match &pool.body {
                PoolBody::Policy(node) => self.node_can_fail(node),
                PoolBody::Members(_) => self.members_can_fail(pool),
            };
        self.pools[id] = Some(can_fail);
        can_fail
    }

    /// Rule a23: too few of the members it would answer from are left.
    fn members_can_fail(&mut self, pool: &PoolModel) -> bool {
        let (mut steady, mut steady_standby, mut weighted) = (0usize, 0usize, 0usize);
        for member in members(pool) {
            let is_steady = !self.member_can_fail(pool, member);
            if member.weight > 0 {
                weighted += 1;
                steady += usize::from(is_steady);
            } else {
                steady_standby += usize::from(is_steady);
            }
        }
        let needed = needed_members(pool.min_healthy, weighted);
        steady < needed && !(needed == 1 && steady_standby > 0)
    }

    /// Says whether a member can become unhealthy: its own recipes, or the pool's.
    pub(super) fn member_can_fail(&mut self, pool: &PoolModel, member: &MemberModel) -> bool {
        match member.force {
            Some(Force::Up) => return false,
            Some(Force::Down) => return true,
            None => {}
        }
        match &member.checks {
            Some(own) => self.any_can_fail(own),
            None => {
                let model = self.model;
                let recipes: Vec<CheckRef> = pool
                    .checks
                    .iter()
                    .filter(|reference| !is_gate(model, reference))
                    .cloned()
                    .collect();
                self.any_can_fail(&recipes)
            }
        }
    }

    fn name_can_fail(&mut self, id: NameId) -> bool {
        let Some(name) = self.model.names.get(id) else {
            return true;
        };
        if let Some(known) = self.names[id] {
            return known;
        }
        self.names[id] = Some(true);
        // A static record set is healthy unless a check on its name says otherwise (rule a42).
        let can_fail = self.any_can_fail(&name.options.checks)
            || crate::model::policies(name).any(|(_, node)| self.node_can_fail(node));
        self.names[id] = Some(can_fail);
        can_fail
    }

    fn any_can_fail(&mut self, refs: &[CheckRef]) -> bool {
        refs.iter().any(|reference| self.outcomes(reference).1)
    }

    /// Returns (can hold, can fail).
    fn outcomes(&mut self, reference: &CheckRef) -> (bool, bool) {
        match reference {
            CheckRef::Check(id) => self.check_outcomes(*id),
            CheckRef::Switch(..) => (true, true),
            CheckRef::Pool(id) => (true, self.pool_can_fail(*id)),
            CheckRef::Name(id) => (true, self.name_can_fail(*id)),
        }
    }

    fn check_outcomes(&mut self, id: CheckId) -> (bool, bool) {
        let Some(check) = self.model.checks.get(id) else {
            return (true, true);
        };
        if let Some(known) = self.checks[id] {
            return known;
        }
        self.checks[id] = Some((true, true));
        let (holds, fails) = if check.disabled {
            // Counts as healthy and probes nothing; `invert` is applied last (rule a38).
            (true, false)
        } else if let CheckKind::Calculated { rule, children } = &check.kind {
            let outcomes: Vec<(bool, bool)> =
                children.iter().map(|child| self.outcomes(child)).collect();
            let most = outcomes.iter().filter(|(holds, _)| *holds).count();
            let least = outcomes.iter().filter(|(_, fails)| !*fails).count();
            // A rule is monotone in the number that hold (`Not`: falling), so both ends say it all.
            let ends = [
                passes(*rule, most, outcomes.len()),
                passes(*rule, least, outcomes.len()),
            ];
            (ends.contains(&true), ends.contains(&false))
        } else {
            (true, true)
        };
        let outcome = if check.invert {
            (fails, holds)
        } else {
            (holds, fails)
        };
        self.checks[id] = Some(outcome);
        outcome
    }
}

/// Returns how many members must be healthy (rule a23).
pub(super) fn needed_members(min_healthy: MinHealthy, weighted: usize) -> usize {
    match min_healthy {
        MinHealthy::Count(count) => usize::from(count).max(1),
        MinHealthy::Percent(percent) => (weighted * usize::from(percent)).div_ceil(100).max(1),
    }
}
