//! Records on their way into a zone, flat: rows that point into one blob of owners and one of RDATA.
//!
//! In: records in any order. Out: rows grouped by owner, then type. Never here: text, rules, the layout of a zone.

use crate::wire::{NAME_MAX, Rtype, hash_name};

use super::owner_table::{OwnerTable, TableFault};
use super::policy::RootId;

/// Stands for "this row is a policy" where RDATA would begin.
const POLICY: u32 = u32::MAX;

/// A record, or the policy of a type.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The owner by its number.
    pub owner: u32,
    /// TTL in seconds; the number of the root if the row is a policy.
    pub ttl: u32,
    /// Position in its file, in the caller's count.
    pub at: u32,
    rdata_at: u32,
    /// The type.
    pub rtype: Rtype,
    rdata_len: u16,
    /// Number of its file, in the caller's count.
    pub file: u16,
}

impl Row {
    /// Returns the policy, if it is one.
    pub(super) fn root(&self) -> Option<RootId> {
        (self.rdata_at == POLICY).then_some(self.ttl)
    }

    /// Returns whether two rows belong to one RRset.
    pub fn is_of_set(&self, other: &Self) -> bool {
        (self.owner, self.rtype) == (other.owner, other.rtype)
    }
}

/// The records of one zone.
#[derive(Debug, Default)]
pub struct RecordLog {
    /// The owners, and names that own nothing.
    pub names: OwnerTable,
    /// The records.
    pub rows: Vec<Row>,
    rdata: Vec<u8>,
}

impl RecordLog {
    /// Makes room for the records of a text of so many octets.
    pub fn reserve_for_text(&mut self, octets: usize) {
        self.names.reserve(octets / TEXT_PER_NAME);
        self.rows.reserve(octets / TEXT_PER_RECORD);
    }

    /// Returns the number of a name, in any case.
    ///
    /// # Errors
    /// If there is no room for it.
    pub fn intern(&mut self, name: &[u8]) -> Result<u32, TableFault> {
        let mut folded = [0; NAME_MAX];
        let folded = &mut folded[..name.len().min(NAME_MAX)];
        folded.copy_from_slice(&name[..folded.len()]);
        folded.make_ascii_lowercase();
        self.names.intern(folded, hash_name(folded))
    }

    /// Adds a record; `None` if the zone exceeds 4 GiB.
    pub fn push(
        &mut self,
        owner: u32,
        (rtype, ttl): (Rtype, u32),
        rdata: &[u8],
        (file, at): (u16, usize),
    ) -> Option<()> {
        let rdata_at = u32::try_from(self.rdata.len()).ok()?;
        let row = Row {
            owner,
            ttl,
            at: u32::try_from(at).ok()?,
            rdata_at: (rdata_at != POLICY).then_some(rdata_at)?,
            rtype,
            rdata_len: u16::try_from(rdata.len()).ok()?,
            file,
        };
        self.rdata.extend_from_slice(rdata);
        self.rows.push(row);
        Some(())
    }

    /// Adds the policy of a type.
    pub(super) fn push_root(&mut self, owner: u32, rtype: Rtype, root: RootId) {
        self.rows.push(Row {
            owner,
            ttl: root,
            at: 0,
            rdata_at: POLICY,
            rtype,
            rdata_len: 0,
            file: 0,
        });
    }

    /// Returns the RDATA of a row; a policy has none.
    pub fn rdata(&self, row: &Row) -> &[u8] {
        if row.rdata_at == POLICY {
            return &[];
        }
        let start = row.rdata_at as usize;
        &self.rdata[start..start + usize::from(row.rdata_len)]
    }

    /// Groups rows by owner, then type; within an RRset they keep their order.
    pub fn group(&mut self) {
        let key = |row: &Row| u64::from(row.owner) << 16 | u64::from(row.rtype.0);
        // Most files are written that way already.
        if !self.rows.is_sorted_by_key(key) {
            self.rows.sort_by_key(key);
        }
    }

    /// Returns the rows of one owner; they are grouped.
    pub fn rows_of(&self, owner: u32) -> &[Row] {
        let start = self.rows.partition_point(|row| row.owner < owner);
        let rest = &self.rows[start..];
        &rest[..rest.partition_point(|row| row.owner == owner)]
    }

    /// Counts the octets that names and RDATA take.
    pub(super) fn octets_len(&self) -> usize {
        self.rdata.len() + self.names.octets_len()
    }
}

/// Octets of text for each name; chosen: two short lines. Of too few the table grows.
const TEXT_PER_NAME: usize = 64;
/// Octets of text for each record; chosen: short lines, since room that is not used costs nothing.
const TEXT_PER_RECORD: usize = 24;
