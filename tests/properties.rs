//! Laws of the engine over random zones, random outages and random octets.
//!
//! - A view that followed changes equals the view folded anew.
//! - The pools that explain lists are those of a slow reference over the resolved model.
//! - Shares and empty answers sum to 1, and draws come as often as explain says.
//! - A batch equals its exchanges one by one.
//! - Every reply decodes with the independent crate `domain` and fits its limit; no octets panic; a response is never
//!   answered.

#[path = "properties/messages.rs"]
mod messages;
#[path = "properties/reference.rs"]
mod reference;
#[path = "properties/trees.rs"]
mod trees;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use domain::base::ParsedName;
use domain::base::message::Message;
use domain::rdata::AllRecordData;
use ipnet::IpNet;
use leeward::answer::{BATCH_MAX, Exchange, Transport, Worker, World, respond};
use leeward::clock::Moment;
use leeward::geo::Place;
use leeward::health::Status;
use leeward::simulate::{Explanation, GivenClient};
use leeward::view::Fold;
use leeward::wire::{Name, Rcode, Rtype};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use reference::{ClientLocation, Reference};
use trees::{Fate, RandomZone, Served, zone};

use crate::explained::explain_to;

/// Deviations of a chi-square statistic that pass: mean, and six standard deviations for fixed seeds.
const DEVIATIONS: f64 = 6.0;

fn client() -> impl Strategy<Value = ClientLocation> {
    let place = prop_oneof![
        Just("EU-DE"),
        Just("EU-FR"),
        Just("NA-US-CA"),
        Just("AF"),
        Just("EU")
    ];
    let place = place.prop_map(|text| ClientLocation::Place(Place::parse(text).expect("a place")));
    let prefix = prop_oneof![
        Just(([198, 51, 100, 0], 24)),
        Just(([198, 51, 7, 0], 24)),
        Just(([198, 51, 0, 0], 16)),
        Just(([198, 50, 0, 0], 15)),
        Just(([203, 0, 113, 77], 32)),
        Just(([192, 0, 2, 0], 24)),
    ];
    let prefix = prefix.prop_map(|(octets, len)| {
        ClientLocation::Prefix(IpNet::new_assert(IpAddr::from(octets), len))
    });
    prop_oneof![place, prefix]
}

fn explained(served: &Served, fates: &[Fate], client: ClientLocation, rtype: Rtype) -> Explanation {
    let inputs = served.inputs(fates);
    let client = match client {
        ClientLocation::Place(place) => GivenClient::Place(place),
        ClientLocation::Prefix(prefix) => GivenClient::Subnet(prefix),
    };
    explain_to(client, served.zone(), &inputs, "www.example.com.", rtype)
}

fn statuses() -> impl Strategy<Value = Vec<(u32, Status)>> {
    let status = prop_oneof![
        Just(Status::Healthy),
        Just(Status::Unhealthy),
        Just(Status::Unknown)
    ];
    vec((any::<u32>(), status), 1..6)
}

fn query(name: &[u8], rtype: u16, payload: Option<u16>) -> Vec<u8> {
    let mut message = vec![
        0x12,
        0x34,
        1,
        0,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        u8::from(payload.is_some()),
    ];
    message.extend_from_slice(name);
    message.extend_from_slice(&rtype.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    if let Some(payload) = payload {
        message.extend_from_slice(&[0, 0, 41]);
        message.extend_from_slice(&payload.to_be_bytes());
        message.extend_from_slice(&[0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, 198, 51, 100]);
    }
    message
}

/// Questions about a random zone, sound ones and spoilt ones.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    const NAMES: [&str; 10] = [
        "www", "static", "x.wild", "q.old", "x.sub", "mail", "nope", "a.b.c", "sub", "ns.sub",
    ];
    let types = [1u16, 2, 5, 6, 15, 16, 28, 43, 64, 255, 65_280];
    let sound = (
        proptest::sample::select(NAMES.to_vec()),
        proptest::sample::select(types.to_vec()),
        proptest::option::of(any::<u16>()),
    )
        .prop_map(|(name, rtype, payload)| {
            let name = Name::parse_absolute(&format!("{name}.example.com.")).expect("a name");
            query(name.octets(), rtype, payload)
        });
    let spoilt = (sound.clone(), vec((any::<usize>(), any::<u8>()), 0..4)).prop_map(
        |(mut message, changes)| {
            for (at, octet) in changes {
                let at = at % message.len();
                message[at] = octet;
            }
            message
        },
    );
    prop_oneof![2 => sound, 2 => spoilt, 1 => vec(any::<u8>(), 0..300)]
}

fn reply(world: &World, worker: &mut Worker, transport: Transport, input: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 65_535];
    let client = SocketAddr::from(([198, 51, 100, 9], 5353));
    let mut batch = [Exchange::new(transport, client, input, &mut out)];
    respond(world, &mut batch, worker, Moment::ZERO);
    let len = batch[0].len;
    out.truncate(len);
    out
}

/// Says what is wrong with a reply.
fn fault_of(reply: &[u8]) -> Option<String> {
    let read = || -> Result<(), Box<dyn std::error::Error>> {
        let message = Message::from_slice(reply)?;
        let question = message.question().count();
        if question != usize::from(message.header_counts().qdcount()) {
            return Err("the question does not parse".into());
        }
        let mut records = BTreeSet::new();
        for section in [
            message.answer()?,
            message.authority()?,
            message.additional()?,
        ] {
            for record in section {
                let record = record?.into_record::<AllRecordData<_, ParsedName<_>>>()?;
                let record = record.ok_or("a record is of no type")?;
                let text = format!("{} {} {}", record.owner(), record.rtype(), record.data());
                if !records.insert(text.to_lowercase()) {
                    return Err(format!("twice: {text}").into());
                }
            }
        }
        Ok(())
    };
    read().err().map(|fault| fault.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_followed_view_is_the_view_folded_anew(zone in zone(), changes in vec(statuses(), 1..8)) {
        let served = Served::new(&zone.text());
        let policies = &served.zone().zone.policies;
        let mut fold = Fold::new(policies, served.inputs(&zone.fates));
        for change in changes {
            let slots = policies.targets.len() as u32;
            if slots == 0 {
                continue;
            }
            let change: Vec<_> = change.iter().map(|(slot, status)| (slot % slots, *status)).collect();
            let before = fold.view();
            let has_changed = fold.observe(policies, &change);
            let anew = Fold::new(policies, fold.inputs().clone()).view();
            prop_assert_eq!(&fold.view(), &anew, "{}", zone.text());
            prop_assert_eq!(has_changed, before != anew);
        }
    }

    #[test]
    fn explain_lists_the_pools_of_the_slow_reference(zone in zone(), client in client(), is_ipv6 in any::<bool>()) {
        let served = Served::new(&zone.text());
        let rtype = if is_ipv6 { Rtype::AAAA } else { Rtype::A };
        let reference = Reference { model: &served.model, fates: &zone.fates, client, rtype };
        let wanted = reference.outcomes("www");
        let found = explained(&served, &zone.fates, client, rtype);
        let pools: BTreeSet<String> = found.pools.iter().map(|(pool, _)| pool.clone()).collect();
        prop_assert_eq!(&pools, &wanted.pools, "{}\n{:?}", zone.text(), found);
        let is_empty = wanted.has_nodata || wanted.has_servfail;
        prop_assert_eq!(found.empty_probability > 0.0, is_empty, "{}\n{:?}", zone.text(), found);
        if pools.is_empty() && wanted.has_nodata != wanted.has_servfail {
            let rcode = if wanted.has_servfail { Rcode::SERVFAIL } else { Rcode::NOERROR };
            prop_assert_eq!(found.rcode, rcode);
        }
        let sum: f64 = found.pools.iter().map(|(_, share)| share).sum::<f64>() + found.empty_probability;
        prop_assert!((sum - 1.0).abs() < 1e-9, "shares sum to {}\n{}", sum, zone.text());
    }

    #[test]
    fn served_members_are_among_those_explained(zone in zone(), seed in any::<u64>()) {
        let served = Served::new(&zone.text());
        let client = ClientLocation::Prefix("198.51.100.0/24".parse().expect("a prefix"));
        let found = explained(&served, &zone.fates, client, Rtype::A);
        let known: BTreeSet<&str> = found
            .candidates
            .iter()
            .flat_map(|candidate| candidate.rdata.iter().map(String::as_str))
            .collect();
        let world = served.world(served.inputs(&zone.fates));
        let mut worker = Worker::new(seed);
        let name = Name::parse_absolute("www.example.com.").expect("a name");
        let input = query(name.octets(), 1, Some(1232));
        for _ in 0..8 {
            let reply = reply(&world, &mut worker, Transport::Tcp, &input);
            let addresses = addresses_of(&reply);
            prop_assert!(addresses.iter().all(|address| known.contains(address.as_str())), "{addresses:?}");
            prop_assert!(!addresses.is_empty() || found.empty_probability > 0.0);
            let distinct: BTreeSet<&String> = addresses.iter().collect();
            prop_assert_eq!(distinct.len(), addresses.len());
        }
    }

    #[test]
    fn a_batch_is_its_exchanges_one_by_one(zone in zone(), inputs in vec(octets(), 1..=BATCH_MAX), seed in any::<u64>()) {
        let served = Served::new(&zone.text());
        let world = served.world(served.inputs(&zone.fates));
        let mut alone = Worker::new(seed);
        let singles: Vec<Vec<u8>> = inputs
            .iter()
            .map(|input| reply(&world, &mut alone, Transport::Udp, input))
            .collect();
        let mut outs = vec![vec![0; 1300]; inputs.len()];
        let client = SocketAddr::from(([198, 51, 100, 9], 5353));
        let mut batch: Vec<Exchange<'_>> = inputs
            .iter()
            .zip(&mut outs)
            .map(|(input, out)| Exchange::new(Transport::Udp, client, input, out))
            .collect();
        respond(&world, &mut batch, &mut Worker::new(seed), Moment::ZERO);
        for (exchange, single) in batch.iter().zip(&singles) {
            prop_assert_eq!(&exchange.out[..exchange.len], &single[..]);
        }
    }

    #[test]
    fn every_reply_decodes_and_fits(zone in zone(), inputs in vec(octets(), 8), seed in any::<u64>()) {
        let served = Served::new(&zone.text());
        let world = served.world(served.inputs(&zone.fates));
        let mut worker = Worker::new(seed);
        for input in &inputs {
            for transport in [Transport::Udp, Transport::Tcp] {
                let reply = reply(&world, &mut worker, transport, input);
                let is_answerable = input.len() >= 12 && input[2] & 0x80 == 0;
                prop_assert_eq!(!reply.is_empty(), is_answerable, "{:02x?}", input);
                if reply.is_empty() {
                    continue;
                }
                prop_assert_eq!(fault_of(&reply), None, "{:02x?} to {:02x?}", input, reply);
                prop_assert!(transport == Transport::Tcp || reply.len() <= 1232);
                prop_assert_eq!(&reply[..2], &input[..2]);
            }
        }
    }

    #[test]
    fn a_datagram_fits_what_its_client_takes(zone in zone(), payload in any::<u16>(), rtype in 1u16..70) {
        let served = Served::new(&zone.text());
        let world = served.world(served.inputs(&zone.fates));
        let name = Name::parse_absolute("mail.example.com.").expect("a name");
        for (payload, limit) in [(None, 512), (Some(payload), payload.clamp(512, 1232))] {
            let input = query(name.octets(), rtype, payload);
            let reply = reply(&world, &mut Worker::new(1), Transport::Udp, &input);
            prop_assert!(reply.len() <= usize::from(limit));
        }
    }
}

fn addresses_of(reply: &[u8]) -> Vec<String> {
    let message = Message::from_slice(reply).expect("a message");
    let answer = message.answer().expect("an answer section");
    answer
        .limit_to::<domain::rdata::A>()
        .map(|record| record.expect("a record").data().to_string())
        .collect()
}

/// Asks `count` times and compares how often each address stands first with what explain says.
fn compare_frequencies(text: &str, count: u32, seed: u64) {
    let served = Served::new(text);
    let fates = [Fate {
        status: Status::Healthy,
        hold: leeward::zone::Hold::None,
    }];
    let client = ClientLocation::Prefix("198.51.100.0/24".parse().expect("a prefix"));
    let found = explained(&served, &fates, client, Rtype::A);
    let world = served.world(served.inputs(&fates));
    let name = Name::parse_absolute("www.example.com.").expect("a name");
    let input = query(name.octets(), 1, Some(1232));
    let mut worker = Worker::new(seed);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..count {
        let reply = reply(&world, &mut worker, Transport::Udp, &input);
        let first = addresses_of(&reply).into_iter().next().expect("an address");
        *counts.entry(first).or_default() += 1;
    }
    let mut chi_square = 0.0;
    let mut cells = 0.0;
    for candidate in &found.candidates {
        let address = &candidate.rdata[0];
        let wanted = candidate.probability * f64::from(count);
        let seen = f64::from(counts.remove(address).unwrap_or(0));
        chi_square += (seen - wanted).powi(2) / wanted;
        cells += 1.0;
    }
    assert!(counts.is_empty(), "not explained: {counts:?}\n{text}");
    let (mean, deviation) = (cells - 1.0, (2.0 * (cells - 1.0f64)).sqrt());
    assert!(
        chi_square <= mean + DEVIATIONS * deviation,
        "chi-square {chi_square:.1} over {cells} cells\n{text}\n{found:#?}"
    );
}

#[test]
fn draws_come_as_often_as_explain_says() {
    const HEAD: &str = "zone = \"example.com\"\n[names]\n\"@\".NS = \"ns.example.net.\"\n";
    let pools: String = (0..9)
        .map(|n| format!("[pools.p{n}]\nmembers = [\"10.0.0.{n}\"]\n"))
        .collect();
    let cases = [
        "www = { weighted = { p1 = 1, p2 = 2, p3 = 7 } }\n",
        "www = { weighted = { p1 = 1, p2 = 255 } }\n",
        "www = { weighted = [{ to = { weighted = { p1 = 3, p2 = 1 } }, weight = 5 }, { to = \"p3\", weight = 1 }] }\n",
        "www = { weighted = { p1 = 0, p2 = 5, p3 = 5 } }\n",
        "www = { weighted = { p1 = 0, p2 = 0, p3 = 0 } }\n",
        "www = { subnets = { \"198.51.100.0/24\" = { weighted = { p4 = 9, p5 = 1 } }, default = \"p6\" } }\n",
        "www = \"unequal\"\n[pools.unequal]\nmembers = [{ address = \"10.1.0.1\", weight = 1 }, { address = \"10.1.0.2\", weight = 4 }, { address = \"10.1.0.3\", weight = 0 }]\n",
    ];
    for (number, case) in cases.iter().enumerate() {
        compare_frequencies(&format!("{HEAD}{case}{pools}"), 20_000, number as u64);
    }
}

#[test]
fn random_zones_write_and_load() {
    // What the laws run on: the generator must not be refused.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..50 {
        let zone: RandomZone = zone().new_tree(&mut runner).expect("a zone").current();
        let served = Served::new(&zone.text());
        assert!(!served.zone().zone.policies.is_empty());
    }
}
