//! What a flip in one zone costs the publisher, by the number of dynamic zones loaded.
//!
//! `cargo bench --bench publish`: time and allocations from an observed status to the published world, and of freeing the
//! world before, once no reader holds it. Each zone has one failover of two pools with two members.

use std::sync::Arc;
use std::time::Duration;

use divan::{AllocProfiler, Bencher};
use leeward::geo::Locations;
use leeward::health::{
    Damping, Endpoint, ProbeKind, ProbeRecipe, Status, Target, TargetId, TcpProbe, Timeout,
};
use leeward::publish::{Publisher, ZoneInputs};
use leeward::wire::{Name, Rtype};
use leeward::zone::{
    Condition, Hold, MemberLabel, MemberSpec, NodeSpec, Options, PolicyBuilder, RunSpec,
    ServedZone, Snapshot, ZoneBuilder,
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// Dynamic zones loaded.
const ZONES: [u32; 3] = [1, 1_000, 13_000];
/// Targets of a zone.
const TARGETS: u32 = 4;

fn main() {
    divan::main();
}

fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect("a name")
}

fn target(octets: [u8; 4]) -> Target {
    Target {
        probe: ProbeRecipe {
            endpoint: Endpoint::Address(octets.into()),
            port: 80,
            kind: ProbeKind::Tcp(TcpProbe {
                tls: None,
                send: None,
                contains: None,
                regex: None,
            }),
            interval: Duration::from_secs(10),
            timeout: Timeout::Whole(Duration::from_secs(1)),
            watch: false,
        },
        damping: Damping {
            rise: 2,
            fall: 2,
            forgive: 1,
            degraded: None,
        },
    }
}

/// A pool of two checked members.
fn pool(policies: &mut PolicyBuilder, number: u32, first: u8) -> NodeSpec {
    let [_, _, high, low] = number.to_be_bytes();
    let members = [first, first + 1].map(|last| {
        let slot = policies.target(target([10, high, low, last]));
        let condition = policies.condition(Condition::Target {
            slot,
            unknown_is_healthy: true,
        });
        MemberSpec {
            rdata: Box::from([10, high, low, last]),
            weight: 1,
            condition,
            hold: Hold::default(),
            ttl: None,
            lease: None,
            label: MemberLabel {
                pool: 0,
                text: String::new(),
                site: String::new(),
            },
        }
    });
    let (run, _) = policies.run(RunSpec {
        rtype: Rtype::A,
        members: members.into(),
    });
    policies.pool_node(run, 1, 1, Options::default())
}

fn zone(number: u32) -> ServedZone {
    let apex = name(&format!("z{number}.example."));
    let soa = [apex.octets(), apex.octets(), &[0; 20]].concat();
    let mut builder = ZoneBuilder::new(&apex, &soa, 900, 30).expect("a zone");
    let mut policies = PolicyBuilder::new();
    policies.pool("all");
    let tiers = vec![
        pool(&mut policies, number, 1),
        pool(&mut policies, number, 3),
    ];
    let failover = policies.first(tiers, Options::default());
    let root = policies.root(failover, (60, 60));
    let owner = name(&format!("www.z{number}.example."));
    builder.dynamic(&owner, Rtype::A, root).expect("a policy");
    let zone = Arc::new(builder.finish(policies.finish()).expect("a zone"));
    ServedZone {
        zone,
        maps: Box::default(),
    }
}

/// A publisher of so many zones; all targets are healthy, each is used by one zone.
fn publisher(zones: u32) -> Publisher {
    let locations = Arc::new(Locations::unknown());
    let served: Vec<ServedZone> = (0..zones).map(zone).collect();
    let inputs = (0..).zip(&served).map(|(number, served)| {
        let policies = &served.zone.policies;
        assert_eq!(policies.targets.len(), TARGETS as usize);
        ZoneInputs {
            targets: (0..TARGETS)
                .map(|slot| TargetId(number * TARGETS + slot))
                .collect(),
            switches: policies.switches.to_vec(),
            holds: policies.holds.to_vec(),
            leases: None,
        }
    });
    let inputs = inputs.collect();
    let mut publisher = Publisher::new(Snapshot::new(Vec::new(), Arc::clone(&locations)));
    publisher.replace(Snapshot::new(served, locations), inputs, |_| {
        Status::Healthy
    });
    publisher.sweep();
    publisher
}

/// Turns one target of a zone in the middle.
fn flip(publisher: &mut Publisher, zones: u32, status: &mut Status) {
    *status = match *status {
        Status::Healthy => Status::Unhealthy,
        _ => Status::Healthy,
    };
    let target = TargetId(zones / 2 * TARGETS);
    let published = publisher.observe(&[(target, *status)]);
    assert_eq!(published.map(|published| published.zones_changed), Some(1));
}

/// From the status to the published world; the world before is kept, as while a reader holds it.
#[divan::bench(args = ZONES, sample_size = 1, sample_count = 500)]
fn publishes(bencher: Bencher<'_, '_>, zones: u32) {
    let mut publisher = publisher(zones);
    let mut status = Status::Healthy;
    bencher.bench_local(|| flip(&mut publisher, zones, &mut status));
}

/// The same, and the world before is freed.
#[divan::bench(args = ZONES, sample_size = 1, sample_count = 500)]
fn publishes_and_frees(bencher: Bencher<'_, '_>, zones: u32) {
    let mut publisher = publisher(zones);
    let mut status = Status::Healthy;
    bencher.bench_local(|| {
        flip(&mut publisher, zones, &mut status);
        assert_eq!(publisher.sweep(), 0);
    });
}
