//! Findings about a master file: codes, places, and a bounded list.
//!
//! In: faults and remarks of the reader and of the validators. Out: a bounded number of them, with a count of the rest.
//! Never here: lines and columns, which are counted from octets when a finding is shown.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

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

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// The zone is refused.
    Fault,
    /// The zone loads, but hardly means what it says.
    Warning,
    /// Worth knowing.
    Note,
}

/// A file that was read, with its text.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// Path of the file.
    pub path: PathBuf,
    /// Text of the file; octets that are no UTF-8 stand as `\DDD`.
    pub text: std::sync::Arc<String>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable code, listed in [`MASTER_CODES`].
    pub code: &'static str,
    /// Severity.
    pub gravity: Gravity,
    /// Index of the file among the sources.
    pub file: u16,
    /// Place, in octets of the file.
    pub range: Range<usize>,
    /// Fault, one sentence without a full stop.
    pub message: String,
    /// Remedy, mostly the line to write.
    pub help: Option<String>,
}

impl Finding {
    pub(super) fn new(
        code: &'static str,
        gravity: Gravity,
        (file, range): (u16, Range<usize>),
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            gravity,
            file,
            range,
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    faults: usize,
    /// Number of findings not kept, by code.
    dropped: BTreeMap<&'static str, usize>,
}

impl Findings {
    /// Keeps a finding if there is room for it.
    pub(super) fn add(&mut self, finding: Finding) {
        let is_fault = finding.gravity == Gravity::Fault;
        let alike = self.kept.iter().filter(|kept| kept.code == finding.code);
        let has_room = if is_fault {
            self.faults < FINDINGS_MAX
        } else {
            alike.count() < ALIKE_MAX
                && self.kept.len() - self.faults.min(FINDINGS_MAX) < FINDINGS_MAX
        };
        self.faults += usize::from(is_fault);
        if has_room {
            self.kept.push(finding);
        } else {
            *self.dropped.entry(finding.code).or_default() += 1;
        }
    }

    /// Returns whether the zone must be refused.
    pub(super) fn has_fault(&self) -> bool {
        self.faults > 0
    }

    /// Returns the findings kept, with the count of the rest.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        let count: usize = self.dropped.values().sum();
        if count > 0 {
            let each = self.dropped.iter();
            let each: Vec<String> = each
                .map(|(code, count)| format!("{count} {code}"))
                .collect();
            let message = format!("{count} more findings are not shown: {}", each.join(", "));
            let place = (0, 0..0);
            self.kept
                .push(Finding::new("M099", Gravity::Note, place, message));
        }
        self.kept
    }
}

pub(super) fn fault(
    code: &'static str,
    place: (u16, Range<usize>),
    message: impl Into<String>,
) -> Finding {
    Finding::new(code, Gravity::Fault, place, message)
}

pub(super) fn warning(
    code: &'static str,
    place: (u16, Range<usize>),
    message: impl Into<String>,
) -> Finding {
    Finding::new(code, Gravity::Warning, place, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(MASTER_CODES.is_sorted_by(|one, other| one.0 < other.0));
    }

    #[test]
    fn keeps_faults_when_warnings_are_many() {
        let mut findings = Findings::default();
        for _ in 0..1_000 {
            findings.add(Finding::new("M023", Gravity::Warning, (0, 0..0), "far"));
        }
        assert!(!findings.has_fault());
        for _ in 0..1_000 {
            findings.add(Finding::new("M014", Gravity::Fault, (0, 0..0), "bad"));
        }
        assert!(findings.has_fault());
        let kept = findings.finish();
        assert_eq!(kept.len(), ALIKE_MAX + FINDINGS_MAX + 1);
        assert!(kept[kept.len() - 1].message.starts_with("1890 more"));
    }
}
