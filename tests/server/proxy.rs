//! Clients behind a proxy that speaks the PROXY protocol.

use std::io::Write;
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use leeward::metrics::TcpEvent;
use leeward::server::{
    Engine, Exchange, Listen, Server, Serving, TcpLimits, TrustedProxies, WorkerId, bind,
};

use crate::clients::{frame, read_frame, read_to_end, tcp_client, udp_client};
use crate::echo::{query, reply, totals};
use crate::wait::wait_until;

/// Replies with the address of whom it takes for the client.
struct WhoAsks;

impl Engine for WhoAsks {
    fn respond(&mut self, batch: &mut [Exchange<'_>]) {
        for exchange in batch {
            let text = reply(&exchange.client.to_string());
            exchange.out[..text.len()].copy_from_slice(&text);
            exchange.len = text.len();
        }
    }

    fn idle(&mut self) {}
}

/// Starts a server that believes 127.0.0.1 and nobody else.
fn start(tcp: TcpLimits) -> Server {
    let listen = Listen::plain(&[SocketAddr::from(([127, 0, 0, 1], 0))]);
    let serving = Serving {
        tcp,
        proxies: Arc::new(TrustedProxies::new(&["127.0.0.1/32"
            .parse()
            .expect("a network")])),
        ..Serving::default()
    };
    let bound = bind(&listen, 1).expect("loopback is free");
    bound
        .start(serving, |_: WorkerId| WhoAsks)
        .expect("threads")
}

const CLIENT: &str = "198.51.100.7:4242";

/// Writes a header of version 2 that names an IPv4 client, with a NOOP extension.
fn header(client: &str) -> Vec<u8> {
    let client: SocketAddrV4 = client.parse().expect("an address");
    let addresses = [client.ip().octets(), [192, 0, 2, 53]].concat();
    let ports = [client.port().to_be_bytes(), [0, 53]].concat();
    binary(0x21, 0x11, &[addresses, ports, vec![4, 0, 1, 0]].concat())
}

fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("short").to_be_bytes();
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    [&signature[..], &[command, family], &length, body].concat()
}

#[test]
fn takes_the_client_from_the_header_and_answers_through_the_proxy() {
    let server = start(TcpLimits::default());
    let address = server.addresses()[0];
    let line = b"PROXY TCP4 198.51.100.7 192.0.2.1 4242 53\r\n".to_vec();
    for first in [header(CLIENT), line] {
        for piece in [1, 3, 1_000] {
            let mut stream = tcp_client(address);
            stream.set_nodelay(true).expect("an option");
            let sent = [&first[..], &frame(&query("one")), &frame(&query("two"))].concat();
            for octets in sent.chunks(piece) {
                stream.write_all(octets).expect("sent");
            }
            for _ in 0..2 {
                assert_eq!(read_frame(&mut stream), reply(CLIENT));
            }
        }
    }
    let mut own = tcp_client(address);
    let local = own.local_addr().expect("connected").to_string();
    own.write_all(&[binary(0x20, 0, &[]), frame(&query("check"))].concat())
        .expect("sent");
    assert_eq!(read_frame(&mut own), reply(&local));

    let socket = udp_client(address);
    socket.send(&query("not said")).expect("sent");
    socket
        .send(&[header(CLIENT), query("one")].concat())
        .expect("sent");
    let mut buffer = [0; 100];
    let len = socket.recv(&mut buffer).expect("a reply");
    assert_eq!(buffer[..len], reply(CLIENT));
}

#[test]
fn wants_a_header_from_the_proxy_in_time() {
    let limits = TcpLimits {
        message_timeout: Duration::from_millis(80),
        ..TcpLimits::default()
    };
    let server = start(limits);
    let mut without = tcp_client(server.addresses()[0]);
    without
        .write_all(&frame(&query("no header")))
        .expect("sent");
    assert_eq!(read_to_end(&mut without), 0);
    let mut half = tcp_client(server.addresses()[0]);
    half.write_all(&header(CLIENT)[..20]).expect("sent");
    assert_eq!(read_to_end(&mut half), 0);
    wait_until("both are closed", || {
        let totals = totals(&server);
        totals.tcp(TcpEvent::Refused) == 1 && totals.tcp(TcpEvent::TimedOut) == 1
    });
}

#[test]
fn counts_connections_by_client_and_not_by_proxy() {
    let limits = TcpLimits {
        connections_per_client_max: 2,
        ..TcpLimits::default()
    };
    let server = start(limits);
    let connect = |client: &str| -> TcpStream {
        let mut stream = tcp_client(server.addresses()[0]);
        let first = header(client);
        stream
            .write_all(&[first, frame(&query("one"))].concat())
            .expect("sent");
        assert_eq!(read_frame(&mut stream), reply(client));
        stream
    };
    let mut others: Vec<_> = (1..20)
        .map(|last| connect(&format!("192.0.2.{last}:77")))
        .collect();
    let mut greedy = connect(CLIENT);
    let _second = connect(CLIENT);
    let _third = connect(CLIENT);
    assert_eq!(
        read_to_end(&mut greedy),
        0,
        "the longest idle of its client"
    );
    for stream in &mut others {
        stream.write_all(&frame(&query("kept"))).expect("sent");
        read_frame(stream);
    }
    assert_eq!(totals(&server).tcp(TcpEvent::Evicted), 1);
}
