//! The yardstick: the same checks by hyper's connection API and nothing else.
//!
//! Each check connects, shakes hands, sends one GET and reads the body. There are no time limits, no reports, no
//! phases and no schedule but a tick that starts as many checks as are due.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::figures::{Figures, Usage};
use super::{Load, endpoint, target_address};

/// Time between two ticks, as in the prober.
const TICK: Duration = Duration::from_millis(5);

/// TLS sessions that are kept.
const SESSIONS_MAX: usize = 200_000;

type Fault = Box<dyn std::error::Error + Send + Sync>;

#[derive(Default)]
struct Counts {
    good: AtomicU64,
    failed: AtomicU64,
}

pub(crate) fn measure(server: SocketAddr, load: Load, authority: Option<&str>) -> Figures {
    let connector = authority.map(|pem| TlsConnector::from(make_config(pem)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run(server, load, connector))
}

async fn run(server: SocketAddr, load: Load, connector: Option<TlsConnector>) -> Figures {
    let counts = Arc::new(Counts::default());
    let began = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    let gap = load.interval.div_f64(load.targets as f64);
    let mut started = 0;
    let mut begin: Option<(Instant, Usage, u64, u64)> = None;
    loop {
        let now = ticks.tick().await.into_std();
        let due = (now.duration_since(began).as_nanos() / gap.as_nanos()) as u64;
        while started < due {
            let address = target_address(server, started % load.targets);
            tokio::spawn(check_and_count(
                address,
                connector.clone(),
                Arc::clone(&counts),
            ));
            started += 1;
        }
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (good, failed) = (read(&counts.good), read(&counts.failed));
        match begin {
            None if now.duration_since(began) >= load.interval => {
                begin = Some((now, Usage::read(), good, failed));
            }
            Some((since, before, good_before, failed_before))
                if now.duration_since(since) >= load.length =>
            {
                let ended = good + failed - good_before - failed_before;
                let length = now.duration_since(since);
                let figures = Figures::between(before, Usage::read(), ended, length);
                return Figures {
                    failed: (failed - failed_before) as f64,
                    ..figures
                };
            }
            _ => {}
        }
    }
}

async fn check_and_count(
    address: SocketAddr,
    connector: Option<TlsConnector>,
    counts: Arc<Counts>,
) {
    let is_good = check(address, connector).await.unwrap_or(false);
    let counter = if is_good {
        &counts.good
    } else {
        &counts.failed
    };
    counter.fetch_add(1, Ordering::Relaxed);
}

async fn check(address: SocketAddr, connector: Option<TlsConnector>) -> Result<bool, Fault> {
    let stream = TcpStream::connect(address).await?;
    match connector {
        None => exchange(stream).await,
        Some(connector) => {
            let name = ServerName::try_from(endpoint::HOST)?;
            exchange(connector.connect(name, stream).await?).await
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<bool, Fault> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get("/healthz")
        .header("host", endpoint::HOST)
        .header("connection", "close")
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let is_ok = response.status().is_success();
    let body = response.into_body().collect().await?.to_bytes();
    Ok(is_ok && body == "ready")
}

fn make_config(pem: &str) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
    roots.add(certificate).expect("a certificate to trust");
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
    Arc::new(config)
}
