//! The owner of telemetry: events as they are logged and kept, and what is followed once a second.
//!
//! In: events, ticks. Out: log lines, the timeline, metrics. Never here: the state that events are about.

use std::sync::Arc;
use std::time::Duration;

use crate::admin::{Exposition, Pulse, ServerRow, log_event};
use crate::clock::{Clock, Moment, WallTime};
use crate::health::{Outcome, TargetId, TargetTable, Transition};
use crate::simulate::Observed;
use crate::timeline::{AlarmKind, Alarms, Event, EventKind, Timeline};

use super::history::History;
use super::log_watch::LogWatch;
use super::measure::{self, Series, ZoneSeries};
use super::transports::Transports;
use crate::daemon::reports::word;
use crate::daemon::zone_set::ZoneSet;

/// Time after which the server counts as ready although first probes are under way.
const READY_WAIT: Duration = Duration::from_secs(15);
/// Gauges of targets that are set at a time.
const GAUGES_PIECE: usize = 512;

/// Metrics, events, alarms and signs of life of one server.
pub(in crate::daemon) struct Telemetry {
    pub(super) clock: Clock,
    /// Metrics.
    pub(in crate::daemon) exposition: Arc<Exposition>,
    /// Signs of life for health endpoints.
    pub(in crate::daemon) pulse: Arc<Pulse>,
    /// Events of the recent past.
    pub(in crate::daemon) timeline: Timeline,
    pub(super) alarms: Alarms,
    /// Transports that are listened on.
    pub(in crate::daemon) transports: Transports,
    /// Series of targets, made anew by each load.
    series: Series,
    /// The first of the gauges of targets that are still to be set.
    gauges_due: Option<usize>,
    zone_series: ZoneSeries,
    started: Moment,
    is_ready: bool,
    history: History,
    log_watch: LogWatch,
}

/// Zone and check of the first use of a target, for labels; empty for a target that was just removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::daemon) struct TargetLabels {
    pub(in crate::daemon) zone: String,
    pub(in crate::daemon) check: String,
}

impl Telemetry {
    /// Starts with the start of the server as the first event, and a gauge of each kind of alarm, so that each can be
    /// alerted on before it was ever seen.
    pub(in crate::daemon) fn start(clock: Clock, exposition: Arc<Exposition>) -> Self {
        let now = clock.now();
        let mut timeline = Timeline::default();
        timeline.record(Event {
            at: clock.wall().to_string(),
            kind: EventKind::Started,
        });
        for kind in AlarmKind::all() {
            exposition.set("leeward_alarms", &[("kind", kind.word())], 0.0);
        }
        Self {
            clock,
            exposition,
            pulse: Arc::new(Pulse::beating(now.nanos() / 1_000_000_000)),
            timeline,
            alarms: Alarms::default(),
            transports: Transports::default(),
            series: Series::default(),
            gauges_due: None,
            zone_series: ZoneSeries::default(),
            started: now,
            is_ready: false,
            history: History::default(),
            log_watch: LogWatch::default(),
        }
    }

    /// Returns the civil time.
    pub(in crate::daemon) fn wall(&self) -> WallTime {
        self.clock.wall()
    }

    /// Logs an event and keeps it.
    pub(in crate::daemon) fn record(&mut self, kind: EventKind) {
        log_event(&kind);
        let at = self.clock.wall().to_string();
        self.timeline.record(Event { at, kind });
    }

    /// Sets the gauge of the generation that is published.
    pub(in crate::daemon) fn published(&self, generation: u64) {
        self.exposition
            .set("leeward_world_generation", &[], generation as f64);
    }

    /// Measures a flip from the observation to its publication, which is now.
    pub(in crate::daemon) fn flipped(&self, observed: Moment) {
        let took = self.clock.now().since(observed).as_secs_f64();
        self.exposition.record("leeward_flip_seconds", &[], took);
    }

    /// Counts a probe under the zone and check of its target.
    pub(in crate::daemon) fn count_probe(
        &self,
        labels: &TargetLabels,
        outcome: Outcome,
        took: Option<Duration>,
    ) {
        let labels = [
            ("zone", labels.zone.as_str()),
            ("check", labels.check.as_str()),
            ("outcome", outcome.as_str()),
        ];
        self.exposition.add("leeward_probes_total", &labels, 1);
        if let Some(took) = took {
            let (labels, took) = (&labels[..2], took.as_secs_f64());
            self.exposition
                .record("leeward_probe_duration_seconds", labels, took);
        }
    }

    /// Counts and records a transition of a target.
    pub(in crate::daemon) fn record_transition(
        &mut self,
        target: String,
        labels: &TargetLabels,
        transition: &Transition,
    ) {
        let (from, to) = (word(transition.from), word(transition.to));
        let labels = [
            ("zone", labels.zone.as_str()),
            ("check", labels.check.as_str()),
            ("to", to),
        ];
        self.exposition.add("leeward_transitions_total", &labels, 1);
        self.record(EventKind::Transition {
            target,
            from: from.to_owned(),
            to: to.to_owned(),
            evidence: transition.evidence.to_string(),
            counted: transition.counted.to_string(),
        });
    }

    /// Makes the series of a set that was put in place.
    pub(in crate::daemon) fn follow_set(
        &mut self,
        (set, before): (&ZoneSet, &ZoneSet),
        slots: &[Vec<TargetId>],
        targets: &TargetTable,
    ) {
        let (exposition, now) = (&self.exposition, self.clock.now());
        self.zone_series.follow(exposition, set, before);
        self.series = Series::of(exposition, set, slots, targets, now);
        self.gauges_due = None;
    }

    /// Says whether gauges of targets are still to be set.
    pub(in crate::daemon) const fn are_gauges_due(&self) -> bool {
        self.gauges_due.is_some()
    }

    /// Sets some gauges of targets, while no event waits.
    pub(in crate::daemon) fn set_gauges(&mut self, targets: &TargetTable) {
        if let Some(from) = self.gauges_due.take() {
            let now = self.clock.now();
            self.gauges_due = self.series.update(targets, now, from, GAUGES_PIECE);
        }
    }

    /// Says that the server is ready, once first probes are done or took too long.
    pub(in crate::daemon) fn follow_readiness(&mut self, are_first_probes_done: bool) {
        let is_time_up = self.clock.now().since(self.started) > READY_WAIT;
        if !self.is_ready && (are_first_probes_done || is_time_up) {
            self.is_ready = true;
            self.pulse.ready();
        }
    }

    /// Describes the server for the status report.
    pub(in crate::daemon) fn server_row(
        &self,
        generation: u64,
        targets: usize,
        location: String,
    ) -> ServerRow {
        ServerRow {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: self.clock.now().since(self.started).as_secs(),
            generation,
            listen: self.transports.listen().to_vec(),
            targets,
            location,
        }
    }

    /// Returns the questions of the last hour, as far as they were sampled.
    pub(in crate::daemon) fn observed(&self) -> Vec<Observed> {
        self.history.observed(self.clock.now())
    }

    /// Follows workers, transports and the log; call it about once a second.
    pub(in crate::daemon) fn tick(&mut self, now: Moment) {
        let exposition = &self.exposition;
        measure::queries(exposition, self.transports.counters());
        self.history.look(self.transports.counters(), now);
        let conditions = self.transports.follow(exposition, &self.pulse, now);
        for (kind, subject, text) in conditions {
            self.set_alarm(kind, subject, text);
        }
        let text = self.log_watch.follow(&self.exposition, now);
        self.set_alarm(AlarmKind::LogNotRead, "", text);
        let text = "new label sets are left out; fewer zones, checks or names in one server bring them back";
        let text = self.exposition.is_full().then_some(text);
        self.set_alarm(AlarmKind::MetricsFull, "", text.map(str::to_owned));
        self.exposition.upkeep();
        self.gauges_due.get_or_insert(0);
    }
}
