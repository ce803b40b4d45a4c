//! The address space of one family as sorted runs, each with a number.
//!
//! In: runs as (first address, value), sorted. Out: the value at an address, and the widest block around it with that
//! value. Never here: what the numbers mean.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address as a number of its family.
pub(super) trait Key: Copy + Ord + std::fmt::Debug {
    /// The lowest address.
    const FIRST: Self;

    /// The number of an address of this family.
    fn of(address: IpAddr) -> Option<Self>;
    /// Returns the address of this number.
    fn address(self) -> IpAddr;
    /// Returns the number of leading bits that are equal.
    fn common_bits(self, other: Self) -> u8;
    /// Returns the first 16 bits.
    fn top(self) -> usize;
    /// Returns the next `bits` bits after the first 16, at most 16.
    fn after_top(self, bits: u8) -> usize;
    /// Returns the next higher address.
    fn next(self) -> Option<Self>;
    /// Returns the next lower address.
    fn previous(self) -> Option<Self>;
    /// Returns the lowest address of the block of this length around this one.
    fn first_of(self, prefix_len: u8) -> Self;
    /// Returns the highest address of the block of this length around this one.
    fn last_of(self, prefix_len: u8) -> Self;
}

impl Key for u32 {
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
    fn after_top(self, bits: u8) -> usize {
        // Widened, because a shift by all 32 bits is no shift.
        (u64::from(self << 16) >> (32 - bits)) as usize
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
    fn after_top(self, bits: u8) -> usize {
        let next_64 = (self >> 48) as u64;
        (Self::from(next_64) >> (64 - bits)) as usize
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

/// Fewer runs than this are searched without an index, which costs 512 KiB (chosen).
const INDEXED_RUNS_MIN: usize = 1024;
const TOPS: usize = 1 << 16;
/// More runs than this under one first 16 bits get an index of their own (chosen: three steps of a search).
const FINE_RUNS_MIN: usize = 8;
const FINE_BITS_MAX: u8 = 16;

/// Sorted first addresses of runs that cover the whole family.
#[derive(Clone, Debug)]
pub(super) struct Starts<K> {
    /// The first is the lowest address.
    starts: Box<[K]>,
    index: Index,
}

/// Index over starts: first by the first 16 bits, then, where many runs share these, by as many bits as they need.
///
/// Registries give out IPv6 in few large blocks, so without the second level most searches would be long.
#[derive(Clone, Debug, Default)]
struct Index {
    /// For each first 16 bits, the number of starts below them; empty if there are few runs.
    below: Box<[u32]>,
    /// For each first 16 bits, its part of `fine`: offset * 32 + bits; bits 0 is none.
    parts: Box<[u32]>,
    /// For each value of the next bits, the number of starts below it.
    fine: Box<[u32]>,
}

impl Index {
    fn new<K: Key>(starts: &[K]) -> Self {
        let mut below = Vec::with_capacity(TOPS + 1);
        let mut parts = Vec::with_capacity(TOPS);
        let mut fine: Vec<u32> = Vec::new();
        let mut low = 0;
        for top in 0..TOPS {
            below.push(low as u32);
            let within = starts[low..].iter().take_while(|s| s.top() == top).count();
            let bits = match within {
                0..FINE_RUNS_MIN => 0,
                _ => (within.ilog2() as u8).min(FINE_BITS_MAX),
            };
            // Parts hold fewer than two entries a run, so offsets stay in 27 bits up to 67 million runs.
            let offset = u32::try_from(fine.len()).ok().filter(|n| *n < 1 << 27);
            match offset.filter(|_| bits > 0) {
                None => parts.push(0),
                Some(offset) => {
                    parts.push(offset << 5 | u32::from(bits));
                    push_fine(&starts[low..low + within], low, bits, &mut fine);
                }
            }
            low += within;
        }
        below.push(starts.len() as u32);
        Self {
            below: below.into(),
            parts: parts.into(),
            fine: fine.into(),
        }
    }

    /// The positions between which the last start that is not above the key lies, or just before the first of them.
    #[inline]
    fn bounds<K: Key>(&self, key: K) -> Option<(usize, usize)> {
        let top = key.top();
        let part = *self.parts.get(top)?;
        let bits = (part & 31) as u8;
        let pair = if bits == 0 {
            self.below.get(top..top + 2)
        } else {
            let at = (part >> 5) as usize + key.after_top(bits);
            self.fine.get(at..at + 2)
        };
        match pair {
            Some([low, high]) => Some((*low as usize, *high as usize)),
            _ => None,
        }
    }
}

/// Appends, for each value of the bits after the first 16, the position of the first of `starts` that is not below it.
fn push_fine<K: Key>(starts: &[K], low: usize, bits: u8, fine: &mut Vec<u32>) {
    let mut below = 0;
    for value in 0..1 << bits {
        while starts.get(below).is_some_and(|s| s.after_top(bits) < value) {
            below += 1;
        }
        fine.push((low + below) as u32);
    }
    fine.push((low + starts.len()) as u32);
}

impl<K: Key> Starts<K> {
    /// Takes sorted starts, the first of which is the lowest address.
    pub(super) fn new(starts: Vec<K>) -> Self {
        assert!(
            starts.first() == Some(&K::FIRST),
            "runs cover the whole family"
        );
        let index = match starts.len() {
            0..INDEXED_RUNS_MIN => Index::default(),
            _ => Index::new(&starts),
        };
        Self {
            starts: starts.into(),
            index,
        }
    }

    /// The number of the run that holds an address.
    #[inline]
    pub(super) fn find(&self, key: K) -> usize {
        let (low, high) = self.index.bounds(key).unwrap_or((0, self.starts.len()));
        let within = self.starts[low..high].partition_point(|start| *start <= key);
        // The first start is the lowest address, so at least one start is not above the key.
        (low + within).saturating_sub(1)
    }

    /// The first address of a run.
    pub(super) fn start(&self, run: usize) -> Option<K> {
        self.starts.get(run).copied()
    }

    /// Returns the number of runs.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Returns the heap memory in use, octets.
    pub(super) fn size_bytes(&self) -> usize {
        let Index { below, parts, fine } = &self.index;
        let index = size_of_val(&**below) + size_of_val(&**parts) + size_of_val(&**fine);
        index + size_of_val(&*self.starts)
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
        // 1 + the longest stretch of bits shared with the neighbours outside the run (design, Location).
        let below = self.starts.start(run).and_then(K::previous);
        let above = self.starts.start(run + 1);
        let shared = |outside: K| 1 + key.common_bits(outside);
        below.map_or(0, shared).max(above.map_or(0, shared))
    }

    /// The run that holds an address, searched upward from one that does not lie above it.
    pub(super) fn advance(&self, mut run: usize, key: K) -> usize {
        while self.get(run + 1).is_some_and(|(start, _)| start <= key) {
            run += 1;
        }
        run
    }

    /// Value and scope of a block that lies within one run; all its addresses have the same scope, at most its length.
    pub(super) fn whole_block(&self, run: usize, first: K, prefix_len: u8) -> Option<(u16, u8)> {
        let (_, value) = self.get(run)?;
        let scope = self.scope_in(run, first);
        (scope <= prefix_len).then_some((value, scope))
    }

    /// All runs in order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (K, u16)> + '_ {
        let pairs = self.starts.starts.iter().zip(&self.values);
        pairs.map(|(start, value)| (*start, *value))
    }

    /// First address and value of a run.
    pub(super) fn get(&self, run: usize) -> Option<(K, u16)> {
        Some((self.starts.start(run)?, *self.values.get(run)?))
    }

    /// Returns the number of runs.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Returns the heap memory in use, octets.
    pub(super) fn size_bytes(&self) -> usize {
        self.starts.size_bytes() + size_of_val(&*self.values)
    }
}

/// Cuts two lists of runs at the borders of both. Each must start at the lowest address.
pub(super) fn zip_runs<K: Key, A: Copy, B: Copy>(
    a: impl Iterator<Item = (K, A)>,
    b: impl Iterator<Item = (K, B)>,
) -> impl Iterator<Item = (K, A, B)> {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    let (mut in_a, mut in_b) = (None, None);
    std::iter::from_fn(move || {
        loop {
            let borders = [a.peek().map(|run| run.0), b.peek().map(|run| run.0)];
            let start = borders.into_iter().flatten().min()?;
            if let Some((_, value)) = a.next_if(|run| run.0 == start) {
                in_a = Some(value);
            }
            if let Some((_, value)) = b.next_if(|run| run.0 == start) {
                in_b = Some(value);
            }
            if let (Some(a), Some(b)) = (in_a, in_b) {
                return Some((start, a, b));
            }
        }
    })
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
        type List = [(u32, u16)];
        let cases: [(&List, &List); 5] = [
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
    fn zipped_runs_are_cut_at_the_borders_of_both() {
        let a = [(0u32, 'a'), (10, 'b'), (30, 'c')];
        let b = [(0u32, 1), (10, 2), (20, 3), (40, 4)];
        let zipped: Vec<_> = zip_runs(a.into_iter(), b.into_iter()).collect();
        let wanted = [
            (0, 'a', 1),
            (10, 'b', 2),
            (20, 'b', 3),
            (30, 'c', 3),
            (40, 'c', 4),
        ];
        assert_eq!(zipped, wanted);
    }

    fn finds_as_plainly<K: Key>(starts: Vec<K>, keys: impl Iterator<Item = K>) {
        let indexed = Starts::new(starts.clone());
        assert!(!indexed.index.below.is_empty());
        let around = starts
            .iter()
            .flat_map(|s| [Some(*s), s.next(), s.previous()]);
        for key in keys.chain(around.flatten()) {
            let plain = starts.partition_point(|s| *s <= key) - 1;
            assert_eq!(indexed.find(key), plain, "{key:?}");
        }
    }

    #[test]
    fn the_index_finds_what_a_plain_search_finds() {
        // Steps that are no power of two hit run borders before, at and after the borders of the index.
        let spread: Vec<u32> = (0..6000u32).map(|i| i * 715_000).collect();
        let dense = (1..5000u32).map(|i| 0x0a0b_0000 + i * 13);
        let dense: Vec<u32> = [0].into_iter().chain(dense).chain([u32::MAX]).collect();
        let keys = || (0..100_000u32).map(|i| i.wrapping_mul(2_654_435_761));
        finds_as_plainly(spread, keys());
        finds_as_plainly(dense, keys().chain(0x0a0a_ff00..0x0a0c_0100));
        let blocks = (1..40_000u128).map(|i| (0x2a00 << 112) | ((i * 7) << 80) | (i % 3));
        let blocks: Vec<u128> = [0].into_iter().chain(blocks).chain([u128::MAX]).collect();
        finds_as_plainly(blocks, keys().map(|k| 0x2a00 << 112 | u128::from(k) << 70));
        // All under one first 16 bits and equal in all bits of the second level.
        let deep = (1..3000u128).map(|i| 0x2001 << 112 | i << 3);
        finds_as_plainly([0].into_iter().chain(deep).collect(), 0..100u128);
    }

    #[test]
    fn bits_after_the_first_16_are_taken_in_order() {
        let cases = [(0, 0), (1, 1), (4, 0b1011), (16, 0xb00d)];
        for (bits, wanted) in cases {
            assert_eq!(0xfff0_b00du32.after_top(bits), wanted, "{bits}");
            assert_eq!((0xfff0_b00du128 << 96).after_top(bits), wanted, "{bits}");
        }
    }
}
