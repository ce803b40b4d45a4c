//! `leeward serve-commands`: the helper process that a server starts to run the commands of its checks.

use std::os::fd::AsFd as _;

use crate::cli::output::{Complaint, Exit, Outcome};
use crate::probe;

/// Runs `serve-commands` until its input ends.
pub(in crate::cli) fn serve_commands() -> Outcome {
    let pipes = || {
        let input = std::io::stdin().as_fd().try_clone_to_owned()?;
        let output = std::io::stdout().as_fd().try_clone_to_owned()?;
        probe::serve_commands(input, output)
    };
    pipes().map(|()| Exit::Fine).map_err(|cause| {
        Complaint::cannot_run(format!(
            "speak with the server over standard input and output: {cause}; `leeward serve` starts this itself"
        ))
    })
}
