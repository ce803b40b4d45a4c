//! Laws of kept answers over many clients (rule a46): shares hold over clients, the loss of one candidate moves only its
//! own clients, its return brings exactly them back, and the order of what is written means nothing.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use leeward::geo::Locations;
use leeward::health::Status;
use leeward::model::ZoneModel;
use leeward::simulate::{GivenClient, Suppose, apply_references};
use leeward::view::Inputs;
use leeward::wire::Rtype;
use leeward::zone::ServedZone;
use proptest::prelude::*;

use crate::explained::explain_to;
use crate::zones::{read, serve};

/// Clients of each family that are asked for.
const CLIENTS: u32 = 3_000;
/// How far a share over so many clients may be off: six standard deviations of the worst share.
const SHARE_OFF_MAX: f64 = 0.055;

struct Zone {
    model: ZoneModel,
    served: ServedZone,
}

/// A zone whose `www` is drawn by weight among pools of two members a family; `nested` puts the last two pools into a
/// weighted node of their own.
fn zone(weights: &[(usize, u16)], is_nested: bool) -> Zone {
    let mut text =
        "zone = \"example.com\"\n[checks.web]\ntype = \"tcp\"\nport = 80\n[pools]\n".to_owned();
    for (pool, _) in weights {
        text += &format!(
            "p{pool} = {{ check = \"web\", answers = 1, members = [\"192.0.2.{}\", \"192.0.2.{}\", \"2001:db8::{pool}:1\", \"2001:db8::{pool}:2\"] }}\n",
            pool * 2,
            pool * 2 + 1
        );
    }
    let branch = |(pool, weight): &(usize, u16)| format!("p{pool} = {weight}");
    let list = |part: &[(usize, u16)]| part.iter().map(branch).collect::<Vec<_>>().join(", ");
    let at = weights.len() - 2;
    if is_nested {
        let sum: u32 = weights[at..]
            .iter()
            .map(|(_, weight)| u32::from(*weight))
            .sum();
        text += &format!("deep = {{ weighted = {{ {} }} }}\n", list(&weights[at..]));
        text += &format!(
            "[names]\n\"@\".NS = \"ns.example.net.\"\nwww = {{ sticky = true, weighted = {{ {}, deep = {sum} }} }}\n",
            list(&weights[..at])
        );
    } else {
        text += &format!(
            "[names]\n\"@\".NS = \"ns.example.net.\"\nwww = {{ sticky = true, weighted = {{ {} }} }}\n",
            list(weights)
        );
    }
    let model = read(&text);
    let served = serve(&model, &Locations::unknown());
    Zone { model, served }
}

/// The pool and record of each client.
fn ask(zone: &Zone, down: &[&str], rtype: Rtype) -> Vec<(String, String)> {
    let policies = &zone.served.zone.policies;
    let mut inputs = Inputs::uniform(policies, Status::Healthy);
    let references = down.iter().copied();
    apply_references(
        &zone.model,
        policies,
        references,
        Suppose::Down,
        &mut inputs,
    );
    let answer = |client: u32| {
        let prefix = if rtype == Rtype::A {
            let address = Ipv4Addr::from_bits(0x0a00_0000 | client << 8);
            IpNet::new_assert(address.into(), 24)
        } else {
            let bits = 0x2001_0db8u128 << 96 | u128::from(client) << 72;
            IpNet::new_assert(Ipv6Addr::from_bits(bits).into(), 56)
        };
        let client = GivenClient::Subnet(prefix);
        let found = explain_to(client, &zone.served, &inputs, "www.example.com.", rtype);
        let kept = prefix.prefix_len();
        assert_eq!(
            found.scope_len, kept,
            "the scope is the prefix that is kept"
        );
        assert_eq!(found.candidates.len(), 1, "{found:#?}");
        let candidate = &found.candidates[0];
        assert!((candidate.probability - 1.0).abs() < 1e-9);
        (
            candidate.pool.clone().expect("a pool"),
            candidate.rdata[0].clone(),
        )
    };
    (0..CLIENTS).map(answer).collect()
}

fn weights() -> impl Strategy<Value = Vec<(usize, u16)>> {
    prop::collection::vec(1u16..6, 3..7).prop_map(|weights| {
        weights
            .into_iter()
            .enumerate()
            .map(|(at, weight)| (at + 1, weight))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn only_the_clients_of_what_is_lost_move(
        weights in weights(),
        is_nested in any::<bool>(),
        lost in any::<prop::sample::Index>(),
        is_ipv6 in any::<bool>(),
    ) {
        let rtype = if is_ipv6 { Rtype::AAAA } else { Rtype::A };
        let zone = zone(&weights, is_nested);
        let before = ask(&zone, &[], rtype);
        // Shares over clients are as the weights say.
        let total: u32 = weights.iter().map(|(_, weight)| u32::from(*weight)).sum();
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for (pool, _) in &before {
            *counts.entry(pool).or_default() += 1;
        }
        for (pool, weight) in &weights {
            let share = f64::from(counts.get(&*format!("p{pool}")).copied().unwrap_or(0)) / f64::from(CLIENTS);
            let wanted = f64::from(*weight) / f64::from(total);
            prop_assert!((share - wanted).abs() < SHARE_OFF_MAX, "p{}: {} of {}", pool, share, wanted);
        }
        // The loss of a pool moves its clients and nobody else.
        let pool = format!("p{}", weights[lost.index(weights.len())].0);
        let after = ask(&zone, &[&format!("pool:{pool}")], rtype);
        for (was, is) in before.iter().zip(&after) {
            prop_assert!(was.0 == pool || was == is, "{:?} became {:?}", was, is);
            prop_assert!(is.0 != pool);
        }
        // So does the loss of a member.
        let (gone, member) = before[0].clone();
        let after = ask(&zone, &[&format!("target:{gone}/{member}")], rtype);
        for (was, is) in before.iter().zip(&after) {
            prop_assert!(was.1 == member || was == is, "{:?} became {:?}", was, is);
            prop_assert!(was.0 == is.0, "the pool has another member");
        }
        prop_assert_eq!(ask(&zone, &[], rtype), before);
    }

    #[test]
    fn the_order_of_branches_means_nothing(weights in weights()) {
        let mut turned = weights.clone();
        turned.reverse();
        prop_assert_eq!(
            ask(&zone(&weights, false), &[], Rtype::A),
            ask(&zone(&turned, false), &[], Rtype::A)
        );
    }
}
