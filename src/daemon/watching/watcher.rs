//! The owner of targets: their states, and everything that observes them.
//!
//! In: reports of probes, ticks. Out: transitions. Never here: names of targets for people, publishing.

use std::time::Duration;

use crate::clock::Moment;
use crate::config::server_file::SelfDoubtSettings;
use crate::health::{Outcome, ProbeKind, Row, SelfDoubt, Status, TargetId, Targets, Transition};
use crate::probe::{Handle, Report};
use crate::resolve::Names;

use super::probing::Lateness;
use crate::daemon::heartbeats::Heartbeats;
use crate::daemon::telemetry::Telemetry;

/// Targets, and everything that observes them.
pub(in crate::daemon) struct Watcher {
    /// States of all targets.
    pub(in crate::daemon) targets: Targets,
    /// Checks that jobs report to.
    pub(in crate::daemon) heartbeats: Heartbeats,
    /// The prober, once it has started.
    pub(in crate::daemon) prober: Option<Handle>,
    /// Look-ups of names for probes.
    pub(in crate::daemon) names: Option<Names>,
    pub(super) doubt: SelfDoubt,
    pub(super) lateness: Lateness,
    /// Whether probe reports can still come.
    pub(in crate::daemon) is_probing: bool,
}

/// Counted reports that ended together.
#[derive(Default)]
pub(in crate::daemon) struct Counted {
    /// Targets whose status changed.
    pub(in crate::daemon) transitions: Vec<(TargetId, Transition)>,
    /// End of the earliest probe that changed a status.
    pub(in crate::daemon) earliest: Option<Moment>,
    /// Each probe's target, outcome and duration, for metrics.
    pub(in crate::daemon) measured: Vec<(TargetId, Outcome, Option<Duration>)>,
    /// Whether a target begins to fail, or ends.
    pub(in crate::daemon) is_news: bool,
}

impl Counted {
    /// Lists the new statuses.
    pub(in crate::daemon) fn changes(&self) -> Vec<(TargetId, Status)> {
        let transitions = self.transitions.iter();
        transitions
            .map(|(target, transition)| (*target, transition.to))
            .collect()
    }
}

impl Watcher {
    /// Starts with restored states, and without a prober.
    pub(in crate::daemon) fn new(targets: Targets, heartbeats: Heartbeats) -> Self {
        Self {
            targets,
            heartbeats,
            prober: None,
            names: None,
            doubt: SelfDoubt::default(),
            lateness: Lateness::default(),
            is_probing: true,
        }
    }

    /// Counts reports, after self-doubt has judged them all.
    pub(in crate::daemon) fn count(
        &mut self,
        reports: &mut Vec<Report>,
        settings: &SelfDoubtSettings,
        now: Moment,
        telemetry: &mut Telemetry,
    ) -> Counted {
        let mut counted = Counted {
            is_news: self.judge_reports(reports, settings, now, telemetry),
            ..Counted::default()
        };
        for report in reports.drain(..) {
            let (at, total) = (report.observation.at, report.observation.phases.total);
            let outcome = report.observation.outcome;
            counted.measured.push((report.target, outcome, total));
            if let Some(late) = report.late {
                telemetry.exposition.record(
                    "leeward_probe_lateness_seconds",
                    &[],
                    late.as_secs_f64(),
                );
            }
            if let Some(transition) = self.targets.observe(report.target, report.observation, now) {
                counted.earliest = Some(counted.earliest.map_or(at, |earliest| earliest.min(at)));
                counted.transitions.push((report.target, transition));
            }
        }
        counted
    }

    /// Says whether every target was probed; nothing tells when a heartbeat comes.
    pub(in crate::daemon) fn are_first_probes_done(&self) -> bool {
        let probed = self
            .targets
            .rows()
            .filter(|row| !matches!(row.target.probe.kind, ProbeKind::Heartbeat(_)));
        let mut probed = probed;
        probed.all(|row| row.state.last_probe_at.is_some())
    }

    /// Counts the targets that are degraded.
    pub(in crate::daemon) fn count_degraded(&self) -> usize {
        let is_degraded = |row: &Row<'_>| {
            row.state.status != Status::Unhealthy && row.state.is_degraded(&row.target.damping)
        };
        self.targets.rows().filter(is_degraded).count()
    }

    /// Says whether a self-doubt lasts: nothing that probes see counts then.
    pub(in crate::daemon) const fn is_doubting(&self) -> bool {
        self.doubt.doubt().is_some()
    }
}
