//! Names of targets for people and for labels, after their first use.
//!
//! In: targets, the zones in place. Out: names. Never here: statuses.

use crate::health::TargetId;
use crate::zone::TargetUse;

use super::zone_publisher::ZonePublisher;
use crate::daemon::telemetry::TargetLabels;

impl ZonePublisher {
    /// Returns the first use of a target, with the number of its zone.
    fn use_of(&self, target: TargetId) -> Option<(usize, &TargetUse)> {
        self.publisher.uses(target).find_map(|(zone, slot)| {
            let uses = self.set().zones.get(zone)?;
            let first = uses.served.zone.policies.uses_of(slot).first();
            first.map(|used| (zone, used))
        })
    }

    fn apex(&self, zone: usize) -> String {
        self.set().zones[zone].model.apex.to_string()
    }

    /// Returns zone and check of the first use of a target.
    pub(in crate::daemon) fn labels_of(&self, target: TargetId) -> TargetLabels {
        let used = self.use_of(target);
        used.map_or_else(TargetLabels::default, |(zone, used)| TargetLabels {
            zone: self.apex(zone),
            check: used.check.clone(),
        })
    }

    /// Names zone and check of the first use of a target, if a zone uses it.
    pub(in crate::daemon) fn check_of(&self, target: TargetId) -> Option<String> {
        let (zone, used) = self.use_of(target)?;
        Some(format!("{} {}", self.apex(zone), used.check))
    }

    /// Names a target by its first use, and says in how many more zones it is used.
    pub(in crate::daemon) fn name_of(&self, target: TargetId) -> Option<String> {
        let (zone, used) = self.use_of(target)?;
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
        Some(format!("{} {member}{}{more}", self.apex(zone), used.check))
    }
}
