//! Draws within capacity: branches that carry at most so much, and a trickle for the next tier (rules a40, a58).
//!
//! In: a failover or weighted node with its options, and who is eligible. Out: the child drawn. Never here: health; what a
//! node does without these options.

use crate::zone::{Node, NodeId, Options};

use super::decide::DecisionInputs;
use super::draw::{Among, Draw, Note, Weights};

/// Tiers of a failover node (zone format, section 2).
const TIERS_MAX: usize = 16;
/// Branches of a weighted node (zone format, section 2).
const BRANCHES_MAX: usize = 100;
/// The whole of a node's traffic, in the unit of shares: whole percents are exact, and rounding elsewhere loses less than
/// a millionth.
const WHOLE: u32 = 1_000_000_000;

impl<'a> DecisionInputs<'a> {
    /// Draws between the tier chosen and the next healthy one, which gets a trickle (rule a40).
    pub(super) fn trickled(
        &self,
        node: &Node,
        options: &Options,
        chosen: NodeId,
        among: Among<'a>,
        draw: &mut impl Draw,
    ) -> NodeId {
        let tiers = usize::from(node.n);
        let at = (chosen - node.first) as usize;
        let percent = u32::from(options.trickle_percent);
        if percent == 0 || tiers > TIERS_MAX {
            return chosen;
        }
        let is_living = |tier: usize| self.is_living(node.first + tier as u32, among);
        let Some(next) = (at + 1..tiers).find(|&tier| is_living(tier)) else {
            return chosen;
        };
        let mut sums = [0; TIERS_MAX];
        sums[at..next].fill(100 - percent);
        sums[next..tiers].fill(100);
        let weights = Weights {
            first: node.first,
            sums: &sums[..tiers],
            even_first: 0,
            n: node.n,
        };
        draw.note(Note::Trickle(options.trickle_percent));
        let is_eligible = |tier: u16| usize::from(tier) == at || usize::from(tier) == next;
        node.first + u32::from(draw.branch(weights, is_eligible))
    }

    /// Draws by weight within what each branch can carry; the rest goes to `overflow` while that is healthy, else
    /// everything goes by weight (rule a58). `None` if no branch is eligible.
    pub(super) fn drawn_within(
        &self,
        node: &Node,
        options: &Options,
        among: Among<'a>,
        draw: &mut impl Draw,
    ) -> Option<NodeId> {
        let (Some(first), true) = (options.capacities, usize::from(node.n) <= BRANCHES_MAX) else {
            return self.drawn(node, among, draw);
        };
        let mut weights = [0; BRANCHES_MAX];
        if !self.eligible_weights(node, among, &mut weights) {
            return None;
        }
        let n = usize::from(node.n);
        let capacities = &self.policies.capacities[first as usize..first as usize + n];
        let mut shares = [0; BRANCHES_MAX];
        let rest = spread(&weights[..n], capacities, &mut shares[..n]);
        let layers = &self.view.layers;
        let overflow = options.overflow.filter(|&overflow| {
            layers
                .first()
                .is_some_and(|layer| self.is_living(overflow, Among::Living(layer, 0)))
        });
        let mut sums = [0; BRANCHES_MAX + 1];
        let mut sum = 0;
        let is_over = rest > 0 && overflow.is_none();
        for (child, room) in sums[..n].iter_mut().enumerate() {
            sum += if is_over {
                weights[child]
            } else {
                shares[child]
            };
            *room = sum;
        }
        sums[n] = sum + rest;
        if is_over {
            draw.note(Note::OverCapacity);
        } else {
            draw.note(Note::Spill(percent(rest)));
        }
        let weights = Weights {
            first: node.first,
            sums: &sums[..n + usize::from(overflow.is_some())],
            even_first: 0,
            n: node.n,
        };
        let child = draw.branch(weights, |child| weights.weight(child) > 0);
        match overflow {
            Some(overflow) if usize::from(child) == n => Some(overflow),
            _ => Some(node.first + u32::from(child)),
        }
    }

    /// Writes the weights of the children that may be drawn, 0 for others: those with weight, else standby ones equally
    /// (rule a15). Returns whether any weight is above 0.
    fn eligible_weights(
        &self,
        node: &Node,
        among: Among<'a>,
        out: &mut [u32; BRANCHES_MAX],
    ) -> bool {
        let start = node.extra as usize;
        let tier = self.policies.sums[start] as u16;
        let sums = &self.policies.sums[start + 1..start + 1 + usize::from(tier)];
        let mut any = false;
        let mut before = 0;
        for child in 0..node.n {
            if child == tier && any {
                break;
            }
            let weight = sums.get(usize::from(child)).map_or(1, |sum| sum - before);
            before = sums.get(usize::from(child)).copied().unwrap_or(before);
            if self.is_living(node.first + u32::from(child), among) {
                out[usize::from(child)] = weight;
                any = true;
            }
        }
        any
    }
}

fn percent(share: u32) -> u8 {
    ((u64::from(share) * 100 + u64::from(WHOLE) / 2) / u64::from(WHOLE)) as u8
}

/// Spreads the whole over branches by weight, none above its capacity in percent; returns what no branch can carry.
///
/// Branches whose share by weight is above their capacity are filled, and the rest is spread over the others by weight,
/// until none is above or all are full.
fn spread(weights: &[u32], capacities: &[u8], shares: &mut [u32]) -> u32 {
    let mut rest = u64::from(WHOLE);
    let mut open: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
    let mut is_full = [false; BRANCHES_MAX];
    let most = |at: usize| u64::from(WHOLE) * u64::from(capacities[at]) / 100;
    // Each round fills a branch or is the last.
    for _ in 0..=weights.len() {
        let (whole, all) = (rest, open);
        let mut any = false;
        for (at, &weight) in weights.iter().enumerate() {
            let weight = u64::from(weight);
            if weight > 0 && !is_full[at] && whole * weight > most(at) * all {
                is_full[at] = true;
                shares[at] = most(at) as u32;
                rest -= most(at);
                open -= weight;
                any = true;
            }
        }
        if !any {
            break;
        }
    }
    if open == 0 {
        return rest as u32;
    }
    let mut spread = 0;
    for (at, &weight) in weights.iter().enumerate() {
        if weight > 0 && !is_full[at] {
            shares[at] = (rest * u64::from(weight) / open) as u32;
            spread += u64::from(shares[at]);
        }
    }
    // Units lost to rounding go to the first branch that is not full: fewer than the number of branches.
    if let Some(at) = (0..weights.len()).find(|&at| weights[at] > 0 && !is_full[at]) {
        shares[at] += (rest - spread) as u32;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shares_of(weights: &[u32], capacities: &[u8]) -> (Vec<u32>, u32) {
        let mut shares = vec![0; weights.len()];
        let rest = spread(weights, capacities, &mut shares);
        (shares, rest)
    }

    #[test]
    fn spreads_in_proportion_up_to_what_each_can_carry() {
        /// Title, weights, capacities, shares, what is left.
        type Case = (
            &'static str,
            &'static [u32],
            &'static [u8],
            &'static [u8],
            u8,
        );
        #[rustfmt::skip]
        let cases: [Case; 7] = [
            ("nothing is cut", &[50, 30, 20], &[60, 60, 60], &[50, 30, 20], 0),
            ("the loss of one spreads in proportion", &[0, 30, 20], &[60, 100, 100], &[0, 60, 40], 0),
            ("what is cut goes to the others", &[0, 30, 20], &[60, 50, 60], &[0, 50, 50], 0),
            ("all are full", &[0, 30, 20], &[60, 50, 30], &[0, 50, 30], 20),
            ("filling one fills the next", &[80, 15, 5], &[40, 40, 40], &[40, 40, 20], 0),
            ("one alone", &[0, 7, 0], &[10, 25, 10], &[0, 25, 0], 75),
            ("without limits", &[1, 1, 2], &[100, 100, 100], &[25, 25, 50], 0),
        ];
        for (title, weights, capacities, wanted, wanted_rest) in cases {
            let (shares, rest) = shares_of(weights, capacities);
            let found: Vec<u8> = shares.iter().map(|&share| percent(share)).collect();
            assert_eq!(
                (&found[..], percent(rest)),
                (wanted, wanted_rest),
                "{title}"
            );
        }
    }

    proptest! {
        /// Laws of rule a58: no share above its capacity, shares and rest add up, a rest only where all are full,
        /// and those that are not full stand in proportion to their weights.
        #[test]
        fn never_plans_more_than_a_branch_can_carry(
            branches in prop::collection::vec((0u32..100, 1u8..=100), 1..20),
        ) {
            let (weights, capacities): (Vec<u32>, Vec<u8>) = branches.into_iter().unzip();
            prop_assume!(weights.iter().any(|&weight| weight > 0));
            let (shares, rest) = shares_of(&weights, &capacities);
            let units = weights.len() as u64 + 1;
            let most = |at: usize| u64::from(WHOLE) * u64::from(capacities[at]) / 100;
            let total: u64 = shares.iter().map(|&share| u64::from(share)).sum();
            prop_assert_eq!(total + u64::from(rest), u64::from(WHOLE));
            let mut open: Option<usize> = None;
            for at in 0..weights.len() {
                prop_assert!(u64::from(shares[at]) <= most(at) + units);
                prop_assert!(weights[at] > 0 || shares[at] == 0);
                let is_full = u64::from(shares[at]) + units >= most(at);
                prop_assert!(rest == 0 || weights[at] == 0 || is_full);
                if weights[at] > 0 && !is_full {
                    let other = *open.get_or_insert(at);
                    let of = |share: usize, weight: usize| {
                        u64::from(shares[share]) * u64::from(weights[weight])
                    };
                    let off = of(at, other).abs_diff(of(other, at));
                    prop_assert!(off <= units * u64::from(weights[at] + weights[other]));
                }
            }
        }

        /// Law: the loss of a branch takes nothing from the others.
        #[test]
        fn the_loss_of_one_lowers_nobody(
            branches in prop::collection::vec((1u32..100, 1u8..=100), 2..20),
            lost in any::<prop::sample::Index>(),
        ) {
            let (mut weights, capacities): (Vec<u32>, Vec<u8>) = branches.into_iter().unzip();
            let (before, rest_before) = shares_of(&weights, &capacities);
            let lost = lost.index(weights.len());
            weights[lost] = 0;
            let (after, rest_after) = shares_of(&weights, &capacities);
            let units = weights.len() as u32 + 1;
            for at in (0..weights.len()).filter(|&at| at != lost) {
                prop_assert!(after[at] + units >= before[at]);
            }
            prop_assert!(rest_after >= rest_before);
        }
    }
}
