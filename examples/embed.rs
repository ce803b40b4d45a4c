//! Uses the library without sockets: a zone from text, an answer from octets, a target that dies, a changed answer.
//!
//! `cargo run --example embed` prints what it does and ends at once. A program of yours would read the zone from a
//! file, feed [`Publisher::observe`] from its own prober, and carry octets to [`respond`] from wherever they come.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use leeward::answer::{Exchange, OUT_MIN, Transport, Worker, World, respond};
use leeward::clock::Clock;
use leeward::compile::compile_zone;
use leeward::config::{Files, read_zone};
use leeward::diagnostic::{Source, render_text};
use leeward::geo::Locations;
use leeward::health::{Status, TargetId};
use leeward::publish::{Publisher, Reader, ZoneInputs};
use leeward::zone::{ServedZone, Snapshot};

const ZONE: &str = r#"
zone = "embed.example"

[checks.web]
type = "http"

[pools.near]
check   = "web"
members = "192.0.2.1"

[pools.far]
check   = "web"
members = "198.51.100.1"

[names]
"@".NS = "ns.example.net."

[names.www]
failover = ["near", "far"]
"#;

/// This zone names no other files.
struct NoFiles;

impl Files for NoFiles {
    fn read(&self, relative: &Path) -> Result<String, String> {
        Err(format!("{} is not there", relative.display()))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Text to a checked zone, and a zone to what is served.
    let served = zone_from_text(ZONE)?;
    let policies = &served.zone.policies;
    let targets: Vec<TargetId> = (0..policies.targets.len() as u32).map(TargetId).collect();
    println!(
        "targets: {} (one a member, as nothing is shared)",
        targets.len()
    );
    let inputs = ZoneInputs {
        targets: targets.clone(),
        switches: policies.switches.to_vec(),
        holds: policies.holds.to_vec(),
        leases: None,
    };

    // One writer publishes worlds; any number of readers answer from the newest.
    let snapshot = Snapshot::new(vec![served], Arc::new(Locations::unknown()));
    let mut publisher = Publisher::new(Snapshot::new(Vec::new(), Arc::new(Locations::unknown())));
    let mut reader = Reader::new(&publisher.current());
    publisher.replace(snapshot, vec![inputs], |_| Status::Healthy);
    println!("all healthy:   {}", ask(reader.world())?);
    publisher.observe(&[(targets[0], Status::Unhealthy)]);
    println!("near is lost:  {}", ask(reader.world())?);
    publisher.observe(&[(targets[0], Status::Healthy)]);
    println!("near is back:  {}", ask(reader.world())?);
    Ok(())
}

/// Reads, checks and compiles a zone; faults come back as the text that `leeward validate` would print.
fn zone_from_text(text: &str) -> Result<ServedZone, Box<dyn Error>> {
    let source = Source {
        path: "embed.example.toml".into(),
        text: text.to_owned(),
    };
    let (model, found) = read_zone(&source, &NoFiles);
    let model = model.ok_or_else(|| render_text(&found, &[source], false))?;
    let zone = compile_zone(&model, 1).map_err(|fault| fault.to_string())?;
    Ok(ServedZone::new(zone, &Locations::unknown()))
}

/// Asks a world for `www.embed.example` as a UDP client would, and returns the address in the answer.
fn ask(world: &World) -> Result<Ipv4Addr, Box<dyn Error>> {
    let mut query = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]; // RFC 1035, section 4.1.1: id 7, RD, one question
    for label in ["www", "embed", "example", ""] {
        query.push(u8::try_from(label.len())?);
        query.extend(label.bytes());
    }
    query.extend([0, 1, 0, 1]); // type A, class IN
    let client = SocketAddr::from(([203, 0, 113, 9], 5353));
    let mut out = [0; OUT_MIN];
    let exchange = Exchange::new(Transport::Udp, client, &query, &mut out);
    let mut batch = [exchange];
    let mut worker = Worker::new(1);
    respond(world, &mut batch, &mut worker, Clock::start().now());
    let message = &batch[0].out[..batch[0].len];
    let (_, address) = message // without EDNS one A record ends the message, its address last
        .split_last_chunk::<4>()
        .ok_or("the answer is too short")?;
    Ok(Ipv4Addr::from(*address))
}
