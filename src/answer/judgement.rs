//! What a view says beside bits: which tier stays in office, what was healthy last, shares that weights alone do not give,
//! how soon an answer could change.
//!
//! In: what the writer remembers (see [`super::memory`]). Out: look-ups by number, for [`super::Scene::decide`]. Never here:
//! time; everything that depends on it was settled when the view was made.

use std::sync::Arc;

use crate::clock::WallTime;
use crate::zone::{RootId, RunId};

use super::shares::RunShares;
use super::view::Layer;

/// What a view says beside bits. Zones that ask for none of it have none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// The tier in office, by failback.
    pub incumbents: Box<[Office]>,
    /// Bits as they were when a candidate was healthy last, by the number of `all-down = "last"`; `None` while one is, and
    /// where nothing is known.
    pub lasts: Box<[Option<Arc<Layer>>]>,
    /// Runs whose members are not drawn as the file says, by number.
    pub shares: Box<[(RunId, Arc<RunShares>)]>,
    /// How soon the answer of a root could change, by number.
    pub horizons: Box<[(RootId, Horizon)]>,
}

/// The tier in office of a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Office {
    /// The tier.
    pub tier: u8,
    /// Whether an earlier tier is healthy and must wait.
    pub is_held: bool,
    /// Since when the tier is in office.
    pub since: WallTime,
}

/// How soon an answer could change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Whole seconds until then; a TTL with bounds is cut to it.
    pub secs: u32,
    /// Whole seconds until maintenance begins; every TTL is cut to it (rule a49).
    pub planned: u32,
    /// What could change it.
    pub reason: Reason,
}

/// What could change an answer soonest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
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

impl Judgement {
    /// Returns how the members of a run are drawn, if not as the file says.
    #[inline]
    pub fn shares(&self, run: RunId) -> Option<&RunShares> {
        let at = self
            .shares
            .binary_search_by_key(&run, |(known, _)| *known)
            .ok()?;
        Some(&self.shares[at].1)
    }

    /// Returns how soon the answer of a root could change, if its TTL follows that.
    #[inline]
    pub fn horizon(&self, root: RootId) -> Option<Horizon> {
        let at = self
            .horizons
            .binary_search_by_key(&root, |(known, _)| *known)
            .ok()?;
        Some(self.horizons[at].1)
    }
}
