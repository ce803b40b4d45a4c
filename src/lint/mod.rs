//! Reviews of a resolved zone: combinations that are legal key by key and dangerous, useless or surprising together.
//!
//! In: a [`crate::model::ZoneModel`]. Out: diagnostics with positions, all at once. Never here: reading TOML,
//! rendering, answers of the engine.

mod families;
mod flattened;
mod names;
mod policy;
mod pools;
mod run;
mod timing;
mod vitality;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use names::ANSWER_OCTETS_MAX;
pub use policy::VISITS_MAX;
pub use run::{CODES, review_zone};
