//! Worlds and questions that the benchmarks of the engine share.
//!
//! In: the name of a case. Out: a world, and as many messages as are asked in one sample, in random order.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use leeward::answer::{Cookies, Prefixes, RateLimits, Rates, ServingOptions, WithoutCookie, World};
use leeward::compile::compile_zone;
use leeward::config::{Files, read_zone};
use leeward::diagnostic::Source;
use leeward::geo::Locations;
use leeward::health::Status;
use leeward::view::{Fold, HealthView, Inputs};
use leeward::wire::{CookieSecrets, Name, Rtype};
use leeward::zone::{ServedZone, Snapshot, Zone, ZoneBuilder};

/// Owner names of the large zone.
pub(crate) const NAMES: usize = 100_000;
/// Questions a sample; a multiple of every batch.
pub(crate) const QUESTIONS: usize = 16_384;
/// Octets of an output buffer; no multiple of 4 KiB, so that buffers do not share cache sets.
pub(crate) const OUT: usize = 1_280;

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

/// Reads a name.
pub(crate) fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect("a name")
}

/// A zone of [`NAMES`] names with an address each, 100 wildcards and 100 delegations.
pub(crate) fn large_zone() -> Zone {
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
    for number in 0..100 {
        let host = name(&format!("ns.d{number}.bench.example."));
        let rdata: Box<[u8]> = host.octets().into();
        builder
            .rrset(
                &name(&format!("d{number}.bench.example.")),
                Rtype::NS,
                60,
                &[rdata],
            )
            .expect("an RRset");
        let rdata: Box<[u8]> = (number as u32 | 0x0a00_0000).to_be_bytes().into();
        builder
            .rrset(&host, Rtype::A, 60, &[rdata])
            .expect("an RRset");
    }
    let policies = leeward::zone::PolicyBuilder::new().finish();
    builder.finish(policies).expect("a zone")
}

/// A world of one zone whose members are all healthy.
pub(crate) fn world(zone: Zone) -> World {
    let locations = Arc::new(Locations::unknown());
    let inputs = Inputs::uniform(&zone.policies, Status::Healthy);
    let view = Fold::new(&zone.policies, inputs).view();
    let served = ServedZone::new(zone, &locations);
    World {
        snapshot: Arc::new(Snapshot::new(vec![served], locations)),
        view: HealthView::new([view]),
        serving: Arc::default(),
        generation: 1,
    }
}

/// A query, with a client subnet if wanted.
pub(crate) fn message(owner: &str, rtype: Rtype, subnet: bool) -> Vec<u8> {
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

/// [`QUESTIONS`] queries of a kind, in random order.
pub(crate) fn messages(kind: &str) -> Vec<Vec<u8>> {
    let mut sequence = Sequence(7);
    let mut one = || {
        let number = sequence.below(NAMES);
        match kind {
            "hit" => message(&format!("host-{number}.bench.example."), Rtype::A, false),
            "nodata" => message(&format!("host-{number}.bench.example."), Rtype::AAAA, false),
            "referral" => message(
                &format!("q{number}.d{}.bench.example.", number % 100),
                Rtype::A,
                false,
            ),
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

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> Result<String, String> {
        Err("there is none".to_owned())
    }
}

/// The zone of policies, by owner name.
pub(crate) fn policy_zone() -> Zone {
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

/// Kinds of what a query carries beside its question.
pub(crate) const MANNERS: [&str; 5] = [
    "plain",
    "limits",
    "limits-edns",
    "limits-client-cookie",
    "limits-valid-cookie",
];

/// Returns a world and hits with these manners: nothing, EDNS and rate limits, a cookie to make, a cookie to check.
pub(crate) fn with_manners(manners: &str) -> (World, Vec<Vec<u8>>) {
    let mut world = world(large_zone());
    let secrets = CookieSecrets::new([7; 16], None);
    let client: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
    let address = IpAddr::from([192, 0, 2, 53]);
    let (_, cookie) = secrets.verify(&client, address, 0);
    let options: Option<Vec<u8>> = match manners {
        "limits-edns" => Some(Vec::new()),
        "limits-client-cookie" => Some([&[0, 10, 0, 8], &client[..]].concat()),
        "limits-valid-cookie" => Some([&[0, 10, 0, 24], &cookie[..]].concat()),
        _ => None,
    };
    if manners != "plain" {
        let everybody = Prefixes::new(&["192.0.2.0/24".parse().expect("a prefix")]);
        world.serving = Arc::new(ServingOptions {
            cookies: Some(Cookies {
                secrets,
                without: WithoutCookie::Answer,
            }),
            amplification_max: Some(4),
            rate: Some(RateLimits::new(
                Rates {
                    each: 1_000,
                    total: 2_000,
                },
                2,
                2,
                everybody,
            )),
            ..ServingOptions::default()
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
    (world, messages)
}

/// Names of [`policy_zone`].
pub(crate) const POLICIES: [&str; 6] = [
    "failover",
    "weighted8",
    "weighted100",
    "geo",
    "subnets",
    "multivalue",
];
