//! The direct way and the whole way write the same octets and count the same.

use std::net::SocketAddr;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::answer::{
    BATCH_MAX, Conduct, Cookies, Exchange, Prefixes, RateLimits, Rates, Transport, WithoutCookie,
    Worker, World, respond,
};
use crate::clock::Moment;
use crate::health::Status;
use crate::place::Locations;
use crate::view::{Fold, HealthView, Inputs};
use crate::wire::{CookieSecrets, Name, Rtype};
use crate::zone::{
    AllDown, Hold, Judge, MemberLabel, MemberSpec, Options, Policies, PolicyBuilder, RunSpec,
    ServedZone, Snapshot, Zone, ZoneBuilder,
};

use super::respond::respond_wholly;

/// Room for a datagram's answer.
const OUT: usize = 1500;
/// What clients ask from.
const CLIENT: [u8; 4] = [192, 0, 2, 53];
/// Names that are asked for: kept ones, missing ones, one below a cut, below a DNAME, of another zone.
const ASKED: [&str; 20] = [
    "law.test",
    "many.policy.law.test",
    "drawn.policy.law.test",
    "nodata.policy.law.test",
    "servfail.policy.law.test",
    "one.law.test",
    "three.law.test",
    "six.law.test",
    "mail.law.test",
    "long.law.test",
    "alias.law.test",
    "none.law.test",
    "any.wild.law.test",
    "x.aliases.law.test",
    "cut.law.test",
    "below.cut.law.test",
    "old.law.test",
    "www.old.law.test",
    "_explain.one.law.test",
    "elsewhere.test",
];
/// A quarter each, so that half of them are datagrams.
const TRANSPORTS: [Transport; 4] = [
    Transport::Udp,
    Transport::Udp,
    Transport::Tcp,
    Transport::Tls,
];
const TYPES: [Rtype; 12] = [
    Rtype::A,
    Rtype::AAAA,
    Rtype::MX,
    Rtype::TXT,
    Rtype::NS,
    Rtype::SOA,
    Rtype::CNAME,
    Rtype::DNAME,
    Rtype::DS,
    Rtype::ANY,
    Rtype::AXFR,
    Rtype(0),
];

fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect("a name")
}

fn zone() -> Zone {
    let apex = name("law.test.");
    let soa = [apex.octets(), apex.octets(), &[0; 20]].concat();
    let mut builder = ZoneBuilder::new(&apex, &soa, 900, 30).expect("a zone");
    let mut add = |owner: &str, rtype: Rtype, rdata: &[Vec<u8>]| {
        let owner = name(owner);
        builder.rrset(&owner, rtype, 60, rdata).expect("an RRset");
    };
    let address = |last: u8| vec![192, 0, 2, last];
    let target = |text: &str| name(text).octets().to_vec();
    let mail = [&[0, 10], &target("one.law.test.")[..]].concat();
    let text = |octet: u8| [&[200], &[octet; 200][..]].concat();
    add(
        "law.test.",
        Rtype::NS,
        &[target("one.law.test."), target("ns.elsewhere.test.")],
    );
    add("one.law.test.", Rtype::A, &[address(1)]);
    add(
        "three.law.test.",
        Rtype::A,
        &[address(1), address(2), address(3)],
    );
    add("six.law.test.", Rtype::AAAA, &[vec![1; 16], vec![2; 16]]);
    add(
        "mail.law.test.",
        Rtype::MX,
        &[mail, [&[0, 20], &target("mx.elsewhere.test.")[..]].concat()],
    );
    add("long.law.test.", Rtype::TXT, &[text(1), text(2), text(3)]);
    add("alias.law.test.", Rtype::CNAME, &[target("one.law.test.")]);
    add("*.wild.law.test.", Rtype::A, &[address(4), address(5)]);
    add(
        "*.aliases.law.test.",
        Rtype::CNAME,
        &[target("three.law.test.")],
    );
    add("cut.law.test.", Rtype::NS, &[target("ns.cut.law.test.")]);
    add("ns.cut.law.test.", Rtype::A, &[address(6)]);
    add("old.law.test.", Rtype::DNAME, &[target("law.test.")]);
    let policies = add_policies(&mut builder);
    builder.finish(policies).expect("a zone")
}

/// Names of policies: many addresses, a draw by weight and place, and what is said while every member is down.
fn add_policies(builder: &mut ZoneBuilder) -> Policies {
    let mut policies = PolicyBuilder::new();
    policies.pool("all");
    let pool = |policies: &mut PolicyBuilder, count: u8, is_up: bool, all_down: AllDown| {
        let judge = policies.judge(Judge::Constant(is_up));
        let member = |last: u8| MemberSpec {
            rdata: Box::from([198, 51, 100, last]),
            weight: 1,
            judge,
            hold: Hold::default(),
            ttl: None,
            lease: None,
            label: MemberLabel {
                pool: 0,
                text: String::new(),
                site: String::new(),
            },
        };
        let (run, _) = policies.run(RunSpec {
            rtype: Rtype::A,
            members: (0..count).map(member).collect(),
        });
        let options = Options {
            all_down,
            ..Options::default()
        };
        policies.pool_node(run, 1, 1, options)
    };
    let many = pool(&mut policies, 20, true, AllDown::LastResort);
    let few = pool(&mut policies, 3, true, AllDown::LastResort);
    let nodata = pool(&mut policies, 2, false, AllDown::NoData);
    let servfail = pool(&mut policies, 2, false, AllDown::ServFail);
    let sticky = Options {
        sticky: (20, 48),
        ..Options::default()
    };
    let drawn = policies.weighted(vec![(many.clone(), 1), (few, 3)], sticky);
    for (owner, node) in [
        ("many.policy.law.test.", many),
        ("drawn.policy.law.test.", drawn),
        ("nodata.policy.law.test.", nodata),
        ("servfail.policy.law.test.", servfail),
    ] {
        let root = policies.root(node, (5, 60));
        builder
            .dynamic(&name(owner), Rtype::A, root)
            .expect("a policy");
    }
    policies.finish()
}

fn world(conduct: Conduct) -> World {
    let zone = zone();
    let inputs = Inputs::uniform(&zone.policies, Status::Healthy);
    let view = Fold::new(&zone.policies, inputs).view();
    let (zone, maps) = (Arc::new(zone), Box::default());
    let served = ServedZone { zone, maps };
    let locations = Arc::new(Locations::unknown());
    World {
        snapshot: Arc::new(Snapshot::new(vec![served], locations)),
        view: HealthView::new([view]),
        conduct: Arc::new(conduct),
        generation: 1,
    }
}

fn conduct() -> impl Strategy<Value = Conduct> {
    let rate = prop_oneof![
        Just(None),
        (prop_oneof![1u32..4, 4u32..40], 0u8..3).prop_map(|(rate, slip)| Some((rate, slip)))
    ];
    let factor = prop_oneof![Just(None), (1u8..6).prop_map(Some)];
    (rate, factor, any::<bool>(), any::<bool>()).prop_map(|(rate, factor, has_cookies, says)| {
        let everybody = Prefixes::new(&["10.0.0.0/8".parse().expect("a prefix")]);
        Conduct {
            rate: rate.map(|(rate, slip)| {
                RateLimits::new(
                    Rates {
                        each: rate,
                        total: rate * 2,
                    },
                    1,
                    slip,
                    everybody,
                )
            }),
            amplification_max: factor,
            has_extended_errors: says,
            cookies: has_cookies.then(|| Cookies {
                secrets: CookieSecrets::new([7; 16], None),
                without: WithoutCookie::BadCookie,
            }),
            ..Conduct::default()
        }
    })
}

/// A question in letters of either case, with an OPT record or without, sometimes cut or with something behind.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let asked = (
        0..ASKED.len(),
        prop_oneof![1 => Just(0), 1 => 0..TYPES.len()],
        prop_oneof![9 => Just(1u16), 1 => Just(255), 1 => Just(3)],
    );
    let options = prop_oneof![
        6 => Just(vec![]),
        1 => Just(vec![0, 3, 0, 0]),
        1 => Just(vec![0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
        1 => Just(vec![0, 8, 0, 7, 0, 1, 24, 0, 203, 0, 113]),
        1 => Just(vec![0, 12, 0, 1, 0]),
        1 => Just(vec![0, 99, 0, 1]),
    ];
    let edns = (0u16..1500, 0u8..6, any::<bool>(), options);
    let edns = proptest::option::of(edns);
    let odd = prop_oneof![12 => Just(0i8), 1 => -6i8..0, 1 => 1i8..4];
    (asked, any::<u64>(), any::<u16>(), edns, odd).prop_map(
        |((asked, rtype, class), letters, flags, edns, odd)| {
            let mut message = vec![0x12, 0x34, (flags >> 8) as u8 & 0x07, flags as u8];
            message.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
            for (n, octet) in name(ASKED[asked]).octets().iter().enumerate() {
                let is_upper = octet.is_ascii_lowercase() && letters >> (n % 64) & 1 == 1;
                message.push(if is_upper { octet - 32 } else { *octet });
            }
            message.extend_from_slice(&TYPES[rtype].0.to_be_bytes());
            message.extend_from_slice(&class.to_be_bytes());
            if let Some((size, version, is_dnssec_ok, options)) = edns {
                message[11] = 1;
                message.extend_from_slice(&[0, 0, 41]);
                message.extend_from_slice(&size.to_be_bytes());
                let version = version.saturating_sub(4);
                message.extend_from_slice(&[0, version, u8::from(is_dnssec_ok) << 7, 0]);
                message.extend_from_slice(&(options.len() as u16).to_be_bytes());
                message.extend_from_slice(&options);
            }
            message.extend(std::iter::repeat_n(0, odd.max(0) as usize));
            message.truncate(message.len().saturating_add_signed(odd.min(0).into()));
            message
        },
    )
}

proptest! {
    #[test]
    fn both_ways_say_the_same(
        conduct in conduct(), messages in vec((message(), 0u8..4), 1..BATCH_MAX), seed in any::<u64>(),
    ) {
        let world = world(conduct);
        let mut workers = [Worker::new(seed), Worker::new(seed)];
        let mut outs = vec![[[0u8; OUT]; BATCH_MAX]; 2];
        let mut said = Vec::new();
        for (n, (worker, outs)) in workers.iter_mut().zip(&mut outs).enumerate() {
            let mut batch: Vec<_> = messages
                .iter()
                .zip(outs.iter_mut())
                .map(|((message, transport), out)| {
                    let transport = TRANSPORTS[usize::from(*transport)];
                    Exchange::new(transport, SocketAddr::from((CLIENT, 5353)), message, out)
                })
                .collect();
            let way = [respond, respond_wholly][n];
            way(&world, &mut batch, worker, Moment::ZERO);
            let counted: Vec<_> = batch.iter().map(|exchange| (exchange.len, exchange.tally)).collect();
            said.push(
                counted
                    .into_iter()
                    .zip(outs.iter())
                    .map(|((len, tally), out)| (out[..len].to_vec(), tally))
                    .collect::<Vec<_>>(),
            );
        }
        for (n, (direct, whole)) in said[0].iter().zip(&said[1]).enumerate() {
            prop_assert_eq!(direct, whole, "{:?}", messages[n]);
        }
    }
}

#[test]
fn both_ways_cut_at_the_same_octet() {
    let world = world(Conduct::default());
    for size in 600..700u16 {
        let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        message.extend_from_slice(name("long.law.test.").octets());
        message.extend_from_slice(&[0, 16, 0, 1, 0, 0, 41]);
        message.extend_from_slice(&size.to_be_bytes());
        message.extend_from_slice(&[0; 6]);
        let said = [respond, respond_wholly].map(|way| {
            let mut out = [0; OUT];
            let client = SocketAddr::from((CLIENT, 5353));
            let mut batch = [Exchange::new(Transport::Udp, client, &message, &mut out)];
            way(&world, &mut batch, &mut Worker::new(1), Moment::ZERO);
            (batch[0].len, batch[0].tally)
        });
        assert_eq!(said[0], said[1], "{size}");
    }
}
