//! Reviews of a resolved zone: combinations that are legal key by key and dangerous, useless or surprising together.
//!
//! In: a [`super::model::ZoneModel`]. Out: [`Finding`]s with positions, all at once. Never here: reading TOML,
//! rendering, answers of the engine.

mod finding;

pub use finding::Finding;
