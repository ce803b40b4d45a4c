//! The world: one snapshot with the health view that belongs to it, immutable, published whole.

use std::sync::Arc;

use crate::view::HealthView;
use crate::zone::Snapshot;

use super::serving_options::ServingOptions;

/// All that answers are made from.
#[derive(Clone, Debug)]
pub struct World {
    /// The zones.
    pub snapshot: Arc<Snapshot>,
    /// Health of the zones.
    pub view: HealthView,
    /// Serving options.
    pub serving: Arc<ServingOptions>,
    /// Grows with each publication.
    pub generation: u64,
}
