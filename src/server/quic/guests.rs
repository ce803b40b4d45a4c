//! Who is connected over QUIC, and who has to leave when the house is full.
//!
//! In: newcomers. Out: a [`Guest`] each, whose end gives the place back. Never here: streams.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::metrics::{QueryCounters, TcpEvent};

use super::super::limits::TcpLimits;
use super::super::registry::{Registry, Ticket};

/// Connections and handshakes of one thread.
pub(super) struct Guests {
    registry: RefCell<Registry<Rc<Notify>>>,
    /// From here on newcomers have to show that their address is theirs.
    crowded_from: usize,
    pub(super) counters: Arc<QueryCounters>,
}

impl Guests {
    /// Makes an empty house.
    pub(super) fn new(limits: &TcpLimits, counters: Arc<QueryCounters>) -> Self {
        let total_max = limits.connections_max;
        Self {
            registry: RefCell::new(Registry::new(total_max, limits.connections_per_client_max)),
            // Chosen; no standard value: a round trip more is no price while addresses may be forged.
            crowded_from: total_max / 4,
            counters,
        }
    }

    /// Says whether newcomers have to prove their address by a round trip (RFC 9000, section 8.1.2).
    pub(super) fn is_crowded(&self) -> bool {
        self.registry.borrow().open() >= self.crowded_from
    }

    /// Lets a newcomer in and asks whoever has to leave for it to do so.
    pub(super) fn admit(self: &Rc<Self>, address: IpAddr) -> Guest {
        let admission = self.registry.borrow_mut().admit(address);
        if let Some(evicted) = admission.evicted {
            self.counters.count_tcp(TcpEvent::Evicted);
            evicted.notify_one();
        }
        self.counters.count_tcp(TcpEvent::Opened);
        let asked_to_leave = Rc::new(Notify::new());
        self.registry
            .borrow_mut()
            .attach(admission.ticket, Rc::clone(&asked_to_leave));
        Guest {
            guests: Rc::clone(self),
            ticket: admission.ticket,
            asked_to_leave,
        }
    }
}

/// A place in the house.
pub(super) struct Guest {
    guests: Rc<Guests>,
    ticket: Ticket,
    asked_to_leave: Rc<Notify>,
}

impl Guest {
    /// Notes that the connection was of use to its client.
    pub(super) fn touch(&self) {
        self.guests.registry.borrow_mut().touch(self.ticket);
    }

    /// Returns when somebody else needs the place.
    pub(super) async fn asked_to_leave(&self) {
        self.asked_to_leave.notified().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.guests.registry.borrow_mut().release(self.ticket);
        self.guests.counters.count_tcp(TcpEvent::Closed);
    }
}
