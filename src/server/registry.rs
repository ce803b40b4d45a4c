//! Which TCP connections are open, and which makes room when a newcomer finds the house full.
//!
//! In: client addresses and the handles that can close their connections. Out: tickets, and the handle of the one to
//! close. Never here: sockets, time.
//!
//! Rank is by use: a connection counts as used when it is accepted and whenever replies have left it. One that is
//! silent, sends a slow drip or does not read grows old and goes first, so newcomers always get in.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Open connections in all and by client.
#[derive(Debug)]
pub(super) struct Registry<H> {
    entries: Vec<Option<Entry<H>>>,
    free: Vec<usize>,
    by_client: HashMap<IpAddr, usize>,
    total_max: usize,
    per_client_max: usize,
    /// Counts uses; the smallest is the longest ago.
    tick: u64,
}

#[derive(Debug)]
struct Entry<H> {
    /// `None` until a proxy has said who it is.
    client: Option<IpAddr>,
    serial: u64,
    last_use: u64,
    handle: Option<H>,
}

/// A place in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    slot: usize,
    serial: u64,
}

impl Ticket {
    /// Returns the number of the place: smaller than the most that may be open, and nobody else's meanwhile.
    pub(super) fn slot(self) -> usize {
        self.slot
    }
}

/// A newcomer's ticket, and whoever has to leave for it.
#[derive(Debug)]
pub(super) struct Admission<H> {
    pub(super) ticket: Ticket,
    pub(super) evicted: Option<H>,
}

impl<H> Registry<H> {
    pub(super) fn new(total_max: usize, per_client_max: usize) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            by_client: HashMap::new(),
            total_max,
            per_client_max,
            tick: 0,
        }
    }

    /// Lets a newcomer in; the longest idle of the same client goes if that client is at its limit, else the longest
    /// idle of all if the house is full.
    pub(super) fn admit(&mut self, address: IpAddr) -> Admission<H> {
        let client = Some(client_of(address));
        let evicted = self.make_room(client);
        let ticket = self.enter(client);
        Admission { ticket, evicted }
    }

    /// Lets somebody in of whom a proxy has yet to say who it is; the longest idle of all goes if the house is full.
    pub(super) fn admit_unknown(&mut self) -> Admission<H> {
        let evicted = self.make_room(None);
        let ticket = self.enter(None);
        Admission { ticket, evicted }
    }

    /// Says who somebody is that was let in unknown; the longest idle of that client goes if it is at its limit.
    pub(super) fn name(&mut self, ticket: Ticket, address: IpAddr) -> Option<H> {
        let client = client_of(address);
        self.entry(ticket).filter(|entry| entry.client.is_none())?;
        let evicted = if self.open_of(client) >= self.per_client_max {
            self.evict(|entry| entry.client == Some(client))
        } else {
            None
        };
        if let Some(entry) = self.entry(ticket) {
            entry.client = Some(client);
            *self.by_client.entry(client).or_insert(0) += 1;
        }
        evicted
    }

    fn make_room(&mut self, client: Option<IpAddr>) -> Option<H> {
        if client.is_some_and(|client| self.open_of(client) >= self.per_client_max) {
            self.evict(|entry| entry.client == client)
        } else if self.open() >= self.total_max {
            self.evict(|_| true)
        } else {
            None
        }
    }

    fn enter(&mut self, client: Option<IpAddr>) -> Ticket {
        self.tick += 1;
        let entry = Entry {
            client,
            serial: self.tick,
            last_use: self.tick,
            handle: None,
        };
        let slot = self.free.pop().unwrap_or(self.entries.len());
        if slot == self.entries.len() {
            self.entries.push(None);
        }
        self.entries[slot] = Some(entry);
        if let Some(client) = client {
            *self.by_client.entry(client).or_insert(0) += 1;
        }
        Ticket {
            slot,
            serial: self.tick,
        }
    }

    /// Gives the handle that can close the connection.
    pub(super) fn attach(&mut self, ticket: Ticket, handle: H) {
        if let Some(entry) = self.entry(ticket) {
            entry.handle = Some(handle);
        }
    }

    /// Notes that the connection was of use to its client.
    pub(super) fn touch(&mut self, ticket: Ticket) {
        self.tick += 1;
        let tick = self.tick;
        if let Some(entry) = self.entry(ticket) {
            entry.last_use = tick;
        }
    }

    /// Forgets a connection that ended; does nothing if it was evicted before.
    pub(super) fn release(&mut self, ticket: Ticket) {
        if self.entry(ticket).is_some() {
            self.remove(ticket.slot);
        }
    }

    /// Removes the longest idle connection and returns its handle.
    pub(super) fn evict_longest_idle(&mut self) -> Option<H> {
        self.evict(|_| true)
    }

    /// Returns how many connections are open.
    pub(super) fn open(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    fn open_of(&self, client: IpAddr) -> usize {
        self.by_client.get(&client).copied().unwrap_or(0)
    }

    fn entry(&mut self, ticket: Ticket) -> Option<&mut Entry<H>> {
        let entry = self.entries.get_mut(ticket.slot)?.as_mut()?;
        (entry.serial == ticket.serial).then_some(entry)
    }

    /// Scans all: a microsecond a thousand connections, and only for newcomers to a full house.
    fn evict(&mut self, may_go: impl Fn(&Entry<H>) -> bool) -> Option<H> {
        let open = self.entries.iter().enumerate();
        let candidates = open.filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)));
        let (slot, _) = candidates
            .filter(|(_, entry)| may_go(entry))
            .min_by_key(|(_, entry)| entry.last_use)?;
        self.remove(slot)
    }

    fn remove(&mut self, slot: usize) -> Option<H> {
        let entry = self.entries[slot].take()?;
        self.free.push(slot);
        if let Some(client) = entry.client
            && let Some(count) = self.by_client.get_mut(&client)
        {
            *count -= 1;
            if *count == 0 {
                self.by_client.remove(&client);
            }
        }
        entry.handle
    }
}

/// Whom an address belongs to for counting: itself, or its /64 in IPv6, which is what one subscriber gets.
fn client_of(address: IpAddr) -> IpAddr {
    // A socket for both families shows IPv4 clients as IPv4-mapped IPv6: one /64 for all of them.
    match address.to_canonical() {
        address @ IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn let_in(registry: &mut Registry<&'static str>, last: u8, name: &'static str) -> Ticket {
        let admission = registry.admit(client(last));
        registry.attach(admission.ticket, name);
        admission.ticket
    }

    #[test]
    fn closes_the_longest_idle_of_all_when_the_house_is_full() {
        let mut registry = Registry::new(3, 3);
        let first = let_in(&mut registry, 1, "first");
        let_in(&mut registry, 2, "second");
        let_in(&mut registry, 3, "third");
        registry.touch(first);
        assert_eq!(registry.admit(client(4)).evicted, Some("second"));
        assert_eq!(registry.admit(client(5)).evicted, Some("third"));
        assert_eq!(registry.admit(client(6)).evicted, Some("first"));
        assert_eq!(registry.open(), 3);
    }

    #[test]
    fn closes_the_longest_idle_of_the_same_client_at_its_limit() {
        let mut registry = Registry::new(10, 2);
        let_in(&mut registry, 1, "other");
        let_in(&mut registry, 2, "mine, old");
        let_in(&mut registry, 2, "mine, new");
        assert_eq!(registry.admit(client(2)).evicted, Some("mine, old"));
        assert_eq!(registry.open(), 3);
    }

    #[test]
    fn counts_those_behind_a_proxy_once_they_have_a_name() {
        let mut registry = Registry::new(3, 2);
        let let_in = |registry: &mut Registry<u8>, number| {
            let admission = registry.admit_unknown();
            registry.attach(admission.ticket, number);
            (admission.ticket, admission.evicted)
        };
        let tickets = [1, 2, 3].map(|number| let_in(&mut registry, number).0);
        assert_eq!(registry.name(tickets[0], client(1)), None);
        assert_eq!(registry.name(tickets[0], client(2)), None, "one name each");
        assert_eq!(registry.name(tickets[1], client(1)), None);
        assert_eq!(registry.name(tickets[2], client(1)), Some(1));
        assert_eq!(registry.by_client.get(&client(1)), Some(&2));
        assert_eq!(let_in(&mut registry, 4).1, None);
        assert_eq!(let_in(&mut registry, 5).1, Some(2));
        assert_eq!(registry.name(tickets[1], client(1)), None, "gone already");
        registry.release(tickets[2]);
        assert!(registry.by_client.is_empty());
        assert_eq!(registry.open(), 2);
    }

    #[test]
    fn forgets_a_connection_once() {
        let mut registry = Registry::new(1, 1);
        let first = let_in(&mut registry, 1, "first");
        let second = registry.admit(client(1));
        assert_eq!(second.evicted, Some("first"));
        registry.release(first);
        registry.touch(first);
        assert_eq!(
            registry.open(),
            1,
            "an old ticket frees nobody else's place"
        );
        registry.release(second.ticket);
        registry.release(second.ticket);
        assert_eq!(registry.open(), 0);
        assert!(registry.by_client.is_empty());
        assert_eq!(registry.evict_longest_idle(), None);
    }

    #[test]
    fn counts_ipv6_clients_by_their_network() {
        let cases = [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("::1", "::"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ];
        for (address, wanted) in cases {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(client_of(address).to_string(), wanted);
        }
    }

    proptest::proptest! {
        #[test]
        fn never_holds_more_than_its_limits(steps in proptest::collection::vec((0u8..4, 0u8..6), 0..200)) {
            let mut registry = Registry::new(5, 3);
            let mut tickets = Vec::new();
            for (what, number) in steps {
                let pick = tickets.get(usize::from(number)).copied();
                match (what, pick) {
                    (0, Some(ticket)) => registry.release(ticket),
                    (1, Some(ticket)) => registry.touch(ticket),
                    _ => {
                        let admission = registry.admit(client(number));
                        registry.attach(admission.ticket, ());
                        tickets.insert(0, admission.ticket);
                    }
                }
                let counted: usize = registry.by_client.values().sum();
                proptest::prop_assert_eq!(counted, registry.open());
                proptest::prop_assert!(registry.open() <= 5);
                proptest::prop_assert!(registry.by_client.values().all(|count| *count <= 3 && *count > 0));
            }
        }
    }
}
