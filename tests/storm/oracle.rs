//! A second, slow and plain statement of rules a11-a13, a15, a23 and a24, to compare the engine with.

use std::collections::BTreeSet;

use leeward::health::Status;

use super::plan::{Plan, Tree};

/// What is known of one zone at one moment.
pub(crate) struct Oracle<'p> {
    /// The zone.
    pub(crate) plan: &'p Plan,
    /// Status by last octet.
    pub(crate) statuses: &'p dyn Fn(u32) -> Status,
    /// Pools that are drained.
    pub(crate) drained: BTreeSet<usize>,
    /// Pools that an operator holds down.
    pub(crate) down: BTreeSet<usize>,
    /// Places of the client, smallest first.
    pub(crate) chain: &'static [&'static str],
}

/// The steps of rule a12; the first is no last resort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resort {
    Healthy,
    Drained,
    NotHeld,
    All,
}

const RESORTS: [Resort; 4] = [
    Resort::Healthy,
    Resort::Drained,
    Resort::NotHeld,
    Resort::All,
];

impl Oracle<'_> {
    /// Returns every address that may be answered; nothing is NODATA.
    pub(crate) fn may_answer(&self, tree: &Tree) -> BTreeSet<u32> {
        if let Tree::Pool(pool) = tree {
            return self.members(*pool);
        }
        for resort in RESORTS {
            let candidates = self.candidates(tree, resort);
            if !candidates.is_empty() {
                let answers = candidates.into_iter().map(|below| self.may_answer(below));
                return answers.flatten().collect();
            }
        }
        BTreeSet::new()
    }

    /// Branches that the policy may choose.
    fn candidates<'t>(&self, tree: &'t Tree, resort: Resort) -> Vec<&'t Tree> {
        match tree {
            Tree::Pool(_) => Vec::new(),
            Tree::Failover(list) => {
                let first = list.iter().find(|below| self.counts(below, resort));
                first.into_iter().collect()
            }
            Tree::Weighted(list) => {
                let living = |is_standby: bool| -> Vec<&'t Tree> {
                    list.iter()
                        .filter(|(below, weight)| {
                            (*weight == 0) == is_standby && self.counts(below, resort)
                        })
                        .map(|(below, _)| below)
                        .collect()
                };
                let weighted = living(false);
                if weighted.is_empty() {
                    living(true)
                } else {
                    weighted
                }
            }
            Tree::Geo(..) => {
                let chain = self.chain_of(tree);
                let first = chain.into_iter().find(|below| self.counts(below, resort));
                first.into_iter().collect()
            }
        }
    }

    /// The branches of a geo that are this client's, smallest place first.
    fn chain_of<'t>(&self, tree: &'t Tree) -> Vec<&'t Tree> {
        let Tree::Geo(places, default) = tree else {
            return Vec::new();
        };
        let of_place = |place: &&str| places.iter().find(|(key, _)| key == place);
        let mut chain: Vec<&Tree> = self
            .chain
            .iter()
            .filter_map(of_place)
            .map(|(_, below)| below)
            .collect();
        chain.extend(default.as_deref());
        chain
    }

    /// Says whether a branch is a candidate at a step.
    fn counts(&self, tree: &Tree, resort: Resort) -> bool {
        match tree {
            Tree::Pool(pool) => {
                let wanted = match resort {
                    Resort::All => 0,
                    Resort::NotHeld => 1,
                    Resort::Healthy | Resort::Drained => self.plan.pools[*pool].min_healthy,
                };
                self.up(*pool, resort).len() >= wanted as usize
            }
            Tree::Failover(list) => list.iter().any(|below| self.counts(below, resort)),
            Tree::Weighted(list) => list.iter().any(|(below, _)| self.counts(below, resort)),
            Tree::Geo(..) => {
                let chain = self.chain_of(tree);
                chain.into_iter().any(|below| self.counts(below, resort))
            }
        }
    }

    /// Members of a pool that are up at a step.
    fn up(&self, pool: usize, resort: Resort) -> BTreeSet<u32> {
        let is_up = |member: &&u32| {
            let is_healthy = (self.statuses)(**member) != Status::Unhealthy;
            let (is_drained, is_down) = (self.drained.contains(&pool), self.down.contains(&pool));
            match resort {
                Resort::Healthy => is_healthy && !is_drained && !is_down,
                Resort::Drained => is_healthy && !is_down,
                Resort::NotHeld => !is_down,
                Resort::All => true,
            }
        };
        let members = self.plan.pools[pool].members.iter();
        members.filter(is_up).copied().collect()
    }

    /// Members that a pool answers from: the first step at which any is up.
    fn members(&self, pool: usize) -> BTreeSet<u32> {
        let steps = RESORTS.into_iter().map(|resort| self.up(pool, resort));
        steps
            .into_iter()
            .find(|up| !up.is_empty())
            .unwrap_or_default()
    }
}
