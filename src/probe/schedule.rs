//! Times of probes: a queue of next starts, driven by a caller with a clock.
//!
//! In: targets to begin and stop, ends of probes, the time. Out: targets whose start is due, the earliest first. Never
//! here: tasks, sockets, clocks.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use crate::clock::Moment;
use crate::health::TargetId;

/// Next starts of all targets. `T` is data of the caller, kept with each.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    entries: HashMap<TargetId, Entry<T>>,
    /// Starts to come. Those of removed targets stay until they are due, at most one interval.
    queue: BinaryHeap<Reverse<Due>>,
    turn: Turn,
    chance: u64,
}

#[derive(Debug)]
struct Entry<T> {
    interval: Duration,
    turn: Turn,
    last_due: Moment,
    /// Earliest moment of the next start: when it is due, or later if the probe before ended later.
    ready: Moment,
    /// Time from the start that is due to the next: an interval but for the first, which finds the target's place in
    /// it.
    gap: Duration,
    payload: T,
}

/// Number that distinguishes a target from an earlier one with its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Turn(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Moment,
    turn: Turn,
    id: TargetId,
}

/// A start that is due.
#[derive(Debug)]
pub(super) struct Start<'a, T> {
    pub(super) id: TargetId,
    pub(super) turn: Turn,
    /// Moment at which it could be made: due, and the probe before ended.
    pub(super) due: Moment,
    pub(super) payload: &'a mut T,
}

/// Mean time between the first starts of targets that come together, over one interval at most: 2,000 HTTP probes a
/// second took 40 % of a core of a small virtual machine (`benches/probe.rs`), and more would crowd out the first
/// replies.
const FIRST_START_GAP: Duration = Duration::from_micros(500);

impl<T> Schedule<T> {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            entries: HashMap::new(),
            queue: BinaryHeap::new(),
            turn: Turn::default(),
            chance: seed,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a target that comes together with others: `together` counts them all.
    pub(super) fn add(
        &mut self,
        id: TargetId,
        interval: Duration,
        payload: T,
        together: usize,
        now: Moment,
    ) {
        let together = u32::try_from(together).unwrap_or(u32::MAX);
        let window = FIRST_START_GAP.saturating_mul(together).min(interval);
        let at = now.after(self.draw(window));
        // The first starts may be close together; the second ones find their places all over the interval, and never
        // less than a quarter of it after the first.
        let gap = interval - self.draw((interval - window) / 4 * 3);
        self.turn.0 += 1;
        let turn = self.turn;
        let entry = Entry {
            interval,
            turn,
            last_due: at,
            ready: at,
            gap,
            payload,
        };
        self.entries.insert(id, entry);
        self.queue.push(Reverse(Due { at, turn, id }));
    }

    /// Removes a target; its probe, if one is under way, counts no more.
    pub(super) fn remove(&mut self, id: TargetId) -> Option<T> {
        self.entries.remove(&id).map(|entry| entry.payload)
    }

    /// Returns the moment of the next start. Targets whose probe is under way have none.
    pub(super) fn next_due(&mut self) -> Option<Moment> {
        while let Some(Reverse(due)) = self.queue.peek() {
            if self.is_current(due.id, due.turn) {
                return Some(due.at);
            }
            self.queue.pop();
        }
        None
    }

    /// Takes the earliest start that is due.
    pub(super) fn take_due(&mut self, now: Moment) -> Option<Start<'_, T>> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse(due) = self.queue.pop()?;
        let entry = self.entries.get_mut(&due.id)?;
        Some(Start {
            id: due.id,
            turn: due.turn,
            due: entry.ready,
            payload: &mut entry.payload,
        })
    }

    /// Plans the next start of a target whose probe ended; returns how many starts are skipped because their time, and
    /// that of the next one, is over. `None` if the target was removed meanwhile.
    pub(super) fn finish(&mut self, id: TargetId, turn: Turn, now: Moment) -> Option<u32> {
        if !self.is_current(id, turn) {
            return None;
        }
        let entry = self.entries.get_mut(&id)?;
        let mut at = entry.last_due.after(entry.gap);
        entry.gap = entry.interval;
        // A start that is less than an interval late is made up for: a probe that always takes its whole interval, as
        // against a black hole, is to be followed by the next at once and not after an idle interval.
        let interval_nanos = entry.interval.as_nanos().max(1);
        let skipped = now.since(at).as_nanos() / interval_nanos;
        let skipped = u32::try_from(skipped).unwrap_or(u32::MAX);
        at = at.after(entry.interval.saturating_mul(skipped));
        entry.last_due = at;
        entry.ready = at.max(now);
        self.queue.push(Reverse(Due { at, turn, id }));
        Some(skipped)
    }

    /// Returns the data kept with a target, if it was not removed meanwhile.
    pub(super) fn payload(&mut self, id: TargetId, turn: Turn) -> Option<&mut T> {
        let entry = self.entries.get_mut(&id)?;
        (entry.turn == turn).then_some(&mut entry.payload)
    }

    fn is_current(&self, id: TargetId, turn: Turn) -> bool {
        self.entries
            .get(&id)
            .is_some_and(|entry| entry.turn == turn)
    }

    /// Draws a duration below `end` (splitmix64).
    fn draw(&mut self, end: Duration) -> Duration {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let end = u64::try_from(end.as_nanos()).unwrap_or(u64::MAX);
        let drawn = (u128::from(mixed) * u128::from(end)) >> 64;
        Duration::from_nanos(u64::try_from(drawn).expect("below a number of 64 bits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn start() -> Moment {
        Moment::from_secs(100)
    }

    /// Takes one start at a time, ends it after `length`; returns the starts of one target.
    fn run_one(length: Duration, count: usize) -> Vec<(Moment, u32)> {
        let mut schedule = Schedule::new(7);
        schedule.add(TargetId(0), INTERVAL, (), 1, start());
        let mut now = start();
        let mut starts = Vec::new();
        while starts.len() < count {
            now = now.max(schedule.next_due().expect("one target waits"));
            let turn = schedule.take_due(now).expect("it is due").turn;
            assert!(
                schedule.next_due().is_none(),
                "a probe never overlaps itself"
            );
            let began = now;
            now = now.after(length);
            let skipped = schedule
                .finish(TargetId(0), turn, now)
                .expect("not removed");
            starts.push((began, skipped));
        }
        starts
    }

    #[test]
    fn keeps_a_fixed_interval_between_starts() {
        let starts = run_one(Duration::from_millis(700), 10);
        for pair in starts[1..].windows(2) {
            assert_eq!(pair[1].0.since(pair[0].0), INTERVAL);
        }
        let first_gap = starts[1].0.since(starts[0].0);
        assert!(first_gap <= INTERVAL && first_gap >= INTERVAL / 4);
    }

    #[test]
    fn follows_a_probe_that_fills_its_interval_at_once() {
        let length = INTERVAL + Duration::from_millis(2);
        for pair in run_one(length, 10)[1..].windows(2) {
            assert_eq!((pair[1].0.since(pair[0].0), pair[0].1), (length, 0));
        }
    }

    #[test]
    fn skips_starts_that_were_missed() {
        let length = INTERVAL * 5 / 2;
        let starts = run_one(length, 4);
        assert!((1..=2).contains(&starts[2].1), "{starts:?}");
        assert!(starts[3].0.since(starts[2].0) >= length);
    }

    #[test]
    fn forgets_removed_targets_and_tells_their_successors_apart() {
        let mut schedule = Schedule::new(7);
        schedule.add(TargetId(0), INTERVAL, 'a', 1, start());
        let later = start().after(INTERVAL);
        let turn = schedule.take_due(later).expect("it is due").turn;
        assert_eq!(schedule.remove(TargetId(0)), Some('a'));
        schedule.add(TargetId(0), INTERVAL, 'b', 1, later);
        assert_eq!(schedule.finish(TargetId(0), turn, later), None);
        assert_eq!(schedule.payload(TargetId(0), turn), None);
        let next = schedule.take_due(later.after(INTERVAL)).expect("it is due");
        assert_eq!((*next.payload, next.id), ('b', TargetId(0)));
        assert_eq!(schedule.len(), 1);
        assert_eq!(schedule.next_due(), None);
    }

    #[test]
    fn takes_the_longest_waiting_first() {
        let mut schedule = Schedule::new(7);
        for id in 0..100 {
            schedule.add(TargetId(id), INTERVAL, (), 100, start());
        }
        let late = start().after(INTERVAL);
        let mut dues = Vec::new();
        while let Some(start) = schedule.take_due(late) {
            dues.push(start.due);
        }
        assert_eq!(dues.len(), 100);
        assert!(dues.is_sorted());
    }

    proptest! {
        #[test]
        fn spreads_first_starts_over_at_most_an_interval(
            seed: u64, together in 1usize..100_000, millis in 100u64..60_000,
        ) {
            let interval = Duration::from_millis(millis);
            let mut schedule = Schedule::new(seed);
            schedule.add(TargetId(0), interval, (), together, start());
            let first = schedule.next_due().expect("one target waits").since(start());
            prop_assert!(first < interval);
            prop_assert!(first <= FIRST_START_GAP * u32::try_from(together).unwrap());
        }
    }
}
