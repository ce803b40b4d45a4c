//! Weights of members that are degraded or on their ramp (rules a56, a57).
//!
//! In: which members of a run are up, and the part of its weight that each one keeps. Out: weights to draw by, and at
//! how many draws of ten a member is a candidate. Never here: statuses, the time.
//!
//! | Weights of the run | Degraded member | Member on its ramp |
//! |---|---|---|
//! | unequal | its weight times `weight` | its weight times its tenths |
//! | equal, or all 0 | left out while more than half of the others are not degraded | among the candidates at so many draws of ten |

use crate::health::RAMP_STEPS;
use crate::zone::{NONE, Policies, Run};

use super::bits::Layer;

/// Full weight, in the unit of [`ReducedWeight::percent`] times tenths.
const FULL: u64 = 100 * RAMP_STEPS as u64;

/// The part of its weight that a member keeps: the product of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReducedWeight {
    /// Percent, less than 100 for a degraded member.
    pub percent: u8,
    /// Tenths, less than 10 for a member on its ramp.
    pub tenths: u8,
}

impl ReducedWeight {
    /// A member with its whole weight.
    pub const FULL: Self = Self {
        percent: 100,
        tenths: RAMP_STEPS,
    };
}

/// Weights of the members of a run of which some have a reduced one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunWeights {
    /// Prefix sums for members with weight above 0; empty where their weights are equal.
    pub sums: Box<[u32]>,
    /// Draws of ten at which each member is a candidate: 0 is never.
    pub tenths: Box<[u8]>,
    /// The part of its weight that each member keeps, for explanations.
    pub reduced: Box<[ReducedWeight]>,
    /// Prefix sums of a draw of the turn, which decides on the members on their ramp; empty if none is on one.
    pub turns: Box<[u32]>,
}

impl RunWeights {
    /// Computes the weights of a run; `None` if every member has its whole weight.
    pub fn of(
        policies: &Policies,
        run: &Run,
        layer: &Layer,
        reduced: &[ReducedWeight],
    ) -> Option<Self> {
        if reduced.iter().all(|member| *member == ReducedWeight::FULL) {
            return None;
        }
        let is_up = |at: usize| layer.is_up(run.first_bit + at as u32);
        let mut weights = Self {
            sums: Box::default(),
            reduced: reduced.into(),
            tenths: vec![RAMP_STEPS; reduced.len()].into(),
            turns: Box::default(),
        };
        let weighted = usize::from(run.weighted_len);
        if run.sums == NONE {
            weights.reduce_equal(0..weighted, reduced, is_up);
        } else {
            let sums = &policies.sums[run.sums as usize..run.sums as usize + weighted];
            weights.reduce_unequal(sums, reduced, is_up);
        }
        weights.reduce_equal(weighted..reduced.len(), reduced, is_up);
        weights.turns = turns(&weights.tenths);
        Some(weights)
    }

    /// Returns whether a member is a candidate at a turn; at turn 0 all are that ever are.
    #[inline]
    pub fn admits(&self, member: u16, turn: u8) -> bool {
        self.tenths
            .get(usize::from(member))
            .is_none_or(|&tenths| tenths > turn)
    }

    /// Sets at how many draws of ten each member that is up is a candidate, where weights are equal.
    fn reduce_equal(
        &mut self,
        range: std::ops::Range<usize>,
        reduced: &[ReducedWeight],
        is_up: impl Fn(usize) -> bool,
    ) {
        let up: Vec<usize> = range.filter(|&at| is_up(at)).collect();
        let is_degraded = |at: usize| reduced[at].percent < 100;
        let sound = up.iter().filter(|&&at| !is_degraded(at)).count();
        let leaves_out = sound * 2 > up.len().saturating_sub(1);
        for at in up {
            let is_out = is_degraded(at) && leaves_out;
            self.tenths[at] = if is_out { 0 } else { reduced[at].tenths };
        }
    }

    /// Multiplies weights, where they are not equal.
    fn reduce_unequal(
        &mut self,
        sums: &[u32],
        reduced: &[ReducedWeight],
        is_up: impl Fn(usize) -> bool,
    ) {
        let mut before = 0;
        let weights: Vec<u64> = sums
            .iter()
            .map(|&sum| u64::from(sum - std::mem::replace(&mut before, sum)))
            .collect();
        let left = |at: usize| {
            weights[at] * u64::from(reduced[at].percent) * u64::from(reduced[at].tenths)
        };
        // Where all that are up have a weight of 0, each has its whole weight.
        let is_any_left = (0..weights.len()).any(|at| is_up(at) && left(at) > 0);
        let scaled: Vec<u64> = (0..weights.len())
            .map(|at| {
                if is_any_left {
                    left(at)
                } else {
                    weights[at] * FULL
                }
            })
            .collect();
        let total: u64 = scaled.iter().sum();
        // Sums are 32 bits wide; what shifting loses of a share is less than a millionth.
        let shift = (64 - total.leading_zeros()).saturating_sub(31);
        let mut sum = 0u32;
        let narrowed = scaled.iter().map(|&weight| match weight {
            0 => 0,
            weight => ((weight >> shift) as u32).max(1),
        });
        let narrowed: Vec<u32> = narrowed.collect();
        self.sums = narrowed
            .iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        for (at, weight) in narrowed.into_iter().enumerate() {
            self.tenths[at] = if weight == 0 { 0 } else { RAMP_STEPS };
        }
    }
}

/// Returns prefix sums of turns: a member is a candidate at those below its tenths.
fn turns(tenths: &[u8]) -> Box<[u32]> {
    let mut ends: Vec<u32> = tenths
        .iter()
        .filter(|tenths| (1..RAMP_STEPS).contains(tenths))
        .map(|&tenths| u32::from(tenths))
        .collect();
    if ends.is_empty() {
        return Box::default();
    }
    ends.push(u32::from(RAMP_STEPS));
    ends.sort_unstable();
    ends.dedup();
    ends.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Rtype;
    use proptest::prelude::*;

    /// The weights of a run of such members (those above 0 first), all up but those of weight `None`.
    fn weights_of(members: &[(Option<u16>, ReducedWeight)]) -> Option<RunWeights> {
        let weights: Vec<u16> = members
            .iter()
            .map(|(weight, _)| weight.unwrap_or(1))
            .collect();
        let weighted: Vec<u16> = weights
            .iter()
            .copied()
            .filter(|&weight| weight > 0)
            .collect();
        let is_even = weighted.windows(2).all(|pair| pair[0] == pair[1]);
        let mut sum = 0;
        let sums = weighted.iter().map(|&weight| {
            sum += u32::from(weight);
            sum
        });
        let policies = Policies {
            sums: sums.collect(),
            ..Policies::default()
        };
        let run = Run {
            rtype: Rtype::A,
            len: members.len() as u16,
            is_leased: false,
            weighted_len: weighted.len() as u16,
            first_bit: 0,
            data: 0,
            stride: 4,
            sums: if is_even { NONE } else { 0 },
            ttls: NONE,
            has_open_hints: false,
        };
        let mut up = vec![0u64; members.len() / 64 + 2];
        for (at, (weight, _)) in members.iter().enumerate() {
            up[at / 64] |= u64::from(weight.is_some()) << (at % 64);
        }
        let layer = Layer {
            up: up.into(),
            alive: Box::default(),
        };
        let reduced: Vec<ReducedWeight> = members.iter().map(|(_, reduced)| *reduced).collect();
        RunWeights::of(&policies, &run, &layer, &reduced)
    }

    const FULL: ReducedWeight = ReducedWeight::FULL;
    const SLOW: ReducedWeight = ReducedWeight {
        percent: 25,
        tenths: 10,
    };
    const GONE: ReducedWeight = ReducedWeight {
        percent: 0,
        tenths: 10,
    };
    const NEW: ReducedWeight = ReducedWeight {
        percent: 100,
        tenths: 3,
    };

    #[test]
    fn equal_members_are_left_out_or_take_turns() {
        let some = Some(1);
        /// Title, members, tenths, turns.
        type Case<'c> = (
            &'c str,
            &'c [(Option<u16>, ReducedWeight)],
            &'c [u8],
            &'c [u32],
        );
        #[rustfmt::skip]
        let cases: [Case<'_>; 8] = [
            ("one of three is slow", &[(some, SLOW), (some, FULL), (some, FULL)], &[0, 10, 10], &[]),
            ("one of two is slow", &[(some, SLOW), (some, FULL)], &[0, 10], &[]),
            ("two of three: one of the two others is sound, not more than half",
             &[(some, SLOW), (some, SLOW), (some, FULL)], &[10, 10, 10], &[]),
            ("all are slow", &[(some, SLOW), (some, SLOW)], &[10, 10], &[]),
            ("the sound one is down", &[(some, SLOW), (None, FULL)], &[10, 10], &[]),
            ("one is on its ramp", &[(some, NEW), (some, FULL)], &[3, 10], &[3, 10]),
            ("all are", &[(some, NEW), (some, NEW)], &[3, 3], &[3, 10]),
            ("standby members among themselves", &[(some, FULL), (Some(0), SLOW), (Some(0), FULL)], &[10, 0, 10], &[]),
        ];
        for (title, members, tenths, turns) in cases {
            let reduced = weights_of(members).expect("not all are whole");
            assert_eq!(
                (&*reduced.tenths, &*reduced.turns),
                (tenths, turns),
                "{title}"
            );
            assert!(reduced.sums.is_empty());
        }
        assert_eq!(weights_of(&[(some, FULL), (some, FULL)]), None);
    }

    #[test]
    fn unequal_weights_are_multiplied() {
        let weights = |members: &[(Option<u16>, ReducedWeight)]| {
            let reduced = weights_of(members).expect("not all are whole");
            let mut before = 0;
            let weights = reduced
                .sums
                .iter()
                .map(|&sum| sum - std::mem::replace(&mut before, sum));
            weights.collect::<Vec<u32>>()
        };
        assert_eq!(weights(&[(Some(2), SLOW), (Some(1), FULL)]), [500, 1000]);
        assert_eq!(weights(&[(Some(2), NEW), (Some(1), FULL)]), [600, 1000]);
        assert_eq!(weights(&[(Some(2), GONE), (Some(1), FULL)]), [0, 1000]);
        assert_eq!(
            weights(&[(Some(2), GONE), (Some(1), GONE)]),
            [2000, 1000],
            "nothing is left of all"
        );
        let reduced = weights_of(&[(Some(2), GONE), (Some(1), FULL)]).expect("not all are whole");
        assert!(!reduced.admits(0, 0) && reduced.admits(1, 9));
    }

    proptest! {
        /// Laws: weights add up and stay in proportion to what is left; a member that is up with a weight left is
        /// drawn; as long as a member is up, one is a candidate at the first turn.
        #[test]
        fn reduced_weights_add_up(
            members in prop::collection::vec(
                (prop::option::of(1u16..=65_535), prop::sample::select(vec![0u8, 25, 100]), 1u8..=10), 2..400),
        ) {
            let members: Vec<(Option<u16>, ReducedWeight)> = members
                .into_iter()
                .map(|(weight, percent, tenths)| (weight, ReducedWeight { percent, tenths }))
                .collect();
            let Some(reduced) = weights_of(&members) else { return Ok(()) };
            let up: Vec<usize> = (0..members.len()).filter(|&at| members[at].0.is_some()).collect();
            prop_assume!(!up.is_empty());
            prop_assert!(up.iter().any(|&at| reduced.admits(at as u16, 0)));
            if reduced.sums.is_empty() {
                return Ok(());
            }
            let left = |at: usize| {
                let (weight, reduced) = members[at];
                f64::from(weight.unwrap_or(1)) * f64::from(reduced.percent) * f64::from(reduced.tenths)
            };
            prop_assume!(up.iter().any(|&at| left(at) > 0.0));
            let total: f64 = (0..members.len()).map(left).sum();
            let sum = f64::from(*reduced.sums.last().expect("members"));
            let mut before = 0;
            for at in 0..members.len() {
                let weight = reduced.sums[at] - before;
                before = reduced.sums[at];
                prop_assert_eq!(weight > 0, left(at) > 0.0);
                prop_assert_eq!(reduced.admits(at as u16, 0), left(at) > 0.0);
                prop_assert!((f64::from(weight) / sum - left(at) / total).abs() < 1e-6);
            }
        }
    }
}
