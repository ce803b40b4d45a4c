//! References of `down`, `up`, `drain` and `--down`: `pool:x`, `target:x/ADDR`, `check:x`, `site:x`, and globs (rule
//! a50), applied to the inputs of a view.

use crate::health::Status;
use crate::model::{CheckKind, CheckRef, NodeKind, NodeModel, PoolBody, PoolId, ZoneModel};
use crate::view::Inputs;
use crate::zone::{Hold, Policies};

/// Supposed state of the targets or members of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suppose {
    /// Probes fail.
    Down,
    /// Probes pass.
    Up,
    /// Drained by an operator.
    Drained,
    /// Held down by an operator.
    HeldDown,
}

/// Fault of a reference; the text as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceFault {
    /// It has none of the forms.
    Form(String),
    /// It matches nothing in the zone.
    NoMatch(String),
}

impl std::fmt::Display for ReferenceFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Form(text) => write!(
                f,
                "`{text}` is no reference: write pool:NAME, target:POOL/ADDRESS, check:NAME or site:NAME, `*` matches any text"
            ),
            Self::NoMatch(text) => write!(f, "`{text}` matches nothing in the zone"),
        }
    }
}

/// Returns whether a text matches a pattern in which `*` stands for any text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else {
        return text.is_empty();
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Applies references to inputs. Returns the references that match nothing.
pub fn apply_references<'t>(
    model: &ZoneModel,
    policies: &Policies,
    references: impl IntoIterator<Item = &'t str>,
    suppose: Suppose,
    inputs: &mut Inputs,
) -> Vec<ReferenceFault> {
    let mut faults = Vec::new();
    for reference in references {
        let known = match reference.split_once(':') {
            Some(("check", pattern)) => apply_to_checks(model, policies, pattern, suppose, inputs),
            Some(("pool", pattern)) => {
                let pools = pools_matching(model, pattern);
                let named = |member: usize| {
                    let label = &policies.labels[member];
                    pools
                        .iter()
                        .any(|&pool| policies.pools[label.pool as usize] == model.pools[pool].id)
                };
                apply_to_members(policies, named, suppose, inputs) || !pools.is_empty()
            }
            Some(("target", pattern)) => {
                let named = |member: usize| {
                    let label = &policies.labels[member];
                    matches(
                        pattern,
                        &format!("{}/{}", policies.pools[label.pool as usize], label.text),
                    )
                };
                apply_to_members(policies, named, suppose, inputs)
            }
            Some(("site", pattern)) => {
                let named = |member: usize| matches(pattern, &policies.labels[member].site);
                apply_to_members(policies, named, suppose, inputs)
            }
            _ => {
                faults.push(ReferenceFault::Form(reference.to_owned()));
                continue;
            }
        };
        if !known {
            faults.push(ReferenceFault::NoMatch(reference.to_owned()));
        }
    }
    faults
}

fn apply_to_members(
    policies: &Policies,
    named: impl Fn(usize) -> bool,
    suppose: Suppose,
    inputs: &mut Inputs,
) -> bool {
    let mut any = false;
    for member in 0..policies.member_count() {
        if !named(member) {
            continue;
        }
        any = true;
        inputs.holds[member] = match suppose {
            Suppose::Down => Hold::Failing,
            Suppose::Up => Hold::Up,
            Suppose::Drained if inputs.holds[member] == Hold::Down => Hold::Down,
            Suppose::Drained => Hold::Drained,
            Suppose::HeldDown => Hold::Down,
        };
    }
    any
}

/// Returns the member pools that a pattern names; a policy pool stands for all below it.
fn pools_matching(model: &ZoneModel, pattern: &str) -> Vec<PoolId> {
    let mut found = Vec::new();
    for (id, pool) in model.pools.iter().enumerate() {
        if matches(pattern, &pool.id) {
            add_members_below(model, id, &mut found);
        }
    }
    found
}

fn add_members_below(model: &ZoneModel, id: PoolId, found: &mut Vec<PoolId>) {
    if found.contains(&id) {
        return;
    }
    match &model.pools[id].body {
        PoolBody::Members(_) => found.push(id),
        PoolBody::Policy(node) => add_pools_of(model, node, found),
    }
}

fn add_pools_of(model: &ZoneModel, node: &NodeModel, found: &mut Vec<PoolId>) {
    match &node.kind {
        NodeKind::Pool(id) => add_members_below(model, *id, found),
        NodeKind::Name(_) => {}
        NodeKind::To(inner) => add_pools_of(model, inner, found),
        NodeKind::Failover(list)
        | NodeKind::Weighted(list)
        | NodeKind::Nearest(list)
        | NodeKind::Latency(list) => {
            list.iter()
                .for_each(|branch| add_pools_of(model, &branch.node, found));
        }
        NodeKind::Geo(list) => list
            .iter()
            .for_each(|(_, branch)| add_pools_of(model, &branch.node, found)),
        NodeKind::Subnets(list) => list
            .iter()
            .for_each(|(_, branch)| add_pools_of(model, &branch.node, found)),
        NodeKind::Multivalue(pools) => pools
            .iter()
            .for_each(|pool| add_members_below(model, *pool, found)),
    }
}

fn apply_to_checks(
    model: &ZoneModel,
    policies: &Policies,
    pattern: &str,
    suppose: Suppose,
    inputs: &mut Inputs,
) -> bool {
    let mut any = false;
    for (id, check) in model.checks.iter().enumerate() {
        if matches(pattern, &check.id) {
            any = true;
            apply_to_check(model, policies, id, suppose, inputs);
        }
    }
    any
}

fn apply_to_check(
    model: &ZoneModel,
    policies: &Policies,
    id: usize,
    suppose: Suppose,
    inputs: &mut Inputs,
) {
    let check = &model.checks[id];
    let is_up = suppose == Suppose::Up;
    match &check.kind {
        CheckKind::Calculated { children, .. } => {
            for child in children {
                match child {
                    CheckRef::Check(child) | CheckRef::Switch(child, _) => {
                        apply_to_check(model, policies, *child, suppose, inputs);
                    }
                    CheckRef::Pool(_) | CheckRef::Name(_) => {}
                }
            }
        }
        CheckKind::Manual { .. } | CheckKind::Panel { .. } => {
            for (slot, (owner, _)) in policies.switch_names.iter().enumerate() {
                if *owner == id {
                    inputs.switches[slot] = is_up;
                }
            }
        }
        CheckKind::Probe(_) => {
            // A result turned round: down means that the probes pass.
            let status = if is_up != check.invert {
                Status::Healthy
            } else {
                Status::Unhealthy
            };
            for used in policies.uses.iter().filter(|used| used.check == check.id) {
                inputs.statuses[used.slot as usize] = status;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn globs_match_any_text() {
        let cases = [
            ("dc*", "dc1", true),
            ("dc*", "adc1", false),
            ("*", "", true),
            ("us/192.0.2.1", "us/192.0.2.1", true),
            ("us/192.0.2.1", "us/192.0.2.10", false),
            ("*east*1", "us-east-11", true),
            ("a*b*c", "abc", true),
            ("a*a", "a", false),
        ];
        for (pattern, text, wanted) in cases {
            assert_eq!(matches(pattern, text), wanted, "{pattern} on {text}");
        }
    }
}
