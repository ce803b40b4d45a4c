//! Response rate limiting: bounds the UDP answers to one client prefix, against floods by forged source addresses.
//!
//! In: the client's prefix (/24 or /56), kind and zone of its answer, and the time. Out: whether the answer is
//! sent. Never here: clocks, locks, allocations, or clients that have proven their address.
//!
//! | Kind | Counted by |
//! |---|---|
//! | records | prefix and zone: names cannot be counted, since a wildcard has any number of them |
//! | NXDOMAIN, NODATA | prefix and zone |
//! | referral | prefix and zone |
//! | refusals and errors | prefix |
//! | all of these together | prefix, at a rate of its own: forty zones in turn do not give forty times the rate |
//!
//! Each count is a bucket that holds one second's worth of answers and fills steadily (the generic cell rate
//! algorithm). What is over is dropped, but each `slip`-th time the client gets an empty answer with TC set, so that an
//! honest one asks again by TCP. The table is fixed; hashes are keyed, so that a client cannot aim at another's bucket.
//! A bucket that is pushed out by others is full again: under a flood from very many prefixes the limit errs on the
//! side of answering.

use std::net::IpAddr;

use crate::clock::Moment;
use crate::wire::fold;

use super::prefixes::Prefixes;

/// Buckets of 16 octets that share a cache line.
const WAYS: usize = 4;
/// Sets of buckets a worker has: 1 MiB.
const SETS: usize = 16_384;
/// Buckets of whole prefixes that a worker has, each in a place of its own: 1 MiB. Prefixes that share a place by chance
/// err on the side of answering.
const TOTALS: usize = 65_536;
/// Nanoseconds of a second: how long an empty bucket takes to fill.
const SECOND_NANOS: u64 = 1_000_000_000;
/// An odd constant with well-mixed bits (chosen; no standard value).
const STEP: u64 = 0x9fb2_1c65_1e98_df25;

/// Limits of UDP answers.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimits {
    /// Limit of one zone and kind.
    each: Flow,
    /// Limit of all zones and kinds together.
    total: Flow,
    /// Number of answers over the limit for each one that is sent empty with TC; 0 for never.
    slip: u8,
    /// Clients that are not limited.
    allow: Prefixes,
}

/// Limits for one client prefix, in answers per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Answers per second of one zone and kind.
    pub each: u32,
    /// Answers per second of all zones and kinds together.
    pub total: u32,
}

impl RateLimits {
    /// Makes limits; the rates are divided among workers that see a share of the clients' ports each.
    pub fn new(rates: Rates, workers: usize, slip: u8, allow: Prefixes) -> Self {
        Self {
            each: Flow::new(rates.each, workers),
            total: Flow::new(rates.total, workers),
            slip,
            allow,
        }
    }
}

/// Fill rate and size of the buckets of one rate, in nanoseconds of filling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flow {
    /// Time that one answer takes from its bucket.
    interval_nanos: u64,
    /// Most that may be missing from a bucket for another answer to fit.
    missing_max_nanos: u64,
    /// Amount missing from a bucket that is half empty.
    half_nanos: u64,
}

impl Flow {
    fn new(answers_per_second: u32, workers: usize) -> Self {
        let rate = u64::from(answers_per_second.max(1));
        let interval_nanos = (SECOND_NANOS * workers.max(1) as u64).div_ceil(rate);
        // At least one answer fits, however small the rate.
        let burst_nanos = SECOND_NANOS.max(interval_nanos);
        Self {
            interval_nanos,
            missing_max_nanos: burst_nanos - interval_nanos,
            half_nanos: burst_nanos / 2,
        }
    }
}

/// Kind of answer that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Records of a zone.
    Records,
    /// NXDOMAIN or NODATA of a zone.
    Negative,
    /// A referral of a zone.
    Referral,
    /// An answer from outside any zone: REFUSED, an error.
    Error,
}

/// Decision of the rate limiter on one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send.
    Send,
    /// Send; more than half of the bucket is gone.
    SendPressed,
    /// Send empty with TC set.
    Slip,
    /// Drop.
    Drop,
}

/// A bucket: the time when it is full again (nanoseconds), the tag of its client and kind, and how often it was empty.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    full_at: u64,
    tag: u32,
    refused: u32,
}

impl Bucket {
    fn new(tag: u32) -> Self {
        Self {
            tag,
            ..Self::default()
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Set([Bucket; WAYS]);

/// The buckets of one worker.
#[derive(Debug)]
pub(super) struct Buckets {
    sets: Box<[Set]>,
    totals: Box<[Bucket]>,
    key: [u64; 2],
}

impl Buckets {
    /// Makes full buckets whose places follow from a key.
    pub(super) fn new(key: [u64; 2]) -> Self {
        Self {
            sets: vec![Set::default(); SETS].into_boxed_slice(),
            totals: vec![Bucket::default(); TOTALS].into_boxed_slice(),
            key,
        }
    }

    /// Counts an answer and decides on it.
    #[inline]
    pub(super) fn count(
        &mut self,
        limits: &RateLimits,
        client: IpAddr,
        (kind, zone): (Kind, usize),
        now: Moment,
    ) -> Verdict {
        let prefix = fold(prefix_bits(client) ^ self.key[0], self.key[1] | 1);
        let place = (zone as u64) << 2 | kind as u64;
        let hash = fold(prefix ^ place, STEP);
        let set = &mut self.sets[(hash % SETS as u64) as usize].0;
        let each = find_bucket(set, tag_of(hash));
        let total = &mut self.totals[(prefix % TOTALS as u64) as usize];
        if total.tag != tag_of(prefix) {
            *total = Bucket::new(tag_of(prefix));
        }
        let now = now.nanos();
        let (each_at, total_at) = (each.full_at.max(now), total.full_at.max(now));
        let (missing, missing_total) = (each_at - now, total_at - now);
        let bucket = if missing > limits.each.missing_max_nanos {
            each
        } else if missing_total > limits.total.missing_max_nanos {
            total
        } else {
            each.full_at = each_at + limits.each.interval_nanos;
            total.full_at = total_at + limits.total.interval_nanos;
            let is_pressed =
                missing > limits.each.half_nanos || missing_total > limits.total.half_nanos;
            return if is_pressed {
                Verdict::SendPressed
            } else {
                Verdict::Send
            };
        };
        if limits.allow.contains(client) {
            return Verdict::Send;
        }
        bucket.refused = bucket.refused.wrapping_add(1);
        if limits.slip != 0 && bucket.refused.is_multiple_of(u32::from(limits.slip)) {
            Verdict::Slip
        } else {
            Verdict::Drop
        }
    }
}

/// Returns the tag that distinguishes hashes in one set.
#[inline]
fn tag_of(hash: u64) -> u32 {
    // Zero would be the tag of an unused bucket.
    (hash >> 32) as u32 | 1
}

/// Finds the bucket with a tag, or takes the one that is nearest to full.
#[inline]
fn find_bucket(set: &mut [Bucket; WAYS], tag: u32) -> &mut Bucket {
    let at = set.iter().position(|bucket| bucket.tag == tag);
    let at = at.unwrap_or_else(|| {
        let fullest = (1..WAYS).fold(0, |best, at| {
            if set[at].full_at < set[best].full_at {
                at
            } else {
                best
            }
        });
        set[fullest] = Bucket::new(tag);
        fullest
    });
    &mut set[at]
}

/// Returns the client's /24 or /56 as a number; what one subscriber or site gets. Connections are counted by it too.
#[inline]
pub fn prefix_bits(client: IpAddr) -> u64 {
    match client {
        IpAddr::V4(address) => u64::from(u32::from(address) >> 8),
        IpAddr::V6(address) => ((u128::from(address) >> 72) as u64) | 1 << 63,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(rate: u32, slip: u8) -> RateLimits {
        let loopback = ["127.0.0.0/8".parse().unwrap()];
        RateLimits::new(rates(rate), 1, slip, Prefixes::new(&loopback))
    }

    /// A total that is far away.
    fn rates(each: u32) -> Rates {
        Rates {
            each,
            total: each * 1_000,
        }
    }

    fn client(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_flood_gets_a_second_worth_at_once_then_the_rate() {
        let (limits, mut buckets) = (limits(100, 2), Buckets::new([1, 2]));
        let flood = client("203.0.113.9");
        let mut ask = |millis| {
            let at = Moment::from_millis(millis);
            buckets.count(&limits, flood, (Kind::Records, 0), at)
        };
        let is_sent = |verdict| matches!(verdict, Verdict::Send | Verdict::SendPressed);
        let at_once: Vec<_> = (0..200).map(|_| ask(5_000)).collect();
        assert_eq!(at_once.iter().filter(|each| is_sent(**each)).count(), 100);
        assert_eq!(at_once[0], Verdict::Send);
        assert_eq!(at_once[99], Verdict::SendPressed);
        assert_eq!(at_once[100..102], [Verdict::Drop, Verdict::Slip]);
        let later = (5_001..6_001).filter(|&millis| is_sent(ask(millis)));
        assert_eq!(later.count(), 100);
        // After a quiet second all is as at first.
        assert_eq!(ask(8_000), Verdict::Send);
    }

    #[test]
    fn counts_prefixes_kinds_and_zones_apart() {
        let limits = limits(1, 0);
        let base = ("203.0.113.9", Kind::Records, 0);
        let cases = [
            ("the same", base, false),
            ("the same /24", ("203.0.113.250", Kind::Records, 0), false),
            ("another /24", ("203.0.112.9", Kind::Records, 0), true),
            ("another kind", ("203.0.113.9", Kind::Negative, 0), true),
            ("another zone", ("203.0.113.9", Kind::Records, 1), true),
            ("IPv6", ("2001:db8::1", Kind::Records, 0), true),
        ];
        for (case, (from, kind, zone), is_sent) in cases {
            let mut buckets = Buckets::new([1, 2]);
            let now = Moment::from_secs(9);
            buckets.count(&limits, client(base.0), (base.1, base.2), now);
            let verdict = buckets.count(&limits, client(from), (kind, zone), now);
            assert_eq!(verdict != Verdict::Drop, is_sent, "{case}");
        }
        assert_eq!(
            prefix_bits(client("2001:db8:0:ff::1")),
            prefix_bits(client("2001:db8::2"))
        );
        assert_ne!(
            prefix_bits(client("2001:db8:0:100::1")),
            prefix_bits(client("2001:db8::2"))
        );
    }

    /// X14: forty zones asked in turn do not give forty times the rate.
    #[test]
    fn a_prefix_gets_its_total_however_many_zones_and_kinds_it_asks() {
        let kinds = [Kind::Records, Kind::Negative, Kind::Referral, Kind::Error];
        let cases = [
            ("40 zones", 40, &kinds[..1], 200),
            ("40 zones, all kinds", 40, &kinds, 200),
            ("one zone, all kinds", 1, &kinds, 200),
            ("one zone, one kind", 1, &kinds[..1], 100),
        ];
        for (case, zones, kinds, wanted) in cases {
            let rates = Rates {
                each: 100,
                total: 200,
            };
            let limits = RateLimits::new(rates, 1, 2, Prefixes::default());
            let mut buckets = Buckets::new([1, 2]);
            let mut ask = |from: &str, at: Moment, number: usize| {
                let kind = (kinds[number % kinds.len()], number / kinds.len() % zones);
                buckets.count(&limits, client(from), kind, at)
            };
            let is_sent = |verdict| matches!(verdict, Verdict::Send | Verdict::SendPressed);
            let now = Moment::from_secs(9);
            let sent = (0..20_000).filter(|&number| is_sent(ask("203.0.113.9", now, number)));
            assert_eq!(sent.count(), wanted, "{case}: at once");
            assert_ne!(ask("203.0.112.9", now, 0), Verdict::Drop, "{case}: others");
            let second = (0..20_000).filter(|&number| {
                let at = Moment::from_nanos(now.nanos() + (number as u64 + 1) * 50_000);
                is_sent(ask("203.0.113.7", at, number))
            });
            assert_eq!(second.count(), wanted, "{case}: in the next second");
        }
    }

    #[test]
    fn allowed_clients_and_all_workers_together_get_what_is_set() {
        let now = Moment::from_secs(9);
        let mut buckets = Buckets::new([1, 2]);
        let mut count = |limits: &RateLimits, from: &str| {
            let from = client(from);
            (0..1_000)
                .filter(|_| {
                    let verdict = buckets.count(limits, from, (Kind::Error, 0), now);
                    matches!(verdict, Verdict::Send | Verdict::SendPressed)
                })
                .count()
        };
        assert_eq!(count(&limits(10, 2), "127.0.0.1"), 1_000);
        let shared = RateLimits::new(rates(100), 4, 2, Prefixes::default());
        assert_eq!(count(&shared, "203.0.113.1"), 25);
        let slow = RateLimits::new(rates(1), 4, 2, Prefixes::default());
        assert_eq!(count(&slow, "203.0.112.1"), 1);
    }

    proptest::proptest! {
        /// In any span of time a prefix gets at most one second's worth and the rate, and never nothing for good.
        #[test]
        fn no_prefix_gets_more_than_its_rate(
            rate in 1u32..500, workers in 1usize..8, slip in 0u8..4,
            gaps in proptest::collection::vec(0u64..200_000_000, 1..400),
        ) {
            let limits = RateLimits::new(rates(rate), workers, slip, Prefixes::default());
            let mut buckets = Buckets::new([3, 4]);
            let each = limits.each;
            let burst = each.missing_max_nanos + each.interval_nanos;
            let start = 7_000_000_000u64;
            let (mut now, mut sent) = (start, 0u64);
            for gap in gaps {
                now += gap;
                let from = client("203.0.113.9");
                let verdict =
                    buckets.count(&limits, from, (Kind::Records, 3), Moment::from_nanos(now));
                sent += u64::from(matches!(verdict, Verdict::Send | Verdict::SendPressed));
                let allowed = (burst + (now - start)) / each.interval_nanos;
                proptest::prop_assert!(sent <= allowed, "{} of {}", sent, allowed);
            }
            proptest::prop_assert!(sent > 0);
        }
    }

    #[test]
    fn a_bucket_takes_a_quarter_of_a_cache_line() {
        assert_eq!((size_of::<Bucket>(), size_of::<Set>()), (16, 64));
        assert_eq!(SETS * size_of::<Set>(), 1 << 20);
        assert_eq!(TOTALS * size_of::<Bucket>(), 1 << 20);
    }
}
