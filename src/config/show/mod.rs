//! A zone with every default filled in, as TOML that reads back to the same zone.
//!
//! In: a [`crate::model::ZoneModel`]. Out: TOML 1.0 text: no line breaks inside inline tables, places in their long
//! form with the English name as a comment. What has no single default (a TTL that is inherited, say) is a comment
//! that tells what holds. Never here: reading files, colours.

mod checks;
mod names;
mod nodes;
mod outage;
mod plain;
mod pools;
mod text;
mod zone;

#[cfg(test)]
mod tests;

pub use names::show_name_as;
pub use plain::{PlainName, PlainZone, show_plain_zone};
pub(in crate::config) use text::{inline, quote, rows};
pub use zone::show_zone;
