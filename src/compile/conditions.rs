//! Checks to formulas of health (rules a30-a38).

use std::net::IpAddr;

use crate::health::{
    CertificateProbe, Endpoint, GrpcProbe, HttpProbe, ProbeKind, ProbeRecipe, Target, TcpProbe,
    TlsProbe,
};
use crate::zone::{Condition, ConditionId, TargetUse};

use super::compiler::{Compiler, PoolRun};
use super::flattened::Shape;
use crate::model::{
    CalculatedRule, CheckKind, CheckRef, MemberValue, NameId, NodeKind, NodeModel, PoolBody,
    PoolId, ProbeOverride, ProbeTemplate,
};

/// A member as far as its probes ask.
#[derive(Clone, Copy)]
pub(super) struct MemberAt<'m> {
    pub(super) pool: PoolId,
    pub(super) value: &'m MemberValue,
    pub(super) pool_probe: &'m ProbeOverride,
    pub(super) probe: &'m ProbeOverride,
    pub(super) site: &'m str,
}

impl<'m> MemberAt<'m> {
    fn over<T>(&self, read: impl Fn(&'m ProbeOverride) -> Option<T>) -> Option<T> {
        read(self.probe).or_else(|| read(self.pool_probe))
    }

    /// Where a recipe goes for this member: `probe.address`, else the member itself.
    fn endpoint(&self) -> Option<Endpoint> {
        if let Some(address) = self.over(|probe| probe.address) {
            return Some(Endpoint::Address(address));
        }
        match self.value {
            MemberValue::Address(address) => Some(Endpoint::Address(*address)),
            MemberValue::Target(name) => Some(Endpoint::Host(
                name.to_string().trim_end_matches('.').to_owned(),
            )),
            MemberValue::Record(..) => None,
        }
    }
}

impl<'m> Compiler<'m> {
    /// Says whether a reference is a recipe: applied to each member (rule a30).
    pub(super) fn is_recipe(&self, check: &CheckRef) -> bool {
        let CheckRef::Check(id) = check else {
            return false;
        };
        match &self.model.checks[*id].kind {
            CheckKind::Probe(template) => template.endpoint.is_none(),
            CheckKind::Calculated { children, .. } => {
                children.iter().any(|child| self.is_recipe(child))
            }
            CheckKind::Manual { .. } | CheckKind::Panel { .. } => false,
        }
    }

    /// Returns the condition that all of these hold.
    pub(super) fn condition_of_all<'c>(
        &mut self,
        checks: impl IntoIterator<Item = &'c CheckRef>,
        member: Option<MemberAt<'m>>,
    ) -> ConditionId {
        let conditions: Vec<ConditionId> = checks
            .into_iter()
            .map(|check| self.condition(check, member))
            .collect();
        self.policies.all(conditions)
    }

    fn condition(&mut self, check: &CheckRef, member: Option<MemberAt<'m>>) -> ConditionId {
        match check {
            CheckRef::Check(id) => self.condition_of_check(*id, member),
            CheckRef::Switch(id, switch) => self.condition_of_switch(*id, *switch),
            CheckRef::Pool(id) => self.condition_of_pool(*id),
            CheckRef::Name(id) => self.condition_of_name(*id),
        }
    }

    fn condition_of_check(&mut self, id: usize, member: Option<MemberAt<'m>>) -> ConditionId {
        let model = self.model;
        let check = &model.checks[id];
        let damped = if check.disabled {
            self.policies.condition(Condition::Constant(true))
        } else {
            match &check.kind {
                CheckKind::Probe(template) => match target_of(template, member) {
                    Some(target) => {
                        let slot = self.policies.target(target);
                        let (pool, site) =
                            member.map_or(("", ""), |at| (&model.pools[at.pool].id[..], at.site));
                        let member = member.map_or_else(String::new, |at| member_text(at.value));
                        self.policies.target_use(TargetUse {
                            slot,
                            check: check.id.clone(),
                            pool: pool.to_owned(),
                            member,
                            site: site.to_owned(),
                        });
                        self.policies.condition(Condition::Target {
                            slot,
                            unknown_is_healthy: check.unknown_is_healthy,
                        })
                    }
                    // A recipe without anything to probe has no data for ever.
                    None => self
                        .policies
                        .condition(Condition::Constant(check.unknown_is_healthy)),
                },
                CheckKind::Manual { .. } => self.condition_of_switch(id, 0),
                CheckKind::Panel { .. } => self
                    .policies
                    .condition(Condition::Constant(check.unknown_is_healthy)),
                CheckKind::Calculated { rule, children } => {
                    let list: Vec<ConditionId> = children
                        .iter()
                        .map(|child| self.condition(child, member))
                        .collect();
                    self.condition_of_calculated(*rule, list)
                }
            }
        };
        if check.invert {
            self.policies.condition(Condition::Not(damped))
        } else {
            damped
        }
    }

    fn condition_of_calculated(
        &mut self,
        rule: CalculatedRule,
        list: Vec<ConditionId>,
    ) -> ConditionId {
        match rule {
            CalculatedRule::All => self.policies.all(list),
            CalculatedRule::Any => self.policies.at_least(1, list),
            CalculatedRule::AtLeast(wanted) => self.policies.at_least(wanted as u32, list),
            CalculatedRule::Not => {
                let all = self.policies.all(list);
                self.policies.condition(Condition::Not(all))
            }
        }
    }

    fn condition_of_switch(&mut self, check: usize, switch: usize) -> ConditionId {
        let first = match &self.model.checks[check].kind {
            CheckKind::Manual { on } => *on,
            CheckKind::Panel { switches, .. } => switches.get(switch).is_some_and(|(_, on)| *on),
            _ => true,
        };
        let policies = &mut self.policies;
        let slot = *self
            .switches
            .entry((check, switch))
            .or_insert_with(|| policies.switch(check, switch, first));
        self.policies.condition(Condition::Switch(slot))
    }

    /// Returns the health of a pool for any type (rules a23, a32).
    fn condition_of_pool(&mut self, id: PoolId) -> ConditionId {
        if let Some(&known) = self.pool_health.get(&id) {
            return known;
        }
        let model = self.model;
        let pool = &model.pools[id];
        let damped = match &pool.body {
            PoolBody::Members(_) => {
                let runs = self.pool_runs(id, Shape::Written);
                let healthy: Vec<ConditionId> = runs
                    .iter()
                    .map(|run| self.condition_of_run(id, run))
                    .collect();
                self.policies.at_least(1, healthy)
            }
            PoolBody::Policy(node) => self.condition_of_node(node),
        };
        let gates: Vec<&CheckRef> = pool
            .checks
            .iter()
            .filter(|check| !self.is_recipe(check))
            .collect();
        let gate = self.condition_of_all(gates, None);
        let damped = self.policies.all(vec![damped, gate]);
        self.pool_health.insert(id, damped);
        damped
    }

    /// Returns whether the members that a pool would answer from for one type number at least `min-healthy`.
    pub(super) fn condition_of_run(&mut self, pool: PoolId, run: &PoolRun) -> ConditionId {
        let min = self.min_healthy(pool, std::slice::from_ref(run));
        let of = |is_standby: bool| -> Vec<ConditionId> {
            run.members
                .iter()
                .filter(|(_, weight)| (*weight == 0) == is_standby)
                .map(|(condition, _)| *condition)
                .collect()
        };
        let (weighted, standby) = (of(false), of(true));
        let enough = self.policies.at_least(min, weighted.clone());
        if standby.is_empty() {
            return enough;
        }
        let any = self.policies.at_least(1, weighted);
        let none = self.policies.condition(Condition::Not(any));
        let standing_by = self.policies.at_least(min, standby);
        let instead = self.policies.all(vec![none, standing_by]);
        self.policies.at_least(1, vec![enough, instead])
    }

    fn condition_of_node(&mut self, node: &'m NodeModel) -> ConditionId {
        let damped = match &node.kind {
            NodeKind::Pool(id) => self.condition_of_pool(*id),
            NodeKind::Name(id) => self.condition_of_name(*id),
            NodeKind::To(inner) => self.condition_of_node(inner),
            NodeKind::Failover(list)
            | NodeKind::Weighted(list)
            | NodeKind::Nearest(list)
            | NodeKind::Latency(list) => {
                let conditions = list
                    .iter()
                    .map(|branch| self.condition_of_branch(branch))
                    .collect();
                self.policies.at_least(1, conditions)
            }
            NodeKind::Geo(list) => {
                let conditions = list
                    .iter()
                    .map(|(_, branch)| self.condition_of_branch(branch))
                    .collect();
                self.policies.at_least(1, conditions)
            }
            NodeKind::Subnets(list) => {
                let conditions = list
                    .iter()
                    .map(|(_, branch)| self.condition_of_branch(branch))
                    .collect();
                self.policies.at_least(1, conditions)
            }
            NodeKind::Multivalue(pools) => {
                let conditions = pools
                    .iter()
                    .map(|pool| self.condition_of_pool(*pool))
                    .collect();
                self.policies.at_least(1, conditions)
            }
        };
        let gate = self.condition_of_all(&node.options.checks, None);
        self.policies.all(vec![damped, gate])
    }

    fn condition_of_branch(&mut self, branch: &'m crate::model::BranchModel) -> ConditionId {
        let gate = self.condition_of_all(&branch.checks, None);
        if !branch.follow_health {
            return gate;
        }
        let below = self.condition_of_node(&branch.node);
        self.policies.all(vec![gate, below])
    }

    /// Returns the health of a name's record sets, any type (rules a32, a42).
    fn condition_of_name(&mut self, id: NameId) -> ConditionId {
        let model = self.model;
        let name = &model.names[id];
        let gate = self.condition_of_all(&name.options.checks, None);
        let nodes: Vec<&'m NodeModel> = name
            .policy
            .as_deref()
            .into_iter()
            .chain(name.type_policies.iter().map(|(_, node)| node))
            .collect();
        if nodes.is_empty() {
            return gate;
        }
        let conditions = nodes
            .into_iter()
            .map(|node| self.condition_of_node(node))
            .collect();
        let any = self.policies.at_least(1, conditions);
        self.policies.all(vec![gate, any])
    }
}

/// How messages name a member.
pub(super) fn member_text(value: &MemberValue) -> String {
    match value {
        MemberValue::Address(address) => address.to_string(),
        MemberValue::Target(name) => name.to_string(),
        MemberValue::Record(rtype, rdata) => crate::wire::written_text(*rtype, rdata),
    }
}

/// Fills a template for one endpoint; `None` for a recipe on a member that has none.
fn target_of(template: &ProbeTemplate, member: Option<MemberAt<'_>>) -> Option<Target> {
    let is_recipe = template.endpoint.is_none();
    let endpoint = match &template.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => member?.endpoint()?,
    };
    let member = member.filter(|_| is_recipe);
    let host_over = member.and_then(|at| at.over(|probe| probe.host.clone()));
    let default_host = default_host(&endpoint, member.map(|at| at.value));
    let port = member
        .and_then(|at| at.over(|probe| probe.port))
        .unwrap_or(template.port);
    let kind = match &template.kind {
        ProbeKind::Http(http) => {
            let host = host_over
                .clone()
                .unwrap_or_else(|| or(&http.host, &default_host));
            let path = member.and_then(|at| at.over(|probe| probe.path.clone()));
            ProbeKind::Http(HttpProbe {
                tls: http
                    .tls
                    .as_ref()
                    .map(|tls| tls_for(tls, host_over.as_deref(), &host)),
                path: path.unwrap_or_else(|| http.path.clone()),
                host,
                ..http.clone()
            })
        }
        ProbeKind::Tcp(tcp) => {
            let host = host_over.clone().unwrap_or(default_host);
            let tls = tcp
                .tls
                .as_ref()
                .map(|tls| tls_for(tls, host_over.as_deref(), &host));
            ProbeKind::Tcp(TcpProbe { tls, ..tcp.clone() })
        }
        ProbeKind::Tls(certificate) => {
            let host = host_over.clone().unwrap_or(default_host);
            ProbeKind::Tls(CertificateProbe {
                tls: tls_for(&certificate.tls, host_over.as_deref(), &host),
                ..certificate.clone()
            })
        }
        ProbeKind::Grpc(grpc) => {
            let host = host_over
                .clone()
                .unwrap_or_else(|| or(&grpc.host, &default_host));
            ProbeKind::Grpc(GrpcProbe {
                tls: grpc
                    .tls
                    .as_ref()
                    .map(|tls| tls_for(tls, host_over.as_deref(), &host)),
                host,
                ..grpc.clone()
            })
        }
        other => other.clone(),
    };
    Some(Target {
        probe: ProbeRecipe {
            endpoint,
            port,
            kind,
            interval: template.interval,
            timeout: template.timeout,
            watch: template.watch,
        },
        damping: template.damping,
    })
}

fn or(written: &str, default: &str) -> String {
    if written.is_empty() {
        default.to_owned()
    } else {
        written.to_owned()
    }
}

/// The host where none is written: the member's target or the check's own, else the address (rule a33).
fn default_host(endpoint: &Endpoint, member: Option<&MemberValue>) -> String {
    if let Some(MemberValue::Target(name)) = member {
        return name.to_string().trim_end_matches('.').to_owned();
    }
    match endpoint {
        Endpoint::Host(host) => host.clone(),
        Endpoint::Here => String::new(),
        Endpoint::Address(IpAddr::V4(address)) => address.to_string(),
        Endpoint::Address(IpAddr::V6(address)) => format!("[{address}]"),
    }
}

/// The server name: as written, unless the probe override names a host; else the host, if it is a name.
fn tls_for(tls: &TlsProbe, host_over: Option<&str>, host: &str) -> TlsProbe {
    let is_address = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
    let from_host = (!is_address).then(|| host.to_owned());
    let server_name = match host_over {
        Some(over) => Some(over.to_owned()),
        None => tls
            .server_name
            .clone()
            .filter(|name| !name.is_empty())
            .or(from_host),
    };
    TlsProbe {
        server_name,
        ..tls.clone()
    }
}
