//! Time of one question in the engine: parse, find, respond by kind of answer, decide by policy.
//!
//! Goals (design, Costs): a hit among 100,000 names in batches of 32 within 120 ns, message in to message
//! out; a decision within tens of nanoseconds, whatever the number of branches. Names are asked in random order, so
//! that caches are as cold as random clients make them.

#[path = "questions/worlds.rs"]
mod worlds;

use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};

use divan::Bencher;
use divan::counter::ItemsCount;
use leeward::answer::{
    Answer, Any, Chain, Chance, Client, DecisionInputs, Exchange, Hosts, MessageWriter, Picked,
    RootLocation, Transport, Worker, World, ZoneQuestion, respond,
};
use leeward::clock::Moment;
use leeward::wire::{ClientSubnet, QueryName, Rtype, parse_query};
use leeward::zone::{ClientLocation, NONE};

use worlds::{
    MANNERS, OUT, POLICIES, QUESTIONS, large_zone, message, messages, name, policy_zone,
    with_manners, world,
};

fn main() {
    divan::main();
}

const BATCHES: [usize; 2] = [1, 32];

fn ask_all(bencher: Bencher<'_, '_>, world: &World, messages: &[Vec<u8>], batch: usize) {
    let mut worker = Worker::new(1);
    let mut outs = vec![[0u8; OUT]; batch];
    let client = SocketAddr::from(([192, 0, 2, 53], 5353));
    bencher
        .counter(ItemsCount::new(messages.len()))
        .bench_local(|| {
            for chunk in messages.chunks_exact(batch) {
                let mut exchanges = outs.iter_mut().zip(chunk);
                if batch == 1 {
                    let (out, input) = exchanges.next().expect("one");
                    let mut one = [Exchange::new(Transport::Udp, client, input, out)];
                    respond(world, &mut one, &mut worker, Moment::ZERO);
                    black_box(one[0].len);
                    continue;
                }
                let mut many: [Exchange<'_>; 32] = std::array::from_fn(|_| {
                    let (out, input) = exchanges.next().expect("as many as the batch");
                    Exchange::new(Transport::Udp, client, input, out)
                });
                respond(world, &mut many, &mut worker, Moment::ZERO);
                black_box(many[31].len);
            }
        });
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let messages = messages("hit");
    let mut query_name = QueryName::default();
    bencher
        .counter(ItemsCount::new(messages.len()))
        .bench_local(|| {
            for message in &messages {
                let _ = black_box(parse_query(black_box(message), &mut query_name));
            }
        });
}

#[divan::bench(args = ["hit", "nxdomain", "wildcard", "nodata", "referral"])]
fn parse_and_find(bencher: Bencher<'_, '_>, kind: &str) {
    let (zone, messages) = (large_zone(), messages(kind));
    let mut query_name = QueryName::default();
    bencher
        .counter(ItemsCount::new(messages.len()))
        .bench_local(|| {
            for message in &messages {
                let _ = black_box(parse_query(black_box(message), &mut query_name));
                black_box(zone.find(&query_name));
            }
        });
}

/// An answer that is gathered already, to octets.
#[divan::bench(args = ["hit", "nxdomain", "wildcard", "nodata", "referral"])]
fn encode(bencher: Bencher<'_, '_>, kind: &str) {
    let world = world(large_zone());
    let message = messages(kind).swap_remove(0);
    let mut query_name = QueryName::default();
    let query = parse_query(&message, &mut query_name).expect("a query");
    let gathering = ZoneQuestion {
        served: &world.snapshot.zones[0],
        view: &world.view.zones[0],
        client: Client::new(
            IpAddr::from([127, 0, 0, 1]),
            None,
            &world.snapshot.locations,
        ),
        rtype: query.rtype,
        hosts: Hosts::Add,
        any: Any::One,
        world: None,
    };
    let (mut chain, mut answer) = (Chain::default(), Answer::default());
    answer.reset(query_name.len);
    gathering.gather(&query_name, &mut chain, &mut Chance::new(1), &mut answer);
    let mut out = [0; OUT];
    bencher
        .counter(ItemsCount::new(1_000usize))
        .bench_local(|| {
            for _ in 0..1_000 {
                let question = &message[..query.question_end()];
                let mut writer = MessageWriter::new(question, 1232, &mut out);
                black_box(&answer).pour(&mut writer);
                black_box(writer.finish(query.flags, 1232, None));
            }
        });
}

#[divan::bench(args = ["hit", "nxdomain", "wildcard", "nodata", "referral"], consts = BATCHES)]
fn respond_from_100k<const BATCH: usize>(bencher: Bencher<'_, '_>, kind: &str) {
    ask_all(bencher, &world(large_zone()), &messages(kind), BATCH);
}

/// What a query costs beside its data.
#[divan::bench(args = MANNERS)]
fn respond_with_manners(bencher: Bencher<'_, '_>, manners: &str) {
    let (world, messages) = with_manners(manners);
    ask_all(bencher, &world, &messages, 32);
}

#[divan::bench(args = POLICIES)]
fn decide(bencher: Bencher<'_, '_>, policy: &str) {
    let world = world(policy_zone());
    let served = &world.snapshot.zones[0];
    let policies = &served.zone.policies;
    let mut query_name = QueryName::default();
    assert!(query_name.take(name(&format!("{policy}.bench.example.")).octets()));
    let leeward::zone::Found::Exact(node) = served.zone.find(&query_name) else {
        panic!("{policy} exists");
    };
    let Some(leeward::zone::Entry::Dynamic(root)) = served.zone.entry(node, Rtype::A) else {
        panic!("{policy} is decided");
    };
    let subnet = ClientSubnet::new("203.0.113.0/24".parse().expect("a prefix"));
    let client = Client::new(
        subnet.prefix.addr(),
        Some(subnet),
        &world.snapshot.locations,
    );
    let mut chance = Chance::new(1);
    bencher
        .counter(ItemsCount::new(1_000usize))
        .bench_local(|| {
            for _ in 0..1_000 {
                let mut known = ClientLocation::default();
                let map = policies.roots[root as usize].map;
                let location = if map == NONE {
                    RootLocation::Anywhere
                } else {
                    client.location(&served.maps[map as usize], &mut known).0
                };
                let scene = DecisionInputs {
                    policies,
                    view: &world.view.zones[0],
                    location,
                };
                let mut picked = Picked::default();
                black_box(scene.decide(root, Rtype::A, &mut chance, &mut picked));
                black_box(&picked);
            }
        });
}

#[divan::bench(args = POLICIES, consts = BATCHES)]
fn respond_by_policy<const BATCH: usize>(bencher: Bencher<'_, '_>, policy: &str) {
    let message = message(&format!("{policy}.bench.example."), Rtype::A, true);
    ask_all(
        bencher,
        &world(policy_zone()),
        &vec![message; QUESTIONS],
        BATCH,
    );
}
