//! Location databases as octets: content that every format gives, and detection of the format.
//!
//! In: the octets of one file. Out: its metadata and its runs of spots per family, or a readable fault. Never here:
//! files, the operator's networks.

use super::contents::{Contents, DatabaseFault, FORMATS_HELP};
use super::place_table::SpotTable;
use super::{maxmind, range_text};

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

#[cfg(test)]
mod tests {
    use super::super::contents::RunList;
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
