//! Simulates: every dynamic name asked from every place that matters, before and after what is supposed.
//!
//! In: zones with inputs, suppositions, names and clients. Out: a [`Simulation`] as plain values. Never here: a
//! decision of its own, or a change of what is served.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::geo::Locations;
use crate::wire::Name;
use crate::zone::Zone;

use super::answered::{Answered, Hazard};
use super::asked::{Asked, Budget};
use super::explanation::Question;
use super::losses::{LossFinding, walk_losses};
use super::observed::Observed;
use super::reference::{ReferenceFault, matches};
use super::simulated_zone::{SimulatedZone, Suppositions};
use super::survey::{Asking, clients_of, subjects_of};

/// Questions that one simulation asks; beyond it the rest is left out, and `is_cut` is set. Chosen: seconds.
pub const QUESTIONS_MAX: usize = 200_000;

/// Request of a simulation.
#[derive(Clone, Debug, Default)]
pub struct SimulateRequest {
    /// Suppositions.
    pub suppose: Suppositions,
    /// Names as globs, final dot or not; all if empty.
    pub names: Vec<String>,
    /// Clients to ask as; empty means one for each location that the zones distinguish.
    pub from: Vec<Asking>,
    /// Extent of the walk over single losses.
    pub losses: Losses,
    /// Questions that were asked lately, to weigh traffic by; each question alike if empty.
    pub observed: Vec<Observed>,
}

/// Extent of the walk over single losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Losses {
    /// No losses beside the suppositions.
    #[default]
    None,
    /// Each single loss of a target, pool, site or gate, on top of the suppositions.
    EverySingle,
}

/// Answers of one client for a name, without and with the suppositions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimulatedAnswer {
    /// Zone.
    pub zone: String,
    /// Name; the first of those that share the decision.
    pub name: String,
    /// Number of further names that share the decision.
    pub more_names: usize,
    /// Type.
    #[serde(rename = "type")]
    pub rtype: String,
    /// Label of the client.
    pub from: String,
    /// Answer without the suppositions.
    pub before: Answered,
    /// Answer with the suppositions.
    pub after: Answered,
    /// True if the records differ.
    pub is_changed: bool,
    /// Hazard of the answer, if it is new or worse.
    pub hazard: Option<Hazard>,
}

/// A pool's share of the traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrafficShare {
    /// Zone.
    pub zone: String,
    /// Pool.
    pub pool: String,
    /// Share without the suppositions, from 0 to 1.
    pub before: f64,
    /// Share with the suppositions, from 0 to 1.
    pub after: f64,
}

/// Result of a simulation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Simulation {
    /// Suppositions, as flags.
    pub supposed: String,
    /// Answers by name, type and client.
    pub answers: Vec<SimulatedAnswer>,
    /// Traffic by pool.
    pub traffic: Vec<TrafficShare>,
    /// Number of questions asked lately that traffic is weighed by; 0 counts each question above alike.
    pub queries_weighed: usize,
    /// Number of single losses walked.
    pub losses_walked: usize,
    /// Hazards that single losses lead to.
    pub losses: Vec<LossFinding>,
    /// True if there was more to ask than one simulation asks.
    pub is_cut: bool,
}

impl Simulation {
    /// Returns whether any client ends worse than before.
    pub fn has_hazards(&self) -> bool {
        !self.losses.is_empty() || self.answers.iter().any(|answer| answer.hazard.is_some())
    }
}

/// Simulates over zones.
///
/// # Errors
/// If a reference matches nothing in any zone.
pub fn simulate(
    premises: &[SimulatedZone<'_>],
    locations: &Locations,
    request: &SimulateRequest,
) -> Result<Simulation, ReferenceFault> {
    let mut after = premises.to_vec();
    request.suppose.apply(&mut after)?;
    let mut budget = Budget::new(QUESTIONS_MAX);
    let mut simulation = Simulation {
        supposed: request.suppose.shown(),
        ..Simulation::default()
    };
    let asked: Vec<Vec<Asked>> = premises
        .iter()
        .map(|simulated| ask_whom(simulated, request))
        .collect();
    for ((before, after), asked) in premises.iter().zip(&after).zip(&asked) {
        simulate_zone(
            before,
            after,
            locations,
            asked,
            &mut budget,
            &mut simulation.answers,
        );
    }
    simulation.traffic = if request.observed.is_empty() {
        traffic_of_answers(&simulation.answers)
    } else {
        simulation.queries_weighed = request.observed.len();
        traffic_of_queries(
            premises,
            &after,
            locations,
            (&request.observed, &request.names),
        )
    };
    if request.losses == Losses::EverySingle {
        let (walked, found) = walk_losses(&after, locations, &asked, &mut budget);
        simulation.losses_walked = walked;
        simulation.losses = found;
    }
    simulation.is_cut = budget.is_cut;
    Ok(simulation)
}

fn ask_whom(simulated: &SimulatedZone<'_>, request: &SimulateRequest) -> Vec<Asked> {
    let zone = &simulated.served.zone;
    let is_wanted = |name: &Name| is_wanted(name, &request.names);
    let mut asked = Vec::new();
    for mut subject in subjects_of(zone) {
        subject.names.retain(is_wanted);
        if subject.names.is_empty() {
            continue;
        }
        let clients = if request.from.is_empty() {
            clients_of(&zone.policies, subject.root)
        } else {
            request.from.clone()
        };
        asked.push(Asked { subject, clients });
    }
    asked
}

/// Returns whether a glob matches a name, final dot or not; without globs every name is wanted.
fn is_wanted(name: &Name, globs: &[String]) -> bool {
    let text = name.to_string().to_ascii_lowercase();
    let text = text.trim_end_matches('.');
    let fits = |glob: &String| matches(glob.to_ascii_lowercase().trim_end_matches('.'), text);
    globs.is_empty() || globs.iter().any(fits)
}

fn simulate_zone(
    before: &SimulatedZone<'_>,
    after: &SimulatedZone<'_>,
    locations: &Locations,
    asked: &[Asked],
    budget: &mut Budget,
    answers: &mut Vec<SimulatedAnswer>,
) {
    let (view_before, view_after) = (before.view(), after.view());
    let stage_before = before.zone_state(&view_before, locations);
    let stage_after = after.zone_state(&view_after, locations);
    for asked in asked {
        if !budget.take(2 * asked.clients.len()) {
            return;
        }
        let question = asked.question();
        for asking in &asked.clients {
            let before = Answered::of(&stage_before, &question, asking.client);
            let after = Answered::of(&stage_after, &question, asking.client);
            answers.push(SimulatedAnswer {
                zone: stage_before.served.zone.apex().to_string(),
                name: question.name.to_string(),
                more_names: asked.subject.names.len() - 1,
                rtype: question.rtype.to_string(),
                from: asking.label.clone(),
                is_changed: !before.has_same_records(&after),
                hazard: after
                    .hazard()
                    .filter(|hazard| Some(*hazard) > before.hazard()),
                before,
                after,
            });
        }
    }
}

/// Sums of shares by zone and pool.
#[derive(Default)]
struct Sums {
    by_pool: BTreeMap<(String, String), (f64, f64)>,
    total: f64,
}

impl Sums {
    fn add(&mut self, zone: &str, weight: f64, before: &Answered, after: &Answered) {
        self.total += weight;
        let mut add = |pool: &str, before: f64, after: f64| {
            let sums = self
                .by_pool
                .entry((zone.to_owned(), pool.to_owned()))
                .or_default();
            sums.0 += weight * before;
            sums.1 += weight * after;
        };
        before
            .traffic()
            .for_each(|(pool, share)| add(pool, share, 0.0));
        after
            .traffic()
            .for_each(|(pool, share)| add(pool, 0.0, share));
    }

    fn shares(self) -> Vec<TrafficShare> {
        let total = self.total;
        let share =
            |((zone, pool), (before, after)): ((String, String), (f64, f64))| TrafficShare {
                zone,
                pool,
                before: before / total,
                after: after / total,
            };
        self.by_pool.into_iter().map(share).collect()
    }
}

/// Counts each question alike, however many names share its decision.
fn traffic_of_answers(answers: &[SimulatedAnswer]) -> Vec<TrafficShare> {
    let mut sums = Sums::default();
    for answer in answers {
        let names = (answer.more_names + 1) as f64;
        sums.add(&answer.zone, names, &answer.before, &answer.after);
    }
    sums.shares()
}

/// Asks the questions asked lately once more, before and after.
fn traffic_of_queries(
    before: &[SimulatedZone<'_>],
    after: &[SimulatedZone<'_>],
    locations: &Locations,
    (observed, names): (&[Observed], &[String]),
) -> Vec<TrafficShare> {
    let views: Vec<_> = before
        .iter()
        .zip(after)
        .map(|(before, after)| (before.view(), after.view()))
        .collect();
    let mut sums = Sums::default();
    for query in observed {
        if !is_wanted(&query.name, names) {
            continue;
        }
        let Some(number) = zone_holding(
            before.iter().map(|simulated| &*simulated.served.zone),
            &query.name,
        ) else {
            continue;
        };
        let question = Question {
            name: query.name.clone(),
            rtype: query.rtype,
        };
        let of = |simulated: &SimulatedZone<'_>, view| {
            Answered::of(
                &simulated.zone_state(view, locations),
                &question,
                query.client,
            )
        };
        let answers = (
            of(&before[number], &views[number].0),
            of(&after[number], &views[number].1),
        );
        // What no pool answers is no traffic of pools.
        if !answers.0.pools.is_empty() || !answers.1.pools.is_empty() {
            let zone = before[number].served.zone.apex().to_string();
            sums.add(&zone, query.weight, &answers.0, &answers.1);
        }
    }
    sums.shares()
}

/// Returns the number of the zone with the longest apex at or above a name.
pub fn zone_holding<'z>(zones: impl Iterator<Item = &'z Zone>, name: &Name) -> Option<usize> {
    let holding = zones
        .enumerate()
        .filter(|(_, zone)| name.is_at_or_below(zone.apex()));
    holding
        .max_by_key(|(_, zone)| zone.apex_labels())
        .map(|(number, _)| number)
}
