//! Alarms of the running server: conditions noticed elsewhere, reported here once.
//!
//! In: that a condition holds or no longer holds. Out: events for the log and the timeline, gauges, rows of the status
//! report. Never here: noticing conditions.

use std::sync::Arc;

use crate::timeline::{Alarm, AlarmChange, AlarmKind, EventKind};

use super::measure;
use super::record::Telemetry;
use crate::daemon::certificate::CertificateWatch;

impl Telemetry {
    /// Takes the present state of one condition: what is wrong about `subject` (a zone, file, target or address; empty
    /// for the whole server), or `None` if all is well. Costs nothing to speak of while nothing changes, so it may be called
    /// every second.
    pub(in crate::daemon) fn set_alarm(
        &mut self,
        kind: AlarmKind,
        subject: &str,
        text: Option<String>,
    ) {
        let at = self.clock.wall().to_string();
        match self.alarms.set(kind, subject, text, &at) {
            Some(AlarmChange::Began(alarm)) => self.record_alarm(alarm, false),
            Some(AlarmChange::Ended(alarm)) => self.record_alarm(alarm, true),
            None => {
                let unlisted = self.alarms.unlisted();
                self.exposition
                    .total("leeward_alarms_unlisted_total", &[], unlisted);
            }
        }
    }

    /// Ends every alarm of a kind whose subject is not `wanted` any more, for example because its zone is gone.
    pub(in crate::daemon) fn keep_alarms(
        &mut self,
        kind: AlarmKind,
        wanted: impl Fn(&str) -> bool,
    ) {
        for alarm in self.alarms.keep_only(kind, wanted) {
            self.record_alarm(alarm, true);
        }
    }

    /// Replaces the alarms of a kind by these: subjects with what is wrong about each.
    pub(in crate::daemon) fn replace_alarms(
        &mut self,
        kind: AlarmKind,
        lasting: Vec<(String, String)>,
    ) {
        self.keep_alarms(kind, |subject| {
            lasting.iter().any(|(known, _)| known == subject)
        });
        for (subject, text) in lasting {
            self.set_alarm(kind, &subject, Some(text));
        }
    }

    fn record_alarm(&mut self, alarm: Alarm, has_ended: bool) {
        let kind = alarm.kind;
        self.record(EventKind::Alarm {
            alarm: kind.word(),
            subject: alarm.subject,
            text: alarm.text,
            has_ended,
        });
        let lasting = self.alarms.count(kind) as f64;
        self.exposition
            .set("leeward_alarms", &[("kind", kind.word())], lasting);
    }

    /// Follows the certificate of encrypted transports: its days, a broken new one, a near end.
    pub(in crate::daemon) fn watch_certificate(&mut self, watch: &CertificateWatch) {
        let wall = self.clock.wall();
        measure::certificate(&self.exposition, watch.days_left(wall));
        self.set_alarm(AlarmKind::Certificate, "", watch.fault());
        self.set_alarm(AlarmKind::CertificateEnds, "", watch.near_end(wall));
    }

    /// Says whether an alarm of a kind lasts.
    pub(in crate::daemon) fn has_alarm(&self, kind: AlarmKind) -> bool {
        self.alarms.count(kind) > 0
    }

    /// Lists the alarms that last.
    pub(in crate::daemon) fn alarms(&self) -> Vec<Arc<Alarm>> {
        self.alarms.lasting().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::Exposition;
    use crate::clock::Clock;
    use crate::timeline::Wanted;

    const WANTED: Wanted = Wanted {
        filter: String::new(),
        since: None,
        limit: 10,
    };

    #[test]
    fn an_alarm_is_recorded_when_it_begins_and_when_it_ends() {
        let mut telemetry = Telemetry::start(Clock::start(), Arc::new(Exposition::new()));
        let gauge = |telemetry: &Telemetry, count: u32| {
            let line = format!("leeward_alarms{{kind=\"zones-folder\"}} {count}\n");
            telemetry.exposition.render().contains(&line)
        };
        let events = |telemetry: &Telemetry| telemetry.timeline.newest(&WANTED).len();
        assert!(gauge(&telemetry, 0), "each kind has a gauge from the start");
        let before = events(&telemetry);
        for _ in 0..2 {
            let text = Some("cannot be read".to_owned());
            telemetry.set_alarm(AlarmKind::ZonesFolder, "", text);
        }
        assert!(gauge(&telemetry, 1));
        assert_eq!(events(&telemetry), before + 1);
        assert_eq!(telemetry.alarms().len(), 1);
        telemetry.replace_alarms(AlarmKind::ZonesFolder, Vec::new());
        assert!(gauge(&telemetry, 0));
        assert_eq!(events(&telemetry), before + 2);
        assert!(!telemetry.has_alarm(AlarmKind::ZonesFolder));
    }
}
