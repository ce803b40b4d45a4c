//! Arguments of `convert`, as typed.
//!
//! In: words. Out: input, form of the output, and its place. Never here: files.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::parse_owner;
use crate::wire::Name;

/// Arguments of `convert`.
#[derive(Args, Clone, Debug)]
pub struct ConvertArguments {
    /// Master file (.zone) or zone TOML (.toml); - is standard input
    #[arg(value_name = "FILE|-")]
    pub file: PathBuf,
    /// What to write, where the file's suffix does not tell
    #[arg(
        long,
        value_name = "toml|zone",
        value_enum,
        hide_possible_values = true
    )]
    pub to: Option<ZoneForm>,
    /// File to write; default: standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the file that is written, if there is one
    #[arg(long, requires = "output")]
    pub force: bool,
    /// What names in a master file are relative to; default: the file's name without .zone
    #[arg(long, value_name = "NAME", value_parser = parse_owner)]
    pub origin: Option<Name>,
    /// Write every member of a policy as a plain record; health, weights and places are lost
    #[arg(long)]
    pub expand: bool,
}

/// Form of a zone file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ZoneForm {
    /// Zone TOML.
    Toml,
    /// A master file.
    Zone,
}
