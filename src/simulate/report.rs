//! Explanations as text and as JSON. The JSON's keys are an interface that stays (docs/explain.md).

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::wire::Rcode;

use super::explanation::{Candidate, Explanation, Step};

/// Writes an explanation as JSON.
pub fn explanation_json(explanation: &Explanation) -> Value {
    json!({
        "zone": explanation.zone.to_string(),
        "name": explanation.name.to_string(),
        "type": explanation.rtype.to_string(),
        "rcode": explanation.rcode.to_string(),
        "outcome": outcome(explanation),
        "ttl": explanation.ttl,
        "scope": explanation.scope_len,
        "candidates": explanation.candidates.iter().map(candidate_json).collect::<Vec<_>>(),
        "empty_probability": rounded(explanation.empty_probability),
        "pools": explanation.pools.iter().map(|(pool, share)| json!({ "pool": pool, "share": rounded(*share) })).collect::<Vec<_>>(),
        "aliases": explanation.aliases,
        "flattened": explanation.flattened,
        "steps": explanation.steps.iter().map(step_json).collect::<Vec<_>>(),
    })
}

fn rounded(probability: f64) -> f64 {
    (probability * 1e9).round() / 1e9
}

fn candidate_json(candidate: &Candidate) -> Value {
    json!({
        "pool": candidate.pool,
        "type": candidate.rtype.to_string(),
        "rdata": candidate.rdata,
        "probability": rounded(candidate.probability),
        "ttl": candidate.ttl,
    })
}

fn step_json(step: &Step) -> Value {
    let candidates: Vec<Value> = step
        .candidates
        .iter()
        .map(|candidate| json!({ "label": candidate.label, "healthy": candidate.is_healthy, "why": candidate.why }))
        .collect();
    json!({
        "policy": step.policy,
        "at": step.label,
        "among": step.among,
        "candidates": candidates,
        "chosen": step.chosen,
        "notes": step.notes,
    })
}

/// Names the outcome in the word that expectations use.
fn outcome(explanation: &Explanation) -> &'static str {
    match explanation.rcode {
        _ if !explanation.candidates.is_empty() => "answer",
        Rcode::NXDOMAIN => "nxdomain",
        Rcode::SERVFAIL => "servfail",
        _ => "nodata",
    }
}

/// Writes an explanation for people: what is answered, then why.
pub fn explanation_text(explanation: &Explanation) -> String {
    let mut text = String::new();
    let e = explanation;
    let _ = writeln!(text, "{} {} in zone {}", e.name, e.rtype, e.zone);
    let _ = writeln!(
        text,
        "  {} · {} · TTL {} s · scope /{}",
        e.rcode,
        outcome(e),
        e.ttl,
        e.scope_len
    );
    for alias in &e.aliases {
        let _ = writeln!(text, "  by way of {alias}");
    }
    for target in &e.flattened {
        let _ = writeln!(text, "  flattened {target}");
    }
    for candidate in &e.candidates {
        let pool = candidate.pool.as_deref().unwrap_or("static");
        let share = candidate.probability * 100.0;
        let _ = writeln!(
            text,
            "  {share:>6.2} %  {pool:<16} {} {}",
            candidate.rtype,
            candidate.rdata.join(", ")
        );
    }
    if e.empty_probability > 0.0 && !e.candidates.is_empty() {
        let _ = writeln!(
            text,
            "  {:>6.2} %  without records",
            e.empty_probability * 100.0
        );
    }
    for (number, step) in e.steps.iter().enumerate() {
        push_step(&mut text, number + 1, step);
    }
    text
}

fn push_step(text: &mut String, number: usize, step: &Step) {
    let chosen = if step.chosen.is_empty() {
        String::new()
    } else {
        format!(" -> {}", step.chosen.join(" or "))
    };
    let label = if step.label.is_empty() {
        String::new()
    } else {
        format!(" {}", step.label)
    };
    let article = if step.among.starts_with("all") {
        ""
    } else {
        "the "
    };
    let _ = writeln!(
        text,
        "{}. {}{label}, among {article}{}{chosen}",
        number, step.policy, step.among
    );
    for note in &step.notes {
        let _ = writeln!(text, "     ({note})");
    }
    for candidate in &step.candidates {
        let mark = if candidate.is_healthy {
            "healthy"
        } else {
            "out    "
        };
        let why = candidate
            .why
            .as_deref()
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        let _ = writeln!(text, "     {mark} {}{why}", candidate.label);
    }
}
