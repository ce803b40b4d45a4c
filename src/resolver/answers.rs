//! Last lookup result of each name, for probes.
//!
//! In: results of lookups, `now`. Out: state of a name, expected duration of its next lookup. Never here: flattened
//! targets, whose addresses have rules of their own ([`super::resolved_targets`]); sockets that send.
//!
//! | Last lookup | Until | A probe uses |
//! |---|---|---|
//! | addresses | their TTL is over | those addresses |
//! | none there | its TTL is over, at most 5 s | nothing: the name does not exist |
//! | failed | the next may begin, after 1 s to 30 s | the last addresses, for as long as `keep`; else nothing, which is no evidence |

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Moment;
use crate::room::Hold;
use crate::wire::Name;

use super::entry::LookedUp;
use super::entry::LookupResult;

/// Shortest time for which an answer is used: many checks of one name cost one lookup a second.
const TTL_MIN: Duration = Duration::from_secs(1);
/// Longest time for which a negative answer is used: the name may appear any moment.
const NOTHING_MAX: Duration = Duration::from_secs(5);
/// Shortest and longest pause before a failed lookup is repeated.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Failures in a row from which a name counts as failing: one may be a slip. Chosen, as `fall` of checks.
const FAILURES_MIN: u32 = 3;
/// Longest duration of a lookup that counts as brief, so that the next is expected to be brief too.
pub(super) const BRIEF_MAX: Duration = Duration::from_millis(500);
/// Time after which a name is forgotten that was neither asked for by a probe nor looked up.
const UNUSED_MAX: Duration = Duration::from_secs(600);
/// Most names kept. Chosen: as many as flattened targets and a check of each.
const NAMES_MAX: usize = 100_000;
/// Port to which no datagram is ever sent: a route is all that is asked for.
const ANY_PORT: u16 = 53;

/// State of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Addresses within their TTL.
    Found(Arc<[IpAddr]>),
    /// Negative answer: no addresses.
    Nothing,
    /// Lookups fail; last known addresses.
    Kept(Arc<[IpAddr]>),
    /// Lookups fail, and no addresses are known.
    Silent,
    /// Lookup due; last known addresses, if any.
    Due(Option<Arc<[IpAddr]>>),
}

/// Counts of names by state, and of lookups by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameCounts {
    /// Names with addresses.
    pub found: usize,
    /// Names that do not exist, or have no addresses.
    pub missing: usize,
    /// Names whose lookups fail and whose last addresses are used.
    pub kept: usize,
    /// Names whose lookups fail and whose addresses are unknown.
    pub silent: usize,
    /// Names whose lookups failed at least three times in a row.
    pub failing: usize,
    /// Lookups that found addresses, found none, failed.
    pub lookups: [u64; 3],
}

/// Last answers of all names that probes ask for.
#[derive(Debug)]
pub(super) struct Answers {
    ttl_max: Duration,
    keep: Duration,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    names: HashMap<Name, Answer>,
    lookups: [u64; 3],
}

#[derive(Clone, Debug)]
struct Answer {
    last: Last,
    /// Moment of the next lookup.
    next: Moment,
    /// Last addresses, and the moment of the lookup that confirmed them.
    addresses: Option<(Arc<[IpAddr]>, Moment)>,
    failures: u32,
    is_brief: bool,
    used: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Found,
    Nothing,
    Failed,
}

impl Answers {
    pub(super) fn new(ttl_max: Duration, keep: Duration) -> Self {
        Self {
            ttl_max,
            keep,
            known: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Answers are put in whole, so a poisoned map is as good as any.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the state of a name, for a probe that uses it.
    pub(super) fn standing(&self, name: &Name, now: Moment) -> Standing {
        let mut known = self.lock();
        let Some(answer) = known.names.get_mut(name) else {
            return Standing::Due(None);
        };
        answer.used = now;
        let is_kept = |at: Moment| now.since(at) < self.keep || answer.last == Last::Found;
        let kept = answer.addresses.clone().filter(|(_, at)| is_kept(*at));
        let kept = kept.map(|(addresses, _)| addresses);
        match (answer.last, kept) {
            (_, kept) if answer.next <= now => Standing::Due(kept),
            (Last::Found, Some(addresses)) => Standing::Found(addresses),
            (Last::Failed, Some(addresses)) => Standing::Kept(addresses),
            (Last::Failed, None) => Standing::Silent,
            (Last::Nothing, _) | (Last::Found, None) => Standing::Nothing,
        }
    }

    /// Returns the expected duration of a name's lookup, by that of the last one.
    pub(super) fn hold(&self, name: &Name) -> Hold {
        match self.lock().names.get(name) {
            None => Hold::Short,
            Some(answer) if answer.is_brief => Hold::Brief,
            Some(_) => Hold::Longest,
        }
    }

    /// Takes the result of a lookup.
    pub(super) fn take(&self, report: &LookedUp, now: Moment) {
        let (last, ttl, addresses) = read(report);
        let mut known = self.lock();
        let names = known.names.len();
        let Known {
            names: map,
            lookups,
        } = &mut *known;
        lookups[last as usize] += 1;
        let answer = map.get_mut(&report.target);
        if answer.is_none() && names >= NAMES_MAX {
            return;
        }
        let before = answer.map_or_else(
            || Answer {
                last,
                next: now,
                addresses: None,
                failures: 0,
                is_brief: false,
                used: now,
            },
            |answer| answer.clone(),
        );
        let failures = match last {
            Last::Failed => before.failures.saturating_add(1),
            Last::Found | Last::Nothing => 0,
        };
        let pause = match last {
            Last::Found => ttl.clamp(TTL_MIN, self.ttl_max.max(TTL_MIN)),
            Last::Nothing => ttl.clamp(TTL_MIN, NOTHING_MAX),
            Last::Failed => (RETRY.0 * (1 << (failures - 1).min(8))).min(RETRY.1),
        };
        let answer = Answer {
            last,
            next: now.after(pause),
            addresses: match last {
                Last::Found => Some((addresses.into(), now)),
                Last::Nothing => None,
                Last::Failed => before.addresses,
            },
            failures,
            is_brief: last != Last::Failed && now.since(report.began) < BRIEF_MAX,
            used: now,
        };
        map.insert(report.target.clone(), answer);
    }

    /// Counts names by state, and forgets those that are not used any more.
    pub(super) fn count(&self, now: Moment) -> NameCounts {
        let mut known = self.lock();
        known
            .names
            .retain(|_, answer| now.since(answer.used) < UNUSED_MAX);
        let mut counts = NameCounts {
            lookups: known.lookups,
            ..NameCounts::default()
        };
        for answer in known.names.values() {
            counts.failing += usize::from(answer.failures >= FAILURES_MIN);
            let is_kept = |(_, at): &(Arc<[IpAddr]>, Moment)| now.since(*at) < self.keep;
            *match answer.last {
                Last::Found => &mut counts.found,
                Last::Nothing => &mut counts.missing,
                Last::Failed if answer.addresses.as_ref().is_some_and(is_kept) => &mut counts.kept,
                Last::Failed => &mut counts.silent,
            } += 1;
        }
        counts
    }

    /// Returns the first by name of those whose lookups failed at least three times in a row.
    pub(super) fn first_failing(&self) -> Option<Name> {
        let known = self.lock();
        let failing = known.names.iter();
        let failing = failing.filter(|(_, answer)| answer.failures >= FAILURES_MIN);
        failing.map(|(name, _)| name).min().cloned()
    }
}

/// Reads both families: result of the lookup, its TTL, addresses in the order in which they are tried.
fn read(report: &LookedUp) -> (Last, Duration, Vec<IpAddr>) {
    let (mut addresses, mut ttl, mut has_failed) = (Vec::new(), u32::MAX, false);
    // RFC 6724 prefers IPv6 where both can be reached.
    for side in report.sides.iter().rev() {
        match side {
            LookupResult::Found(found) => {
                addresses.extend(&found.addresses);
                ttl = ttl.min(found.ttl);
            }
            LookupResult::Nothing(_, secs) => ttl = ttl.min(*secs),
            LookupResult::Circle => {}
            LookupResult::Failed(_) => has_failed = true,
        }
    }
    let ttl = Duration::from_secs(ttl.into());
    // Stable, so that families stay apart and servers' own order is kept.
    addresses.sort_by_cached_key(|address| !has_route(*address));
    match (addresses.is_empty(), has_failed) {
        (false, _) => (Last::Found, ttl, addresses),
        (true, true) => (Last::Failed, ttl, addresses),
        (true, false) => (Last::Nothing, ttl, addresses),
    }
}

/// Returns whether this machine has a route to an address (RFC 6724, section 6, rule 1); sends no packet.
fn has_route(address: IpAddr) -> bool {
    let any = match address {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    UdpSocket::bind((any, 0)).is_ok_and(|socket| socket.connect((address, ANY_PORT)).is_ok())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::entry::FoundSet;
    use super::*;

    fn report(ipv4: LookupResult, ipv6: LookupResult, began: u64) -> LookedUp {
        LookedUp {
            target: name(),
            sides: [ipv4, ipv6],
            from: Default::default(),
            began: Moment::from_secs(began),
        }
    }

    fn name() -> Name {
        Name::parse_absolute("db.example.").expect("a name")
    }

    fn found(text: &str, ttl: u32) -> LookupResult {
        LookupResult::Found(FoundSet {
            addresses: vec![text.parse().expect("an address")],
            ttl,
            via: BTreeSet::new(),
        })
    }

    fn nothing() -> LookupResult {
        LookupResult::Nothing("no records".to_owned(), 3600)
    }

    fn failed() -> LookupResult {
        LookupResult::Failed("it did not answer in time".to_owned())
    }

    // X3.
    #[test]
    fn the_last_addresses_serve_while_lookups_fail() {
        let at = Moment::from_secs;
        let answers = Answers::new(Duration::from_secs(3600), Duration::from_secs(60));
        let list = |text: &str| -> Arc<[IpAddr]> { [text.parse().expect("an address")].into() };
        let known = list("127.0.0.7");
        assert_eq!(answers.standing(&name(), at(1)), Standing::Due(None));
        assert_eq!(answers.hold(&name()), Hold::Short);
        answers.take(&report(found("127.0.0.7", 10), nothing(), 1), at(1));
        assert_eq!(
            answers.standing(&name(), at(10)),
            Standing::Found(Arc::clone(&known))
        );
        assert_eq!(answers.hold(&name()), Hold::Brief);
        let due = Standing::Due(Some(Arc::clone(&known)));
        assert_eq!(answers.standing(&name(), at(11)), due);
        // Lookups fail for a minute, each later than the one before.
        let mut now = 15;
        answers.take(&report(failed(), failed(), 11), at(now));
        assert_eq!(answers.hold(&name()), Hold::Longest);
        assert_eq!(answers.standing(&name(), at(15)), Standing::Kept(known));
        assert_eq!(answers.count(at(15)).kept, 1);
        assert_eq!(answers.first_failing(), None, "once is no alarm");
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            assert!(!matches!(
                answers.standing(&name(), at(now + pause - 1)),
                Standing::Due(_)
            ));
            now += pause;
            assert!(
                matches!(answers.standing(&name(), at(now)), Standing::Due(_)),
                "{now}"
            );
            answers.take(&report(failed(), failed(), now), at(now));
        }
        assert_eq!(answers.standing(&name(), at(now)), Standing::Silent);
        assert_eq!(
            (
                answers.count(at(now)).silent,
                answers.count(at(now)).failing
            ),
            (1, 1)
        );
        assert_eq!(answers.first_failing(), Some(name()));
        // It is back, elsewhere; one family is enough.
        answers.take(&report(found("127.0.0.8", 0), failed(), now), at(now));
        let there = Standing::Found(list("127.0.0.8"));
        assert_eq!(answers.standing(&name(), at(now)), there);
        // And gone: believed at once, for a short time.
        answers.take(&report(nothing(), nothing(), now), at(now));
        assert_eq!(answers.standing(&name(), at(now + 4)), Standing::Nothing);
        assert_eq!(answers.standing(&name(), at(now + 5)), Standing::Due(None));
        assert_eq!(answers.count(at(now)).lookups, [2, 1, 8]);
        assert_eq!(answers.count(at(now + 1_000)).missing, 0, "nobody uses it");
    }

    #[test]
    fn addresses_without_a_route_come_last() {
        // No machine has a route to the unspecified address of documentation's prefix by TCP, but all to loopback.
        let report = report(found("127.0.0.1", 5), found("::1", 5), 1);
        let (last, ttl, addresses) = read(&report);
        assert_eq!((last, ttl), (Last::Found, Duration::from_secs(5)));
        let routed = addresses.iter().map(|address| has_route(*address));
        assert!(routed.is_sorted_by(|before, after| before >= after));
        assert!(addresses.contains(&"127.0.0.1".parse().expect("an address")));
    }
}
