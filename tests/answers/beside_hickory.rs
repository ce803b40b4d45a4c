//! The same questions to the engine and to the engine inside hickory-server: the answers are the same, record for record.
//!
//! In: every case of `tests/answers/` but those that are drawn by lot. Out: differences. A case that hickory-server decides
//! before any handler sees it is listed here, with what hickory-server says.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hickory_server::net::NetError;
use hickory_server::net::runtime::{Time, TokioTime};
use hickory_server::net::xfer::Protocol;
use hickory_server::proto::op::ResponseCode;
use hickory_server::proto::rr::Record;
use hickory_server::proto::serialize::binary::BinEncoder;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::{MessageResponse, MessageResponseBuilder};
use leeward::answer::{
    Cookies, Exchange, ServingOptions, Transport, WithoutCookie, Worker, World, respond,
};
use leeward::clock::{Clock, Moment};
use leeward::publish::Current;
use leeward::server::hickory::FailoverZones;
use leeward::wire::CookieSecrets;
use tokio::runtime::Runtime;

use super::ask::{Case, message};
use super::read::read_reply;
use super::stage::Stage;
use super::{TOPICS, read_topic};

/// Cases that hickory-server answers by itself, since it cannot read the message: FORMERR without a question, or silence
/// where there is no whole header.
const UNREADABLE: &[&str] = &[
    "another version before anything in it is judged",
    "two OPT records",
    "an OPT record that is not the root's",
    "a record longer than the message",
    "a response with another opcode",
    "shorter than a header",
    "nothing at all",
    "a question that ends too soon",
    "a compression pointer in the question",
    "a label type that nobody uses",
    "a label of 64 octets",
    "a name of 256 octets",
    "family 0 with source 0 comes back as it was",
    "fewer octets than the source prefix needs",
    "a source prefix of 33 for IPv4",
    "a source prefix of 129 for IPv6",
    "an unknown family",
    "family 0 with an address",
    "half an option",
];

/// Takes what is sent, cut as hickory-server cuts it.
#[derive(Clone)]
struct Sent {
    octets: Arc<Mutex<Vec<u8>>>,
    protocol: Protocol,
}

#[async_trait]
impl ResponseHandler for Sent {
    async fn send_response<'a>(
        &mut self,
        response: MessageResponse<
            '_,
            'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
        >,
    ) -> Result<ResponseInfo, NetError> {
        let mut octets = Vec::new();
        let mut encoder = BinEncoder::new(&mut octets);
        encoder.set_max_size(match (self.protocol, response.edns()) {
            (Protocol::Udp, Some(edns)) => edns.max_payload(),
            (Protocol::Udp, None) => 512,
            _ => u16::MAX,
        });
        let info = response.destructive_emit(&mut encoder)?;
        *self.octets.lock().expect("no test panics with it") = octets;
        Ok(info)
    }
}

/// Asks a handler; `None` if hickory-server cannot read the message, nothing for silence.
fn ask<H: RequestHandler>(
    zones: &H,
    client: SocketAddr,
    protocol: Protocol,
    input: &[u8],
) -> Option<Vec<u8>> {
    let request = Request::from_bytes(input.to_vec(), client, protocol).ok()?;
    let sent = Sent {
        octets: Arc::default(),
        protocol,
    };
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(zones.handle_request::<_, TokioTime>(&request, sent.clone()));
    let octets = sent.octets.lock().expect("no test panics with it").clone();
    Some(octets)
}

/// What the comparison of all cases found.
#[derive(Default)]
struct Compared {
    differences: Vec<String>,
    unreadable: BTreeSet<String>,
}

fn compare(stage: &Stage, case: &Case, found: &mut Compared) {
    let differences = &mut found.differences;
    let input = message(case);
    let ours = stage.ask(case, &input, 1);
    let protocol = if case.is_tcp {
        Protocol::Tcp
    } else {
        Protocol::Udp
    };
    let zones = FailoverZones::alone(&Current::new(stage.world(&case.down)), Clock::start());
    let client = SocketAddr::new(case.from, 5353);
    let title = case.title.as_str();
    let Some(theirs) = ask(&zones, client, protocol, &input) else {
        found.unreadable.insert(title.to_owned());
        return;
    };
    if ours.is_empty() || theirs.is_empty() {
        if ours.len() != theirs.len() {
            differences.push(format!(
                "{title}: {} and {} octets",
                ours.len(),
                theirs.len()
            ));
        }
        return;
    }
    if theirs.len() > case.size_max {
        differences.push(format!("{title}: {} octets", theirs.len()));
    }
    let (ours, theirs) = (read_reply(&input, &ours), read_reply(&input, &theirs));
    if ours != theirs {
        let text = |reply| match reply {
            Ok(reply) => format!("{reply}"),
            Err(fault) => fault,
        };
        differences.push(format!(
            "{title}\n  ours   {}\n  theirs {}",
            text(ours),
            text(theirs)
        ));
    }
}

#[test]
fn says_inside_hickory_what_it_says_by_itself() {
    let mut found = Compared::default();
    let mut count = 0;
    // Draws differ from worker to worker, as they must.
    for topic in TOPICS.iter().filter(|topic| **topic != "draws") {
        let (stage, cases) = read_topic(topic);
        count += cases.len();
        for case in &cases {
            compare(&stage, case, &mut found);
        }
    }
    assert!(count > 100, "{count} cases");
    assert!(
        found.differences.is_empty(),
        "{}",
        found.differences.join("\n")
    );
    let unreadable = UNREADABLE.iter().map(|title| (*title).to_owned());
    let unreadable: BTreeSet<String> = unreadable.collect();
    assert_eq!(found.unreadable, unreadable);
}

/// Says REFUSED with RA set, which our engine never sets.
struct Elsewhere;

#[async_trait]
impl RequestHandler for Elsewhere {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut responses: R,
    ) -> ResponseInfo {
        let mut response = MessageResponseBuilder::new(&request.queries, None)
            .error_msg(&request.metadata, ResponseCode::Refused);
        response.metadata_mut().recursion_available = true;
        let sent = responses.send_response(response).await;
        sent.expect("the test takes it")
    }
}

const ZONE: &str =
    "zone = \"ours.example\"\n[names]\n\"@\".NS = \"ns.example.net.\"\nwww.A = \"192.0.2.1\"\n";

/// A query for an address, with these options in an OPT record.
fn query(owner: &str, options: &[u8]) -> Vec<u8> {
    let mut octets = vec![0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in owner.split('.') {
        octets.push(label.len() as u8);
        octets.extend(label.bytes());
    }
    octets.extend([
        0,
        0,
        1,
        0,
        1,
        0,
        0,
        41,
        4,
        208,
        0,
        0,
        0,
        0,
        0,
        options.len() as u8,
    ]);
    octets.extend(options);
    octets
}

#[test]
fn names_outside_our_zones_are_the_other_handler_s() {
    let current = Current::new(Stage::new(&[ZONE]).world(&[]));
    let zones = FailoverZones::beside(&current, Clock::start(), Elsewhere);
    let client = SocketAddr::from(([192, 0, 2, 53], 5353));
    for (owner, is_ours) in [
        ("www.ours.example", true),
        ("nowhere.OURS.example", true),
        ("ours.example", true),
        ("example", false),
        ("www.yours.example", false),
        ("www.ours.example.org", false),
    ] {
        let reply = ask(&zones, client, Protocol::Tcp, &query(owner, &[])).expect("readable");
        assert_eq!(reply[3] & 0x80 == 0, is_ours, "{owner}: {reply:02x?}");
        assert_eq!(reply[2] & 0x04 != 0, is_ours, "{owner}: {reply:02x?}");
    }
}

#[test]
fn cookies_and_extended_errors_pass() {
    let cookies = Cookies {
        secrets: CookieSecrets::new([7; 16], None),
        without: WithoutCookie::BadCookie,
    };
    let serving = ServingOptions {
        cookies: Some(cookies),
        has_extended_errors: true,
        ..ServingOptions::default()
    };
    let world = World {
        serving: Arc::new(serving),
        ..Stage::new(&[ZONE]).world(&[])
    };
    let client = SocketAddr::from(([192, 0, 2, 53], 5353));
    let zones = FailoverZones::alone(&Current::new(world.clone()), Clock::start());
    let mine = [&[0, 10, 0, 8][..], b"my nonce"].concat();
    let input = query("www.ours.example", &mine);
    let reply = ask(&zones, client, Protocol::Udp, &input).expect("readable");
    let at = reply.windows(8).position(|part| part == b"my nonce");
    let cookie = &reply[at.expect("it comes back")..][..24];
    assert_eq!(
        read_reply(&input, &reply).expect("a reply").rcode,
        "BADCOOKIE"
    );
    // Its cookie opens the door of either.
    let shown = [&[0, 10, 0, 24][..], cookie].concat();
    let input = query("www.ours.example", &shown);
    let reply = ask(&zones, client, Protocol::Udp, &input).expect("readable");
    assert_eq!(read_reply(&input, &reply).expect("a reply").answer.len(), 1);
    let elsewhere = query("www.example.org", &shown);
    let theirs = ask(&zones, client, Protocol::Udp, &elsewhere).expect("readable");
    let mut out = vec![0; 4_096];
    let mut worker = Worker::new(1);
    worker.set_wall(Clock::start().wall());
    let mut batch = [Exchange::new(Transport::Udp, client, &elsewhere, &mut out)];
    respond(&world, &mut batch, &mut worker, Moment::ZERO);
    let len = batch[0].len;
    let without_time = |reply: &[u8]| {
        let reply = read_reply(&elsewhere, reply).expect("a reply");
        let (before, after) = reply
            .opt
            .as_deref()
            .and_then(|opt| opt.split_once("option 15"))?;
        Some((
            reply.rcode.clone(),
            before.starts_with("udp 1232"),
            after.to_owned(),
        ))
    };
    let ours = without_time(&out[..len]).expect("an extended error");
    assert_eq!(without_time(&theirs), Some(ours));
}
