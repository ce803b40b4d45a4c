//! `leeward show`: prints a zone with every default filled in.

use super::pending::pending;
use crate::cli::arguments::ShowArguments;
use crate::cli::output::{Outcome, Output};

/// Runs `show`.
pub(in crate::cli) fn show(_arguments: &ShowArguments, _output: &mut Output) -> Outcome {
    pending("show")
}
