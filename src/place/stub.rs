//! Stand-in until the real tables are merged.
use super::*;
use std::net::IpAddr;
/// x
#[derive(Debug, Default, Clone)]
pub struct PlaceInfo {
    /// x
    pub place: Option<Place>,
    /// x
    pub point: Option<Coordinates>,
}
/// x
#[derive(Debug, Default)]
pub struct Locations {
    nets: Vec<(IpAddr, u8, PlaceInfo)>,
    none: PlaceInfo,
}
/// x
pub struct ClientAt<'a> {
    /// x
    pub address: IpAddr,
    /// x
    pub info: &'a PlaceInfo,
}
fn covers(net: IpAddr, len: u8, a: IpAddr) -> bool {
    match (net, a) {
        (IpAddr::V4(n), IpAddr::V4(a)) => {
            len == 0 || (u32::from(n) ^ u32::from(a)) >> (32 - len) == 0
        }
        (IpAddr::V6(n), IpAddr::V6(a)) => {
            len == 0 || (u128::from(n) ^ u128::from(a)) >> (128 - len) == 0
        }
        _ => false,
    }
}
impl Locations {
    /// x
    pub fn networks(list: &[(IpAddr, u8, Place)]) -> Self {
        Self {
            nets: list
                .iter()
                .map(|(a, l, p)| {
                    (
                        *a,
                        *l,
                        PlaceInfo {
                            place: Some(*p),
                            point: Some(p.point()),
                        },
                    )
                })
                .collect(),
            none: PlaceInfo::default(),
        }
    }
    /// x
    pub fn locate(&self, a: IpAddr) -> &PlaceInfo {
        self.nets
            .iter()
            .filter(|n| covers(n.0, n.1, a))
            .max_by_key(|n| n.1)
            .map_or(&self.none, |n| &n.2)
    }
}
/// x
#[derive(Debug)]
pub struct ClassMap {
    v4: Vec<(u32, u16)>,
    v6: Vec<(u128, u16)>,
}
impl ClassMap {
    /// x
    pub fn build(v4: &[(u32, u16)], v6: &[(u128, u16)]) -> Self {
        Self {
            v4: v4.to_vec(),
            v6: v6.to_vec(),
        }
    }
    /// x
    pub fn lookup(&self, a: IpAddr) -> (u16, u8) {
        match a {
            IpAddr::V4(a) => {
                let a = u32::from(a);
                let mut m: Vec<(u32, u16)> = vec![];
                for &(s, c) in &self.v4 {
                    if m.last().is_none_or(|l| l.1 != c) {
                        m.push((s, c));
                    }
                }
                let i = m.partition_point(|r| r.0 <= a) - 1;
                let mut sc = 0;
                if i > 0 {
                    sc = sc.max(1 + (a ^ (m[i].0 - 1)).leading_zeros() as u8);
                }
                if i + 1 < m.len() {
                    sc = sc.max(1 + (a ^ m[i + 1].0).leading_zeros() as u8);
                }
                (m[i].1, sc)
            }
            IpAddr::V6(a) => {
                let a = u128::from(a);
                let i = self.v6.partition_point(|r| r.0 <= a) - 1;
                (self.v6[i].1, 56)
            }
        }
    }
}
/// x
pub fn refine(
    l: &Locations,
    prefixes: &[(IpAddr, u8)],
    f: &mut dyn FnMut(ClientAt<'_>) -> u16,
) -> (Vec<(u32, u16)>, Vec<(u128, u16)>) {
    let mut c4 = vec![0u32];
    let mut c6 = vec![0u128];
    for (a, len) in prefixes
        .iter()
        .copied()
        .chain(l.nets.iter().map(|n| (n.0, n.1)))
    {
        match a {
            IpAddr::V4(a) => {
                let a = u32::from(a);
                c4.push(a);
                c4.extend(
                    a.checked_add(((1u64 << (32 - len)) - 1) as u32)
                        .and_then(|e| e.checked_add(1)),
                );
            }
            IpAddr::V6(a) => {
                let a = u128::from(a);
                c6.push(a);
                c6.extend(
                    a.checked_add((1u128 << (128 - len)) - 1)
                        .and_then(|e| e.checked_add(1)),
                );
            }
        }
    }
    c4.sort();
    c4.dedup();
    c6.sort();
    c6.dedup();
    (
        c4.into_iter()
            .map(|s| {
                let a = IpAddr::V4(s.into());
                (
                    s,
                    f(ClientAt {
                        address: a,
                        info: l.locate(a),
                    }),
                )
            })
            .collect(),
        c6.into_iter()
            .map(|s| {
                let a = IpAddr::V6(s.into());
                (
                    s,
                    f(ClientAt {
                        address: a,
                        info: l.locate(a),
                    }),
                )
            })
            .collect(),
    )
}
/// x
#[derive(Debug)]
pub struct PrefixTable<T>(Vec<(IpAddr, u8, T)>);
impl<T: Copy> PrefixTable<T> {
    /// x
    pub fn new(mut list: Vec<(IpAddr, u8, T)>) -> Self {
        list.sort_by_key(|x| std::cmp::Reverse(x.1));
        Self(list)
    }
    /// x
    pub fn chain(&self, a: IpAddr, len: u8) -> impl Iterator<Item = T> + '_ {
        self.0
            .iter()
            .filter(move |x| x.1 <= len && covers(x.0, x.1, a))
            .map(|x| x.2)
    }
}
