//! The records of one zone, compact: rows that point into one blob of names and one of RDATA.
//!
//! In: records in the order they are written. Out: RRsets grouped by owner. Never here: text, rules.

use std::ops::Range;

use crate::wire::{Name, Rtype};

use super::names::Names;

/// The TTL of a row that waits for the SOA's MINIMUM. No TTL reaches it (RFC 2181, section 8).
pub(super) const TTL_OPEN: u32 = u32::MAX;

/// One record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) owner: u32,
    pub(super) ttl: u32,
    rdata_at: u32,
    pub(super) at: u32,
    pub(super) rtype: Rtype,
    rdata_len: u16,
    pub(super) file: u16,
}

impl Row {
    /// Returns where the record stands: the file and its first octet.
    pub(super) fn place(&self) -> (u16, Range<usize>) {
        let at = self.at as usize;
        (self.file, at..at + 1)
    }
}

/// The records of a zone that has an SOA.
#[derive(Debug, Default)]
pub struct Records {
    pub(super) names: Names,
    pub(super) rows: Vec<Row>,
    rdata: Vec<u8>,
    pub(super) apex: u32,
}

/// All records of one owner and type.
#[derive(Clone, Debug)]
pub struct Rrset<'r> {
    /// The owner, in lower case.
    pub owner: Name,
    /// The type.
    pub rtype: Rtype,
    /// The TTL.
    pub ttl: u32,
    /// The RDATA of each record, in written order.
    pub rdata: Vec<&'r [u8]>,
    /// Where the first record stands: the file by its number among the sources, and its octets.
    pub place: (u16, Range<usize>),
}

impl Records {
    /// Adds a record; `None` if the zone exceeds 4 GiB.
    pub(super) fn push(
        &mut self,
        owner: u32,
        (rtype, ttl): (Rtype, u32),
        rdata: &[u8],
        (file, at): (u16, usize),
    ) -> Option<()> {
        let row = Row {
            owner,
            ttl,
            rdata_at: u32::try_from(self.rdata.len()).ok()?,
            at: u32::try_from(at).ok()?,
            rtype,
            rdata_len: u16::try_from(rdata.len()).ok()?,
            file,
        };
        self.rdata.extend_from_slice(rdata);
        self.rows.push(row);
        Some(())
    }

    pub(super) fn rdata(&self, row: &Row) -> &[u8] {
        let start = row.rdata_at as usize;
        &self.rdata[start..start + usize::from(row.rdata_len)]
    }

    /// Groups rows by owner, then type; within an RRset they keep their order.
    pub(super) fn group(&mut self) {
        self.rows.sort_by_key(|row| (row.owner, row.rtype));
    }

    /// Returns the apex.
    pub fn apex(&self) -> Name {
        self.names.name(self.apex)
    }

    /// Returns the SOA: its TTL and RDATA.
    pub fn soa(&self) -> Option<(u32, &[u8])> {
        let first = self
            .rows
            .partition_point(|row| (row.owner, row.rtype) < (self.apex, Rtype::SOA));
        let row = self.rows.get(first)?;
        (row.owner == self.apex && row.rtype == Rtype::SOA).then(|| (row.ttl, self.rdata(row)))
    }

    /// Counts the records.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Says whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns every RRset, the records of one owner together, owners in the order they are first written.
    pub fn rrsets(&self) -> impl Iterator<Item = Rrset<'_>> {
        let same = |one: &Row, other: &Row| one.owner == other.owner && one.rtype == other.rtype;
        self.rows.chunk_by(same).map(|rows| Rrset {
            owner: self.names.name(rows[0].owner),
            rtype: rows[0].rtype,
            ttl: rows[0].ttl,
            rdata: rows.iter().map(|row| self.rdata(row)).collect(),
            place: rows[0].place(),
        })
    }
}
