//! `leeward status`: shows targets, pools and names of a running server.

use super::pending::pending;
use crate::cli::arguments::StatusArguments;
use crate::cli::output::{Outcome, Output};

/// Runs `status`.
pub(in crate::cli) fn status(_arguments: &StatusArguments, _output: &mut Output) -> Outcome {
    pending("status")
}
