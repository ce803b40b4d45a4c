//! Time of one lookup of a client's place, and of building what is looked up in.
//!
//! Goals (`engine.md`, cost table): class map 5 ns for IPv4, 50 ns for IPv6; a refinement of a million runs within a
//! second. Addresses are drawn at random, so caches are as cold as random clients make them.

#![allow(missing_docs)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use divan::Bencher;
use leeward::place::{ClassMap, Locations, LocationsBuilder, PrefixTable, refine};

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

/// A list of ranges like a country database: `count` a family, borders mostly at /24 and /48, some finer.
fn range_list(count: u32) -> String {
    const CODES: [&str; 12] = [
        "US", "DE", "FR", "JP", "BR", "IN", "CN", "GB", "AU", "ZA", "CA", "RU",
    ];
    let mut sequence = Sequence(1);
    let mut text = String::new();
    let step = u32::MAX / count;
    for i in 0..count {
        let fine = if i % 15 == 0 {
            0xffff_ffe0
        } else {
            0xffff_ff00
        };
        let first = (i * step + (sequence.next() as u32) % (step / 2)) & fine;
        let last = (first + step / 2) & fine | !fine;
        let last = last.min((i + 1).saturating_mul(step).saturating_sub(0x200));
        let code = CODES[sequence.next() as usize % CODES.len()];
        if first <= last {
            text.push_str(&format!("{first},{last},{code}\n"));
        }
        let block = 0x2001_0000_0000_0000 + (u128::from(i) << 40);
        let (low, high) = (block << 64, (block << 64) | (0xff << 96) | 0xffff_ffff);
        let (low, high) = (Ipv6Addr::from_bits(low), Ipv6Addr::from_bits(high));
        text.push_str(&format!("{low},{high},{code}\n"));
    }
    text
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
        let block = sequence.next() % u64::from(count);
        let high = 0x2001_0000_0000_0000 + (u128::from(block) << 40);
        Ipv6Addr::from_bits(high << 64 | u128::from(sequence.next())).into()
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
        (
            (Ipv4Addr::from_bits(sequence.next() as u32).into(), len),
            1u32,
        )
    };
    let table = PrefixTable::build((0..count).map(|_| prefix()));
    let addresses = v4_addresses();
    bencher.counter(ADDRESSES).bench_local(|| {
        for address in &addresses {
            black_box(table.chain(black_box(*address), 24).next());
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
