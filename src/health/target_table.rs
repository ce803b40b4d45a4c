//! The rows of all targets, in blocks that snapshots share.
//!
//! In: targets with their states. Out: rows by id, snapshots. Never here: which targets are wanted, what changes a state.
//!
//! A snapshot copies one pointer a block. A row that changes while a snapshot is held copies its block once, so neither a
//! reader nor the writer ever copies the whole table at once.

use std::sync::Arc;
use std::time::Duration;

use super::finding::Finding;
use super::saved::{SavedStatus, fingerprint};
use super::step::{CheckState, Input, Transition, step};
use super::target::{Status, Target, TargetId};
use crate::clock::{Moment, WallTime};

/// Rows of a block. Chosen: 10,000 targets are 313 pointers, and a block is copied in a few microseconds.
const BLOCK_LEN: usize = 32;

/// All targets with their states, by id.
#[derive(Clone, Debug, Default)]
pub struct TargetTable {
    blocks: Vec<Arc<Vec<Option<Entry>>>>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) target: Arc<Target>,
    pub(super) references: u32,
    pub(super) state: CheckState,
    pub(super) carried: Carried,
}

/// Time that passed before this process knew the target.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carried {
    /// Time in the present status.
    pub(super) held: Duration,
    /// Time since the last evidence.
    pub(super) silent: Duration,
}

/// A target with its state, for status pages.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Id of the target.
    pub id: TargetId,
    /// Recipe and damping.
    pub target: &'a Arc<Target>,
    /// Damped state.
    pub state: &'a CheckState,
    /// Number of uses by zones.
    pub references: u32,
    held_before: Duration,
}

impl Row<'_> {
    /// Returns the duration of the present status, earlier runs of the process included.
    pub fn held(&self, now: Moment) -> Duration {
        now.since(self.state.since) + self.held_before
    }
}

impl TargetTable {
    /// Returns the status of a target; unknown for an id that is not in use.
    pub fn status(&self, id: TargetId) -> Status {
        self.row(id).map_or(Status::Unknown, |row| row.state.status)
    }

    /// Returns one target with its state.
    pub fn row(&self, id: TargetId) -> Option<Row<'_>> {
        Some(self.entry(id.0 as usize)?.row(id))
    }

    /// Iterates over all targets by id.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let entries = self.blocks.iter().flat_map(|block| block.iter());
        let numbered = entries.enumerate();
        numbered.filter_map(|(index, entry)| Some(entry.as_ref()?.row(id_of(index))))
    }

    /// Writes down all statuses that are known.
    pub fn save(&self, now: Moment, wall: WallTime) -> Vec<SavedStatus> {
        let ago = |duration: Duration| {
            let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
            wall.millis().saturating_sub(millis)
        };
        let rows = self.blocks.iter().flat_map(|block| block.iter().flatten());
        let known = rows.filter(|entry| entry.state.status != Status::Unknown);
        known
            .map(|entry| SavedStatus {
                probe: fingerprint(&entry.target.probe),
                status: entry.state.status,
                since_ms: ago(now.since(entry.state.since) + entry.carried.held),
                heard_ms: ago(now.since(entry.state.heard_at) + entry.carried.silent),
                evidence: match &entry.state.last_evidence.finding {
                    Finding::Saved(text) => text.to_string(),
                    _ => entry.state.last_evidence.to_string(),
                },
            })
            .collect()
    }

    pub(super) fn entry(&self, index: usize) -> Option<&Entry> {
        let block = self.blocks.get(index / BLOCK_LEN)?;
        block.get(index % BLOCK_LEN)?.as_ref()
    }

    /// Returns a row to change; its block is copied if a snapshot holds it.
    pub(super) fn entry_mut(&mut self, index: usize) -> Option<&mut Entry> {
        self.slot_mut(index)?.as_mut()
    }

    pub(super) fn put(&mut self, id: TargetId, entry: Option<Entry>) {
        if let Some(slot) = self.slot_mut(id.0 as usize) {
            *slot = entry;
        }
    }

    /// Adds an empty row; returns its id.
    pub(super) fn add(&mut self) -> TargetId {
        let id = id_of(self.end());
        match self.blocks.last_mut() {
            Some(block) if block.len() < BLOCK_LEN => Arc::make_mut(block).push(None),
            _ => self.blocks.push(Arc::new(vec![None])),
        }
        id
    }

    /// Returns a number above the index of every row.
    pub(super) fn end(&self) -> usize {
        let last = self.blocks.last();
        last.map_or(0, |last| (self.blocks.len() - 1) * BLOCK_LEN + last.len())
    }

    fn slot_mut(&mut self, index: usize) -> Option<&mut Option<Entry>> {
        let block = self.blocks.get_mut(index / BLOCK_LEN)?;
        let place = index % BLOCK_LEN;
        (place < block.len()).then(|| &mut Arc::make_mut(block)[place])
    }
}

impl Entry {
    pub(super) fn apply(&mut self, input: Input, now: Moment) -> Option<Transition> {
        let state = std::mem::replace(&mut self.state, CheckState::new(now));
        let interval = self.target.probe.interval;
        let (state, mut transition) = step(&self.target.damping, interval, state, input, now);
        self.state = state;
        if let Some(transition) = &mut transition {
            transition.lasted += self.carried.held;
            self.carried.held = Duration::ZERO;
        }
        transition
    }

    fn row(&self, id: TargetId) -> Row<'_> {
        Row {
            id,
            target: &self.target,
            state: &self.state,
            references: self.references,
            held_before: self.carried.held,
        }
    }
}

pub(super) fn id_of(index: usize) -> TargetId {
    TargetId(u32::try_from(index).expect("memory ends before four billion targets"))
}
