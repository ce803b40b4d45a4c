//! Differences from every peer that are choices, and those that are faults still to be mended: `choices.toml`.
//!
//! In: the list; a question that agrees with no peer. Out: the entry that explains it, if any. Never here: an entry
//! without a reason, a fault without a bound.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::compare::Difference;
use super::peers::Voice;
use super::questions::Question;
use super::reply::Reply;

/// Stands for whichever peer is nearest.
const ANY: &str = "any";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// What we mean to do otherwise than all peers.
    #[serde(default)]
    choice: Vec<Choice>,
    /// What is wrong, and may not become more.
    #[serde(default)]
    fault: Vec<Choice>,
}

/// One entry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    name: String,
    /// Why we answer so, for people.
    reason: String,
    /// Types asked; all if empty.
    #[serde(default)]
    types: BTreeSet<String>,
    /// Our response codes; all if empty.
    #[serde(default)]
    rcodes: BTreeSet<String>,
    /// What our reply holds, as text of a record; anything if empty.
    #[serde(default)]
    holds: String,
    /// How often it may explain an answer of the usual run; a choice has no bound, a fault must have one.
    most: Option<usize>,
    /// The peer that is followed but for these parts, or `any`.
    peer: String,
    /// Parts of the reply that may differ from that peer.
    parts: Vec<String>,
}

/// The whole list.
pub(crate) struct Choices(Vec<Choice>);

impl Choices {
    /// Reads the list that ships.
    pub(crate) fn read() -> Self {
        let text = include_str!("choices.toml");
        let mut list: List = toml::from_str(text).expect("choices.toml is a list of choices");
        for fault in &list.fault {
            assert!(fault.most.is_some(), "{}: a fault has a bound", fault.name);
        }
        list.choice.append(&mut list.fault);
        for choice in &list.choice {
            let words = choice.reason.split_whitespace().count();
            assert!(words >= 8, "{}: a reason is a sentence", choice.name);
            let _ = Difference::of(&choice.parts);
            let is_known = Voice::PEERS.iter().any(|voice| voice.name() == choice.peer);
            assert!(
                is_known || choice.peer == ANY,
                "{}: no peer {}",
                choice.name,
                choice.peer
            );
        }
        Self(list.choice)
    }

    /// Finds the first choice that explains a difference from all peers.
    pub(crate) fn explain(
        &self,
        question: &Question,
        replies: &[Option<Reply>],
        differences: &[Option<Difference>; 3],
    ) -> Option<String> {
        let ours = replies[0].as_ref()?;
        let rtype = question.rtype.to_string();
        let text = ours.text();
        let explains = |choice: &&Choice| {
            let allowed = Difference::of(&choice.parts);
            let is_followed = |(voice, found): (&Voice, &Option<Difference>)| {
                let is_meant = choice.peer == ANY || choice.peer == voice.name();
                is_meant && found.is_some_and(|found| found.is_within(allowed))
            };
            (choice.types.is_empty() || choice.types.contains(&rtype))
                && (choice.rcodes.is_empty() || choice.rcodes.contains(&ours.rcode))
                && (choice.holds.is_empty() || text.contains(&choice.holds))
                && Voice::PEERS.iter().zip(differences).any(is_followed)
        };
        self.0
            .iter()
            .find(explains)
            .map(|choice| choice.name.clone())
    }

    /// Names of all entries, with their bounds.
    pub(crate) fn bounds(&self) -> impl Iterator<Item = (&str, Option<usize>)> {
        self.0
            .iter()
            .map(|choice| (choice.name.as_str(), choice.most))
    }
}
