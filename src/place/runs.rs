//! The address space of one family as sorted runs, each with a number.
//!
//! In: runs as (first address, value), sorted. Out: the value at an address, and the widest block around it with that
//! value. Never here: what the numbers mean.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address as a number of its family.
pub(super) trait Key: Copy + Ord + std::fmt::Debug {
    /// Length of an address.
    const BITS: u8;
    /// The lowest address.
    const FIRST: Self;

    /// The number of an address of this family.
    fn of(address: IpAddr) -> Option<Self>;
    /// The address of this number.
    fn address(self) -> IpAddr;
    /// How many leading bits are equal.
    fn common_bits(self, other: Self) -> u8;
    /// The first 16 bits.
    fn top(self) -> usize;
    /// The lowest number with these first 16 bits.
    fn of_top(top: usize) -> Self;
    /// The next higher address.
    fn next(self) -> Option<Self>;
    /// The next lower address.
    fn previous(self) -> Option<Self>;
    /// The lowest address of the block of this length around this one.
    fn first_of(self, prefix_len: u8) -> Self;
    /// The highest address of the block of this length around this one.
    fn last_of(self, prefix_len: u8) -> Self;
}

impl Key for u32 {
    const BITS: u8 = 32;
    const FIRST: Self = 0;

    fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(v4) => Some(v4.to_bits()),
            IpAddr::V6(_) => None,
        }
    }
    fn address(self) -> IpAddr {
        Ipv4Addr::from_bits(self).into()
    }
    fn common_bits(self, other: Self) -> u8 {
        (self ^ other).leading_zeros() as u8
    }
    fn top(self) -> usize {
        (self >> 16) as usize
    }
    fn of_top(top: usize) -> Self {
        (top as Self) << 16
    }
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
    fn first_of(self, prefix_len: u8) -> Self {
        self & !host_bits(prefix_len, 32).map_or(0, |bits| Self::MAX >> bits)
    }
    fn last_of(self, prefix_len: u8) -> Self {
        self | host_bits(prefix_len, 32).map_or(0, |bits| Self::MAX >> bits)
    }
}

impl Key for u128 {
    const BITS: u8 = 128;
    const FIRST: Self = 0;

    fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(v6) => Some(v6.to_bits()),
        }
    }
    fn address(self) -> IpAddr {
        Ipv6Addr::from_bits(self).into()
    }
    fn common_bits(self, other: Self) -> u8 {
        (self ^ other).leading_zeros() as u8
    }
    fn top(self) -> usize {
        (self >> 112) as usize
    }
    fn of_top(top: usize) -> Self {
        (top as Self) << 112
    }
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
    fn first_of(self, prefix_len: u8) -> Self {
        self & !host_bits(prefix_len, 128).map_or(0, |bits| Self::MAX >> bits)
    }
    fn last_of(self, prefix_len: u8) -> Self {
        self | host_bits(prefix_len, 128).map_or(0, |bits| Self::MAX >> bits)
    }
}

/// The shift that leaves the host bits of a mask; `None` if there are none.
fn host_bits(prefix_len: u8, bits: u8) -> Option<u8> {
    (prefix_len < bits).then_some(prefix_len)
}

/// Fewer runs than this are searched without the index of first 16 bits, which costs 256 KiB (chosen).
const INDEXED_RUNS_MIN: usize = 1024;
const TOPS: usize = 1 << 16;

/// Sorted first addresses of runs that cover the whole family.
#[derive(Clone, Debug)]
pub(super) struct Starts<K> {
    /// The first is the lowest address.
    starts: Box<[K]>,
    /// For each first 16 bits, how many starts lie below them; empty if there are few runs.
    index: Box<[u32]>,
}

impl<K: Key> Starts<K> {
    /// Takes sorted starts, the first of which is the lowest address.
    pub(super) fn new(starts: Vec<K>) -> Self {
        assert!(
            starts.first() == Some(&K::FIRST),
            "runs cover the whole family"
        );
        let mut index = Vec::new();
        if starts.len() >= INDEXED_RUNS_MIN {
            index.reserve_exact(TOPS + 1);
            let mut below = 0;
            for top in 0..TOPS {
                while starts.get(below).is_some_and(|s| *s < K::of_top(top)) {
                    below += 1;
                }
                index.push(below as u32);
            }
            index.push(starts.len() as u32);
        }
        Self {
            starts: starts.into(),
            index: index.into(),
        }
    }

    /// The number of the run that holds an address.
    pub(super) fn find(&self, key: K) -> usize {
        let (low, high) = match self.index.get(key.top()..=key.top() + 1) {
            Some([low, high]) => (*low as usize, *high as usize),
            _ => (0, self.starts.len()),
        };
        let within = self.starts[low..high].partition_point(|start| *start <= key);
        // The first start is the lowest address, so at least one start is not above the key.
        (low + within).saturating_sub(1)
    }

    /// The first address of a run.
    pub(super) fn start(&self, run: usize) -> Option<K> {
        self.starts.get(run).copied()
    }

    /// How many runs there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Heap memory in use.
    pub(super) fn size_bytes(&self) -> usize {
        size_of_val(&*self.starts) + size_of_val(&*self.index)
    }
}

/// Runs with a number each; neighbours differ.
#[derive(Clone, Debug)]
pub(super) struct Runs<K> {
    starts: Starts<K>,
    values: Box<[u16]>,
}

impl<K: Key> Runs<K> {
    /// Takes sorted runs and joins neighbours of equal value. What lies below the first run has value 0.
    pub(super) fn new(runs: impl IntoIterator<Item = (K, u16)>) -> Self {
        let mut starts = vec![K::FIRST];
        let mut values = vec![0];
        for (start, value) in runs {
            debug_assert!(
                starts.last().is_none_or(|last| *last <= start),
                "runs are sorted"
            );
            if starts.last() == Some(&start) {
                starts.pop();
                values.pop();
            }
            if values.last() != Some(&value) {
                starts.push(start);
                values.push(value);
            }
        }
        Self {
            starts: Starts::new(starts),
            values: values.into(),
        }
    }

    /// The value at an address.
    pub(super) fn value(&self, key: K) -> u16 {
        self.values[self.starts.find(key)]
    }

    /// The value at an address, and the length of the widest block around it that has this value throughout.
    pub(super) fn value_and_scope(&self, key: K) -> (u16, u8) {
        let run = self.starts.find(key);
        (self.values[run], self.scope_in(run, key))
    }

    /// The length of the widest block around an address that lies within its run.
    pub(super) fn scope_in(&self, run: usize, key: K) -> u8 {
        // engine.md A8: 1 + the longest stretch of bits shared with the neighbours outside the run.
        let below = self.starts.start(run).and_then(K::previous);
        let above = self.starts.start(run + 1);
        let shared = |outside: K| 1 + key.common_bits(outside);
        below.map_or(0, shared).max(above.map_or(0, shared))
    }

    /// All runs in order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (K, u16)> + '_ {
        let pairs = self.starts.starts.iter().zip(&self.values);
        pairs.map(|(start, value)| (*start, *value))
    }

    /// The number of the run that holds an address.
    pub(super) fn find(&self, key: K) -> usize {
        self.starts.find(key)
    }

    /// First address and value of a run.
    pub(super) fn get(&self, run: usize) -> Option<(K, u16)> {
        Some((self.starts.start(run)?, *self.values.get(run)?))
    }

    /// How many runs there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Heap memory in use.
    pub(super) fn size_bytes(&self) -> usize {
        self.starts.size_bytes() + size_of_val(&*self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_a_first_and_a_last_address() {
        let cases: [(u32, u8, u32, u32); 4] = [
            (0x0a01_0203, 0, 0, u32::MAX),
            (0x0a01_0203, 8, 0x0a00_0000, 0x0aff_ffff),
            (0x0a01_0203, 31, 0x0a01_0202, 0x0a01_0203),
            (0x0a01_0203, 32, 0x0a01_0203, 0x0a01_0203),
        ];
        for (key, len, first, last) in cases {
            assert_eq!(
                (key.first_of(len), key.last_of(len)),
                (first, last),
                "/{len}"
            );
        }
        assert_eq!(1u128.last_of(0), u128::MAX);
        assert_eq!(5u128.first_of(128), 5);
    }

    #[test]
    fn joins_equal_neighbours_and_starts_at_the_lowest_address() {
        let cases: [(&[(u32, u16)], &[(u32, u16)]); 5] = [
            (&[], &[(0, 0)]),
            (&[(0, 3)], &[(0, 3)]),
            (&[(9, 3)], &[(0, 0), (9, 3)]),
            (&[(0, 1), (5, 1), (7, 2), (8, 2)], &[(0, 1), (7, 2)]),
            (&[(0, 1), (5, 2), (5, 1), (9, 0)], &[(0, 1), (9, 0)]),
        ];
        for (given, wanted) in cases {
            let runs = Runs::new(given.iter().copied());
            assert_eq!(runs.iter().collect::<Vec<_>>(), wanted, "{given:?}");
        }
    }

    #[test]
    fn the_index_finds_what_a_plain_search_finds() {
        // Steps that are no power of two hit run borders before, at and after the borders of the index.
        let starts: Vec<u32> = (0..6000u32).map(|i| i * 715_000).collect();
        let indexed = Starts::new(starts.clone());
        assert!(!indexed.index.is_empty());
        for i in 0..100_000u32 {
            let key = i.wrapping_mul(2_654_435_761);
            let plain = starts.partition_point(|s| *s <= key) - 1;
            assert_eq!(indexed.find(key), plain, "{key}");
        }
        assert_eq!(indexed.find(u32::MAX), 5999);
    }
}
