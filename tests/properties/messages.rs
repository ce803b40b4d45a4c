//! Laws of the one way from a question to its octets, over random zones, limits and conducts of the server.
//!
//! - What serving writes at once is what the plain value of the same answer is written as.
//! - A limit cuts a message by whole RRsets: optional additionals from the end, then everything with TC set.
//! - A batch equals its exchanges one by one, whatever the limits and cookies.
//! - The lifetime that is counted is that of the records in the message.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use domain::base::ParsedName;
use domain::base::message::Message;
use domain::base::message::RecordSection;
use domain::rdata::AllRecordData;
use leeward::answer::{
    Answer, Any, BATCH_MAX, Chain, Chance, Client, Cookies, Exchange, Hosts, MessageWriter, NO_TTL,
    Prefixes, RateLimits, Rates, ServingOptions, Tally, Transport, WithoutCookie, Worker,
    ZoneQuestion, respond,
};
use leeward::clock::Moment;
use leeward::health::Status;
use leeward::view::{Fold, Inputs};
use leeward::wire::{CookieSecrets, HEADER_LEN, Name, QueryName, ResponseEdns, Rtype};
use proptest::collection::vec;
use proptest::prelude::*;

use super::trees::{Served, zone};

/// Room for any message.
const OUT: usize = 65_535;
/// What clients ask from.
const CLIENT: [u8; 4] = [198, 51, 100, 9];
/// Names below the apex of a random zone.
const NAMES: [&str; 11] = [
    "www", "static", "x.wild", "q.old", "x.old", "x.sub", "mail", "nope", "sub", "ns.sub", "old",
];
const TYPES: [Rtype; 10] = [
    Rtype::A,
    Rtype::AAAA,
    Rtype::MX,
    Rtype::TXT,
    Rtype::NS,
    Rtype::CNAME,
    Rtype::DNAME,
    Rtype::DS,
    Rtype::ANY,
    Rtype::HTTPS,
];
/// A zone with every kind of answer: rotated, long, aliases, glue, drawn, picked, none while all are down.
const EVERY_KIND: &str = r#"
zone = "example.com"
[names]
"@" = { NS = ["one", "ns.example.net."], MX = ["10 one", "20 three"] }
one.A = "192.0.2.1"
three = { A = ["192.0.2.1", "192.0.2.2", "192.0.2.3"], AAAA = ["2001:db8::1", "2001:db8::2"] }
long.TXT = ["LONG1", "LONG2", "LONG3"]
alias.CNAME = "three"
"*.wild".A = ["192.0.2.4", "192.0.2.5"]
"*.aliases".CNAME = "many"
cut.NS = ["ns.cut", "ns2.cut", "one"]
"ns.cut".A = "192.0.2.6"
"ns2.cut" = { A = "192.0.2.7", AAAA = "2001:db8::7" }
old.DNAME = "new"
"www.new".A = "192.0.2.8"
many = { to = "many", answers = 20 }
drawn = { weighted = { many = 1, few = 3 }, sticky = true }
nodata = { to = "down", all-down = "nodata" }
servfail = { to = "down", all-down = "servfail" }
[checks.tcp]
type = "tcp"
port = 80
[pools.many]
members = [MANY]
[pools.few]
members = ["198.51.100.1", "198.51.100.2", "2001:db8::9"]
[pools.down]
check = "tcp"
members = ["203.0.113.1"]
"#;
const ASKED: [&str; 19] = [
    "",
    "many",
    "drawn",
    "nodata",
    "servfail",
    "one",
    "three",
    "long",
    "alias",
    "none",
    "x.wild",
    "x.aliases",
    "cut",
    "below.cut",
    "ns.cut",
    "old",
    "www.old",
    "x.old",
    "_explain.one",
];

/// The zone of [`EVERY_KIND`], its checked pool down.
fn every_kind() -> (Served, Inputs) {
    let members: Vec<String> = (0..20).map(|n| format!("\"198.51.100.{n}\"")).collect();
    let mut text = EVERY_KIND.replace("MANY", &members.join(", "));
    for number in 1..=3 {
        let long = number.to_string().repeat(200);
        text = text.replace(&format!("LONG{number}"), &long);
    }
    let served = Served::new(&text);
    let inputs = Inputs::uniform(&served.zone().zone.policies, Status::Unhealthy);
    (served, inputs)
}

fn owner(relative: &str) -> Name {
    let text = match relative {
        "" => "example.com.".to_owned(),
        relative => format!("{relative}.example.com."),
    };
    Name::parse_absolute(&text).expect("a name")
}

fn question(name: &Name, rtype: Rtype) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(name.octets());
    message.extend_from_slice(&rtype.0.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message
}

/// A message, whether TC is set in it, and how long it holds.
#[derive(Debug, PartialEq)]
struct Written {
    octets: Vec<u8>,
    is_truncated: bool,
    ttl: u32,
}

/// One question to a zone, with what its answer is drawn from.
struct Asking<'a> {
    served: &'a Served,
    inputs: Inputs,
    name: Name,
    rtype: Rtype,
    any: Any,
    seed: u64,
}

impl Asking<'_> {
    /// Writes the message: at once, or from the value of the answer.
    fn write(&self, is_value: bool, limits: [usize; 2], has_opt: bool) -> Written {
        let policies = &self.served.zone().zone.policies;
        let view = Fold::new(policies, self.inputs.clone()).view();
        let gathering = ZoneQuestion {
            served: self.served.zone(),
            view: &view,
            client: Client::new(IpAddr::from(CLIENT), None, &self.served.snapshot.locations),
            rtype: self.rtype,
            hosts: Hosts::Add,
            any: self.any,
            world: None,
        };
        let (mut name, mut chain) = (QueryName::default(), Chain::default());
        assert!(name.take(self.name.octets()));
        let mut chance = Chance::new(self.seed);
        let message = question(&self.name, self.rtype);
        let mut out = vec![0; OUT];
        let mut writer = MessageWriter::new(&message, limits[0], &mut out);
        if is_value {
            let mut answer = Answer::default();
            answer.reset(self.name.octets().len());
            gathering.gather(&name, &mut chain, &mut chance, &mut answer);
            answer.pour(&mut writer);
        } else {
            gathering.gather(&name, &mut chain, &mut chance, &mut writer);
        }
        let opt = ResponseEdns::default();
        let len = writer.finish(0x0100, limits[1], has_opt.then_some((&opt, 1232)));
        let (is_truncated, ttl) = (writer.is_truncated(), writer.ttl());
        out.truncate(len);
        Written {
            octets: out,
            is_truncated,
            ttl,
        }
    }
}

/// The records of answer, authority and additional, OPT left out, as owner, type and text.
fn sections(message: &[u8]) -> [Vec<(String, String, String)>; 3] {
    let message = Message::from_slice(message).expect("a message");
    let read = |section: RecordSection<'_, [u8]>| {
        section
            .map(|record| {
                let record = record.expect("a record");
                let record = record.into_record::<AllRecordData<_, ParsedName<_>>>();
                let record = record.expect("RDATA").expect("of a type");
                let rtype = record.rtype().to_string();
                (record.owner().to_string(), rtype, record.data().to_string())
            })
            .filter(|(_, rtype, _)| rtype != "OPT")
            .collect()
    };
    [
        read(message.answer().expect("a section")),
        read(message.authority().expect("a section")),
        read(message.additional().expect("a section")),
    ]
}

/// Says what is wrong with a message that was cut, beside the same without a limit.
fn cut_fault(whole: &Written, cut: &Written, limit: usize) -> Option<&'static str> {
    let ([answer, authority, additional], cut_sections) =
        (sections(&whole.octets), sections(&cut.octets));
    let [cut_answer, cut_authority, cut_additional] = &cut_sections;
    if cut.octets.len() > limit {
        return Some("it is longer than its limit");
    }
    if whole.octets.len() <= limit {
        return (whole != cut).then_some("it fits and is another");
    }
    if cut_sections.iter().all(Vec::is_empty) {
        return (!cut.is_truncated).then_some("it is empty and does not say so");
    }
    if (cut_answer, cut_authority) != (&answer, &authority) {
        return Some("what is required is not whole");
    }
    if !additional.starts_with(cut_additional) {
        return Some("additionals are not left out from the end");
    }
    let set = |record: &(String, String, String)| (record.0.clone(), record.1.clone());
    let [last, next] = [cut_additional.last(), additional.get(cut_additional.len())];
    if last.is_some() && last.map(set) == next.map(set) {
        return Some("an RRset is cut in two");
    }
    // In-domain glue lies at or below the owner of the NS records.
    let is_glue = next.is_some_and(|(owner, ..)| {
        let cut_at = authority.first().filter(|(_, rtype, _)| rtype == "NS");
        cut_at.is_some_and(|(cut_at, ..)| owner.ends_with(cut_at.as_str()))
    });
    (is_glue != cut.is_truncated).then_some("TC says something else than the glue")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn octets_written_at_once_are_those_of_the_value(
        random in zone(), relative in 0..NAMES.len(), rtype in 0..TYPES.len(), seed in any::<u64>(),
        first in 20usize..700, second in 20usize..700, has_opt in any::<bool>(), is_all in any::<bool>(),
    ) {
        let served = Served::new(&random.text());
        let asking = Asking {
            inputs: served.inputs(&random.fates),
            served: &served,
            name: owner(NAMES[relative]),
            rtype: TYPES[rtype],
            any: if is_all { Any::All } else { Any::One },
            seed,
        };
        for limits in [[OUT, OUT], [first.max(second), second]] {
            let [at_once, value] =
                [false, true].map(|is_value| asking.write(is_value, limits, has_opt));
            prop_assert_eq!(at_once, value, "{:?}\n{}", limits, random.text());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_limit_cuts_whole_rrsets(
        asked in 0..ASKED.len(), rtype in 0..TYPES.len(), seed in any::<u64>(),
        limit in 60usize..700, before in 60usize..700, has_opt in any::<bool>(),
    ) {
        let (served, inputs) = every_kind();
        let (name, rtype) = (owner(ASKED[asked]), TYPES[rtype]);
        let asking = Asking { served: &served, inputs, name, rtype, any: Any::One, seed };
        let whole = asking.write(false, [OUT, OUT], has_opt);
        let limit = limit.max(question(&asking.name, rtype).len() + 11);
        // The limit that counts may be known only after the records are there.
        for first in [limit, before.max(limit), OUT] {
            let cut = asking.write(false, [first, limit], has_opt);
            prop_assert_eq!(cut_fault(&whole, &cut, limit), None, "{} {:?}", &asking.name, rtype);
        }
    }
}

fn serving() -> impl Strategy<Value = ServingOptions> {
    let rate = prop_oneof![
        Just(None),
        (prop_oneof![1u32..4, 4u32..40], 0u8..3).prop_map(|(rate, slip)| Some((rate, slip)))
    ];
    let factor = prop_oneof![Just(None), (1u8..6).prop_map(Some)];
    (rate, factor, any::<bool>(), any::<bool>()).prop_map(|(rate, factor, has_cookies, says)| {
        let others = Prefixes::new(&["10.0.0.0/8".parse().expect("a prefix")]);
        ServingOptions {
            rate: rate.map(|(each, slip)| {
                let total = each * 2;
                RateLimits::new(Rates { each, total }, 1, slip, others)
            }),
            amplification_max: factor,
            has_extended_errors: says,
            cookies: has_cookies.then(|| Cookies {
                secrets: CookieSecrets::new([7; 16], None),
                without: WithoutCookie::BadCookie,
            }),
            ..ServingOptions::default()
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
    let edns = proptest::option::of((0u16..1500, 0u8..6, any::<bool>(), options));
    let odd = prop_oneof![12 => Just(0i8), 1 => -6i8..0, 1 => 1i8..4];
    (asked, any::<u64>(), any::<u16>(), edns, odd).prop_map(
        |((asked, rtype, class), letters, flags, edns, odd)| {
            let mut message = question(&owner(ASKED[asked]), TYPES[rtype]);
            (message[2], message[3]) = ((flags >> 8) as u8 & 0x07, flags as u8);
            let end = message.len();
            message[end - 2..].copy_from_slice(&class.to_be_bytes());
            for (n, octet) in message[HEADER_LEN..end - 4].iter_mut().enumerate() {
                let is_upper = octet.is_ascii_lowercase() && letters >> (n % 64) & 1 == 1;
                *octet -= if is_upper { 32 } else { 0 };
            }
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

/// How long the records of a message hold: the lowest TTL of its answer section, or what its SOA says.
fn lifetime(octets: &[u8]) -> Option<u32> {
    let message = Message::from_slice(octets).ok()?;
    let answer = message.answer().ok()?;
    let least = answer
        .filter_map(|record| Some(record.ok()?.ttl().as_secs()))
        .min();
    least.or_else(|| {
        let mut authority = message
            .authority()
            .ok()?
            .limit_to::<domain::rdata::Soa<_>>();
        let soa = authority.next()?.ok()?;
        Some(soa.ttl().as_secs().min(soa.data().minimum().as_secs()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_batch_under_limits_is_its_exchanges_one_by_one(
        serving in serving(), messages in vec((message(), 0usize..4), 1..=BATCH_MAX), seed in any::<u64>(),
    ) {
        // Half of them are datagrams.
        const TRANSPORTS: [Transport; 4] =
            [Transport::Udp, Transport::Udp, Transport::Tcp, Transport::Tls];
        let (served, inputs) = every_kind();
        let mut world = served.world(inputs);
        world.serving = Arc::new(serving);
        let client = SocketAddr::from((CLIENT, 5353));
        let answered = |exchange: &Exchange<'_>| -> (Vec<u8>, Tally) {
            (exchange.out[..exchange.len].to_vec(), exchange.tally)
        };
        let mut outs = vec![[0u8; 1500]; messages.len()];
        let exchanges = messages.iter().zip(&mut outs);
        let mut batch: Vec<_> = exchanges
            .map(|((message, via), out)| Exchange::new(TRANSPORTS[*via], client, message, out))
            .collect();
        respond(&world, &mut batch, &mut Worker::new(seed), Moment::ZERO);
        let mut alone = Worker::new(seed);
        for ((message, via), exchange) in messages.iter().zip(&batch) {
            let mut out = [0u8; 1500];
            let mut single = [Exchange::new(TRANSPORTS[*via], client, message, &mut out)];
            respond(&world, &mut single, &mut alone, Moment::ZERO);
            let (octets, tally) = answered(&single[0]);
            prop_assert_eq!(&answered(exchange), &(octets.clone(), tally), "{:02x?}", message);
            if !octets.is_empty() {
                prop_assert_eq!(tally.ttl, lifetime(&octets).unwrap_or(NO_TTL), "{:02x?}", octets);
            }
        }
    }
}
