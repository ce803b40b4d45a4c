//! The desk: the task that looks names up, a bounded number at once.
//!
//! In: names from the keeper. Out: one report for each. Never here: when a name is due, what is known already.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock::{Clock, Moment};
use crate::wire::{Name, Rtype};

use super::entry::Side;
use super::lookup::{OwnZones, look_up};
use super::upstream::Upstreams;

/// Names that wait to be looked up; the book hands the rest out later.
const WAITING_MAX: usize = 1_024;

/// How names are looked up.
#[derive(Clone, Debug)]
pub struct DeskSettings {
    /// The servers to ask.
    pub upstreams: Upstreams,
    /// How long one server may take for one answer.
    pub timeout: Duration,
    /// Most names under way at once.
    pub concurrency: usize,
}

/// What a lookup brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedUp {
    /// The target.
    pub target: Name,
    /// A, AAAA.
    pub sides: [Side; 2],
    /// Who said so, for each.
    pub from: [String; 2],
    /// When it began.
    pub began: Moment,
}

/// Where names are handed in.
#[derive(Debug)]
pub struct Desk {
    names: mpsc::Sender<Name>,
}

impl Desk {
    /// Opens the desk: reports go into `sink` until `stopped` ends.
    pub fn open(
        settings: DeskSettings,
        own: OwnZones,
        sink: mpsc::Sender<LookedUp>,
        clock: Clock,
        stopped: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let (names, waiting) = mpsc::channel(WAITING_MAX);
        let work = work(settings, own, waiting, sink, clock);
        tokio::spawn(async move {
            tokio::select! {
                () = stopped => {}
                () = work => {}
            }
        });
        Self { names }
    }

    /// Hands a name in; says whether there was room.
    pub fn look_up(&self, name: &Name) -> bool {
        self.names.try_send(name.clone()).is_ok()
    }
}

async fn work(
    mut settings: DeskSettings,
    own: OwnZones,
    mut waiting: mpsc::Receiver<Name>,
    sink: mpsc::Sender<LookedUp>,
    clock: Clock,
) {
    let mut under_way: JoinSet<LookedUp> = JoinSet::new();
    loop {
        tokio::select! {
            Some(done) = under_way.join_next() => {
                // A lookup that broke is due again after a while; the book sees to that.
                if let Ok(report) = done
                    && sink.send(report).await.is_err()
                {
                    return;
                }
            }
            name = waiting.recv(), if under_way.len() < settings.concurrency => {
                let Some(target) = name else { return };
                let began = clock.now();
                match settings.upstreams.now(began) {
                    Ok(servers) => {
                        let (own, timeout) = (Arc::clone(&own), settings.timeout);
                        under_way.spawn(look_up_both(target, servers, timeout, own, began));
                    }
                    Err(why) => {
                        let own = Arc::clone(&own);
                        under_way.spawn(without_servers(target, why, own, began));
                    }
                }
            }
        }
    }
}

async fn look_up_both(
    target: Name,
    servers: Vec<SocketAddr>,
    timeout: Duration,
    own: OwnZones,
    began: Moment,
) -> LookedUp {
    let ((ipv4, from_ipv4), (ipv6, from_ipv6)) = tokio::join!(
        look_up(&target, Rtype::A, &servers, timeout, &own),
        look_up(&target, Rtype::AAAA, &servers, timeout, &own),
    );
    LookedUp {
        target,
        sides: [ipv4, ipv6],
        from: [from_ipv4, from_ipv6],
        began,
    }
}

/// Looks up what our own zones know; for the rest there is nobody to ask.
async fn without_servers(target: Name, why: String, own: OwnZones, began: Moment) -> LookedUp {
    let mut report = look_up_both(target, Vec::new(), Duration::ZERO, own, began).await;
    for side in &mut report.sides {
        if let Side::Failed(words) = side {
            words.clone_from(&why);
        }
    }
    report
}
