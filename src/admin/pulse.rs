//! Signs of life of the running server, written by the loop that owns its state and read by health endpoints.
//!
//! In: turns of the loop, what is served, threads that ended. Out: numbers. Never here: requests, or waiting for the loop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A beat older than this is a stalled owner.
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
    /// Starts with a loop that turned at this second of some clock.
    pub fn beating(secs: u64) -> Self {
        let pulse = Self::default();
        pulse.beat(secs);
        pulse
    }

    /// Notes that the owner's loop turned, in seconds of some clock.
    pub fn beat(&self, secs: u64) {
        self.beat_secs.store(secs, Ordering::Relaxed);
    }

    /// Notes that zones are served and first probes are done, or their wait is over.
    pub fn ready(&self) {
        self.is_ready.store(true, Ordering::Relaxed);
    }

    /// Notes how many zones are served, and how many of them as an older version than their files hold.
    pub fn serving(&self, zones: usize, old: usize) {
        self.zones.store(zones as u64, Ordering::Relaxed);
        self.old_zones.store(old as u64, Ordering::Relaxed);
    }

    /// Notes how many threads of transports have ended although nobody stopped them.
    pub fn threads_ended(&self, count: usize) {
        self.threads_ended.store(count as u64, Ordering::Relaxed);
    }

    /// Notes that no probe is made any more.
    pub fn probes_ended(&self) {
        self.have_probes_ended.store(true, Ordering::Relaxed);
    }

    /// Counts threads that answer queries or run probes and have ended.
    pub(super) fn ended(&self) -> u64 {
        let probes = self.have_probes_ended.load(Ordering::Relaxed);
        self.threads_ended.load(Ordering::Relaxed) + u64::from(probes)
    }

    /// Whether zones are served and first probes are done.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }

    /// Returns how many zones are served, and how many of them as an older version than their files hold.
    pub(super) fn zones(&self) -> (u64, u64) {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (count(&self.zones), count(&self.old_zones))
    }

    /// Returns how long the owner's loop has stood still, if that is too long.
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
