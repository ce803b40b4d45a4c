//! The ring that keeps the newest events.

use std::collections::VecDeque;

use super::event::Event;

/// Events that are kept; the oldest go first.
pub const EVENTS_MAX: usize = 10_000;

/// Filter of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Text that an event's line must contain; empty matches all.
    pub filter: String,
    /// The earliest time, RFC 3339 in UTC.
    pub since: Option<String>,
    /// Most events to return; the newest are taken.
    pub limit: usize,
}

/// The newest events in order.
#[derive(Debug, Default)]
pub struct Timeline {
    events: VecDeque<Event>,
}

impl Timeline {
    /// Adds an event.
    pub fn record(&mut self, event: Event) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Returns the newest events that are wanted, oldest first.
    pub fn newest(&self, wanted: &Wanted) -> Vec<Event> {
        let recent = self.events.iter().rev().take_while(|event| {
            // RFC 3339 in UTC sorts as text.
            wanted.since.as_ref().is_none_or(|since| event.at >= *since)
        });
        let matching = recent.filter(|event| {
            wanted.filter.is_empty() || event.kind.to_string().contains(&wanted.filter)
        });
        let mut newest: Vec<Event> = matching.take(wanted.limit).cloned().collect();
        newest.reverse();
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::super::EventKind;
    use super::*;

    fn wanted(filter: &str, since: Option<usize>, limit: usize) -> Wanted {
        Wanted {
            filter: filter.to_owned(),
            since: since.map(stamp),
            limit,
        }
    }

    fn stamp(second: usize) -> String {
        crate::clock::WallTime::from_millis(second as i64 * 1000).to_string()
    }

    #[test]
    fn keeps_the_newest_and_filters_by_text_and_time() {
        let mut timeline = Timeline::default();
        for number in 0..EVENTS_MAX + 5 {
            let file = format!("zone-{number}.toml");
            timeline.record(Event {
                at: stamp(number),
                kind: EventKind::Mended { file },
            });
        }
        let last = EVENTS_MAX + 4;
        let cases = [
            (
                "two newest, in order",
                wanted("", None, 2),
                vec![last - 1, last],
            ),
            (
                "the oldest are gone",
                wanted("zone-4.toml", None, 9),
                vec![],
            ),
            ("one by text", wanted("zone-77.toml", None, 9), vec![77]),
            (
                "since",
                wanted("", Some(last - 2), 9),
                vec![last - 2, last - 1, last],
            ),
            (
                "text before since",
                wanted("zone-77.toml", Some(last - 2), 9),
                vec![],
            ),
            ("none", wanted("", None, 0), vec![]),
        ];
        for (name, wanted, numbers) in cases {
            let found: Vec<String> = timeline
                .newest(&wanted)
                .into_iter()
                .map(|event| event.at)
                .collect();
            let numbers: Vec<String> = numbers.into_iter().map(stamp).collect();
            assert_eq!(found, numbers, "{name}");
        }
    }
}
