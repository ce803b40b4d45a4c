//! One thing worth telling about a file: what, where, how grave, and what to write instead.

use std::path::Path;

use crate::config::model::Span;
use crate::config::{Diagnostic, Severity};

/// A finding of a review or of the server file's reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable code.
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// Where in the file.
    pub span: Span,
    /// The key it concerns, as a TOML path; empty for the whole file.
    pub key_path: String,
    /// What is the matter, in one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that belong to it, with what they are.
    pub related: Vec<(Span, String)>,
}

impl Finding {
    /// Makes a finding without help or related places.
    pub fn new(
        severity: Severity,
        code: &'static str,
        span: &Span,
        key_path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            span: span.clone(),
            key_path: key_path.into(),
            message: message.into(),
            help: None,
            related: Vec::new(),
        }
    }

    /// Returns it with a help text.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns it with another place that belongs to it.
    #[must_use]
    pub fn related(mut self, span: &Span, label: impl Into<String>) -> Self {
        self.related.push((span.clone(), label.into()));
        self
    }

    /// Turns it into a diagnostic of the file at `path`.
    pub fn into_diagnostic(self, path: &Path) -> Diagnostic {
        Diagnostic {
            path: path.to_path_buf(),
            severity: self.severity,
            help: self.help,
            related: self.related,
            ..Diagnostic::fault(self.code, self.span, &self.key_path, self.message)
        }
    }
}
