//! How long an HTTP cache may keep a reply (RFC 8484, section 5.1).
//!
//! In: a reply of ours and what it was made from. Out: the value of Cache-Control. Never here: clocks.
//!
//! | Reply | Cache-Control |
//! |---|---|
//! | records | `max-age` = lowest TTL of the answer section |
//! | NXDOMAIN, NODATA | `max-age` = min(SOA TTL, MINIMUM) (RFC 2308, section 5) |
//! | neither records nor SOA, or an error | `no-store` |
//! | chosen by policy | as above, and `private`: it may hold for this client alone |

use super::super::engine::Source;
use super::super::records::{Section, records};

/// The type number of SOA.
const SOA: u16 = 6;

/// Names the lifetime of a reply.
pub(super) fn cache_control(reply: &[u8], source: Source) -> String {
    match lifetime(reply) {
        None => "no-store".to_owned(),
        Some(seconds) if source == Source::Dynamic => format!("private, max-age={seconds}"),
        Some(seconds) => format!("max-age={seconds}"),
    }
}

fn lifetime(reply: &[u8]) -> Option<u32> {
    // NOERROR and NXDOMAIN alone say something about the name.
    if !matches!(reply.get(3)? & 0x0f, 0 | 3) {
        return None;
    }
    let answer = records(reply).filter(|record| record.section == Section::Answer);
    if let Some(least) = answer.map(|record| meant(record.ttl)).min() {
        return Some(least);
    }
    let soa = records(reply)
        .find(|record| record.section == Section::Authority && record.rtype == SOA)?;
    let minimum = soa.rdata.last_chunk::<4>()?;
    Some(meant(soa.ttl).min(meant(u32::from_be_bytes(*minimum))))
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

    fn record(rtype: u16, ttl: u32, rdata: &[u8]) -> Vec<u8> {
        let mut record = vec![0];
        record.extend(rtype.to_be_bytes());
        record.extend([0, 1]);
        record.extend(ttl.to_be_bytes());
        record.extend(u16::try_from(rdata.len()).unwrap().to_be_bytes());
        record.extend(rdata);
        record
    }

    fn reply(rcode: u8, answer: &[Vec<u8>], authority: &[Vec<u8>]) -> Vec<u8> {
        let counts = [answer.len(), authority.len()].map(|len| u8::try_from(len).unwrap());
        let mut reply = vec![0, 0, 0x84, rcode, 0, 0, 0, counts[0], 0, counts[1], 0, 0];
        reply.extend(answer.concat());
        reply.extend(authority.concat());
        reply
    }

    #[test]
    fn takes_the_lowest_ttl_that_counts() {
        let a = |ttl| record(1, ttl, &[192, 0, 2, 1]);
        let soa = |ttl, minimum: u32| {
            let mut rdata = vec![0; 18];
            rdata.extend(minimum.to_be_bytes());
            record(SOA, ttl, &rdata)
        };
        let stat = Source::Static;
        let cases = [
            (
                "records",
                reply(0, &[a(300), a(60)], &[soa(5, 5)]),
                stat,
                "max-age=60",
            ),
            (
                "chosen",
                reply(0, &[a(30)], &[]),
                Source::Dynamic,
                "private, max-age=30",
            ),
            ("high bit", reply(0, &[a(1 << 31)], &[]), stat, "max-age=0"),
            (
                "no data",
                reply(0, &[], &[soa(900, 60)]),
                stat,
                "max-age=60",
            ),
            ("no name", reply(3, &[], &[soa(20, 60)]), stat, "max-age=20"),
            (
                "alias to no name",
                reply(3, &[a(7)], &[soa(20, 60)]),
                stat,
                "max-age=7",
            ),
            (
                "referral",
                reply(0, &[], &[record(2, 60, &[0])]),
                stat,
                "no-store",
            ),
            ("refused", reply(5, &[], &[]), stat, "no-store"),
            ("failed", reply(2, &[a(60)], &[]), stat, "no-store"),
            ("nothing", vec![], stat, "no-store"),
        ];
        for (name, reply, source, wanted) in cases {
            assert_eq!(cache_control(&reply, source), wanted, "{name}");
        }
    }
}
