//! Connections that churn from many addresses, and an honest client beside them that takes its time.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use leeward::metrics::TcpEvent;
use leeward::server::{HttpsGuise, HttpsOptions, Serving, TcpLimits, Transport};
use socket2::{Domain, Socket, Type};

use crate::clients::tcp_client;
use crate::echo::{EchoServer, ask, reply};
use crate::wait::PATIENCE;

/// Addresses that flood.
const SOURCES: u32 = 40;

/// Connections that a flood holds at a time; more than the house of these tests has places.
const HELD_MAX: usize = 300;

/// How long an honest client waits before it asks.
const PAUSE: Duration = Duration::from_millis(300);

fn start() -> EchoServer {
    let serving = Serving {
        tcp: TcpLimits {
            connections_max: 100,
            connections_per_client_max: 20,
            ..TcpLimits::default()
        },
        https: HttpsOptions {
            guise: HttpsGuise::Plain,
            ..HttpsOptions::default()
        },
        ..Serving::default()
    };
    EchoServer::start_as(&[Transport::Tcp, Transport::Tls, Transport::Https], serving)
}

/// Connects from an address of its own and brings `octets`; `None` if the system is out of something.
fn connect_from(source: u32, to: SocketAddr, octets: &[u8]) -> Option<TcpStream> {
    let from = SocketAddr::from(((0x7f00_0100 + source).to_be_bytes(), 0));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    socket.bind(&from.into()).ok()?;
    // A reset instead of a reason, so that ports are free at once.
    socket.set_linger(Some(Duration::ZERO)).ok()?;
    socket.connect(&to.into()).ok()?;
    let mut stream: TcpStream = socket.into();
    stream.write_all(octets).ok()?;
    Some(stream)
}

/// Opens connections until told to stop; returns how many.
fn flood(to: SocketAddr, octets: &'static [u8], is_over: &AtomicBool) -> u32 {
    let mut held = VecDeque::new();
    let mut opened = 0;
    while !is_over.load(Ordering::Relaxed) {
        if let Some(stream) = connect_from(opened % SOURCES, to, octets) {
            held.push_back(stream);
        }
        opened += 1;
        if held.len() > HELD_MAX {
            held.pop_front();
        }
    }
    opened
}

/// Waits as a slow client does; the server must not close meanwhile.
fn is_kept_for(stream: &mut TcpStream, pause: Duration) -> bool {
    stream.set_read_timeout(Some(pause)).expect("an option");
    let waited = stream.read(&mut [0; 1]);
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    matches!(waited, Err(cause) if cause.kind() == ErrorKind::WouldBlock)
}

/// X8: churn from forty addresses, silent or with a first octet, in the clear, to TLS and to HTTPS.
#[test]
fn a_client_that_waits_before_it_asks_keeps_its_place_while_others_churn() {
    let server = start();
    let plain = server.at(Transport::Tcp);
    let targets = [
        ("silent", plain, &[][..]),
        ("an octet of a length", plain, &[0]),
        ("an octet of a handshake", server.at(Transport::Tls), &[22]),
        ("an octet of a request", server.at(Transport::Https), b"G"),
    ];
    for (name, to, octets) in targets {
        let is_over = Arc::new(AtomicBool::new(false));
        let churn = {
            let is_over = Arc::clone(&is_over);
            std::thread::spawn(move || flood(to, octets, &is_over))
        };
        for number in 0..6 {
            let mut honest = tcp_client(to);
            assert!(is_kept_for(&mut honest, PAUSE), "{name}: was pushed out");
            if to == plain {
                let text = number.to_string();
                assert_eq!(ask(&mut honest, &text), reply(&text), "{name}");
            }
        }
        is_over.store(true, Ordering::Relaxed);
        let opened = churn.join().expect("no panic");
        assert!(opened > 300, "{name}: a flood of {opened}");
    }
    assert!(server.totals().tcp(TcpEvent::Evicted) > 100);
}
