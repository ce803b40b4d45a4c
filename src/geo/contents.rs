//! What any format of a location database gives: metadata, runs of spots, a fault.
//!
//! In: ranges in ascending order. Out: [`Contents`]. Never here: octets of a format.

use std::fmt;
use std::net::IpAddr;

use super::runs::Key;

/// A location database in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// The type the file states, such as `GeoLite2-Country`; `ranges as text` for text.
    pub kind: String,
    /// Build time, Unix seconds, if the file states it.
    pub built_secs: Option<u64>,
    /// True if it has a place for any IPv4 address.
    pub knows_v4: bool,
    /// True if it has a place for any IPv6 address.
    pub knows_v6: bool,
    /// Number of networks or ranges listed.
    pub networks: usize,
    /// Number of records whose country is not one of ISO 3166-1; their place is unknown.
    pub odd_records: usize,
}

/// Reason why octets are no location database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseFault {
    /// Fault, without a full stop.
    pub message: String,
    /// Advice on what to do instead.
    pub help: String,
}

impl DatabaseFault {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
        }
    }
}

impl fmt::Display for DatabaseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.help)
    }
}

impl std::error::Error for DatabaseFault {}

/// Most networks in one file: four times the largest city database known.
pub(super) const NETWORKS_MAX: usize = 1 << 25;

/// Content of one file.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) database: Database,
    pub(super) v4: RunList<u32>,
    pub(super) v6: RunList<u128>,
}

pub(super) const FORMATS_HELP: &str =
    "give a MaxMind-format file (.mmdb) or lines of FIRST,LAST,CC";

/// Runs of spot numbers of one family while a file is read; gaps are unknown (number 0).
#[derive(Debug)]
pub(super) struct RunList<K> {
    pub(super) runs: Vec<(K, u32)>,
    /// The first address above all ranges so far; `None` past the end of the family.
    free_from: Option<K>,
}

impl<K: Key> RunList<K> {
    pub(super) fn new() -> Self {
        Self {
            runs: vec![(K::FIRST, 0)],
            free_from: Some(K::FIRST),
        }
    }

    /// Adds a range above all earlier ones. Gives `None` if it is not.
    pub(super) fn push(&mut self, first: K, last: K, number: u32) -> Option<()> {
        let free_from = self.free_from?;
        if first < free_from || last < first {
            return None;
        }
        self.mark(first, number);
        self.free_from = last.next();
        if let Some(after) = self.free_from {
            self.mark(after, 0);
        }
        Some(())
    }

    fn mark(&mut self, start: K, number: u32) {
        self.runs.pop_if(|(s, _)| *s == start);
        if self.runs.last().is_none_or(|(_, n)| *n != number) {
            self.runs.push((start, number));
        }
    }

    /// Returns whether any address has a place.
    pub(super) fn is_known(&self) -> bool {
        self.runs.iter().any(|(_, number)| *number != 0)
    }
}

/// Writes a block the usual way.
pub(super) fn block_text(address: IpAddr, prefix_len: u8) -> String {
    format!("{address}/{prefix_len}")
}
