//! Checks that learn nothing: their probes cannot be made, or say nothing about the target, for three intervals.
//!
//! In: the states of targets. Out: what is wrong with each such check. Never here: statuses; such a target is unknown (rule
//! a37), and what that counts as the check says (rule a38).

use std::collections::BTreeMap;

use crate::clock::Moment;
use crate::health::{Row, TargetId, TargetTable};

/// Silent targets of one check.
struct Silent {
    targets: usize,
    /// Evidence of the first.
    evidence: String,
}

/// Lists checks that learn nothing, with what is wrong; `check_of` names the check of a target.
pub(super) fn silent_checks(
    targets: &TargetTable,
    now: Moment,
    check_of: impl Fn(TargetId) -> String,
) -> Vec<(String, String)> {
    let is_silent = |row: &Row<'_>| row.state.is_silent(row.target.probe.interval, now);
    let mut checks: BTreeMap<String, Silent> = BTreeMap::new();
    for row in targets.rows().filter(is_silent) {
        let found = checks.entry(check_of(row.id)).or_insert_with(|| Silent {
            targets: 0,
            evidence: row.state.last_evidence.to_string(),
        });
        found.targets += 1;
    }
    let checks = checks.into_iter();
    checks
        .map(|(check, silent)| match silent.targets {
            1 => (check, silent.evidence),
            count => (
                check,
                format!("{count} targets, the first: {}", silent.evidence),
            ),
        })
        .collect()
}
