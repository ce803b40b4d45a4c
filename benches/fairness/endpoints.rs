//! The endpoints, in a process of their own: good ones that note when they are asked, some that never answer, some that
//! never accept, and a DNS server that is silent about some names.
//!
//! In: lines on standard input (`reset`, `report`, `bad ADDRESS`, `good ADDRESS`). Out: a line of ports, then a line for each
//! report. Never here: the server that is measured.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use leeward::server::raise_descriptor_limit;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// Interval of the good checks.
const INTERVAL: Duration = Duration::from_secs(1);
/// Connections that wait until they are accepted.
const BACKLOG: i32 = 4_096;

/// What good endpoints know.
#[derive(Debug, Default)]
struct Book {
    /// When each was asked.
    asked: HashMap<IpAddr, Vec<Instant>>,
    bad: HashSet<IpAddr>,
}

pub(crate) fn serve() {
    raise_descriptor_limit().expect("a limit");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let book = Arc::new(Mutex::new(Book::default()));
    let guard = runtime.enter();
    let (good, good_port) = listen(BACKLOG);
    let (mute, mute_port) = listen(BACKLOG);
    let (deaf, deaf_port) = listen(0);
    let _full = fill(deaf_port);
    let resolver = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let resolver_port = resolver.local_addr().expect("bound").port();
    runtime.spawn(answer_all(good, Arc::clone(&book)));
    runtime.spawn(hold_all(mute));
    runtime.spawn(resolve(resolver));
    drop(guard);
    println!("{good_port} {mute_port} {deaf_port} {resolver_port}");
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let mut book = book.lock().expect("no thread panics");
        match line.split_once(' ') {
            Some(("bad", address)) => drop(book.bad.insert(address.parse().expect("an address"))),
            Some(("good", address)) => {
                book.bad.remove(&address.parse().expect("an address"));
            }
            _ if line == "reset" => book.asked.clear(),
            _ => {
                println!("{}", report(&book.asked));
                std::io::stdout().flush().expect("a pipe");
            }
        }
    }
    drop(deaf);
}

fn listen(backlog: i32) -> (Socket, u16) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    socket.bind(&any.into()).expect("a free port");
    socket.listen(backlog).expect("a bound socket");
    socket.set_nonblocking(true).expect("a socket");
    let address = socket.local_addr().expect("bound").as_socket();
    (socket, address.expect("an address").port())
}

/// Fills the queue of a listener that never accepts, so that the system drops whatever comes next.
fn fill(port: u16) -> Vec<std::net::TcpStream> {
    let mut held = Vec::new();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    while let Ok(stream) =
        std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300))
    {
        held.push(stream);
    }
    held
}

async fn answer_all(socket: Socket, book: Arc<Mutex<Book>>) {
    let listener = TcpListener::from_std(socket.into()).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let at = Instant::now();
        tokio::spawn(answer(stream, at, Arc::clone(&book)));
    }
}

async fn answer(mut stream: TcpStream, at: Instant, book: Arc<Mutex<Book>>) {
    let Ok(own) = stream.local_addr() else { return };
    let is_bad = {
        let mut book = book.lock().expect("no thread panics");
        book.asked.entry(own.ip()).or_default().push(at);
        book.bad.contains(&own.ip())
    };
    let mut request = [0; 1024];
    let _ = stream.read(&mut request).await;
    let status = if is_bad { "503 Out" } else { "200 OK" };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
}

async fn hold_all(socket: Socket) {
    let listener = TcpListener::from_std(socket.into()).expect("a listener");
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut octets = [0; 64];
            while stream.read(&mut octets).await.is_ok_and(|count| count > 0) {}
        });
    }
}

async fn resolve(socket: std::net::UdpSocket) {
    socket.set_nonblocking(true).expect("a socket");
    let socket = UdpSocket::from_std(socket).expect("a socket");
    let mut query = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut query).await {
        let labels = query.get(12..length).unwrap_or_default();
        // `goodN`: N is the last octet of its address; all others are never answered.
        let Some(label) = labels
            .split_first()
            .and_then(|(size, rest)| rest.get(..usize::from(*size)))
        else {
            continue;
        };
        let Some(number) = label.strip_prefix(b"good") else {
            continue;
        };
        let number: u8 = std::str::from_utf8(number)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let end = 12 + labels.iter().position(|octet| *octet == 0).unwrap_or(0) + 5;
        let is_ipv4 = query[end - 3] == 1;
        let mut reply = query[..2].to_vec();
        reply.extend([0x81, 0x80, 0, 1, 0, u8::from(is_ipv4), 0, 0, 0, 0]);
        reply.extend(&query[12..end]);
        if is_ipv4 {
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 127, 8, 0, number]);
        }
        let _ = socket.send_to(&reply, from).await;
    }
}

/// Tells how late requests came: behind the most punctual of their target, in intervals from it.
fn report(asked: &HashMap<IpAddr, Vec<Instant>>) -> String {
    let (mut late, mut missing) = (Vec::new(), 0);
    for times in asked.values() {
        let Some(first) = times.first() else { continue };
        let spans = times
            .iter()
            .map(|at| at.duration_since(*first).as_secs_f64() / INTERVAL.as_secs_f64());
        let turns: Vec<(f64, f64)> = spans
            .map(|span| (span.round(), span - span.round()))
            .collect();
        let least = turns
            .iter()
            .map(|turn| turn.1)
            .fold(f64::INFINITY, f64::min);
        late.extend(
            turns
                .iter()
                .map(|turn| (turn.1 - least) * INTERVAL.as_secs_f64()),
        );
        let last = turns.last().map_or(0.0, |turn| turn.0) as usize;
        missing += (last + 1).saturating_sub(times.len());
    }
    late.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (late.len().saturating_sub(1) as f64 * share) as usize;
        late.get(place).copied().unwrap_or_default() * 1e3
    };
    let over = late.iter().filter(|late| **late > 0.1).count();
    format!(
        "{} targets, {} requests, {missing} missing; late by p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, worst {:.1} ms; {over} over 100 ms",
        asked.len(),
        late.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    )
}
