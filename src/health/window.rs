//! Weekly windows in UTC: `Sat-Sun 02:00-05:00`, `Mon,Wed 22:00-01:30`.
//!
//! In: a window as text, a civil instant. Out: whether it is open, and how long until that changes. Never here: clocks,
//! time zones; a window that moved by an hour twice a year would be one more thing to forget.

use std::time::Duration;

use crate::clock::WallTime;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MINUTES_A_DAY: u32 = 1_440;
const MILLIS_A_DAY: i64 = 86_400_000;
/// 1970-01-01 was a Thursday.
const EPOCH_DAY: i64 = 3;

/// Days of the week with a time from and until; a window whose end is not after its start ends on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeeklyWindow {
    /// A bit a day, Monday first.
    days: u8,
    /// Minutes after midnight.
    from: u32,
    until: u32,
}

impl WeeklyWindow {
    /// Reads `DAY[-DAY][,...] HH:MM-HH:MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let (days, hours) = text.rsplit_once(' ')?;
        let (from, until) = hours.split_once('-')?;
        let (from, until) = (parse_minutes(from)?, parse_minutes(until)?);
        let days = parse_days(days)?;
        (from != until).then_some(Self { days, from, until })
    }

    /// Returns whether the window is open.
    pub fn is_open(self, wall: WallTime) -> bool {
        let (day, millis) = split(wall);
        let minute = (millis / 60_000) as u32;
        if self.from < self.until {
            return self.opens_on(day) && (self.from..self.until).contains(&minute);
        }
        (self.opens_on(day) && minute >= self.from)
            || (self.opens_on(day - 1) && minute < self.until)
    }

    /// Returns the time until the window opens or closes.
    pub fn changes_in(self, wall: WallTime) -> Duration {
        let (day, millis) = split(wall);
        let is_open = self.is_open(wall);
        let edge = if is_open { self.until } else { self.from };
        // A week and a day hold every edge; one that does not change anything (two days meet) is passed over.
        let edges = (0..=8).map(|ahead| ahead * MILLIS_A_DAY + i64::from(edge) * 60_000 - millis);
        let ahead = edges
            .filter(|ahead| *ahead > 0)
            .find(|ahead| {
                let then = WallTime::from_millis(wall.millis().saturating_add(*ahead));
                self.is_open(then) != is_open
            })
            .unwrap_or(8 * MILLIS_A_DAY);
        debug_assert!(self.days != 0 && (0..7).contains(&day));
        Duration::from_millis(ahead.unsigned_abs())
    }

    fn opens_on(self, day: i64) -> bool {
        self.days >> day.rem_euclid(7) & 1 == 1
    }
}

/// Returns the day of the week, Monday 0, and the milliseconds after midnight.
fn split(wall: WallTime) -> (i64, i64) {
    let day = wall.millis().div_euclid(MILLIS_A_DAY);
    (
        (day + EPOCH_DAY).rem_euclid(7),
        wall.millis().rem_euclid(MILLIS_A_DAY),
    )
}

fn parse_days(text: &str) -> Option<u8> {
    let number = |text: &str| DAYS.iter().position(|day| *day == text);
    let mut days = 0u8;
    for part in text.split(',') {
        let part = part.trim();
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (number(first)?, number(last)?);
        days |= 1 << last;
        while day != last {
            days |= 1 << day;
            day = (day + 1) % 7;
        }
    }
    Some(days)
}

/// Reads `HH:MM`, at most `24:00`.
fn parse_minutes(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| {
        let is_plain = text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_digit());
        is_plain.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= MINUTES_A_DAY).then_some(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(text: &str) -> WallTime {
        let stamp: jiff::Timestamp = text.parse().expect("a time");
        WallTime::from_millis(stamp.as_millisecond())
    }

    #[test]
    fn reads_days_and_hours() {
        let cases = [
            ("Sat-Sun 02:00-05:00", true),
            ("Mon 22:00-23:30", true),
            ("Mon,Wed 22:00-23:30", true),
            ("Mon, Wed-Fri 22:00-01:30", true),
            ("Sat-Mon 00:00-24:00", true),
            ("Sat-Sun", false),
            ("sat 02:00-05:00", false),
            ("Sat 2:00-5:00", false),
            ("Sat 02:00-02:00", false),
            ("Sat 25:00-26:00", false),
            ("Sat 24:01-02:00", false),
            ("Mon-Tue-Wed 02:00-03:00", false),
            (" 02:00-03:00", false),
            ("Sat +2:00-05:00", false),
        ];
        for (text, wanted) in cases {
            assert_eq!(WeeklyWindow::parse(text).is_some(), wanted, "{text:?}");
        }
    }

    #[test]
    fn opens_and_closes_in_utc() {
        // 2026-01-05 is a Monday.
        #[rustfmt::skip]
        let cases = [
            ("Sat-Sun 02:00-05:00", "2026-01-05T03:00:00Z", false, "2026-01-10T02:00:00Z"),
            ("Sat-Sun 02:00-05:00", "2026-01-10T01:59:59Z", false, "2026-01-10T02:00:00Z"),
            ("Sat-Sun 02:00-05:00", "2026-01-10T02:00:00Z", true, "2026-01-10T05:00:00Z"),
            ("Sat-Sun 02:00-05:00", "2026-01-10T05:00:00Z", false, "2026-01-11T02:00:00Z"),
            ("Sat-Sun 02:00-05:00", "2026-01-11T04:00:00Z", true, "2026-01-11T05:00:00Z"),
            ("Mon 22:00-01:30", "2026-01-05T23:00:00Z", true, "2026-01-06T01:30:00Z"),
            ("Mon 22:00-01:30", "2026-01-06T01:00:00Z", true, "2026-01-06T01:30:00Z"),
            ("Mon 22:00-01:30", "2026-01-06T22:30:00Z", false, "2026-01-12T22:00:00Z"),
            ("Sat-Mon 00:00-24:00", "2026-01-10T12:00:00Z", true, "2026-01-13T00:00:00Z"),
        ];
        for (text, at, is_open, changes) in cases {
            let window = WeeklyWindow::parse(text).expect(text);
            let at = wall(at);
            assert_eq!(window.is_open(at), is_open, "{text} at {at}");
            assert_eq!(
                at.after(window.changes_in(at)),
                wall(changes),
                "{text} at {at}"
            );
        }
    }
}
