//! Addresses of flattened targets over a restart (rule a28: their last addresses serve).
//!
//! In: the targets and both clocks; records of an earlier run. Out: records to save; restored entries with their age.
//! Never here: files, formats.

use std::time::Duration;

use crate::clock::{Moment, WallTime};
use crate::wire::Name;

use super::entry::{ResolvedAddresses, SavedLease};
use super::resolved_targets::{Entry, ResolvedTargets};

impl ResolvedTargets {
    /// Returns a new entry, with the saved addresses of its target.
    pub(super) fn restored(&self, name: &Name, now: Moment, wall: WallTime) -> Entry {
        let mut entry = Entry {
            next: now,
            ..Entry::default()
        };
        let text = name.to_string();
        let since = |ms: i64| wall.since(WallTime::from_millis(ms));
        let of_target = |saved: &&SavedLease| saved.target.eq_ignore_ascii_case(&text);
        for saved in self.saved.iter().filter(of_target) {
            let Some(first) = saved.addresses.first() else {
                continue;
            };
            let ahead = WallTime::from_millis(saved.until_ms).since(wall);
            let was_over = saved.until_ms <= wall.millis();
            // Nobody looked while the server was down: that is a failure, too.
            let failing = saved
                .failing_ms
                .or_else(|| was_over.then_some(saved.until_ms));
            let set = &mut entry.set[usize::from(first.is_ipv6())];
            *set = ResolvedAddresses {
                addresses: saved.addresses.clone().into(),
                until: if was_over { now } else { now.after(ahead) },
                resolved: Some(now),
                resolved_before: since(saved.resolved_ms),
                from: saved.from.clone(),
                failing: failing.map(|_| (now, "not looked up since the restart".to_owned())),
                failing_before: failing.map(since).unwrap_or_default(),
                ..ResolvedAddresses::default()
            };
            set.age(now, &self.limits);
        }
        entry
    }

    /// Returns the records to save.
    pub fn save(&self, now: Moment, wall: WallTime) -> Vec<SavedLease> {
        let before = |passed: Duration| {
            let passed = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
            wall.millis().saturating_sub(passed)
        };
        let until = |at: Moment| match at.since(now) {
            Duration::ZERO => before(now.since(at)),
            ahead => wall.after(ahead).millis(),
        };
        let set = self.entries.iter().flat_map(|(name, entry)| {
            let set = entry.set.iter();
            set.map(move |set| (name, set))
        });
        set.filter(|(_, set)| !set.addresses.is_empty())
            .map(|(name, set)| SavedLease {
                target: name.to_string(),
                addresses: set.addresses.to_vec(),
                resolved_ms: before(set.resolved_ago(now).unwrap_or_default()),
                until_ms: until(set.until),
                failing_ms: set.failing_for(now).map(before),
                from: set.from.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::entry::LookedUp;
    use super::super::entry::{FoundSet, KEPT_TTL_SECS, LookupResult};
    use super::super::resolved_targets::ResolveLimits;
    use std::net::IpAddr;

    use super::*;
    use crate::wire::Rtype;

    const LIMITS: ResolveLimits = ResolveLimits {
        ttl_min: Duration::from_secs(5),
        ttl_max: Duration::from_secs(3600),
        keep: Duration::from_secs(3600),
    };

    fn name() -> Name {
        Name::parse_absolute("a.example.").expect("a name")
    }

    fn targets(saved: Vec<SavedLease>, now: Moment, wall: i64) -> ResolvedTargets {
        let mut targets = ResolvedTargets::new(LIMITS, saved);
        targets.follow([name()], now, WallTime::from_millis(wall));
        targets
    }

    fn report(ipv4: LookupResult) -> LookedUp {
        LookedUp {
            target: name(),
            sides: [
                ipv4,
                LookupResult::Nothing("no AAAA records".to_owned(), 60),
            ],
            from: ["x".to_owned(), "x".to_owned()],
            began: Moment::from_secs(100),
        }
    }

    #[test]
    fn what_is_saved_is_as_old_after_a_restart() {
        let mut first = targets(Vec::new(), Moment::from_secs(100), 0);
        let found = LookupResult::Found(FoundSet {
            addresses: vec![IpAddr::from([192, 0, 2, 7])],
            ttl: 60,
            via: BTreeSet::new(),
        });
        first.take(report(found), Moment::from_secs(100));
        let failed = LookupResult::Failed("timed out".to_owned());
        first.take(report(failed), Moment::from_secs(155));
        let wall = WallTime::from_millis(1_000_000);
        let saved = first.save(Moment::from_secs(200), wall);
        assert_eq!(saved.len(), 1, "addresses alone are saved");
        // (seconds until the restart, whether the addresses may still be used, TTL)
        for (later, is_usable) in [(10, true), (3554, true), (3555, false), (90_000, false)] {
            let wall = 1_000_000 + later * 1000;
            let now = Moment::from_secs(1);
            let again = targets(saved.clone(), now, wall);
            let found: Vec<bool> = again
                .sets()
                .filter(|(_, _, addresses, _)| !addresses.is_empty())
                .map(|(.., is_usable)| is_usable)
                .collect();
            assert_eq!(found, [is_usable], "{later} s later");
            assert!(again.is_settled());
            assert_eq!(again.left_secs(&name(), Rtype::A, now), KEPT_TTL_SECS);
        }
    }
}
