//! `leeward lab`: starts the lab, or tells a running one what to break.

use super::pending::pending;
use crate::cli::arguments::{LabAction, LabArguments};
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::lab::{LAB_CONTROL, LabCommand, send_command};

/// Runs `lab`.
pub(in crate::cli) fn lab(arguments: &LabArguments, output: &mut Output) -> Outcome {
    match arguments.action {
        Some(action) => command(action, output),
        None => pending("lab"),
    }
}

/// Hands a command to the lab that runs in another terminal.
fn command(action: LabAction, output: &mut Output) -> Outcome {
    let command = match action {
        LabAction::Kill(of) => LabCommand::Kill(of.region),
        LabAction::Heal(of) => LabCommand::Heal(of.region),
        LabAction::Slow(of) => LabCommand::Slow(of.region),
        LabAction::Status => LabCommand::Status,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Complaint::cannot_run(format!("start the runtime: {error}")))?;
    let said = runtime
        .block_on(send_command(LAB_CONTROL, command))
        .map_err(Complaint::cannot_run)?;
    output.line(&said);
    Ok(Exit::Fine)
}
