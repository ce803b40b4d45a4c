//! Steps of an explanation: the nodes passed, with their candidates.
//!
//! In: the visits of one way. Out: steps, each node once. Never here: probabilities.

use crate::zone::{NodeId, NodeKind};

use super::explain::{Stage, Step, StepCandidate};
use super::lister::Visit;
use super::why::{why_member, why_node};

/// Adds the nodes passed on one way; a node known already only gains what was chosen.
pub(super) fn add_steps(stage: &Stage<'_>, visits: &[Visit], steps: &mut Vec<Step>) {
    let policies = &stage.served.zone.policies;
    for visit in visits {
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
            continue;
        }
        let among = [
            "healthy",
            "drained, for want of others",
            "not held down, for want of others",
            "all, as last resort",
        ];
        steps.push(Step {
            policy,
            label,
            among: among[visit.layer.min(3)],
            candidates: step_candidates(stage, visit.node),
            chosen: chosen.into_iter().collect(),
        });
    }
}

fn step_candidates(stage: &Stage<'_>, id: NodeId) -> Vec<StepCandidate> {
    let policies = &stage.served.zone.policies;
    let node = &policies.nodes[id as usize];
    let Some(layer) = stage.view.layers.first() else {
        return Vec::new();
    };
    let range = node.first..node.first + u32::from(node.n);
    if node.kind != NodeKind::Pool {
        let candidate = |child: NodeId| {
            let is_healthy = layer.is_alive(child);
            StepCandidate {
                label: policies.branch_labels[child as usize].to_string(),
                is_healthy,
                why: (!is_healthy).then(|| why_node(stage, child)),
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
        StepCandidate {
            label: policies.labels[member as usize].text.clone(),
            is_healthy,
            why: (!is_healthy).then(|| why_member(stage, member)),
        }
    };
    members.map(candidate).collect()
}
