//! One HTTP endpoint on one loopback address: listens, answers, hangs or is gone.
//!
//! In: a listener and the mode of its region. Out: `ready REGION` on `/healthz`. Dropping or aborting [`serve`] closes
//! the listener and every connection it accepted. Never here: deciding which mode to be in.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::http::{Request, read_request, write_reply};
use super::region::Region;

/// Connections that one endpoint holds at a time; far above what probes and a curious person open.
const CONNECTIONS_MAX: usize = 256;

/// Longest time for a client to send its request.
const REQUEST_WAIT: Duration = Duration::from_secs(10);

/// Pause after a failed accept, so that a lack of descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Behaviour of the endpoints of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Listen and answer.
    Well,
    /// Accept connections and never answer.
    Slow,
    /// Do not listen.
    Killed,
}

impl Mode {
    /// Returns the mode's name on the board.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Slow => "slow",
            Self::Killed => "killed",
        }
    }
}

/// Serves one listener until it is aborted.
pub(super) async fn serve(listener: TcpListener, region: Region, mode: watch::Receiver<Mode>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
            continue;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, region, mode.clone()));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Reads one request and answers it, once the region is well.
async fn converse(mut stream: TcpStream, region: Region, mut mode: watch::Receiver<Mode>) {
    let reading = tokio::time::timeout(REQUEST_WAIT, read_request(&mut stream));
    let Ok(Ok(Some(request))) = reading.await else {
        return;
    };
    let mut more = [0u8; 1];
    tokio::select! {
        biased;
        well = mode.wait_for(|mode| *mode == Mode::Well) => if well.is_err() { return },
        // A client that gave up, or says more than one request: a slow region must not collect them.
        _ = stream.read(&mut more) => return,
    }
    let (status, body) = reply_to(&request, region);
    // A client that went away while the region was slow is no fault of ours.
    drop(write_reply(&mut stream, status, &body).await);
}

fn reply_to(request: &Request, region: Region) -> (&'static str, String) {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/healthz") => ("200 OK", format!("ready {region}\n")),
        ("GET", "/") => ("200 OK", format!("hello from {region}\n")),
        ("GET", _) => ("404 Not Found", "here are only / and /healthz\n".to_owned()),
        _ => ("405 Method Not Allowed", "only GET works here\n".to_owned()),
    }
}
