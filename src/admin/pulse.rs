//! Signs of life of the running server, written by the loop that owns its state and read by health endpoints.
//!
//! In: turns of the loop, counts of zones, threads that ended. Out: numbers. Never here: requests, waiting for the
//! loop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Age of the last beat beyond which the loop counts as stalled.
const BEAT_MAX: Duration = Duration::from_secs(10);

/// Signs of life that health endpoints read.
#[derive(Debug, Default)]
pub struct Pulse {
    beat_secs: AtomicU64,
    is_ready: AtomicBool,
    zones: AtomicU64,
    old_zones: AtomicU64,
    threads_ended: AtomicU64,
    have_probes_ended: AtomicBool,
}

impl Pulse {
    /// Starts with a last beat at `secs` of a monotonic clock.
    pub fn beating(secs: u64) -> Self {
        let pulse = Self::default();
        pulse.beat(secs);
        pulse
    }

    /// Notes a turn of the owner's loop at `secs` of a monotonic clock.
    pub fn beat(&self, secs: u64) {
        self.beat_secs.store(secs, Ordering::Relaxed);
    }

    /// Notes that zones are served and first probes are done, or their wait is over.
    pub fn ready(&self) {
        self.is_ready.store(true, Ordering::Relaxed);
    }

    /// Sets the number of zones served, and of those among them that are older than their files.
    pub fn serving(&self, zones: usize, old: usize) {
        self.zones.store(zones as u64, Ordering::Relaxed);
        self.old_zones.store(old as u64, Ordering::Relaxed);
    }

    /// Sets the number of transport threads that ended before stop was asked.
    pub fn threads_ended(&self, count: usize) {
        self.threads_ended.store(count as u64, Ordering::Relaxed);
    }

    /// Notes that probes have ended.
    pub fn probes_ended(&self) {
        self.have_probes_ended.store(true, Ordering::Relaxed);
    }

    /// Returns the number of threads that ended: those of transports, and one for all probes.
    pub(super) fn ended(&self) -> u64 {
        let probes = self.have_probes_ended.load(Ordering::Relaxed);
        self.threads_ended.load(Ordering::Relaxed) + u64::from(probes)
    }

    /// Returns whether zones are served and first probes are done, or their wait is over.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }

    /// Returns the number of zones served, and of those among them that are older than their files.
    pub(super) fn zones(&self) -> (u64, u64) {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (count(&self.zones), count(&self.old_zones))
    }

    /// Returns the age of the last beat, if it is beyond [`BEAT_MAX`].
    pub(super) fn stall(&self, now_secs: u64) -> Option<Duration> {
        let silence = now_secs.saturating_sub(self.beat_secs.load(Ordering::Relaxed));
        let silence = Duration::from_secs(silence);
        (silence > BEAT_MAX).then_some(silence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_ended_are_counted_whether_they_answer_or_probe() {
        let pulse = Pulse::default();
        assert_eq!(pulse.ended(), 0);
        pulse.threads_ended(2);
        pulse.probes_ended();
        assert_eq!(pulse.ended(), 3);
    }

    #[test]
    fn a_loop_that_stands_still_is_a_stall() {
        let pulse = Pulse::default();
        pulse.beat(100);
        let cases = [
            (99, None),
            (100, None),
            (110, None),
            (111, Some(11)),
            (500, Some(400)),
        ];
        for (now, wanted) in cases {
            assert_eq!(
                pulse.stall(now),
                wanted.map(Duration::from_secs),
                "at {now} s"
            );
        }
    }
}
