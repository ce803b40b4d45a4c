//! Review of time: how long a dead address can still be used, from detection and TTL.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::clock::format_duration;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::health::Timeout;
use crate::model::{
    CheckKind, NameModel, NodeKind, NodeModel, PoolBody, PoolId, ProbeTemplate, TtlModel, ZoneModel,
};
use crate::model::{DEPTH_MAX, branches, name_path, nodes_of_options, policies, pool_path};
use crate::model::{Follow, PolicyReach};

/// A TTL below this is never called long. Chosen: five minutes is a common cap of patience.
const LONG_TTL_SECS: u32 = 300;
/// How many times longer than detection a TTL must be to be told. Chosen; no standard value.
const LONG_TTL_FACTOR: u64 = 4;
/// Most nodes walked for one name; what lies deeper is not timed.
const STEPS_MAX: usize = 4_096;

/// Reviews every name with a policy; names that differ in nothing are told once.
pub(super) fn review(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    let mut by_pool: HashMap<(PoolId, Option<u32>), Option<Lag>> = HashMap::new();
    let mut told: BTreeSet<(PoolId, u32)> = BTreeSet::new();
    for name in &model.names {
        for (_, node) in policies(name) {
            let own = smaller(name.options.ttl, node.options.ttl);
            let lag = match node.kind {
                NodeKind::Pool(id) => *by_pool
                    .entry((id, own.map(|ttl| ttl.max)))
                    .or_insert_with(|| Walk::new(model).worst(node, own)),
                _ => Walk::new(model).worst(node, own),
            };
            if let Some(lag) = lag.filter(|lag| lag.is_long())
                && told.insert((lag.pool, lag.ttl_secs))
            {
                findings.push(finding(model, name, node, lag));
            }
        }
    }
}

/// How long an answer of one pool outlives its members.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Lag {
    pool: PoolId,
    detection: Duration,
    ttl_secs: u32,
}

impl Lag {
    fn is_long(&self) -> bool {
        self.ttl_secs >= LONG_TTL_SECS
            && u64::from(self.ttl_secs) >= LONG_TTL_FACTOR * self.detection.as_secs()
    }

    fn total(&self) -> Duration {
        self.detection + Duration::from_secs(u64::from(self.ttl_secs))
    }
}

fn finding(model: &ZoneModel, name: &NameModel, node: &NodeModel, lag: Lag) -> Diagnostic {
    let pool = &model.pools[lag.pool];
    let ttl = Duration::from_secs(u64::from(lag.ttl_secs));
    Diagnostic::new(
        Severity::Warning,
        "R010",
        &node.span,
        name_path(model, &name.owner),
        format!(
            "the loss of `{}` is detected within about {} but the TTL is {}: clients may use a dead address for {}",
            pool.id,
            format_duration(whole_secs(lag.detection)),
            format_duration(ttl),
            format_duration(whole_secs(lag.total())),
        ),
    )
    .help("write a shorter `ttl`, for example `ttl = \"30s\"`, on the name, the pool or the zone")
    .related(&pool.span, pool_path(pool))
}

/// Rounds up to whole seconds: tenths of a second are noise beside a TTL.
fn whole_secs(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}

/// A failure right after a good probe is noticed after `fall` further intervals and one timeout.
fn detection_of(template: &ProbeTemplate) -> Duration {
    let timeout = match template.timeout {
        Timeout::Whole(whole) => whole,
        Timeout::Phases {
            connect,
            response,
            body,
        } => connect + response + body,
    };
    template.interval * u32::from(template.damping.fall) + timeout
}

/// Rule a44: the smallest written on the path holds.
fn smaller(a: Option<TtlModel>, b: Option<TtlModel>) -> Option<TtlModel> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.max < a.max { b } else { a }),
        (a, b) => a.or(b),
    }
}

struct Walk<'m> {
    model: &'m ZoneModel,
    steps: usize,
    depth: usize,
}

impl<'m> Walk<'m> {
    fn new(model: &'m ZoneModel) -> Self {
        Self {
            model,
            steps: 0,
            depth: 0,
        }
    }

    /// Returns the pool below `node` whose answers outlive it longest.
    fn worst(&mut self, node: &NodeModel, so_far: Option<TtlModel>) -> Option<Lag> {
        if self.steps >= STEPS_MAX || self.depth >= DEPTH_MAX {
            return None;
        }
        self.steps += 1;
        self.depth += 1;
        let worst = self.worst_within(node, so_far);
        self.depth -= 1;
        worst
    }

    fn worst_within(&mut self, node: &NodeModel, so_far: Option<TtlModel>) -> Option<Lag> {
        let model = self.model;
        let ttl = smaller(so_far, node.options.ttl);
        let inner: Vec<&NodeModel> = match &node.kind {
            NodeKind::Pool(id) => return self.worst_of_pool(*id, ttl),
            NodeKind::Multivalue(ids) => {
                return longest(ids.iter().map(|id| self.worst_of_pool(*id, ttl)).collect());
            }
            NodeKind::To(inner) => vec![inner],
            NodeKind::Name(id) => {
                let name = model.names.get(*id)?;
                let ttl = smaller(ttl, name.options.ttl);
                let nodes: Vec<&NodeModel> = policies(name).map(|(_, node)| node).collect();
                return longest(
                    nodes
                        .into_iter()
                        .map(|node| self.worst(node, ttl))
                        .collect(),
                );
            }
            _ => branches(node)
                .into_iter()
                .map(|branch| &branch.node)
                .collect(),
        };
        let options = nodes_of_options(&node.options);
        longest(
            inner
                .into_iter()
                .chain(options)
                .map(|node| self.worst(node, ttl))
                .collect(),
        )
    }

    fn worst_of_pool(&mut self, id: PoolId, so_far: Option<TtlModel>) -> Option<Lag> {
        let pool = self.model.pools.get(id)?;
        let ttl = smaller(so_far, pool.ttl);
        if let PoolBody::Policy(node) = &pool.body {
            return self.worst(node, ttl);
        }
        let mut reach = PolicyReach::new(self.model, Follow::Health);
        reach.add_pool(id);
        let detection = reach
            .checks()
            .iter()
            .filter_map(|check| match &self.model.checks.get(*check)?.kind {
                CheckKind::Probe(template) => Some(detection_of(template)),
                _ => None,
            })
            .max()?;
        Some(Lag {
            pool: id,
            detection,
            ttl_secs: ttl.unwrap_or(self.model.ttl).max,
        })
    }
}

fn longest(lags: Vec<Option<Lag>>) -> Option<Lag> {
    // The first of equals is told: it is the one written first.
    lags.into_iter().flatten().reduce(|best, lag| {
        if lag.total() > best.total() {
            lag
        } else {
            best
        }
    })
}
