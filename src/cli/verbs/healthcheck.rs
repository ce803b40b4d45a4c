//! `leeward healthcheck`: exit 0 if the server here is alive.

use crate::admin::get;
use crate::cli::arguments::HealthcheckArguments;
use crate::cli::output::{Complaint, Exit, Outcome, Output};

/// Runs `healthcheck`.
pub(in crate::cli) fn healthcheck(
    arguments: &HealthcheckArguments,
    output: &mut Output,
) -> Outcome {
    match get(arguments.server, "/healthz") {
        Ok(_) => {
            output.line("alive");
            Ok(Exit::Fine)
        }
        Err(fault) => Err(Complaint {
            exit: Exit::Faults,
            ..Complaint::cannot_run(fault.to_string())
        }),
    }
}
