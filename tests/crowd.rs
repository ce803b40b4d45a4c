//! Honest clients among bad ones: silent, dripping and never-reading connections, each from an address of its own, that
//! come back when they are closed.
//!
//! Small by default. The full proof is `LEEWARD_CROWD=2000 cargo test --release --test sockets crowd:: -- --nocapture`: there every
//! honest answer must come within 100 ms, its connection included; here a crowded test machine gets some grace.

#![expect(
    clippy::disallowed_methods,
    reason = "a live test measures real time, with a deadline"
)]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use leeward::metrics::TcpEvent;
use leeward::server::{TcpLimits, Transport, raise_descriptor_limit};
use socket2::{Domain, Socket, Type};

use crate::clients::{frame, tcp_client, udp_client};
use crate::echo::{EchoServer, ask, query, reply};
use crate::wait::wait_until;

/// Bad clients when nothing else is asked for.
const CROWD: usize = 300;
/// The most that is believed.
const CROWD_MAX: usize = 20_000;
/// Rounds of honest questions.
const ROUNDS: usize = 60;
/// In how many portions the crowd acts; one portion a step, so each client acts about once a second.
const PORTIONS: usize = 50;
/// What honest clients ask.
const TEXT: &str = "is anybody there?";
/// Time between two steps.
const STEP: Duration = Duration::from_millis(20);

/// How a bad client is bad.
#[derive(Clone, Copy, Debug)]
enum Vice {
    Silent,
    Drips,
    NeverReads,
}

/// One bad client.
struct Bad {
    vice: Vice,
    source: Ipv4Addr,
    stream: Option<Socket>,
}

impl Bad {
    fn new(number: usize) -> Self {
        let vice = [Vice::Silent, Vice::Drips, Vice::NeverReads][number % 3];
        let [high, low] = u16::try_from(number).expect("at most 20,000").to_be_bytes();
        Self {
            vice,
            source: Ipv4Addr::new(127, 9, high, low),
            stream: None,
        }
    }

    /// Connects if it has to, then does its worst; whoever was closed comes back the next time.
    fn act(&mut self, server: SocketAddr, large: &[u8]) {
        let Some(stream) = &mut self.stream else {
            self.stream = connect(self.source, server);
            return;
        };
        let outcome = match self.vice {
            Vice::Silent => match stream.read(&mut [0; 16]) {
                Ok(_) => Err(ErrorKind::UnexpectedEof),
                Err(cause) => Err(cause.kind()),
            },
            // The length says 65,535 octets, and they never come.
            Vice::Drips => stream.write(&[0xff]).map_err(|cause| cause.kind()),
            Vice::NeverReads => stream.write(large).map_err(|cause| cause.kind()),
        };
        let is_open = matches!(
            outcome,
            Ok(_) | Err(ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted)
        );
        if !is_open {
            self.stream = None;
        }
    }
}

fn connect(source: Ipv4Addr, server: SocketAddr) -> Option<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    socket.bind(&SocketAddr::from((source, 0)).into()).ok()?;
    socket.set_nonblocking(true).ok()?;
    // The connection completes behind our back.
    let _ = socket.connect(&server.into());
    Some(socket)
}

/// Lets the crowd act until told to stop.
fn harass(server: SocketAddr, crowd: usize, is_over: &AtomicBool) {
    let large = frame(&query(&"w".repeat(988))).repeat(60);
    let mut clients: Vec<_> = (0..crowd).map(Bad::new).collect();
    for client in &mut clients {
        client.act(server, &large);
    }
    let portion = crowd.div_ceil(PORTIONS);
    while !is_over.load(Ordering::Relaxed) {
        for clients in clients.chunks_mut(portion) {
            for client in clients {
                client.act(server, &large);
            }
            std::thread::park_timeout(STEP);
        }
    }
}

/// Asks once over a stream and checks the answer.
fn ask_once(stream: &mut TcpStream) {
    assert_eq!(ask(stream, TEXT), reply(TEXT));
}

/// Asks a thousand times a second over UDP until told to stop; returns how many were sent and answered.
fn ask_datagrams(server: SocketAddr, is_over: &AtomicBool) -> (usize, usize) {
    let socket = udp_client(server);
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .expect("an option");
    let (mut sent, mut answered) = (0, 0);
    while !is_over.load(Ordering::Relaxed) {
        socket.send(&query(TEXT)).expect("sent");
        sent += 1;
        answered += usize::from(socket.recv(&mut [0; 64]).is_ok());
        std::thread::park_timeout(Duration::from_millis(1));
    }
    (sent, answered)
}

fn wait_for_crowd(server: &EchoServer, crowd: usize) {
    let wanted = u64::try_from(crowd).expect("a count").min(1_000);
    wait_until("the crowd", || {
        server.totals().tcp_current() >= wanted * 9 / 10
    });
}

#[test]
fn honest_clients_are_answered_at_once_among_bad_ones() {
    let asked = std::env::var("LEEWARD_CROWD").ok();
    let crowd = asked.as_ref().and_then(|text| text.parse().ok());
    let crowd: usize = crowd.unwrap_or(CROWD).clamp(1, CROWD_MAX);
    let patience = Duration::from_millis(if asked.is_some() { 100 } else { 1_000 });
    raise_descriptor_limit().expect("a limit");

    let server = EchoServer::start(&[Transport::Tcp], TcpLimits::default());
    let address = server.at(Transport::Tcp);
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let bad = std::thread::spawn(move || harass(address, crowd, &over));
    wait_for_crowd(&server, crowd);

    let over = Arc::clone(&is_over);
    let datagrams = std::thread::spawn(move || ask_datagrams(address, &over));
    let mut regular = tcp_client(address);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        ask_once(&mut tcp_client(address));
        times.push(began.elapsed());
        ask_once(&mut regular);
        std::thread::park_timeout(STEP);
    }
    is_over.store(true, Ordering::Relaxed);
    let (sent, answered) = datagrams.join().expect("no panic");
    bad.join().expect("no panic");

    times.sort_unstable();
    let totals = server.totals();
    println!(
        "{crowd} bad clients: TCP answers in {:?} at the median and {:?} at most; UDP {answered} of {sent}; \
         {} connections made room, {} timed out",
        times[ROUNDS / 2],
        times[ROUNDS - 1],
        totals.tcp(TcpEvent::Evicted),
        totals.tcp(TcpEvent::TimedOut),
    );
    assert!(times[ROUNDS - 1] < patience, "{times:?}");
    assert_eq!(sent, answered, "UDP loses nothing");
}
