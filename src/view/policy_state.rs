//! Policy state that health bits cannot hold: active tiers, last known members, reduced weights, horizons.
//!
//! In: what [`super::tracker`] settled when it last followed a change or a tick. Out: look-ups by number, for decisions.
//! Never here: the time; everything that depends on it was settled before.

use std::sync::Arc;

use crate::clock::WallTime;
use crate::zone::{RootId, RunId};

use super::bits::Layer;
use super::ramp_weights::RunWeights;

/// Policy state of one zone; zones whose policies need none have none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyState {
    /// Active tier by failback.
    pub active_tiers: Box<[ActiveTier]>,
    /// Bits as they were when a candidate was healthy last, by the number of `all-down = "last"`; `None` while one is, and
    /// where health is unknown.
    pub last_known: Box<[Option<Arc<Layer>>]>,
    /// Runs with members of reduced weight, in the order of their numbers.
    pub run_weights: Box<[(RunId, Arc<RunWeights>)]>,
    /// Horizons of roots that have one, in the order of their numbers.
    pub horizons: Box<[(RootId, Horizon)]>,
}

/// The tier that a failover with a failback rule answers from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveTier {
    /// Number of the tier; the first written is 0.
    pub tier: u8,
    /// True if an earlier tier is healthy and must wait.
    pub is_held: bool,
    /// Time when the tier became the active one.
    pub since: WallTime,
}

/// Least time until an answer could change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Whole seconds until then; a TTL with bounds is cut to it.
    pub secs: u32,
    /// Whole seconds until maintenance begins; every TTL is cut to it (rule a49).
    pub planned: u32,
    /// Event that could change it.
    pub cause: HorizonCause,
}

/// The event that could change an answer soonest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HorizonCause {
    /// A target, by slot: so many probes must still end before its status changes.
    Target(u32),
    /// A failback, by number: its calm period ends or its window opens.
    Failback(u32),
    /// A member, by bit: the next step of its ramp.
    Ramp(u32),
    /// Maintenance begins or ends.
    Maintenance,
}

impl Horizon {
    /// Cuts a TTL with bounds, least and greatest: to the horizon where they differ, not below the least; else only to what
    /// is planned, not below one second (rules a44, a49).
    #[inline]
    pub fn cut(horizon: Option<Self>, (min, max): (u32, u32)) -> u32 {
        match horizon {
            None => max,
            Some(horizon) if min == max => max.min(horizon.planned.max(1)),
            Some(horizon) => max.min(horizon.secs).max(min),
        }
    }
}

impl PolicyState {
    /// Returns the weights of a run, if any of its members has a reduced one.
    #[inline]
    pub fn run_weights(&self, run: RunId) -> Option<&RunWeights> {
        let at = self
            .run_weights
            .binary_search_by_key(&run, |(known, _)| *known)
            .ok()?;
        Some(&self.run_weights[at].1)
    }

    /// Returns the horizon of a root, if its TTL follows one.
    #[inline]
    pub fn horizon(&self, root: RootId) -> Option<Horizon> {
        let at = self
            .horizons
            .binary_search_by_key(&root, |(known, _)| *known)
            .ok()?;
        Some(self.horizons[at].1)
    }
}
