//! Resolved addresses of flattened targets, when each is looked up again, and pending changes.
//!
//! In: the targets that zones name, reports of lookups, `now`. Out: names to look up, sets of addresses, times left.
//! Never here: sockets, clocks; a law of time is a law of plain numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Moment, WallTime};
use crate::wire::{Name, Rtype};

use super::entry::LookedUp;
pub use super::entry::ResolveLimits;
use super::entry::SavedLease;
use super::entry::{LookupResult, ResolvedAddresses};
use super::lookup::OURSELVES;

/// Most targets looked up; those beyond stay without addresses. Chosen: at a TTL of an hour, six packets a second.
pub(super) const TARGETS_MAX: usize = 10_000;
/// Most names handed out at once.
const DUE_MAX: usize = 1_024;
/// Time after which a lookup is taken for lost: longer than any takes.
const LOST_AFTER: Duration = Duration::from_secs(300);
/// The families, in the order of an entry.
const FAMILIES: [Rtype; 2] = [Rtype::A, Rtype::AAAA];

/// A target.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// A, AAAA.
    pub(super) set: [ResolvedAddresses; 2],
    pub(super) next: Moment,
    /// Begin of the lookup under way, if any.
    pub(super) asked: Option<Moment>,
    pub(super) is_tried: bool,
}

impl Entry {
    /// Returns whether no lookup is under way.
    fn is_free(&self, now: Moment) -> bool {
        self.asked.is_none_or(|asked| now.since(asked) > LOST_AFTER)
    }

    /// Returns its state: `fresh`, `kept`, `too-old` or `unresolved`.
    fn state(&self, now: Moment) -> &'static str {
        let mut lending = self.set.iter().filter(|set| !set.addresses.is_empty());
        if lending.clone().count() == 0 {
            "unresolved"
        } else if lending.clone().all(|set| set.is_too_old) {
            "too-old"
        } else if lending.any(|set| set.failing.is_some() && set.until <= now) {
            "kept"
        } else {
            "fresh"
        }
    }
}

/// Counts of lookups by result, and of targets by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResolveCounts {
    /// Lookups of one family that found addresses.
    pub found: u64,
    /// Lookups of one family with a negative answer.
    pub empty: u64,
    /// Lookups of one family that failed.
    pub failed: u64,
    /// Targets with usable addresses, none of them kept beyond its TTL.
    pub fresh: usize,
    /// Targets with addresses that are kept through failures.
    pub kept: usize,
    /// Targets with addresses that are too old to be used.
    pub too_old: usize,
    /// Targets without addresses.
    pub unresolved: usize,
}

/// A change of the addresses of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Description, as `TARGET A: OLD -> NEW`.
    pub text: String,
    /// True if the target gained its first usable addresses, or lost the last.
    pub is_grave: bool,
    /// True if no usable addresses are left.
    pub is_worse: bool,
}

/// Flattened targets with their resolved addresses and the times of their lookups.
#[derive(Clone, Debug)]
pub struct ResolvedTargets {
    pub(super) limits: ResolveLimits,
    pub(super) entries: BTreeMap<Name, Entry>,
    pub(super) saved: Vec<SavedLease>,
    changed: BTreeSet<Name>,
    counts: ResolveCounts,
}

impl ResolvedTargets {
    /// Starts without targets, with the addresses that an earlier run saved.
    pub fn new(limits: ResolveLimits, saved: Vec<SavedLease>) -> Self {
        Self {
            limits,
            entries: BTreeMap::new(),
            saved,
            changed: BTreeSet::new(),
            counts: ResolveCounts::default(),
        }
    }

    /// Returns whether no zone names a target.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Follows the targets that zones name; new ones are due at once. Returns how many are beyond the bound.
    pub fn follow(
        &mut self,
        wanted: impl IntoIterator<Item = Name>,
        now: Moment,
        wall: WallTime,
    ) -> usize {
        let mut wanted: BTreeSet<Name> = wanted.into_iter().collect();
        let over = wanted.len().saturating_sub(TARGETS_MAX);
        while wanted.len() > TARGETS_MAX {
            wanted.pop_last();
        }
        self.entries.retain(|name, _| wanted.contains(name));
        for name in wanted {
            if self.entries.contains_key(&name) {
                continue;
            }
            let entry = self.restored(&name, now, wall);
            if entry.set.iter().any(|set| !set.addresses.is_empty()) {
                self.changed.insert(name.clone());
            }
            self.entries.insert(name, entry);
        }
        over
    }

    /// Hands out names that are due; each is out until its report comes, or [`Self::put_back`] is called.
    pub fn take_due(&mut self, now: Moment) -> Vec<Name> {
        let due = self
            .entries
            .iter_mut()
            .filter(|(_, entry)| entry.next <= now && entry.is_free(now));
        due.take(DUE_MAX)
            .map(|(name, entry)| {
                entry.asked = Some(now);
                name.clone()
            })
            .collect()
    }

    /// Makes targets due whose result new zones may change: those without addresses, and those of our own zones.
    pub fn hurry(&mut self, now: Moment) {
        for entry in self.entries.values_mut() {
            let is_inside =
                |set: &ResolvedAddresses| set.addresses.is_empty() || set.from == OURSELVES;
            if entry.set.iter().any(is_inside) {
                entry.next = entry.next.min(now);
            }
        }
    }

    /// Takes a name back whose lookup did not begin.
    pub fn put_back(&mut self, name: &Name) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.asked = None;
        }
    }

    /// Takes a report; returns the change, if there is one.
    pub fn take(&mut self, report: LookedUp, now: Moment) -> Option<Change> {
        let target = report.target;
        let mut sides = report.sides;
        for side in &mut sides {
            if let LookupResult::Found(found) = side {
                found.via = self.sources_of(&found.via);
                if found.via.contains(&target) {
                    *side = LookupResult::Circle;
                }
            }
            match side {
                LookupResult::Found(_) => self.counts.found += 1,
                LookupResult::Nothing(..) | LookupResult::Circle => self.counts.empty += 1,
                LookupResult::Failed(_) => self.counts.failed += 1,
            }
        }
        let limits = self.limits;
        let entry = self.entries.get_mut(&target)?;
        (entry.asked, entry.is_tried) = (None, true);
        let before = entry.set.clone();
        let mut next: Option<Moment> = None;
        for ((set, side), from) in entry.set.iter_mut().zip(sides).zip(&report.from) {
            let mut again = set.take(side, from, (report.began, now), &limits);
            if from == OURSELVES {
                // To ask ourselves costs no packet, and health moves faster than a TTL.
                again = again.min(report.began.after(limits.ttl_min));
            }
            set.age(now, &limits);
            next = Some(next.map_or(again, |next| next.min(again)));
        }
        entry.next = next.unwrap_or(now);
        let is_same = |(before, after): (&ResolvedAddresses, &ResolvedAddresses)| {
            before.addresses == after.addresses && before.is_too_old == after.is_too_old
        };
        if before.iter().zip(&entry.set).all(is_same) {
            return None;
        }
        let is_lending = |set: &ResolvedAddresses| !set.addresses.is_empty() && !set.is_too_old;
        let change = Change {
            text: format!("{target} {}", changed_words(&before, &entry.set)),
            is_grave: before.iter().any(is_lending) != entry.set.iter().any(is_lending),
            is_worse: !entry.set.iter().any(is_lending),
        };
        self.changed.insert(target);
        Some(change)
    }

    /// Returns targets, and all targets that their addresses come from.
    fn sources_of(&self, direct: &BTreeSet<Name>) -> BTreeSet<Name> {
        let mut all = direct.clone();
        let of = |name: &Name| self.entries.get(name);
        for entry in direct.iter().filter_map(of) {
            // What is kept of each is complete already.
            all.extend(entry.set.iter().flat_map(|set| set.via.iter().cloned()));
        }
        all
    }

    /// Marks addresses that have just become too old; returns a line for each.
    pub fn age(&mut self, now: Moment) -> Vec<String> {
        let mut words = Vec::new();
        for (name, entry) in &mut self.entries {
            for (set, rtype) in entry.set.iter_mut().zip(FAMILIES) {
                if set.age(now, &self.limits) {
                    self.changed.insert(name.clone());
                    words.push(format!("{name} {rtype}: {}", too_old_words(set)));
                }
            }
        }
        words
    }

    /// Says whether sets changed since they were taken.
    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Returns the targets whose sets changed since the last call.
    pub fn take_changed(&mut self) -> BTreeSet<Name> {
        std::mem::take(&mut self.changed)
    }

    /// Returns whether every target was looked up once, or was restored.
    pub fn is_settled(&self) -> bool {
        let is_known =
            |entry: &Entry| entry.is_tried || entry.set.iter().any(|set| !set.addresses.is_empty());
        self.entries.values().all(is_known)
    }

    /// Lists the addresses of every target: target, family, addresses, whether they may be used.
    pub fn sets(&self) -> impl Iterator<Item = (&Name, Rtype, &Arc<[IpAddr]>, bool)> {
        self.entries.iter().flat_map(|(name, entry)| {
            let set = entry.set.iter().zip(FAMILIES);
            set.map(move |(set, rtype)| (name, rtype, &set.addresses, !set.is_too_old))
        })
    }

    /// Returns the TTL of a target's addresses in an answer now, seconds.
    pub fn left_secs(&self, target: &Name, rtype: Rtype, now: Moment) -> u32 {
        let entry = self.entries.get(target);
        entry.map_or(0, |entry| {
            entry.set[usize::from(rtype == Rtype::AAAA)].left_secs(now)
        })
    }

    /// Lists every target with its state: `fresh`, `kept`, `too-old` or `unresolved`.
    pub fn states(&self, now: Moment) -> impl Iterator<Item = (&Name, &'static str)> {
        let states = self.entries.iter();
        states.map(move |(name, entry)| (name, entry.state(now)))
    }

    /// Counts lookups by result, and targets by state.
    pub fn counts(&self, now: Moment) -> ResolveCounts {
        let mut counts = self.counts;
        for entry in self.entries.values() {
            *match entry.state(now) {
                "unresolved" => &mut counts.unresolved,
                "too-old" => &mut counts.too_old,
                "kept" => &mut counts.kept,
                _ => &mut counts.fresh,
            } += 1;
        }
        counts
    }
}

/// Describes the change of both families.
fn changed_words(before: &[ResolvedAddresses; 2], after: &[ResolvedAddresses; 2]) -> String {
    let shown = |set: &ResolvedAddresses| match set.addresses.is_empty() {
        true => "nothing".to_owned(),
        false => {
            let list: Vec<String> = set.addresses.iter().map(IpAddr::to_string).collect();
            list.join(" ")
        }
    };
    let pairs = before.iter().zip(after).zip(FAMILIES);
    let texts = pairs.filter_map(|((before, after), rtype)| {
        let text = if before.addresses != after.addresses {
            format!("{} -> {}", shown(before), shown(after))
        } else if after.is_too_old && !before.is_too_old {
            too_old_words(after)
        } else if before.is_too_old && !after.is_too_old {
            "usable again".to_owned()
        } else {
            return None;
        };
        Some(format!("{rtype}: {text}"))
    });
    let texts: Vec<String> = texts.collect();
    texts.join(", ")
}

/// Says that addresses may not be answered any more, with the reason.
fn too_old_words(set: &ResolvedAddresses) -> String {
    let why = set.failing.as_ref().map_or("", |(_, why)| why.as_str());
    format!("lookups fail for too long ({why}), unhealthy")
}

#[cfg(test)]
mod tests {
    use super::super::entry::FoundSet;
    use super::*;

    const LIMITS: ResolveLimits = ResolveLimits {
        ttl_min: Duration::from_secs(5),
        ttl_max: Duration::from_secs(3600),
        keep: Duration::from_secs(3600),
    };

    fn name(text: &str) -> Name {
        Name::parse_absolute(text).expect("a name")
    }

    fn found(target: &str, last: u8, ttl: u32, via: &[&str]) -> LookedUp {
        let set = FoundSet {
            addresses: vec![IpAddr::from([192, 0, 2, last])],
            ttl,
            via: via.iter().map(|target| name(target)).collect(),
        };
        report(
            target,
            LookupResult::Found(set),
            if via.is_empty() { "x" } else { OURSELVES },
        )
    }

    fn report(target: &str, ipv4: LookupResult, from: &str) -> LookedUp {
        LookedUp {
            target: name(target),
            sides: [
                ipv4,
                LookupResult::Nothing("no AAAA records".to_owned(), 60),
            ],
            from: [from.to_owned(), from.to_owned()],
            began: Moment::from_secs(100),
        }
    }

    fn targets(names: &[&str], saved: Vec<SavedLease>, now: u64, wall: i64) -> ResolvedTargets {
        let mut targets = ResolvedTargets::new(LIMITS, saved);
        let wanted = names.iter().map(|target| name(target));
        let wall = WallTime::from_millis(wall);
        assert_eq!(targets.follow(wanted, Moment::from_secs(now), wall), 0);
        targets
    }

    fn address(targets: &ResolvedTargets, target: &str) -> Option<(String, bool)> {
        let mut sets = targets.sets();
        let set = sets.find(|(known, rtype, ..)| **known == name(target) && *rtype == Rtype::A);
        let (_, _, addresses, is_usable) = set?;
        Some((addresses.first()?.to_string(), is_usable))
    }

    #[test]
    fn each_name_is_out_once_until_its_report_comes() {
        let mut targets = targets(&["a.example.", "b.example."], Vec::new(), 100, 0);
        let at = Moment::from_secs;
        assert_eq!(targets.take_due(at(100)).len(), 2);
        assert!(targets.take_due(at(101)).is_empty() && !targets.is_settled());
        assert!(
            targets
                .take(found("a.example.", 1, 60, &[]), at(100))
                .expect("a change")
                .is_grave
        );
        targets.put_back(&name("b.example."));
        assert_eq!(targets.take_due(at(101)), [name("b.example.")]);
        assert_eq!(
            targets.take_due(at(155)),
            [name("a.example.")],
            "its TTL ends soon"
        );
        assert_eq!(
            targets.take_changed().into_iter().collect::<Vec<_>>(),
            [name("a.example.")]
        );
        assert!(
            targets
                .take(found("a.example.", 1, 90, &[]), at(160))
                .is_none(),
            "only the TTL"
        );
        assert!(targets.take_changed().is_empty());
        assert!(
            targets
                .take(found("c.example.", 1, 60, &[]), at(160))
                .is_none(),
            "nobody asked"
        );
        let due = targets.take_due(at(402));
        assert!(
            due.contains(&name("b.example.")),
            "a lost lookup is due again"
        );
    }

    #[test]
    fn a_report_that_makes_addresses_too_old_says_so() {
        let mut targets = targets(&["a.example."], Vec::new(), 100, 0);
        targets.take(found("a.example.", 1, 60, &[]), Moment::from_secs(100));
        let failed = || {
            report(
                "a.example.",
                LookupResult::Failed("SERVFAIL".to_owned()),
                "x",
            )
        };
        assert!(targets.take(failed(), Moment::from_secs(161)).is_none());
        let late = Moment::from_secs(161 + 3600);
        let change = targets.take(failed(), late).expect("a change");
        assert!(change.is_worse && change.is_grave, "{}", change.text);
        let wanted = "a.example. A: lookups fail for too long (SERVFAIL), unhealthy";
        assert_eq!(change.text, wanted);
        let change = targets.take(found("a.example.", 1, 60, &[]), late);
        assert_eq!(change.expect("a change").text, "a.example. A: usable again");
    }

    #[test]
    fn a_circle_through_our_own_zones_keeps_nothing_alive() {
        let mut targets = targets(&["a.example.", "b.example."], Vec::new(), 100, 0);
        let at = Moment::from_secs(100);
        targets.take(found("a.example.", 1, 60, &[]), at);
        // Zone b lends from target a, zone a from target b.
        targets.take(found("b.example.", 1, 60, &["a.example."]), at);
        assert!(address(&targets, "b.example.").is_some());
        targets.take(found("a.example.", 1, 60, &["b.example."]), at);
        assert_eq!(address(&targets, "a.example."), None);
        assert!(
            targets
                .words(&name("a.example."), at)
                .contains("leads back to itself")
        );
    }
}
