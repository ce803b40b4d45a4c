//! Endpoints on loopback that do to each connection what a test says.
//!
//! In: what to do. Out: an address, until it is dropped. Never here: expectations.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Something that listens until it is dropped.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listening {
    /// Serves by a task that was begun already.
    pub(crate) fn by(address: SocketAddr, task: JoinHandle<()>) -> Self {
        Self { address, task }
    }

    /// Listens on a free port and serves each connection in a task of its own.
    pub(crate) async fn open<S>(mut serve: impl FnMut(TcpStream) -> S + Send + 'static) -> Self
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Self::by(address, task)
    }

    /// Does so inside TLS; a handshake that fails ends the connection.
    pub(crate) async fn open_tls<S>(
        config: ServerConfig,
        serve: impl Fn(TlsStream<TcpStream>) -> S + Clone + Send + 'static,
    ) -> Self
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::open(move |stream| {
            let (acceptor, serve) = (acceptor.clone(), serve.clone());
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream).await;
                }
            }
        })
        .await
    }
}

/// What an endpoint does once it has read a request.
#[derive(Clone)]
pub(crate) enum Play {
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
    pub(crate) fn say(text: &str) -> Self {
        Self::Say(text.as_bytes().to_vec())
    }
}

/// An endpoint that plays its part for every connection, and keeps the requests.
pub(crate) struct ScriptedEndpoint {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    _listening: Listening,
}

impl ScriptedEndpoint {
    /// Plays one part after another, the last one for ever.
    pub(crate) async fn open(plays: Vec<Play>) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let read = Arc::clone(&requests);
        let mut plays = plays.into_iter();
        let mut play = plays.next().expect("one part at least");
        let listening = Listening::open(move |stream| {
            let next = plays.next().unwrap_or_else(|| play.clone());
            perform(
                stream,
                std::mem::replace(&mut play, next),
                Arc::clone(&read),
            )
        });
        let listening = listening.await;
        Self {
            address: listening.address,
            requests,
            _listening: listening,
        }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

async fn perform(mut stream: TcpStream, play: Play, requests: Arc<Mutex<Vec<String>>>) {
    let request = read_request(&mut stream).await;
    requests.lock().expect("no panic").push(request);
    if let Play::SayAndReset(octets) = &play {
        let _ = stream.write_all(octets).await;
        stream.set_zero_linger().expect("an option");
        return;
    }
    play_on(&mut stream, play).await;
}

/// First octet of a TLS record that holds a handshake.
const TLS_HANDSHAKE: u8 = 22;

/// Reads until the end of the headers, of a line that is no HTTP, or of a TLS record.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut request = Vec::new();
    let mut octet = [0];
    while stream.read(&mut octet).await.is_ok_and(|count| count == 1) {
        request.push(octet[0]);
        if request.len() == 5 && request[0] == TLS_HANDSHAKE {
            let mut record = vec![0; usize::from(u16::from_be_bytes([request[3], request[4]]))];
            stream.read_exact(&mut record).await.expect("a record");
            break;
        }
        let is_http = request.windows(5).any(|window| window == b"HTTP/");
        if request.ends_with(b"\r\n\r\n") || (!is_http && request.ends_with(b"\n")) {
            break;
        }
    }
    String::from_utf8_lossy(&request).into_owned()
}

pub(crate) async fn play_on(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), play: Play) {
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

/// An address on which nobody listens.
pub(crate) async fn closed_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("bound")
}
