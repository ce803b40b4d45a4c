//! Watches targets: a quiet connection to each, whose end shows at once that a process may have died.
//!
//! In: a target whose check asks for it, as long as it is probed at all. Out: reports of confirming probes, through the
//! same channel as all others. Never here: a status; a connection that ends only makes probes run sooner.
//!
//! | Quiet connection | Effect |
//! |---|---|
//! | it ends or breaks | probes at once, one after the other, until one is not bad, or hangs, or `fall` of them were bad |
//! | it cannot be made | nothing: the schedule notices; another try later |
//! | octets come | they are read and dropped; after [`OCTETS_MAX`] the connection is given up |
//!
//! Targets that close quiet connections after a while cost one probe each time. Those that close them soon, though they
//! are well, are connected to less and less often, up to [`HABIT_MAX`] apart; those that are down, each second.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::context::{Prepared, ProbeContext};
use super::run::{find_addresses, run};
use crate::health::{Observation, Outcome, Timeout};

/// Most quiet connections of one process; targets beyond it are probed on schedule alone (chosen: a tenth of the
/// targets that one process is made for, and each costs a descriptor).
pub(super) const WATCHES_MAX: usize = 10_000;
/// Most confirming probes under way at once: the loss of a site ends thousands of connections in the same millisecond.
const CONFIRMING_MAX: usize = 256;
/// Duration beyond which a confirming probe is the last: a target that hangs is left to the schedule, so that it delays
/// no confirmation of another.
const CONFIRM_BRIEF: Duration = Duration::from_millis(500);
/// Most octets that a target may send on the quiet connection.
const OCTETS_MAX: usize = 65_536;
/// Duration from which on the end of a connection counts as habit, not as a fault: the next one is made without a
/// pause.
const USUAL_LIFE: Duration = Duration::from_secs(5);
/// The first pause before the next connection.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause while no connection can be made: a second death soon after a first is to be noticed too.
const ABSENT_MAX: Duration = Duration::from_secs(1);
/// The longest pause where quiet connections are closed soon by a target that is well.
const HABIT_MAX: Duration = Duration::from_secs(30);
/// Pause between confirming probes: a process that restarts behind the same socket gets this much time.
const CONFIRM_GAP: Duration = Duration::from_millis(2);
/// Silence after which the system sends a TCP keepalive; also keeps entries of address translators.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// State that all watches of a prober share.
#[derive(Debug)]
pub(super) struct Watches {
    connections_max: usize,
    connections: Semaphore,
    confirming: Semaphore,
}

impl Watches {
    pub(super) fn new(connections_max: usize) -> Self {
        Self {
            connections_max,
            connections: Semaphore::new(connections_max),
            confirming: Semaphore::new(CONFIRMING_MAX),
        }
    }

    /// Counts the quiet connections that stand or are being made.
    pub(super) fn count(&self) -> usize {
        self.connections_max - self.connections.available_permits()
    }
}

/// End of a quiet connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Never established.
    NotMade,
    /// Ended after this time while the target was not bad.
    Habit(Duration),
    /// Ended with the target bad.
    Death,
}

/// Watches a target until the task is dropped; `report` takes the observations of confirming probes.
pub(super) async fn watch<R: AsyncFn(Observation)>(
    context: Arc<ProbeContext>,
    prepared: Arc<Prepared>,
    watches: Arc<Watches>,
    report: R,
) {
    let Ok(_room) = watches.connections.try_acquire() else {
        return;
    };
    let mut pause = Pause::default();
    loop {
        let end = match hold(&context, &prepared).await {
            None => End::NotMade,
            Some(life) => match confirm(&context, &prepared, &watches, &report).await {
                Outcome::Bad => End::Death,
                Outcome::Good | Outcome::NoEvidence => End::Habit(life),
            },
        };
        tokio::time::sleep(pause.after(end)).await;
    }
}

/// Makes the quiet connection and waits for its end; returns its duration, if it was established.
async fn hold(context: &ProbeContext, prepared: &Prepared) -> Option<Duration> {
    let recipe = &prepared.target.probe;
    let limit = match recipe.timeout {
        Timeout::Whole(whole) => whole,
        Timeout::Phases { connect, .. } => connect,
    };
    let addresses = find_addresses(context, recipe).await.ok()?;
    let stream = connect(&addresses, limit).await?;
    let begun = context.clock.now();
    // Best effort: without it only the schedule notices a peer whose power failed.
    let _ = SockRef::from(&stream).set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(KEEPALIVE)
            .with_interval(KEEPALIVE),
    );
    drain(stream).await;
    Some(context.clock.now().since(begun))
}

async fn connect(addresses: &[SocketAddr], limit: Duration) -> Option<TcpStream> {
    for &address in addresses {
        if let Ok(Ok(stream)) = tokio::time::timeout(limit, TcpStream::connect(address)).await {
            return Some(stream);
        }
    }
    None
}

/// Reads until the connection ends, or [`OCTETS_MAX`] came.
async fn drain(mut stream: TcpStream) {
    let mut room = [0; 512];
    let mut octets = 0;
    while octets < OCTETS_MAX {
        match stream.read(&mut room).await {
            Ok(0) | Err(_) => return,
            Ok(len) => octets += len,
        }
    }
}

/// Probes at once, until a probe is not bad or as many were bad as make the target unhealthy; returns the last outcome.
async fn confirm<R: AsyncFn(Observation)>(
    context: &ProbeContext,
    prepared: &Prepared,
    watches: &Watches,
    report: &R,
) -> Outcome {
    let mut last = Outcome::NoEvidence;
    for _ in 0..prepared.target.damping.fall {
        // The semaphore is never closed.
        let turn = watches.confirming.acquire().await;
        let observation = run(context, prepared).await;
        drop(turn);
        last = observation.outcome;
        let took = observation.phases.total.unwrap_or_default();
        report(observation).await;
        if last != Outcome::Bad || took > CONFIRM_BRIEF {
            break;
        }
        tokio::time::sleep(CONFIRM_GAP).await;
    }
    last
}

/// Pause before the next connection.
#[derive(Debug)]
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(PAUSE_MIN)
    }
}

impl Pause {
    fn after(&mut self, end: End) -> Duration {
        let longest = match end {
            End::NotMade => ABSENT_MAX,
            End::Habit(life) if life < USUAL_LIFE => HABIT_MAX,
            End::Habit(_) => {
                *self = Self::default();
                return Duration::ZERO;
            }
            End::Death => {
                *self = Self::default();
                return PAUSE_MIN;
            }
        };
        let pause = self.0.min(longest);
        self.0 = pause * 2;
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_less_often_where_connections_end_soon() {
        let mut pause = Pause::default();
        let soon = End::Habit(Duration::from_millis(3));
        let millis = |pause: Duration| pause.as_millis();
        assert_eq!(millis(pause.after(soon)), 100);
        assert_eq!(millis(pause.after(soon)), 200);
        let last = (0..20).map(|_| pause.after(soon)).last();
        assert_eq!(last, Some(HABIT_MAX));
        assert_eq!(millis(pause.after(End::Habit(USUAL_LIFE))), 0);
        assert_eq!(millis(pause.after(soon)), 100, "starts over");
        assert_eq!(millis(pause.after(End::Death)), 100);
        let last = (0..20).map(|_| pause.after(End::NotMade)).last();
        assert_eq!(
            last,
            Some(ABSENT_MAX),
            "the dead are looked for each second"
        );
    }
}
