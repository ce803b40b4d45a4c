//! A [`Draw`] that lists instead of drawing: each run of a decision follows a script of choices, and the script of
//! the next run is the next one in order, until all ways have been walked.

use crate::answer::{Candidates, Draw, Note, Picked, Weights};
use crate::wire::Rtype;
use crate::zone::{NodeId, Options};

/// Ways that one explanation walks; beyond it the probabilities are of those walked.
pub(super) const WAYS_MAX: usize = 4096;

/// A choice on the way.
#[derive(Clone, Debug)]
struct Choice {
    taken: usize,
    options: Vec<(u16, f64)>,
}

/// Members that could be answered at the end of a way.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaf {
    /// First bit of the run.
    pub(super) first_bit: u32,
    /// Eligible members with their weights.
    pub(super) members: Vec<(u16, u32)>,
    /// True if the weights differ.
    pub(super) is_weighted: bool,
    /// Most members in one answer.
    pub(super) answers: usize,
}

/// A node passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) node: NodeId,
    pub(super) layer: usize,
    pub(super) chosen: Option<NodeId>,
    /// Facts about its draw.
    pub(super) notes: Vec<Note>,
}

/// Walks all ways of a decision, one a run.
#[derive(Debug, Default)]
pub(super) struct Lister {
    script: Vec<Choice>,
    at: usize,
    /// Probability of the way just walked.
    pub(super) probability: f64,
    /// Nodes passed on the way just walked.
    pub(super) visits: Vec<Visit>,
    /// Members at the end of each link of the way just walked.
    pub(super) leaves: Vec<Leaf>,
    /// Number of leaves of the answer itself, where more were decided for hints.
    own_leaves: Option<usize>,
    /// TTL of the answer of the way just walked before leases cut it, seconds; `None` if they may not cut it.
    pub(super) uncut_ttl: Option<u32>,
    /// Notes for the node that is visited next.
    pending: Vec<Note>,
}

impl Lister {
    /// Starts the next run.
    pub(super) fn begin(&mut self) {
        self.at = 0;
        self.probability = 1.0;
        self.visits.clear();
        self.leaves.clear();
        self.pending.clear();
        self.own_leaves = None;
        self.uncut_ttl = None;
    }

    /// Turns the script to the next way; returns whether there is one.
    pub(super) fn advance(&mut self) -> bool {
        while let Some(last) = self.script.last_mut() {
            last.taken += 1;
            if last.taken < last.options.len() {
                return true;
            }
            self.script.pop();
        }
        false
    }

    /// Returns the members that the answer is drawn from: those of the last link.
    pub(super) fn leaf(&self) -> Option<&Leaf> {
        let own = self.own_leaves.unwrap_or(self.leaves.len());
        self.leaves[..own].last()
    }

    fn choose(&mut self, options: Vec<(u16, f64)>) -> u16 {
        if self.at == self.script.len() {
            self.script.push(Choice { taken: 0, options });
        }
        let choice = &self.script[self.at];
        self.at += 1;
        let (chosen, probability) = choice
            .options
            .get(choice.taken)
            .copied()
            .unwrap_or((0, 0.0));
        self.probability *= probability;
        chosen
    }
}

/// Turns weights into probabilities.
pub(super) fn shares(weights: &[(u16, u32)]) -> Vec<(u16, f64)> {
    let total: f64 = weights.iter().map(|(_, weight)| f64::from(*weight)).sum();
    weights
        .iter()
        .map(|&(item, weight)| (item, f64::from(weight) / total))
        .collect()
}

impl Draw for Lister {
    const WANTED: bool = true;

    fn branch(&mut self, weights: Weights<'_>, mut is_eligible: impl FnMut(u16) -> bool) -> u16 {
        let eligible = weights.children().filter(|&child| is_eligible(child));
        let options: Vec<(u16, u32)> = eligible
            .map(|child| (child, weights.weight(child)))
            .collect();
        self.choose(shares(&options))
    }

    fn members(&mut self, candidates: Candidates<'_>, picked: &mut Picked) {
        let eligible =
            (candidates.first..candidates.end).filter(|&member| candidates.is_eligible(member));
        let members: Vec<(u16, u32)> = eligible
            .map(|member| (member, candidates.weight(member)))
            .collect();
        let mut leaf = Leaf {
            first_bit: candidates.run.first_bit,
            is_weighted: !candidates.sums.is_empty(),
            answers: candidates.answers,
            members,
        };
        if candidates.run.rtype == Rtype::CNAME {
            // Each target leads on by itself, so it is a way of its own.
            let chosen = self.choose(shares(&leaf.members));
            leaf.members.retain(|(member, _)| *member == chosen);
        }
        picked.len = leaf.members.len().min(candidates.answers);
        for (to, (member, _)) in picked.members.iter_mut().zip(&leaf.members) {
            *to = *member;
        }
        self.leaves.push(leaf);
    }

    fn turn_of(&mut self, sums: &[u32]) -> u16 {
        let mut before = 0;
        let turns = sums.iter().enumerate().map(|(turn, &sum)| {
            let length = sum - std::mem::replace(&mut before, sum);
            (turn as u16, length)
        });
        let turns: Vec<(u16, u32)> = turns.collect();
        self.choose(shares(&turns))
    }

    fn visit(&mut self, node: NodeId, layer: usize, chosen: Option<NodeId>) {
        self.visits.push(Visit {
            node,
            layer,
            chosen,
            notes: std::mem::take(&mut self.pending),
        });
    }

    fn enter(&mut self, options: &Options) {
        if options.sticky != (0, 0) {
            self.pending
                .push(Note::Sticky(options.sticky.0, options.sticky.1));
        }
    }

    fn note(&mut self, note: Note) {
        self.pending.push(note);
    }

    fn uncut(&mut self, ttl: u32) {
        if self.own_leaves.is_none() {
            self.uncut_ttl = Some(ttl);
        }
    }

    fn beside(&mut self) {
        self.own_leaves = self.own_leaves.or(Some(self.leaves.len()));
    }

    fn kept(&mut self, candidates: Candidates<'_>, picked: &Picked) {
        // What was picked is answered together, in this order.
        let members = picked.members[..picked.len].iter();
        self.leaves.push(Leaf {
            first_bit: candidates.run.first_bit,
            members: members
                .map(|&member| (member, candidates.weight(member)))
                .collect(),
            is_weighted: !candidates.sums.is_empty(),
            answers: candidates.answers,
        });
    }
}
