//! Compiles a checked [`crate::model::ZoneModel`] into a served zone: records into the arena, policies into programs, checks into
//! formulas of health.
//!
//! In: a model without faults. Out: a [`crate::zone::Zone`]. Never here: judging what was written; that is done.

mod compiler;
mod conditions;
mod flattened;
mod located;
mod names;
mod nodes;
mod pools;
mod trail;
mod weighted;

pub use compiler::{compile_zone, compile_zone_with};
pub use flattened::{FlatSet, Flattened};
pub use names::flattened_below;
