//! TOML as written to checked zones, with diagnostics.
//!
//! In: the text of zone files and of the server file. Out: a [`crate::model::ZoneModel`] a file, all faults at once.
//! Never here: sockets, clocks, answers. Files reach this module through the loader's caller.

mod codes;
mod files;
mod keys;
mod read;
pub mod schema;
pub mod server_file;
pub mod show;
mod syntax;
mod values;

pub use codes::{CODES, code_title};
pub use files::Files;
pub use keys::{KeyGroup, KeyKind, ZoneKey, zone_keys};
pub use read::{COMMAND_HEADER, read_zone};
