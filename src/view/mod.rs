//! The health view: what answers read of health, and how a changed status, a switch or the passing of time changes it.
//!
//! In: statuses by target, switches, holds, the time, saved states. Out: a [`HealthView`], immutable, with a [`ZoneView`] a
//! zone. Never here: queries, publishing, probes, clocks, files.
//!
//! The room lies below `answer`: a query reads [`ZoneView`], [`Layer`] and [`PolicyState`], the writer makes them from
//! a [`Fold`], and neither needs the other. Both halves stand here because what the writer settles ahead of time is
//! defined by what the reader may look up without deciding.

mod bits;
mod fold;
mod horizon;
mod inputs;
mod policy_state;
mod ramp_weights;
mod restore;
mod tracker;
mod zone_view;

pub use bits::Layer;
pub use fold::Fold;
pub use inputs::Inputs;
pub use policy_state::{ActiveTier, Horizon, HorizonCause, PolicyState};
pub use ramp_weights::{ReducedWeight, RunWeights};
pub use restore::SavedNode;
pub use tracker::ZoneTick;
pub use zone_view::{HealthView, ZoneView};
