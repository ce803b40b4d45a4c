//! `[explain]` and `[blast-radius]`: who may ask why by DNS, and how much one reload may change by itself.
//!
//! In: tables that may be absent. Out: settings, defaults filled in. Never here: what follows from them.

use ipnet::IpNet;

use super::proxy::read_prefixes;
use super::value::{Findings, Section};

/// `[explain]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExplainSettings {
    /// Clients that may ask `_explain.NAME TXT`; none by default.
    pub allow: Vec<IpNet>,
}

impl ExplainSettings {
    /// Most entries of `allow`. Chosen; no standard value.
    pub const ALLOW_MAX: usize = 64;
}

/// `[blast-radius]`: above it a reload waits for an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlastRadius {
    /// Percent of names whose records may change; no bound if absent.
    pub names_percent: Option<u8>,
    /// Percent of the last hour's queries whose records may change; no bound if absent.
    pub queries_percent: Option<u8>,
}

impl BlastRadius {
    /// Says whether there is any bound.
    pub const fn is_bounded(&self) -> bool {
        self.names_percent.is_some() || self.queries_percent.is_some()
    }
}

pub(super) fn read_explain(section: &Section<'_, '_>, findings: &mut Findings) -> ExplainSettings {
    let allow = read_prefixes(section, "allow", ExplainSettings::ALLOW_MAX, findings);
    ExplainSettings {
        allow: allow.unwrap_or_default(),
    }
}

pub(super) fn read_blast_radius(section: &Section<'_, '_>, findings: &mut Findings) -> BlastRadius {
    let mut percent = |key| {
        let (path, value) = section.find(key)?;
        let text = findings.text(&path, value, "a percentage such as \"20%\"")?;
        let read = text
            .strip_suffix('%')
            .and_then(|digits| digits.trim().parse::<u8>().ok());
        let read = read.filter(|percent| *percent <= 100);
        if read.is_none() {
            let message = format!("`{path}` must be a percentage from \"0%\" to \"100%\"");
            findings.fault("S004", value.span(), &path, message).help =
                Some("write \"20%\"".to_owned());
        }
        read
    };
    BlastRadius {
        names_percent: percent("names"),
        queries_percent: percent("queries"),
    }
}
