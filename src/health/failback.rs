//! Failback: the active tier of a failover, and when an earlier one becomes it again (rules a40, a41).
//!
//! In: which tiers are healthy, a rule, the time. Out: the next state. Never here: what tiers are, clocks, answers.

use std::time::Duration;

use super::window::WeeklyWindow;
use crate::clock::{Moment, WallTime};

/// Rule for the return to an earlier tier. `auto` is not one of them: it needs no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailbackRule {
    /// By an operator's command.
    Manual,
    /// After the earlier tier was healthy without a break for this duration.
    After(Duration),
    /// Within a weekly window; outside of it as [`Self::Manual`].
    Window(WeeklyWindow),
}

/// Most tiers of one failover (zone format, section 2).
pub const TIERS_MAX: usize = 16;

/// State of one failback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailbackState {
    /// Number of the active tier, the first written is 0.
    pub tier: u8,
    /// Time when it became the active one.
    pub since: WallTime,
    /// Time since which each tier is healthy without a break; `None` while it is not.
    pub healthy_since: [Option<Moment>; TIERS_MAX],
}

impl FailbackState {
    /// Starts with the first healthy tier, or the first of all.
    pub fn new(healthy: u16, now: Moment, wall: WallTime) -> Self {
        Self {
            tier: first(healthy).unwrap_or(0),
            since: wall,
            healthy_since: std::array::from_fn(|tier| has(healthy, tier as u8).then_some(now)),
        }
    }

    /// Returns whether the active tier is held: an earlier tier is healthy and must wait.
    pub fn is_held(&self, healthy: u16) -> bool {
        has(healthy, self.tier) && first(healthy).is_some_and(|tier| tier < self.tier)
    }

    /// Returns the least time until an earlier tier that is healthy may take over.
    pub fn changes_in(
        &self,
        rule: &FailbackRule,
        healthy: u16,
        now: Moment,
        wall: WallTime,
    ) -> Option<Duration> {
        if !self.is_held(healthy) {
            return None;
        }
        match rule {
            FailbackRule::Manual => None,
            FailbackRule::Window(window) => Some(window.changes_in(wall)),
            FailbackRule::After(calm) => (0..self.tier)
                .filter_map(|tier| self.healthy_since[usize::from(tier)])
                .map(|since| calm.saturating_sub(now.since(since)))
                .min(),
        }
    }
}

/// Applies the present health of the tiers to a state.
///
/// | active tier | earlier tier | rule | next active tier |
/// |---|---|---|---|
/// | any | none at all is healthy | any | the same: on last resort the held tier stays |
/// | not healthy | - | any | the first healthy in written order |
/// | healthy | none healthy | any | the same |
/// | healthy | healthy | manual | the same |
/// | healthy | healthy | after | the first that was healthy for so long, else the same |
/// | healthy | healthy | window | open: the first healthy; closed: the same |
pub fn step_failback(
    rule: &FailbackRule,
    mut state: FailbackState,
    healthy: u16,
    now: Moment,
    wall: WallTime,
) -> FailbackState {
    for tier in 0..TIERS_MAX {
        let since = &mut state.healthy_since[tier];
        *since = has(healthy, tier as u8).then(|| since.unwrap_or(now));
    }
    let Some(first) = first(healthy) else {
        return state;
    };
    let next = if !has(healthy, state.tier) {
        first
    } else if first >= state.tier {
        state.tier
    } else {
        match rule {
            FailbackRule::Manual => state.tier,
            FailbackRule::Window(window) if window.is_open(wall) => first,
            FailbackRule::Window(_) => state.tier,
            FailbackRule::After(calm) => (first..state.tier)
                .find(|&tier| {
                    state.healthy_since[usize::from(tier)]
                        .is_some_and(|since| now.since(since) >= *calm)
                })
                .unwrap_or(state.tier),
        }
    };
    if next != state.tier {
        state.tier = next;
        state.since = wall;
    }
    state
}

/// Makes the first healthy tier the active one now, whatever the rule; the first of all if none is healthy.
pub fn release(mut state: FailbackState, healthy: u16, wall: WallTime) -> FailbackState {
    let next = first(healthy).unwrap_or(0);
    if next != state.tier {
        state.tier = next;
        state.since = wall;
    }
    state
}

fn has(healthy: u16, tier: u8) -> bool {
    healthy.checked_shr(u32::from(tier)).unwrap_or(0) & 1 == 1
}

fn first(healthy: u16) -> Option<u8> {
    (healthy != 0).then(|| healthy.trailing_zeros() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wall(second: u64) -> WallTime {
        // A Monday, 2026-01-05T00:00:00Z.
        WallTime::from_millis(1_767_571_200_000).after(Duration::from_secs(second))
    }

    /// Plays `(seconds, healthy tiers as letters)`; returns the active tier after each.
    fn play(rule: &FailbackRule, steps: &[(u64, &str)]) -> Vec<u8> {
        let mut state = FailbackState::new(0b111, Moment::ZERO, wall(0));
        steps
            .iter()
            .map(|&(second, letters)| {
                let healthy = letters
                    .bytes()
                    .fold(0, |all, letter| all | 1 << (letter - b'a'));
                state = step_failback(
                    rule,
                    state.clone(),
                    healthy,
                    Moment::from_secs(second),
                    wall(second),
                );
                state.tier
            })
            .collect()
    }

    #[test]
    fn follows_the_truth_table() {
        let calm = FailbackRule::After(Duration::from_secs(60));
        let window = WeeklyWindow::parse("Mon 00:10-00:20").expect("a window");
        let window = FailbackRule::Window(window);
        /// Title, rule, steps, active tiers.
        type Case<'c> = (&'c str, FailbackRule, &'c [(u64, &'c str)], &'c [u8]);
        #[rustfmt::skip]
        let cases: [Case<'_>; 9] = [
            ("a healthy first tier is never left", FailbackRule::Manual, &[(1, "abc"), (9, "a")], &[0, 0]),
            ("manual stays", FailbackRule::Manual, &[(1, "bc"), (2, "abc"), (9_999, "abc")], &[1, 1, 1]),
            ("it returns by itself when the held tier fails", FailbackRule::Manual,
             &[(1, "bc"), (2, "abc"), (3, "ac")], &[1, 1, 0]),
            ("on last resort the held tier stays", FailbackRule::Manual,
             &[(1, "bc"), (2, ""), (3, "bc")], &[1, 1, 1]),
            ("after last resort the first healthy", FailbackRule::Manual, &[(1, "bc"), (2, ""), (3, "ac")], &[1, 1, 0]),
            ("calm for long enough", calm, &[(1, "bc"), (10, "abc"), (69, "abc"), (70, "abc")], &[1, 1, 1, 0]),
            ("a break starts the calm anew", calm,
             &[(1, "bc"), (10, "abc"), (60, "bc"), (61, "abc"), (120, "abc"), (121, "abc")], &[1, 1, 1, 1, 1, 0]),
            ("a tier between that was calm longer comes first", calm,
             &[(1, "c"), (5, "bc"), (30, "abc"), (65, "abc"), (90, "abc")], &[2, 2, 2, 1, 0]),
            ("only within the window", window,
             &[(1, "bc"), (2, "abc"), (599, "abc"), (600, "abc")], &[1, 1, 1, 0]),
        ];
        for (title, rule, steps, wanted) in cases {
            assert_eq!(play(&rule, steps), wanted, "{title}");
        }
    }

    #[test]
    fn a_release_takes_the_first_healthy() {
        let mut state = FailbackState::new(0b100, Moment::ZERO, wall(0));
        assert_eq!(state.tier, 2);
        assert!(!state.is_held(0b100));
        assert!(state.is_held(0b110));
        assert!(!state.is_held(0b010), "the active tier itself is out");
        state = release(state, 0b110, wall(5));
        assert_eq!((state.tier, state.since), (1, wall(5)));
        assert_eq!(release(state, 0, wall(6)).tier, 0);
    }

    proptest! {
        /// Laws: a healthy active tier is left for an earlier healthy tier only, and never without the rule's reason;
        /// an unhealthy one only for the first healthy.
        #[test]
        fn a_healthy_tier_is_never_left_without_a_reason(
            steps in prop::collection::vec((1u64..200, 0u16..32), 1..60),
            which in 0usize..3,
        ) {
            let calm = Duration::from_secs(100);
            let window = WeeklyWindow::parse("Mon 01:00-02:00").expect("a window");
            let rule = [FailbackRule::Manual, FailbackRule::After(calm), FailbackRule::Window(window)][which];
            let mut second = 0;
            let mut state = FailbackState::new(1, Moment::ZERO, wall(0));
            for (passed, healthy) in steps {
                second += passed;
                let (now, civil) = (Moment::from_secs(second), wall(second));
                let before = state.clone();
                let changes_in = before.changes_in(&rule, healthy, now, civil);
                state = step_failback(&rule, state, healthy, now, civil);
                if healthy == 0 {
                    prop_assert_eq!(state.tier, before.tier);
                } else if !has(healthy, before.tier) {
                    prop_assert_eq!(Some(state.tier), first(healthy));
                } else if state.tier != before.tier {
                    prop_assert!(state.tier < before.tier && has(healthy, state.tier));
                    let is_due = match rule {
                        FailbackRule::Manual => false,
                        FailbackRule::After(_) => changes_in == Some(Duration::ZERO),
                        FailbackRule::Window(window) => window.is_open(civil),
                    };
                    prop_assert!(is_due);
                }
            }
        }
    }
}
