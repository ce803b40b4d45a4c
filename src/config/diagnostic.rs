//! Diagnostics of zone files: what is wrong, where, and what to write instead.
//!
//! In: findings of the reader and of the reviews. Out: values that [`super::render_text`] and its siblings write. Never
//! here: reading TOML, printing, exit codes. A code is stable: scripts may rely on it, and `tests/faults/` holds one
//! minimal zone for each.

use std::path::{Path, PathBuf};

use super::model::Span;

/// A zone file and its text.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it came from; shown in messages.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// Reads the files that a zone names (`"file:x"` in `subnets`, `ca` of checks).
pub trait Files {
    /// Returns the text of a file inside the zones directory.
    ///
    /// # Errors
    /// Says in words why it cannot be read.
    fn read(&self, relative: &Path) -> Result<String, String>;
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The zone is refused.
    Fault,
    /// The zone loads, but hardly means what it says.
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

/// One finding in one zone file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, listed in [`CODES`].
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

impl Diagnostic {
    /// Makes a fault without label, help or related places.
    pub fn fault(code: &'static str, span: Span, key_path: &str, message: String) -> Self {
        Self {
            code,
            severity: Severity::Fault,
            path: PathBuf::new(),
            span,
            key_path: key_path.to_owned(),
            message,
            label: String::new(),
            help: None,
            related: Vec::new(),
            suggestion: None,
        }
    }

    /// Makes a warning without label, help or related places.
    pub fn warning(code: &'static str, span: Span, key_path: &str, message: String) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::fault(code, span, key_path, message)
        }
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
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    /// Returns it with a text that could stand at its span instead.
    #[must_use]
    pub fn suggest(mut self, text: impl Into<String>) -> Self {
        self.suggestion = Some(text.into());
        self
    }
}

/// Every code of the reader with a title of one line, in order.
pub const CODES: &[(&str, &str)] = &[
    ("L001", "the file is not valid TOML"),
    ("L002", "a key must be quoted"),
    ("L003", "a key or table is written twice"),
    ("L004", "an unquoted dot splits a name"),
    (
        "L005",
        "an option stands under a table header it does not belong to",
    ),
    ("L006", "unknown key"),
    ("L007", "wrong type of value"),
    ("L008", "a required key is missing"),
    ("L009", "unknown word"),
    ("L010", "a number is out of bounds"),
    ("L011", "not a duration"),
    ("L012", "a duration is out of bounds"),
    ("L013", "not a percentage in bounds"),
    ("L014", "not a date-time with offset"),
    ("L015", "too many items"),
    ("L016", "a list or table is empty"),
    ("L017", "not an id"),
    ("L018", "a reserved word as id"),
    ("L019", "keys that exclude each other"),
    ("L020", "not a domain name"),
    ("L021", "an owner name outside the zone"),
    ("L022", "one owner name under two keys"),
    ("L023", "unknown check"),
    ("L024", "unknown pool"),
    ("L025", "unknown name"),
    ("L026", "unknown switch"),
    ("L027", "a node without a policy"),
    ("L028", "a node with two policies"),
    (
        "L029",
        "text that is too long or has characters that cannot be sent",
    ),
    ("L030", "a key that does not belong here"),
    ("L031", "an https check without a host to verify"),
    ("L032", "a timeout longer than the interval"),
    ("L033", "a recipe where only a gate can stand"),
    ("L034", "a cycle of references"),
    ("L035", "policies nested too deep"),
    ("L036", "not a regular expression"),
    ("L037", "a check without a port"),
    ("L038", "bounds of a switch panel contradict each other"),
    ("L039", "health that depends on the client used as a gate"),
    ("L040", "a file named by the zone cannot be read"),
    ("L041", "members of different kinds in one pool"),
    ("L042", "a member twice"),
    ("L043", "min-healthy above the number of members"),
    ("L044", "a pool with members and a policy, or with neither"),
    ("L045", "weights that have no effect"),
    ("L046", "a branch twice"),
    ("L047", "a failover list of one"),
    ("L048", "multivalue over something else than plain pools"),
    ("L049", "a record type that cannot be a member"),
    ("L050", "not a place"),
    ("L051", "a place twice"),
    ("L052", "a continent code among countries"),
    ("L053", "no default for other clients"),
    ("L054", "not a prefix"),
    ("L055", "a prefix twice"),
    (
        "L056",
        "a prefix shadowed by a wider one with the same branch",
    ),
    ("L057", "not a region"),
    ("L058", "no location"),
    ("L059", "a region twice"),
    ("L060", "a TTL of zero"),
    ("L061", "not valid RDATA"),
    ("L062", "a record type that cannot be written here"),
    ("L063", "CNAME beside other data"),
    ("L064", "a static type beside a policy that answers it"),
    ("L065", "no NS at the apex"),
    ("L066", "data at or below a zone cut"),
    ("L067", "missing glue"),
    ("L068", "a relative name that leads nowhere"),
    ("L069", "a missing name"),
    ("L070", "address records with checks of their own"),
    ("L071", "a record twice"),
    ("L072", "a reference to a name that cannot be referred to"),
    ("L073", "a calculated check that can never hold"),
    ("L074", "not a table of times"),
    ("L075", "a table of times that names no branch"),
    ("L076", "text that is served otherwise than meant"),
    ("L077", "an owner that looks absolute"),
    ("L080", "a reference that matches nothing"),
    ("L081", "a period that ends before it starts"),
    ("L082", "an expectation that demands nothing"),
    ("L099", "more findings than are shown"),
];

/// Returns the title of a code.
pub fn code_title(code: &str) -> Option<&'static str> {
    CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, title)| *title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(code_title("L065"), Some("no NS at the apex"));
        assert_eq!(code_title("X"), None);
    }
}
