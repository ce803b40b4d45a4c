//! Alarms of the running server: noticed by whoever watches a condition, told here once.
//!
//! In: that a condition holds or no longer holds. Out: events for the log and the timeline, gauges, rows of the status
//! report. Never here: noticing conditions.

use crate::control::AlarmRow;
use crate::timeline::{Alarm, AlarmChange, AlarmKind, EventKind};

use super::keeper::Keeper;
use super::measure;

impl Keeper {
    /// Takes in how things stand with one condition: what is wrong about `subject` (a zone, file, target or address; empty
    /// for the whole server), or `None` if all is well. Costs nothing to speak of while nothing changes, so it may be called
    /// every second.
    pub(super) fn set_alarm(&mut self, kind: AlarmKind, subject: &str, text: Option<String>) {
        let at = self.clock.wall().to_string();
        match self.alarms.set(kind, subject, text, &at) {
            Some(AlarmChange::Began(alarm)) => self.tell_alarm(alarm, false),
            Some(AlarmChange::Ended(alarm)) => self.tell_alarm(alarm, true),
            None => {
                let unlisted = self.alarms.unlisted();
                self.exposition
                    .total("leeward_alarms_unlisted_total", &[], unlisted);
            }
        }
    }

    /// Ends every alarm of a kind whose subject is not `wanted` any more, for example because its zone is gone.
    pub(super) fn keep_alarms(&mut self, kind: AlarmKind, wanted: impl Fn(&str) -> bool) {
        for alarm in self.alarms.keep_only(kind, wanted) {
            self.tell_alarm(alarm, true);
        }
    }

    fn tell_alarm(&mut self, alarm: Alarm, has_ended: bool) {
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
    pub(super) fn watch_certificate(&mut self) {
        let Some(watch) = self.certificates.clone() else {
            return;
        };
        let wall = self.clock.wall();
        measure::certificate(&self.exposition, watch.days_left(wall));
        self.set_alarm(AlarmKind::Certificate, "", watch.fault());
        self.set_alarm(AlarmKind::CertificateEnds, "", watch.near_end(wall));
    }

    /// Tells whether metrics are left out for want of places.
    pub(super) fn watch_metrics(&mut self) {
        let text = "new label sets are left out; fewer zones, checks or names in one server bring them back";
        let text = self.exposition.is_full().then_some(text);
        self.set_alarm(AlarmKind::MetricsFull, "", text.map(str::to_owned));
    }

    /// Sets the gauge of each kind, so that each can be alerted on before it was ever seen.
    pub(super) fn begin_alarms(&self) {
        for kind in AlarmKind::all() {
            self.exposition
                .set("leeward_alarms", &[("kind", kind.word())], 0.0);
        }
    }

    /// Lists the alarms that last.
    pub(super) fn alarm_rows(&self) -> Vec<AlarmRow> {
        let row = |alarm: &Alarm| AlarmRow {
            kind: alarm.kind.word().to_owned(),
            subject: alarm.subject.clone(),
            since: alarm.since.clone(),
            text: alarm.text.clone(),
            meaning: alarm.kind.meaning().to_owned(),
        };
        self.alarms.lasting().map(row).collect()
    }
}
