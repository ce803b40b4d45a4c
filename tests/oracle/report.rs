//! What a run found: counts for each peer, and every kind of difference with an example.
//!
//! In: judged questions. Out: a table and a list. Never here: judging.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::compare::Difference;
use super::peers::Voice;

/// Examples kept of one kind.
const EXAMPLES_MAX: usize = 4;

/// One judged question.
pub(crate) struct Judged {
    /// Differences from the peers that serve the zones of the question, in the order of [`Voice::PEERS`].
    pub(crate) differences: [Option<Difference>; 3],
    /// The choice that explains it, if it agrees with none.
    pub(crate) choice: Option<String>,
    /// Group of zones that was asked.
    pub(crate) group: usize,
    /// Question and replies for people; made only if it agrees with none.
    pub(crate) text: String,
}

impl Judged {
    /// Says whether no peer serves the zones of the question.
    fn is_uncompared(&self) -> bool {
        self.differences.iter().all(Option::is_none)
    }

    /// Says whether no peer says the same.
    pub(crate) fn is_alone(&self) -> bool {
        let agrees = |found: Difference| found.is_none();
        !self.is_uncompared() && !self.differences.iter().flatten().copied().any(agrees)
    }
}

/// Answers that are unexplained in one way.
#[derive(Default)]
struct Failure {
    count: usize,
    /// Group and text of a few, each of another group.
    examples: Vec<(usize, String)>,
}

/// Counts of a run.
#[derive(Default)]
pub(crate) struct Report {
    questions: usize,
    uncompared: usize,
    asked: [usize; 3],
    equal: [usize; 3],
    to_all: usize,
    to_none: usize,
    kinds: BTreeMap<[Option<Difference>; 3], usize>,
    choices: BTreeMap<String, usize>,
    failures: BTreeMap<[Option<Difference>; 3], Failure>,
}

impl Report {
    /// Counts one question.
    pub(crate) fn add(&mut self, judged: Judged) {
        if judged.is_uncompared() {
            self.uncompared += 1;
            return;
        }
        self.questions += 1;
        *self.kinds.entry(judged.differences).or_default() += 1;
        for (place, found) in judged.differences.iter().enumerate() {
            self.asked[place] += usize::from(found.is_some());
            self.equal[place] += usize::from(found.is_some_and(Difference::is_none));
        }
        let is_equal_to_all = judged
            .differences
            .iter()
            .all(|found| found.is_none_or(Difference::is_none));
        self.to_all += usize::from(is_equal_to_all);
        if !judged.is_alone() {
            return;
        }
        self.to_none += 1;
        match judged.choice {
            Some(choice) => *self.choices.entry(choice).or_default() += 1,
            None => {
                let failure = self.failures.entry(judged.differences).or_default();
                failure.count += 1;
                let examples = &mut failure.examples;
                let is_new = examples.iter().all(|(group, _)| *group != judged.group);
                if is_new && examples.len() < EXAMPLES_MAX {
                    examples.push((judged.group, judged.text));
                }
            }
        }
    }

    /// Counts the answers that agree with no peer and stand in no list.
    pub(crate) fn failures(&self) -> usize {
        self.failures.values().map(|failure| failure.count).sum()
    }

    /// How often a choice explained an answer.
    pub(crate) fn uses(&self, choice: &str) -> usize {
        self.choices.get(choice).copied().unwrap_or_default()
    }

    pub(crate) fn questions(&self) -> usize {
        self.questions
    }

    /// Writes the table.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{:<20}{:>8}\n", "questions", self.questions);
        writeln!(text, "{:<20}{:>8}", "no peer serves", self.uncompared).expect("room");
        for (place, voice) in Voice::PEERS.into_iter().enumerate() {
            let name = format!("equal to {}", voice.name());
            writeln!(
                text,
                "{name:<20}{:>8} of {}",
                self.equal[place], self.asked[place]
            )
            .expect("room");
        }
        writeln!(text, "{:<20}{:>8}", "equal to all", self.to_all).expect("room");
        writeln!(text, "{:<20}{:>8}", "equal to none", self.to_none).expect("room");
        for (choice, count) in &self.choices {
            writeln!(text, "  by choice {choice}: {count}").expect("room");
        }
        writeln!(text, "{:<20}{:>8}", "unexplained", self.failures()).expect("room");
        text.push_str("differences from NSD, Knot, BIND (- none, . zone refused):\n");
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (kind, count) in kinds {
            writeln!(text, "{count:>8}  {}", signature(kind)).expect("room");
        }
        text
    }

    /// Writes the unexplained answers, most frequent kind first.
    pub(crate) fn list(&self) -> String {
        let mut kinds: Vec<_> = self.failures.iter().collect();
        kinds.sort_by_key(|(_, failure)| std::cmp::Reverse(failure.count));
        let mut text = String::new();
        for (kind, failure) in kinds {
            let count = failure.count;
            writeln!(text, "\n{count} times: {}", signature(kind)).expect("room");
            for (_, example) in &failure.examples {
                writeln!(text, "{example}").expect("room");
            }
        }
        text
    }
}

fn signature(kind: &[Option<Difference>; 3]) -> String {
    let parts: Vec<String> = kind
        .iter()
        .map(|found| found.map_or_else(|| ".".to_owned(), |found| found.to_string()))
        .collect();
    parts.join(" , ")
}
