//! A set of address prefixes, asked for one address at a time.
//!
//! In: prefixes, once a load. Out: whether an address lies in one. Never here: anything about what that means.

use std::net::IpAddr;

use ipnet::IpNet;

/// A set of prefixes: sorted ranges that do not overlap, first and last address each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefixes {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl Prefixes {
    /// Makes a set of prefixes.
    pub fn new(prefixes: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for prefix in prefixes {
            match prefix {
                IpNet::V4(v4s) => v4.push((v4s.network().into(), v4s.broadcast().into())),
                IpNet::V6(v6s) => v6.push((v6s.network().into(), v6s.broadcast().into())),
            }
        }
        Self {
            v4: merge(v4),
            v6: merge(v6),
        }
    }

    /// Returns whether an address lies in one of the prefixes.
    #[inline]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => is_inside(&self.v4, u32::from(address)),
            IpAddr::V6(address) => is_inside(&self.v6, u128::from(address)),
        }
    }
}

fn merge<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1 => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged.into_boxed_slice()
}

fn is_inside<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|&(first, _)| first <= address);
    after > 0 && address <= ranges[after - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_lies_inside() {
        let prefixes = ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.1/32", "2001:db8::/32"];
        let set = Prefixes::new(&prefixes.map(|text| text.parse().unwrap()));
        let cases = [
            ("10.255.255.255", true),
            ("10.0.0.0", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("192.0.2.1", true),
            ("192.0.2.2", false),
            ("2001:db8:ffff::", true),
            ("2001:db9::", false),
            ("::a00:1", false),
        ];
        for (address, wanted) in cases {
            assert_eq!(set.contains(address.parse().unwrap()), wanted, "{address}");
        }
        let all = Prefixes::new(&["0.0.0.0/0".parse().unwrap()]);
        assert!(all.contains("203.0.113.1".parse().unwrap()));
        assert!(!Prefixes::default().contains("203.0.113.1".parse().unwrap()));
    }
}
