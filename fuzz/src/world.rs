//! One published world with every kind of name, and the engine asked in it.
//!
//! In: a query's octets. Out: the reply's. Never here: what a reply must be.

use std::net::SocketAddr;
use std::sync::Arc;

use leeward::answer::{Exchange, Transport, Worker, World, respond};
use leeward::clock::Moment;
use leeward::compile::compile_zone;
use leeward::config::read_zone;
use leeward::health::Status;
use leeward::geo::{LocationsBuilder, Network, Place};
use leeward::view::{Fold, HealthView, Inputs};
use leeward::zone::{ServedZone, Snapshot};

use crate::{Shelf, source};

/// A zone of every policy, record and kind of name.
pub const ZONE: &str = r#"
zone = "example.com"
ttl = "30s"
[checks.web]
type = "tcp"
port = 80
[pools]
east = { check = "web", members = ["192.0.2.1", "192.0.2.2", "2001:db8::1"] }
west = { check = "web", members = ["192.0.2.3", "2001:db8::3"] }
away = { members = [{ target = "cdn.example.net." }] }
many = { members = ["192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14", "192.0.2.15", "192.0.2.16", "192.0.2.17", "192.0.2.18"] }
[names]
"@".NS = ["ns1.example.net.", "ns.example.com."]
"@".MX = "10 mail"
ns.A = "192.0.2.53"
mail.A = "192.0.2.25"
mail.AAAA = "2001:db8::25"
www = { failover = ["east", "west"] }
share = { weighted = { east = 3, west = 1 } }
geo = { geo = { EU = "east", NA = "west", default = "many" } }
subnets = { subnets = { "198.51.100.0/24" = "east", default = "west" } }
far = "away"
many = "many"
old.CNAME = "www"
out.CNAME = "cdn.example.net."
"*.wild".A = "192.0.2.60"
"*.wild".TXT = "a text that is neither long nor short"
sub.NS = "ns.sub"
"ns.sub".A = "192.0.2.61"
text.TXT = ["0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "b"]
"_sip._udp".SRV = "1 2 5060 mail"
svc.HTTPS = "1 . alpn=h2"
"a.b.c".A = "192.0.2.62"
"#;

/// A world, its worker, and room for replies.
pub struct Theatre {
    world: World,
    worker: Worker,
    out: Vec<u8>,
}

impl Theatre {
    /// Publishes [`ZONE`], one pool unhealthy.
    pub fn open() -> Self {
        let (model, found) = read_zone(&source(ZONE), &Shelf);
        let model = model.unwrap_or_else(|| panic!("{found:#?}"));
        let zone = compile_zone(&model, 1).expect("it is small");
        let place = |text: &str, prefix: &str| Network {
            prefix: prefix.parse().expect("a prefix"),
            place: Place::parse(text).expect("a place"),
        };
        let networks = [place("EU-DE", "10.1.0.0/16"), place("NA-US", "10.2.0.0/16")];
        let locations = Arc::new(LocationsBuilder::new().networks(&networks).build());
        let mut inputs = Inputs::uniform(&zone.policies, Status::Healthy);
        if let Some(status) = inputs.statuses.first_mut() {
            *status = Status::Unhealthy;
        }
        let view = Fold::new(&zone.policies, inputs).view();
        let served = ServedZone::new(zone, &locations);
        let world = World {
            snapshot: Arc::new(Snapshot::new(vec![served], locations)),
            view: HealthView::new([view]),
            serving: Arc::default(),
            generation: 1,
        };
        Self {
            world,
            worker: Worker::new(7),
            out: vec![0; 65_535],
        }
    }

    /// Asks once; an empty reply is silence.
    pub fn ask(&mut self, transport: Transport, input: &[u8]) -> &[u8] {
        let client = SocketAddr::from(([10, 1, 0, 9], 5353));
        let mut batch = [Exchange::new(transport, client, input, &mut self.out)];
        respond(&self.world, &mut batch, &mut self.worker, Moment::ZERO);
        let len = batch[0].len;
        &self.out[..len]
    }
}
