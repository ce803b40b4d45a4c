//! Explains over several zones: an alias that leads into another zone of ours is explained there, as it is answered.
//!
//! In: a way to the zone state of the zone that holds a name. Out: one explanation. Never here: deciding; each link is the
//! explanation of its own zone.

use crate::answer::CHAIN_MAX;
use crate::wire::{Name, Rtype};

use super::candidates::merge;
use super::explain::explain;
use super::explanation::{Candidate, Explanation, GivenClient, Question, ZoneState};

/// Shows the zone state of the zone that holds a name; not called if no zone does.
pub type OnStage<'s> = dyn Fn(&Name, &mut dyn FnMut(&ZoneState<'_>)) + 's;

/// Explains a question, aliases into other zones followed; `None` if no zone holds the name.
pub fn explain_across(
    on_stage: &OnStage<'_>,
    question: &Question,
    client: GivenClient,
) -> Option<Explanation> {
    let explain_one = |question: &Question| {
        let mut explanation = None;
        on_stage(&question.name, &mut |zone_state| {
            explanation = Some(explain(zone_state, question, client))
        });
        explanation
    };
    let mut explanation = explain_one(question)?;
    if question.rtype == Rtype::CNAME {
        return Some(explanation);
    }
    // A zone is explained once: what leads back into one is shown as the alias that it is.
    let mut zones = vec![explanation.zone.clone()];
    for _ in 0..CHAIN_MAX {
        let Some(at) = explanation
            .candidates
            .iter()
            .position(|candidate| leads_out(candidate, &zones))
        else {
            break;
        };
        let alias = explanation.candidates[at].clone();
        let further = target_of(&alias).and_then(|name| {
            explain_one(&Question {
                name,
                rtype: question.rtype,
            })
        });
        // A name in no zone of ours is the resolver's to follow.
        let Some(further) = further else { break };
        zones.push(further.zone.clone());
        join(&mut explanation, &alias, further);
    }
    Some(explanation)
}

fn target_of(candidate: &Candidate) -> Option<Name> {
    match candidate.rdata.as_slice() {
        [target] if candidate.rtype == Rtype::CNAME => Name::parse_absolute(target).ok(),
        _ => None,
    }
}

fn leads_out(candidate: &Candidate, zones: &[Name]) -> bool {
    target_of(candidate).is_some_and(|target| zones.iter().all(|zone| !target.is_at_or_below(zone)))
}

/// Replaces an alias by what it leads to, with its probability.
fn join(explanation: &mut Explanation, alias: &Candidate, further: Explanation) {
    explanation
        .aliases
        .extend(alias.rdata.iter().map(|target| format!("CNAME {target}")));
    explanation.aliases.extend(further.aliases);
    explanation.rcode = further.rcode;
    explanation.steps.extend(further.steps);
    if further.candidates.is_empty() {
        // An alias whose target has no records is answered alone (RFC 6604, section 3).
        return;
    }
    explanation
        .candidates
        .retain(|candidate| candidate != alias);
    explanation.scope_len = explanation.scope_len.max(further.scope_len);
    let share = alias.probability;
    explanation.empty_probability += share * further.empty_probability;
    explanation.last_resort += share * further.last_resort;
    explanation.over_capacity += share * further.over_capacity;
    for mut candidate in further.candidates {
        candidate.probability *= share;
        merge(&mut explanation.candidates, candidate);
    }
    let pools = further
        .pools
        .into_iter()
        .map(|(pool, of_it)| (pool, of_it * share));
    explanation.pools.extend(pools);
    let least = explanation
        .candidates
        .iter()
        .map(|candidate| candidate.ttl)
        .min();
    explanation.ttl = least.unwrap_or(further.ttl);
    explanation
        .candidates
        .sort_by(|a, b| b.probability.total_cmp(&a.probability));
}
