//! Answer that a client gets, in a form in which two can be compared.
//!
//! In: an explanation. Out: shares of pools and records. Never here: deciding; names of pools make no difference to a
//! client, so two answers are the same if their records are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::wire::Rcode;

use super::explain::{Detail, explain_with};

use super::explanation::{Explanation, GivenClient, Question, ZoneState};

/// Greatest difference of two probabilities that count as one: rounding, not a change.
const ALIKE: f64 = 1e-6;

/// A pool with its share of the answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolShare {
    /// The pool's id.
    pub pool: String,
    /// Share from 0 to 1; several pools in one answer each have their own.
    pub share: f64,
}

/// Answer that a client gets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// Response code.
    pub rcode: String,
    /// TTL in seconds.
    pub ttl: u32,
    /// Pools, by name.
    pub pools: Vec<PoolShare>,
    /// Records as `TYPE RDATA` with the probability of each.
    pub records: BTreeMap<String, f64>,
    /// Probability of an answer without records.
    pub empty: f64,
    /// Probability of records given on last resort.
    pub last_resort: f64,
    /// Probability of records whose branch is given more than it can carry.
    pub over_capacity: f64,
}

/// Hazard of an answer for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hazard {
    /// Records come, but some branch is given more than it can carry.
    OverCapacity,
    /// Records come, but from targets that are all unhealthy.
    LastResort,
    /// The answer has no records.
    Empty,
}

impl Hazard {
    /// Returns the words of messages.
    pub const fn words(self) -> &'static str {
        match self {
            Self::OverCapacity => "over capacity",
            Self::LastResort => "on last resort",
            Self::Empty => "empty",
        }
    }
}

impl Answered {
    /// Answers a question by the engine.
    pub fn of(zone_state: &ZoneState<'_>, question: &Question, client: GivenClient) -> Self {
        Self::read(&explain_with(zone_state, question, client, Detail::Answer))
    }

    fn read(explanation: &Explanation) -> Self {
        let mut records: BTreeMap<String, f64> = BTreeMap::new();
        for candidate in &explanation.candidates {
            for rdata in &candidate.rdata {
                *records
                    .entry(format!("{} {rdata}", candidate.rtype))
                    .or_default() += candidate.probability;
            }
        }
        let mut pools: Vec<PoolShare> = explanation
            .pools
            .iter()
            .map(|(pool, share)| PoolShare {
                pool: pool.clone(),
                share: *share,
            })
            .collect();
        pools.sort_by(|a, b| {
            b.share
                .total_cmp(&a.share)
                .then_with(|| a.pool.cmp(&b.pool))
        });
        Self {
            rcode: explanation.rcode.to_string(),
            ttl: explanation.ttl,
            pools,
            records,
            empty: explanation.empty_probability,
            last_resort: explanation.last_resort,
            over_capacity: explanation.over_capacity,
        }
    }

    /// Returns whether two answers are shown alike: records, pools and TTL.
    pub fn is_like(&self, other: &Self) -> bool {
        self.has_same_records(other) && self.ttl == other.ttl && self.shown() == other.shown()
    }

    /// Returns whether two answers are the same for a client, TTL aside.
    pub fn has_same_records(&self, other: &Self) -> bool {
        self.rcode == other.rcode
            && (self.empty - other.empty).abs() < ALIKE
            && self.records.len() == other.records.len()
            && self
                .records
                .iter()
                .zip(&other.records)
                .all(|((a, a_share), (b, b_share))| a == b && (a_share - b_share).abs() < ALIKE)
    }

    /// Returns the hazard of the answer, if it has one.
    pub fn hazard(&self) -> Option<Hazard> {
        if self.empty > ALIKE || self.rcode == Rcode::SERVFAIL.to_string() {
            Some(Hazard::Empty)
        } else if self.last_resort > ALIKE {
            Some(Hazard::LastResort)
        } else if self.over_capacity > ALIKE {
            Some(Hazard::OverCapacity)
        } else {
            None
        }
    }

    /// Returns each pool's share of the traffic: what comes together in one answer is shared evenly.
    pub fn traffic(&self) -> impl Iterator<Item = (&str, f64)> {
        let total: f64 = self.pools.iter().map(|pool| pool.share).sum();
        let answered = 1.0 - self.empty;
        self.pools
            .iter()
            .filter(move |_| total > 0.0)
            .map(move |pool| (pool.pool.as_str(), pool.share / total * answered))
    }

    /// Writes pools with their shares, or what comes instead of records.
    pub fn shown(&self) -> String {
        let mut parts: Vec<String> = self
            .pools
            .iter()
            .map(|pool| match percent(pool.share) {
                whole if whole == "100" => pool.pool.clone(),
                share => format!("{} {share} %", pool.pool),
            })
            .collect();
        if parts.is_empty() {
            parts.extend(self.records.keys().cloned());
        }
        if self.empty > ALIKE {
            let word = match self.rcode.as_str() {
                "NOERROR" => "no records",
                other => other,
            };
            parts.push(if parts.is_empty() {
                word.to_owned()
            } else {
                format!("{word} {} %", percent(self.empty))
            });
        }
        let mut text = parts.join(", ");
        if self.last_resort > ALIKE {
            text += " (last resort)";
        }
        if self.over_capacity > ALIKE {
            text += " (over capacity)";
        }
        text
    }

    /// Writes records, each with its probability where it is not certain.
    pub fn shown_records(&self) -> String {
        if self.records.is_empty() {
            return self.shown();
        }
        let shown = |(record, share): (&String, &f64)| match percent(*share) {
            whole if whole == "100" => record.clone(),
            share => format!("{record} {share} %"),
        };
        self.records
            .iter()
            .map(shown)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Writes a share in percent with at most one digit.
pub(super) fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    text.strip_suffix(".0")
        .map_or_else(|| text.clone(), str::to_owned)
}
