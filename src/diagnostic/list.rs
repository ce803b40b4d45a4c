//! The diagnostics of one file or several, with a bound.
//!
//! In: diagnostics in the order in which they are found. Out: those that are kept, and how many of each code are not. Never
//! here: judging.

use std::collections::BTreeMap;
use std::path::Path;

use super::report::{Diagnostic, Severity};

/// How many diagnostics are kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most faults.
    pub faults_max: usize,
    /// Most warnings and notes.
    pub others_max: usize,
    /// Most warnings and notes of one code.
    pub alike_max: usize,
}

/// Diagnostics so far. Warnings never take the place of a fault.
#[derive(Debug)]
pub struct DiagnosticList {
    bounds: Bounds,
    kept: Vec<Diagnostic>,
    faults: usize,
    /// How many of each code are not kept.
    dropped: BTreeMap<&'static str, usize>,
}

impl DiagnosticList {
    /// Starts a list.
    pub const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            kept: Vec::new(),
            faults: 0,
            dropped: BTreeMap::new(),
        }
    }

    /// Keeps a diagnostic if there is room for it.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let has_room = if diagnostic.severity == Severity::Fault {
            self.faults += 1;
            self.faults <= self.bounds.faults_max
        } else {
            let others = self.kept.len() - self.faults.min(self.bounds.faults_max);
            let alike = self.kept.iter().filter(|kept| kept.code == diagnostic.code);
            others < self.bounds.others_max && alike.count() < self.bounds.alike_max
        };
        if has_room {
            self.kept.push(diagnostic);
        } else {
            *self.dropped.entry(diagnostic.code).or_default() += 1;
        }
    }

    /// Says whether further faults are only counted, so that help for them need not be searched.
    pub fn is_full(&self) -> bool {
        self.faults >= self.bounds.faults_max
    }

    /// Says whether anything so far refuses the file.
    pub fn has_fault(&self) -> bool {
        self.faults > 0
    }

    /// Returns what was kept in the order in which it was found, and under `code` the count of the rest.
    pub fn finish(mut self, code: &'static str, path: &Path) -> Vec<Diagnostic> {
        let count: usize = self.dropped.values().sum();
        if count > 0 {
            let each = self.dropped.iter();
            let each: Vec<String> = each
                .map(|(code, count)| format!("{count} {code}"))
                .collect();
            let message = format!("{count} more findings are not shown: {}", each.join(", "));
            self.kept
                .push(Diagnostic::note(code, 0..0, "", message).at(path));
        }
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_faults_when_warnings_are_many() {
        let mut list = DiagnosticList::new(Bounds {
            faults_max: 100,
            others_max: 100,
            alike_max: 10,
        });
        for _ in 0..1_000 {
            list.push(Diagnostic::warning("M023", 0..0, "", "far"));
        }
        assert!(!list.has_fault());
        for _ in 0..1_000 {
            list.push(Diagnostic::fault("M014", 0..0, "", "bad"));
        }
        assert!(list.has_fault() && list.is_full());
        let kept = list.finish("M099", "a".as_ref());
        assert_eq!(kept.len(), 10 + 100 + 1);
        let last = &kept[kept.len() - 1];
        assert_eq!(
            last.message,
            "1890 more findings are not shown: 900 M014, 990 M023"
        );
    }
}
