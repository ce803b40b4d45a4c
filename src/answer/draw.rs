//! Draws: which candidates there are, and how chance picks among them.
//!
//! In: candidates of a group or of a run, as [`super::DecisionInputs::decide`] finds them. Out: a child, or members.
//! Serving passes [`Chance`]; explain passes a lister. Never here: which candidates are eligible, or the order of
//! steps.

use ipnet::IpNet;

use crate::clock::WallTime;
use crate::view::{Horizon, Layer, RunWeights};
use crate::zone::{NodeId, Options, Run};

use super::chance::Chance;

/// Members in one answer (grammar of `answers`).
pub const ANSWERS_MAX: usize = 64;
/// Members that are shuffled in place; larger runs (multivalue over pools) are sampled in one pass.
pub const SHUFFLE_MAX: usize = 512;
/// Draws before a weighted choice falls back to one exact pass over the living.
const REDRAWS_MAX: usize = 16;

/// Members picked for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Picked {
    /// Indices within the run.
    pub members: [u16; ANSWERS_MAX],
    /// Number of members picked, at most [`ANSWERS_MAX`].
    pub len: usize,
}

impl Default for Picked {
    fn default() -> Self {
        Self {
            members: [0; ANSWERS_MAX],
            len: 0,
        }
    }
}

/// Number of the layer of last known bits, beside those of a view (0 to 2) and "all" (3).
pub const LAST_KNOWN: usize = 4;

/// Candidates of a group that a draw may take: those alive in a layer, or all.
#[derive(Clone, Copy, Debug)]
pub enum Among<'a> {
    /// Candidates healthy in this layer; the number of the layer.
    Living(&'a Layer, usize),
    /// All, on last resort.
    All,
}

/// Candidates of a weighted node: children `first + i` for `i` below `weights.len()` with prefix sums, or, if only
/// standby branches are eligible, children from there on with equal chance.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a> {
    /// The first child.
    pub first: NodeId,
    /// Prefix sums of the children drawn by weight; empty for an even draw.
    pub sums: &'a [u32],
    /// Index of the first candidate of an even draw.
    pub even_first: u16,
    /// Number of children.
    pub n: u16,
}

impl Weights<'_> {
    /// Returns the weight of a child; 1 in an even draw.
    pub fn weight(&self, child: u16) -> u32 {
        weight_of(self.sums, child)
    }

    /// Returns the children that may be drawn.
    pub fn children(&self) -> std::ops::Range<u16> {
        match self.sums.len() {
            0 => self.even_first..self.n,
            len => 0..len as u16,
        }
    }
}

/// Returns a weight from prefix sums; 1 where there are none.
fn weight_of(sums: &[u32], at: u16) -> u32 {
    let at = usize::from(at);
    match sums.get(at) {
        Some(sum) => sum - at.checked_sub(1).map_or(0, |before| sums[before]),
        None => 1,
    }
}

/// Fact about a draw, for explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Draws below are kept by client prefixes of these lengths (rule a46).
    Sticky(u8, u8),
    /// The draws below are made for this prefix.
    KeptFor(IpNet),
    /// Percent of the answers that go to the next healthy tier (rule a40).
    Trickle(u8),
    /// Shares are cut at what branches can carry (rule a58); percent that goes to `overflow`, rounded.
    Spill(u8),
    /// Every branch with capacity is full and no overflow takes the rest: shares by weight alone.
    OverCapacity,
    /// A failback, by number: the active tier stays, since then, although an earlier one is healthy (rule a41).
    Held(u32, WallTime),
    /// Least time until the answer could change, which cuts its TTL.
    Horizon(Horizon),
}

/// Candidates of a run.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    /// The run.
    pub run: &'a Run,
    /// First member index considered.
    pub first: u16,
    /// One past the last member index considered.
    pub end: u16,
    /// Members that may be picked, by health.
    pub among: Among<'a>,
    /// Prefix sums of weights, if they differ and count.
    pub sums: &'a [u32],
    /// Most members to pick.
    pub answers: usize,
    /// Weights of the run, if a member has a reduced one.
    pub reduced: Option<&'a RunWeights>,
    /// Turn of the draw, for members on their ramp.
    pub turn: u8,
}

impl Candidates<'_> {
    /// Returns whether a member is a candidate.
    #[inline]
    pub fn is_eligible(&self, member: u16) -> bool {
        let is_eligible = match self.among {
            Among::Living(layer, _) => layer.is_up(self.run.first_bit + u32::from(member)),
            Among::All => true,
        };
        is_eligible
            && self
                .reduced
                .is_none_or(|weights| weights.admits(member, self.turn))
    }

    /// Draws which members on their ramp are candidates this time (rule a57); if none of all would be, all are.
    pub(super) fn take_turn(&mut self, weights: &RunWeights, draw: &mut impl Draw) {
        if weights.turns.is_empty() {
            return;
        }
        let turn = usize::from(draw.turn_of(&weights.turns));
        // A member with so many tenths is a candidate at the turns before them.
        self.turn = turn
            .checked_sub(1)
            .and_then(|before| weights.turns.get(before))
            .map_or(0, |&end| end as u8);
        if !(self.first..self.end).any(|member| self.is_eligible(member)) {
            self.turn = 0;
        }
    }

    /// Returns the weight of a member; 1 where weights do not count.
    pub fn weight(&self, member: u16) -> u32 {
        weight_of(self.sums, member)
    }
}

/// A source of draws, and an observer of the decision. Serving passes [`Chance`]; explain lists instead of drawing.
pub trait Draw {
    /// True if the observer is used; serving compiles the calls to nothing.
    const WANTED: bool = false;

    /// Draws a child of a weighted node; `is_eligible` says which may be taken, and at least one may.
    fn branch(&mut self, weights: Weights<'_>, is_eligible: impl FnMut(u16) -> bool) -> u16;

    /// Picks members; at least one is eligible.
    fn members(&mut self, candidates: Candidates<'_>, picked: &mut Picked);

    /// Picks the record that a static RRset of `count` even records starts with.
    fn turn(&mut self, _count: u16) -> u16 {
        0
    }

    /// Draws one of several turns, by prefix sums of their lengths.
    fn turn_of(&mut self, _sums: &[u32]) -> u16 {
        0
    }

    /// Called with each node passed and the layer its candidates came from (3 is "all", 4 [`LAST_KNOWN`]).
    fn visit(&mut self, _node: NodeId, _layer: usize, _chosen: Option<NodeId>) {}

    /// Called with the options of a node before its candidates are evaluated.
    fn enter(&mut self, _options: &Options) {}

    /// Called before a node is visited, with a fact about its draw.
    fn note(&mut self, _note: Note) {}

    /// Called with the TTL of an answer in seconds before leases cut it (rule a28).
    fn uncut(&mut self, _ttl: u32) {}
    /// Called before decisions for the hints of a record and for the same addresses in the additional section.
    fn beside(&mut self) {}

    /// Called with members that were picked without a draw.
    fn kept(&mut self, _candidates: Candidates<'_>, _picked: &Picked) {}
}

impl Among<'_> {
    /// Returns the number of the layer; 3 is "all".
    pub const fn layer(&self) -> usize {
        match self {
            Self::Living(_, layer) => *layer,
            Self::All => 3,
        }
    }
}

impl Draw for Chance {
    fn turn_of(&mut self, sums: &[u32]) -> u16 {
        sums.last()
            .map_or(0, |&total| by_sums(sums, self.below(total)))
    }

    #[inline]
    fn turn(&mut self, count: u16) -> u16 {
        self.below(u32::from(count)) as u16
    }

    #[inline]
    fn branch(&mut self, weights: Weights<'_>, mut is_eligible: impl FnMut(u16) -> bool) -> u16 {
        if let Some(&total) = weights.sums.last() {
            for _ in 0..REDRAWS_MAX {
                let child = by_sums(weights.sums, self.below(total));
                if is_eligible(child) {
                    return child;
                }
            }
            return exact(self, weights.sums, is_eligible);
        }
        even(self, weights.even_first, weights.n, is_eligible)
    }

    #[inline]
    fn members(&mut self, candidates: Candidates<'_>, picked: &mut Picked) {
        if candidates.sums.is_empty() {
            pick_evenly(self, &candidates, picked);
        } else {
            pick_by_weight(self, &candidates, picked);
        }
    }
}

/// Finds the child that a number below the total falls to.
#[inline]
fn by_sums(sums: &[u32], number: u32) -> u16 {
    sums.partition_point(|&sum| sum <= number) as u16
}

/// Draws by weight among the eligible in one pass: the same distribution as redrawing for ever.
fn exact(chance: &mut Chance, sums: &[u32], mut is_eligible: impl FnMut(u16) -> bool) -> u16 {
    let mut total = 0;
    let mut chosen = 0;
    let mut before = 0;
    for (child, &sum) in sums.iter().enumerate() {
        let weight = sum - before;
        before = sum;
        if is_eligible(child as u16) {
            total += weight;
            // Reservoir: the child stays with chance weight / total.
            if chance.below(total) < weight {
                chosen = child as u16;
            }
        }
    }
    chosen
}

/// Draws evenly among the eligible of `first..end`.
fn even(
    chance: &mut Chance,
    first: u16,
    end: u16,
    mut is_eligible: impl FnMut(u16) -> bool,
) -> u16 {
    let mut count = 0;
    let mut chosen = first;
    for child in first..end {
        if is_eligible(child) {
            count += 1;
            if chance.below(count) == 0 {
                chosen = child;
            }
        }
    }
    chosen
}

/// Picks up to `answers` eligible members in random order: a partial Fisher-Yates shuffle.
#[inline]
fn pick_evenly(chance: &mut Chance, candidates: &Candidates<'_>, picked: &mut Picked) {
    match usize::from(candidates.end - candidates.first) {
        ..=64 if candidates.reduced.is_none() => pick_from_word(chance, candidates, picked),
        ..=SHUFFLE_MAX => shuffle(chance, candidates, picked),
        _ => sample(chance, candidates, picked),
    }
}

/// Picks as [`shuffle`] does, draw for draw, where the eligible fit one word of bits.
#[inline]
fn pick_from_word(chance: &mut Chance, candidates: &Candidates<'_>, picked: &mut Picked) {
    let span = u32::from(candidates.end - candidates.first);
    let mut left = match candidates.among {
        Among::Living(layer, _) => {
            layer.up_word(candidates.run.first_bit + u32::from(candidates.first), span)
        }
        Among::All => u64::MAX >> (64 - span.max(1)),
    };
    let mut eligible = [0u16; 64];
    let mut count = 0;
    while left != 0 {
        eligible[count & 63] = candidates.first + left.trailing_zeros() as u16;
        count += 1;
        left &= left - 1;
    }
    take_first(chance, &mut eligible[..count], candidates.answers, picked);
}

fn shuffle(chance: &mut Chance, candidates: &Candidates<'_>, picked: &mut Picked) {
    let mut eligible = [0u16; SHUFFLE_MAX];
    let mut count = 0;
    for member in candidates.first..candidates.end {
        if candidates.is_eligible(member) {
            eligible[count] = member;
            count += 1;
        }
    }
    take_first(chance, &mut eligible[..count], candidates.answers, picked);
}

/// Shuffles as many of the eligible to the front as are answered, and picks them.
#[inline]
fn take_first(chance: &mut Chance, eligible: &mut [u16], answers: usize, picked: &mut Picked) {
    picked.len = eligible.len().min(answers);
    for n in 0..picked.len {
        let other = n + chance.below((eligible.len() - n) as u32) as usize;
        eligible.swap(n, other);
        picked.members[n] = eligible[n];
    }
}

/// Picks up to `answers` eligible members of a large run in one pass: reservoir sampling, then a shuffle.
fn sample(chance: &mut Chance, candidates: &Candidates<'_>, picked: &mut Picked) {
    let mut seen = 0u32;
    picked.len = 0;
    for member in candidates.first..candidates.end {
        if !candidates.is_eligible(member) {
            continue;
        }
        seen += 1;
        if picked.len < candidates.answers {
            picked.members[picked.len] = member;
            picked.len += 1;
        } else {
            let at = chance.below(seen) as usize;
            if at < picked.len {
                picked.members[at] = member;
            }
        }
    }
    for n in 0..picked.len {
        let other = n + chance.below((picked.len - n) as u32) as usize;
        picked.members.swap(n, other);
    }
}

/// Picks up to `answers` eligible members, each draw in proportion to weight among those not yet picked (rule a22).
fn pick_by_weight(chance: &mut Chance, candidates: &Candidates<'_>, picked: &mut Picked) {
    picked.len = 0;
    while picked.len < candidates.answers {
        let is_left = |member: u16| {
            let is_new = !picked.members[..picked.len].contains(&member);
            is_new && member < candidates.end && candidates.is_eligible(member)
        };
        if !(candidates.first..candidates.end).any(is_left) {
            break;
        }
        let weights = Weights {
            first: 0,
            sums: candidates.sums,
            even_first: 0,
            n: 0,
        };
        let member = chance.branch(weights, is_left);
        picked.members[picked.len] = member;
        picked.len += 1;
    }
}
