//! Resolved addresses of one target and family, and how they move with lookups and time.
//!
//! In: results of lookups, `now`. Out: addresses, whether they may be used, their TTL, the time of the next lookup.
//! Never here: names, sockets, other targets.
//!
//! | Before | Lookup or time | After |
//! |---|---|---|
//! | any | addresses | those addresses, usable until their TTL is over |
//! | no addresses | none there | no addresses |
//! | addresses | none there, once | as before; asked again soon |
//! | addresses | none there, again | no addresses |
//! | addresses | lookup fails | as before: until the TTL is over with what is left of it, then as kept |
//! | kept | `keep` is over since the first failure | the same addresses, not usable: the members are unhealthy |

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::wire::Name;

/// Most addresses of one family that are taken from one target. Chosen: four times what the largest names have.
pub const ADDRESSES_MAX: usize = 64;
/// Negative answers in a row that replace known addresses; one may be a slip of a server that is being changed. Chosen,
/// as `fall` of checks.
const EMPTY_MIN: u8 = 2;
/// TTL of addresses that are kept beyond their own (RFC 8767, section 4).
pub(super) const KEPT_TTL_SECS: u32 = 30;
/// Longest lease: a TTL beyond it changes nothing that is served.
const LEASE_MAX: Duration = Duration::from_secs(7 * 86_400);
/// Longest time between lookups while they fail.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// Time before the end of a TTL at which it is looked up again, at most; a tenth of the TTL if that is less.
const LEAD_MAX: Duration = Duration::from_secs(5);
/// TTL of a negative answer without SOA, seconds (RFC 2308, section 5, has no number).
pub(super) const EMPTY_TTL_SECS: u32 = 30;
/// A view is made once a second; an answer may be given that much later.
const TICK: Duration = Duration::from_secs(1);

/// Bounds of lookups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolveLimits {
    /// Shortest time between two lookups of a name.
    pub ttl_min: Duration,
    /// Longest time between two lookups of a name.
    pub ttl_max: Duration,
    /// Longest time for which addresses are used while lookups fail.
    pub keep: Duration,
}

/// Addresses that a lookup found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSet {
    /// The addresses, in any order.
    pub addresses: Vec<IpAddr>,
    /// Smallest TTL of the chain and the addresses, seconds.
    pub ttl: u32,
    /// Flattened targets that the addresses come from, if they come from our own zones.
    pub via: BTreeSet<Name>,
}

/// Result of the lookup of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupResult {
    /// Addresses.
    Found(FoundSet),
    /// Negative answer: its reason, and its TTL in seconds.
    Nothing(String, u32),
    /// The target leads to itself through our own zones.
    Circle,
    /// No answer: the reason.
    Failed(String),
}

/// Resolved addresses of a target in one family, kept through failures.
#[derive(Clone, Debug, Default)]
pub(super) struct ResolvedAddresses {
    pub(super) addresses: Arc<[IpAddr]>,
    /// Flattened targets that the addresses come from.
    pub(super) via: BTreeSet<Name>,
    /// End of their TTL.
    pub(super) until: Moment,
    /// Begin of the lookup that found them; `None` before the first success.
    pub(super) resolved: Option<Moment>,
    /// Source: server address, or [`OURSELVES`](super::lookup::OURSELVES).
    pub(super) from: String,
    /// Negative answers since then, and the reason of the last one.
    pub(super) empties: u8,
    pub(super) nothing: Option<String>,
    /// Moment of the first failure since the last success, and the reason of the last failure.
    pub(super) failing: Option<(Moment, String)>,
    pub(super) failures: u32,
    pub(super) is_too_old: bool,
    /// Time that passed since `resolved` and `failing` before this process began, which is the earliest moment.
    pub(super) resolved_before: Duration,
    pub(super) failing_before: Duration,
}

impl ResolvedAddresses {
    /// Takes a lookup that began and ended at these moments; returns the moment of the next.
    pub(super) fn take(
        &mut self,
        side: LookupResult,
        from: &str,
        (began, now): (Moment, Moment),
        limits: &ResolveLimits,
    ) -> Moment {
        match side {
            LookupResult::Found(found) => self.take_addresses(found, from, began, limits),
            LookupResult::Nothing(why, ttl) => {
                self.empties = self.empties.saturating_add(1);
                if !self.addresses.is_empty() && self.empties < EMPTY_MIN {
                    self.nothing = Some(why);
                    return now.after(limits.ttl_min);
                }
                self.take_nothing(why, from, began);
                let ttl = Duration::from_secs(ttl.into());
                now.after(ttl.clamp(limits.ttl_min, limits.ttl_max))
            }
            LookupResult::Circle => {
                self.take_nothing("it leads back to itself".to_owned(), from, began);
                now.after(RETRY_MAX.clamp(limits.ttl_min, limits.ttl_max))
            }
            LookupResult::Failed(why) => {
                let since = self.failing.as_ref().map_or(now, |(since, _)| *since);
                self.failing = Some((since, why));
                let shift = self.failures.min(16);
                self.failures += 1;
                let wait = limits.ttl_min.saturating_mul(1 << shift);
                now.after(wait.min(RETRY_MAX.max(limits.ttl_min)))
            }
        }
    }

    fn take_addresses(
        &mut self,
        found: FoundSet,
        from: &str,
        began: Moment,
        limits: &ResolveLimits,
    ) -> Moment {
        let mut addresses = found.addresses;
        addresses.sort_unstable();
        addresses.dedup();
        addresses.truncate(ADDRESSES_MAX);
        if *self.addresses != *addresses {
            self.addresses = addresses.into();
        }
        let ttl = Duration::from_secs(found.ttl.into()).min(LEASE_MAX);
        *self = Self {
            addresses: Arc::clone(&self.addresses),
            via: found.via,
            until: began.after(ttl),
            resolved: Some(began),
            from: from.to_owned(),
            ..Self::default()
        };
        let lead = (ttl / 10).min(LEAD_MAX);
        began.after((ttl - lead).clamp(limits.ttl_min, limits.ttl_max))
    }

    fn take_nothing(&mut self, why: String, from: &str, began: Moment) {
        *self = Self {
            resolved: Some(began),
            from: from.to_owned(),
            empties: EMPTY_MIN,
            nothing: Some(why),
            ..Self::default()
        };
    }

    /// Sets `is_too_old` if lookups have failed for `keep` and the TTL is over. Returns whether it became true just
    /// now.
    pub(super) fn age(&mut self, now: Moment, limits: &ResolveLimits) -> bool {
        let is_too_old = match self.failing_for(now) {
            Some(failing) => now >= self.until && failing >= limits.keep,
            None => false,
        };
        let is_new = is_too_old && !self.is_too_old && !self.addresses.is_empty();
        self.is_too_old = is_too_old;
        is_new
    }

    /// Returns the time since the first failure, while lookups fail.
    pub(super) fn failing_for(&self, now: Moment) -> Option<Duration> {
        let (since, _) = self.failing.as_ref()?;
        Some(self.failing_before + now.since(*since))
    }

    /// Returns the age of the addresses.
    pub(super) fn resolved_ago(&self, now: Moment) -> Option<Duration> {
        Some(self.resolved_before + now.since(self.resolved?))
    }

    /// Returns the TTL of these addresses in an answer now, seconds.
    pub(super) fn left_secs(&self, now: Moment) -> u32 {
        if now < self.until {
            let left = self.until.since(now).saturating_sub(TICK);
            return u32::try_from(left.as_secs()).unwrap_or(u32::MAX);
        }
        match self.failing {
            Some(_) => KEPT_TTL_SECS,
            None => 0,
        }
    }
}

/// Result of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedUp {
    /// The target.
    pub target: Name,
    /// A, AAAA.
    pub sides: [LookupResult; 2],
    /// Source of each: server address, or `our own zones`.
    pub from: [String; 2],
    /// Begin of the lookup.
    pub began: Moment,
}

/// Addresses of one target and family, saved over a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedLease {
    /// The target.
    pub target: String,
    /// Addresses of one family.
    pub addresses: Vec<IpAddr>,
    /// Time of their lookup, milliseconds since the Unix epoch.
    pub resolved_ms: i64,
    /// End of their TTL, milliseconds since the Unix epoch.
    pub until_ms: i64,
    /// First failure since then, milliseconds since the Unix epoch, if lookups fail.
    #[serde(default)]
    pub failing_ms: Option<i64>,
    /// Source: server address, or `our own zones`.
    pub from: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ResolveLimits = ResolveLimits {
        ttl_min: Duration::from_secs(5),
        ttl_max: Duration::from_secs(3600),
        keep: Duration::from_secs(3600),
    };

    fn found(last: &[u8], ttl: u32) -> LookupResult {
        let address = |last: &u8| IpAddr::from([192, 0, 2, *last]);
        LookupResult::Found(FoundSet {
            addresses: last.iter().map(address).collect(),
            ttl,
            via: BTreeSet::new(),
        })
    }

    fn at(secs: u64) -> Moment {
        Moment::from_secs(secs)
    }

    /// Takes a lookup that needs no time; returns the second of the next.
    fn take(set: &mut ResolvedAddresses, side: LookupResult, secs: u64) -> u64 {
        let next = set.take(side, "x", (at(secs), at(secs)), &LIMITS);
        next.nanos() / 1_000_000_000
    }

    #[test]
    fn the_next_lookup_is_before_the_end_of_the_ttl_within_bounds() {
        let cases = [
            (0, 5),
            (1, 5),
            (10, 9),
            (60, 55),
            (300, 295),
            (100_000, 3600),
        ];
        for (ttl, wanted) in cases {
            let mut set = ResolvedAddresses::default();
            assert_eq!(
                take(&mut set, found(&[1], ttl), 100),
                100 + wanted,
                "TTL {ttl}"
            );
        }
    }

    #[test]
    fn what_is_left_of_a_ttl_only_shrinks() {
        let mut set = ResolvedAddresses::default();
        take(&mut set, found(&[1], 60), 100);
        for (now, wanted) in [
            (100, 59),
            (101, 58),
            (130, 29),
            (158, 1),
            (159, 0),
            (160, 0),
            (999, 0),
        ] {
            assert_eq!(set.left_secs(at(now)), wanted, "at {now}");
        }
    }

    #[test]
    fn addresses_serve_through_failures_up_to_the_limit() {
        let mut set = ResolvedAddresses::default();
        take(&mut set, found(&[2, 1, 2], 60), 100);
        assert_eq!(set.addresses.len(), 2, "in order, each once");
        let failed = || LookupResult::Failed("timed out".to_owned());
        let waits: Vec<u64> = (0..6)
            .map(|_| take(&mut set, failed(), 155) - 155)
            .collect();
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
        assert_eq!(set.left_secs(at(156)), 3, "within its own TTL");
        assert_eq!(set.left_secs(at(170)), KEPT_TTL_SECS, "kept");
        assert!(!set.age(at(3754), &LIMITS));
        assert!(
            set.age(at(3755), &LIMITS),
            "an hour after the first failure"
        );
        assert!(!set.age(at(3756), &LIMITS), "told once");
        assert!(set.is_too_old && set.addresses.len() == 2);
        take(&mut set, found(&[3], 60), 4000);
        assert!(!set.is_too_old && set.failing.is_none() && set.failures == 0);
    }

    #[test]
    fn an_answer_without_addresses_is_believed_when_it_is_repeated() {
        let nothing = || LookupResult::Nothing("NXDOMAIN".to_owned(), 90);
        let mut set = ResolvedAddresses::default();
        assert_eq!(
            take(&mut set, nothing(), 10),
            100,
            "nothing is lost, so nothing is doubted"
        );
        take(&mut set, found(&[1], 60), 200);
        assert_eq!(take(&mut set, nothing(), 255), 260);
        assert_eq!(set.addresses.len(), 1, "asked again first");
        assert_eq!(take(&mut set, nothing(), 260), 350);
        assert!(set.addresses.is_empty());
        // An address in between begins anew; a failure in between does not.
        take(&mut set, found(&[1], 60), 400);
        take(&mut set, nothing(), 455);
        take(&mut set, found(&[1], 60), 460);
        take(&mut set, nothing(), 515);
        assert_eq!(set.addresses.len(), 1);
        take(&mut set, LookupResult::Failed("timed out".to_owned()), 520);
        take(&mut set, nothing(), 525);
        assert!(set.addresses.is_empty());
    }

    #[test]
    fn no_more_addresses_are_taken_than_are_bounded() {
        let mut set = ResolvedAddresses::default();
        let many: Vec<u8> = (0..=255).collect();
        take(&mut set, found(&many, 60), 1);
        assert_eq!(set.addresses.len(), ADDRESSES_MAX);
        take(&mut set, LookupResult::Circle, 50);
        assert!(set.addresses.is_empty(), "a circle is believed at once");
    }
}
