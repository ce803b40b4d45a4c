//! The records of one zone as RRsets.
//!
//! In: records in the order they are written. Out: RRsets grouped by owner. Never here: text, rules.

use std::ops::Range;

use crate::wire::{Name, Rtype, hash_name};
use crate::zone::{RecordLog, Row};

/// TTL of a row that waits for the SOA's MINIMUM; above every legal TTL (RFC 2181, section 8).
pub(super) const TTL_OPEN: u32 = u32::MAX;

/// The records of a zone that has an SOA.
#[derive(Debug, Default)]
pub struct Records {
    pub(super) log: RecordLog,
    pub(super) apex: u32,
}

/// All records of one owner and type.
#[derive(Clone, Debug)]
pub struct Rrset<'r> {
    /// The owner, in lower case.
    pub owner: Name,
    /// The type.
    pub rtype: Rtype,
    /// TTL, seconds.
    pub ttl: u32,
    /// The RDATA of each record, in written order.
    pub rdata: Vec<&'r [u8]>,
    /// Place of the first record: index of the file among the sources, and its octets.
    pub place: (u16, Range<usize>),
}

/// Returns the place of a record: the file and its first octet.
pub(super) fn place_of(row: &Row) -> (u16, Range<usize>) {
    let at = row.at as usize;
    (row.file, at..at + 1)
}

impl Records {
    /// Returns the owner of a row.
    pub(super) fn owner(&self, row: &Row) -> Name {
        self.log.names.name(row.owner)
    }

    /// Returns the number of a name in lower case that records own.
    pub(super) fn find(&self, folded: &[u8]) -> Option<u32> {
        self.log.names.find(folded, hash_name(folded))
    }

    /// Returns the apex.
    pub fn apex(&self) -> Name {
        self.log.names.name(self.apex)
    }

    /// Returns the SOA: its TTL in seconds, and its RDATA.
    pub fn soa(&self) -> Option<(u32, &[u8])> {
        let rows = self.log.rows_of(self.apex).iter();
        let mut rows = rows.skip_while(|row| row.rtype != Rtype::SOA);
        rows.next().map(|row| (row.ttl, self.log.rdata(row)))
    }

    /// Counts the records.
    pub fn len(&self) -> usize {
        self.log.rows.len()
    }

    /// Returns whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.log.rows.is_empty()
    }

    /// Returns every RRset, the records of one owner together, owners in the order they are first written.
    pub fn rrsets(&self) -> impl Iterator<Item = Rrset<'_>> {
        self.log.rows.chunk_by(Row::is_of_set).map(|rows| Rrset {
            owner: self.owner(&rows[0]),
            rtype: rows[0].rtype,
            ttl: rows[0].ttl,
            rdata: rows.iter().map(|row| self.log.rdata(row)).collect(),
            place: place_of(&rows[0]),
        })
    }
}
