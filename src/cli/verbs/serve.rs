//! `leeward serve`: answers queries and probes targets until it is told to stop.

use super::pending::pending;
use crate::cli::arguments::ServeArguments;
use crate::cli::output::{Outcome, Output};

/// Runs `serve`.
pub(in crate::cli) fn serve(_arguments: &ServeArguments, _output: &mut Output) -> Outcome {
    pending("serve")
}
