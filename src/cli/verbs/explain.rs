//! `leeward explain`: says what a client would be answered, and why.

use super::pending::pending;
use crate::cli::explain_arguments::ExplainArguments;
use crate::cli::output::{Outcome, Output};

/// Runs `explain`.
pub(in crate::cli) fn explain(_arguments: &ExplainArguments, _output: &mut Output) -> Outcome {
    pending("explain")
}
