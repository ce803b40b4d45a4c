//! Compares explanations with what a story demands, and messages with explanations.

use std::collections::BTreeMap;

use leeward::simulate::Explanation;
use leeward::wire::Rcode;

use super::message::{Said, normal};
use super::story::{Ask, share};

/// How far a probability may be off: they are computed, not counted.
const EXACT: f64 = 1e-9;
/// How many standard deviations a frequency may be off. Seeds are fixed, so a failure is no accident of the day.
const SIGMAS: f64 = 5.0;

/// Lists how an explanation differs from what is demanded.
pub(crate) fn compare(wanted: &Ask, found: &Explanation) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(pools) = &wanted.pools {
        let found = found.pools.iter().cloned().collect();
        wrong.extend(differ("pools", pools, &found));
    }
    if let Some(records) = &wanted.records {
        let mut probabilities = BTreeMap::new();
        for candidate in &found.candidates {
            for rdata in &candidate.rdata {
                *probabilities.entry(rdata.clone()).or_insert(0.0) += candidate.probability;
            }
        }
        wrong.extend(differ("records", records, &probabilities));
    }
    if let Some(outcome) = &wanted.outcome {
        let is_so = found.candidates.is_empty() && *outcome == outcome_word(found);
        if !is_so {
            wrong.push(format!("{outcome} was expected"));
        }
    } else if found.candidates.is_empty() {
        wrong.push("an answer was expected".to_owned());
    }
    if let Some(ttl) = wanted.ttl.filter(|ttl| *ttl != found.ttl) {
        wrong.push(format!("TTL {ttl} was expected, it is {}", found.ttl));
    }
    if let Some(scope) = wanted.scope.filter(|scope| *scope != found.scope_len) {
        wrong.push(format!(
            "scope {scope} was expected, it is {}",
            found.scope_len
        ));
    }
    let text = leeward::simulate::explanation_text(found);
    for part in wanted.trace.iter().filter(|part| !text.contains(*part)) {
        wrong.push(format!("the explanation should hold `{part}`"));
    }
    wrong
}

fn outcome_word(found: &Explanation) -> &'static str {
    match found.rcode {
        Rcode::NXDOMAIN => "nxdomain",
        Rcode::SERVFAIL => "servfail",
        _ => "nodata",
    }
}

/// Compares shares; a key that is missing on one side differs.
fn differ(
    what: &str,
    wanted: &BTreeMap<String, toml::Value>,
    found: &BTreeMap<String, f64>,
) -> Option<String> {
    let is_same = wanted.len() == found.len()
        && wanted.iter().all(|(key, value)| {
            found
                .get(key)
                .is_some_and(|known| (known - share(value)).abs() < EXACT)
        });
    (!is_same).then(|| format!("{what} should be {wanted:?}, they are {found:?}"))
}

/// Lists how messages differ from the explanation, and from what is demanded of messages alone.
pub(crate) fn compare_messages(wanted: &Ask, found: &Explanation, said: &[Said]) -> Vec<String> {
    let mut wrong = Vec::new();
    let ttls: Vec<u32> = found.candidates.iter().map(|one| one.ttl).collect();
    let known: Vec<String> = found
        .candidates
        .iter()
        .flat_map(|one| {
            one.rdata
                .iter()
                .map(|rdata| normal(&format!("{} {rdata}", one.rtype)))
        })
        .collect();
    for message in said {
        let is_mixed = !found.candidates.is_empty() && found.empty_probability > 0.0;
        if !is_mixed && message.rcode != found.rcode.to_string() {
            wrong.push(format!("{message:?} has another response code"));
        }
        if let Some(stray) = message.records.iter().find(|one| !known.contains(one)) {
            wrong.push(format!("`{stray}` was sent, which no candidate has"));
        }
        if message.records.is_empty() && found.empty_probability == 0.0 {
            wrong.push("a message without records was sent".to_owned());
        }
        let is_ttl_known = match message.ttl {
            Some(ttl) if !message.records.is_empty() => ttls.contains(&ttl),
            Some(ttl) => is_mixed || ttl == found.ttl,
            None => message.rcode == "SERVFAIL",
        };
        if !is_ttl_known {
            wrong.push(format!("{message:?} has a TTL that no candidate has"));
        }
        if let Some(scope) = message.scope.filter(|scope| *scope != found.scope_len) {
            wrong.push(format!(
                "scope {scope} was sent, {} explained",
                found.scope_len
            ));
        }
        if let Some(count) = wanted.count.filter(|count| *count != message.records.len()) {
            wrong.push(format!("{message:?} should have {count} records"));
        }
        let has_owner = |owner: &String| {
            let relative = message.owner.split('.').next().unwrap_or_default();
            *owner == message.owner || *owner == relative
        };
        if wanted.owner.as_ref().is_some_and(|owner| !has_owner(owner)) {
            wrong.push(format!("{message:?} has another owner"));
        }
    }
    wrong.dedup();
    wrong.truncate(3);
    if wrong.is_empty() {
        wrong.extend(compare_frequencies(found, said));
    }
    wrong
}

/// Compares how often records were sent with their probabilities.
fn compare_frequencies(found: &Explanation, said: &[Said]) -> Vec<String> {
    let mut wrong = Vec::new();
    let total = said.len() as f64;
    let mut in_message: BTreeMap<&str, f64> = BTreeMap::new();
    let mut at_first: BTreeMap<&str, f64> = BTreeMap::new();
    for message in said {
        for record in &message.records {
            *in_message.entry(record).or_insert(0.0) += 1.0 / total;
        }
        if let Some(first) = message.records.first() {
            *at_first.entry(first).or_insert(0.0) += 1.0 / total;
        }
    }
    let mut wanted: BTreeMap<String, f64> = BTreeMap::new();
    for candidate in &found.candidates {
        for rdata in &candidate.rdata {
            let key = normal(&format!("{} {rdata}", candidate.rtype));
            *wanted.entry(key).or_insert(0.0) += candidate.probability;
        }
    }
    // Where several are drawn by weight, a probability is that of standing first.
    let sent: f64 = in_message.values().sum();
    let is_first = sent > wanted.values().sum::<f64>() + 0.2;
    let counted = if is_first { at_first } else { in_message };
    for (record, probability) in wanted {
        let frequency = counted.get(record.as_str()).copied().unwrap_or(0.0);
        let deviation = (probability * (1.0 - probability).max(0.0) / total).sqrt();
        if (frequency - probability).abs() > SIGMAS * deviation + EXACT {
            wrong.push(format!(
                "`{record}` was sent in {frequency:.3} of the messages, {probability:.3} explained"
            ));
        }
    }
    wrong
}
