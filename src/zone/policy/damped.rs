//! Input of a builder for nodes and members whose answers depend on more than bits: failbacks, last known states,
//! ramps, targets that can be degraded.
//!
//! In: calls of the compiler, uses of targets. Out: tables by number. Never here: states; they are the view's.

use std::collections::HashMap;

use crate::health::FailbackRule;

use super::build::PolicyBuilder;
use super::condition::{Condition, ConditionId};
use super::csr::Csr;
use super::program::{AllDown, Failback, LastKnown, NONE};

impl PolicyBuilder {
    /// Returns the number of a failback; equal keys are one.
    pub fn failback(
        &mut self,
        key: String,
        place: String,
        rule: FailbackRule,
        tiers: Box<[Box<str>]>,
    ) -> u32 {
        if let Some(&known) = self.failback_ids.get(&key) {
            return known;
        }
        let number = self.failbacks.len() as u32;
        self.failback_ids.insert(key.clone(), number);
        self.failbacks.push(Failback {
            key,
            place,
            rule,
            tiers,
            node: NONE,
        });
        number
    }

    /// Returns the number of a node that answers as it did last; equal keys are one.
    pub fn last_known(&mut self, key: String) -> u32 {
        if let Some(&known) = self.last_ids.get(&key) {
            return known;
        }
        let number = self.lasts.len() as u32;
        self.last_ids.insert(key.clone(), number);
        self.lasts.push(LastKnown { key, node: NONE });
        number
    }

    /// Marks the zone as one with maintenance.
    pub fn plans(&mut self) {
        self.has_plans = true;
    }

    /// Sets the ramp of a member, by its condition, in milliseconds.
    pub fn ramp(&mut self, member: ConditionId, ramp_millis: u32) {
        let Condition::Member { bit, .. } = self.conditions[member as usize] else {
            return;
        };
        if ramp_millis > 0 {
            let end = self.ramps.len().max(bit as usize + 1);
            self.ramps.resize(end, 0);
            self.ramps[bit as usize] = ramp_millis;
        }
    }

    /// Finds the nodes of failbacks and last known states, now that all are placed, and gives every member a ramp if any
    /// has one.
    pub(super) fn place_damped(&mut self) {
        if !self.ramps.is_empty() {
            self.ramps.resize(self.member_conditions.len(), 0);
        }
        for (id, node) in self.nodes.iter().enumerate() {
            let options = &self.options[node.options as usize];
            if let Some(number) = options.failback {
                self.failbacks[number as usize].node = id as u32;
            }
            if let AllDown::Last(number) = options.all_down {
                self.lasts[number as usize].node = id as u32;
            }
        }
    }

    /// Lists the members of each target that can be degraded: those that a use of it names.
    pub(super) fn soft_members(&self) -> Csr {
        let is_soft = |slot: u32| self.targets[slot as usize].damping.degraded.is_some();
        if !self.uses.iter().any(|used| is_soft(used.slot)) {
            return Csr::default();
        }
        let mut by_label: HashMap<(&str, &str), Vec<u32>> = HashMap::new();
        for (bit, label) in self.labels.iter().enumerate() {
            let pool = self.pools[label.pool as usize].as_str();
            let key = (pool, label.text.as_str());
            by_label.entry(key).or_default().push(bit as u32);
        }
        let mut pairs = Vec::new();
        for used in self.uses.iter().filter(|used| is_soft(used.slot)) {
            let key = (used.pool.as_str(), used.member.as_str());
            let members = by_label.get(&key).map_or(&[][..], Vec::as_slice);
            pairs.extend(members.iter().map(|&bit| (used.slot, bit)));
        }
        Csr::group(self.targets.len(), &pairs)
    }
}
