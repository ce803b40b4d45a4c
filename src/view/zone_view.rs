//! The view of one zone, and the views of all zones as they are published.
//!
//! In: layers, policy state and leases of folds. Out: immutable values that queries read. Never here: how they change.

use std::sync::Arc;

use super::bits::Layer;
use super::policy_state::PolicyState;

/// The view of one zone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ZoneView {
    /// Layer 0, and 1 and 2 where they differ from it.
    pub layers: Vec<Arc<Layer>>,
    /// Policy state that bits cannot hold, in zones whose policies need it.
    pub policy_state: Option<Arc<PolicyState>>,
    /// Seconds that each lease lasts at least, in zones with flattened targets (rule a28).
    pub leases: Option<Arc<[u32]>>,
}

/// The views of all zones, in the order of the snapshot.
///
/// One allocation of pointers: the view of a zone that did not change is shared with the health view before.
#[derive(Clone, Debug, Default)]
pub struct HealthView {
    /// A view a zone; without layers for zones without policies.
    pub zones: Arc<[Arc<ZoneView>]>,
}

impl HealthView {
    /// Collects the views of zones, in the order of the snapshot.
    pub fn new(zones: impl IntoIterator<Item = ZoneView>) -> Self {
        Self {
            zones: zones.into_iter().map(Arc::new).collect(),
        }
    }

    /// Replaces the views of some zones, by number. Views of other zones are shared, not cloned.
    pub fn replace(&mut self, changed: impl IntoIterator<Item = (usize, ZoneView)>) {
        let zones = Arc::make_mut(&mut self.zones);
        for (number, view) in changed {
            zones[number] = Arc::new(view);
        }
    }
}
