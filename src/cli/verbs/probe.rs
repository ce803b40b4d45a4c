//! `leeward probe`: runs the checks once, now.

use super::pending::pending;
use crate::cli::arguments::ProbeArguments;
use crate::cli::output::{Outcome, Output};

/// Runs `probe`.
pub(in crate::cli) fn probe(_arguments: &ProbeArguments, _output: &mut Output) -> Outcome {
    pending("probe")
}
