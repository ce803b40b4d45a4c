//! Copies worker counters and states into the metrics, once a second, off the query path.

use std::sync::Arc;

use crate::clock::Moment;
use crate::control::Exposition;
use crate::health::{Status, TargetId, Targets};
use crate::metrics::{QueryCounters, QueryTotals, TcpEvent, UdpEvent};
use crate::probe::ProbeCounts;

use super::load::ZoneSet;

/// Uses of targets that get series of their own; beyond it only totals are shown.
const TARGET_SERIES_MAX: usize = 10_000;

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
    for (event, name) in [(TcpEvent::Opened, "opened"), (TcpEvent::Closed, "closed")] {
        exposition.total(
            "leeward_tcp_connections_total",
            &[("event", name)],
            totals.tcp(event),
        );
    }
    exposition.set("leeward_tcp_connections", &[], totals.tcp_current() as f64);
}

/// Writes what probes did.
pub(super) fn probes(exposition: &Exposition, counts: ProbeCounts) {
    exposition.total("leeward_probe_late_total", &[], counts.late);
}

/// Writes status and age of every use of a target.
pub(super) fn targets(
    exposition: &Exposition,
    set: &ZoneSet,
    ids: &[Vec<TargetId>],
    targets: &Targets,
    now: Moment,
) {
    let mut series = 0;
    for (zone, ids) in set.zones.iter().zip(ids) {
        let apex = zone.model.apex.to_string();
        for used in &zone.served.zone.policies.uses {
            let Some(row) = ids.get(used.slot as usize).and_then(|id| targets.row(*id)) else {
                continue;
            };
            series += 1;
            if series > TARGET_SERIES_MAX {
                return;
            }
            let labels = [
                ("zone", apex.as_str()),
                ("check", used.check.as_str()),
                ("pool", used.pool.as_str()),
                ("member", used.member.as_str()),
            ];
            let value = match row.state.status {
                Status::Healthy => 1.0,
                Status::Unhealthy => 0.0,
                Status::Unknown => -1.0,
            };
            exposition.set("leeward_target_status", &labels, value);
            if let Some(probed) = row.state.last_probe_at {
                let age = now.since(probed).as_secs_f64();
                exposition.set("leeward_target_last_probe_age_seconds", &labels, age);
            }
        }
    }
}

/// Writes zones and their serials.
pub(super) fn zones(exposition: &Exposition, set: &ZoneSet, gone: &[String]) {
    exposition.set("leeward_zones", &[], set.zones.len() as f64);
    for zone in &set.zones {
        let apex = zone.model.apex.to_string();
        exposition.set(
            "leeward_zone_serial",
            &[("zone", &apex)],
            f64::from(zone.served.zone.serial()),
        );
    }
    for file in gone {
        exposition.set("leeward_zone_refused", &[("file", file)], 0.0);
    }
    for refusal in &set.refusals {
        let file = refusal.path.display().to_string();
        exposition.set("leeward_zone_refused", &[("file", &file)], 1.0);
    }
}
