//! The resolver against a parent and a name server on loopback; the cache's time is given, so that nothing waits for a
//! TTL.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_server::Server;
use hickory_server::proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_server::proto::rr::{LowerName, Name, RecordType};
use tokio::net::UdpSocket;

use super::ask::ask;
use super::parent::{publish_parent, publish_text};
use super::resolver::{Failure, Resolver};
use super::world::{Outside, OutsidePlan, OutsideSockets};
use crate::clock::{Clock, Moment};
use crate::health::{Endpoint, Status, TargetId};
use crate::lab::region::LAB_ZONE_FILE;
use crate::metrics::{QueryCounters, QueryTotals};
use crate::publish::{Current, Publisher};
use crate::server::hickory::FailoverZones;
use crate::wire;

/// A name server on hickory-server, on any port.
struct NameServer {
    address: SocketAddr,
    counters: Arc<QueryCounters>,
    _server: Server<FailoverZones>,
}

impl NameServer {
    async fn start(current: &Arc<Current>) -> Self {
        let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let tcp = tcp.expect("loopback is free");
        let address = tcp.local_addr().expect("bound");
        let udp = UdpSocket::bind(address).await.expect("the port is free");
        let zones = FailoverZones::alone(current, Clock::start());
        let counters = Arc::clone(zones.counters());
        let mut server = Server::new(zones);
        server.register_socket(udp);
        server.register_listener(tcp, std::time::Duration::from_secs(20), 16);
        Self {
            address,
            counters,
            _server: server,
        }
    }

    fn answered(&self) -> u64 {
        QueryTotals::sum(std::slice::from_ref(&self.counters)).answered()
    }
}

/// Leeward with the zone of the lab, the parent, and a resolver that knows the parent alone.
struct World {
    publisher: Publisher,
    server: NameServer,
    parent: NameServer,
    resolver: Resolver,
}

impl World {
    async fn start() -> Self {
        let publisher = publish_text(LAB_ZONE_FILE.to_owned()).expect("it ships");
        let server = NameServer::start(&publisher.current()).await;
        let apexes = ["lab.example"].map(|apex| wire::Name::parse_absolute(apex).expect("a name"));
        let parent = publish_parent(&apexes, server.address.ip()).expect("no faults");
        let parent = NameServer::start(&parent).await;
        let resolver = resolver(&parent, server.address.port());
        Self {
            publisher,
            server,
            parent,
            resolver,
        }
    }

    /// Asks the resolver at a second; returns the addresses and their remaining TTL, seconds.
    async fn look_up(&self, second: u64) -> (Vec<IpAddr>, u32) {
        let www = name("www.lab.example.");
        let found = self.resolver.look_up(&www, Moment::from_secs(second)).await;
        let mut found = found.expect("an answer");
        found.addresses.sort();
        (found.addresses, found.ttl_left)
    }

    /// Lets every endpoint of a region fail.
    fn kill(&mut self, third: u8) {
        let published = self.publisher.current().load();
        let targets = published.snapshot.zones[0].zone.policies.targets.iter();
        let is_there = |endpoint: &Endpoint| match endpoint {
            Endpoint::Address(address) => region(third).contains(address),
            _ => false,
        };
        let dead: Vec<_> = (0..)
            .map(TargetId)
            .zip(targets)
            .filter(|(_, target)| is_there(&target.probe.endpoint))
            .map(|(id, _)| (id, Status::Unhealthy))
            .collect();
        assert_eq!(dead.len(), 2, "two members");
        self.publisher.observe(&dead);
    }

    /// Asks the server itself.
    async fn ask_server(&self) -> Vec<IpAddr> {
        let query = Query::query(name("www.lab.example."), RecordType::A);
        let reply = ask(self.server.address, &query).await.expect("an answer");
        let addresses = reply
            .answers
            .iter()
            .filter_map(|record| record.data.ip_addr());
        let mut addresses: Vec<_> = addresses.collect();
        addresses.sort();
        addresses
    }
}

fn resolver(parent: &NameServer, port: u16) -> Resolver {
    Resolver::new(LowerName::new(&name("example.")), parent.address, port)
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

fn region(third: u8) -> Vec<IpAddr> {
    [1, 2]
        .map(|last| IpAddr::from([127, 0, third, last]))
        .to_vec()
}

const EAST: u8 = 1;
const WEST: u8 = 2;

#[tokio::test]
async fn the_server_moves_at_once_and_clients_behind_the_resolver_after_the_ttl() {
    let mut world = World::start().await;
    assert_eq!(world.look_up(100).await, (region(EAST), 5));
    assert_eq!((world.parent.answered(), world.server.answered()), (1, 1));
    assert_eq!(world.look_up(102).await, (region(EAST), 3));
    world.kill(EAST);
    assert_eq!(world.ask_server().await, region(WEST));
    assert_eq!(world.look_up(104).await, (region(EAST), 1));
    assert_eq!(world.server.answered(), 2, "the cache answered");
    assert_eq!(world.look_up(105).await, (region(WEST), 5));
    assert_eq!(world.look_up(106).await, (region(WEST), 4));
    assert_eq!(world.server.answered(), 3);
}

#[tokio::test]
async fn the_delegation_is_followed_and_kept_for_its_ttl() {
    let world = World::start().await;
    for second in [0, 5, 10, 59] {
        world.look_up(second).await;
        assert_eq!(world.parent.answered(), 1, "second {second}");
    }
    world.look_up(64).await;
    assert_eq!(world.parent.answered(), 2, "the delegation has passed");
    // Where the delegation leads nowhere, there is no answer.
    let www = name("www.lab.example.");
    let closed = UdpSocket::bind("127.0.0.1:0")
        .await
        .expect("loopback is free");
    let port = closed.local_addr().expect("bound").port();
    drop(closed);
    let astray = resolver(&world.parent, port)
        .look_up(&www, Moment::ZERO)
        .await;
    assert_eq!(astray, Err(Failure::NoServer));
    // Where there is no delegation, the parent's word stands.
    let orphaned = publish_parent(&[], world.server.address.ip()).expect("no faults");
    let orphaned = NameServer::start(&orphaned).await;
    let orphaned = resolver(&orphaned, world.server.address.port());
    let found = orphaned.resolve(&www, RecordType::A, Moment::ZERO).await;
    assert_eq!(found.expect("a denial").rcode, ResponseCode::NXDomain);
}

#[tokio::test]
async fn denials_are_kept_and_names_elsewhere_are_not_looked_up() {
    let world = World::start().await;
    let nowhere = name("nowhere.lab.example.");
    for second in [0, 1] {
        let now = Moment::from_secs(second);
        let found = world.resolver.resolve(&nowhere, RecordType::A, now).await;
        assert_eq!(found.expect("a denial").rcode, ResponseCode::NXDomain);
        assert_eq!(world.server.answered(), 1);
    }
    let elsewhere = name("www.example.org.");
    let found = world.resolver.look_up(&elsewhere, Moment::ZERO).await;
    assert_eq!(found, Err(Failure::Elsewhere));
}

#[tokio::test]
async fn answers_that_are_cut_are_asked_for_by_tcp() {
    let texts: Vec<_> = (0..12)
        .map(|n| format!("\"{n}{}\"", "x".repeat(200)))
        .collect();
    let zone = format!(
        "zone = \"big.example\"\nttl = \"9s\"\n[names]\n\"@\".NS = \"ns1\"\nns1.A = \"127.0.0.1\"\nlarge.TXT = [{}]\n",
        texts.join(", ")
    );
    let publisher = publish_text(zone).expect("no faults");
    let server = NameServer::start(&publisher.current()).await;
    let query = Query::query(name("large.big.example."), RecordType::TXT);
    let reply = ask(server.address, &query).await.expect("an answer");
    assert_eq!(
        (reply.answers.len(), reply.metadata.truncation),
        (12, false)
    );
    assert_eq!(server.answered(), 2, "once by UDP, once by TCP");
}

/// A client of the resolver, over its socket.
async fn ask_as_client(server: SocketAddr, owner: &str, is_recursive: bool) -> Message {
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = is_recursive;
    message.add_query(Query::query(name(owner), RecordType::A));
    message.set_edns(Default::default());
    let socket = UdpSocket::bind("127.0.0.1:0")
        .await
        .expect("loopback is free");
    socket.connect(server).await.expect("a route");
    socket
        .send(&message.to_vec().expect("a message"))
        .await
        .expect("sent");
    let mut octets = [0; 1_232];
    let patience = std::time::Duration::from_secs(20);
    let len = tokio::time::timeout(patience, socket.recv(&mut octets)).await;
    let len = len.expect("in time").expect("a reply");
    Message::from_vec(&octets[..len]).expect("a message")
}

#[tokio::test]
async fn clients_are_answered_with_recursion_and_told_why_not() {
    let publisher = publish_text(LAB_ZONE_FILE.to_owned()).expect("it ships");
    let server = NameServer::start(&publisher.current()).await;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let sockets = OutsideSockets::bind(any, any)
        .await
        .expect("loopback is free");
    let plan = OutsidePlan {
        apexes: vec![wire::Name::parse_absolute("lab.example").expect("a name")],
        name_server: server.address,
        clock: Clock::start(),
    };
    let outside = Outside::start(sockets, plan).expect("it starts");
    let at = outside.resolver_address;
    let early = ask_as_client(at, "www.lab.example.", false).await;
    assert_eq!(early.metadata.response_code, ResponseCode::Refused);
    let reply = ask_as_client(at, "www.lab.example.", true).await;
    assert!(reply.metadata.recursion_available && !reply.metadata.authoritative);
    assert_eq!(reply.answers.len(), 2);
    let later = ask_as_client(at, "www.lab.example.", false).await;
    assert_eq!(later.answers.len(), 2, "it is in the cache now");
    let elsewhere = ask_as_client(at, "www.example.org.", true).await;
    assert_eq!(elsewhere.metadata.response_code, ResponseCode::Refused);
    let options = elsewhere
        .edns
        .expect("EDNS was asked for")
        .options()
        .as_ref()
        .to_vec();
    assert_eq!(
        u16::from(options[0].0),
        15,
        "an extended error: {options:?}"
    );
    let parent = ask_as_client(outside.parent_address, "www.lab.example.", false).await;
    assert_eq!((parent.answers.len(), parent.authorities.len()), (0, 1));
    let behind = outside.behind().look_up("www.lab.example.").await;
    assert_eq!(behind.map(|found| found.addresses.len()), Ok(2));
    outside.stop().await;
    let again = OutsideSockets::bind(at, any).await;
    assert!(again.is_ok(), "the socket outlived the world: {again:?}");
}

#[tokio::test]
async fn a_taken_address_is_named_with_who_wanted_it() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let taken = tokio::net::TcpListener::bind(any)
        .await
        .expect("loopback is free");
    let taken_at = taken.local_addr().expect("bound");
    let fault = OutsideSockets::bind(any, taken_at)
        .await
        .expect_err("taken");
    let wanted = format!("listen on {taken_at} for the parent zone: ");
    assert!(fault.to_string().starts_with(&wanted), "{fault}");
}
