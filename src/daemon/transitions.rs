//! Transitions of targets, told: the event with its evidence, the counters of probes.
//!
//! In: outcomes of probes, transitions. Out: events, counters, names of targets for people. Never here: statuses.

use std::time::Duration;

use crate::health::{Outcome, TargetId, Transition};
use crate::timeline::EventKind;
use crate::zone::TargetUse;

use super::keeper::Keeper;
use super::overview::word;

impl Keeper {
    /// Counts a probe under the zone and check of its target.
    pub(super) fn measure_probe(
        &mut self,
        target: TargetId,
        outcome: Outcome,
        took: Option<Duration>,
    ) {
        let (zone, check) = self.recipe_of(target);
        self.telemetry
            .count_probe(target, (&zone, &check), outcome, took);
    }

    /// Returns the first use of a target, with the number of its zone.
    fn use_of(&self, target: TargetId) -> Option<(usize, &TargetUse)> {
        self.publisher.uses(target).find_map(|(zone, slot)| {
            let uses = self.set.zones.get(zone)?.served.zone.policies.uses_of(slot);
            uses.first().map(|used| (zone, used))
        })
    }

    /// Returns zone and check of the first use of a target, for labels; a target just removed has none.
    fn recipe_of(&self, target: TargetId) -> (String, String) {
        self.use_of(target)
            .map_or_else(Default::default, |(zone, used)| {
                (
                    self.set.zones[zone].model.apex.to_string(),
                    used.check.clone(),
                )
            })
    }

    /// Names zone and check of the first use of a target, or the anchor that it is.
    pub(super) fn check_of(&self, target: TargetId) -> String {
        match self.use_of(target) {
            Some((zone, used)) => format!("{} {}", self.set.zones[zone].model.apex, used.check),
            None => self.name_of(target),
        }
    }

    /// Names a target by its first use, and says in how many more zones it is used.
    pub(super) fn name_of(&self, target: TargetId) -> String {
        let Some((zone, used)) = self.use_of(target) else {
            return self
                .watching
                .anchor_name(target)
                .unwrap_or_else(|| format!("target {}", target.0));
        };
        let apex = &self.set.zones[zone].model.apex;
        let member = if used.pool.is_empty() {
            String::new()
        } else {
            format!("{}/{} ", used.pool, used.member)
        };
        let more = self.publisher.uses(target).count().saturating_sub(1);
        let more = if more == 0 {
            String::new()
        } else {
            format!(" and {more} more zones")
        };
        format!("{apex} {member}{}{more}", used.check)
    }

    pub(super) fn tell_transition(&mut self, target: TargetId, transition: &Transition) {
        let (from, to) = (word(transition.from), word(transition.to));
        let kind = EventKind::Transition {
            target: self.name_of(target),
            from: from.to_owned(),
            to: to.to_owned(),
            evidence: transition.evidence.to_string(),
            counted: transition.counted.to_string(),
        };
        let (zone, check) = self.recipe_of(target);
        let labels = [
            ("zone", zone.as_str()),
            ("check", check.as_str()),
            ("to", to),
        ];
        self.telemetry
            .exposition
            .add("leeward_transitions_total", &labels, 1);
        self.telemetry.record(kind);
    }
}
