//! Time of one lookup of a client's place, and of building what is looked up in.
//!
//! Goals (design, Costs): class map 5 ns for IPv4, 50 ns for IPv6; a refinement of a million runs within a
//! second. Addresses are drawn at random, so caches are as cold as random clients make them.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use divan::Bencher;
use ipnet::IpNet;
use leeward::geo::{ClassMap, Locations, LocationsBuilder, PrefixTable, refine};

fn main() {
    divan::main();
}

/// Lookups a sample, so that the cost of the loop is spread.
const ADDRESSES: usize = 65_536;

/// A sequence of numbers that looks random and is the same in every run.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }
}

/// A list of ranges like a country database: `count` a family, IPv4 ones in every fourth /16 and mostly ending at /24,
/// IPv6 ones a /32 and its neighbours each in the blocks that registries give out.
fn range_list(count: u32) -> String {
    const CODES: [&str; 12] = [
        "US", "DE", "FR", "JP", "BR", "IN", "CN", "GB", "AU", "ZA", "CA", "RU",
    ];
    const CELLS: u32 = 1 << 14;
    let mut sequence = Sequence(1);
    let mut text = String::new();
    let per_cell = count.div_ceil(CELLS);
    let step = (1 << 16) / per_cell;
    for i in 0..count {
        let base = ((i / per_cell) << 18) | ((i % per_cell) * step);
        let first = if i % 15 == 0 { base } else { base & !0xff };
        let code = CODES[sequence.next() as usize % CODES.len()];
        text.push_str(&format!("{base},{},{code}\n", first.max(base) + step / 2));
        let low = v6_block(i);
        let (first, last) = (
            Ipv6Addr::from_bits(low),
            Ipv6Addr::from_bits(low | u128::MAX >> 36),
        );
        text.push_str(&format!("{first},{last},{code}\n"));
    }
    text
}

/// The first address of a listed IPv6 block: /36s spread over eight /12s.
fn v6_block(i: u32) -> u128 {
    const BLOCKS: [u128; 8] = [0x200, 0x240, 0x260, 0x280, 0x2a0, 0x2a1, 0x2c0, 0x241];
    let (block, within) = (BLOCKS[i as usize % 8], u128::from(i / 8));
    block << 116 | within << 93
}

fn locations(count: u32) -> Locations {
    let builder = LocationsBuilder::new().database(range_list(count).as_bytes());
    builder.expect("the list is well formed").build()
}

/// Folds countries to eight classes, as a policy over eight regions does.
fn class_map(locations: &Locations) -> ClassMap {
    let (v4, v6) = refine(locations, &[], &mut |client| client.place_id % 8);
    ClassMap::build(&v4, &v6)
}

fn v4_addresses() -> Vec<IpAddr> {
    let mut sequence = Sequence(7);
    let mut address = || Ipv4Addr::from_bits(sequence.next() as u32).into();
    (0..ADDRESSES).map(|_| address()).collect()
}

fn v6_addresses(count: u32) -> Vec<IpAddr> {
    let mut sequence = Sequence(9);
    let mut address = || {
        let block = v6_block(sequence.next() as u32 % count);
        Ipv6Addr::from_bits(block | u128::from(sequence.next())).into()
    };
    (0..ADDRESSES).map(|_| address()).collect()
}

const COUNTS: [u32; 2] = [100_000, 1_000_000];

#[divan::bench(args = COUNTS)]
fn look_up_v4(bencher: Bencher<'_, '_>, count: u32) {
    let (map, addresses) = (class_map(&locations(count)), v4_addresses());
    eprintln!(
        "class map over {count}: {} KiB, runs {:?}",
        map.size_bytes() / 1024,
        map.runs()
    );
    bencher.counter(ADDRESSES).bench_local(|| {
        for address in &addresses {
            black_box(map.lookup(black_box(*address)));
        }
    });
}

#[divan::bench(args = COUNTS)]
fn look_up_v6(bencher: Bencher<'_, '_>, count: u32) {
    let (map, addresses) = (class_map(&locations(count)), v6_addresses(count));
    bencher.counter(ADDRESSES).bench_local(|| {
        for address in &addresses {
            black_box(map.lookup(black_box(*address)));
        }
    });
}

#[divan::bench(args = COUNTS)]
fn walk_prefixes(bencher: Bencher<'_, '_>, count: u32) {
    let mut sequence = Sequence(11);
    let mut prefix = || {
        let len = 12 + (sequence.next() % 13) as u8;
        let address = Ipv4Addr::from_bits(sequence.next() as u32);
        (IpNet::new_assert(address.into(), len), 1u32)
    };
    let table = PrefixTable::build((0..count).map(|_| prefix()));
    let addresses = v4_addresses();
    bencher.counter(ADDRESSES).bench_local(|| {
        for address in &addresses {
            black_box(
                table
                    .chain(IpNet::new_assert(black_box(*address), 24))
                    .next(),
            );
        }
    });
}

#[divan::bench(args = COUNTS, sample_count = 10)]
fn refine_runs(bencher: Bencher<'_, '_>, count: u32) {
    let locations = locations(count);
    bencher.bench_local(|| refine(&locations, &[], &mut |client| client.place_id % 8));
}

#[divan::bench(args = COUNTS, sample_count = 10)]
fn build_class_map(bencher: Bencher<'_, '_>, count: u32) {
    let (v4, v6) = refine(&locations(count), &[], &mut |client| client.place_id % 8);
    bencher.bench_local(|| ClassMap::build(&v4, &v6));
}

#[divan::bench(args = COUNTS, sample_count = 5)]
fn read_text(bencher: Bencher<'_, '_>, count: u32) {
    let text = range_list(count);
    bencher.bench_local(|| LocationsBuilder::new().database(black_box(text.as_bytes())));
}
