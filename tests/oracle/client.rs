//! Asks one server many questions at once over UDP, and again over TCP what came back truncated.
//!
//! In: queries as octets. Out: replies as octets. Never here: decoding beyond the id and TC.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// Queries under way at once; small enough for a default socket buffer.
const WINDOW: usize = 48;
/// How long a reply may take before its query is sent again.
const PATIENCE: Duration = Duration::from_millis(700);
/// How often a query is sent.
const TRIES_MAX: usize = 6;
/// Octet and bit of TC (RFC 1035, section 4.1.1).
const TC: (usize, u8) = (2, 0x02);

/// What came back for one query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// The datagram; none is silence.
    pub(crate) udp: Option<Vec<u8>>,
    /// The answer over TCP, if the datagram was truncated.
    pub(crate) tcp: Option<Vec<u8>>,
}

/// Asks all queries, in order of the result.
pub(crate) fn ask_all(server: SocketAddr, queries: &[Vec<u8>]) -> Vec<Heard> {
    let socket = UdpSocket::bind((server.ip(), 0)).expect("a socket");
    socket.connect(server).expect("a route");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let mut heard = Vec::with_capacity(queries.len());
    for window in queries.chunks(WINDOW) {
        heard.extend(ask_window(&socket, window));
    }
    for (heard, query) in heard.iter_mut().zip(queries) {
        if heard.udp.as_ref().is_some_and(|reply| is_truncated(reply)) {
            heard.tcp = ask_tcp(server, query);
        }
    }
    heard
}

fn ask_window(socket: &UdpSocket, window: &[Vec<u8>]) -> Vec<Heard> {
    let mut heard = vec![Heard::default(); window.len()];
    let mut room = vec![0; 65_535];
    for _ in 0..TRIES_MAX {
        let mut waiting = 0;
        for (place, query) in window.iter().enumerate() {
            if heard[place].udp.is_none() {
                let mut query = query.clone();
                query[..2].copy_from_slice(&id(place));
                let _ = socket.send(&query);
                waiting += 1;
            }
        }
        while waiting > 0 {
            let Ok(len) = socket.recv(&mut room) else {
                break;
            };
            let place = heard.iter().enumerate().position(|(place, heard)| {
                heard.udp.is_none() && len >= 2 && room[..2] == id(place)
            });
            if let Some(place) = place {
                heard[place].udp = Some(room[..len].to_vec());
                waiting -= 1;
            }
        }
        if waiting == 0 {
            break;
        }
    }
    heard
}

fn id(place: usize) -> [u8; 2] {
    u16::try_from(place + 1)
        .expect("a small window")
        .to_be_bytes()
}

fn is_truncated(reply: &[u8]) -> bool {
    reply.get(TC.0).is_some_and(|octet| octet & TC.1 != 0)
}

/// Asks one query over a connection of its own (RFC 7766, section 8); none if the server closes it instead.
pub(crate) fn ask_tcp(server: SocketAddr, query: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(server).ok()?;
    stream.set_read_timeout(Some(PATIENCE * 4)).ok()?;
    let mut message = u16::try_from(query.len()).ok()?.to_be_bytes().to_vec();
    message.extend(query);
    stream.write_all(&message).ok()?;
    let mut len = [0; 2];
    stream.read_exact(&mut len).ok()?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut reply).ok()?;
    Some(reply)
}
