//! `leeward lab`: starts the lab, or tells a running one what to break.

use super::pending::pending;
use crate::cli::arguments::LabArguments;
use crate::cli::output::{Outcome, Output};

/// Runs `lab`.
pub(in crate::cli) fn lab(_arguments: &LabArguments, _output: &mut Output) -> Outcome {
    pending("lab")
}
