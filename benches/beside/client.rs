//! A client that asks at a steady pace and times every answer.
//!
//! In: an address, a rate. Out: how many answers came and how long they took. Never here: what the answers say.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Time between two bursts.
const TICK: Duration = Duration::from_millis(1);

/// Time for the last answers to arrive.
const PATIENCE: Duration = Duration::from_millis(500);

/// Queries are told apart by their id, so an answer that takes longer than so many queries counts as lost.
const IDS: usize = 65_536;

/// Width of a step of the histogram, and their number: all above half a second share the last.
const STEP_NANOS: u64 = 5_000;
const STEPS: usize = 100_000;

pub(crate) struct Answers {
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

/// Asks for a while; one thread sends, one receives.
pub(crate) fn ask(server: SocketAddr, rate: u64, names: u64, length: Duration) -> Answers {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(server).expect("a route");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let sent: Vec<AtomicU64> = (0..IDS).map(|_| AtomicU64::new(0)).collect();
    let began = Instant::now();
    let (asked, steps) = std::thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&socket, &sent, began));
        let asked = send(&socket, &sent, began, rate, names, length);
        (asked, receiver.join().expect("the receiver ends"))
    });
    let answered: u64 = steps.iter().sum();
    let at = |share: f64| {
        let rank = (answered as f64 * share) as u64;
        let mut before = 0;
        let step = steps.iter().position(|count| {
            before += count;
            before > rank
        });
        step.unwrap_or(STEPS) as f64 * STEP_NANOS as f64 / 1e3
    };
    Answers {
        asked,
        answered,
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
    }
}

fn send(
    socket: &UdpSocket,
    sent: &[AtomicU64],
    began: Instant,
    rate: u64,
    names: u64,
    length: Duration,
) -> u64 {
    let mut asked = 0;
    while began.elapsed() < length {
        let due = (began.elapsed().as_secs_f64() * rate as f64) as u64;
        while asked < due {
            let id = asked as u16;
            let query = make_query(id, asked % names);
            let nanos = began.elapsed().as_nanos() as u64;
            sent[usize::from(id)].store(nanos.max(1), Ordering::Relaxed);
            // What the kernel does not take counts as asked and not answered.
            let _ = socket.send(&query);
            asked += 1;
        }
        std::thread::sleep(TICK);
    }
    asked
}

/// Receives until nothing comes any more; returns the histogram.
fn receive(socket: &UdpSocket, sent: &[AtomicU64], began: Instant) -> Vec<u64> {
    let mut steps = vec![0; STEPS];
    let mut octets = [0; 1232];
    while let Ok(len) = socket.recv(&mut octets) {
        let now = began.elapsed().as_nanos() as u64;
        if len < 12 {
            continue;
        }
        let id = u16::from_be_bytes([octets[0], octets[1]]);
        let at = sent[usize::from(id)].swap(0, Ordering::Relaxed);
        if at > 0 {
            let step = (now.saturating_sub(at) / STEP_NANOS) as usize;
            steps[step.min(STEPS - 1)] += 1;
        }
    }
    steps
}

fn make_query(id: u16, name: u64) -> Vec<u8> {
    let mut query = Vec::from(id.to_be_bytes());
    query.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in [format!("n{name}").as_str(), "beside", "example"] {
        query.push(label.len() as u8);
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    query
}
