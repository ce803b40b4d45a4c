//! The JSON Schema of zone files and the tables of the zone reference, both made from one table of keys.
//!
//! In: nothing but [`super::zone_keys`]. Out: a draft-07 schema for editors (`docs/zone.schema.json`) and Markdown
//! (`docs/zone-reference.md`). Never here: judging zones; a schema is a help while typing, the reader is the judge.

mod build;
mod reference;

#[cfg(test)]
mod tests;

pub use build::zone_schema;
pub use reference::reference_tables;
