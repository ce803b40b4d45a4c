//! The checked server: a tiny one that answers on every loopback address, plain and over TLS.
//!
//! In: a folder for the certificate. Out: three lines with addresses (plain, TLS whose sessions are never resumed, TLS whose
//! sessions are), then answers. Never here: measuring.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Name that checks ask for.
pub(crate) const HOST: &str = "www.example.com";

/// File of the certificate in the folder.
pub(crate) const AUTHORITY: &str = "authority.pem";

/// A few at once: a client that is slow to send must not fill the queue of the listener.
const THREADS: usize = 64;

/// TLS sessions that are kept for resumption.
const SESSIONS_MAX: usize = 200_000;

const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nready";

pub(crate) fn serve(folder: &Path) {
    let listen = || TcpListener::bind("0.0.0.0:0").expect("bind");
    let (plain, forgetful, secure) = (listen(), listen(), listen());
    let config = make_config(folder);
    let mut forgetting = config.clone();
    forgetting.session_storage = Arc::new(NoServerSessionStorage {});
    forgetting.send_tls13_tickets = 0;
    let (config, forgetting) = (Arc::new(config), Arc::new(forgetting));
    for listener in [&plain, &forgetful, &secure] {
        println!("{}", listener.local_addr().expect("it is bound"));
    }
    let answer_secure = |listener: &TcpListener, config: &Arc<ServerConfig>| {
        for stream in listener.incoming().flatten() {
            let session = ServerConnection::new(Arc::clone(config)).expect("a session");
            answer(StreamOwned::new(session, stream));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| plain.incoming().flatten().for_each(answer));
            scope.spawn(|| answer_secure(&forgetful, &forgetting));
            scope.spawn(|| answer_secure(&secure, &config));
        }
    });
}

/// Requests so far, of all clients.
static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// Whoever asks for `/count` is told how many others asked.
fn answer(mut stream: impl Read + Write) {
    let mut request = [0; 1024];
    let length = stream.read(&mut request).unwrap_or_default();
    if request[..length].starts_with(b"GET /count") {
        let count = REQUESTS.load(Ordering::Relaxed).to_string();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", count.len());
        let _ = stream.write_all((head + &count).as_bytes());
        return;
    }
    REQUESTS.fetch_add(1, Ordering::Relaxed);
    let _ = stream.write_all(REPLY);
}

fn make_config(folder: &Path) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let params = CertificateParams::new(vec![HOST.to_owned()]).expect("a name");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    std::fs::write(folder.join(AUTHORITY), certificate.pem()).expect("a writable folder");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a pair");
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS_MAX);
    config
}
