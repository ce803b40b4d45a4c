//! Findings about a master file: codes, places, and a bounded list.
//!
//! In: faults and remarks of the reader and of the validators. Out: a bounded number of them, with a count of the rest.
//! Never here: lines and columns, which are counted from octets when a finding is shown.

use std::ops::Range;
use std::path::PathBuf;

use crate::diagnostic::{Bounds, Diagnostic, DiagnosticList};

/// Most faults kept of one zone, and as many warnings and notes; chosen so that a screen or two hold them.
pub const FINDINGS_MAX: usize = 100;
/// Most warnings or notes kept of one code; the rest is counted.
pub(super) const ALIKE_MAX: usize = 10;

/// Every code with a title of one line, in order.
pub const MASTER_CODES: &[(&str, &str)] = &[
    ("M001", "quotes, parentheses or escapes are wrong"),
    ("M002", "not a domain name"),
    ("M003", "unknown directive"),
    ("M004", "a directive is not complete, or says too much"),
    ("M005", "not a TTL"),
    ("M006", "a file cannot be included"),
    ("M007", "files are included too deep, or too many of them"),
    ("M008", "$GENERATE cannot be read"),
    ("M009", "$GENERATE makes too many records"),
    ("M010", "a record without an owner"),
    ("M011", "a record without a type"),
    ("M012", "unknown type"),
    ("M013", "a class other than IN"),
    ("M014", "not valid RDATA"),
    ("M016", "a TTL above 2147483647"),
    ("M020", "no SOA"),
    ("M021", "a second SOA"),
    ("M022", "an SOA below the apex"),
    ("M023", "a record outside the zone"),
    ("M024", "a record twice"),
    ("M025", "different TTLs in one RRset"),
    ("M026", "CNAME beside other data"),
    ("M027", "more than one CNAME at a name"),
    ("M028", "more than one DNAME at a name"),
    ("M030", "no NS at the apex"),
    ("M031", "data that a zone cut or a DNAME hides"),
    ("M032", "a host that is an alias"),
    ("M033", "a name server without an address"),
    ("M034", "more than a zone can hold"),
    ("M035", "names made to hash alike"),
    ("M036", "an apex that came about by accident"),
    ("M037", "a zone that the file is not named for"),
    ("M038", "a record or directive of another product"),
    ("M039", "not a master file"),
    ("M040", "a name that lacks its final dot"),
    ("M041", "text that is no UTF-8"),
    ("M042", "text that is served otherwise than meant"),
    ("M043", "marks of Windows that are read over"),
    ("M044", "a TTL that says automatic elsewhere"),
    ("M099", "more findings than are shown"),
];

/// A file that was read, with its text.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// Path of the file.
    pub path: PathBuf,
    /// Text of the file; octets that are no UTF-8 stand as `\DDD`.
    pub text: std::sync::Arc<String>,
}

/// The diagnostics so far, and the files that they may be of.
#[derive(Debug)]
pub(super) struct Findings {
    list: DiagnosticList,
    /// The files in the order in which they were opened.
    pub(super) paths: Vec<PathBuf>,
}

impl Findings {
    /// Starts a list.
    pub(super) const fn new() -> Self {
        Self {
            list: DiagnosticList::new(Bounds {
                faults_max: FINDINGS_MAX,
                others_max: FINDINGS_MAX,
                alike_max: ALIKE_MAX,
            }),
            paths: Vec::new(),
        }
    }

    /// Adds a diagnostic at octets of a file.
    pub(super) fn add(&mut self, (file, range): (u16, Range<usize>), mut found: Diagnostic) {
        found.span = range.into();
        if let Some(path) = self.paths.get(usize::from(file)) {
            found.path.clone_from(path);
        }
        self.list.push(found);
    }

    /// Returns whether the zone must be refused.
    pub(super) fn has_fault(&self) -> bool {
        self.list.has_fault()
    }

    /// Returns the findings kept, with the count of the rest.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        let first = self.paths.first().cloned().unwrap_or_default();
        self.list.finish("M099", &first)
    }
}

/// Makes a fault that has no place yet.
pub(super) fn fault(code: &'static str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::fault(code, 0..0, "", message)
}

/// Makes a warning that has no place yet.
pub(super) fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(code, 0..0, "", message)
}

/// Makes a note that has no place yet.
pub(super) fn note(code: &'static str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::note(code, 0..0, "", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(MASTER_CODES.is_sorted_by(|one, other| one.0 < other.0));
    }
}
