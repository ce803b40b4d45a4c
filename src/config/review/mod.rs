//! Reviews of a resolved zone: combinations that are legal key by key and dangerous, useless or surprising together.
//!
//! In: a [`super::model::ZoneModel`]. Out: [`Finding`]s with positions, all at once. Never here: reading TOML,
//! rendering, answers of the engine.

mod families;
mod finding;
mod flattened;
mod names;
mod policy;
mod pools;
mod run;
mod timing;
mod tree;
mod vitality;

#[cfg(test)]
pub(in crate::config) mod sample;
#[cfg(test)]
mod tests;

pub use finding::Finding;
pub use names::ANSWER_OCTETS_MAX;
pub use policy::VISITS_MAX;
pub use run::{CODES, review_zone};
pub(in crate::config) use tree::{is_anonymous, members, nodes_within};
