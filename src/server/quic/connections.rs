//! Connections and half-open handshakes over QUIC: limits, evictions, proofs of addresses.
//!
//! In: new connections. Out: a decision on each, and a [`ConnectionGuard`] for those admitted, whose end gives the
//! place back. Never here: streams.
//!
//! The source of a first packet may be forged, and each connection that is admitted costs some 16 KiB until QUIC
//! forgets it, also after it was closed here. So connections without a finished handshake are counted, by client, by
//! prefix (the rate limit's, /24 and /56) and in all, until they are forgotten:
//!
//! | The new connection | While | Is |
//! |---|---|---|
//! | has not proven its address | one of the three counts is at its bound, or many places are taken | asked to (RFC 9000, section 8.1.2) |
//! | any | its client or prefix has as many of these as it may have connections | refused |
//! | any | QUIC holds twice as many connections, closing ones among them, as there are places | refused |
//! | any | else | let in |
//!
//! Asking and refusing keep no memory.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::metrics::{QueryCounters, TcpEvent};

use super::super::limits::TcpLimits;
use super::super::registry::{Groups, Places, Registry, Ticket, client_of, prefix_of};

/// Half-open handshakes of one client from which on its address has to be proven: a resolver opens one or two at once.
const CLIENT_HALF_OPEN_MAX: usize = 4;

/// The same of one prefix. Chosen; no standard value: a network of resolvers opens a few at once.
const PREFIX_HALF_OPEN_MAX: usize = 16;

/// The same in all: 1 MiB of memory under a flood with forged addresses of every prefix.
const HALF_OPEN_MAX: usize = 64;

/// Least number of closing connections that QUIC may hold beside the open ones, where there are few places.
const CLOSING_MIN: usize = 64;

/// Time that QUIC keeps a connection whose handshake failed: three times its probe timeout (RFC 9000, section 10.2),
/// which is a second while the round trip is not known (RFC 9002, section 6.2.2).
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_secs(3);

/// Decision on a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Admitted.
    Admit,
    /// Asked to prove its address (RFC 9000, section 8.1.2).
    Retry,
    /// Refused.
    Refuse,
}

/// Connections and handshakes of one thread.
pub(super) struct Connections {
    registry: RefCell<Registry<Rc<Notify>>>,
    half_open: RefCell<HalfOpen>,
    places: Places,
    pub(super) counters: Arc<QueryCounters>,
}

/// Counts of connections without a finished handshake that QUIC has not forgotten.
#[derive(Default)]
struct HalfOpen {
    clients: Groups<IpAddr>,
    prefixes: Groups<u64>,
    total: usize,
}

impl Connections {
    /// Starts without connections.
    pub(super) fn new(limits: &TcpLimits, counters: Arc<QueryCounters>) -> Self {
        let places = limits.places();
        Self {
            registry: RefCell::new(Registry::new(places)),
            half_open: RefCell::default(),
            places,
            counters,
        }
    }

    /// Decides on a new connection while QUIC holds `held` connections.
    pub(super) fn receive(&self, address: IpAddr, is_proven: bool, held: usize) -> Admission {
        let half_open = self.half_open.borrow();
        let of_client = half_open.clients.open_of(client_of(address));
        let of_prefix = half_open.prefixes.open_of(prefix_of(address));
        // Chosen; no standard value: a round trip more is no price while addresses may be forged.
        let is_crowded = self.registry.borrow().open() >= self.places.total_max / 4;
        let is_pressed = of_client >= CLIENT_HALF_OPEN_MAX
            || of_prefix >= PREFIX_HALF_OPEN_MAX
            || half_open.total >= HALF_OPEN_MAX;
        if !is_proven && (is_crowded || is_pressed) {
            return Admission::Retry;
        }
        let total_max = self.places.total_max;
        if of_client >= self.places.per_client_max
            || of_prefix >= self.places.per_prefix_max
            || held >= total_max + total_max.max(CLOSING_MIN)
        {
            return Admission::Refuse;
        }
        Admission::Admit
    }

    /// Admits a new connection, and signals the connection that is evicted for it.
    pub(super) fn admit(self: &Rc<Self>, address: IpAddr) -> (ConnectionGuard, Shaking) {
        let admission = self.registry.borrow_mut().admit(address);
        if let Some(evicted) = admission.evicted {
            self.counters.count_tcp(TcpEvent::Evicted);
            evicted.notify_one();
        }
        self.counters.count_tcp(TcpEvent::Opened);
        let eviction = Rc::new(Notify::new());
        self.registry
            .borrow_mut()
            .attach(admission.ticket, Rc::clone(&eviction));
        let guard = ConnectionGuard {
            connections: Rc::clone(self),
            ticket: admission.ticket,
            eviction,
        };
        let mut half_open = self.half_open.borrow_mut();
        half_open.total += 1;
        let shaking = Shaking {
            connections: Rc::clone(self),
            client: half_open.clients.join(client_of(address), 1),
            prefix: half_open.prefixes.join(prefix_of(address), 1),
        };
        (guard, shaking)
    }
}

/// The place of a connection, given back when it ends.
pub(super) struct ConnectionGuard {
    connections: Rc<Connections>,
    ticket: Ticket,
    eviction: Rc<Notify>,
}

impl ConnectionGuard {
    /// Marks the connection as used.
    pub(super) fn touch(&self) {
        self.connections.registry.borrow_mut().touch(self.ticket);
    }

    /// Waits until the connection is evicted.
    pub(super) async fn eviction(&self) {
        self.eviction.notified().await;
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.connections.registry.borrow_mut().release(self.ticket);
        self.connections.counters.count_tcp(TcpEvent::Closed);
    }
}

/// Place among half-open handshakes.
pub(super) struct Shaking {
    connections: Rc<Connections>,
    client: usize,
    prefix: usize,
}

impl Drop for Shaking {
    fn drop(&mut self) {
        let mut half_open = self.connections.half_open.borrow_mut();
        half_open.total -= 1;
        half_open.clients.leave(self.client, 1);
        half_open.prefixes.leave(self.prefix, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(prefix: u8, host: u8) -> IpAddr {
        IpAddr::from([10, 0, prefix, host])
    }

    /// X9: from a few half-open handshakes on, whose first packets may be forged, an address has to be proven.
    #[test]
    fn asks_for_proof_from_a_few_half_open_handshakes_on() {
        let cases = [
            ("one client", (|_| address(0, 1)) as fn(u8) -> _, 4),
            ("one prefix", |n| address(0, n), 16),
            ("everywhere", |n| address(n, 1), 64),
        ];
        for (name, source, wanted) in cases {
            let limits = TcpLimits::default();
            let connections = Rc::new(Connections::new(&limits, Arc::default()));
            let mut inside = Vec::new();
            for number in 0..=255 {
                if connections.receive(source(number), false, 0) == Admission::Admit {
                    inside.push(connections.admit(source(number)));
                }
            }
            assert_eq!(inside.len(), wanted, "{name}");
            let proven = connections.receive(source(0), true, 0);
            assert_eq!(proven, Admission::Admit, "{name}");
            let (_, shaking): (Vec<_>, Vec<_>) = inside.into_iter().unzip();
            let failed = connections.receive(source(0), false, 0);
            assert_eq!(failed, Admission::Retry, "{name}: not forgotten yet");
            drop(shaking);
            let forgotten = connections.receive(source(0), false, 0);
            assert_eq!(forgotten, Admission::Admit, "{name}");
            assert!(connections.half_open.borrow().clients.is_empty(), "{name}");
        }
    }

    #[test]
    fn refuses_proven_clients_only_where_memory_would_run_over() {
        let limits = TcpLimits::default();
        let connections = Rc::new(Connections::new(&limits, Arc::default()));
        let mut inside = Vec::new();
        while connections.receive(address(0, 1), true, 0) == Admission::Admit {
            inside.push(connections.admit(address(0, 1)).1);
        }
        assert_eq!(inside.len(), limits.connections_per_client_max);
        assert_eq!(
            connections.receive(address(0, 2), true, 0),
            Admission::Admit
        );
        for (held, wanted) in [(1_999, Admission::Admit), (2_000, Admission::Refuse)] {
            assert_eq!(
                connections.receive(address(1, 1), true, held),
                wanted,
                "{held}"
            );
        }
    }
}
