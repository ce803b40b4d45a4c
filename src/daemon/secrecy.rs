//! Keeps what is no zone out of messages: a file that holds a key is refused without a word of it.
//!
//! In: findings about a file with the texts that they point into. Out: the same without what must not be shown. Never
//! here: reading files.

use crate::diagnostic::Span;
use crate::diagnostic::{Diagnostic, Severity, Source};

/// What begins every block of a key or certificate (RFC 7468, section 2).
const PEM_MARK: &str = "-----BEGIN ";

/// Replaces the findings of a file that is refused and holds a PEM block by one that says so, and drops its text. Private
/// keys reach the zones folder by mistake, through a link or a second name of the same file, and every finding would quote
/// them.
pub(super) fn hide_secrets(diagnostics: &mut Vec<Diagnostic>, sources: &mut [Source]) {
    let is_refused = diagnostics
        .iter()
        .any(|found| found.severity == Severity::Fault);
    if !is_refused {
        return;
    }
    for source in sources
        .iter_mut()
        .filter(|source| source.text.contains(PEM_MARK))
    {
        diagnostics.retain(|found| found.path != source.path);
        let message = "it holds a key or a certificate, not a zone; nothing of it is shown";
        let mut found = Diagnostic::fault("D007", Span(0..0), "", message.to_owned())
            .help("keep keys out of the zones folder");
        found.path.clone_from(&source.path);
        diagnostics.push(found);
        source.text = String::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_key_is_left_in_messages() {
        // X11: 25 of 26 lines of a private key stood in the status, quoted by M002.
        let found = |path: &str, message: &str| {
            let mut found = Diagnostic::fault("M002", Span(9..12), "", message.to_owned());
            found.path = path.into();
            found
        };
        let mut diagnostics = vec![
            found("k.zone", "`c2VjcmV0` is no name"),
            found("a.zone", "x"),
        ];
        let mut sources = [
            Source {
                path: "k.zone".into(),
                text: "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n".to_owned(),
            },
            Source {
                path: "a.zone".into(),
                text: "x".to_owned(),
            },
        ];
        hide_secrets(&mut diagnostics, &mut sources);
        let codes: Vec<&str> = diagnostics.iter().map(|found| found.code).collect();
        assert_eq!(codes, ["M002", "D007"]);
        assert!(!format!("{diagnostics:?}{sources:?}").contains("c2VjcmV0"));
        assert_eq!(sources[1].text, "x");
    }
}
