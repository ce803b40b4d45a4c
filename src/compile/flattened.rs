//! What flattened targets are known to be, and how they become members (rules a27, a28).
//!
//! In: sets of addresses by target, from whoever looks targets up; members as written. Out: a record for each address,
//! with the target's weight spread over them. Never here: looking anything up, TTLs.
//!
//! Resolved addresses become members by compiling the zone anew with the set as it is then: everything that is decided
//! about members (health, weights, families, last resort) holds for them without a second rule. How long the addresses
//! may be answered changes each second and is no part of the zone; the view tells it by lease. Where nothing may be
//! looked up (`validate`, expectations, `simulate` from files) each target has one assumed address of each family, from
//! the networks for benchmarks (RFC 2544, RFC 5180), which no real server has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::wire::{Name, Rtype};

/// First of the assumed IPv4 addresses (RFC 2544, appendix C.2.2).
const ASSUMED_IPV4: u32 = Ipv4Addr::new(198, 18, 0, 0).to_bits();
/// Assumed IPv4 addresses: a /15.
const ASSUMED_IPV4_COUNT: u32 = 1 << 17;
/// First of the assumed IPv6 addresses (RFC 5180, section 8).
const ASSUMED_IPV6: u128 = Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0).to_bits();

/// Which targets are answered as their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    /// Those that say so.
    Written,
    /// All.
    Flat,
}

/// Addresses of one family of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlatSet {
    /// The addresses, in order.
    pub addresses: Arc<[IpAddr]>,
    /// Whether they may be used; if not they are members that are unhealthy.
    pub is_usable: bool,
}

/// Addresses of flattened targets, by target and family.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flattened {
    known: HashMap<(Name, Rtype), FlatSet>,
    is_assumed: bool,
}

impl Flattened {
    /// Returns what is taken where nothing is looked up: one address of each family for every target.
    pub fn assumed() -> Self {
        Self {
            known: HashMap::new(),
            is_assumed: true,
        }
    }

    /// Notes the addresses of a target; a set without addresses is forgotten.
    pub fn put(&mut self, target: &Name, rtype: Rtype, set: FlatSet) {
        let key = (target.clone(), rtype);
        if set.addresses.is_empty() {
            self.known.remove(&key);
        } else {
            self.known.insert(key, set);
        }
    }

    /// Returns the addresses of a target, if any is known.
    pub fn find(&self, target: &Name, rtype: Rtype) -> Option<&FlatSet> {
        self.known.get(&(target.clone(), rtype))
    }

    /// Returns the addresses of a target; `number` tells assumed ones apart.
    pub(super) fn addresses(&self, target: &Name, rtype: Rtype, number: u32) -> FlatSet {
        if let Some(known) = self.find(target, rtype) {
            return known.clone();
        }
        let addresses: Arc<[IpAddr]> = match (self.is_assumed, rtype) {
            (false, _) => Arc::from([]),
            (true, Rtype::A) => {
                let bits = ASSUMED_IPV4 + (number + 1) % ASSUMED_IPV4_COUNT;
                Arc::from([IpAddr::V4(bits.into())])
            }
            (true, _) => {
                let bits = ASSUMED_IPV6 + u128::from(number) + 1;
                Arc::from([IpAddr::V6(bits.into())])
            }
        };
        FlatSet {
            addresses,
            is_usable: true,
        }
    }
}

/// Spreads weights over records: a member with several records keeps its share. Equal weights stay equal, since then
/// all records are answered and nothing is drawn (rule a22).
///
/// In: weight of a record's member, and how many records that member has. Out: weights of records.
pub(super) fn spread_weights(records: &[(u16, usize)]) -> Vec<u16> {
    let mut weighted = records.iter().filter(|(weight, _)| *weight > 0);
    let first = weighted.next().map(|(weight, _)| *weight);
    let is_even = weighted.all(|(weight, _)| Some(*weight) == first);
    let is_single = records.iter().all(|(_, count)| *count <= 1);
    if is_even || is_single {
        return records.iter().map(|(weight, _)| *weight).collect();
    }
    let share = |(weight, count): &(u16, usize)| f64::from(*weight) / (*count).max(1) as f64;
    let largest = records.iter().map(share).fold(0.0, f64::max);
    // Whole numbers where a small factor makes them so, else as fine as weights can be.
    let most = (f64::from(u16::MAX) / largest).floor().max(1.0);
    let is_whole = |factor: f64| {
        let mut scaled = records.iter().map(|record| share(record) * factor);
        scaled.all(|weight| (weight - weight.round()).abs() < 1e-9)
    };
    let small = (1..=FACTOR_MAX)
        .map(f64::from)
        .find(|factor| is_whole(*factor));
    let factor = small.unwrap_or(most).min(most);
    records
        .iter()
        .map(|record| match record.0 {
            0 => 0,
            _ => (share(record) * factor).round().max(1.0) as u16,
        })
        .collect()
}

/// Factors that are tried for whole weights; the smallest that suits 1 to 16 records is 720,720, which weights cannot
/// hold anyway. Chosen: it suits any mixture of up to ten records but those with both seven and eight or nine.
const FACTOR_MAX: u32 = 360;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_keeps_its_share_however_many_addresses_it_has() {
        /// Title, weight and number of addresses by record, weights.
        type Case = (&'static str, &'static [(u16, usize)], &'static [u16]);
        #[rustfmt::skip]
        let cases: [Case; 7] = [
            ("one address each", &[(3, 1), (1, 1)], &[3, 1]),
            ("equal weights", &[(5, 2), (5, 2), (5, 1)], &[5, 5, 5]),
            ("three to one, two addresses", &[(3, 2), (3, 2), (1, 1)], &[3, 3, 2]),
            ("thirds and halves", &[(1, 3), (1, 3), (1, 3), (2, 2), (2, 2)], &[1, 1, 1, 3, 3]),
            ("standby stays standby", &[(4, 2), (4, 2), (0, 2), (0, 2), (1, 1)], &[2, 2, 0, 0, 1]),
            ("as fine as weights can be", &[(65535, 1), (1, 2), (1, 2)], &[65535, 1, 1]),
            ("nothing", &[], &[]),
        ];
        for (title, records, wanted) in cases {
            assert_eq!(spread_weights(records), wanted, "{title}");
        }
    }

    #[test]
    fn what_is_not_looked_up_is_assumed_or_empty() {
        let name = Name::parse_absolute("cdn.example.net.").expect("a name");
        let assumed = Flattened::assumed();
        let text = |rtype, number| assumed.addresses(&name, rtype, number).addresses[0].to_string();
        assert_eq!(text(Rtype::A, 0), "198.18.0.1");
        assert_eq!(text(Rtype::AAAA, 1), "2001:2::2");
        let mut known = Flattened::default();
        assert!(known.addresses(&name, Rtype::A, 0).addresses.is_empty());
        let set = |addresses: &[IpAddr]| FlatSet {
            addresses: addresses.into(),
            is_usable: true,
        };
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        known.put(&name, Rtype::A, set(&[address]));
        let other_case = Name::parse_absolute("CDN.Example.net.").expect("a name");
        assert_eq!(
            *known.addresses(&other_case, Rtype::A, 0).addresses,
            [address]
        );
        known.put(&name, Rtype::A, set(&[]));
        assert_eq!(known, Flattened::default());
    }
}
