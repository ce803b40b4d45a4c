//! Rows of the status report: what is served, why, since when. Names are explained by the engine itself.
//!
//! In: a snapshot. Out: rows of zones, refused files, targets, pools, names. Never here: bounds of a whole report.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use crate::admin::{NameRow, PoolRow, RefusedFile, ServedPool, TargetRow, ZoneRow};
use crate::clock::WallTime;
use crate::diagnostic::{Diagnostic, Severity};
use crate::health::{Endpoint, Status};
use crate::simulate::{Explanation, GivenClient, Question, ZoneState, explain};
use crate::view::Fold;
use crate::wire::{Name, Rtype};
use crate::zone::{ANY_TYPE, Entry, Hold, Zone};

use super::state_snapshot::StateSnapshot;
use crate::daemon::zone_set::{LoadedZone, Refusal, Standing, ZoneSet};

/// Returns the word for a status.
pub(in crate::daemon) fn word(status: Status) -> &'static str {
    match status {
        Status::Healthy => "healthy",
        Status::Unhealthy => "unhealthy",
        Status::Unknown => "unknown",
    }
}

/// Lists the zones.
pub(super) fn zone_rows(set: &ZoneSet) -> Vec<ZoneRow> {
    let row = |zone: &LoadedZone| {
        let (state, why, old_since) = match &zone.standing {
            Standing::Current => ("served", String::new(), None),
            Standing::Old { why, since, .. } => (
                "last good version served",
                why.clone(),
                Some(since.to_string()),
            ),
        };
        let warnings = zone.diagnostics.iter();
        let warnings = warnings.filter(|found| found.severity == Severity::Warning);
        let texts = warnings.map(|found| finding_text(&zone.path, zone.text_of(found), found));
        ZoneRow {
            zone: zone.model.apex.to_string(),
            file: zone.path.display().to_string(),
            serial: zone.served.zone.serial(),
            names: zone.served.zone.name_count(),
            loaded_at: zone.loaded_at.to_string(),
            state: state.to_owned(),
            why,
            old_since,
            digest: format!("{:016x}", zone.digest),
            warnings: zone.warning_count(),
            findings: texts.take(FINDINGS_MAX).collect(),
        }
    };
    set.zones.iter().map(|zone| row(zone)).collect()
}

/// Lists refused files.
pub(super) fn refused_rows(set: &ZoneSet) -> Vec<RefusedFile> {
    set.refusals.iter().map(refused_row).collect()
}

/// Findings of one file that a report lists; the rest is counted.
const FINDINGS_MAX: usize = 10;

/// Writes a finding as `LINE:COLUMN CODE MESSAGE`, with the file where it is not the zone's own.
pub(in crate::daemon) fn finding_text(own: &Path, text: &str, found: &Diagnostic) -> String {
    let before = text.get(..found.span.0.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
    let file = if found.path == own {
        String::new()
    } else {
        format!("{}:", found.path.display())
    };
    format!("{file}{line}:{column} {} {}", found.code, found.message)
}

pub(in crate::daemon) fn refused_row(refusal: &Refusal) -> RefusedFile {
    let faults = refusal
        .diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Fault);
    let count = faults.clone().count();
    let faults = faults.map(|found| finding_text(&refusal.path, refusal.text_of(found), found));
    let mut faults: Vec<String> = faults.take(FINDINGS_MAX).collect();
    if count > faults.len() {
        faults.push(format!(
            "and {} more; `leeward validate` shows all",
            count - faults.len()
        ));
    }
    RefusedFile {
        file: refusal.path.display().to_string(),
        since: refusal.since.to_string(),
        faults,
    }
}

/// Lists the uses of targets in a zone.
pub(super) fn target_rows(state: &StateSnapshot, number: usize) -> Vec<TargetRow> {
    let zone = &state.set.zones[number];
    let apex = zone.model.apex.to_string();
    let uses = zone.served.zone.policies.uses.iter();
    let rows = uses.filter_map(|used| {
        let id = *state.slots[number].get(used.slot as usize)?;
        let row = state.targets.row(id)?;
        let held = row.held(state.now);
        let probe = &row.target.probe;
        let probed = match &probe.endpoint {
            Endpoint::Address(address) => format!("{address} port {}", probe.port),
            Endpoint::Host(host) => format!("{host} port {}", probe.port),
            Endpoint::Here => format!("{} here", probe.kind.word()),
        };
        let place = if used.pool.is_empty() {
            String::new()
        } else {
            format!(" {}/{}", used.pool, used.member)
        };
        let since = state.wall.millis() - i64::try_from(held.as_millis()).unwrap_or(0);
        let age = |at| rounded(state.now.since(at));
        Some(TargetRow {
            id: format!("{apex}{place} {}", used.check),
            zone: apex.clone(),
            check: used.check.clone(),
            pool: used.pool.clone(),
            address: used.member.clone(),
            probed,
            site: used.site.clone(),
            status: word(row.state.status).to_owned(),
            since: WallTime::from_millis(since).to_string(),
            since_s: held.as_secs(),
            evidence: row.state.last_evidence.to_string(),
            last_probe_age_s: row.state.last_probe_at.map(age),
            latency_ms: row.state.latest.took.map(|took| rounded(took) * 1000.0),
        })
    });
    rows.collect()
}

fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}

/// Lists the pools of a zone with how many members are up.
pub(super) fn pool_rows(zone: &LoadedZone, fold: &Fold) -> Vec<PoolRow> {
    let policies = &zone.served.zone.policies;
    let view = fold.view();
    let Some(layer) = view.layers.first() else {
        return Vec::new();
    };
    let apex = zone.model.apex.to_string();
    let row = |pool: &String| PoolRow {
        zone: apex.clone(),
        pool: pool.clone(),
        ..PoolRow::default()
    };
    let mut rows: Vec<PoolRow> = policies.pools.iter().map(row).collect();
    // A member of a merged pool has a bit there too.
    let mut seen: HashSet<(u32, &str)> = HashSet::with_capacity(policies.member_count());
    for (member, label) in policies.labels.iter().enumerate() {
        if !seen.insert((label.pool, label.text.as_str())) {
            continue;
        }
        let row = &mut rows[label.pool as usize];
        row.total += 1;
        row.healthy += usize::from(layer.is_up(member as u32));
        row.held += usize::from(fold.inputs().holds[member] != Hold::None);
    }
    rows.retain(|row| row.total > 0);
    for row in &mut rows {
        row.status = match row.healthy {
            0 => "unhealthy",
            healthy if healthy == row.total => "healthy",
            _ => "partial",
        }
        .to_owned();
    }
    rows
}

/// Lists dynamic names of a zone with what they serve to a client whose place is unknown, as long as there is room; and
/// counts the rows for which there is none.
pub(super) fn name_rows(
    state: &StateSnapshot,
    number: usize,
    fold: &Fold,
    room: &mut usize,
) -> (Vec<NameRow>, usize) {
    let zone = &state.set.zones[number];
    let view = fold.view();
    let stage = ZoneState {
        served: &zone.served,
        view: &view,
        inputs: fold.inputs(),
        locations: &state.locations,
        evidence: &|slot| state.evidence(number, slot),
    };
    let mut rows = Vec::new();
    let mut over = 0;
    for name in &zone.model.names {
        for rtype in dynamic_types(&zone.served.zone, &name.owner) {
            if *room == 0 {
                over += 1;
                continue;
            }
            *room -= 1;
            let question = Question {
                name: name.owner.clone(),
                rtype,
            };
            let explanation = explain(&stage, &question, GivenClient::Unknown);
            let because = because_of(&explanation);
            rows.push(NameRow {
                zone: zone.model.apex.to_string(),
                name: name.owner.to_string(),
                rtype: rtype.to_string(),
                serves: explanation
                    .pools
                    .iter()
                    .map(|(pool, share)| ServedPool {
                        pool: pool.clone(),
                        share: *share,
                    })
                    .collect(),
                rcode: explanation.rcode.to_string(),
                ttl: explanation.ttl,
                because,
            });
        }
    }
    (rows, over)
}

/// Says what is not as it would be if all were well, the lack of capacity first (rule a58).
fn because_of(explanation: &Explanation) -> String {
    let why = because(explanation);
    match (explanation.over_capacity > 0.0, why.is_empty()) {
        (false, _) => why,
        (true, true) => "over capacity".to_owned(),
        (true, false) => format!("over capacity; {why}"),
    }
}

/// Says why the answer is not what it would be if all were well: what is out before the branch that was taken, or in
/// a draw; and that last resort was reached.
fn because(explanation: &Explanation) -> String {
    for step in &explanation.steps {
        let taken = step
            .candidates
            .iter()
            .position(|candidate| step.chosen.contains(&candidate.label));
        // In a failover, what stands behind the branch taken changes nothing.
        let counted = if step.policy == "failover" {
            taken.unwrap_or(step.candidates.len())
        } else {
            step.candidates.len()
        };
        let is_location = step.policy == "location";
        let out = step.candidates[..counted]
            .iter()
            .find(|candidate| !candidate.is_healthy && !is_location);
        if step.among != "healthy" {
            let why = step
                .candidates
                .iter()
                .find_map(|candidate| candidate.why.as_deref())
                .unwrap_or("none is healthy");
            return format!("last resort ({}): {why}", step.among);
        }
        if let Some(out) = out {
            return format!(
                "{} is out: {}",
                out.label,
                out.why.as_deref().unwrap_or("unhealthy")
            );
        }
    }
    String::new()
}

fn dynamic_types(zone: &Zone, owner: &Name) -> Vec<Rtype> {
    let mut query_name = crate::wire::QueryName::default();
    if !query_name.take(owner.octets()) {
        return Vec::new();
    }
    let crate::zone::Found::Exact(node) = zone.find(&query_name) else {
        return Vec::new();
    };
    let dynamic = zone
        .entries(node)
        .filter(|(_, entry)| matches!(entry, Entry::Dynamic(_)));
    dynamic
        .map(|(rtype, _)| if rtype == ANY_TYPE { Rtype::A } else { rtype })
        .collect()
}
