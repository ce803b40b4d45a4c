//! What came of a load, as it is told: events, alarms, gauges, and the answer to the request for it.
//!
//! In: the set before, the set that is served now. Out: each change recorded once. Never here: loading, publishing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tracing::info;

use crate::diagnostic::{Severity, render_text};
use crate::timeline::{AlarmKind, EventKind};
use crate::wire::Name;

use super::record::Telemetry;
use crate::daemon::loading::is_later;
use crate::daemon::name_changes::NameChange;
use crate::daemon::reports::{finding_text, refused_row};
use crate::daemon::zone_set::{LoadedZone, OldCause, Refusal, Standing, ZoneSet};

/// Items of a list that a line of the log or an answer names; the rest is counted.
const LISTED_MAX: usize = 20;

/// Records what a load changed, and returns the answer to the request for it; `answers` sums up what it changes for clients.
pub(in crate::daemon) fn record_load(
    telemetry: &mut Telemetry,
    (before, set): (&ZoneSet, &ZoneSet),
    names: &[NameChange],
    answers: Option<String>,
    are_locations_well: bool,
) -> Value {
    let mut events = removed_and_moved(set);
    events.extend(refused_and_mended(before, set));
    let changed: Vec<&Arc<LoadedZone>> = changed_zones(before, set);
    events.extend(changed.iter().filter_map(|zone| warnings_of(zone)));
    events.extend(fallen_serials(before, &changed));
    let told = names.iter().take(LISTED_MAX);
    events.extend(told.map(|change| EventKind::Names {
        text: change.text(),
        removed: change.removed.count,
        added: change.added.count,
    }));
    let changed: Vec<String> = changed
        .iter()
        .map(|zone| zone.model.apex.to_string())
        .collect();
    events.push(EventKind::Reload {
        changed: changed.clone(),
        zones: set.zones.len(),
    });
    events.into_iter().for_each(|kind| telemetry.record(kind));
    count_changes(telemetry, set, names);
    follow_standing(telemetry, set);
    let refused: Vec<String> = set
        .refusals
        .iter()
        .map(|refusal| refusal.path.display().to_string())
        .collect();
    let missing = old_rows(set, OldCause::Missing);
    let is_whole = refused.is_empty() && missing.is_empty() && are_locations_well;
    let result = if is_whole {
        "loaded"
    } else {
        "loaded-with-refusals"
    };
    let exposition = &telemetry.exposition;
    exposition.add("leeward_reloads_total", &[("result", result)], 1);
    if let Some(answers) = answers.as_ref().filter(|_| !changed.is_empty()) {
        info!("reload: {answers}");
    }
    let names: Vec<Value> = names.iter().map(name_change_json).collect();
    json!({
        "result": result,
        "changed": changed,
        "removed": set.removed,
        "missing": missing,
        "old": old_rows(set, OldCause::Unreadable),
        "moved": set.moved.iter().map(|moved| json!({
            "zone": moved.apex,
            "from": moved.from.display().to_string(),
            "to": moved.to.display().to_string(),
        })).collect::<Vec<_>>(),
        "names": names,
        "zones": set.zones.len(),
        "warnings": set.zones.iter().map(|zone| zone.warning_count()).sum::<usize>(),
        "refused": refused,
        "faults": faults_text(set),
        "answers": answers,
    })
}

fn count_changes(telemetry: &Telemetry, set: &ZoneSet, names: &[NameChange]) {
    let exposition = &telemetry.exposition;
    let count = |change, times: usize| {
        let labels = [("change", change)];
        exposition.add("leeward_names_changed_total", &labels, times as u64);
    };
    count(
        "removed",
        names.iter().map(|change| change.removed.count).sum(),
    );
    count("added", names.iter().map(|change| change.added.count).sum());
    let removed = set.removed.len() as u64;
    exposition.add("leeward_zones_removed_total", &[], removed);
}

/// Sets the alarms and the readiness that follow from which version of each zone is served.
fn follow_standing(telemetry: &mut Telemetry, set: &ZoneSet) {
    let mut old = BTreeMap::new();
    for zone in &set.zones {
        if let Standing::Old { cause, why, since } = &zone.standing {
            let kind = alarm_of(*cause);
            let help = match cause {
                OldCause::Missing => "; leeward reload --yes removes the zone",
                OldCause::Refused | OldCause::Unreadable => "",
            };
            let text = format!(
                "{why} since {since}; served is the version of {}, serial {}{help}",
                zone.loaded_at,
                zone.served.zone.serial()
            );
            old.insert((kind, zone.model.apex.to_string()), text);
        }
    }
    for kind in [AlarmKind::OldVersionServed, AlarmKind::ZoneFileMissing] {
        telemetry.keep_alarms(kind, |subject| {
            old.contains_key(&(kind, subject.to_owned()))
        });
    }
    telemetry.pulse.serving(set.zones.len(), old.len());
    for ((kind, apex), text) in old {
        telemetry.set_alarm(kind, &apex, Some(text));
    }
    let nothing = "no zone is served: every query is answered REFUSED";
    let nothing = set.zones.is_empty().then(|| nothing.to_owned());
    telemetry.set_alarm(AlarmKind::NoZone, "", nothing);
}

/// Records what the first load brought: each zone, what is refused, what is served from an older version.
pub(in crate::daemon) fn record_start(telemetry: &mut Telemetry, set: &ZoneSet) {
    for zone in &set.zones {
        let served = &zone.served.zone;
        info!(
            "zone {} serial {}: {} names, {} targets",
            served.apex(),
            served.serial(),
            served.name_count(),
            served.policies.targets.len()
        );
    }
    let mut events = removed_and_moved(set);
    events.extend(refused_and_mended(&ZoneSet::default(), set));
    events.extend(set.zones.iter().filter_map(warnings_of));
    events.into_iter().for_each(|kind| telemetry.record(kind));
    telemetry.set_alarm(AlarmKind::ZonesFolder, "", set.folder_fault.clone());
    follow_standing(telemetry, set);
}

fn alarm_of(cause: OldCause) -> AlarmKind {
    match cause {
        OldCause::Missing => AlarmKind::ZoneFileMissing,
        OldCause::Refused | OldCause::Unreadable => AlarmKind::OldVersionServed,
    }
}

fn removed_and_moved(set: &ZoneSet) -> Vec<EventKind> {
    let removed = set
        .removed
        .iter()
        .map(|zone| EventKind::Removed { zone: zone.clone() });
    let moved = set.moved.iter().map(|moved| EventKind::Moved {
        zone: moved.apex.clone(),
        from: moved.from.display().to_string(),
        to: moved.to.display().to_string(),
        is_same: moved.is_same,
    });
    removed.chain(moved).collect()
}

/// Lists files that are refused anew or otherwise, and those that are mended.
fn refused_and_mended(before: &ZoneSet, set: &ZoneSet) -> Vec<EventKind> {
    let known: HashMap<&Path, _> = before
        .refusals
        .iter()
        .map(|refusal| (refusal.path.as_path(), &refusal.diagnostics))
        .collect();
    let is_new =
        |refusal: &&Refusal| known.get(refusal.path.as_path()) != Some(&&refusal.diagnostics);
    let refused = set.refusals.iter().filter(is_new).map(|refusal| {
        let row = refused_row(refusal);
        EventKind::Refused {
            file: row.file,
            faults: row.faults.len(),
            first: row.faults.first().cloned().unwrap_or_default(),
        }
    });
    let still: HashSet<&Path> = set
        .refusals
        .iter()
        .map(|refusal| refusal.path.as_path())
        .collect();
    let served: HashSet<&Path> = set.zones.iter().map(|zone| zone.path.as_path()).collect();
    let over = before
        .refusals
        .iter()
        .filter(|refusal| !still.contains(refusal.path.as_path()));
    let over = over.map(|refusal| {
        let file = refusal.path.display().to_string();
        if served.contains(refusal.path.as_path()) {
            EventKind::Mended { file }
        } else {
            EventKind::Withdrawn { file }
        }
    });
    refused.chain(over).collect()
}

/// Returns the zones that are not what they were.
fn changed_zones<'s>(before: &ZoneSet, set: &'s ZoneSet) -> Vec<&'s Arc<LoadedZone>> {
    let known = before.zones.iter();
    let known: HashSet<_> = known.map(|zone| Arc::as_ptr(&zone.served.zone)).collect();
    let zones = set.zones.iter();
    zones
        .filter(|zone| !known.contains(&Arc::as_ptr(&zone.served.zone)))
        .collect()
}

/// Sums the warnings about a zone up (F29).
fn warnings_of(zone: &Arc<LoadedZone>) -> Option<EventKind> {
    let warnings = zone.warning_count();
    let mut found = zone.diagnostics.iter();
    let first = found.find(|found| found.severity == Severity::Warning)?;
    Some(EventKind::Warnings {
        zone: zone.model.apex.to_string(),
        file: zone.path.display().to_string(),
        warnings,
        first: finding_text(&zone.path, zone.text_of(first), first),
    })
}

/// Lists zones whose written serial is older than the one before: whoever compares serials does not see the change.
fn fallen_serials(before: &ZoneSet, changed: &[&Arc<LoadedZone>]) -> Vec<EventKind> {
    let known = before.zones.iter();
    let known: HashMap<&Name, u32> = known
        .map(|zone| (&zone.model.apex, zone.served.zone.serial()))
        .collect();
    let fallen = changed.iter().filter_map(|zone| {
        let (from, to) = (*known.get(&zone.model.apex)?, zone.served.zone.serial());
        is_later(from, to).then(|| EventKind::SerialFell {
            zone: zone.model.apex.to_string(),
            from,
            to,
        })
    });
    fallen.collect()
}

fn name_change_json(change: &NameChange) -> Value {
    json!({
        "zone": change.zone,
        "removed": change.removed.count,
        "added": change.added.count,
        "text": change.text(),
    })
}

/// Lists zones that are served from an older version for one cause.
fn old_rows(set: &ZoneSet, wanted: OldCause) -> Vec<Value> {
    let rows = set.zones.iter().filter_map(|zone| match &zone.standing {
        Standing::Old { cause, why, since } if *cause == wanted => Some(json!({
            "zone": zone.model.apex.to_string(),
            "file": zone.path.display().to_string(),
            "why": why,
            "since": since.to_string(),
        })),
        Standing::Old { .. } | Standing::Current => None,
    });
    rows.collect()
}

/// Writes the faults of refused files as a compiler would, an expectation's with the trace of its decision.
fn faults_text(set: &ZoneSet) -> String {
    let (mut faults, sources) = set.findings();
    faults.retain(|found| found.severity == Severity::Fault);
    render_text(&faults, &sources, false)
}
