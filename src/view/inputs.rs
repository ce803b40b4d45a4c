//! What the view of one zone is folded from: statuses, switches, holds, leases.
//!
//! In: policies. Out: plain values. Never here: bits, time.

use std::sync::Arc;

use crate::health::Status;
use crate::zone::{Hold, Policies};

/// Inputs of the fold of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// Status by target slot.
    pub statuses: Vec<Status>,
    /// Switch by slot.
    pub switches: Vec<bool>,
    /// Hold by member bit.
    pub holds: Vec<Hold>,
    /// Seconds that each lease still lasts; none lasts for ever where this is absent.
    pub leases: Option<Arc<[u32]>>,
}

impl Inputs {
    /// Starts with every target in one status, switches and holds as in the file.
    pub fn uniform(policies: &Policies, status: Status) -> Self {
        Self {
            statuses: vec![status; policies.targets.len()],
            switches: policies.switches.to_vec(),
            holds: policies.holds.to_vec(),
            leases: None,
        }
    }

    pub(super) fn needs_layers(&self) -> bool {
        !self.switches.is_empty()
            || self
                .holds
                .iter()
                .any(|hold| matches!(hold, Hold::Drained | Hold::Down))
    }
}
