//! Lost log lines: counted, and an alarm that lasts while more are lost.
//!
//! In: counts of lost lines. Out: counters, an alarm, now and then a line. Never here: the log itself.

use std::time::Duration;

use tracing::warn;

use crate::admin::{Exposition, LostLines, lost_log_lines};
use crate::clock::Moment;

/// Time without a dropped line after which the log counts as read again. Chosen; no standard value.
const CALM: Duration = Duration::from_secs(10);
/// Time between two lines about lines that libraries may not write.
const TELL_INTERVAL: Duration = Duration::from_secs(60);

/// What was seen of the log.
#[derive(Debug, Default)]
pub(super) struct LogWatch {
    seen: LostLines,
    /// When the last dropped line was noticed, and how many there were before the first.
    dropping: Option<(Moment, u64)>,
    /// When suppressed lines were told last, and how many there were.
    told: Option<(Moment, u64)>,
}

impl LogWatch {
    /// Looks at the counts; says what the alarm says, if it lasts, and how many suppressed lines are to be told.
    fn look(&mut self, lost: LostLines, now: Moment) -> (Option<String>, Option<u64>) {
        if lost.dropped > self.seen.dropped {
            let before = self
                .dropping
                .map_or(self.seen.dropped, |(_, before)| before);
            self.dropping = Some((now, before));
        }
        let is_calm = |(last, _): &(Moment, u64)| now.since(*last) >= CALM;
        self.dropping = self.dropping.filter(|dropping| !is_calm(dropping));
        let alarm = self.dropping.map(|(_, before)| {
            let count = lost.dropped - before;
            format!("{count} lines were dropped: nobody reads them, or they cannot be written")
        });
        let (told_at, told) = self.told.unwrap_or((now, 0));
        let is_due = self.told.is_none() || now.since(told_at) >= TELL_INTERVAL;
        let news = (is_due && lost.suppressed > told).then(|| lost.suppressed - told);
        if news.is_some() {
            self.told = Some((now, lost.suppressed));
        }
        self.seen = lost;
        (alarm, news)
    }

    /// Follows the counts of lost lines; returns the text of the alarm while lines are dropped.
    pub(super) fn follow(&mut self, exposition: &Exposition, now: Moment) -> Option<String> {
        let lost = lost_log_lines();
        exposition.total("leeward_log_lines_dropped_total", &[], lost.dropped);
        exposition.total("leeward_log_lines_suppressed_total", &[], lost.suppressed);
        let (alarm, news) = self.look(lost, now);
        if let Some(count) = news {
            warn!("{count} lines of libraries were left out: they may write ten a minute");
        }
        alarm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_lasts_while_lines_are_dropped_and_what_is_left_out_is_told_once_a_minute() {
        let mut watch = LogWatch::default();
        // Second, dropped, suppressed; what the alarm counts, what is told.
        let steps = [
            (0, 0, 0, None, None),
            (1, 5, 3, Some(5), Some(3)),
            (2, 9, 4, Some(9), None),
            (11, 9, 4, Some(9), None),
            (12, 9, 4, None, None),
            (13, 10, 9, Some(1), None),
            (61, 10, 9, None, Some(6)),
            (200, 10, 9, None, None),
        ];
        for (second, dropped, suppressed, alarm, told) in steps {
            let lost = LostLines {
                dropped,
                suppressed,
            };
            let found = watch.look(lost, Moment::from_secs(second));
            let text: Option<&str> = found.0.as_deref();
            let count = text.and_then(|text| text.split(' ').next()?.parse().ok());
            assert_eq!((count, found.1), (alarm, told), "second {second}");
        }
    }
}
