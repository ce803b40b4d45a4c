//! Leases: addresses of flattened targets in pools, numbered once a zone.
//!
//! In: a target and a family, as a pool refers to them. Out: the number of its lease. Never here: lookups, or the time
//! that a lease still lasts; the view has it.

use super::build::PolicyBuilder;
use super::program::{Lease, Policies, RootId};

impl PolicyBuilder {
    /// Returns the number of a lease, which one pool uses from here on; equal leases are one.
    pub fn lease(&mut self, lease: Lease, pool: u32) -> u32 {
        let number = match self.lease_ids.get(&lease) {
            Some(&known) => known,
            None => {
                let number = self.leases.len() as u32;
                self.leases.push(lease.clone());
                self.lease_ids.insert(lease, number);
                number
            }
        };
        self.lease_uses.push((number, pool));
        number
    }

    /// Lists each use once; zones without leases keep nothing a member.
    pub(super) fn settle_leases(&mut self) {
        self.lease_uses.sort_unstable();
        self.lease_uses.dedup();
        if self.leases.is_empty() {
            self.lease_of_member.clear();
        }
    }
}

impl Policies {
    /// Returns the longest TTL of any answer of these policies, seconds: a lease that lasts longer changes no answer.
    pub fn ttl_max(&self) -> u32 {
        let options = self.options.iter().filter_map(|options| options.ttl);
        let written = options.map(|(_, max)| max).max().unwrap_or(0);
        let roots = 0..self.roots.len() as RootId;
        let of_roots = roots.map(|root| self.roots[root as usize].ttl).max();
        written.max(of_roots.unwrap_or(0))
    }

    /// Returns whether another version of the zone has the same location rules and maps.
    pub fn has_same_places(&self, other: &Self) -> bool {
        self.rules == other.rules && self.maps == other.maps
    }
}
