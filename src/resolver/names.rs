//! Host names to the addresses that a probe tries (rule a34).
//!
//! In: a host name. Out: its addresses in order, or the reason why there are none, as soon as known. Never here:
//! probes, their time limits: a probe may stop waiting, and the lookup goes on.
//!
//! Order, as of the C library with `hosts: files dns`: the address itself, `/etc/hosts`, then DNS with the search list
//! of `/etc/resolv.conf`. Other sources of nsswitch.conf(5) are not asked. Names in zones of this server are answered
//! from there, as flattened targets are.

use std::fmt;
use std::future::pending;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::clock::{Clock, Moment};
use crate::wire::Name;

pub use super::answers::NameCounts;
use super::answers::Standing;
use super::hosts::Hosts;
use super::lookup::Own;
use super::lookup_queue::{LookupQueue, LookupSettings};
use super::upstream::Upstreams;

/// Longest wait of a probe for a new lookup of a name whose last addresses are known.
const RENEW_WAIT: Duration = Duration::from_millis(200);

/// Reason why a name has no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAddresses {
    /// Negative answer: the name does not exist, or has none.
    Missing,
    /// Lookups fail.
    Silent,
}

/// The one way from host names to addresses. Cheap to clone.
#[derive(Clone)]
pub struct Names {
    clock: Clock,
    system: Arc<Mutex<System>>,
    queue: Arc<Mutex<Place>>,
}

struct System {
    hosts: Hosts,
    upstreams: Upstreams,
}

/// Queue of lookups in use.
enum Place {
    Open(LookupQueue),
    /// A queue of our own, opened at the first question.
    Own(LookupSettings, Option<LookupQueue>),
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

impl Names {
    /// Uses a queue that is open.
    pub fn at(queue: LookupQueue, clock: Clock) -> Self {
        Self::with(Hosts::default(), Place::Open(queue), clock)
    }

    /// Uses a queue of its own with these settings, without zones of our own.
    pub fn alone(settings: LookupSettings, clock: Clock) -> Self {
        Self::with(Hosts::default(), Place::Own(settings, None), clock)
    }

    fn with(hosts: Hosts, place: Place, clock: Clock) -> Self {
        // The search list is the system's, whoever is asked.
        let upstreams = Upstreams::new(&[]);
        Self {
            clock,
            system: Arc::new(Mutex::new(System { hosts, upstreams })),
            queue: Arc::new(Mutex::new(place)),
        }
    }

    /// Returns the addresses of a host, at least one, in the order in which they are to be tried.
    ///
    /// # Errors
    /// The reason why there are none.
    pub async fn find(&self, host: &str) -> Result<Arc<[IpAddr]>, NoAddresses> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok([address].into());
        }
        let candidates = {
            let now = self.clock.now();
            let mut system = lock(&self.system);
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            let local = system.hosts.find(&name, now);
            if !local.is_empty() {
                return Ok(local.into());
            }
            system.upstreams.candidates(host, now)
        };
        let queue = self.queue();
        for name in candidates {
            match ask(&queue, &name, self.clock).await {
                Standing::Found(addresses) | Standing::Kept(addresses) => return Ok(addresses),
                Standing::Due(Some(addresses)) => return Ok(addresses),
                Standing::Nothing => {}
                // Whoever does not answer one question does not answer the next.
                Standing::Silent | Standing::Due(None) => return Err(NoAddresses::Silent),
            }
        }
        Err(NoAddresses::Missing)
    }

    /// Counts names by state, and lookups by result.
    pub fn counts(&self) -> NameCounts {
        self.queue().answers().count(self.clock.now())
    }

    /// Returns the first by name of those whose lookups failed at least three times in a row.
    pub fn first_failing(&self) -> Option<Name> {
        self.queue().answers().first_failing()
    }

    fn queue(&self) -> LookupQueue {
        let mut place = lock(&self.queue);
        match &mut *place {
            Place::Open(queue) => queue.clone(),
            Place::Own(_, Some(queue)) if !queue.is_closed() => queue.clone(),
            Place::Own(settings, queue) => {
                // Nobody hands in names of a targets there, so nothing ever goes into this channel.
                let (sink, _) = mpsc::channel(1);
                let own = Arc::new(|_: &Name, _| Own::Elsewhere);
                let open = LookupQueue::open(settings.clone(), own, sink, self.clock, pending());
                queue.insert(open).clone()
            }
        }
    }
}

/// Returns the known state of one name, or that after a lookup.
async fn ask(queue: &LookupQueue, name: &Name, clock: Clock) -> Standing {
    let standing = |now: Moment| queue.answers().standing(name, now);
    match standing(clock.now()) {
        Standing::Due(None) => queue.wait_for(name).await,
        // A lookup that takes long goes on; the next probe finds its answer.
        Standing::Due(Some(_)) => drop(timeout(RENEW_WAIT, queue.wait_for(name)).await),
        known => return known,
    }
    standing(clock.now())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What stands there is read anew or put in whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
