//! A witness of failbacks: the active tier, since when each is healthy, and whether each move had its reason (rule a41).
//!
//! In: the core after each change, and what changed it. Out: broken laws, counts. Never here: the code that is judged; the
//! rules are written a second time, by another hand.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use leeward::clock::Moment;
use leeward::health::{FailbackRule, Status};

use super::octet;
use crate::scenarios::core::Core;

/// What changed the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Time passed.
    Time,
    /// A status changed, or files.
    Health,
    /// An operator released.
    Release,
}

/// What was seen of one failover.
#[derive(Default)]
struct Seen {
    tier: Option<u8>,
    healthy_since: HashMap<u8, Moment>,
}

/// What was seen of all, by key.
pub(crate) struct Witness {
    seen: HashMap<String, Seen>,
    /// Moves from tier to tier.
    pub(crate) moves: u32,
    /// Looks that found one held.
    pub(crate) held: u32,
}

impl Witness {
    pub(crate) fn new(core: &Core) -> Self {
        let mut witness = Self {
            seen: HashMap::new(),
            moves: 0,
            held: 0,
        };
        witness.look(core, Cause::Health);
        witness
    }

    /// Calm periods begin anew.
    pub(crate) fn forget_calm(&mut self) {
        for seen in self.seen.values_mut() {
            seen.healthy_since.clear();
        }
    }

    /// Evaluates what the core does now.
    pub(crate) fn look(&mut self, core: &Core, cause: Cause) {
        let world = core.world();
        let policies = &world.snapshot.zones[0].zone.policies;
        let view = &world.view.zones[0];
        let state = view.policy_state.as_ref().expect("a zone with failbacks");
        for (failback, active) in policies.failbacks.iter().zip(&state.active_tiers) {
            let node = &policies.nodes[failback.node as usize];
            let healthy: Vec<u8> = (0..node.n as u8)
                .filter(|tier| view.layers[0].is_alive(node.first + u32::from(*tier)))
                .collect();
            let seen = self.seen.entry(failback.key.clone()).or_default();
            let now = core.now;
            seen.healthy_since.retain(|tier, _| healthy.contains(tier));
            for tier in &healthy {
                seen.healthy_since.entry(*tier).or_insert(now);
            }
            let is_calm = |tier: &u8, calm| now.since(seen.healthy_since[tier]) >= calm;
            let is_due = |tier: &u8| match failback.rule {
                FailbackRule::Manual => false,
                FailbackRule::After(calm) => is_calm(tier, calm),
                FailbackRule::Window(window) => window.is_open(core.wall),
            };
            let told = format!("{} {cause:?} {active:?}, healthy {healthy:?}", failback.key);
            let tier = active.tier;
            let is_healthy = healthy.contains(&tier);
            assert!(
                is_healthy || healthy.is_empty(),
                "not the active one: {told}"
            );
            let is_held = healthy.first().is_some_and(|first| *first < tier);
            assert_eq!(active.is_held, is_held, "{told}");
            self.held += u32::from(is_held);
            if cause == Cause::Time {
                let overdue = healthy
                    .iter()
                    .any(|earlier| *earlier < tier && is_due(earlier));
                assert!(!overdue, "an earlier tier is due: {told}");
            }
            if let Some(before) = seen.tier.filter(|before| *before != tier) {
                self.moves += 1;
                if healthy.contains(&before) && cause != Cause::Release {
                    assert!(tier < before && is_due(&tier), "from {before}: {told}");
                } else if cause == Cause::Release {
                    assert_eq!(
                        healthy.first().unwrap_or(&0),
                        &tier,
                        "from {before}: {told}"
                    );
                } else {
                    assert_eq!(healthy.first(), Some(&tier), "from {before}: {told}");
                }
            }
            seen.tier = Some(tier);
        }
    }

    /// Returns the addresses of some targets that are not unhealthy.
    pub(crate) fn up_members(&self, core: &Core, among: RangeInclusive<u32>) -> BTreeSet<String> {
        let rows = core.targets.rows();
        let up = rows.filter(|row| row.state.status != Status::Unhealthy);
        up.map(|row| octet(&row.target.probe.endpoint))
            .filter(|target| among.contains(target))
            .map(|target| format!("192.0.2.{target}"))
            .collect()
    }
}
