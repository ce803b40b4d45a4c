//! Location databases as octets: content that every format gives, and detection of the format.
//!
//! In: the octets of one file. Out: its metadata and its runs of spots per family, or a readable fault. Never here:
//! files, the operator's networks.

use std::fmt;
use std::net::IpAddr;

use super::place_table::SpotTable;
use super::runs::Key;
use super::{maxmind, range_text};

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

/// Reads a file in any of the formats.
pub(super) fn read_database(
    octets: &[u8],
    spots: &mut SpotTable,
) -> Result<Contents, DatabaseFault> {
    if let Some(fault) = packed_fault(octets) {
        return Err(fault);
    }
    let contents = if maxmind::has_metadata(octets) {
        maxmind::read(octets, spots)?
    } else {
        match std::str::from_utf8(octets) {
            Ok(text) if !text.contains('\0') => range_text::read(text, spots)?,
            _ => {
                return Err(DatabaseFault::new(
                    "the file is neither a MaxMind-format database nor text; it may be cut short",
                    FORMATS_HELP,
                ));
            }
        }
    };
    if !contents.database.knows_v4 && !contents.database.knows_v6 {
        return Err(DatabaseFault::new(
            format!("the database ({}) lists no network", contents.database.kind),
            FORMATS_HELP,
        ));
    }
    Ok(contents)
}

pub(super) const FORMATS_HELP: &str =
    "give a MaxMind-format file (.mmdb) or lines of FIRST,LAST,CC";

/// The fault of a file that was not unpacked.
fn packed_fault(octets: &[u8]) -> Option<DatabaseFault> {
    const PACKED: [(&[u8], &str, &str); 4] = [
        (b"\x1f\x8b", "gzip", "gunzip"),
        (b"\xfd7zXZ", "xz", "unxz"),
        (b"\x28\xb5\x2f\xfd", "zstd", "unzstd"),
        (b"PK\x03\x04", "zip", "unzip"),
    ];
    let packed = PACKED.iter().find(|(mark, _, _)| octets.starts_with(mark));
    packed.map(|(_, format, tool)| {
        DatabaseFault::new(
            format!("the file is packed with {format}"),
            format!("unpack it first, for example with {tool}"),
        )
    })
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_joined_and_gaps_are_unknown() {
        let mut list = RunList::<u32>::new();
        let given = [(0, 9, 1), (10, 19, 1), (20, 29, 2), (40, u32::MAX, 3)];
        for (first, last, number) in given {
            assert!(list.push(first, last, number).is_some());
        }
        assert_eq!(list.runs, [(0, 1), (20, 2), (30, 0), (40, 3)]);
        assert!(list.push(u32::MAX, u32::MAX, 1).is_none());
        assert!(list.is_known());
    }

    #[test]
    fn ranges_out_of_order_are_refused() {
        let mut list = RunList::<u32>::new();
        assert!(list.push(10, 19, 1).is_some());
        for (first, last) in [(19, 30), (5, 6), (40, 39)] {
            assert!(list.push(first, last, 2).is_none(), "{first} to {last}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let cases: [(&[u8], &str); 6] = [
            (b"\x1f\x8b\x08\x00", "packed with gzip"),
            (b"PK\x03\x04", "packed with zip"),
            (b"\xff\xff\x00", "neither"),
            (b"", "lists no network"),
            (b"hello", "line 1"),
            (b"\xab\xcd\xefMaxMind.com", "cannot be read"),
        ];
        for (octets, wanted) in cases {
            let fault = read_database(octets, &mut SpotTable::new()).expect_err(wanted);
            assert!(fault.to_string().contains(wanted), "{fault}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_on_any_octets(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_database(&octets, &mut SpotTable::new());
            let marked = [octets.as_slice(), maxmind::METADATA_MARK, octets.as_slice()].concat();
            let _ = read_database(&marked, &mut SpotTable::new());
        }
    }
}
