//! `leeward status`: targets, pools and names of a running server.

use crate::admin::{StatusReport, get, status_text};
use crate::cli::arguments::StatusArguments;
use crate::cli::output::{Complaint, Exit, Outcome, Output};

/// Runs `status`. Ends with 1 while there is trouble: an alarm, a refused file, self-doubt, or a reload that waits.
pub(in crate::cli) fn status(arguments: &StatusArguments, output: &mut Output) -> Outcome {
    let answer = get(arguments.server, "/api/status")
        .map_err(|fault| Complaint::cannot_run(fault.to_string()))?;
    let report: StatusReport = serde_json::from_str(&answer)
        .map_err(|cause| Complaint::cannot_run(format!("read the server's answer: {cause}")))?;
    if arguments.json {
        output.json(&report)?;
    } else {
        output.line(&status_text(&report));
    }
    Ok(if report.has_trouble() {
        Exit::Faults
    } else {
        Exit::Fine
    })
}
