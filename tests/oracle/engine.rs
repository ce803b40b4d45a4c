//! The engine behind sockets of this process, over the records of grown and written zones.
//!
//! In: zones. Out: an address that answers over UDP and TCP. Never here: reading of master files by our own reader;
//! each record is handed to the builder as it is, so that what differs is the answer and not the file.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;

use leeward::answer::{Exchange, Fold, Inputs, Transport, View, Worker, World, respond};
use leeward::clock::Moment;
use leeward::health::Status;
use leeward::place::Locations;
use leeward::wire::{Name, Rtype, parse_rdata};
use leeward::zone::{PolicyBuilder, ServedZone, Snapshot, ZoneBuilder, build_maps};

use super::zone::{Zone, ttl};

/// Octets of the longest message.
const MESSAGE_MAX: usize = 65_535;

/// Serves zones until the process ends.
pub(crate) fn serve(ip: IpAddr, zones: &[&Zone]) -> SocketAddr {
    let world = Arc::new(world(zones));
    let (socket, listener) = bind(ip);
    let address = socket.local_addr().expect("a bound socket");
    let udp = Arc::clone(&world);
    std::thread::spawn(move || answer_datagrams(&udp, &socket));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer_stream(&world, stream);
        }
    });
    address
}

fn bind(ip: IpAddr) -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let socket = UdpSocket::bind((ip, 0)).expect("loopback has free ports");
        let address = socket.local_addr().expect("a bound socket");
        if let Ok(listener) = TcpListener::bind(address) {
            return (socket, listener);
        }
    }
    panic!("no port is free for UDP and TCP at {ip}");
}

fn answer_datagrams(world: &World, socket: &UdpSocket) {
    let mut worker = Worker::new(1);
    let mut room = vec![0; MESSAGE_MAX];
    while let Ok((len, client)) = socket.recv_from(&mut room) {
        let reply = reply(world, &mut worker, Transport::Udp, client, &room[..len]);
        if !reply.is_empty() {
            let _ = socket.send_to(&reply, client);
        }
    }
}

fn answer_stream(world: &World, mut stream: TcpStream) {
    let mut worker = Worker::new(1);
    let Ok(client) = stream.peer_addr() else {
        return;
    };
    let mut len = [0; 2];
    while stream.read_exact(&mut len).is_ok() {
        let mut query = vec![0; usize::from(u16::from_be_bytes(len))];
        if stream.read_exact(&mut query).is_err() {
            return;
        }
        let reply = reply(world, &mut worker, Transport::Tcp, client, &query);
        let len = u16::try_from(reply.len()).expect("a message");
        let framed = [&len.to_be_bytes(), &reply[..]].concat();
        if reply.is_empty() || stream.write_all(&framed).is_err() {
            return;
        }
    }
}

fn reply(
    world: &World,
    worker: &mut Worker,
    transport: Transport,
    client: SocketAddr,
    query: &[u8],
) -> Vec<u8> {
    let mut out = vec![0; MESSAGE_MAX];
    let mut batch = [Exchange::new(transport, client, query, &mut out)];
    respond(world, &mut batch, worker, Moment::ZERO);
    let len = batch[0].len;
    out.truncate(len);
    out
}

fn world(zones: &[&Zone]) -> World {
    let locations = Arc::new(Locations::unknown());
    let serve = |zone: &&Zone| {
        let zone = build(zone);
        let maps = build_maps(&zone.policies, &locations);
        ServedZone {
            zone: Arc::new(zone),
            maps,
        }
    };
    let snapshot = Snapshot::new(zones.iter().map(serve).collect(), Arc::clone(&locations));
    let views = snapshot.zones.iter().map(|served| {
        let policies = &served.zone.policies;
        Fold::new(policies, Inputs::uniform(policies, Status::Healthy)).view()
    });
    World {
        view: Arc::new(View {
            zones: views.collect(),
        }),
        snapshot: Arc::new(snapshot),
        conduct: Arc::default(),
        generation: 1,
    }
}

fn build(zone: &Zone) -> leeward::zone::Zone {
    let root = Name::root();
    let name =
        |text: &str| Name::parse(text, &root).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    let octets = |rtype: &str, text: &str| {
        let rtype = Rtype::parse(rtype).expect("a type");
        let parsed = parse_rdata(rtype, text, &root);
        parsed
            .unwrap_or_else(|fault| panic!("{rtype} {text}: {fault:?}"))
            .octets
    };
    let apex = name(&zone.apex);
    let soa_text = zone.records[&zone.apex]["SOA"]
        .first()
        .expect("an SOA record");
    let soa = octets("SOA", soa_text);
    let soa_ttl = ttl(&zone.apex, "SOA");
    // RFC 2308, section 5: the smaller of the SOA's TTL and its MINIMUM field, the last four octets.
    let minimum = soa.last_chunk().map_or(0, |last| u32::from_be_bytes(*last));
    let mut builder =
        ZoneBuilder::new(&apex, &soa, soa_ttl, minimum.min(soa_ttl)).expect("a small zone");
    for (owner, types) in &zone.records {
        let of_data: BTreeMap<_, _> = types.iter().filter(|(rtype, _)| **rtype != "SOA").collect();
        for (rtype, set) in of_data {
            let rdata: Vec<Box<[u8]>> = set.iter().map(|text| octets(rtype, text)).collect();
            let number = Rtype::parse(rtype).expect("a type");
            let added = builder.rrset(&name(owner), number, ttl(owner, rtype), &rdata);
            added.expect("a small RRset");
        }
    }
    builder
        .finish(PolicyBuilder::new().finish())
        .expect("a small zone")
}
