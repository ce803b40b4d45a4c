//! `leeward completions`: prints a completion script made from the same types that read the arguments.

use clap::CommandFactory;

use crate::cli::arguments::{Arguments, CompletionsArguments};
use crate::cli::output::{Exit, Outcome, Output};

/// Runs `completions`.
pub(in crate::cli) fn completions(arguments: CompletionsArguments, output: &mut Output) -> Outcome {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "leeward", &mut script);
    output.raw(&script);
    Ok(Exit::Fine)
}
