//! Reviews of single policies: tiers that never fail, weights without effect, failback over clients' places, and how
//! many nodes one question can visit.

use std::collections::BTreeSet;

use super::vitality::Vitality;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::model::{
    BranchModel, Failback, MemberValue, NameModel, NodeKind, NodeModel, PoolBody, PoolId, ZoneModel,
};
use crate::model::{Root, branches, leaves, members, nodes_within, pool_path, roots};

/// Most nodes that one question may visit; more would make every query slow.
pub const VISITS_MAX: u32 = 256;

/// Reviews every policy of the zone.
pub(super) fn review(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    let mut vitality = Vitality::new(model);
    let mut places = Places::new(model);
    for root in roots(model) {
        for node in nodes_within(root.node) {
            review_never_failing(&mut vitality, &root, node, findings);
            review_weights(&root, node, findings);
            review_locations(&root, node, findings);
            review_shared_addresses(model, &root, node, findings);
            review_failback(&mut places, &root, node, findings);
        }
        review_visits(&mut places, &root, findings);
    }
    for pool in &model.pools {
        review_mixed_members(&mut vitality, pool, findings);
    }
}

/// Rule a51: a tier before the last, or one branch among checked ones, that can never be unhealthy.
fn review_never_failing(
    vitality: &mut Vitality<'_>,
    root: &Root<'_>,
    node: &NodeModel,
    findings: &mut Vec<Diagnostic>,
) {
    let list = branches(node);
    match &node.kind {
        NodeKind::Failover(_) => {
            let Some((_, earlier)) = list.split_last() else {
                return;
            };
            let Some(at) = earlier
                .iter()
                .position(|branch| !vitality.branch_can_fail(branch))
            else {
                return;
            };
            let code = if at == 0 { "R003" } else { "R004" };
            let rest: Vec<String> = list[at + 1..].iter().map(|branch| quoted(branch)).collect();
            let which = if at == 0 {
                "the first tier"
            } else {
                "the tier"
            };
            findings.push(
                Diagnostic::new(
                    Severity::Warning,
                    code,
                    &list[at].node.span,
                    &root.path,
                    format!(
                        "{which} {} can never be unhealthy, so {} {} never answered",
                        quoted(list[at]),
                        rest.join(", "),
                        if rest.len() == 1 { "is" } else { "are" },
                    ),
                )
                .help(never_failing_help(list[at])),
            );
        }
        NodeKind::Weighted(_) | NodeKind::Nearest(_) | NodeKind::Latency(_) => {
            let steady: Vec<bool> = list
                .iter()
                .map(|branch| !vitality.branch_can_fail(branch))
                .collect();
            if !steady.contains(&false) {
                return;
            }
            for (branch, _) in list.iter().zip(&steady).filter(|(_, steady)| **steady) {
                findings.push(
                    Diagnostic::new(
                        Severity::Warning,
                        "R004",
                        &branch.node.span,
                        &root.path,
                        format!(
                            "{} can never be unhealthy: it keeps this policy healthy for ever, whatever happens to the other branches",
                            quoted(branch)
                        ),
                    )
                    .help(never_failing_help(branch)),
                );
            }
        }
        _ => {}
    }
}

fn never_failing_help(branch: &BranchModel) -> String {
    if branch.follow_health {
        format!("give {} a `check`", quoted(branch))
    } else {
        format!(
            "`follow-health = false` hides the health of {}; leave it out, or give the branch a `check` of its own",
            quoted(branch)
        )
    }
}

/// Rule a51 inside a pool: members with checks beside members without.
fn review_mixed_members(
    vitality: &mut Vitality<'_>,
    pool: &crate::model::PoolModel,
    findings: &mut Vec<Diagnostic>,
) {
    let PoolBody::Members(list) = &pool.body else {
        return;
    };
    let is_checked: Vec<bool> = list
        .iter()
        .map(|member| vitality.member_can_fail(pool, member))
        .collect();
    if crate::model::is_anonymous(pool) || !is_checked.contains(&true) {
        return;
    }
    for (member, _) in list.iter().zip(&is_checked).filter(|(member, checked)| {
        // A standby member, or one that somebody forces up, is meant so.
        !**checked && member.weight > 0 && member.force.is_none()
    }) {
        findings.push(
            Diagnostic::new(
                Severity::Warning,
                "R004",
                &member.span,
                pool_path(pool),
                format!(
                    "this member of `{}` has no check: it counts as healthy for ever while others are checked",
                    pool.id
                ),
            )
            .help("give the pool a `check`; a member's own `check` then replaces it there"),
        );
    }
}

fn review_weights(root: &Root<'_>, node: &NodeModel, findings: &mut Vec<Diagnostic>) {
    let NodeKind::Weighted(list) = &node.kind else {
        return;
    };
    if list.len() > 1 && list.iter().all(|branch| branch.weight == 0) {
        findings.push(
            Diagnostic::new(
                Severity::Warning,
                "R013",
                &node.span,
                &root.path,
                "every weight is 0: all branches are drawn equally, as standbys of nothing",
            )
            .help("give equal weights such as 1, or leave 0 to the standby alone"),
        );
    }
}

/// Rule a20: every entry of `nearest` and `latency` stands somewhere.
fn review_locations(root: &Root<'_>, node: &NodeModel, findings: &mut Vec<Diagnostic>) {
    let (NodeKind::Nearest(list) | NodeKind::Latency(list)) = &node.kind else {
        return;
    };
    for branch in list.iter().filter(|branch| branch.location.is_none()) {
        findings.push(
            Diagnostic::new(
                Severity::Fault,
                "R017",
                &branch.node.span,
                &root.path,
                format!("nobody knows where {} stands", quoted(branch)),
            )
            .help("write `at` on the pool, or on this entry if it is no plain pool"),
        );
    }
}

/// One address in two tiers: when it dies, the next tier is dead too.
fn review_shared_addresses(
    model: &ZoneModel,
    root: &Root<'_>,
    node: &NodeModel,
    findings: &mut Vec<Diagnostic>,
) {
    let NodeKind::Failover(list) = &node.kind else {
        return;
    };
    let pools: Vec<BTreeSet<PoolId>> = list
        .iter()
        .map(|branch| leaves(model, &branch.node))
        .collect();
    for (at, pair) in list.windows(2).enumerate() {
        // A tier that is a policy may leave some clients or pools out, so only plain tiers are compared.
        if pools[at].len() != 1 {
            continue;
        }
        let (earlier, later) = (
            values_of(model, &pools[at]),
            values_of(model, &pools[at + 1]),
        );
        let Some(shared) = later.first().filter(|_| later.is_subset(&earlier)) else {
            continue;
        };
        findings.push(
            Diagnostic::new(
                Severity::Warning,
                "R019",
                &pair[1].node.span,
                &root.path,
                format!(
                    "{} has only what {} has ({}): it cannot help when that fails",
                    quoted(&pair[1]),
                    quoted(&pair[0]),
                    shared
                ),
            )
            .related(&pair[0].node.span, "the tier before it"),
        );
    }
}

fn values_of(model: &ZoneModel, pools: &BTreeSet<PoolId>) -> BTreeSet<String> {
    pools
        .iter()
        .filter_map(|id| model.pools.get(*id))
        .flat_map(members)
        .map(|member| match &member.value {
            MemberValue::Address(address) => address.to_string(),
            MemberValue::Target(name) => name.to_string(),
            MemberValue::Record(rtype, octets) => format!("{rtype} {octets:02x?}"),
        })
        .collect()
}

/// Rule a40: what is held cannot depend on who asks.
fn review_failback(
    places: &mut Places<'_>,
    root: &Root<'_>,
    node: &NodeModel,
    findings: &mut Vec<Diagnostic>,
) {
    let NodeKind::Failover(list) = &node.kind else {
        return;
    };
    if *failback_of(root.name, root.node, node) == Failback::Auto {
        return;
    }
    for branch in list {
        if branch.follow_health && places.depends_on_client(&branch.node) {
            findings.push(
                Diagnostic::new(
                    Severity::Fault,
                    "R008",
                    &branch.node.span,
                    &root.path,
                    format!(
                        "`failback` other than \"auto\" needs tiers whose health is the same for every client; that of {} depends on where the client is",
                        quoted(branch)
                    ),
                )
                .help("put the failover below the `geo` or `subnets`, or use `failback = \"auto\"`"),
            );
        }
    }
}

/// Options of a name hold for its topmost node.
fn failback_of<'m>(
    name: Option<&'m NameModel>,
    top: &NodeModel,
    node: &'m NodeModel,
) -> &'m Failback {
    match name {
        Some(name) if std::ptr::eq(top, node) && node.options.failback == Failback::Auto => {
            &name.options.failback
        }
        _ => &node.options.failback,
    }
}

fn review_visits(places: &mut Places<'_>, root: &Root<'_>, findings: &mut Vec<Diagnostic>) {
    let visits = places.visits(root.node);
    if visits > VISITS_MAX {
        findings.push(
            Diagnostic::new(
                Severity::Fault,
                "R009",
                &root.node.span,
                &root.path,
                format!(
                    "one question could visit {visits} policy nodes; at most {VISITS_MAX} are allowed"
                ),
            )
            .help("nest fewer `geo` and `subnets` policies inside other policies"),
        );
    }
}

/// Which nodes' health depends on the client, and how many nodes a question visits.
struct Places<'m> {
    model: &'m ZoneModel,
    depends: Vec<Option<bool>>,
    name_depends: Vec<Option<bool>>,
    pool_visits: Vec<Option<u32>>,
    name_visits: Vec<Option<u32>>,
}

impl<'m> Places<'m> {
    fn new(model: &'m ZoneModel) -> Self {
        Self {
            model,
            depends: vec![None; model.pools.len()],
            name_depends: vec![None; model.names.len()],
            pool_visits: vec![None; model.pools.len()],
            name_visits: vec![None; model.names.len()],
        }
    }

    /// Says whether a node's health can differ between clients: a `geo` or `subnets` below it (rule a11).
    fn depends_on_client(&mut self, node: &NodeModel) -> bool {
        match &node.kind {
            NodeKind::Geo(_) | NodeKind::Subnets(_) => true,
            NodeKind::Pool(id) => {
                let Some(pool) = self.model.pools.get(*id) else {
                    return false;
                };
                if let Some(known) = self.depends[*id] {
                    return known;
                }
                self.depends[*id] = Some(false);
                let depends = match &pool.body {
                    PoolBody::Policy(node) => self.depends_on_client(node),
                    PoolBody::Members(_) => false,
                };
                self.depends[*id] = Some(depends);
                depends
            }
            NodeKind::Name(id) => {
                let Some(name) = self.model.names.get(*id) else {
                    return false;
                };
                if let Some(known) = self.name_depends[*id] {
                    return known;
                }
                self.name_depends[*id] = Some(false);
                let depends =
                    crate::model::policies(name).any(|(_, node)| self.depends_on_client(node));
                self.name_depends[*id] = Some(depends);
                depends
            }
            NodeKind::To(inner) => self.depends_on_client(inner),
            NodeKind::Multivalue(_) => false,
            _ => branches(node)
                .into_iter()
                .any(|branch| branch.follow_health && self.depends_on_client(&branch.node)),
        }
    }

    /// Counts the most nodes a question visits: the path taken, and every node below it that must be judged for this
    /// client. A subtree whose health is the same for every client is one bit and counts 1.
    fn visits(&mut self, node: &NodeModel) -> u32 {
        let below = match &node.kind {
            NodeKind::Pool(id) => return self.pool_visits(*id),
            NodeKind::Name(id) => return self.name_visits(*id),
            NodeKind::To(inner) => self.visits(inner),
            NodeKind::Multivalue(_) => 0,
            _ => {
                let mut judged = 0u32;
                let mut longest = 0u32;
                for branch in branches(node) {
                    let visits = self.visits(&branch.node);
                    longest = longest.max(visits);
                    if branch.follow_health && self.depends_on_client(&branch.node) {
                        judged = judged.saturating_add(visits);
                    }
                }
                judged.saturating_add(longest)
            }
        };
        below.saturating_add(1)
    }

    fn pool_visits(&mut self, id: PoolId) -> u32 {
        let Some(PoolBody::Policy(node)) = self.model.pools.get(id).map(|pool| &pool.body) else {
            return 1;
        };
        if let Some(known) = self.pool_visits[id] {
            return known;
        }
        self.pool_visits[id] = Some(1);
        let visits = self.visits(node).saturating_add(1);
        self.pool_visits[id] = Some(visits);
        visits
    }

    fn name_visits(&mut self, id: usize) -> u32 {
        let Some(name) = self.model.names.get(id) else {
            return 1;
        };
        if let Some(known) = self.name_visits[id] {
            return known;
        }
        self.name_visits[id] = Some(1);
        let longest = crate::model::policies(name)
            .map(|(_, node)| self.visits(node))
            .max()
            .unwrap_or(0);
        self.name_visits[id] = Some(longest.saturating_add(1));
        longest.saturating_add(1)
    }
}

/// Writes a branch's label between backticks.
fn quoted(branch: &BranchModel) -> String {
    format!("`{}`", branch.label)
}
