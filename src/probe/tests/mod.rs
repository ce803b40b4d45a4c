//! Probes against real sockets on loopback, each misbehaving in its own way.

mod http;
mod prober;
mod protocols;
mod resumption;
mod tcp;
mod tls;
mod watch;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{ProbeContext, probe_once};
use crate::clock::Clock;
use crate::health::{
    Damping, Endpoint, HttpProbe, Observation, ProbeKind, ProbeRecipe, Target, Timeout,
};

/// What an endpoint does once it has read a request.
#[derive(Clone)]
pub(super) enum Play {
    /// Writes and closes.
    Say(Vec<u8>),
    /// Writes and holds the connection open.
    SayAndHold(Vec<u8>),
    /// Writes and resets the connection.
    SayAndReset(Vec<u8>),
    /// Writes the first, then the second again and again, for ever.
    Repeat(Vec<u8>, Vec<u8>),
}

impl Play {
    pub(super) fn say(text: &str) -> Self {
        Self::Say(text.as_bytes().to_vec())
    }
}

/// A listener on loopback that plays its part for every connection.
pub(super) struct Stage {
    pub(super) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Stage {
    /// Plays one part after another, the last one for ever.
    pub(super) async fn open(plays: Vec<Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut plays = plays.into_iter();
            let mut play = plays.next().unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(perform(stream, play.clone(), Arc::clone(&heard)));
                play = plays.next().unwrap_or(play);
            }
        });
        Self {
            address,
            requests,
            task,
        }
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn perform(mut stream: TcpStream, play: Play, heard: Arc<Mutex<Vec<String>>>) {
    let request = read_request(&mut stream).await;
    heard.lock().unwrap().push(request);
    if let Play::SayAndReset(octets) = &play {
        let _ = stream.write_all(octets).await;
        stream.set_zero_linger().unwrap();
        return;
    }
    play_on(&mut stream, play).await;
}

/// First octet of a TLS record that holds a handshake.
const TLS_HANDSHAKE: u8 = 22;

/// Reads until the end of the headers, of a line that is no HTTP, or of a TLS record.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut request = Vec::new();
    let mut octet = [0];
    while stream.read(&mut octet).await.is_ok_and(|count| count == 1) {
        request.push(octet[0]);
        if request.len() == 5 && request[0] == TLS_HANDSHAKE {
            let mut record = vec![0; usize::from(u16::from_be_bytes([request[3], request[4]]))];
            stream.read_exact(&mut record).await.unwrap();
            break;
        }
        let is_http = request.windows(5).any(|window| window == b"HTTP/");
        if request.ends_with(b"\r\n\r\n") || (!is_http && request.ends_with(b"\n")) {
            break;
        }
    }
    String::from_utf8_lossy(&request).into_owned()
}

pub(super) async fn play_on(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), play: Play) {
    match play {
        Play::Say(octets) | Play::SayAndReset(octets) => {
            let _ = stream.write_all(&octets).await;
            let _ = stream.shutdown().await;
        }
        Play::SayAndHold(octets) => {
            let _ = stream.write_all(&octets).await;
            let _ = stream.read(&mut [0]).await;
        }
        Play::Repeat(first, then) => {
            let _ = stream.write_all(&first).await;
            while stream.write_all(&then).await.is_ok() {}
        }
    }
}

/// Time for probes that are to end by themselves.
pub(super) const AMPLE: Timeout = Timeout::Whole(Duration::from_secs(10));

/// Time for probes that are to run out of it.
pub(super) const SCARCE: Timeout = Timeout::Whole(Duration::from_millis(80));

pub(super) fn http_probe() -> HttpProbe {
    HttpProbe {
        tls: None,
        method: "GET".into(),
        path: "/".into(),
        host: String::new(),
        headers: vec![],
        status: vec![(200, 299)],
        contains: None,
        regex: None,
        follow_redirects: 0,
        days_left: 0,
        header_bytes: HttpProbe::HEADER_BYTES,
    }
}

pub(super) fn target(address: SocketAddr, kind: ProbeKind, timeout: Timeout) -> Arc<Target> {
    Arc::new(Target {
        probe: ProbeRecipe {
            endpoint: Endpoint::Address(address.ip()),
            port: address.port(),
            kind,
            interval: Duration::from_secs(10),
            timeout,
            watch: false,
        },
        damping: Damping {
            rise: 2,
            fall: 3,
            forgive: 1,
            degraded: None,
        },
    })
}

pub(super) fn context() -> Arc<ProbeContext> {
    ProbeContext::new("leeward-test", vec![], Clock::start())
}

/// Probes once; returns the evidence as text.
pub(super) async fn probe(address: SocketAddr, kind: ProbeKind, timeout: Timeout) -> String {
    observe(address, kind, timeout).await.evidence.to_string()
}

pub(super) async fn observe(address: SocketAddr, kind: ProbeKind, timeout: Timeout) -> Observation {
    probe_once(&context(), &target(address, kind, timeout)).await
}

/// An address on which nobody listens.
pub(super) async fn closed_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}
