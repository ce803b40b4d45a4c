//! Sends one odd message to a live server, and an ordinary query behind it, so that silence is known without waiting.
//!
//! In: octets. Out: an outcome. Never here: what is right. A server that answers the ordinary query has either answered
//! the odd message before, or will not; `GRACE` leaves room for servers that answer out of order.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use super::outcome::Outcome;

/// How long the ordinary query may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How much later than the ordinary answer another may come.
const GRACE: Duration = Duration::from_millis(15);
/// The ordinary query that follows, with an id of its own.
const FOLLOWING: &[u8] = b"\x77\x01\0\0\0\x01\0\0\0\0\0\0\x03www\x07packets\x04test\0\0\x01\0\x01";

/// Sends a message over UDP.
pub(crate) fn over_udp(server: SocketAddr, message: &[u8]) -> Outcome {
    let socket = UdpSocket::bind((server.ip(), 0)).expect("a socket");
    socket.connect(server).expect("a route");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    socket.send(message).expect("loopback takes it");
    socket.send(FOLLOWING).expect("loopback takes it");
    let mut room = vec![0; 65_535];
    let mut is_followed = false;
    loop {
        match socket.recv(&mut room) {
            Ok(len) if !room[..len].starts_with(&FOLLOWING[..2]) => {
                return Outcome::read(&room[..len]);
            }
            Ok(_) => {
                is_followed = true;
                socket.set_read_timeout(Some(GRACE)).expect("a socket");
            }
            Err(_) if is_followed => return Outcome::silence(),
            Err(fault) => panic!("{server} does not answer an ordinary query any more: {fault}"),
        }
    }
}

/// Sends a message over TCP, with its length before it.
pub(crate) fn over_tcp(server: SocketAddr, message: &[u8]) -> Outcome {
    let mut stream = TcpStream::connect(server).expect("the server listens on TCP");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let mut octets = framed(message);
    octets.extend(framed(FOLLOWING));
    if stream.write_all(&octets).is_err() {
        return Outcome::closed();
    }
    let mut is_followed = false;
    loop {
        match receive(&mut stream) {
            Some(reply) if !reply.starts_with(&FOLLOWING[..2]) => return Outcome::read(&reply),
            Some(_) => {
                is_followed = true;
                stream.set_read_timeout(Some(GRACE)).expect("a socket");
            }
            None if is_followed => return Outcome::silence(),
            None => return Outcome::closed(),
        }
    }
}

/// Puts the length before a message (RFC 1035, section 4.2.2).
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let len = u16::try_from(message.len()).expect("messages are short");
    [&len.to_be_bytes(), message].concat()
}

/// Reads one message; none if the connection ends or nothing comes.
pub(crate) fn receive(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut len = [0; 2];
    stream.read_exact(&mut len).ok()?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut reply).ok()?;
    Some(reply)
}
