//! Time of one question in the engine: parse, find, respond by kind of answer, decide by policy.
//!
//! Goals (`engine.md`, section 3): a hit among 100,000 names in batches of 32 within 120 ns, message in to message
//! out; a decision within tens of nanoseconds, whatever the number of branches. Names are asked in random order, so
//! that caches are as cold as random clients make them.

use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use leeward::answer::{
    Asker, Chance, Conduct, Cookies, Exchange, Fold, Inputs, Locus, Picked, Prefixes, RateLimits,
    Scene, Transport, View, WithoutCookie, Worker, World, respond,
};
use leeward::clock::Moment;
use leeward::config::{Files, Source, compile_zone, read_zone};
use leeward::health::Status;
use leeward::place::Locations;
use leeward::wire::{ClientSubnet, CookieSecrets, Name, Rtype, Scratch, parse_query};
use leeward::zone::{NONE, ServedZone, Snapshot, Whereabouts, Zone, ZoneBuilder, build_maps};

fn main() {
    divan::main();
}

/// Owner names of the large zone.
const NAMES: usize = 100_000;
/// Questions a sample; a multiple of every batch.
const QUESTIONS: usize = 16_384;
/// Octets of an output buffer; no multiple of 4 KiB, so that buffers do not share cache sets.
const OUT: usize = 1_280;
const BATCHES: [usize; 2] = [1, 32];

struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect("a name")
}

fn large_zone() -> Zone {
    let apex = name("bench.example.");
    let mut soa = apex.octets().to_vec();
    soa.extend_from_slice(apex.octets());
    soa.extend_from_slice(&[0; 20]);
    let mut builder = ZoneBuilder::new(&apex, &soa, 900, 30).expect("a zone");
    let mut add = |owner: String, number: usize| {
        let rdata: Box<[u8]> = (number as u32 | 0x0a00_0000).to_be_bytes().into();
        builder
            .rrset(&name(&owner), Rtype::A, 60, &[rdata])
            .expect("an RRset");
    };
    for number in 0..NAMES {
        add(format!("host-{number}.bench.example."), number);
    }
    for number in 0..100 {
        add(format!("*.w{number}.bench.example."), number);
    }
    let policies = leeward::zone::PolicyBuilder::new().finish();
    builder.finish(policies).expect("a zone")
}

fn world(zone: Zone) -> World {
    let locations = Arc::new(Locations::unknown());
    let maps = build_maps(&zone.policies, &locations);
    let inputs = Inputs::uniform(&zone.policies, Status::Healthy);
    let view = Fold::new(&zone.policies, inputs).view();
    let zone = Arc::new(zone);
    World {
        snapshot: Arc::new(Snapshot::new(vec![ServedZone { zone, maps }], locations)),
        view: Arc::new(View {
            zones: [view].into(),
        }),
        conduct: Arc::default(),
        generation: 1,
    }
}

fn message(owner: &str, rtype: Rtype, subnet: bool) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(name(owner).octets());
    message.extend_from_slice(&rtype.0.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    if subnet {
        message[11] = 1;
        message.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11]);
        message.extend_from_slice(&[0, 8, 0, 7, 0, 1, 24, 0, 203, 0, 113]);
    }
    message
}

fn messages(kind: &str) -> Vec<Vec<u8>> {
    let mut sequence = Sequence(7);
    let mut one = || {
        let number = sequence.below(NAMES);
        match kind {
            "hit" => message(&format!("host-{number}.bench.example."), Rtype::A, false),
            "nodata" => message(&format!("host-{number}.bench.example."), Rtype::AAAA, false),
            "nxdomain" => message(&format!("none-{number}.bench.example."), Rtype::A, false),
            _ => message(
                &format!("q{number}.w{}.bench.example.", number % 100),
                Rtype::A,
                false,
            ),
        }
    };
    (0..QUESTIONS).map(|_| one()).collect()
}

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
    let mut scratch = Scratch::default();
    bencher
        .counter(ItemsCount::new(messages.len()))
        .bench_local(|| {
            for message in &messages {
                let _ = black_box(parse_query(black_box(message), &mut scratch));
            }
        });
}

#[divan::bench(args = ["hit", "nxdomain", "wildcard", "nodata"])]
fn parse_and_find(bencher: Bencher<'_, '_>, kind: &str) {
    let (zone, messages) = (large_zone(), messages(kind));
    let mut scratch = Scratch::default();
    bencher
        .counter(ItemsCount::new(messages.len()))
        .bench_local(|| {
            for message in &messages {
                let _ = black_box(parse_query(black_box(message), &mut scratch));
                black_box(zone.find(&scratch));
            }
        });
}

#[divan::bench(args = ["hit", "nxdomain", "wildcard", "nodata"], consts = BATCHES)]
fn respond_from_100k<const BATCH: usize>(bencher: Bencher<'_, '_>, kind: &str) {
    ask_all(bencher, &world(large_zone()), &messages(kind), BATCH);
}

/// What a query costs beside its data: nothing, EDNS and rate limits, a cookie to make, a cookie to check.
#[divan::bench(args = ["plain", "limits", "limits-edns", "limits-client-cookie", "limits-valid-cookie"])]
fn respond_with_manners(bencher: Bencher<'_, '_>, manners: &str) {
    let mut world = world(large_zone());
    let secrets = CookieSecrets::new([7; 16], None);
    let client: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
    let address = IpAddr::from([192, 0, 2, 53]);
    let (_, cookie) = secrets.judge(&client, address, 0);
    let options: Option<Vec<u8>> = match manners {
        "limits-edns" => Some(Vec::new()),
        "limits-client-cookie" => Some([&[0, 10, 0, 8], &client[..]].concat()),
        "limits-valid-cookie" => Some([&[0, 10, 0, 24], &cookie[..]].concat()),
        _ => None,
    };
    if manners != "plain" {
        let everybody = Prefixes::new(&[(IpAddr::from([192, 0, 2, 0]), 24)]);
        world.conduct = Arc::new(Conduct {
            cookies: Some(Cookies {
                secrets,
                without: WithoutCookie::Answer,
            }),
            amplification_max: Some(4),
            rate: Some(RateLimits::new(1_000, 2, 2, everybody)),
            ..Conduct::default()
        });
    }
    let mut messages = messages("hit");
    for message in &mut messages {
        if let Some(options) = &options {
            message[11] = 1;
            message.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, options.len() as u8]);
            message.extend_from_slice(options);
        }
    }
    ask_all(bencher, &world, &messages, 32);
}

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> Result<String, String> {
        Err("there is none".to_owned())
    }
}

/// The zone of policies, by owner name.
fn policy_zone() -> Zone {
    let mut text = "zone = \"bench.example\"\n[checks.tcp]\ntype = \"tcp\"\nport = 80\n".to_owned();
    for number in 0..100 {
        text += &format!("[pools.p{number}]\ncheck = \"tcp\"\nmembers = [\"10.0.0.{number}\"]\n");
    }
    let members: Vec<String> = (0..64).map(|n| format!("\"10.1.0.{n}\"")).collect();
    text += &format!(
        "[pools.many]\ncheck = \"tcp\"\nmembers = [{}]\n",
        members.join(", ")
    );
    text += "[names]\n\"@\".NS = \"ns.example.net.\"\nmultivalue = \"many\"\n";
    text += "failover = { failover = [\"p0\", \"p1\"] }\n";
    for count in [8, 100] {
        let branches: Vec<String> = (0..count).map(|n| format!("p{n} = {}", n + 1)).collect();
        text += &format!(
            "weighted{count} = {{ weighted = {{ {} }} }}\n",
            branches.join(", ")
        );
    }
    text += "geo = { geo = { EU = { failover = [\"p0\", \"p1\"] }, default = \"p2\" } }\n";
    text += "subnets = { subnets = { \"203.0.112.0/20\" = \"p0\", default = \"p1\" } }\n";
    let source = Source {
        path: PathBuf::from("bench.toml"),
        text,
    };
    let (model, found) = read_zone(&source, &NoFiles);
    let model = model.unwrap_or_else(|| panic!("{found:?}"));
    compile_zone(&model, 1).expect("a zone")
}

const POLICIES: [&str; 6] = [
    "failover",
    "weighted8",
    "weighted100",
    "geo",
    "subnets",
    "multivalue",
];

#[divan::bench(args = POLICIES)]
fn decide(bencher: Bencher<'_, '_>, policy: &str) {
    let world = world(policy_zone());
    let served = &world.snapshot.zones[0];
    let policies = &served.zone.policies;
    let mut scratch = Scratch::default();
    assert!(scratch.take(name(&format!("{policy}.bench.example.")).octets()));
    let leeward::zone::Found::Exact(node) = served.zone.find(&scratch) else {
        panic!("{policy} exists");
    };
    let Some(leeward::zone::Entry::Dynamic(root)) = served.zone.entry(node, Rtype::A) else {
        panic!("{policy} is decided");
    };
    let subnet = ClientSubnet::new(IpAddr::from([203, 0, 113, 0]), 24);
    let asker = Asker::new(subnet.address, Some(subnet), &world.snapshot.locations);
    let mut chance = Chance::new(1);
    bencher
        .counter(ItemsCount::new(1_000usize))
        .bench_local(|| {
            for _ in 0..1_000 {
                let mut known = Whereabouts::default();
                let map = policies.roots[root as usize].map;
                let locus = if map == NONE {
                    Locus::Anywhere
                } else {
                    asker.locus(&served.maps[map as usize], &mut known).0
                };
                let scene = Scene {
                    policies,
                    view: &world.view.zones[0],
                    locus,
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
