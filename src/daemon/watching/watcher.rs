//! The owner of targets: their states, and everything that observes them.
//!
//! In: sets of zones, reports of probes, heartbeats, ticks. Out: transitions. Never here: names of targets for people,
//! publishing.

use std::time::Duration;

use crate::admin::{DoubtRow, HeartbeatReport};
use crate::clock::{Moment, WallTime};
use crate::config::server_file::SelfDoubtSettings;
use crate::health::{Outcome, ProbeKind, Row, Status, TargetId, Targets, Transition, Uncounted};
use crate::probe::Report;

use super::evidence::silent_checks;
use super::heartbeats::Heartbeats;
use super::probing::Probing;
use super::self_doubt::{DoubtWatch, anchor_targets};
use super::switches::Switches;
use crate::daemon::telemetry::Telemetry;
use crate::daemon::zone_set::ZoneSet;

/// Targets, and everything that observes them.
pub(in crate::daemon) struct Watcher {
    /// States of all targets.
    pub(in crate::daemon) targets: Targets,
    /// Checks that jobs report to.
    pub(in crate::daemon) heartbeats: Heartbeats,
    /// Switches of manual checks.
    pub(in crate::daemon) switches: Switches,
    /// The prober.
    pub(in crate::daemon) probing: Probing,
    doubt: DoubtWatch,
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
    pub(in crate::daemon) fn new(
        targets: Targets,
        heartbeats: Heartbeats,
        switches: Switches,
    ) -> Self {
        Self {
            targets,
            heartbeats,
            switches,
            probing: Probing::default(),
            doubt: DoubtWatch::default(),
        }
    }

    /// Watches exactly the targets of a set and the anchors; equal ones keep their state. Returns the target of each slot,
    /// by zone.
    pub(in crate::daemon) fn follow(
        &mut self,
        set: &ZoneSet,
        settings: &SelfDoubtSettings,
        now: Moment,
    ) -> Vec<Vec<TargetId>> {
        let zones = || set.zones.iter().map(|zone| &zone.served.zone.policies);
        let wanted = zones().flat_map(|policies| policies.targets.iter().cloned());
        let wanted = wanted.chain(anchor_targets(settings));
        let changes = self.targets.reconcile(wanted, now);
        // What was reported before a restart is known before anything is published.
        for report in self.heartbeats.await_those_of(&self.targets, now) {
            let _ = self.targets.observe(report.target, report.observation, now);
        }
        let id = |target| self.targets.id(target).unwrap_or(TargetId(u32::MAX));
        let slots = zones().map(|policies| policies.targets.iter().map(id).collect());
        let slots: Vec<Vec<TargetId>> = slots.collect();
        self.probing.update(changes, set, &slots);
        let targets = &self.targets;
        self.doubt.know_targets(targets, settings, set, &slots);
        slots
    }

    /// Counts reports, after self-doubt has judged them all.
    pub(in crate::daemon) fn count(
        &mut self,
        reports: &mut Vec<Report>,
        settings: &SelfDoubtSettings,
        now: Moment,
        telemetry: &mut Telemetry,
    ) -> Counted {
        let targets = &mut self.targets;
        let doubt = &mut self.doubt;
        let mut counted = Counted {
            is_news: doubt.judge_reports(targets, reports, settings, now, telemetry),
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

    /// Counts a heartbeat.
    ///
    /// # Errors
    /// If no check, or more than one, waits for it.
    pub(in crate::daemon) fn beat(
        &mut self,
        report: &HeartbeatReport,
        settings: &SelfDoubtSettings,
        (now, wall): (Moment, WallTime),
        telemetry: &mut Telemetry,
    ) -> Result<Counted, String> {
        let observed = self.heartbeats.report(report, now, wall)?;
        Ok(self.count(&mut vec![observed], settings, now, telemetry))
    }

    /// Lets time pass, about once a second: a doubt that ends, heartbeats that are missed, targets that are silent.
    pub(in crate::daemon) fn tick(
        &mut self,
        settings: &SelfDoubtSettings,
        now: Moment,
        telemetry: &mut Telemetry,
    ) -> Counted {
        let (none, targets) = (Uncounted::default(), &mut self.targets);
        self.doubt.judge(targets, &none, settings, now, telemetry);
        let mut missed = self.heartbeats.tick(now);
        let mut counted = self.count(&mut missed, settings, now, telemetry);
        counted.transitions.extend(self.targets.tick(now));
        counted
    }

    /// Returns the present doubt for the status report, if there is one.
    pub(in crate::daemon) fn doubt_row(&self, now: Moment, wall: WallTime) -> Option<DoubtRow> {
        self.doubt.row(now, wall)
    }

    /// Names a target that no zone uses: as the anchor that it is, else by its number.
    pub(in crate::daemon) fn anchor_name(&self, target: TargetId) -> String {
        self.doubt.anchor_name(&self.targets, target)
    }

    /// Says whether every target was probed; nothing tells when a heartbeat comes.
    pub(in crate::daemon) fn are_first_probes_done(&self) -> bool {
        let is_probed = |row: &Row<'_>| {
            matches!(row.target.probe.kind, ProbeKind::Heartbeat(_))
                || row.state.last_probe_at.is_some()
        };
        self.targets.rows().all(|row| is_probed(&row))
    }

    /// Counts the targets that are degraded.
    pub(in crate::daemon) fn count_degraded(&self) -> usize {
        let is_degraded = |row: &Row<'_>| {
            row.state.status != Status::Unhealthy && row.state.is_degraded(&row.target.damping)
        };
        self.targets.rows().filter(is_degraded).count()
    }

    /// Lists checks that learn nothing, with what is wrong; `None` during a self-doubt, when nothing counts. `check_of` names
    /// the check of a target.
    pub(in crate::daemon) fn silent_checks(
        &self,
        now: Moment,
        check_of: impl Fn(TargetId) -> String,
    ) -> Option<Vec<(String, String)>> {
        (!self.doubt.is_doubting()).then(|| silent_checks(self.targets.table(), now, check_of))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::admin::Exposition;
    use crate::clock::Clock;
    use crate::daemon::load::load_text;
    use crate::health::{Finding, Observation, Phases};

    const ZONE: &str = "zone = \"a.example\"\n[checks.tcp]\ntype = \"tcp\"\nport = 80\nfall = 1\n\
        [checks.job]\ntype = \"heartbeat\"\nevery = \"60s\"\nfall = 1\n[pools]\n\
        one = { check = \"tcp\", members = [\"192.0.2.1\"] }\ntwo = { check = \"job\", members = [\"192.0.2.2\"] }\n\
        [names]\n\"@\".NS = \"ns.example.net.\"\nwww.failover = [\"one\", \"two\"]\n";

    fn at(secs: u64) -> Moment {
        Moment::from_secs(secs)
    }

    fn refused(target: TargetId, at: Moment) -> Report {
        Report {
            target,
            observation: Observation::new(Finding::Refused.into(), Phases::default(), at),
            late: None,
        }
    }

    #[test]
    fn reports_and_missed_heartbeats_become_transitions_without_the_other_owners() {
        let mut telemetry = Telemetry::start(Clock::start(), Arc::new(Exposition::new()));
        let settings = SelfDoubtSettings {
            is_enabled: false,
            ..SelfDoubtSettings::default()
        };
        let mut watching = Watcher::new(
            Targets::default(),
            Heartbeats::default(),
            Switches::default(),
        );
        let slots = watching.follow(&load_text(ZONE), &settings, at(0));
        let is_probed = |id: &&TargetId| {
            let row = watching.targets.row(**id).expect("a target");
            !matches!(row.target.probe.kind, ProbeKind::Heartbeat(_))
        };
        let probed = *slots[0].iter().find(is_probed).expect("one is probed");
        assert!(!watching.are_first_probes_done());

        let mut reports = vec![refused(probed, at(3)), refused(probed, at(2))];
        let counted = watching.count(&mut reports, &settings, at(4), &mut telemetry);
        assert_eq!(counted.changes(), [(probed, Status::Unhealthy)]);
        assert_eq!((counted.earliest, counted.is_news), (Some(at(3)), true));
        assert_eq!((counted.measured.len(), reports.len()), (2, 0));
        assert!(
            watching.are_first_probes_done(),
            "nothing tells when a heartbeat comes"
        );

        let counted = watching.tick(&settings, at(5), &mut telemetry);
        assert!(counted.transitions.is_empty());
        let counted = watching.tick(&settings, at(61), &mut telemetry);
        let missed = slots[0].iter().find(|id| **id != probed);
        let missed = *missed.expect("the other is a heartbeat");
        let wanted = [(missed, Status::Unhealthy), (probed, Status::Unknown)];
        assert_eq!(counted.changes(), wanted, "missed, and silent");
        assert_eq!(watching.anchor_name(missed), format!("target {}", missed.0));
    }
}
