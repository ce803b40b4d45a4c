//! A zone under serving options, queries with EDNS options, and replies as text.

use std::net::SocketAddr;
use std::sync::Arc;

use domain::base::iana::OptRcode;
use domain::base::message::Message;
use domain::base::opt::UnknownOptData;
use leeward::answer::{
    Cookies, Exchange, Identity, ServingOptions, Tally, Transport, WithoutCookie, Worker, World,
    respond,
};
use leeward::clock::{Moment, WallTime};
use leeward::geo::Locations;
use leeward::health::Status;
use leeward::view::{Fold, HealthView, Inputs};
use leeward::wire::CookieSecrets;
use leeward::zone::Snapshot;

use crate::zones::{read, serve};

const ZONE: &str = r#"
zone = "example.com"
[soa]
serial = 7
[checks.web]
type = "tcp"
port = 80
[pools.dead]
check = "web"
members = ["192.0.2.1"]
[names]
"@".NS = ["ns1", "ns2.example.net."]
"@".MX = ["10 mail", "20 mail.example.net."]
ns1.A = "192.0.2.53"
mail.A = "192.0.2.25"
mail.AAAA = "2001:db8::25"
www.A = ["192.0.2.10", "192.0.2.11"]
www.AAAA = ["2001:db8::10", "2001:db8::11"]
many.AAAA = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "2001:db8::5", "2001:db8::6"]
large.TXT = ["LARGE", "LARGE2", "LARGE3"]
sub.NS = ["a.sub", "b.sub"]
"a.sub".A = "192.0.2.1"
"b.sub".A = "192.0.2.2"
[names.lost]
failover = ["dead"]
all-down = "servfail"
"#;

/// Where queries come from unless a test says otherwise.
pub(crate) const CLIENT: &str = "203.0.113.9:5353";
/// Unix time of the first query.
pub(crate) const START_SECS: i64 = 2_000_000_000;

/// A server with one worker.
pub(crate) struct Stage {
    world: World,
    worker: Worker,
    pub(crate) now_millis: u64,
}

/// A reply as it was sent, and what was counted.
pub(crate) struct Reply {
    pub(crate) octets: Vec<u8>,
    pub(crate) tally: Tally,
}

impl Stage {
    pub(crate) fn new(serving: ServingOptions) -> Self {
        let large = ["x", "y", "z"].map(|letter| letter.repeat(250));
        let text = ZONE
            .replace("LARGE2", &large[1])
            .replace("LARGE3", &large[2])
            .replace("LARGE", &large[0]);
        let locations = Arc::new(Locations::unknown());
        let served = serve(&read(&text), &locations);
        let policies = &served.zone.policies;
        let inputs = Inputs::uniform(policies, Status::Unhealthy);
        let view = Fold::new(policies, inputs).view();
        let world = World {
            snapshot: Arc::new(Snapshot::new(vec![served], locations)),
            view: HealthView::new([view]),
            serving: Arc::new(serving),
            generation: 1,
        };
        Self {
            world,
            worker: Worker::new(7),
            now_millis: 0,
        }
    }

    /// Sends a message; the reply is empty for silence.
    pub(crate) fn send(&mut self, via: Transport, from: &str, message: &[u8]) -> Reply {
        let mut out = vec![0xaa; if via == Transport::Udp { 4096 } else { 65_535 }];
        let client: SocketAddr = from.parse().expect("an address with a port");
        let wall = START_SECS * 1000 + self.now_millis as i64;
        self.worker.set_wall(WallTime::from_millis(wall));
        let mut batch = [Exchange::new(via, client, message, &mut out)];
        let now = Moment::from_millis(1_000 + self.now_millis);
        respond(&self.world, &mut batch, &mut self.worker, now);
        let (len, tally) = (batch[0].len, batch[0].tally);
        out.truncate(len);
        Reply { octets: out, tally }
    }

    pub(crate) fn ask(&mut self, question: &str, options: &[u8]) -> Reply {
        self.send(Transport::Udp, CLIENT, &query(question, Some(options)))
    }
}

/// Cookies with a fixed secret.
pub(crate) fn cookies(without: WithoutCookie) -> Option<Cookies> {
    let secrets = CookieSecrets::parse("e5e973e5a6b2a43f48e7dc849e37bfcf").expect("a secret");
    Some(Cookies { secrets, without })
}

/// Everything on, nothing limited.
pub(crate) fn talkative() -> ServingOptions {
    ServingOptions {
        cookies: cookies(WithoutCookie::Answer),
        identity: Identity::new(Some(b"ns1"), Some("host-1"), Some("9.9")),
        has_extended_errors: true,
        ..ServingOptions::default()
    }
}

/// Writes a query for `NAME TYPE [CLASS]`, numbers allowed; with an OPT record if there are options, even none.
pub(crate) fn query(question: &str, options: Option<&[u8]>) -> Vec<u8> {
    let mut words = question.split(' ');
    let mut message = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let name = words.next().expect("a name");
    for label in name.split('.').filter(|label| !label.is_empty()) {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    let rtype: u16 = match words.next().expect("a type") {
        "A" => 1,
        "NS" => 2,
        "SOA" => 6,
        "MX" => 15,
        "TXT" => 16,
        "AAAA" => 28,
        "AXFR" => 252,
        "ANY" => 255,
        number => number.parse().expect("a type"),
    };
    message.extend(rtype.to_be_bytes());
    message.extend([0, if words.next() == Some("CH") { 3 } else { 1 }]);
    if let Some(options) = options {
        message[11] = 1;
        message.extend([0, 0, 41, 4, 208, 0, 0, 0, 0]);
        message.extend((options.len() as u16).to_be_bytes());
        message.extend(options);
    }
    message
}

/// Writes an option.
pub(crate) fn option(code: u16, content: &[u8]) -> Vec<u8> {
    let len = (content.len() as u16).to_be_bytes();
    [&code.to_be_bytes()[..], &len, content].concat()
}

impl Reply {
    pub(crate) fn message(&self) -> &Message<[u8]> {
        Message::from_slice(&self.octets).expect("a message")
    }

    /// Returns `RCODE`, with `tc` behind it if that is set; or `silence`.
    pub(crate) fn outcome(&self) -> String {
        if self.octets.is_empty() {
            return "silence".to_owned();
        }
        let rcode = match self.message().opt_rcode() {
            OptRcode::BADVERS => "BADVERS".to_owned(),
            rcode => rcode.to_string(),
        };
        let tc = if self.message().header().tc() {
            " tc"
        } else {
            ""
        };
        format!("{rcode}{tc}")
    }

    /// Counts the records of the answer section.
    pub(crate) fn answers(&self) -> u16 {
        self.message().header_counts().ancount()
    }

    /// Returns the content of an option; walks the whole message, so that its end is where it must be.
    pub(crate) fn option(&self, code: u16) -> Option<Vec<u8>> {
        let options = self.options();
        let found = options.into_iter().find(|(found, _)| *found == code);
        found.map(|(_, content)| content)
    }

    /// Returns every option as `domain` reads it.
    pub(crate) fn options(&self) -> Vec<(u16, Vec<u8>)> {
        let message = self.message();
        let mut records = message.additional().expect("sections parse");
        assert!(records.all(|record| record.is_ok()), "records parse");
        let Some(opt) = message.opt() else {
            return Vec::new();
        };
        let options = opt.opt().iter::<UnknownOptData<_>>();
        options
            .map(|option| {
                let option = option.expect("options parse");
                (option.code().to_int(), option.as_slice().to_vec())
            })
            .collect()
    }
}
