//! Findings of conversions: codes, a bounded list, and findings of master files as diagnostics.
//!
//! In: remarks of the converters, findings of `zonefile`. Out: diagnostics. Never here: the choice of records to keep.

use std::path::{Path, PathBuf};

use crate::diagnostic::Span;
use crate::diagnostic::{Diagnostic, Severity};
use crate::model::SoaModel;
use crate::wire::Name;
use crate::zonefile::{Finding, Gravity, Records};

/// Every code with a title of one line, in order.
pub const CONVERT_CODES: &[(&str, &str)] = &[
    ("V001", "records that zone TOML refuses"),
    ("V003", "a number out of the bounds of zone TOML"),
    ("V004", "no NS at the apex"),
    ("V005", "missing glue"),
    ("V010", "a policy that a master file cannot say"),
    ("V011", "a policy written as plain records"),
    ("V012", "a serial that depends on the date"),
    ("V099", "more findings than are shown"),
];

/// Most diagnostics of one code; the rest is counted. Chosen so that a screen or two hold them.
const ALIKE_MAX: usize = 50;

/// Diagnostics so far, of one file or several.
#[derive(Debug, Default)]
pub(super) struct Found {
    kept: Vec<Diagnostic>,
    dropped: usize,
}

impl Found {
    /// Keeps a diagnostic that concerns a file, if there is room for it.
    pub(super) fn add(&mut self, path: &Path, mut diagnostic: Diagnostic) {
        let alike = |kept: &&Diagnostic| kept.code == diagnostic.code;
        if self.kept.iter().filter(alike).count() < ALIKE_MAX {
            diagnostic.path = path.to_path_buf();
            self.kept.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    /// Returns whether a fault forbids the conversion.
    pub(super) fn has_fault(&self) -> bool {
        let is_fault = |kept: &Diagnostic| kept.severity == Severity::Fault;
        self.kept.iter().any(is_fault)
    }

    /// Returns the diagnostics kept, with the count of the rest.
    pub(super) fn finish(mut self, path: &Path) -> Vec<Diagnostic> {
        if self.dropped > 0 {
            let message = format!("{} more findings are not shown", self.dropped);
            let mut more = note("V099", Span(0..0), message);
            more.path = path.to_path_buf();
            self.kept.push(more);
        }
        self.kept
    }
}

/// Makes a note.
pub(super) fn note(code: &'static str, span: Span, message: String) -> Diagnostic {
    Diagnostic {
        severity: Severity::Note,
        ..Diagnostic::fault(code, span, "", message)
    }
}

/// Turns a finding of a master file into a diagnostic; `paths` are its sources in order.
pub fn diagnostic_of(finding: &Finding, paths: &[&PathBuf]) -> Diagnostic {
    let span = Span(finding.range.clone());
    let mut made = Diagnostic::fault(finding.code, span, "", finding.message.clone());
    made.severity = match finding.gravity {
        Gravity::Fault => Severity::Fault,
        Gravity::Warning => Severity::Warning,
        Gravity::Note => Severity::Note,
    };
    made.help.clone_from(&finding.help);
    if let Some(path) = paths.get(usize::from(finding.file)) {
        made.path.clone_from(path);
    }
    made
}

/// Reads the SOA of records into the form of a zone model (RFC 1035, section 3.3.13).
pub fn soa_of(records: &Records) -> SoaModel {
    let (ttl, rdata) = records.soa().unwrap_or_default();
    let name = |octets: &[u8]| Name::from_wire(octets).unwrap_or_else(|_| (Name::root(), 1));
    let (mname, length) = name(rdata);
    let (rname, more) = name(rdata.get(length..).unwrap_or_default());
    let number = |at: usize| {
        let from = length + more + at * 4;
        let octets = rdata
            .get(from..from + 4)
            .and_then(|octets| octets.first_chunk());
        octets.map_or(0, |octets| u32::from_be_bytes(*octets))
    };
    SoaModel {
        mname,
        rname,
        serial: Some(number(0)),
        refresh: number(1),
        retry: number(2),
        expire: number(3),
        ttl,
        negative_ttl: number(4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(CONVERT_CODES.is_sorted_by(|one, other| one.0 < other.0));
    }

    #[test]
    fn keeps_a_fault_among_many_warnings() {
        let mut found = Found::default();
        for _ in 0..200 {
            let warning = Diagnostic::warning("V001", Span(0..0), "", "left out".to_owned());
            found.add("a".as_ref(), warning);
        }
        assert!(!found.has_fault());
        let fault = Diagnostic::fault("V004", Span(0..0), "", "no NS".to_owned());
        found.add("a".as_ref(), fault);
        assert!(found.has_fault());
        let kept = found.finish("a".as_ref());
        assert_eq!(kept.len(), ALIKE_MAX + 2);
        assert!(kept[kept.len() - 1].message.starts_with("150 more"));
    }
}
