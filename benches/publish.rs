//! What a flip in one zone costs the publisher, by the number of dynamic zones loaded.
//!
//! `cargo bench --bench publish`: time and allocations from an observed status to the published world, and of freeing the
//! world before, once no reader holds it. Each zone has one failover of two pools with two members.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use divan::{AllocProfiler, Bencher};
use leeward::config::{Files, Source, compile_zone, read_zone};
use leeward::health::{Status, TargetId};
use leeward::place::Locations;
use leeward::publish::{Publisher, ZoneInputs};
use leeward::zone::{ServedZone, Snapshot, build_maps};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// Dynamic zones loaded.
const ZONES: [u32; 3] = [1, 1_000, 13_000];
/// Targets of a zone.
const TARGETS: u32 = 4;

fn main() {
    divan::main();
}

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> Result<String, String> {
        Err("there is none".to_owned())
    }
}

fn zone(number: u32, locations: &Arc<Locations>) -> ServedZone {
    let address = |at: u32| format!("10.{}.{}.{at}", number / 256, number % 256);
    let text = format!(
        "zone = \"z{number}.example\"\n\
         [checks.tcp]\ntype = \"tcp\"\nport = 80\n\
         [pools.a]\ncheck = \"tcp\"\nmembers = [\"{}\", \"{}\"]\n\
         [pools.b]\ncheck = \"tcp\"\nmembers = [\"{}\", \"{}\"]\n\
         [names]\n\"@\".NS = \"ns.example.net.\"\nwww = {{ failover = [\"a\", \"b\"] }}\n",
        address(1),
        address(2),
        address(3),
        address(4),
    );
    let source = Source {
        path: PathBuf::from("bench.toml"),
        text,
    };
    let (model, found) = read_zone(&source, &NoFiles);
    let model = model.unwrap_or_else(|| panic!("{found:?}"));
    let zone = Arc::new(compile_zone(&model, 1).expect("a zone"));
    let maps = build_maps(&zone.policies, locations);
    ServedZone { zone, maps }
}

/// A publisher of so many zones; all targets are healthy, each is used by one zone.
fn publisher(zones: u32) -> Publisher {
    let locations = Arc::new(Locations::unknown());
    let served: Vec<ServedZone> = (0..zones).map(|number| zone(number, &locations)).collect();
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
