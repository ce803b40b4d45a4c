//! Comparison of two sets of zones by their answers, not by text: names that answer differently, the clients that get
//! the difference, and its share of the questions asked lately.
//!
//! In: zones before and after with their inputs, questions asked lately. Out: an [`AnswerDiff`] as plain values. Never
//! here: a decision of its own; records that are stored alike are not asked again, everything else is.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::geo::Locations;
use crate::view::ZoneView;
use crate::wire::{Name, QueryName, Rtype};
use crate::zone::{Found, Zone};

use super::answered::Answered;
use super::asked::Budget;
use super::explanation::{GivenClient, Question, ZoneState};
use super::observed::Observed;
use super::pairs::{Pair, Pairs};
use super::simulated_zone::SimulatedZone;
use super::simulation::{QUESTIONS_MAX, zone_holding};

/// Changes that one comparison lists; beyond it they are only counted. Chosen: more than a person reads.
pub const CHANGES_MAX: usize = 10_000;

/// Change of the answer for one name, type and set of clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Zone.
    pub zone: String,
    /// Name; the first of those that change alike.
    pub name: String,
    /// Number of further names that change alike.
    pub more_names: usize,
    /// Type.
    #[serde(rename = "type")]
    pub rtype: String,
    /// Labels of the clients that get the change.
    pub from: Vec<String>,
    /// True if `from` has every client that the two versions distinguish.
    pub is_everybody: bool,
    /// Answer of the old set.
    pub before: Answered,
    /// Answer of the new set.
    pub after: Answered,
    /// Share of the questions asked lately that change so; absent if none are known.
    pub queries: Option<f64>,
}

impl Change {
    /// Returns whether records change, not the TTL alone.
    pub fn has_new_records(&self) -> bool {
        !self.before.has_same_records(&self.after)
    }
}

/// Difference of two sets of zones for clients.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AnswerDiff {
    /// Zones that only the new set has.
    pub zones_added: Vec<String>,
    /// Zones that only the old set has.
    pub zones_removed: Vec<String>,
    /// Changes, in the order of zones and names.
    pub changes: Vec<Change>,
    /// Number of names whose records change for some client, those of added and removed zones included.
    pub names_changed: usize,
    /// Number of names of both sets.
    pub names: usize,
    /// Share of the questions asked lately whose records change; absent if none are known.
    pub queries_changed: Option<f64>,
    /// Number of questions asked lately that were asked again.
    pub queries: usize,
    /// True if there was more to compare than one comparison asks or lists.
    pub is_cut: bool,
}

impl AnswerDiff {
    /// Returns whether all clients get the same from both.
    pub fn is_empty(&self) -> bool {
        self.zones_added.is_empty() && self.zones_removed.is_empty() && self.changes.is_empty()
    }

    /// Returns the share of names whose records change.
    pub fn names_share(&self) -> f64 {
        if self.names == 0 {
            return 0.0;
        }
        self.names_changed as f64 / self.names as f64
    }
}

/// A side of the comparison.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// Zones with the inputs of their views.
    pub premises: &'a [SimulatedZone<'a>],
    /// Location database.
    pub locations: &'a Locations,
}

/// A zone of one side, ready to be asked.
struct Ready<'a> {
    simulated: &'a SimulatedZone<'a>,
    view: ZoneView,
    locations: &'a Locations,
}

impl<'a> Ready<'a> {
    fn of(simulated: &'a SimulatedZone<'a>, locations: &'a Locations) -> Self {
        Self {
            simulated,
            view: simulated.view(),
            locations,
        }
    }

    fn zone_state(&self) -> ZoneState<'_> {
        self.simulated.zone_state(&self.view, self.locations)
    }
}

/// Compares two sides.
pub fn diff(old: Side<'_>, new: Side<'_>, observed: &[Observed]) -> AnswerDiff {
    let mut found = AnswerDiff::default();
    let mut budget = Budget::new(QUESTIONS_MAX);
    let mut index = Index::default();
    let mut old_zones: HashMap<Vec<u8>, usize> = HashMap::new();
    for (number, simulated) in old.premises.iter().enumerate() {
        old_zones.insert(simulated.served.zone.apex().to_folded(), number);
    }
    for simulated in new.premises {
        let zone = &simulated.served.zone;
        let Some(number) = old_zones.remove(&zone.apex().to_folded()) else {
            found.zones_added.push(zone.apex().to_string());
            found.names += zone.name_count();
            found.names_changed += zone.name_count();
            continue;
        };
        let before = &old.premises[number];
        if is_untouched(before, simulated, old.locations, new.locations) {
            found.names += zone.name_count();
            continue;
        }
        let sides = (
            Ready::of(before, old.locations),
            Ready::of(simulated, new.locations),
        );
        compare_zone(&sides, &mut budget, &mut found, &mut index);
    }
    // Only zones of the old side are left.
    let mut removed: Vec<usize> = old_zones.into_values().collect();
    removed.sort_unstable();
    for number in removed {
        let zone = &old.premises[number].served.zone;
        found.zones_removed.push(zone.apex().to_string());
        found.names += zone.name_count();
        found.names_changed += zone.name_count();
    }
    if !observed.is_empty() {
        weigh(old, new, observed, &index, &mut found);
    }
    found.is_cut |= budget.is_cut;
    found
}

/// Returns whether a zone must answer alike: one and the same zone, with the same locations. Health is not compared:
/// both sides are given the same.
fn is_untouched(
    old: &SimulatedZone<'_>,
    new: &SimulatedZone<'_>,
    before: &Locations,
    after: &Locations,
) -> bool {
    Arc::ptr_eq(&old.served.zone, &new.served.zone)
        && (std::ptr::eq(before, after) || old.served.zone.policies.rules.is_empty())
}

/// Changes of each name and type, by their positions in the list.
#[derive(Default)]
struct Index {
    changes: HashMap<(Vec<u8>, Rtype), Vec<usize>>,
}

fn compare_zone(
    sides: &(Ready<'_>, Ready<'_>),
    budget: &mut Budget,
    found: &mut AnswerDiff,
    index: &mut Index,
) {
    let (old, new) = (
        &sides.0.simulated.served.zone,
        &sides.1.simulated.served.zone,
    );
    let pairs = Pairs::of(old, new);
    found.names += pairs.names;
    // Names whose pair of decisions was compared already change as the first one did.
    let mut known: HashMap<(u64, u64, Rtype), Vec<usize>> = HashMap::new();
    let mut changed_names: std::collections::HashSet<Vec<u8>> = std::collections::HashSet::new();
    for pair in &pairs.changed {
        let folded = pair.name.to_folded();
        let key = pair
            .digests
            .map(|(before, after)| (before, after, pair.rtype));
        let listed = match key.and_then(|key| known.get(&key)) {
            Some(listed) => {
                listed
                    .iter()
                    .for_each(|&at| found.changes[at].more_names += 1);
                listed.clone()
            }
            None => {
                let listed = compare_pair(sides, pair, budget, found);
                if let Some(key) = key {
                    known.insert(key, listed.clone());
                }
                listed
            }
        };
        if listed.iter().any(|&at| found.changes[at].has_new_records()) {
            changed_names.insert(folded.clone());
        }
        if !listed.is_empty() {
            index.changes.insert((folded, pair.rtype), listed);
        }
    }
    found.names_changed += changed_names.len();
}

/// Asks both sides and lists the changes; returns their positions in the list.
fn compare_pair(
    sides: &(Ready<'_>, Ready<'_>),
    pair: &Pair,
    budget: &mut Budget,
    found: &mut AnswerDiff,
) -> Vec<usize> {
    if !budget.take(2 * pair.clients.len()) {
        return Vec::new();
    }
    let question = Question {
        name: pair.name.clone(),
        rtype: pair.rtype,
    };
    let (old, new) = (sides.0.zone_state(), sides.1.zone_state());
    let first = found.changes.len();
    for asking in &pair.clients {
        let before = Answered::of(&old, &question, asking.client);
        let after = Answered::of(&new, &question, asking.client);
        if before.has_same_records(&after) && before.ttl == after.ttl {
            continue;
        }
        let is_like =
            |change: &&mut Change| change.before.is_like(&before) && change.after.is_like(&after);
        if let Some(known) = found.changes[first..].iter_mut().find(is_like) {
            known.from.push(asking.label.clone());
            continue;
        }
        if found.changes.len() == CHANGES_MAX {
            found.is_cut = true;
            break;
        }
        found.changes.push(Change {
            zone: sides.1.simulated.served.zone.apex().to_string(),
            name: question.name.to_string(),
            more_names: 0,
            rtype: question.rtype.to_string(),
            from: vec![asking.label.clone()],
            is_everybody: false,
            before,
            after,
            queries: None,
        });
    }
    for change in &mut found.changes[first..] {
        change.is_everybody = change.from.len() == pair.clients.len();
    }
    (first..found.changes.len()).collect()
}

/// Asks both sides the questions asked lately, and weighs the changes by them.
fn weigh(
    old: Side<'_>,
    new: Side<'_>,
    observed: &[Observed],
    index: &Index,
    found: &mut AnswerDiff,
) {
    let total: f64 = observed.iter().map(|query| query.weight).sum();
    let ready = |side: Side<'_>| -> Vec<ZoneView> {
        side.premises.iter().map(SimulatedZone::view).collect()
    };
    let views = (ready(old), ready(new));
    let mut changed = 0.0;
    let mut shares = vec![0.0; found.changes.len()];
    for query in observed {
        let before = ask(old, &views.0, query);
        let after = ask(new, &views.1, query);
        let is_same = match (&before, &after) {
            (Some((before, _)), Some((after, _))) => before.has_same_records(after),
            (None, None) => true,
            _ => false,
        };
        if is_same {
            continue;
        }
        changed += query.weight;
        let owners = [before.as_ref(), after.as_ref()].into_iter().flatten();
        let listed = owners
            .filter_map(|(_, owner)| index.changes.get(&(owner.clone(), query.rtype)))
            .flatten()
            .copied();
        let fits = |&at: &usize| {
            let change = &found.changes[at];
            before
                .as_ref()
                .is_some_and(|(before, _)| before.has_same_records(&change.before))
                && after
                    .as_ref()
                    .is_some_and(|(after, _)| after.has_same_records(&change.after))
        };
        if let Some(at) = listed.clone().find(fits).or_else(|| listed.clone().next()) {
            shares[at] += query.weight;
        }
    }
    for (change, share) in found.changes.iter_mut().zip(shares) {
        change.queries = Some(share / total);
    }
    found.queries_changed = Some(changed / total);
    found.queries = observed.len();
}

/// Returns the answer to a question, with its owner: the name, or the source of synthesis.
fn ask(side: Side<'_>, views: &[ZoneView], query: &Observed) -> Option<(Answered, Vec<u8>)> {
    let zones = side
        .premises
        .iter()
        .map(|simulated| &*simulated.served.zone);
    let number = zone_holding(zones, &query.name)?;
    let simulated = &side.premises[number];
    let question = Question {
        name: query.name.clone(),
        rtype: query.rtype,
    };
    let client = match query.client {
        GivenClient::Subnet(prefix) if prefix.prefix_len() == 0 => {
            GivenClient::Address(prefix.addr())
        }
        client => client,
    };
    let answered = Answered::of(
        &simulated.zone_state(&views[number], side.locations),
        &question,
        client,
    );
    Some((answered, owner_folded(&simulated.served.zone, &query.name)))
}

fn owner_folded(zone: &Zone, name: &Name) -> Vec<u8> {
    let mut query_name = QueryName::default();
    if query_name.take(name.octets())
        && zone.contains(&query_name)
        && let Found::Wildcard(node) = zone.find(&query_name)
    {
        return super::survey::owner_of(zone, node).to_folded();
    }
    name.to_folded()
}
