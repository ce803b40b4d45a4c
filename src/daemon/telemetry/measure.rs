//! Copies of worker counters and states in the metrics, made once a second, off the query path.
//!
//! In: counters, states, sets of zones. Out: counters and gauges. Never here: what is counted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::admin::{Exposition, GaugeHandle, LoadGauges};
use crate::clock::Moment;
use crate::health::{Status, TargetId, TargetTable, Targets};
use crate::metrics::{QueryCounters, QueryTotals, UdpEvent};
use crate::probe::{CommandCounters, ProbeCounts};
use crate::resolver::NameCounts;
use crate::wire::Name;

use crate::daemon::reports::word;
use crate::daemon::zone_set::{LoadedZone, Standing, ZoneSet};

/// Uses of targets that get series of their own; beyond it only totals are shown.
const TARGET_SERIES_MAX: usize = 10_000;
/// How a gauge says that a status is unknown.
const UNKNOWN: f64 = -1.0;

/// Writes the counters of all workers.
pub(super) fn queries(exposition: &Exposition, counters: &[Arc<QueryCounters>]) {
    let totals = QueryTotals::sum(counters);
    for count in totals.queries() {
        let labels = [
            ("transport", count.transport),
            ("type", count.rtype),
            ("rcode", count.rcode),
        ];
        exposition.total("leeward_queries_total", &labels, count.count);
    }
    for (transport, source, count) in totals.sources() {
        exposition.total(
            "leeward_answers_total",
            &[("transport", transport), ("source", source)],
            count,
        );
    }
    for (transport, reason, count) in totals.silent() {
        let labels = [("transport", transport), ("reason", reason)];
        exposition.total("leeward_queries_dropped_total", &labels, count);
    }
    exposition.total("leeward_answers_truncated_total", &[], totals.truncated());
    exposition.total("leeward_answers_slipped_total", &[], totals.slipped());
    for (worth, count) in totals.cookies() {
        exposition.total("leeward_cookies_total", &[("worth", worth)], count);
    }
    for (event, name) in [
        (UdpEvent::ReceiveError, "receive-error"),
        (UdpEvent::SendError, "send-error"),
    ] {
        exposition.total(
            "leeward_udp_errors_total",
            &[("event", name)],
            totals.udp(event),
        );
    }
    for (transport, event, count) in totals.connections() {
        let labels = [("transport", transport), ("event", event)];
        exposition.total("leeward_connections_total", &labels, count);
    }
    for (transport, count) in totals.open_connections().filter(|row| row.0 != "udp") {
        let labels = [("transport", transport)];
        exposition.set("leeward_connections", &labels, count as f64);
    }
    for (size_max, batches) in totals.batches() {
        let size_max = size_max.to_string();
        exposition.total(
            "leeward_udp_batches_total",
            &[("size_max", &size_max)],
            batches,
        );
    }
}

/// Writes what probes did.
pub(in crate::daemon) fn probes(exposition: &Exposition, counts: ProbeCounts, rooms: &[&str]) {
    for (room, name) in counts.rooms.iter().zip(rooms) {
        let labels = [("room", *name)];
        exposition.set("leeward_probe_places", &labels, room.places as f64);
        exposition.set("leeward_probe_places_taken", &labels, room.taken as f64);
        exposition.set("leeward_probes_waiting", &labels, room.waiting as f64);
        exposition.total("leeward_probes_crowded_total", &labels, room.crowded);
    }
    exposition.total("leeward_probe_late_total", &[], counts.late);
    exposition.total("leeward_probes_skipped_total", &[], counts.skipped);
    exposition.set("leeward_probes_in_flight", &[], counts.in_flight as f64);
    exposition.set("leeward_watched_targets", &[], counts.watched as f64);
    exposition.total("leeward_confirming_probes_total", &[], counts.confirming);
}

/// Writes how the commands of checks fare.
pub(in crate::daemon) fn commands(exposition: &Exposition, counters: &CommandCounters) {
    let up = f64::from(u8::from(counters.is_helper_up()));
    exposition.set("leeward_exec_helper_up", &[], up);
    exposition.total("leeward_exec_helper_starts_total", &[], counters.starts());
    exposition.set("leeward_exec_running", &[], counters.running() as f64);
}

/// Writes how names stand that probes and flattened targets use.
pub(in crate::daemon) fn names(exposition: &Exposition, counts: &NameCounts) {
    let states = [
        ("found", counts.found),
        ("missing", counts.missing),
        ("kept", counts.kept),
        ("silent", counts.silent),
    ];
    for (state, count) in states {
        exposition.set("leeward_names", &[("state", state)], count as f64);
    }
    for (outcome, count) in ["found", "empty", "failed"].into_iter().zip(counts.lookups) {
        let labels = [("outcome", outcome)];
        exposition.total("leeward_name_lookups_total", &labels, count);
    }
}

/// Writes how long the certificate still holds.
pub(super) fn certificate(exposition: &Exposition, days_left: Option<f64>) {
    if let Some(days) = days_left {
        exposition.set("leeward_certificate_days_left", &[], days);
    }
}

/// Writes how many targets have which status.
pub(in crate::daemon) fn targets(exposition: &Exposition, targets: &Targets) {
    let statuses = [Status::Healthy, Status::Unhealthy, Status::Unknown];
    let mut counts = [0u32; 3];
    for row in targets.rows() {
        let place = statuses
            .iter()
            .position(|status| *status == row.state.status);
        counts[place.expect("the list holds every status")] += 1;
    }
    for (status, count) in statuses.into_iter().zip(counts) {
        let labels = [("status", word(status))];
        exposition.set("leeward_targets", &labels, f64::from(count));
    }
}

/// Handles of the series of zones. They outlive loads: of thousands of zones few change at a time.
#[derive(Debug, Default)]
pub(super) struct ZoneSeries {
    zones: HashMap<Name, (GaugeHandle, GaugeHandle)>,
}

impl ZoneSeries {
    /// Writes serial and time of every zone that was loaded anew; makes series for new zones, and all anew if one is
    /// gone.
    pub(super) fn follow(&mut self, exposition: &Exposition, set: &ZoneSet, before: &ZoneSet) {
        let pointers = |set: &ZoneSet| -> HashSet<*const LoadedZone> {
            set.zones.iter().map(Arc::as_ptr).collect()
        };
        let (kept, now) = (pointers(before), pointers(set));
        let mut changed: Vec<&Arc<LoadedZone>> = set.zones.iter().collect();
        changed.retain(|zone| !kept.contains(&Arc::as_ptr(zone)));
        let apexes: HashSet<&Name> = changed.iter().map(|zone| &zone.model.apex).collect();
        let mut replaced = before.zones.iter();
        if replaced
            .any(|zone| !now.contains(&Arc::as_ptr(zone)) && !apexes.contains(&zone.model.apex))
        {
            self.zones.clear();
            exposition.clear_zones();
            changed = set.zones.iter().collect();
        }
        for zone in changed {
            let handles = self.zones.entry(zone.model.apex.clone());
            let (serial, loaded_at) = handles.or_insert_with(|| {
                let apex = zone.model.apex.to_string();
                let labels = [("zone", apex.as_str())];
                let make = |name| exposition.zone_gauge(name, &labels);
                (
                    make("leeward_zone_serial"),
                    make("leeward_zone_loaded_timestamp_seconds"),
                )
            });
            serial.set(f64::from(zone.served.zone.serial()));
            loaded_at.set(zone.loaded_at.millis() as f64 / 1000.0);
        }
    }
}

/// Handles of the series of one load; setting them all costs a nanosecond each.
#[derive(Debug, Default)]
pub(super) struct Series {
    uses: Vec<(TargetId, GaugeHandle, GaugeHandle)>,
    loaded_at: Moment,
}

impl Series {
    /// Makes the series of a load and puts them in the place of those before.
    pub(super) fn of(
        exposition: &Exposition,
        set: &ZoneSet,
        ids: &[Vec<TargetId>],
        targets: &TargetTable,
        now: Moment,
    ) -> Self {
        let gauges = LoadGauges::default();
        refusals(&gauges, set);
        let mut series = Self {
            uses: Vec::new(),
            loaded_at: now,
        };
        let mut omitted = 0u32;
        for (zone, ids) in set.zones.iter().zip(ids) {
            let apex = zone.model.apex.to_string();
            for used in &zone.served.zone.policies.uses {
                let Some(id) = ids.get(used.slot as usize) else {
                    continue;
                };
                if series.uses.len() == TARGET_SERIES_MAX {
                    omitted += 1;
                    continue;
                }
                let labels = [
                    ("zone", apex.as_str()),
                    ("check", used.check.as_str()),
                    ("pool", used.pool.as_str()),
                    ("member", used.member.as_str()),
                ];
                let status = gauges.gauge("leeward_target_status", &labels, UNKNOWN);
                let age = gauges.gauge("leeward_target_last_probe_age_seconds", &labels, 0.0);
                series.uses.push((*id, status, age));
            }
        }
        series.update(targets, now, 0, usize::MAX);
        exposition.set("leeward_target_series_omitted", &[], f64::from(omitted));
        exposition.set("leeward_zones", &[], set.zones.len() as f64);
        exposition.put(gauges);
        series
    }

    /// Writes status and age of `count` uses of targets; returns where to go on.
    pub(super) fn update(
        &self,
        targets: &TargetTable,
        now: Moment,
        from: usize,
        count: usize,
    ) -> Option<usize> {
        let to = from.saturating_add(count).min(self.uses.len());
        for (id, status, age) in self.uses.get(from..to).unwrap_or_default() {
            let Some(row) = targets.row(*id) else {
                continue;
            };
            status.set(match row.state.status {
                Status::Healthy => 1.0,
                Status::Unhealthy => 0.0,
                Status::Unknown => UNKNOWN,
            });
            // Without any probe the age grows from the load, so that a prober that never ran is noticed.
            let probed = row.state.last_probe_at.unwrap_or(self.loaded_at);
            age.set(now.since(probed).as_secs_f64());
        }
        (to < self.uses.len()).then_some(to)
    }
}

/// Writes what is refused, served as an older version, or served with warnings.
fn refusals(gauges: &LoadGauges, set: &ZoneSet) {
    for refusal in &set.refusals {
        let file = refusal.path.display().to_string();
        gauges.gauge("leeward_zone_refused", &[("file", &file)], 1.0);
    }
    for zone in &set.zones {
        let is_old = zone.standing != Standing::Current;
        let warnings = zone.warning_count();
        if !is_old && warnings == 0 {
            continue;
        }
        let apex = zone.model.apex.to_string();
        if is_old {
            gauges.gauge("leeward_zone_last_good", &[("zone", &apex)], 1.0);
        }
        if warnings > 0 {
            gauges.gauge("leeward_zone_warnings", &[("zone", &apex)], warnings as f64);
        }
    }
}
