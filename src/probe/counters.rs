//! Counters of probers: cheap to add to from every thread, cheap to read at any time.
//!
//! In: events. Out: counts at one moment. Never here: names of metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::health::Outcome;
use crate::room::Room;

/// Number of rooms: one for probes over the network, one for commands.
pub(super) const ROOMS: usize = 2;

/// Counts of a prober since its start. Cheap to read at any time.
#[derive(Debug, Default)]
pub struct ProbeCounters {
    pub(super) targets: AtomicU64,
    pub(super) in_flight: AtomicU64,
    pub(super) started: AtomicU64,
    pub(super) good: AtomicU64,
    pub(super) bad: AtomicU64,
    pub(super) no_evidence: AtomicU64,
    pub(super) late: AtomicU64,
    pub(super) lateness_nanos: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) watched: AtomicU64,
    pub(super) confirming: AtomicU64,
    pub(super) rooms: [RoomCounters; ROOMS],
}

/// Counts of one room.
#[derive(Debug, Default)]
pub(super) struct RoomCounters {
    pub(super) places: AtomicU64,
    pub(super) taken: AtomicU64,
    pub(super) held_long: AtomicU64,
    pub(super) waiting: AtomicU64,
    pub(super) crowded: AtomicU64,
}

/// Values of [`ProbeCounters`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeCounts {
    /// Targets on schedule.
    pub targets: u64,
    /// Probes under way.
    pub in_flight: u64,
    /// Probes started.
    pub started: u64,
    /// Probes that passed.
    pub good: u64,
    /// Probes that failed.
    pub bad: u64,
    /// Probes without evidence about their target.
    pub no_evidence: u64,
    /// Probes that started more than a tenth of a second late.
    pub late: u64,
    /// Sum of the delays of all starts, nanoseconds.
    pub lateness_nanos: u64,
    /// Starts that were left out because the probe before took too long, or waited too long for a place.
    pub skipped: u64,
    /// Targets that are watched by a quiet connection, or whose connection is being made.
    pub watched: u64,
    /// Probes that ran because a quiet connection ended.
    pub confirming: u64,
    /// Counts of the room of network probes, then of that of commands.
    pub rooms: [RoomCounts; ROOMS],
}

/// Counts of one room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoomCounts {
    /// Places in all.
    pub places: u64,
    /// Places that are taken.
    pub taken: u64,
    /// Taken places of probes that hang or may.
    pub held_long: u64,
    /// Probes that are due and wait for a place.
    pub waiting: u64,
    /// Probes that started more than a tenth of a second late because no place was free.
    pub crowded: u64,
}

impl ProbeCounters {
    pub(super) fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Good => &self.good,
            Outcome::Bad => &self.bad,
            Outcome::NoEvidence => &self.no_evidence,
        };
        add(counter, 1);
    }

    /// Reads all counts.
    pub fn read(&self) -> ProbeCounts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let room = |room: &RoomCounters| RoomCounts {
            places: load(&room.places),
            taken: load(&room.taken),
            held_long: load(&room.held_long),
            waiting: load(&room.waiting),
            crowded: load(&room.crowded),
        };
        ProbeCounts {
            targets: load(&self.targets),
            in_flight: load(&self.in_flight),
            started: load(&self.started),
            good: load(&self.good),
            bad: load(&self.bad),
            no_evidence: load(&self.no_evidence),
            late: load(&self.late),
            lateness_nanos: load(&self.lateness_nanos),
            skipped: load(&self.skipped),
            watched: load(&self.watched),
            confirming: load(&self.confirming),
            rooms: [room(&self.rooms[0]), room(&self.rooms[1])],
        }
    }
}

pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// One thread's part of a gauge.
#[derive(Debug, Default)]
pub(super) struct Gauged(u64);

impl Gauged {
    pub(super) fn show(&mut self, gauge: &AtomicU64, count: usize) {
        let count = count as u64;
        // Wraps around where the part shrinks, which comes to the same.
        gauge.fetch_add(count.wrapping_sub(self.0), Ordering::Relaxed);
        self.0 = count;
    }
}

/// One thread's part of the gauges of a room.
#[derive(Debug, Default)]
pub(super) struct RoomGauges([Gauged; 4]);

impl RoomGauges {
    pub(super) fn show<T>(&mut self, counters: &RoomCounters, room: &Room<T>) {
        let [places, taken, held_long, waiting] = &mut self.0;
        places.show(&counters.places, room.places());
        taken.show(&counters.taken, room.taken());
        held_long.show(&counters.held_long, room.held_long());
        waiting.show(&counters.waiting, room.waiting());
    }
}
