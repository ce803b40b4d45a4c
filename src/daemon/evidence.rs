//! Checks that learn nothing: their probes cannot be made, or say nothing about the target, for three intervals.
//!
//! In: the state of every target. Out: one alarm for each check. Never here: statuses; such a target is unknown (rule a37),
//! and what that counts as the check says (rule a38).

use std::collections::BTreeMap;

use crate::health::Row;
use crate::timeline::AlarmKind;

use super::keeper::Keeper;

/// Silent targets of one check.
struct Silent {
    targets: usize,
    /// Evidence of the first.
    evidence: String,
}

impl Keeper {
    /// Raises and ends the alarms of checks that learn nothing. While the server doubts itself nothing counts, so nothing
    /// changes here.
    pub(super) fn watch_evidence(&mut self) {
        if self.watching.is_doubting() {
            return;
        }
        let now = self.clock.now();
        let is_silent = |row: &Row<'_>| row.state.is_silent(row.target.probe.interval, now);
        let mut checks: BTreeMap<String, Silent> = BTreeMap::new();
        for row in self.watching.targets.rows().filter(is_silent) {
            let subject = self.check_of(row.id);
            let found = checks.entry(subject).or_insert_with(|| Silent {
                targets: 0,
                evidence: row.state.last_evidence.to_string(),
            });
            found.targets += 1;
        }
        self.telemetry
            .keep_alarms(AlarmKind::NoEvidence, |subject| {
                checks.contains_key(subject)
            });
        for (subject, silent) in checks {
            let text = match silent.targets {
                1 => silent.evidence,
                count => format!("{count} targets, the first: {}", silent.evidence),
            };
            self.telemetry
                .set_alarm(AlarmKind::NoEvidence, &subject, Some(text));
        }
    }
}
