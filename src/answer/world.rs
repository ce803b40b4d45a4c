//! The world: one snapshot with the view that belongs to it, immutable, published whole.

use std::sync::Arc;

use crate::zone::Snapshot;

use super::conduct::Conduct;
use super::view::ZoneView;

/// Health of every zone, in the order of the snapshot.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// A view a zone; without layers for zones without policies.
    pub zones: Box<[ZoneView]>,
}

/// What one answer is made from.
#[derive(Clone, Debug)]
pub struct World {
    /// The zones.
    pub snapshot: Arc<Snapshot>,
    /// Their health.
    pub view: Arc<View>,
    /// How the server behaves beside its data.
    pub conduct: Arc<Conduct>,
    /// Grows with each publication.
    pub generation: u64,
}
