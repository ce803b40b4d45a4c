//! The snapshot: every zone that is served, found by apex, longest first.

use std::sync::Arc;

use crate::geo::Locations;
use crate::wire::{Name, QueryName, Rtype, hash_name, same_octets};

use super::arena::Zone;
use super::location_map::{LocationMap, build_maps};
use super::policy::RootId;

/// A zone with the location maps of its policies.
#[derive(Clone, Debug)]
pub struct ServedZone {
    /// The zone.
    pub zone: Arc<Zone>,
    /// Location maps, by the numbers in its roots.
    pub maps: Box<[Arc<LocationMap>]>,
}

impl ServedZone {
    /// Builds the location maps of a zone.
    pub fn new(zone: Zone, locations: &Locations) -> Self {
        let maps = build_maps(&zone.policies, locations);
        Self {
            zone: Arc::new(zone),
            maps,
        }
    }

    /// Returns the location map of a root; `None` if it answers alike everywhere.
    #[inline]
    pub fn map_of(&self, root: RootId) -> Option<&LocationMap> {
        let map = self.zone.policies.roots.get(root as usize)?.map;
        self.maps.get(map as usize).map(|map| &**map)
    }
}

/// All zones of one generation.
#[derive(Debug)]
pub struct Snapshot {
    /// A power of two of them, at most half full.
    slots: Box<[Slot]>,
    /// Apexes, folded, one after the other.
    apexes: Box<[u8]>,
    labels_max: usize,
    /// The zones.
    pub zones: Box<[ServedZone]>,
    /// Location database.
    pub locations: Arc<Locations>,
}

/// Slot of a zone, found by the hash of its apex.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u64,
    /// Number of the zone, or [`EMPTY`].
    zone: u32,
    /// Start of the apex among the apexes.
    start: u32,
    /// Octets of the apex.
    len: u32,
}

const EMPTY: u32 = u32::MAX;

impl Snapshot {
    /// Indexes zones by apex. Of two zones with one apex the first is found.
    pub fn new(zones: Vec<ServedZone>, locations: Arc<Locations>) -> Self {
        let vacant = Slot {
            hash: 0,
            zone: EMPTY,
            start: 0,
            len: 0,
        };
        let mut slots = vec![vacant; (zones.len() * 2).next_power_of_two()].into_boxed_slice();
        let mut apexes = Vec::new();
        let mut labels_max = 0;
        for (number, served) in zones.iter().enumerate() {
            let apex = served.zone.apex().to_folded();
            let hash = hash_name(&apex);
            let mut at = home(hash, slots.len());
            while slots[at].zone != EMPTY {
                at = (at + 1) & (slots.len() - 1);
            }
            slots[at] = Slot {
                hash,
                zone: number as u32,
                start: apexes.len() as u32,
                len: apex.len() as u32,
            };
            apexes.extend_from_slice(&apex);
            labels_max = labels_max.max(served.zone.apex_labels());
        }
        Self {
            slots,
            apexes: apexes.into(),
            labels_max,
            zones: zones.into(),
            locations,
        }
    }

    /// Finds the zone with the longest apex at or above a name, among apexes of at most `labels` labels.
    #[inline(always)]
    pub fn find(&self, name: &QueryName, labels: usize) -> Option<usize> {
        let mut above = labels.min(name.labels).min(self.labels_max) + 1;
        while above > 0 {
            above -= 1;
            if let Some(zone) = self.probe(name, above) {
                return Some(zone);
            }
        }
        None
    }

    /// Finds the zone that answers a type at a name. DS at one of our apexes belongs to the parent zone, if that is
    /// ours too (RFC 4035, section 3.1.4.1).
    #[inline(always)]
    pub fn find_for(&self, name: &QueryName, rtype: Rtype) -> Option<usize> {
        let zone = self.find(name, name.labels)?;
        if rtype == Rtype::DS
            && name.labels > 0
            && self.zones[zone].zone.apex_labels() == name.labels
        {
            return self.find(name, name.labels - 1).or(Some(zone));
        }
        Some(zone)
    }

    #[inline(always)]
    fn probe(&self, name: &QueryName, labels: usize) -> Option<usize> {
        let hash = name.hashes[labels];
        let at = home(hash, self.slots.len());
        let slot = &self.slots[at];
        if slot.zone == EMPTY {
            return None;
        }
        if slot.hash == hash && self.is_apex(slot, name, labels) {
            return Some(slot.zone as usize);
        }
        self.probe_behind(name, labels, at)
    }

    /// Looks on behind a slot that another zone has taken.
    #[inline(never)]
    fn probe_behind(&self, name: &QueryName, labels: usize, mut at: usize) -> Option<usize> {
        let hash = name.hashes[labels];
        // Half of the slots are empty, so one ends this.
        for _ in 0..self.slots.len() {
            at = (at + 1) & (self.slots.len() - 1);
            let slot = &self.slots[at];
            if slot.zone == EMPTY {
                return None;
            }
            if slot.hash == hash && self.is_apex(slot, name, labels) {
                return Some(slot.zone as usize);
            }
        }
        None
    }

    #[inline(always)]
    fn is_apex(&self, slot: &Slot, name: &QueryName, labels: usize) -> bool {
        let start = slot.start as usize;
        let apex = &self.apexes[start..start + slot.len as usize];
        same_octets(apex, name.suffix(labels))
    }

    /// Returns the number of the zone with this apex.
    pub fn zone_with_apex(&self, apex: &Name) -> Option<usize> {
        self.zones
            .iter()
            .position(|served| served.zone.apex() == apex)
    }
}

/// Returns the slot where a hash is looked for first; `size` is a power of two.
#[inline]
const fn home(hash: u64, size: usize) -> usize {
    (hash >> 20) as usize & (size - 1)
}
