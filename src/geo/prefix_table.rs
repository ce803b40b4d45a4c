//! Client prefixes with values, and all of them that cover an address.
//!
//! In: prefixes of both families. Out: the covering blocks, longest first. Never here: what a value means; allocation in
//! a lookup.

use std::net::IpAddr;

use ipnet::IpNet;

use super::runs::{Key, Starts};

/// Prefixes of both families, each with a value.
///
/// Each run of addresses between two prefix borders knows the longest prefix around it, and each prefix the next
/// shorter one, so a lookup is one search and a walk upward.
#[derive(Clone, Debug)]
pub struct PrefixTable<T: Copy> {
    v4: Family<u32>,
    v6: Family<u128>,
    /// Values by the number the families give.
    values: Box<[T]>,
}

#[derive(Clone, Debug)]
struct Family<K> {
    starts: Starts<K>,
    /// The longest prefix around each run, as an index into `blocks`.
    innermost: Box<[u32]>,
    blocks: Box<[Block]>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    /// The next shorter prefix around this one, as an index, or `NONE`.
    parent: u32,
    /// Index of the value.
    value: u32,
    prefix_len: u8,
}

const NONE: u32 = u32::MAX;

impl<T: Copy> PrefixTable<T> {
    /// Builds the table; host bits are ignored, and of a repeated prefix the first counts.
    ///
    /// # Panics
    /// With 2^32 - 1 prefixes or more; the grammar allows 1,000,000.
    pub fn build(prefixes: impl IntoIterator<Item = (IpNet, T)>) -> Self {
        let mut values = Vec::new();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (prefix, value) in prefixes {
            let number = u32::try_from(values.len()).ok().filter(|n| *n != NONE);
            let number = number.expect("fewer prefixes than the grammar's bound");
            match prefix {
                IpNet::V4(p) => v4.push((p.addr().to_bits(), p.prefix_len(), number)),
                IpNet::V6(p) => v6.push((p.addr().to_bits(), p.prefix_len(), number)),
            }
            values.push(value);
        }
        Self {
            v4: Family::build(v4),
            v6: Family::build(v6),
            values: values.into(),
        }
    }

    /// The values of all blocks that cover a client's prefix, longest first (`route53` 2.8.4, 2.8.7).
    ///
    /// Longer blocks do not count, because a client prefix shorter than a block does not match it.
    pub fn chain(&self, client: IpNet) -> impl Iterator<Item = T> + '_ {
        self.covering_blocks(client).map(|(_, value)| value)
    }

    /// Like [`PrefixTable::chain`], with the length of each block.
    pub fn covering_blocks(&self, client: IpNet) -> impl Iterator<Item = (u8, T)> + '_ {
        let source_len = client.prefix_len();
        let (blocks, mut at) = match client.addr() {
            IpAddr::V4(a) => (&self.v4.blocks, self.v4.innermost_at(a.to_bits())),
            IpAddr::V6(a) => (&self.v6.blocks, self.v6.innermost_at(a.to_bits())),
        };
        std::iter::from_fn(move || {
            // At most one step a prefix length: each parent is shorter.
            while let Some(block) = blocks.get(at as usize) {
                at = block.parent;
                if block.prefix_len <= source_len {
                    return Some((block.prefix_len, self.values[block.value as usize]));
                }
            }
            None
        })
    }

    /// Returns the number of prefixes.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns whether the table is empty.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the heap memory in use, octets.
    pub fn size_bytes(&self) -> usize {
        self.v4.size_bytes() + self.v6.size_bytes() + size_of_val(&*self.values)
    }

    /// IPv4 runs between prefix borders with the value of the longest prefix around each.
    pub(super) fn v4_runs(&self) -> impl Iterator<Item = (u32, Option<T>)> + '_ {
        let value = |number: u32| self.values[number as usize];
        self.v4
            .runs()
            .map(move |(k, number)| (k, number.map(value)))
    }

    /// IPv6 runs between prefix borders with the value of the longest prefix around each.
    pub(super) fn v6_runs(&self) -> impl Iterator<Item = (u128, Option<T>)> + '_ {
        let value = |number: u32| self.values[number as usize];
        self.v6
            .runs()
            .map(move |(k, number)| (k, number.map(value)))
    }
}

impl<K: Key> Family<K> {
    fn build(mut prefixes: Vec<(K, u8, u32)>) -> Self {
        for (address, prefix_len, _) in &mut prefixes {
            *address = address.first_of(*prefix_len);
        }
        prefixes.sort_unstable();
        prefixes.dedup_by_key(|(address, prefix_len, _)| (*address, *prefix_len));

        let mut sweep = Sweep {
            starts: vec![K::FIRST],
            innermost: vec![NONE],
            blocks: Vec::with_capacity(prefixes.len()),
            open: Vec::new(),
        };
        for (first, prefix_len, value) in prefixes {
            sweep.close_before(first);
            sweep.open(first, prefix_len, value);
        }
        sweep.close_all();
        Self {
            starts: Starts::new(sweep.starts),
            innermost: sweep.innermost.into(),
            blocks: sweep.blocks.into(),
        }
    }

    fn innermost_at(&self, key: K) -> u32 {
        self.innermost[self.starts.find(key)]
    }

    /// Runs with the number of the value of the longest prefix around each.
    fn runs(&self) -> impl Iterator<Item = (K, Option<u32>)> + '_ {
        let numbers = self.innermost.iter().enumerate();
        numbers.filter_map(|(run, at)| {
            let value = self.blocks.get(*at as usize).map(|block| block.value);
            Some((self.starts.start(run)?, value))
        })
    }

    fn size_bytes(&self) -> usize {
        self.starts.size_bytes() + size_of_val(&*self.innermost) + size_of_val(&*self.blocks)
    }
}

/// A pass over sorted prefixes that keeps the prefixes around the present address on a stack.
struct Sweep<K> {
    starts: Vec<K>,
    innermost: Vec<u32>,
    blocks: Vec<Block>,
    /// Open blocks, outermost first: index and last address. At most one a prefix length.
    open: Vec<(u32, K)>,
}

impl<K: Key> Sweep<K> {
    fn open(&mut self, first: K, prefix_len: u8, value: u32) {
        let index = self.blocks.len() as u32;
        self.blocks.push(Block {
            parent: self.open.last().map_or(NONE, |(outer, _)| *outer),
            value,
            prefix_len,
        });
        self.mark(first, index);
        self.open.push((index, first.last_of(prefix_len)));
    }

    /// Closes the blocks that end below an address.
    fn close_before(&mut self, first: K) {
        while let Some((_, last)) = self.open.pop_if(|(_, last)| *last < first) {
            self.close(last);
        }
    }

    fn close_all(&mut self) {
        while let Some((_, last)) = self.open.pop() {
            self.close(last);
        }
    }

    /// Marks the border after a block that was just taken from the stack.
    fn close(&mut self, last: K) {
        let outer = self.open.last().map_or(NONE, |(outer, _)| *outer);
        if let Some(after) = last.next() {
            self.mark(after, outer);
        }
    }

    /// Starts a run; one at the same address is replaced.
    fn mark(&mut self, start: K, innermost: u32) {
        if self.starts.last() == Some(&start) {
            self.innermost.pop();
        } else {
            self.starts.push(start);
        }
        self.innermost.push(innermost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefix(text: &str) -> IpNet {
        text.parse().expect("a prefix")
    }

    #[test]
    fn covering_blocks_come_longest_first_and_never_longer_than_the_source() {
        let table = PrefixTable::build(
            [
                ("203.0.112.0/20", 'i'),
                ("203.0.113.0/24", 'o'),
                ("203.0.113.0/24", 'x'),
                ("2001:db8::/32", 'v'),
                ("2001:db8:0:1200::/56", 'n'),
                ("0.0.0.0/1", 'l'),
                ("255.255.255.255/32", 'z'),
            ]
            .map(|(text, value)| (prefix(text), value)),
        );
        let cases = [
            ("203.0.113.0/24", "oi"),
            ("203.0.113.9/32", "oi"),
            ("203.0.113.0/23", "i"),
            ("203.0.112.0/20", "i"),
            ("203.0.0.0/16", ""),
            ("203.0.128.0/24", ""),
            ("192.0.2.0/24", ""),
            ("9.0.0.0/8", "l"),
            ("255.255.255.255/32", "z"),
            ("2001:db8::/32", "v"),
            ("2001:db8:0:1234::/64", "nv"),
            ("2001:db8:0:1234::/48", "v"),
            ("2001:db9::/32", ""),
        ];
        for (text, wanted) in cases {
            let chain: String = table.chain(prefix(text)).collect();
            assert_eq!(chain, wanted, "{text}");
        }
    }

    fn v4_prefixes() -> impl Strategy<Value = Vec<(u32, u8)>> {
        // Few distinct leading bits make prefixes nest.
        let one = (any::<u32>(), 0u8..=32).prop_map(|(a, len)| (a & 0xc0c0_c0c1, len));
        prop::collection::vec(one, 0..200)
    }

    fn v6_prefixes() -> impl Strategy<Value = Vec<(u128, u8)>> {
        let one = (any::<u128>(), 0u8..=128).prop_map(|(a, len)| (a & (0xc0c1 << 112 | 0x81), len));
        prop::collection::vec(one, 0..200)
    }

    fn obeys<K: Key>(prefixes: &[(K, u8)], asked: &[(K, u8)]) {
        let table = PrefixTable::build(
            prefixes
                .iter()
                .enumerate()
                .map(|(i, (a, len))| (IpNet::new_assert(a.address(), *len), i)),
        );
        for (key, source_len) in asked {
            let mut wanted: Vec<(u8, usize)> = Vec::new();
            for len in (0..=*source_len).rev() {
                let same = |(a, l): &(K, u8)| *l == len && a.first_of(len) == key.first_of(len);
                wanted.extend(prefixes.iter().position(same).map(|i| (len, i)));
            }
            let client = IpNet::new_assert(key.address(), *source_len);
            let found: Vec<_> = table.covering_blocks(client).collect();
            assert_eq!(found, wanted, "{client}");
        }
    }

    proptest! {
        #[test]
        fn v4_equals_a_naive_search(prefixes in v4_prefixes(), asked in v4_prefixes()) {
            obeys(&prefixes, &asked);
            obeys(&prefixes, &prefixes);
        }

        #[test]
        fn v6_equals_a_naive_search(prefixes in v6_prefixes(), asked in v6_prefixes()) {
            obeys(&prefixes, &asked);
            obeys(&prefixes, &prefixes);
        }
    }

    #[test]
    fn an_empty_table_covers_nothing() {
        let table: PrefixTable<u8> = PrefixTable::build([]);
        assert!(table.is_empty());
        assert_eq!(table.chain(prefix("127.0.0.1/32")).count(), 0);
        assert_eq!(table.chain(prefix("::1/128")).count(), 0);
    }
}
