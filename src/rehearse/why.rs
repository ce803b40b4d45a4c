//! Says in words why a node or a member is not healthy.
//!
//! In: a stage and what is asked about. Out: one line for people. Never here: decisions.

use crate::zone::{Hold, Judge, JudgeId, NONE, NodeId, NodeKind};

use super::explain::Stage;

/// Says in words why a node is not healthy.
pub(super) fn why_node(stage: &Stage<'_>, id: NodeId) -> String {
    let policies = &stage.served.zone.policies;
    let node = &policies.nodes[id as usize];
    let gate = policies.gates[id as usize];
    if gate != NONE && !holds(stage, gate) {
        return why_judge(stage, gate);
    }
    if node.kind == NodeKind::Pool {
        let runs = &policies.runs[node.first as usize..(node.first + u32::from(node.n)) as usize];
        let total: u32 = runs.iter().map(|run| u32::from(run.len)).sum();
        let up = runs
            .iter()
            .flat_map(|run| run.first_bit..run.first_bit + u32::from(run.len));
        let up = up
            .filter(|&member| {
                stage
                    .view
                    .layers
                    .first()
                    .is_some_and(|layer| layer.is_up(member))
            })
            .count();
        return format!(
            "{up} of {total} members healthy, {} needed",
            node.extra.max(1)
        );
    }
    "no branch below it is healthy".to_owned()
}

/// Says in words why a member is not healthy.
pub(super) fn why_member(stage: &Stage<'_>, member: u32) -> String {
    match stage.inputs.holds[member as usize] {
        Hold::Drained => "drained".to_owned(),
        Hold::Down => "held down by an operator".to_owned(),
        Hold::Failing => "supposed to be down".to_owned(),
        Hold::None | Hold::Up => {
            let policies = &stage.served.zone.policies;
            match policies.judges[policies.member_judges[member as usize] as usize] {
                Judge::Member { of, .. } => why_judge(stage, of),
                _ => String::new(),
            }
        }
    }
}

/// Evaluates a judge in layer 0 for people; the view has folded the same formula.
fn holds(stage: &Stage<'_>, id: JudgeId) -> bool {
    let policies = &stage.served.zone.policies;
    match policies.judges[id as usize] {
        Judge::Constant(holds) => holds,
        Judge::Target {
            slot,
            unknown_is_healthy,
        } => Judge::counts(stage.inputs.statuses[slot as usize], unknown_is_healthy),
        Judge::Switch(slot) => stage.inputs.switches[slot as usize],
        Judge::Not(of) => !holds(stage, of),
        Judge::AtLeast { wanted, first, len } => {
            let children = &policies.judge_children[first as usize..(first + len) as usize];
            children
                .iter()
                .filter(|&&child| holds(stage, child))
                .count()
                >= wanted as usize
        }
        Judge::Member { bit, .. } => stage
            .view
            .layers
            .first()
            .is_some_and(|layer| layer.is_up(bit)),
    }
}

fn why_judge(stage: &Stage<'_>, id: JudgeId) -> String {
    let policies = &stage.served.zone.policies;
    match policies.judges[id as usize] {
        Judge::Constant(_) => {
            "its check can never hold (disabled and inverted, or without data)".to_owned()
        }
        Judge::Target { slot, .. } => {
            let check = policies
                .uses_of(slot)
                .first()
                .map_or("check", |used| &used.check);
            match (stage.evidence)(slot) {
                Some(evidence) => format!("{check}: {evidence}"),
                None => format!("{check} is unhealthy"),
            }
        }
        Judge::Switch(_) => "its switch is off".to_owned(),
        Judge::Not(of) => match policies.judges[of as usize] {
            Judge::Target { slot, .. } => {
                let check = policies
                    .uses_of(slot)
                    .first()
                    .map_or("check", |used| &used.check);
                format!("{check} holds, and is inverted")
            }
            _ => "an inverted check holds".to_owned(),
        },
        Judge::AtLeast { wanted, first, len } => {
            let children = &policies.judge_children[first as usize..(first + len) as usize];
            let failing: Vec<&JudgeId> = children
                .iter()
                .filter(|&&child| !holds(stage, child))
                .collect();
            let reasons: Vec<String> = failing
                .iter()
                .take(3)
                .map(|child| why_judge(stage, **child))
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
        Judge::Member { bit, .. } => why_member(stage, bit),
    }
}
