//! One diagnostic: code, severity, place, what is wrong, and what to write instead.
//!
//! In: a position and words. Out: a value. Never here: reading files, rendering. A code is stable: scripts may rely on it.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// Where something stands in its file: octets from the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span(pub Range<usize>);

/// A file and its text.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it came from; shown in messages.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

impl Source {
    /// Makes a source.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file is refused.
    Fault,
    /// The file is taken, but hardly means what it says.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// Returns the word that output uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One finding in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, listed by what finds it.
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// The file.
    pub path: PathBuf,
    /// Where in the file.
    pub span: Span,
    /// The key it concerns, as a TOML path; empty for the whole file.
    pub key_path: String,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What stands beside the carets; may be empty.
    pub label: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Other places in the same file that belong to it, with what they are.
    pub related: Vec<(Span, String)>,
    /// Text that could stand at `span` instead.
    pub suggestion: Option<String>,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self(range)
    }
}

impl From<&Self> for Span {
    fn from(span: &Self) -> Self {
        span.clone()
    }
}

impl Diagnostic {
    /// Makes a diagnostic without label, help or related places, of a file that is said later.
    pub fn new(
        severity: Severity,
        code: &'static str,
        span: impl Into<Span>,
        key_path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            path: PathBuf::new(),
            span: span.into(),
            key_path: key_path.into(),
            message: message.into(),
            label: String::new(),
            help: None,
            related: Vec::new(),
            suggestion: None,
        }
    }

    /// Makes a fault.
    pub fn fault(
        code: &'static str,
        span: impl Into<Span>,
        key_path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Fault, code, span, key_path, message)
    }

    /// Makes a warning.
    pub fn warning(
        code: &'static str,
        span: impl Into<Span>,
        key_path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Warning, code, span, key_path, message)
    }

    /// Makes a note.
    pub fn note(
        code: &'static str,
        span: impl Into<Span>,
        key_path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Note, code, span, key_path, message)
    }

    /// Returns it as a diagnostic of the file at `path`.
    #[must_use]
    pub fn at(mut self, path: &Path) -> Self {
        self.path = path.to_path_buf();
        self
    }

    /// Returns it with a text beside the carets.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Returns it with a help text.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns it with another place that belongs to it.
    #[must_use]
    pub fn related(mut self, span: impl Into<Span>, label: impl Into<String>) -> Self {
        self.related.push((span.into(), label.into()));
        self
    }

    /// Returns it with a text that could stand at its span instead.
    #[must_use]
    pub fn suggest(mut self, text: impl Into<String>) -> Self {
        self.suggestion = Some(text.into());
        self
    }
}
