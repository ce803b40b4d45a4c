//! A recursive server that says what it is told to say, over UDP and TCP on one free port.
//!
//! In: what it says to each question. Out: answers, and how often it was asked. Never here: judgement.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype, Ttl};
use domain::rdata::{A, Aaaa, Cname};

use crate::wait::wait_for;

/// What is said to a question.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    /// Records: owner, TTL, and an address or the name that an alias leads to.
    Records(Vec<(String, u32, String)>),
    /// A response code.
    Rcode(Rcode),
    /// Nothing at all.
    Silence,
    /// A right answer with another id first, then many of them.
    WrongIds,
    /// Octets that are no message, after a right id.
    Broken,
    /// TC over UDP, these over TCP.
    Truncated(Vec<(String, u32, String)>),
    /// A datagram of sixty thousand octets.
    Huge,
}

impl Say {
    /// Addresses of one owner.
    pub(crate) fn addresses(owner: &str, ttl: u32, addresses: &[&str]) -> Self {
        let record = |address: &&str| (owner.to_owned(), ttl, (*address).to_owned());
        Self::Records(addresses.iter().map(record).collect())
    }
}

#[derive(Debug, Default)]
struct Script {
    says: Mutex<HashMap<String, Say>>,
    by_udp: AtomicUsize,
    by_tcp: AtomicUsize,
    is_stopped: AtomicBool,
}

/// The server; it ends when it is dropped.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    script: Arc<Script>,
    threads: Vec<JoinHandle<()>>,
}

impl Upstream {
    /// Listens on a free port of loopback; what it is not told about does not exist.
    pub(crate) fn start() -> Self {
        let (socket, listener) = wait_for("one port for UDP and TCP", || {
            let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
            let listener = TcpListener::bind(socket.local_addr().ok()?).ok()?;
            Some((socket, listener))
        });
        let address = socket.local_addr().expect("a bound socket");
        let script = Arc::new(Script::default());
        let (first, second) = (Arc::clone(&script), Arc::clone(&script));
        let threads = vec![
            std::thread::spawn(move || serve_datagrams(&socket, &first)),
            std::thread::spawn(move || serve_streams(&listener, &second)),
        ];
        Self {
            address,
            script,
            threads,
        }
    }

    /// Tells what to say to every type of a name, or to `NAME TYPE` alone.
    pub(crate) fn tell(&self, question: &str, say: Say) {
        let mut says = self.script.says.lock().expect("no thread panics");
        says.insert(question.to_owned(), say);
    }

    /// Questions so far, by UDP and by TCP.
    pub(crate) fn asked(&self) -> (usize, usize) {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Acquire);
        (count(&self.script.by_udp), count(&self.script.by_tcp))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.script.is_stopped.store(true, Ordering::Release);
        if let Ok(socket) = UdpSocket::bind("127.0.0.1:0") {
            let _ = socket.send_to(&[0], self.address);
        }
        let _ = std::net::TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Script {
    fn find(&self, query: &[u8]) -> Option<(Say, Rtype)> {
        let message = Message::from_octets(query).ok()?;
        let question = message.sole_question().ok()?;
        let name = format!("{}.", question.qname()).to_ascii_lowercase();
        let rtype = question.qtype();
        let says = self.says.lock().expect("no thread panics");
        let say = says
            .get(&format!("{name} {rtype}"))
            .or_else(|| says.get(&name));
        Some((say.cloned().unwrap_or(Say::Rcode(Rcode::NXDOMAIN)), rtype))
    }
}

fn serve_datagrams(socket: &UdpSocket, script: &Script) {
    let mut octets = [0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut octets) {
        if script.is_stopped.load(Ordering::Acquire) {
            return;
        }
        let query = &octets[..length];
        script.by_udp.fetch_add(1, Ordering::AcqRel);
        let Some((say, rtype)) = script.find(query) else {
            continue;
        };
        let send = |octets: &[u8]| {
            let _ = socket.send_to(octets, client);
        };
        match say {
            Say::Records(records) => send(&answer(query, Rcode::NOERROR, rtype, &records)),
            Say::Rcode(rcode) => send(&answer(query, rcode, rtype, &[])),
            Say::Silence => {}
            Say::WrongIds => {
                let mut wrong = answer(query, Rcode::NOERROR, rtype, &[]);
                for _ in 0..40 {
                    wrong[0] = wrong[0].wrapping_add(1);
                    send(&wrong);
                }
            }
            Say::Broken => {
                let mut broken = answer(query, Rcode::NOERROR, rtype, &[]);
                broken[7] = 9;
                broken.truncate(query.len());
                send(&broken);
            }
            Say::Truncated(_) => {
                let mut cut = answer(query, Rcode::NOERROR, rtype, &[]);
                cut[2] |= 2;
                send(&cut);
            }
            Say::Huge => {
                let mut huge = answer(query, Rcode::NOERROR, rtype, &[]);
                huge[6..8].copy_from_slice(&u16::MAX.to_be_bytes());
                huge.resize(60_000, 0xff);
                send(&huge);
            }
        }
    }
}

fn serve_streams(listener: &TcpListener, script: &Script) {
    for stream in listener.incoming() {
        if script.is_stopped.load(Ordering::Acquire) {
            return;
        }
        let Ok(mut stream) = stream else { continue };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
        let mut length = [0; 2];
        if stream.read_exact(&mut length).is_err() {
            continue;
        }
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut query).is_err() {
            continue;
        }
        script.by_tcp.fetch_add(1, Ordering::AcqRel);
        if let Some((Say::Truncated(records), rtype)) = script.find(&query) {
            let octets = answer(&query, Rcode::NOERROR, rtype, &records);
            let mut framed = (octets.len() as u16).to_be_bytes().to_vec();
            framed.extend_from_slice(&octets);
            let _ = stream.write_all(&framed);
        }
    }
}

/// Writes an answer with the aliases and those addresses that are of the type asked.
fn answer(query: &[u8], rcode: Rcode, rtype: Rtype, records: &[(String, u32, String)]) -> Vec<u8> {
    let message = Message::from_octets(query).expect("a query of ours");
    let builder = MessageBuilder::new_vec();
    let mut answer = builder.start_answer(&message, rcode).expect("room");
    for (owner, ttl, value) in records {
        let owner: Name<Vec<u8>> = owner.parse().expect("a name");
        let ttl = Ttl::from_secs(*ttl);
        let pushed = match (value.parse::<IpAddr>(), rtype) {
            (Ok(IpAddr::V4(address)), Rtype::A) => answer.push((owner, ttl, A::new(address))),
            (Ok(IpAddr::V6(address)), Rtype::AAAA) => answer.push((owner, ttl, Aaaa::new(address))),
            (Ok(_), _) => Ok(()),
            (Err(_), _) => {
                let target: Name<Vec<u8>> = value.parse().expect("a name");
                answer.push((owner, ttl, Cname::new(target)))
            }
        };
        pushed.expect("room");
    }
    answer.finish()
}
