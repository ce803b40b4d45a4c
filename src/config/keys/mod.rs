//! The one table of a zone file's keys: reading, unknown and misplaced keys, the schema and the reference come from it.
//!
//! In: nothing. Out: rows. Never here: what a value means.

mod check;
mod key;
mod parts;
mod policy;
mod table;
mod zone;

pub use key::{KeyGroup, KeyKind, ZoneKey};
pub use table::zone_keys;
pub(in crate::config) use table::{has_key, home, keys_of, row, words_of};
