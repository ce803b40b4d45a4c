//! The list of what is wrong in one file, with a bound.
//!
//! In: diagnostics in the order they are found. Out: the list. Never here: judging.

use crate::diagnostic::{Bounds, Diagnostic, DiagnosticList, Severity, Source, Span};
use crate::wire::NameFault;

/// Findings kept for one file; chosen so that nobody scrolls further. The rest is counted.
const BOUNDS: Bounds = Bounds {
    faults_max: 1_000,
    others_max: 1_000,
    alike_max: 1_000,
};

/// What counts those that are not kept.
const REST: &str = "L099";

/// Collects the findings of one file.
#[derive(Debug)]
pub(in crate::config) struct Faults<'s> {
    /// The text of the file, for looking at what surrounds a key.
    pub(in crate::config) text: &'s str,
    source: &'s Source,
    /// Codes that this kind of file has of its own, by those of zone files.
    codes: &'static [(&'static str, &'static str)],
    list: DiagnosticList,
    /// Whether there was a fault, on lines at fault already among them.
    has_fault: bool,
    /// Line ranges whose syntax is at fault already: what follows from them is not reported.
    muted: Vec<std::ops::Range<usize>>,
}

impl<'s> Faults<'s> {
    /// Starts a list for a file; `codes` are its own names for codes of zone files.
    pub(in crate::config) fn new(
        source: &'s Source,
        codes: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self {
            codes,
            text: &source.text,
            source,
            list: DiagnosticList::new(BOUNDS),
            has_fault: false,
            muted: Vec::new(),
        }
    }

    /// Adds a finding.
    pub(in crate::config) fn push(&mut self, mut diagnostic: Diagnostic) {
        self.has_fault |= diagnostic.severity == Severity::Fault;
        let start = diagnostic.span.0.start;
        let is_muted = self.muted.iter().any(|range| range.contains(&start));
        if is_muted {
            return;
        }
        diagnostic.path.clone_from(&self.source.path);
        diagnostic.code = self.code(diagnostic.code);
        self.list.push(diagnostic);
    }

    /// Reports text that is no domain name: what is wrong with it, and what to write if that can be told.
    pub(in crate::config) fn not_a_name(
        &mut self,
        (span, path): (Span, &str),
        (text, fault): (&str, NameFault),
        label: &str,
    ) {
        let message = format!("`{text}` is no domain name: {fault}");
        let mut diagnostic = Diagnostic::fault("L020", span, path, message).label(label);
        diagnostic.help = fault.help(text);
        self.push(diagnostic);
    }

    /// Returns the code that this kind of file has for a code of zone files.
    fn code(&self, code: &'static str) -> &'static str {
        let own = self.codes.iter().find(|(zone, _)| *zone == code);
        own.map_or(code, |(_, own)| own)
    }

    /// Mutes findings on the lines that `span` touches.
    pub(in crate::config) fn mute_lines(&mut self, span: &Span) {
        let start = span.0.start.min(self.text.len());
        let end = span.0.end.clamp(start, self.text.len());
        let line_start = self.text.as_bytes()[..start]
            .iter()
            .rposition(|octet| *octet == b'\n')
            .map_or(0, |at| at + 1);
        let line_end = self.text.as_bytes()[end..]
            .iter()
            .position(|octet| *octet == b'\n')
            .map_or(self.text.len() + 1, |at| end + at + 1);
        self.muted.push(line_start..line_end);
    }

    /// Says whether further findings are only counted, so that help for them need not be searched.
    pub(in crate::config) fn is_full(&self) -> bool {
        self.list.is_full()
    }

    /// Says whether anything so far refuses the zone.
    pub(in crate::config) fn has_fault(&self) -> bool {
        self.has_fault
    }

    /// Returns all findings in order of position.
    pub(in crate::config) fn into_list(self) -> Vec<Diagnostic> {
        let rest = self.code(REST);
        let mut list = self.list.finish(rest, &self.source.path);
        for found in list.iter_mut().filter(|found| found.code == rest) {
            found.span = Span(self.text.len()..self.text.len());
        }
        list.sort_by_key(|found| (found.span.0.start, found.severity));
        list
    }
}
