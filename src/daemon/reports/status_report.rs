//! The status report of the whole server, written from a snapshot.
//!
//! In: a snapshot, and what else the owners say of themselves. Out: the report. Never here: the state itself; a report of ten
//! thousand targets takes tens of milliseconds, and no flip waits for it.

use std::sync::Arc;

use crate::admin::{
    AlarmRow, FlattenedRow, HeldRow, NotListed, ServerRow, StatusReport, WaitingReload,
};
use crate::publish::{HeldNode, held_nodes};
use crate::simulate::release_command;
use crate::timeline::Alarm;
use crate::wire::Name;

use super::state_snapshot::StateSnapshot;
use super::status_rows::{name_rows, pool_rows, refused_rows, target_rows, zone_rows};

/// Names that are explained in one report; the rest is asked for by name.
const NAMES_MAX: usize = 1_000;
/// Held failovers that one report lists.
const HELD_MAX: usize = 1_000;
/// Flattened targets that one report lists; the rest is asked for by `explain`.
const FLATTENED_MAX: usize = 1_000;

/// Parts of a report that do not follow from zones and targets.
#[derive(Debug)]
pub(in crate::daemon) struct StatusParts {
    /// The server itself.
    pub(in crate::daemon) server: ServerRow,
    /// Alarms that last.
    pub(in crate::daemon) alarms: Vec<Arc<Alarm>>,
    /// The reload that waits for an operator, if one does.
    pub(in crate::daemon) reload_waiting: Option<WaitingReload>,
}

/// Writes the report.
pub(super) fn write_report(state: &StateSnapshot, parts: StatusParts) -> StatusReport {
    let (held, held_over) = held_rows(state);
    let (flattened, flattened_over) = flattened_rows(state);
    let mut report = StatusReport {
        not_listed: NotListed {
            held: held_over,
            flattened: flattened_over,
            names: 0,
        },
        server: parts.server,
        alarms: parts.alarms.iter().map(|alarm| alarm_row(alarm)).collect(),
        zones: zone_rows(&state.set),
        files_refused: refused_rows(&state.set),
        flattened,
        reload_waiting: parts.reload_waiting,
        held,
        self_doubt: state.doubt.clone(),
        ..StatusReport::default()
    };
    let mut room = NAMES_MAX;
    for (number, fold) in state.folds.iter().enumerate() {
        let Some(fold) = fold else { continue };
        report.targets.extend(target_rows(state, number));
        report
            .pools
            .extend(pool_rows(&state.set.zones[number], fold));
        let (names, over) = name_rows(state, number, fold, &mut room);
        report.names.extend(names);
        report.not_listed.names += over;
    }
    report
}

fn alarm_row(alarm: &Alarm) -> AlarmRow {
    AlarmRow {
        kind: alarm.kind.word().to_owned(),
        subject: alarm.subject.clone(),
        since: alarm.since.clone(),
        text: alarm.text.clone(),
        meaning: alarm.kind.meaning().to_owned(),
    }
}

/// Lists the failovers that are held, and counts those that are not listed.
fn held_rows(state: &StateSnapshot) -> (Vec<HeldRow>, usize) {
    let held = held_nodes(&state.folds);
    let over = held.len().saturating_sub(HELD_MAX);
    let row = |held: HeldNode| {
        let zone = &state.set.zones[held.zone];
        let failback = &zone.served.zone.policies.failbacks[held.failback as usize];
        let tier = failback.tiers.get(usize::from(held.active.tier));
        HeldRow {
            zone: zone.model.apex.to_string(),
            name: failback.place.clone(),
            failover: failback.key.clone(),
            on: tier.map_or_else(String::new, ToString::to_string),
            since: held.active.since.to_string(),
            release: release_command(&zone.model.apex.to_string(), &failback.place),
        }
    };
    (held.into_iter().take(HELD_MAX).map(row).collect(), over)
}

/// Lists flattened targets, those that are not well first, and counts those that are not listed.
fn flattened_rows(state: &StateSnapshot) -> (Vec<FlattenedRow>, usize) {
    let mut states: Vec<(&Name, &str)> = state.flattened.states(state.now).collect();
    states.sort_by_key(|(_, state)| *state == "fresh");
    let over = states.len().saturating_sub(FLATTENED_MAX);
    let rows = states.into_iter().take(FLATTENED_MAX);
    let rows = rows.map(|(target, word)| FlattenedRow {
        target: target.to_string(),
        state: word.to_owned(),
        says: state.flattened.words(target, state.now),
    });
    (rows.collect(), over)
}
