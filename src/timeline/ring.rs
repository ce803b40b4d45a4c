//! The ring that keeps the newest events.

use std::collections::VecDeque;

use super::event::Event;

/// Events that are kept; the oldest go first.
pub const EVENTS_MAX: usize = 10_000;

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

    /// Returns up to `limit` of the newest events whose text holds `filter`, oldest first.
    pub fn newest(&self, filter: &str, limit: usize) -> Vec<Event> {
        let matching = self.events.iter().rev();
        let matching =
            matching.filter(|event| filter.is_empty() || event.kind.to_string().contains(filter));
        let mut newest: Vec<Event> = matching.take(limit).cloned().collect();
        newest.reverse();
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::super::EventKind;
    use super::*;

    #[test]
    fn keeps_the_newest_and_filters_by_text() {
        let mut timeline = Timeline::default();
        for number in 0..EVENTS_MAX + 5 {
            let file = format!("zone-{number}.toml");
            timeline.record(Event {
                at: String::new(),
                kind: EventKind::Mended { file },
            });
        }
        let newest = timeline.newest("", 2);
        assert_eq!(newest.len(), 2);
        assert!(
            newest[1]
                .kind
                .to_string()
                .contains(&format!("zone-{}.toml", EVENTS_MAX + 4))
        );
        assert!(
            timeline.newest("zone-4.toml", 9).is_empty(),
            "the oldest are gone"
        );
        assert_eq!(timeline.newest("zone-77.toml", 9).len(), 1);
    }
}
