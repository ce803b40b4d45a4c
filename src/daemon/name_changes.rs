//! Which names came and went with a load.
//!
//! In: two sets of zones. Out: counts with some of the names. Never here: answers; `simulate` compares those.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::wire::Name;
use crate::zone::Zone;

use super::zone_set::ZoneSet;

/// Names of one kind that are listed; the rest is counted.
const LISTED_MAX: usize = 10;

/// What came and went in one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NameChange {
    pub(super) zone: String,
    pub(super) added: Names,
    pub(super) removed: Names,
}

/// Names, some of them listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) count: usize,
    pub(super) some: Vec<String>,
}

impl Names {
    fn of<'n>(names: impl Iterator<Item = &'n [u8]>, apex: &Name) -> Self {
        let mut all: Vec<&[u8]> = names.collect();
        all.sort_unstable();
        let some = all.iter().take(LISTED_MAX);
        let whole = |owner: &[u8]| Name::from_wire(&[owner, apex.octets()].concat());
        let some = some.filter_map(|owner| whole(owner).ok());
        Self {
            count: all.len(),
            some: some.map(|(name, _)| name.to_string()).collect(),
        }
    }

    /// Writes them as `3 names (a., b., c.)`.
    pub(super) fn text(&self) -> String {
        let plural = if self.count == 1 { "" } else { "s" };
        let more = if self.count > self.some.len() {
            ", ..."
        } else {
            ""
        };
        format!(
            "{} name{plural} ({}{more})",
            self.count,
            self.some.join(", ")
        )
    }
}

impl NameChange {
    /// Writes it in one line.
    pub(super) fn text(&self) -> String {
        let mut parts = Vec::new();
        if self.removed.count > 0 {
            parts.push(format!("removed {}", self.removed.text()));
        }
        if self.added.count > 0 {
            parts.push(format!("added {}", self.added.text()));
        }
        format!("{}: {}", self.zone, parts.join("; "))
    }
}

/// Compares the names of zones that both sets have.
pub(super) fn name_changes(before: &ZoneSet, after: &ZoneSet) -> Vec<NameChange> {
    let known: HashMap<&Name, &Arc<Zone>> = before
        .zones
        .iter()
        .map(|zone| (&zone.model.apex, &zone.served.zone))
        .collect();
    let mut changes = Vec::new();
    for zone in &after.zones {
        let new = &zone.served.zone;
        let old = known.get(&zone.model.apex);
        let Some(old) = old.filter(|old| !Arc::ptr_eq(old, new)) else {
            continue;
        };
        let (had, has) = (owners(old), owners(new));
        let change = NameChange {
            zone: zone.model.apex.to_string(),
            added: Names::of(has.difference(&had).copied(), new.apex()),
            removed: Names::of(had.difference(&has).copied(), new.apex()),
        };
        if change.added.count + change.removed.count > 0 {
            changes.push(change);
        }
    }
    changes
}

/// Returns the names that own records.
fn owners(zone: &Zone) -> HashSet<&[u8]> {
    let nodes = zone.nodes();
    let owning = nodes.filter(|node| zone.entries(*node).next().is_some());
    owning.map(|node| zone.owner(node)).collect()
}
