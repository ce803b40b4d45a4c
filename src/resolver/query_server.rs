//! One question to one server: by datagram, again without EDNS if that is not understood, by stream if the answer was
//! cut off.
//!
//! In: a server, a question. Out: a response, or the reason why there is none. Never here: time limits (the caller sets
//! one around all), other servers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::wire::{ClientQuery, Name, NoReply, Rcode, Rtype};

use super::message::{Response, read_response};

/// Most octets taken of a datagram; a longer one breaks off and is asked for by stream.
const DATAGRAM_MAX: usize = 4_096;
/// Payload size in our EDNS option, octets (RFC 9715, section 3.2).
const PAYLOAD_SIZE: u16 = 1232;
/// Most datagrams passed over that answer something else: guesses of an attacker, or old answers that come late.
const STRAYS_MAX: usize = 16;

/// Asks a server for the addresses of a name.
pub(super) async fn ask(server: SocketAddr, name: &Name, rtype: Rtype) -> Result<Response, String> {
    let mut query = ClientQuery {
        id: random_id()?,
        name: name.clone(),
        rtype,
        payload_size: Some(PAYLOAD_SIZE),
    };
    let response = by_datagram(server, &query).await?;
    // RFC 6891, section 7: servers without EDNS answer FORMERR.
    if response.rcode == Rcode::FORMERR {
        query.id = random_id()?;
        query.payload_size = None;
        return by_datagram(server, &query).await;
    }
    Ok(response)
}

async fn by_datagram(server: SocketAddr, query: &ClientQuery) -> Result<Response, String> {
    let any = match server.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    // A port of its own for each question, and only what comes from the server is passed on (RFC 5452, section 9).
    let socket = UdpSocket::bind((any, 0)).await.map_err(in_words)?;
    socket.connect(server).await.map_err(in_words)?;
    socket.send(&query.octets()).await.map_err(in_words)?;
    for _ in 0..STRAYS_MAX {
        let (length, response) = receive(&socket, query).await?;
        match response {
            Ok(response) if response.is_truncated => {
                return Box::pin(by_stream(server, query)).await;
            }
            Ok(response) => return Ok(response),
            Err(NoReply::Stray) => {}
            Err(NoReply::Broken) if length == DATAGRAM_MAX => {
                return Box::pin(by_stream(server, query)).await;
            }
            Err(NoReply::Broken) => return Err(broken()),
        }
    }
    Err("only answers to other questions came".to_owned())
}

/// Waits for a datagram and reads it. Thousands may wait for servers that are silent, so the octets have a place only
/// once they are there.
async fn receive(
    socket: &UdpSocket,
    query: &ClientQuery,
) -> Result<(usize, Result<Response, NoReply>), String> {
    loop {
        socket.readable().await.map_err(in_words)?;
        let mut datagram = [0; DATAGRAM_MAX];
        match socket.try_recv(&mut datagram) {
            Ok(length) => {
                let response = read_response(query, &datagram[..length]);
                return Ok((length, response));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(in_words(error)),
        }
    }
}

async fn by_stream(server: SocketAddr, query: &ClientQuery) -> Result<Response, String> {
    let octets = query.octets();
    let talk = async {
        let mut stream = TcpStream::connect(server).await?;
        // A query is far shorter than 65,536 octets: its name has 255 at most.
        let mut framed = (octets.len() as u16).to_be_bytes().to_vec();
        framed.extend_from_slice(&octets);
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await?;
        Ok::<_, io::Error>(message)
    };
    let message = talk.await.map_err(in_words)?;
    match read_response(query, &message) {
        Ok(response) if !response.is_truncated => Ok(response),
        Ok(_) => Err("its answer was cut off over TCP as well".to_owned()),
        Err(_) => Err(broken()),
    }
}

fn random_id() -> Result<u16, String> {
    let chance = getrandom::u32().map_err(|fault| format!("no source of chance: {fault}"))?;
    Ok((chance & 0xffff) as u16)
}

fn broken() -> String {
    "its answer is no well-formed DNS message".to_owned()
}

fn in_words(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        _ => error.to_string(),
    }
}
