//! The trace of an explanation: each node passed, its candidates, and in words why some are out.
//!
//! In: visits of the lister, the view, its inputs, evidence. Out: steps. Never here: choosing; bits are read, not made.

use crate::wire::rdata_text;
use crate::zone::{Condition, ConditionId, Hold, NONE, Node, NodeId, NodeKind, Policies};

use super::explanation::{GivenClient, Step, StepCandidate, ZoneState};
use super::lister::Visit;
use super::notes::{note_text, reduced_text, times_notes};

/// Most reasons that one line names, so that a pool of hundreds stays readable; chosen.
const REASONS_MAX: usize = 3;

pub(super) fn add_steps(
    zone_state: &ZoneState<'_>,
    client: GivenClient,
    visits: &[Visit],
    steps: &mut Vec<Step>,
) {
    let policies = &zone_state.served.zone.policies;
    let mut notes: Vec<String> = Vec::new();
    for visit in visits {
        notes.extend(visit.notes.iter().map(|note| note_text(zone_state, *note)));
        let node = &policies.nodes[visit.node as usize];
        // Wrappers and references decide nothing.
        if node.kind == NodeKind::Refer || (node.kind == NodeKind::First && node.n == 1) {
            continue;
        }
        let label = policies.branch_labels[visit.node as usize].to_string();
        let policy = match node.kind {
            NodeKind::Pool => "pool",
            NodeKind::First => "failover",
            NodeKind::Weighted => "weighted",
            NodeKind::Located => "location",
            NodeKind::Refer => "reference",
        };
        let chosen = visit
            .chosen
            .map(|child| policies.branch_labels[child as usize].to_string());
        if let Some(known) = steps
            .iter_mut()
            .find(|step| step.policy == policy && step.label == label)
        {
            known.chosen.extend(
                chosen
                    .filter(|chosen| !known.chosen.contains(chosen))
                    .into_iter()
                    .collect::<Vec<_>>(),
            );
            notes.clear();
            continue;
        }
        let among = [
            "healthy",
            "drained, for want of others",
            "not held down, for want of others",
            "all, as last resort",
            "healthy as they were last (all-down)",
        ];
        steps.push(Step {
            policy,
            label,
            among: among[visit.layer.min(4)],
            candidates: step_candidates(zone_state, visit.node),
            chosen: chosen.into_iter().collect(),
            notes: times_notes(zone_state, client, node)
                .into_iter()
                .chain(std::mem::take(&mut notes))
                .collect(),
        });
    }
}

fn step_candidates(zone_state: &ZoneState<'_>, id: NodeId) -> Vec<StepCandidate> {
    let policies = &zone_state.served.zone.policies;
    let node = &policies.nodes[id as usize];
    let Some(layer) = zone_state.view.layers.first() else {
        return Vec::new();
    };
    let range = node.first..node.first + u32::from(node.n);
    if node.kind != NodeKind::Pool {
        let candidate = |child: NodeId| {
            let is_healthy = layer.is_alive(child);
            StepCandidate {
                label: policies.branch_labels[child as usize].to_string(),
                is_healthy,
                why: (!is_healthy).then(|| why_node(zone_state, child)),
            }
        };
        return range.map(candidate).collect();
    }
    let runs = &policies.runs[range.start as usize..range.end as usize];
    let members = runs
        .iter()
        .flat_map(|run| run.first_bit..run.first_bit + u32::from(run.len));
    let candidate = |member: u32| {
        let is_healthy = layer.is_up(member);
        let why = if is_healthy {
            reduced_text(zone_state, member)
        } else {
            Some(why_member(zone_state, member))
        };
        StepCandidate {
            label: member_label(policies, member),
            is_healthy,
            why,
        }
    };
    members.map(candidate).collect()
}

/// Names a member; an address of a flattened target with the target.
fn member_label(policies: &Policies, member: u32) -> String {
    let text = &policies.labels[member as usize].text;
    let run = &policies.runs[policies.run_of_member[member as usize] as usize];
    if policies.lease_of(member).is_none() {
        return text.clone();
    }
    let rdata = policies.rdata(run, (member - run.first_bit) as usize);
    format!("{} of {text}", rdata_text(run.rtype, rdata))
}

/// Writes why a node is not healthy.
fn why_node(zone_state: &ZoneState<'_>, id: NodeId) -> String {
    let policies = &zone_state.served.zone.policies;
    let node = &policies.nodes[id as usize];
    let gate = policies.gates[id as usize];
    if gate != NONE && !holds(zone_state, gate) {
        return describe_condition(zone_state, gate);
    }
    if node.kind == NodeKind::Pool {
        return why_pool(zone_state, node);
    }
    "no branch below it is healthy".to_owned()
}

/// Counts the healthy members of a pool, and writes why the first others are not.
fn why_pool(zone_state: &ZoneState<'_>, node: &Node) -> String {
    let policies = &zone_state.served.zone.policies;
    let runs = &policies.runs[node.first as usize..(node.first + u32::from(node.n)) as usize];
    let members: Vec<u32> = runs
        .iter()
        .flat_map(|run| run.first_bit..run.first_bit + u32::from(run.len))
        .collect();
    let layer = zone_state.view.layers.first();
    let is_up = |member: &&u32| layer.is_some_and(|layer| layer.is_up(**member));
    let (up, down): (Vec<&u32>, Vec<&u32>) = members.iter().partition(is_up);
    let mut text = format!(
        "{} of {} members healthy, {} needed",
        up.len(),
        members.len(),
        node.extra.max(1)
    );
    for (n, &&member) in down.iter().take(REASONS_MAX).enumerate() {
        let separator = if n == 0 { ": " } else { "; " };
        let label = &policies.labels[member as usize].text;
        text += &format!("{separator}{label} {}", why_member(zone_state, member));
    }
    if down.len() > REASONS_MAX {
        text += &format!("; {} more", down.len() - REASONS_MAX);
    }
    text
}

fn why_member(zone_state: &ZoneState<'_>, member: u32) -> String {
    match zone_state.inputs.holds[member as usize] {
        Hold::Drained => "drained".to_owned(),
        Hold::Down => "held down by an operator".to_owned(),
        Hold::Failing => "supposed to be down".to_owned(),
        Hold::None | Hold::Up => {
            let policies = &zone_state.served.zone.policies;
            if policies
                .lease_of(member)
                .is_some_and(|lease| !lease.is_usable)
            {
                return "is too old: lookups of the target fail".to_owned();
            }
            match policies.conditions[policies.member_conditions[member as usize] as usize] {
                Condition::Member { of, .. } => describe_condition(zone_state, of),
                _ => String::new(),
            }
        }
    }
}

/// Evaluates a condition in layer 0 for a text; the view has folded the same formula.
fn holds(zone_state: &ZoneState<'_>, id: ConditionId) -> bool {
    let policies = &zone_state.served.zone.policies;
    match policies.conditions[id as usize] {
        Condition::Constant(holds) => holds,
        Condition::Target {
            slot,
            unknown_is_healthy,
        } => Condition::counts(
            zone_state.inputs.statuses[slot as usize],
            unknown_is_healthy,
        ),
        Condition::Switch(slot) => zone_state.inputs.switches[slot as usize],
        Condition::Not(of) => !holds(zone_state, of),
        Condition::AtLeast { wanted, first, len } => {
            let children = &policies.condition_children[first as usize..(first + len) as usize];
            children
                .iter()
                .filter(|&&child| holds(zone_state, child))
                .count()
                >= wanted as usize
        }
        Condition::Member { bit, .. } => zone_state
            .view
            .layers
            .first()
            .is_some_and(|layer| layer.is_up(bit)),
    }
}

fn describe_condition(zone_state: &ZoneState<'_>, id: ConditionId) -> String {
    let policies = &zone_state.served.zone.policies;
    match policies.conditions[id as usize] {
        Condition::Constant(_) => {
            "its check can never hold (disabled and inverted, or without data)".to_owned()
        }
        Condition::Target { slot, .. } => {
            let check = policies
                .uses_of(slot)
                .first()
                .map_or("check", |used| &used.check);
            match (zone_state.evidence)(slot) {
                Some(evidence) => format!("{check}: {evidence}"),
                None => format!("{check} is unhealthy"),
            }
        }
        Condition::Switch(_) => "its switch is off".to_owned(),
        Condition::Not(of) => match policies.conditions[of as usize] {
            Condition::Target { slot, .. } => {
                let check = policies
                    .uses_of(slot)
                    .first()
                    .map_or("check", |used| &used.check);
                format!("{check} holds, and is inverted")
            }
            _ => "an inverted check holds".to_owned(),
        },
        Condition::AtLeast { wanted, first, len } => {
            let children = &policies.condition_children[first as usize..(first + len) as usize];
            let failing: Vec<&ConditionId> = children
                .iter()
                .filter(|&&child| !holds(zone_state, child))
                .collect();
            let reasons: Vec<String> = failing
                .iter()
                .take(REASONS_MAX)
                .map(|child| describe_condition(zone_state, **child))
                .collect();
            if wanted == len {
                reasons.join("; ")
            } else {
                format!(
                    "{} of {len} hold, {wanted} needed: {}",
                    children.len() - failing.len(),
                    reasons.join("; ")
                )
            }
        }
        Condition::Member { bit, .. } => why_member(zone_state, bit),
    }
}
