//! The snapshot: every zone that is served, found by apex, longest first.

use std::sync::Arc;

use crate::place::Locations;
use crate::wire::{Name, Rtype, Scratch, hash_name};

use super::arena::Zone;
use super::location_map::LocationMap;

/// A zone with the location maps of its policies.
#[derive(Clone, Debug)]
pub struct ServedZone {
    /// The zone.
    pub zone: Arc<Zone>,
    /// Its location maps, as its roots number them.
    pub maps: Box<[Arc<LocationMap>]>,
}

/// All zones of one generation.
#[derive(Debug)]
pub struct Snapshot {
    slots: Box<[(u64, u32)]>,
    labels_max: usize,
    /// The zones.
    pub zones: Box<[ServedZone]>,
    /// What is known about addresses.
    pub locations: Arc<Locations>,
}

const EMPTY: u32 = u32::MAX;

impl Snapshot {
    /// Indexes zones by apex. Of two zones with one apex the first is found.
    pub fn new(zones: Vec<ServedZone>, locations: Arc<Locations>) -> Self {
        let size = zones.len() * 2 + 1;
        let mut slots = vec![(0, EMPTY); size].into_boxed_slice();
        for (number, served) in zones.iter().enumerate() {
            let hash = hash_name(&served.zone.apex().to_folded());
            let mut at = (hash % size as u64) as usize;
            while slots[at].1 != EMPTY {
                at = (at + 1) % size;
            }
            slots[at] = (hash, number as u32);
        }
        let labels_max = zones
            .iter()
            .map(|served| served.zone.apex_labels())
            .max()
            .unwrap_or(0);
        Self {
            slots,
            labels_max,
            zones: zones.into(),
            locations,
        }
    }

    /// Finds the zone with the longest apex at or above a name, among apexes of at most `labels` labels.
    #[inline]
    pub fn find(&self, name: &Scratch, labels: usize) -> Option<usize> {
        if self.zones.is_empty() {
            return None;
        }
        (0..=labels.min(name.labels).min(self.labels_max))
            .rev()
            .find_map(|labels| self.probe(name, labels))
    }

    /// Finds the zone that answers a type at a name. DS at one of our apexes belongs to the parent zone, if that is
    /// ours too (RFC 4035, section 3.1.4.1).
    #[inline]
    pub fn find_for(&self, name: &Scratch, rtype: Rtype) -> Option<usize> {
        let zone = self.find(name, name.labels)?;
        if rtype == Rtype::DS
            && name.labels > 0
            && self.zones[zone].zone.apex_labels() == name.labels
        {
            return self.find(name, name.labels - 1).or(Some(zone));
        }
        Some(zone)
    }

    #[inline]
    fn probe(&self, name: &Scratch, labels: usize) -> Option<usize> {
        let hash = name.hashes[labels];
        let size = self.slots.len();
        let mut at = (hash % size as u64) as usize;
        for _ in 0..size {
            let (known, number) = self.slots[at];
            if number == EMPTY {
                return None;
            }
            if known == hash {
                let apex = self.zones[number as usize].zone.apex();
                let suffix = &name.folded[usize::from(name.starts[labels])..name.len];
                if apex.octets().eq_ignore_ascii_case(suffix) {
                    return Some(number as usize);
                }
            }
            at = if at + 1 == size { 0 } else { at + 1 };
        }
        None
    }

    /// Returns the number of the zone with this apex.
    pub fn zone_with_apex(&self, apex: &Name) -> Option<usize> {
        self.zones
            .iter()
            .position(|served| served.zone.apex() == apex)
    }
}
