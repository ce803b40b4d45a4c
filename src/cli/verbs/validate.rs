//! `leeward validate`: reads zone files, runs their outage tests, reports every fault.

use super::pending::pending;
use crate::cli::arguments::ValidateArguments;
use crate::cli::output::{Outcome, Output};

/// Runs `validate`.
pub(in crate::cli) fn validate(_arguments: &ValidateArguments, _output: &mut Output) -> Outcome {
    pending("validate")
}
