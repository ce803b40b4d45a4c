//! What a reload changes for clients, and whether it may happen by itself.
//!
//! In: what is served, what was loaded beside it, the last hour's questions, the bounds of the server file. Out: a
//! comparison, and why it must wait for an operator. Never here: putting anything in place.

use std::collections::HashMap;
use std::sync::Arc;

use crate::admin::WaitingReload;
use crate::clock::WallTime;
use crate::config::server_file::BlastRadius;
use crate::geo::Locations;
use crate::health::{Status, Target};
use crate::simulate::{AnswerDiff, Observed, Side, SimulatedZone, diff, diff_text};

use crate::daemon::files::Stamp;
use crate::daemon::publishing::inputs_of;
use crate::daemon::reports::StateSnapshot;
use crate::daemon::watching::Switches;
use crate::daemon::zone_set::ZoneSet;

/// Names of both sides beyond which nothing is compared unless a bound asks for it: a second of work.
const NAMES_MAX: usize = 500_000;
/// Lines of a comparison that status and answers show; the rest is counted.
const LINES_MAX: usize = 40;

/// What is served, as far as a comparison reads it.
pub(in crate::daemon) struct Served {
    pub(in crate::daemon) state: StateSnapshot,
    pub(in crate::daemon) switches: Switches,
    /// Questions of the last hour.
    pub(in crate::daemon) observed: Vec<Observed>,
}

impl Served {
    /// Compares what is served with a new set under the same health: targets keep their statuses, new ones are
    /// unknown.
    pub(super) fn compare(
        &self,
        new: &ZoneSet,
        locations: &Locations,
        wall: WallTime,
    ) -> AnswerDiff {
        let before = self.state.premises();
        let mut known: HashMap<&Target, Status> = HashMap::new();
        for premise in &before {
            let targets = premise.served.zone.policies.targets.iter();
            known.extend(targets.zip(premise.inputs.statuses.iter().copied()));
        }
        let zones = new.zones.iter().enumerate();
        let after = zones.map(|(number, zone)| {
            let mut inputs = inputs_of(new, number, wall, &self.switches);
            let targets = zone.served.zone.policies.targets.iter();
            for (status, target) in inputs.statuses.iter_mut().zip(targets) {
                *status = known.get(target).copied().unwrap_or(Status::Unknown);
            }
            SimulatedZone {
                model: &zone.model,
                served: &zone.served,
                inputs,
            }
        });
        let after: Vec<SimulatedZone<'_>> = after.collect();
        let old = Side {
            premises: &before,
            locations: &self.state.locations,
        };
        let new = Side {
            premises: &after,
            locations,
        };
        diff(old, new, &self.observed)
    }

    /// Says whether a comparison is worth its time.
    pub(super) fn is_worth_comparing(&self, radius: &BlastRadius) -> bool {
        let names = || {
            let set = &self.state.set;
            set.zones
                .iter()
                .map(|zone| zone.served.zone.name_count())
                .sum::<usize>()
        };
        radius.is_bounded() || names() <= NAMES_MAX
    }
}

/// Says why a change must wait for an operator, if it must.
pub(super) fn over_radius(radius: &BlastRadius, found: &AnswerDiff) -> Option<String> {
    let over = |share: f64, percent: Option<u8>, what: &str| {
        let percent = percent?;
        (share * 100.0 > f64::from(percent)).then(|| {
            format!(
                "{:.1} % of {what} would answer differently, more than {percent} %",
                share * 100.0
            )
        })
    };
    // What could not all be compared may be more than what was found.
    let cut = || {
        (radius.is_bounded() && found.is_cut)
            .then(|| "it changes more than one comparison can tell".to_owned())
    };
    over(found.names_share(), radius.names_percent, "names")
        .or_else(|| {
            over(
                found.queries_changed?,
                radius.queries_percent,
                "the last hour's queries",
            )
        })
        .or_else(cut)
}

/// A reload that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    /// What would be served: files that differ from it are read again.
    set: Arc<ZoneSet>,
    stamps: Vec<Option<Stamp>>,
    /// As status shows it.
    pub(super) row: WaitingReload,
}

impl Waiting {
    pub(super) fn new(
        (set, stamps): (ZoneSet, Vec<Option<Stamp>>),
        since: WallTime,
        why: String,
        found: &AnswerDiff,
    ) -> Self {
        let text = diff_text(found);
        let mut changes: Vec<String> = text.lines().take(LINES_MAX).map(str::to_owned).collect();
        let more = text.lines().count() - changes.len();
        if more > 0 {
            changes.push(format!("and {more} more lines; leeward diff shows them"));
        }
        Self {
            set: Arc::new(set),
            stamps,
            row: WaitingReload {
                since: since.to_string(),
                why,
                changes,
            },
        }
    }

    /// Returns what looks at the disk compare it with.
    pub(super) fn known(&self) -> (Arc<ZoneSet>, Vec<Option<Stamp>>) {
        (Arc::clone(&self.set), self.stamps.clone())
    }

    /// Takes what was read later and changes the same; it has waited as long.
    pub(super) fn take(&mut self, later: Self) {
        (self.set, self.stamps) = (later.set, later.stamps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_waits_only_above_a_bound_that_is_set() {
        let found = |names_changed, queries_changed, is_cut| AnswerDiff {
            names: 100,
            names_changed,
            queries_changed,
            is_cut,
            ..AnswerDiff::default()
        };
        let radius = |names_percent, queries_percent| BlastRadius {
            names_percent,
            queries_percent,
        };
        let cases = [
            (radius(None, None), found(100, Some(1.0), true), None),
            (radius(Some(20), None), found(20, Some(1.0), false), None),
            (
                radius(Some(20), None),
                found(21, None, false),
                Some("21.0 % of names"),
            ),
            (
                radius(Some(0), None),
                found(1, None, false),
                Some("1.0 % of names"),
            ),
            (radius(None, Some(30)), found(90, Some(0.3), false), None),
            (
                radius(None, Some(30)),
                found(1, Some(0.34), false),
                Some("34.0 % of the last hour's queries"),
            ),
            (radius(None, Some(30)), found(90, None, false), None),
            (
                radius(Some(50), None),
                found(1, None, true),
                Some("more than one comparison"),
            ),
        ];
        for (radius, found, wanted) in cases {
            let got = over_radius(&radius, &found);
            match wanted {
                None => assert_eq!(got, None, "{radius:?}"),
                Some(part) => assert!(
                    got.as_ref().is_some_and(|got| got.contains(part)),
                    "{radius:?}: {got:?}"
                ),
            }
        }
    }
}
