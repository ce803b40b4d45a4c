//! `leeward healthcheck`: asks the server's own health page, for Docker.

use super::pending::pending;
use crate::cli::arguments::HealthcheckArguments;
use crate::cli::output::{Outcome, Output};

/// Runs `healthcheck`.
pub(in crate::cli) fn healthcheck(
    _arguments: &HealthcheckArguments,
    _output: &mut Output,
) -> Outcome {
    pending("healthcheck")
}
