//! The table of all targets with their states; identical targets of all zones are one (rule a32).
//!
//! In: the targets that the zones want, observations, the time. Out: what a prober must begin and stop, transitions,
//! statuses by id. Never here: probes, files, clocks.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::evidence::{Evidence, Latest, Observation};

use super::finding::Finding;
use super::finding::Outcome;
use super::saved::{SavedStatus, fingerprint};
use super::step::{CheckState, Input, Transition};
use super::target::{Status, Target, TargetId};
use super::target_table::{Carried, Entry, Row, TargetTable, id_of};
use crate::clock::{Moment, WallTime};

/// All targets of the process.
#[derive(Debug, Default)]
pub struct Targets {
    ids: HashMap<Arc<Target>, TargetId>,
    table: TargetTable,
    /// Ids that nothing uses, oldest first, with the moment they became free.
    free: VecDeque<(TargetId, Moment)>,
    /// Saved statuses that no target claimed yet, by fingerprint.
    saved: HashMap<String, Saved>,
    /// True while the server doubts itself: no status changes then.
    is_doubting: bool,
}

#[derive(Debug)]
struct Saved {
    status: Status,
    evidence: Evidence,
    carried: Carried,
    /// Time after which it is too old to be claimed.
    until: Moment,
    /// Of a target of this process: whether a probe passed, and since when they do not. Unset for an earlier run's.
    is_proven: bool,
    failing_since: Option<Moment>,
}

/// Targets to begin and to stop probing after [`Targets::reconcile`].
#[derive(Debug, Default)]
pub struct Changes {
    /// Targets that are new.
    pub added: Vec<(TargetId, Arc<Target>)>,
    /// Ids of targets that no zone uses any more.
    pub removed: Vec<TargetId>,
}

/// How long an id rests before another target may get it. Longer than the longest probe (60 s, rule a35), so that a
/// late observation is never taken for one of the next target.
pub const ID_REST: Duration = Duration::from_secs(120);

/// Numbers of saved statuses that were kept and dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Number of statuses that targets may claim.
    pub kept: usize,
    /// Number of statuses that are too old, or come from the future.
    pub dropped: usize,
}

/// Age beyond which a saved status is worth no more than none. Chosen; no standard value.
pub const SAVED_AGE_MAX: Duration = Duration::from_secs(3_600);

impl Targets {
    /// Makes the table hold exactly the wanted targets; equal ones are kept with their state.
    ///
    /// A new target takes its status from the saved ones, else from a vanished target that asked the same question with
    /// other timing (see [`fingerprint`]): to change an interval in the middle of an outage brings nothing back to life.
    pub fn reconcile(&mut self, wanted: impl Iterator<Item = Target>, now: Moment) -> Changes {
        let mut counts: HashMap<Target, u32> = HashMap::new();
        for target in wanted {
            *counts.entry(target).or_default() += 1;
        }
        let mut changes = Changes::default();
        let vanished = self.remove_unwanted(&mut counts, now, &mut changes);
        let mut added: Vec<_> = counts.into_iter().collect();
        // The order of a hash map is random; ids follow the endpoints so that neighbours in files are so in tables.
        added.sort_by_cached_key(|(target, _)| fingerprint(&target.probe));
        for (target, references) in added {
            let key = fingerprint(&target.probe);
            let known = self
                .saved
                .remove(&key)
                .filter(|saved| now <= saved.until)
                .or_else(|| vanished.get(&key).map(Saved::copy));
            let target = Arc::new(target);
            let id = self.insert(Arc::clone(&target), references, known, now);
            changes.added.push((id, target));
        }
        changes
    }

    /// Removes targets that are not in `counts`, and takes the others out of it. Returns states of the removed ones.
    fn remove_unwanted(
        &mut self,
        counts: &mut HashMap<Target, u32>,
        now: Moment,
        changes: &mut Changes,
    ) -> HashMap<String, Saved> {
        let mut vanished = HashMap::new();
        for index in 0..self.table.end() {
            let Some(entry) = self.table.entry_mut(index) else {
                continue;
            };
            if let Some(references) = counts.remove(entry.target.as_ref()) {
                entry.references = references;
                continue;
            }
            let id = id_of(index);
            self.ids.remove(&entry.target);
            self.free.push_back((id, now));
            changes.removed.push(id);
            vanished.insert(fingerprint(&entry.target.probe), Saved::of(entry, now));
            self.table.put(id, None);
        }
        vanished
    }

    fn insert(
        &mut self,
        target: Arc<Target>,
        references: u32,
        known: Option<Saved>,
        now: Moment,
    ) -> TargetId {
        let id = match self.free.front() {
            Some((id, freed_at)) if now.since(*freed_at) >= ID_REST => {
                let id = *id;
                self.free.pop_front();
                id
            }
            _ => self.table.add(),
        };
        let (state, carried) = match known {
            None => (CheckState::new(now), Carried::default()),
            Some(known) => (
                CheckState {
                    is_proven: known.is_proven,
                    latest: Latest {
                        failing_since: known.failing_since,
                        ..Latest::default()
                    },
                    ..CheckState::with_status(known.status, known.evidence, now)
                },
                known.carried,
            ),
        };
        self.ids.insert(Arc::clone(&target), id);
        let entry = Entry {
            target,
            references,
            state,
            carried,
        };
        self.table.put(id, Some(entry));
        id
    }

    /// Takes an observation in. One for an id that is not in use any more changes nothing.
    pub fn observe(
        &mut self,
        id: TargetId,
        observation: Observation,
        now: Moment,
    ) -> Option<Transition> {
        let entry = self.table.entry_mut(id.0 as usize)?;
        if observation.outcome != Outcome::NoEvidence {
            entry.carried.silent = Duration::ZERO;
        }
        let input = if self.is_doubting {
            Input::Doubted(observation)
        } else {
            Input::Observed(observation)
        };
        entry.apply(input, now)
    }

    /// Begins or ends a doubt. While it lasts no status changes; at its end everything counted before is forgotten.
    pub fn doubt(&mut self, is_doubting: bool, now: Moment) {
        if self.is_doubting && !is_doubting {
            for index in 0..self.table.end() {
                if let Some(entry) = self.table.entry_mut(index) {
                    entry.apply(Input::DoubtEnded, now);
                }
            }
        }
        self.is_doubting = is_doubting;
    }

    /// Advances the time of all targets; call it about once a second. Costs about ten nanoseconds a target.
    pub fn tick(&mut self, now: Moment) -> Vec<(TargetId, Transition)> {
        let mut transitions = Vec::new();
        if self.is_doubting {
            return transitions;
        }
        for index in 0..self.table.end() {
            // Most targets were heard of lately; they need not be moved through the state machine.
            let is_quiet =
                |entry: &Entry| now.since(entry.state.heard_at) > entry.target.probe.interval;
            if !self.table.entry(index).is_some_and(is_quiet) {
                continue;
            }
            let entry = self.table.entry_mut(index);
            if let Some(transition) = entry.and_then(|entry| entry.apply(Input::Tick, now)) {
                transitions.push((id_of(index), transition));
            }
        }
        transitions
    }

    /// Returns the rows of all targets. A clone of them is a snapshot, at the price of a pointer for each block of rows.
    pub fn table(&self) -> &TargetTable {
        &self.table
    }

    /// Returns the status of a target; unknown for an id that is not in use.
    pub fn status(&self, id: TargetId) -> Status {
        self.table.status(id)
    }

    /// Returns the id of a target, if it is in the table.
    pub fn id(&self, target: &Target) -> Option<TargetId> {
        self.ids.get(target).copied()
    }

    /// Returns one target with its state.
    pub fn row(&self, id: TargetId) -> Option<Row<'_>> {
        self.table.row(id)
    }

    /// Iterates over all targets by id.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.table.rows()
    }

    /// Returns the number of targets.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns whether there is no target.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns the number of targets without a finished probe; a start that waits for first results waits for zero.
    pub fn count_unprobed(&self) -> usize {
        let rows = self.table.rows();
        rows.filter(|row| row.state.last_probe_at.is_none()).count()
    }

    /// Returns a number above every id in use, for tables indexed by id.
    pub fn ids_end(&self) -> usize {
        self.table.end()
    }

    /// Takes statuses of an earlier run; targets claim them when they are added. Records that are too old, or come from
    /// the future by the civil clock, are dropped.
    pub fn restore(
        &mut self,
        saved: impl IntoIterator<Item = SavedStatus>,
        now: Moment,
        wall: WallTime,
    ) -> Restored {
        let mut dropped = 0;
        for record in saved {
            let heard = WallTime::from_millis(record.heard_ms);
            let silent = wall.since(heard);
            if record.status == Status::Unknown || silent > SAVED_AGE_MAX || heard > wall {
                dropped += 1;
                continue;
            }
            let carried = Carried {
                held: wall.since(WallTime::from_millis(record.since_ms)),
                silent,
            };
            let saved = Saved {
                status: record.status,
                evidence: Finding::Saved(record.evidence.into()).into(),
                carried,
                until: now.after(SAVED_AGE_MAX - silent),
                is_proven: false,
                failing_since: None,
            };
            self.saved.insert(record.probe, saved);
        }
        Restored {
            kept: self.saved.len(),
            dropped,
        }
    }
}

impl Saved {
    /// Keeps what is known of a target that vanishes.
    fn of(entry: &Entry, now: Moment) -> Self {
        Self {
            status: entry.state.status,
            evidence: entry.state.last_evidence.clone(),
            carried: Carried {
                held: now.since(entry.state.since) + entry.carried.held,
                silent: now.since(entry.state.heard_at) + entry.carried.silent,
            },
            until: now,
            is_proven: entry.state.is_proven,
            failing_since: entry.state.latest.failing_since,
        }
    }

    fn copy(&self) -> Self {
        Self {
            status: self.status,
            evidence: self.evidence.clone(),
            carried: self.carried,
            until: self.until,
            is_proven: self.is_proven,
            failing_since: self.failing_since,
        }
    }
}

#[cfg(test)]
mod tests;
