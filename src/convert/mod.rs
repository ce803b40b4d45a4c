//! Zones from one form of file to the other: master files to zone TOML and back.
//!
//! In: records that are read, or a zone model with its compiled zone. Out: text, and diagnostics for every part that
//! the other form cannot hold. Never here: files on disk, printing, silent loss.

mod found;

mod keep;
mod to_toml;

mod to_master;

pub use found::{CONVERT_CODES, soa_of};
pub use to_master::{PolicyForm, convert_to_master};
pub use to_toml::{Conversion, convert_to_toml};
