//! TOML as written to checked zones, with diagnostics.
//!
//! In: the text of zone files and of the server file. Out: a [`model::ZoneModel`] a file, all faults at once, and the
//! compiled zone. Never here: sockets, clocks, answers. Files reach this module through the loader's caller.

pub mod model;
pub mod review;
pub mod server_file;
