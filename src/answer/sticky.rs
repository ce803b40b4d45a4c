//! Sticky draws: one client prefix gets the same branches and members while they are healthy (`sticky`, rule a46).
//!
//! In: a source of draws, and the address that asks. Out: the same calls, answered by weighted rendezvous hashing from
//! the first sticky node on; before it and without one they are passed on. Never here: which candidates there are.
//!
//! Every candidate gets the score `weight / -ln(u)`, where `u` is a hash of the prefix, the candidate and the number of
//! the draw on the way; the highest scores win. So shares over clients follow the weights, and a client that loses a
//! candidate goes to the next in its own order while all others stay where they are. The hash has no secret: all
//! servers of a zone, and each of their restarts, agree.

use ipnet::IpNet;

use crate::wire::fold;
use crate::zone::{NodeId, Options, Policies};

use super::draw::{ANSWERS_MAX, Candidates, Draw, Note, Picked, Weights};

/// Any odd constants; they keep labels, RDATA and prefixes apart.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const STEP: u64 = 0xa076_1d64_78bd_642f;

/// A source of draws that keeps clients where they are.
pub(super) struct Sticky<'d, D> {
    inner: &'d mut D,
    policies: &'d Policies,
    /// Address or prefix of the client.
    client: IpNet,
    /// Hash of the prefix, once a sticky node has been passed.
    key: Option<u64>,
    /// Draws made by hash on this way.
    draws: u64,
}

impl<'d, D: Draw> Sticky<'d, D> {
    /// Wraps a source of draws for a client prefix.
    pub(super) fn new(inner: &'d mut D, policies: &'d Policies, client: IpNet) -> Self {
        Self {
            inner,
            policies,
            client,
            key: None,
            draws: 0,
        }
    }

    /// Returns the hash that scores this draw's candidates are made of.
    fn next_key(&mut self, key: u64) -> u64 {
        self.draws += 1;
        fold(key ^ SEED, self.draws.wrapping_mul(STEP) | 1)
    }
}

/// Hashes a prefix without host bits.
fn hash_prefix(network: IpNet) -> u64 {
    let (high, low) = match network {
        IpNet::V4(v4) => (u64::from(v4.addr().to_bits()), 4),
        IpNet::V6(v6) => {
            let bits = v6.addr().to_bits();
            ((bits >> 64) as u64, bits as u64 ^ 6)
        }
    };
    let len = u64::from(network.prefix_len());
    fold(fold(high ^ SEED, STEP ^ len), low ^ STEP)
}

/// Hashes the octets that identify a candidate.
fn hash_octets(octets: &[u8]) -> u64 {
    let mut hash = octets.len() as u64 ^ SEED;
    for chunk in octets.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = fold(hash ^ u64::from_le_bytes(word), STEP);
    }
    fold(hash ^ STEP, SEED)
}

/// Scores a candidate; the highest wins. A score is finite and above 0 for every weight above 0.
fn score(key: u64, candidate: u64, weight: u32) -> f64 {
    let hash = fold(key ^ candidate, candidate.rotate_left(32) ^ SEED);
    // 53 bits, moved half a step from 0 and 1.
    let even = ((hash >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    f64::from(weight) / -even.ln()
}

impl<D: Draw> Draw for Sticky<'_, D> {
    const WANTED: bool = D::WANTED;

    fn branch(&mut self, weights: Weights<'_>, mut is_eligible: impl FnMut(u16) -> bool) -> u16 {
        let Some(key) = self.key else {
            return self.inner.branch(weights, is_eligible);
        };
        let key = self.next_key(key);
        let mut best = (weights.even_first, 0.0);
        for child in weights.children() {
            if !is_eligible(child) {
                continue;
            }
            let candidate = branch_hash(self.policies, &weights, child);
            let score = score(key, candidate, weights.weight(child));
            if score > best.1 {
                best = (child, score);
            }
        }
        best.0
    }

    fn members(&mut self, candidates: Candidates<'_>, picked: &mut Picked) {
        let Some(key) = self.key else {
            return self.inner.members(candidates, picked);
        };
        let key = self.next_key(key);
        let mut scores = [0.0; ANSWERS_MAX];
        picked.len = 0;
        for member in candidates.first..candidates.end {
            if !candidates.is_eligible(member) {
                continue;
            }
            let rdata = self.policies.rdata(candidates.run, usize::from(member));
            let score = score(key, hash_octets(rdata), candidates.weight(member));
            insert(picked, &mut scores, candidates.answers, member, score);
        }
        self.inner.kept(candidates, picked);
    }

    fn turn_of(&mut self, sums: &[u32]) -> u16 {
        let Some(key) = self.key else {
            return self.inner.turn_of(sums);
        };
        // A client has one number for ever, so that it comes to a member on its ramp once and stays. It does not count as a
        // draw: when the ramp ends, the draws below are what they were.
        let total = sums.last().copied().unwrap_or(0);
        let number = ((fold(key ^ STEP, SEED) >> 32) * u64::from(total)) >> 32;
        sums.partition_point(|&sum| u64::from(sum) <= number) as u16
    }

    fn turn(&mut self, count: u16) -> u16 {
        self.inner.turn(count)
    }

    fn visit(&mut self, node: NodeId, layer: usize, chosen: Option<NodeId>) {
        self.inner.visit(node, layer, chosen);
    }

    fn enter(&mut self, options: &Options) {
        self.inner.enter(options);
        let wanted = match self.client {
            IpNet::V4(_) => options.sticky.0,
            IpNet::V6(_) => options.sticky.1,
        };
        let len = wanted.min(self.client.prefix_len());
        if wanted > 0
            && let Ok(kept) = IpNet::new(self.client.addr(), len)
        {
            let network = kept.trunc();
            self.key = Some(hash_prefix(network));
            self.inner.note(Note::KeptFor(network));
        }
    }

    fn note(&mut self, note: Note) {
        self.inner.note(note);
    }

    fn uncut(&mut self, ttl: u32) {
        self.inner.uncut(ttl);
    }

    fn beside(&mut self) {
        self.inner.beside();
    }
}

/// Hashes a branch by its label, so that it keeps its clients when others come, go or change places.
fn branch_hash(policies: &Policies, weights: &Weights<'_>, child: u16) -> u64 {
    if child < weights.n {
        let label = &policies.branch_labels[(weights.first + u32::from(child)) as usize];
        return hash_octets(label.as_bytes());
    }
    // The child after the last is `overflow`, of which a node has one.
    SEED
}

/// Puts a member among the best, highest score first.
fn insert(
    picked: &mut Picked,
    scores: &mut [f64; ANSWERS_MAX],
    answers: usize,
    member: u16,
    score: f64,
) {
    let better = scores[..picked.len].partition_point(|&known| known >= score);
    if better >= answers {
        return;
    }
    picked.len = (picked.len + 1).min(answers);
    scores.copy_within(better..picked.len - 1, better + 1);
    picked
        .members
        .copy_within(better..picked.len - 1, better + 1);
    scores[better] = score;
    picked.members[better] = member;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::Ipv4Net;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    /// The candidate that a client gets, and its order of all.
    fn order(client: u32, weights: &[u32], living: &[bool]) -> Vec<usize> {
        let network = Ipv4Net::new_assert(Ipv4Addr::from_bits(client << 8), 24);
        let key = hash_prefix(network.into());
        let mut scored: Vec<(f64, usize)> = weights
            .iter()
            .enumerate()
            .filter(|(at, _)| living[*at])
            .map(|(at, &weight)| (score(key, hash_octets(&[at as u8, 7, 7, 7]), weight), at))
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        scored.into_iter().map(|(_, at)| at).collect()
    }

    #[test]
    fn shares_over_clients_are_as_the_weights_say() {
        const CLIENTS: u32 = 40_000;
        let weights = [6u32, 3, 1];
        let mut counts = [0u32; 3];
        for client in 0..CLIENTS {
            counts[order(client, &weights, &[true; 3])[0]] += 1;
        }
        for (count, weight) in counts.iter().zip(weights) {
            let share = f64::from(*count) / f64::from(CLIENTS);
            assert!(
                (share - f64::from(weight) / 10.0).abs() < 0.01,
                "{counts:?}"
            );
        }
    }

    #[test]
    fn the_best_members_are_kept_in_order() {
        let mut picked = Picked::default();
        let mut scores = [0.0; ANSWERS_MAX];
        for (member, score) in [(4, 2.0), (5, 9.0), (6, 5.0), (7, 1.0), (8, 7.0)] {
            insert(&mut picked, &mut scores, 3, member, score);
        }
        assert_eq!(picked.members[..picked.len], [5, 8, 6]);
    }

    proptest! {
        /// Law: clients that lose their candidate take the next in their order; all others stay.
        #[test]
        fn losing_a_candidate_moves_only_its_clients(
            weights in prop::collection::vec(1u32..100, 2..12),
            lost in any::<prop::sample::Index>(),
            clients in prop::collection::vec(0u32..1 << 24, 50),
        ) {
            let lost = lost.index(weights.len());
            let mut living = vec![true; weights.len()];
            for client in clients {
                living[lost] = true;
                let mut before = order(client, &weights, &living);
                living[lost] = false;
                before.retain(|&at| at != lost);
                prop_assert_eq!(order(client, &weights, &living), before);
            }
        }
    }
}
