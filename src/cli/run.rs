//! From the words of the command line to an exit code.
//!
//! In: words. Out: an exit code; verbs print through [`Output`]. Never here: the work of a verb.

use std::ffi::OsString;
use std::hash::{BuildHasher as _, RandomState};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;

use crate::wire::key_names;

use super::arguments::{Arguments, Verb};
use super::output::{Complaint, Exit, Outcome, Output};
use super::verbs;

/// Runs the command line and returns the exit code of the process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    key_names(name_key());
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return report_usage(&error),
    };
    let mut output = Output::open(arguments.color);
    let exit = match run_verb(&arguments.verb, &mut output) {
        Ok(exit) => exit,
        Err(complaint) => {
            let exit = complaint.exit;
            complain_in_time(output, complaint);
            exit
        }
    };
    ExitCode::from(exit.code())
}

/// Longest time for a complaint to be written. Chosen; no standard value.
const COMPLAINT_MAX: Duration = Duration::from_secs(2);

/// Writes a complaint; a reader of standard error that stands still does not hold up the end.
fn complain_in_time(mut output: Output, complaint: Complaint) {
    let (done, written) = std::sync::mpsc::channel();
    let started = std::thread::Builder::new().spawn(move || {
        output.complain(&complaint);
        // Whoever waited may have given up.
        let _ = done.send(());
    });
    if started.is_ok() {
        // Late or not, the exit code says what there is to say.
        let _ = written.recv_timeout(COMPLAINT_MAX);
    }
}

/// Draws the key of all hashes of names, which authors of zone files must not know.
fn name_key() -> u64 {
    // Where the kernel gives none, the library's own keys are from wherever it could find some.
    getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0))
}

fn run_verb(verb: &Verb, output: &mut Output) -> Outcome {
    match verb {
        Verb::Serve(arguments) => verbs::serve(arguments, output),
        Verb::Validate(arguments) => verbs::validate(arguments, output),
        Verb::Show(arguments) => verbs::show(arguments, output),
        Verb::Convert(arguments) => verbs::convert(arguments, output),
        Verb::Explain(arguments) => verbs::explain(arguments, output),
        Verb::Simulate(arguments) => verbs::simulate(arguments, output),
        Verb::Diff(arguments) => verbs::diff(arguments, output),
        Verb::Probe(arguments) => verbs::probe(arguments, output),
        Verb::Status(arguments) => verbs::status(arguments, output),
        Verb::Reload(arguments) => verbs::reload(arguments, output),
        Verb::Release(arguments) => verbs::release(arguments, output),
        Verb::Switch(arguments) => verbs::switch(arguments, output),
        Verb::Heartbeat(arguments) => verbs::heartbeat(arguments, output),
        Verb::Geo(arguments) => verbs::geo(arguments, output),
        Verb::Lab(arguments) => verbs::lab(arguments, output),
        Verb::Completions(arguments) => verbs::completions(*arguments, output),
        Verb::Healthcheck(arguments) => verbs::healthcheck(arguments, output),
        Verb::ServeCommands => verbs::serve_commands(),
    }
}

/// Prints the parser's message; help and version are asked for and so no fault.
fn report_usage(error: &clap::Error) -> ExitCode {
    let exit = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Fine,
        _ => Exit::Usage,
    };
    // A reader that went away cannot be told.
    drop(error.print());
    ExitCode::from(exit.code())
}
