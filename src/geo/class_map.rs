//! Address to class and scope in one or two loads: what a query reads.
//!
//! In: runs of classes of both families (see `refine`). Out: the class of an address and the length of the widest block
//! around it with that class (design, Location). Never here: what a class means; locks or allocation in a lookup.

use std::collections::HashMap;
use std::net::IpAddr;

use super::cells::Cells;
use super::palette::{Palette, SEARCH, pack, unpack};
use super::runs::Runs;

/// Classes of all addresses of both families.
#[derive(Clone, Debug)]
pub struct ClassMap {
    v4: Runs<u32>,
    v4_table: Option<Table>,
    v6: Runs<u128>,
    v6_cells: Option<Cells>,
}

/// Two levels of 16 and 8 bits over the IPv4 runs; equal blocks are stored once.
///
/// | top entry | meaning |
/// |---|---|
/// | `DIRECT` set | class and scope of a whole /16 |
/// | else | number of a block of 256 entries |
///
/// | block entry | meaning |
/// |---|---|
/// | 0 | a /24 with several classes: search the runs |
/// | n | `palette[n]` is class and scope of a whole /24 |
#[derive(Clone, Debug)]
struct Table {
    tops: Box<[u32]>,
    blocks: Blocks,
    /// Distinct pairs of class and scope; they are few, so blocks hold their numbers and stay small.
    palette: Box<[u32]>,
}

/// Blocks, in octets while the palette allows it.
#[derive(Clone, Debug)]
enum Blocks {
    Narrow(Box<[u8]>),
    Wide(Box<[u16]>),
}

const DIRECT: u32 = 1 << 31;
const BLOCK: usize = 256;
/// Fewer runs of a family than this are searched without a table (chosen: the search is then within the first-level cache,
/// and maps of a few client prefixes cost bytes (design, Location)).
const TABLED_RUNS_MIN: usize = 256;

impl ClassMap {
    /// Builds the map from runs as (first address, class), sorted, the first at the lowest address.
    ///
    /// Neighbours of equal class are joined. Addresses below the first run have class 0.
    pub fn build(v4: &[(u32, u16)], v6: &[(u128, u16)]) -> Self {
        let v4 = Runs::new(v4.iter().copied());
        let v4_table = (v4.len() >= TABLED_RUNS_MIN).then(|| build_table(&v4));
        let v6 = Runs::new(v6.iter().copied());
        let v6_cells = (v6.len() >= TABLED_RUNS_MIN).then(|| Cells::new(&v6));
        Self {
            v4,
            v4_table,
            v6,
            v6_cells,
        }
    }

    /// The class of an address, and its scope: the length of the widest block around it that has this class
    /// throughout (`route53` 4.6).
    ///
    /// An IPv4-mapped address counts as IPv6; callers that mean the address inside convert it first.
    #[inline]
    pub fn lookup(&self, address: IpAddr) -> (u16, u8) {
        match address {
            IpAddr::V4(v4) => {
                let key = v4.to_bits();
                let found = self.v4_table.as_ref().and_then(|table| table.find(key));
                found.unwrap_or_else(|| self.v4.value_and_scope(key))
            }
            IpAddr::V6(v6) => {
                let key = v6.to_bits();
                let found = self.v6_cells.as_ref().and_then(|cells| cells.find(key));
                found.unwrap_or_else(|| self.v6.value_and_scope(key))
            }
        }
    }

    /// Reads the first entry of a lookup, so that it is in the cache later.
    #[inline]
    pub fn read_top(&self, address: IpAddr) -> u32 {
        let top = match address {
            IpAddr::V4(v4) => self.v4_table.as_ref().and_then(|table| {
                let key = v4.to_bits();
                table.tops.get((key >> 16) as usize)
            }),
            IpAddr::V6(v6) => {
                let cells = self.v6_cells.as_ref();
                cells.and_then(|cells| cells.top(v6.to_bits()))
            }
        };
        top.copied().unwrap_or(0)
    }

    /// Reads the second entry of a lookup, the search of runs excepted.
    #[inline]
    pub fn read_below(&self, address: IpAddr) -> u32 {
        let found = match address {
            IpAddr::V4(v4) => {
                let table = self.v4_table.as_ref();
                table.and_then(|table| table.find(v4.to_bits()))
            }
            IpAddr::V6(v6) => {
                let cells = self.v6_cells.as_ref();
                cells.and_then(|cells| cells.find(v6.to_bits()))
            }
        };
        found.map_or(0, |(class, scope)| u32::from(class) << 8 | u32::from(scope))
    }

    /// Returns the numbers of runs of equal class, IPv4 and IPv6.
    pub fn runs(&self) -> (usize, usize) {
        (self.v4.len(), self.v6.len())
    }

    /// Returns the heap memory in use, octets.
    pub fn size_bytes(&self) -> usize {
        let table = self.v4_table.as_ref().map_or(0, Table::size_bytes);
        let cells = self.v6_cells.as_ref().map_or(0, Cells::size_bytes);
        table + cells + self.v4.size_bytes() + self.v6.size_bytes()
    }
}

impl Table {
    /// Class and scope if the table knows them.
    #[inline]
    fn find(&self, key: u32) -> Option<(u16, u8)> {
        let top = *self.tops.get((key >> 16) as usize)?;
        if top & DIRECT != 0 {
            return Some(unpack(top & !DIRECT));
        }
        let place = (top as usize) * BLOCK + ((key >> 8) & 0xff) as usize;
        let number = match &self.blocks {
            Blocks::Narrow(blocks) => u16::from(*blocks.get(place)?),
            Blocks::Wide(blocks) => *blocks.get(place)?,
        };
        if number == SEARCH {
            return None;
        }
        self.palette.get(usize::from(number)).copied().map(unpack)
    }

    fn size_bytes(&self) -> usize {
        let blocks = match &self.blocks {
            Blocks::Narrow(blocks) => size_of_val(&**blocks),
            Blocks::Wide(blocks) => size_of_val(&**blocks),
        };
        blocks + size_of_val(&*self.tops) + size_of_val(&*self.palette)
    }
}

fn build_table(runs: &Runs<u32>) -> Table {
    let mut tops = Vec::with_capacity(1 << 16);
    let mut blocks: Vec<u16> = Vec::new();
    let mut numbers: HashMap<[u16; BLOCK], u32> = HashMap::new();
    let mut palette = Palette::new(runs, SCOPE_MAX);
    let mut run = 0;
    for top in 0..=u32::from(u16::MAX) {
        let base = top << 16;
        run = runs.advance(run, base);
        if let Some((class, scope)) = runs.whole_block(run, base, 16) {
            tops.push(pack(class, scope) | DIRECT);
            continue;
        }
        let block = build_block(runs, run, base, &mut palette);
        let number = *numbers.entry(block).or_insert_with(|| {
            blocks.extend_from_slice(&block);
            (blocks.len() / BLOCK - 1) as u32
        });
        tops.push(number);
    }
    let narrow: Result<Vec<u8>, _> = blocks.iter().map(|n| u8::try_from(*n)).collect();
    Table {
        tops: tops.into(),
        blocks: match narrow {
            Ok(blocks) => Blocks::Narrow(blocks.into()),
            Err(_) => Blocks::Wide(blocks.into()),
        },
        palette: palette.into_pairs(),
    }
}

/// The entries of the 256 /24s of a /16, of which `run` holds the first address.
fn build_block(runs: &Runs<u32>, mut run: usize, base: u32, palette: &mut Palette) -> [u16; BLOCK] {
    let mut block = [SEARCH; BLOCK];
    for (i, entry) in block.iter_mut().enumerate() {
        let first = base | (i as u32) << 8;
        run = runs.advance(run, first);
        if let Some((class, scope)) = runs.whole_block(run, first, 24) {
            *entry = palette.number(class, scope);
        }
    }
    block
}

/// The longest scope of a whole /24.
const SCOPE_MAX: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn v4(text: &str) -> u32 {
        text.parse::<Ipv4Addr>().expect("an address").to_bits()
    }

    #[test]
    fn scope_is_the_widest_block_of_one_class() {
        let map = ClassMap::build(
            &[
                (0, 1),
                (v4("203.0.112.0"), 2),
                (v4("203.0.113.0"), 3),
                (v4("203.0.114.0"), 2),
                (v4("203.0.128.0"), 1),
            ],
            &[(0, 5)],
        );
        let cases = [
            ("203.0.113.9", (3, 24)),
            ("203.0.112.9", (2, 24)),
            ("203.0.114.9", (2, 23)),
            ("203.0.120.9", (2, 21)),
            ("203.0.128.9", (1, 17)),
            ("9.9.9.9", (1, 1)),
            ("2001:db8::1", (5, 0)),
        ];
        for (address, wanted) in cases {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(map.lookup(address), wanted, "{address}");
        }
    }

    #[test]
    fn few_runs_cost_bytes_and_equal_blocks_are_stored_once() {
        let small = ClassMap::build(&[(0, 1), (v4("10.0.0.0"), 2)], &[]);
        assert!(small.size_bytes() < 100, "{}", small.size_bytes());
        // 4,096 /16s of the same inner pattern share one block beside their two uniform borders.
        let runs: Vec<(u32, u16)> = (0..4096u32)
            .flat_map(|i| [(i << 16, 1), (i << 16 | 0x4200, 2), (i << 16 | 0x4300, 1)])
            .collect();
        let map = ClassMap::build(&runs, &[]);
        assert!(
            matches!(&map.v4_table.as_ref().expect("a table").blocks, Blocks::Narrow(b) if b.len() <= 3 * BLOCK)
        );
        assert_eq!(map.lookup(Ipv4Addr::new(1, 7, 0x42, 9).into()), (2, 24));
    }

    #[test]
    fn a_block_with_several_classes_is_searched() {
        // Enough runs for the table, each a single address with its own class.
        let runs: Vec<(u32, u16)> = (0..2000u32).map(|i| (i * 3, i as u16)).collect();
        let map = ClassMap::build(&runs, &[]);
        assert!(map.v4_table.is_some());
        for key in 0..6000u32 {
            let wanted = map.v4.value_and_scope(key);
            assert_eq!(map.lookup(Ipv4Addr::from_bits(key).into()), wanted);
            assert_eq!(u32::from(wanted.0), (key / 3).min(1999));
        }
    }

    #[test]
    fn more_pairs_than_the_palette_holds_are_searched() {
        // Every /24 of the first 120,000 differs from its neighbours, so that scopes are 24 and classes many.
        let runs: Vec<(u32, u16)> = (0..120_000u32)
            .map(|i| (i << 8, (i % 60_000) as u16))
            .collect();
        let shifted = (120_000..180_000u32).map(|i| (i << 9, (i % 60_000) as u16));
        let runs: Vec<_> = runs.into_iter().chain(shifted).collect();
        let map = ClassMap::build(&runs, &[]);
        let table = map.v4_table.as_ref().expect("a table");
        assert_eq!(table.palette.len(), 1 << 16);
        for i in (0..180_000u32).step_by(7) {
            let key = if i < 120_000 { i << 8 } else { i << 9 } | 0x77;
            let address = Ipv4Addr::from_bits(key).into();
            assert_eq!(
                map.lookup(address),
                map.v4.value_and_scope(key),
                "{address}"
            );
        }
    }

    /// Runs with borders that cluster, so that blocks of every length occur.
    fn v4_runs() -> impl Strategy<Value = Vec<(u32, u16)>> {
        let border = (any::<u32>(), 0u32..=24).prop_map(|(a, zeros)| a >> zeros << zeros);
        let near = prop_oneof![border, (0u32..0x3_0000).prop_map(|a| 0x0a00_0000 + a)];
        prop::collection::btree_map(near, 0u16..4, 1..600).prop_map(|m| m.into_iter().collect())
    }

    fn v6_runs() -> impl Strategy<Value = Vec<(u128, u16)>> {
        let border = (any::<u128>(), 0u32..=120).prop_map(|(a, zeros)| a >> zeros << zeros);
        prop::collection::btree_map(border, 0u16..4, 1..1500).prop_map(|m| m.into_iter().collect())
    }

    fn naive<K: Ord>(runs: &[(K, u16)], key: &K) -> u16 {
        let at = runs.partition_point(|(start, _)| start <= key);
        at.checked_sub(1).map_or(0, |i| runs[i].1)
    }

    /// The scope law for one address: one class within, another one in the block twice as wide.
    fn scope_holds(
        map: &ClassMap,
        bits: u8,
        key: u128,
        class_of: impl Fn(u128) -> u16,
        borders: &[u128],
    ) {
        let address: IpAddr = if bits == 32 {
            Ipv4Addr::from_bits(key as u32).into()
        } else {
            Ipv6Addr::from_bits(key).into()
        };
        let (class, scope) = map.lookup(address);
        assert_eq!(class, class_of(key), "class of {address}");
        let one_class = |len: u8| {
            let host = u32::from(bits - len);
            let mask = if host == 128 {
                u128::MAX
            } else {
                (1u128 << host) - 1
            };
            let (first, last) = (key & !mask, key | mask);
            let inside = borders.iter().filter(|b| (first..=last).contains(*b));
            class_of(first) == class && inside.into_iter().all(|b| class_of(*b) == class)
        };
        assert!(one_class(scope), "{address}/{scope} has one class");
        assert!(
            scope == 0 || !one_class(scope - 1),
            "{address}/{scope} is the widest"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn v4_obeys_the_scope_law(runs in v4_runs(), keys in prop::collection::vec(any::<u32>(), 20)) {
            let map = ClassMap::build(&runs, &[]);
            let borders: Vec<u128> = runs.iter().map(|r| r.0.into()).collect();
            let around = runs.iter().flat_map(|r| [r.0, r.0.wrapping_sub(1), r.0 ^ 0x80]).take(60);
            for key in keys.into_iter().chain(around) {
                scope_holds(&map, 32, key.into(), |k| naive(&runs, &(k as u32)), &borders);
            }
        }

        #[test]
        fn v6_obeys_the_scope_law(runs in v6_runs(), keys in prop::collection::vec(any::<u128>(), 20)) {
            let map = ClassMap::build(&[], &runs);
            let borders: Vec<u128> = runs.iter().map(|r| r.0).collect();
            let around = runs.iter().flat_map(|r| [r.0, r.0.wrapping_sub(1), r.0 ^ 0x80]).take(60);
            for key in keys.into_iter().chain(around) {
                scope_holds(&map, 128, key, |k| naive(&runs, &k), &borders);
            }
        }
    }
}
