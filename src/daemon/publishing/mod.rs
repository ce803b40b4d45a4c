//! Publishing of zones: the set in place, its views, addresses of flattened targets.
//!
//! In: loaded sets, transitions of targets, orders, lookups. Out: worlds, names of targets for people. Never here: probing,
//! reading files, damping.

mod failovers;
mod flattening;
mod inputs;
mod target_names;
mod zone_publisher;

pub(super) use failovers::place_to_release;
pub use flattening::lookup_settings;
pub(super) use flattening::{Compiled, Flattening};
pub(super) use inputs::inputs_of;
pub(super) use zone_publisher::{Replacement, ZonePublisher};
