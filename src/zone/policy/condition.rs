//! Formulas of health: what must hold for a member, a gate or a pool to be healthy.
//!
//! Conditions are numbered so that each refers only to lower numbers; one pass in order evaluates them all, and a change
//! travels upward only.

use crate::health::Status;

/// Number of a condition in its zone.
pub type ConditionId = u32;

/// A formula over statuses, switches and other conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Always so: unchecked, disabled, or without data for ever.
    Constant(bool),
    /// A target of the zone by its slot; what `unknown` counts as (rule a38).
    Target {
        /// Slot in the zone's target list.
        slot: u32,
        /// True if status unknown counts as healthy.
        unknown_is_healthy: bool,
    },
    /// A switch of the zone by its slot.
    Switch(u32),
    /// The opposite of another condition.
    Not(ConditionId),
    /// At least `wanted` of a list of conditions.
    AtLeast {
        /// Number of conditions that must hold.
        wanted: u32,
        /// Start of the list in the zone's condition children.
        first: u32,
        /// Number of conditions in the list.
        len: u32,
    },
    /// A member bit: the condition below, with holds applied.
    Member {
        /// The member's bit.
        bit: u32,
        /// Condition of its checks.
        of: ConditionId,
    },
}

/// State of a member that an operator, a file or a simulation sets over its checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Hold {
    /// The checks decide.
    #[default]
    None,
    /// Drained: counts as unhealthy, and comes first on last resort (rule a12).
    Drained,
    /// Held down by an operator.
    Down,
    /// Forced healthy.
    Up,
    /// Counts as unhealthy as if its probes failed (simulation).
    Failing,
}

impl Condition {
    /// Returns whether a status counts as healthy here.
    pub const fn counts(status: Status, unknown_is_healthy: bool) -> bool {
        match status {
            Status::Healthy => true,
            Status::Unhealthy => false,
            Status::Unknown => unknown_is_healthy,
        }
    }
}
