//! Soft health: a degraded target, and the ramp of one that came back (rules a56, a57).
//!
//! In: durations and outcomes of probes; the time since a member healed. Out: whether a target is degraded, and the
//! tenths of its weight that a member has. Never here: weights, draws, clocks.

use std::time::Duration;

use crate::clock::Moment;

/// Probes that are looked at.
const RECENT_MAX: u32 = 20;
const RECENT_MASK: u32 = (1 << RECENT_MAX) - 1;
/// Number of them that may be slow: one more, and the 90th percentile is.
const SLOW_MAX: u32 = RECENT_MAX / 10;

/// Steps in which a member comes back to its weight.
pub const RAMP_STEPS: u8 = 10;

/// Bounds beyond which a slow or lossy target counts as degraded (rule a56).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DegradedRule {
    /// Longest that 18 of the last 20 probes may take.
    pub latency: Option<Duration>,
    /// Greatest percentage of failures among the last 20 probes.
    pub failures_percent: Option<u8>,
    /// Share of its weight that a member keeps, percent.
    pub weight_percent: u8,
}

impl DegradedRule {
    /// Share of its weight that a member keeps where the file does not set it, percent (zone format, section 2).
    pub const WEIGHT_PERCENT: u8 = 25;

    /// Returns whether probes like these mean degraded. Probes that were not made yet count as quick successes.
    pub fn holds(&self, recent: Recent) -> bool {
        let is_slow = self.latency.is_some() && recent.slow.count_ones() > SLOW_MAX;
        let lossy =
            |percent: u8| recent.failed.count_ones() * 100 > u32::from(percent) * RECENT_MAX;
        is_slow || self.failures_percent.is_some_and(lossy)
    }
}

/// The last 20 probes of a target, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    slow: u32,
    failed: u32,
}

impl Recent {
    /// Adds a probe: whether it failed, and its duration.
    pub fn push(&mut self, rule: &DegradedRule, has_failed: bool, took: Option<Duration>) {
        let limit = rule.latency.filter(|_| !has_failed);
        let is_slow = limit.zip(took).is_some_and(|(limit, took)| took > limit);
        self.slow = (self.slow << 1 | u32::from(is_slow)) & RECENT_MASK;
        self.failed = (self.failed << 1 | u32::from(has_failed)) & RECENT_MASK;
    }
}

/// Returns the tenths of its weight that a member has so long after it healed: one at first, ten when the ramp is over.
pub fn ramp_tenths(healed: Moment, ramp: Duration, now: Moment) -> u8 {
    let step = ramp / u32::from(RAMP_STEPS);
    if step.is_zero() {
        return RAMP_STEPS;
    }
    let steps = now.since(healed).as_nanos() / step.as_nanos();
    u8::try_from(steps + 1)
        .unwrap_or(RAMP_STEPS)
        .min(RAMP_STEPS)
}

/// Returns the time until the present step of a ramp ends; `None` once the ramp is over.
pub fn ramp_step_left(healed: Moment, ramp: Duration, now: Moment) -> Option<Duration> {
    let tenths = ramp_tenths(healed, ramp, now);
    let end = ramp / u32::from(RAMP_STEPS) * u32::from(tenths);
    (tenths < RAMP_STEPS).then(|| end.saturating_sub(now.since(healed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: DegradedRule = DegradedRule {
        latency: Some(Duration::from_millis(500)),
        failures_percent: Some(20),
        weight_percent: 25,
    };

    /// Pushes letters: `q`uick, `s`low, `f`ailed.
    fn is_degraded(rule: &DegradedRule, letters: &str) -> bool {
        let mut recent = Recent::default();
        for letter in letters.chars() {
            let took = if letter == 's' { 501 } else { 500 };
            recent.push(rule, letter == 'f', Some(Duration::from_millis(took)));
        }
        rule.holds(recent)
    }

    #[test]
    fn looks_at_the_last_twenty_probes() {
        let quick = "q".repeat(20);
        let latency_only = DegradedRule {
            failures_percent: None,
            ..RULE
        };
        let failures_only = DegradedRule {
            latency: None,
            ..RULE
        };
        let cases = [
            ("nothing yet", RULE, String::new(), false),
            ("two of twenty slow", RULE, "ss".to_owned(), false),
            (
                "three of twenty slow: the 90th percentile is",
                RULE,
                "sqsqs".to_owned(),
                true,
            ),
            ("slow ones pass", RULE, format!("sss{quick}"), false),
            (
                "four of twenty failed: 20 %, not above",
                RULE,
                "ffff".to_owned(),
                false,
            ),
            ("five of twenty", RULE, "fqfqfqfqf".to_owned(), true),
            (
                "failures are not slow",
                latency_only,
                "fffff".to_owned(),
                false,
            ),
            (
                "slow ones are no failures",
                failures_only,
                "sssss".to_owned(),
                false,
            ),
        ];
        for (title, rule, letters, wanted) in cases {
            assert_eq!(is_degraded(&rule, &letters), wanted, "{title}");
        }
    }

    #[test]
    fn a_ramp_has_ten_equal_steps() {
        let (healed, ramp) = (Moment::from_secs(100), Duration::from_secs(300));
        let cases = [
            (100, 1, Some(30)),
            (129, 1, Some(1)),
            (130, 2, Some(30)),
            (369, 9, Some(1)),
            (370, 10, None),
        ];
        for (second, tenths, left) in cases {
            let now = Moment::from_secs(second);
            assert_eq!(ramp_tenths(healed, ramp, now), tenths, "at {second} s");
            let left: Option<Duration> = left.map(Duration::from_secs);
            assert_eq!(ramp_step_left(healed, ramp, now), left, "at {second} s");
        }
        assert_eq!(ramp_tenths(healed, Duration::ZERO, healed), 10);
    }
}
