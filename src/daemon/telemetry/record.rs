//! The owner of telemetry: events as they are logged and kept, and what is followed once a second.
//!
//! In: events, ticks. Out: log lines, the timeline, metrics. Never here: the state that events are about.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::admin::{Exposition, Pulse, log_event};
use crate::clock::{Clock, Moment, WallTime};
use crate::health::{Outcome, TargetId};
use crate::simulate::Observed;
use crate::timeline::{AlarmKind, Alarms, Event, EventKind, Timeline};

use super::history::History;
use super::log_watch::LogWatch;
use super::measure::{self, Series, ZoneSeries};
use super::transports::Transports;

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
    pub(in crate::daemon) series: Series,
    /// Series of zones.
    pub(in crate::daemon) zone_series: ZoneSeries,
    /// Time that the last probe of each target took.
    pub(in crate::daemon) latencies: HashMap<TargetId, Duration>,
    history: History,
    log_watch: LogWatch,
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
            zone_series: ZoneSeries::default(),
            latencies: HashMap::new(),
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

    /// Counts a probe under the zone and check of its target, and keeps how long it took.
    pub(in crate::daemon) fn count_probe(
        &mut self,
        target: TargetId,
        (zone, check): (&str, &str),
        outcome: Outcome,
        took: Option<Duration>,
    ) {
        let outcome = match outcome {
            Outcome::Good => "good",
            Outcome::Bad => "bad",
            Outcome::NoEvidence => "no-evidence",
        };
        let labels = [("zone", zone), ("check", check), ("outcome", outcome)];
        self.exposition.add("leeward_probes_total", &labels, 1);
        if let Some(took) = took {
            self.latencies.insert(target, took);
            self.exposition.record(
                "leeward_probe_duration_seconds",
                &labels[..2],
                took.as_secs_f64(),
            );
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
    }
}
