//! TOML as written to checked zones, with diagnostics.
//!
//! In: the text of zone files and of the server file. Out: a [`model::ZoneModel`] a file, all faults at once, and the
//! compiled zone. Never here: sockets, clocks, answers. Files reach this module through the loader's caller.

mod ahead;
mod compile;
mod diagnostic;
pub mod model;
mod reach;
mod read;
mod rehearsal_model;
mod render;
pub mod review;
pub mod schema;
pub mod server_file;
pub mod show;
pub mod suggest;

pub use ahead::maintenance_ahead;
pub use compile::{FlatSet, Flattened, compile_zone, compile_zone_with, flattened_below};
pub use diagnostic::{CODES, Diagnostic, Files, Severity, Source, code_title};
pub use reach::{Follow, PolicyReach};
pub use read::{COMMAND_HEADER, read_zone};
pub use render::{render_github, render_json, render_text, summary};
