//! Streams that are cut, joined or broken off: what TCP may do to messages (RFC 7766, sections 6.2.1 and 8).
//!
//! In: a live server. Out: assertions. Never here: limits and timeouts, which the server's own suite measures.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::exchange::{framed, over_udp, receive};
use crate::need::Need;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Queries sent at once.
const PIPELINED: u16 = 500;

fn query(id: u16) -> Vec<u8> {
    let rest = b"\0\0\0\x01\0\0\0\0\0\0\x03www\x07packets\x04test\0\0\x01\0\x01";
    [&id.to_be_bytes(), &rest[..]].concat()
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).expect("the server listens on TCP");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// Queries in one write are all answered, each once.
pub(crate) fn answers_pipelined_queries(server: SocketAddr) {
    let mut stream = connect(server);
    let octets: Vec<u8> = (1..=PIPELINED).flat_map(|id| framed(&query(id))).collect();
    stream.write_all(&octets).expect("the server reads");
    let ids: BTreeSet<u16> = (1..=PIPELINED)
        .map(|_| {
            let reply = receive(&mut stream).expect("an answer for each query");
            u16::from_be_bytes([reply[0], reply[1]])
        })
        .collect();
    assert_eq!(ids.len(), usize::from(PIPELINED));
}

/// A query in two pieces, cut at each octet, and octet by octet.
pub(crate) fn answers_a_query_split_at_each_octet(server: SocketAddr) {
    let whole = framed(&query(7));
    for at in 1..whole.len() {
        let mut stream = connect(server);
        stream.write_all(&whole[..at]).expect("the server reads");
        stream.write_all(&whole[at..]).expect("the server reads");
        assert!(receive(&mut stream).is_some(), "split at {at}");
    }
    let mut stream = connect(server);
    for octet in &whole {
        stream.write_all(&[*octet]).expect("the server reads");
    }
    assert!(receive(&mut stream).is_some(), "octet by octet");
}

/// A client that has sent all it wants to say still gets its answer.
pub(crate) fn answers_after_the_client_stops_writing(server: SocketAddr) {
    let mut stream = connect(server);
    stream
        .write_all(&framed(&query(8)))
        .expect("the server reads");
    stream.shutdown(Shutdown::Write).expect("a connection");
    assert!(
        receive(&mut stream).is_some(),
        "an answer to a half-closed connection"
    );
}

/// Lengths that promise nothing, less than a header, or more than comes: no answer, and no harm.
pub(crate) fn survives_lengths_that_lie(server: SocketAddr) {
    for len in 0..12_u16 {
        let mut stream = connect(server);
        let mut octets = len.to_be_bytes().to_vec();
        octets.extend(&query(9)[..usize::from(len)]);
        stream.write_all(&octets).expect("the server reads");
        stream.shutdown(Shutdown::Write).expect("a connection");
        assert!(receive(&mut stream).is_none(), "{len} octets are answered");
    }
    for len in [13, 512, u16::MAX] {
        let mut stream = connect(server);
        let octets = [&len.to_be_bytes()[..], &query(9)[..12]].concat();
        stream.write_all(&octets).expect("the server reads");
        stream.shutdown(Shutdown::Write).expect("a connection");
        assert!(receive(&mut stream).is_none(), "half a message is answered");
    }
    assert_eq!(over_udp(server, &query(10)).code, "NOERROR");
}

/// A datagram from port 0, where no answer can go (RFC 768). Only root can send one.
pub(crate) fn survives_a_datagram_from_port_0(server: SocketAddr) {
    if !Need::RawSockets.is_met() {
        return;
    }
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP));
    let socket = socket.expect("the right was just looked for");
    let payload = query(11);
    let len = u16::try_from(8 + payload.len()).expect("a short datagram");
    let mut datagram = vec![0, 0];
    datagram.extend(server.port().to_be_bytes());
    datagram.extend(len.to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    let SocketAddr::V4(address) = server else {
        panic!("the server listens on IPv4");
    };
    let source = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    socket.bind(&source.into()).expect("loopback");
    let target = SocketAddrV4::new(*address.ip(), 0);
    for _ in 0..64 {
        socket
            .send_to(&datagram, &target.into())
            .expect("loopback takes it");
    }
    assert_eq!(over_udp(server, &query(12)).code, "NOERROR");
}
