//! Lifetime of a reply in an HTTP cache (RFC 8484, section 5.1).
//!
//! In: what the engine counted about a reply. Out: the value of Cache-Control. Never here: clocks, or the reply.
//!
//! | Reply | Cache-Control |
//! |---|---|
//! | records | `max-age` = lowest TTL of the answer section |
//! | NXDOMAIN, NODATA | `max-age` = min(SOA TTL, MINIMUM) (RFC 2308, section 5) |
//! | neither records nor SOA, or an error | `no-store` |
//! | chosen by policy | as above, and `private`: it may hold for this client alone |

use crate::answer::NO_TTL;
use crate::wire::Rcode;

use super::super::engine::{Source, Tally};

/// Writes the value of Cache-Control for a reply.
pub(super) fn cache_control(tally: &Tally) -> String {
    match lifetime(tally) {
        None => "no-store".to_owned(),
        Some(seconds) if tally.source == Source::Dynamic => format!("private, max-age={seconds}"),
        Some(seconds) => format!("max-age={seconds}"),
    }
}

fn lifetime(tally: &Tally) -> Option<u32> {
    // NOERROR and NXDOMAIN alone say something about the name.
    let says_something = matches!(tally.rcode, Rcode::NOERROR | Rcode::NXDOMAIN);
    (says_something && tally.ttl != NO_TTL).then(|| meant(tally.ttl))
}

/// A TTL with the highest bit set counts as 0 (RFC 2181, section 8).
fn meant(ttl: u32) -> u32 {
    if ttl > i32::MAX.unsigned_abs() {
        0
    } else {
        ttl
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_lowest_ttl_that_counts() {
        let stat = Source::Static;
        let cases = [
            ("records", Rcode::NOERROR, Some(60), stat, "max-age=60"),
            (
                "chosen",
                Rcode::NOERROR,
                Some(30),
                Source::Dynamic,
                "private, max-age=30",
            ),
            ("high bit", Rcode::NOERROR, Some(1 << 31), stat, "max-age=0"),
            (
                "no name",
                Rcode::NXDOMAIN,
                Some(20),
                Source::Negative,
                "max-age=20",
            ),
            (
                "referral",
                Rcode::NOERROR,
                None,
                Source::Referral,
                "no-store",
            ),
            ("refused", Rcode::REFUSED, None, Source::Refused, "no-store"),
            (
                "failed behind an alias",
                Rcode::SERVFAIL,
                Some(60),
                stat,
                "no-store",
            ),
        ];
        for (name, rcode, ttl, source, wanted) in cases {
            let tally = Tally {
                rcode,
                ttl: ttl.unwrap_or(NO_TTL),
                source,
                ..Tally::default()
            };
            assert_eq!(cache_control(&tally), wanted, "{name}");
        }
    }
}
