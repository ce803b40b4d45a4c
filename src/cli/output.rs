//! The only place that prints: lines, JSON, complaints; exit codes.
//!
//! In: text that is ready, coloured or not. Out: standard output and standard error. Never here: the content of text.
//! A reader that went away (`leeward status | head`) is no fault: the rest is dropped in silence.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use super::arguments::ColourWhen;

/// Outcome of a verb, which sets the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is fine.
    Fine,
    /// The verb did its work and found faults.
    Faults,
    /// The command line is wrong.
    Usage,
    /// The verb could not do its work.
    CannotRun,
}

impl Exit {
    /// Returns the code that the process ends with (house style, section 8).
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Faults => 1,
            Self::Usage => 2,
            Self::CannotRun => 3,
        }
    }
}

/// Reason why a verb did not do its work, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Failed action, verb plus object, then the cause.
    pub message: String,
    /// Remedy.
    pub help: Option<String>,
    /// Outcome that sets the exit code.
    pub exit: Exit,
}

impl Complaint {
    /// Makes a complaint that ends with [`Exit::CannotRun`].
    pub fn cannot_run(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            exit: Exit::CannotRun,
        }
    }

    /// Makes a complaint about the command line, which ends with [`Exit::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::cannot_run(message)
        }
    }

    /// Adds the remedy.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Result of a verb.
pub type Outcome = Result<Exit, Complaint>;

/// Standard output and standard error, with or without colours.
#[derive(Debug)]
pub struct Output {
    stdout: AutoStream<io::Stdout>,
    stderr: AutoStream<io::Stderr>,
    is_colour: bool,
    is_terminal: bool,
}

impl Output {
    /// Opens both streams with the colours that `--color` asks for.
    pub fn open(when: ColourWhen) -> Self {
        let choice = match when {
            ColourWhen::Auto => ColorChoice::Auto,
            ColourWhen::Always => ColorChoice::Always,
            ColourWhen::Never => ColorChoice::Never,
        };
        let stdout = AutoStream::new(io::stdout(), choice);
        Self {
            is_colour: stdout.current_choice() != ColorChoice::Never,
            is_terminal: io::stdout().is_terminal(),
            stdout,
            stderr: AutoStream::new(io::stderr(), choice),
        }
    }

    /// Returns whether text may carry colours.
    pub fn is_colour(&self) -> bool {
        self.is_colour
    }

    /// Returns whether standard output is a terminal, so that a screen may be redrawn.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Writes a line, or several, to standard output.
    pub fn line(&mut self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        ignore_gone_reader(write!(self.stdout, "{text}{end}"));
        ignore_gone_reader(self.stdout.flush());
    }

    /// Writes octets to standard output as they are, control sequences included, colours or not.
    pub fn raw(&mut self, octets: &[u8]) {
        let mut stdout = io::stdout().lock();
        ignore_gone_reader(stdout.write_all(octets));
        ignore_gone_reader(stdout.flush());
    }

    /// Writes a value as indented JSON, with a line end.
    ///
    /// # Errors
    /// If the value has no JSON form.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Complaint> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Complaint::cannot_run(format!("write JSON: {error}")))?;
        self.line(&text);
        Ok(())
    }

    /// Writes a note to standard error.
    pub fn note(&mut self, text: &str) {
        ignore_gone_reader(writeln!(self.stderr, "{}", text.trim_end()));
    }

    /// Writes a complaint to standard error.
    pub fn complain(&mut self, complaint: &Complaint) {
        let bold_red = anstyle::AnsiColor::Red.on_default().bold();
        let bold = anstyle::Style::new().bold();
        let message = &complaint.message;
        ignore_gone_reader(writeln!(
            self.stderr,
            "{bold_red}error{bold_red:#}{bold}:{bold:#} {message}"
        ));
        if let Some(help) = &complaint.help {
            ignore_gone_reader(writeln!(self.stderr, "{bold}help:{bold:#} {help}"));
        }
    }
}

/// Ignores write errors: they mean that the reader is gone.
fn ignore_gone_reader(result: io::Result<()>) {
    drop(result);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_manual() {
        let cases = [
            (Exit::Fine, 0),
            (Exit::Faults, 1),
            (Exit::Usage, 2),
            (Exit::CannotRun, 3),
        ];
        for (exit, code) in cases {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }

    #[test]
    fn a_complaint_keeps_its_help() {
        let complaint = Complaint::usage("no such zone").with_help("write one");
        assert_eq!(complaint.exit, Exit::Usage);
        assert_eq!(complaint.help.as_deref(), Some("write one"));
    }
}
