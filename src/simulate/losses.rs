//! Walks every single loss: one target, one pool, one site, one gate at a time, each on top of the same premises.
//!
//! In: zones with inputs, the questions and clients to walk. Out: names that end empty, on last resort or over
//! capacity. Never here: losses of two things at once.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};

use crate::geo::Locations;
use crate::view::{Inputs, ZoneView};
use crate::zone::{Hold, Policies};

use super::answered::{Answered, Hazard};
use super::asked::{Asked, Budget};
use super::reach::Reach;
use super::reference::{Suppose, apply_references};
use super::simulated_zone::SimulatedZone;

/// Losses that one walk takes; beyond it the rest is left out, and `is_cut` is set. Chosen: each folds whole zones.
const LOSSES_MAX: usize = 20_000;

/// A name whose answer becomes a hazard, or a worse one, by a single loss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossFinding {
    /// Lost target, pool, site or gate, as a reference.
    pub loss: String,
    /// Zone.
    pub zone: String,
    /// Name; the first of those that share the decision.
    pub name: String,
    /// Number of further names that share the decision.
    pub more_names: usize,
    /// Type.
    #[serde(rename = "type")]
    pub rtype: String,
    /// Hazard of the answer after the loss.
    pub hazard: Hazard,
    /// Labels of the clients concerned.
    pub from: Vec<String>,
}

/// Answers of one zone before any loss.
struct Ground<'p> {
    simulated: &'p SimulatedZone<'p>,
    view: ZoneView,
    asked: &'p [Asked],
    reaches: Vec<Reach>,
    /// Hazard of each question before the loss, by decision and client.
    hazards: Vec<Vec<Option<Hazard>>>,
}

/// Walks every loss; returns their number, and the hazards that they lead to.
pub(super) fn walk_losses(
    premises: &[SimulatedZone<'_>],
    locations: &Locations,
    asked: &[Vec<Asked>],
    budget: &mut Budget,
) -> (usize, Vec<LossFinding>) {
    let mut grounds = Vec::new();
    for (simulated, asked) in premises.iter().zip(asked) {
        if simulated.served.zone.policies.is_empty() || asked.is_empty() {
            continue;
        }
        if !budget.take(asked.iter().map(|asked| asked.clients.len()).sum()) {
            break;
        }
        grounds.push(prepare(simulated, locations, asked));
    }
    let (mut walked, mut findings) = (0, Vec::new());
    let mut known = HashSet::new();
    for loss in losses_of(
        grounds
            .iter()
            .map(|ground| &ground.simulated.served.zone.policies),
    ) {
        if walked == LOSSES_MAX {
            budget.is_cut = true;
            break;
        }
        let mut is_new = false;
        for (number, ground) in grounds.iter().enumerate() {
            let Some(inputs) = lose(ground.simulated, &loss) else {
                continue;
            };
            // A pool of one member and that member are one loss, and so is a site of one pool.
            if known.insert((number, fingerprint(&inputs))) {
                is_new = true;
                judge(ground, locations, &loss, inputs, budget, &mut findings);
            }
        }
        walked += usize::from(is_new);
    }
    (walked, findings)
}

fn prepare<'p>(
    simulated: &'p SimulatedZone<'p>,
    locations: &Locations,
    asked: &'p [Asked],
) -> Ground<'p> {
    let policies = &simulated.served.zone.policies;
    let view = simulated.view();
    let zone_state = simulated.zone_state(&view, locations);
    let hazards = asked
        .iter()
        .map(|asked| {
            let question = asked.question();
            let hazard = |client| Answered::of(&zone_state, &question, client).hazard();
            asked
                .clients
                .iter()
                .map(|asking| hazard(asking.client))
                .collect()
        })
        .collect();
    Ground {
        simulated,
        asked,
        reaches: asked
            .iter()
            .map(|asked| Reach::of(policies, asked.subject.root))
            .collect(),
        hazards,
        view,
    }
}

/// Lists references for every pool, site, target and gate, in this order.
fn losses_of<'p>(zones: impl Iterator<Item = &'p Policies>) -> Vec<String> {
    let mut sites = BTreeSet::new();
    let mut pools = BTreeSet::new();
    let mut targets = BTreeSet::new();
    let mut gates = BTreeSet::new();
    for policies in zones {
        for label in &policies.labels {
            let pool = &policies.pools[label.pool as usize];
            sites.insert(format!("site:{}", label.site));
            pools.insert(format!("pool:{pool}"));
            targets.insert(format!("target:{pool}/{}", label.text));
        }
        for used in policies.uses.iter().filter(|used| used.pool.is_empty()) {
            gates.insert(format!("check:{}", used.check));
        }
    }
    // Of losses with the same effect the first is reported: a pool is more specific than a site that has its name.
    [pools, sites, targets, gates]
        .into_iter()
        .flatten()
        .collect()
}

/// Returns the inputs after a loss, if it takes anything from the zone.
fn lose(simulated: &SimulatedZone<'_>, loss: &str) -> Option<Inputs> {
    let mut inputs = simulated.inputs.clone();
    let policies = &simulated.served.zone.policies;
    let faults = apply_references(
        simulated.model,
        policies,
        [loss],
        Suppose::Down,
        &mut inputs,
    );
    // What an operator holds down or drains stays so; a loss takes what is left.
    for (hold, before) in inputs.holds.iter_mut().zip(&simulated.inputs.holds) {
        if *before == Hold::Down {
            *hold = Hold::Down;
        }
    }
    let is_same =
        inputs.holds == simulated.inputs.holds && inputs.statuses == simulated.inputs.statuses;
    (faults.is_empty() && !is_same).then_some(inputs)
}

fn fingerprint(inputs: &Inputs) -> u64 {
    let mut hasher = DefaultHasher::new();
    let failing = inputs
        .holds
        .iter()
        .enumerate()
        .filter(|(_, hold)| **hold == Hold::Failing);
    failing.for_each(|(member, _)| member.hash(&mut hasher));
    for status in &inputs.statuses {
        std::mem::discriminant(status).hash(&mut hasher);
    }
    hasher.finish()
}

fn judge(
    ground: &Ground<'_>,
    locations: &Locations,
    loss: &str,
    inputs: Inputs,
    budget: &mut Budget,
    findings: &mut Vec<LossFinding>,
) {
    let simulated = SimulatedZone {
        inputs,
        ..ground.simulated.clone()
    };
    let view = simulated.view();
    let zone_state = simulated.zone_state(&view, locations);
    for ((asked, reach), before) in ground
        .asked
        .iter()
        .zip(&ground.reaches)
        .zip(&ground.hazards)
    {
        if !reach.is_touched(&ground.view, &view) || !budget.take(asked.clients.len()) {
            continue;
        }
        let question = asked.question();
        let mut by_hazard: BTreeMap<Hazard, Vec<String>> = BTreeMap::new();
        for (asking, before) in asked.clients.iter().zip(before) {
            let after = Answered::of(&zone_state, &question, asking.client).hazard();
            if let Some(hazard) = after.filter(|hazard| Some(*hazard) > *before) {
                by_hazard
                    .entry(hazard)
                    .or_default()
                    .push(asking.label.clone());
            }
        }
        findings.extend(by_hazard.into_iter().map(|(hazard, from)| LossFinding {
            loss: loss.to_owned(),
            zone: simulated.served.zone.apex().to_string(),
            name: question.name.to_string(),
            more_names: asked.subject.names.len() - 1,
            rtype: question.rtype.to_string(),
            hazard,
            from,
        }));
    }
}
