//! A query that is looked up: what was read of it, its zone, and where its name stands there.
//!
//! In: the octets of a query and a snapshot. Out: a [`Lookup`], in the room that a worker keeps for it. Never here: what
//! is answered.

use crate::wire::{Class, Query, QueryName, Rtype, Unanswerable, read_query};
use crate::zone::{Aim, Found, Snapshot};

/// A query of a batch between the passes.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    /// The name with its hashes.
    pub(super) query_name: QueryName,
    /// Fields of the query.
    pub(super) query: Query,
    /// Reason why the query is not looked up; `query` is meaningless then.
    pub(super) fault: Option<Unanswerable>,
    /// Number of the zone that the name lies in.
    pub(super) zone: Option<usize>,
    /// Position of the search for the name in that zone.
    pub(super) aim: Aim,
    /// Result of the search for the name, once it has ended.
    pub(super) found: Option<Found>,
}

impl Default for Lookup {
    fn default() -> Self {
        Self {
            query_name: QueryName::default(),
            query: Query::default(),
            fault: Some(Unanswerable::Silence),
            zone: None,
            aim: Aim::default(),
            found: None,
        }
    }
}

impl Lookup {
    /// Reads a query, finds its zone and aims at its name there.
    #[inline(never)]
    pub(super) fn take(&mut self, snapshot: &Snapshot, input: &[u8]) {
        self.zone = None;
        self.found = None;
        self.fault = None;
        if let Err(fault) = read_query(input, &mut self.query_name, &mut self.query) {
            self.fault = Some(fault);
            return;
        }
        // Class ANY is answered from class IN, the only one there is, as NSD and Knot do.
        if !matches!(self.query.class, Class::IN | Class::ANY) {
            return;
        }
        self.zone = snapshot.find_for(&self.query_name, self.query.rtype);
        if let Some(zone) = self.zone {
            self.aim = snapshot.zones[zone].zone.aim(&self.query_name);
        }
    }

    /// Returns whether the query asks for a zone transfer.
    #[inline(always)]
    pub(super) const fn is_transfer(&self) -> bool {
        matches!(self.query.rtype, Rtype::AXFR | Rtype::IXFR)
    }
}
