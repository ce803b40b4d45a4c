//! A status report for several readers, with its texts made once for all of them.
//!
//! In: a report. Out: its JSON and its page. Never here: what the report says.

use std::sync::OnceLock;

use axum::body::Bytes;

use super::page::page;
use super::status::StatusReport;

/// A status report, and its texts as soon as one reader wanted them.
#[derive(Debug, Default)]
pub struct SharedReport {
    report: StatusReport,
    json: OnceLock<Bytes>,
    page: OnceLock<Bytes>,
}

impl SharedReport {
    /// Takes a report.
    pub fn new(report: StatusReport) -> Self {
        Self {
            report,
            ..Self::default()
        }
    }

    /// Returns the report.
    pub const fn report(&self) -> &StatusReport {
        &self.report
    }

    /// Returns the report as JSON.
    pub(super) fn json(&self) -> Bytes {
        let write = || serde_json::to_vec(&self.report).expect("texts and numbers only");
        self.json.get_or_init(|| write().into()).clone()
    }

    /// Returns the report as a page.
    pub(super) fn page(&self) -> Bytes {
        self.page.get_or_init(|| page(&self.report).into()).clone()
    }
}
