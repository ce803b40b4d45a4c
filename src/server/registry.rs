//! Open connections, limited in all, by client and by prefix; evicts one when a new connection finds no place.
//!
//! In: client addresses and the handles that can close their connections. Out: tickets, and the handle of the one to
//! close. Never here: sockets, time.
//!
//! A connection counts as used when replies have left it, and as idle since its last use or its beginning. Clients are
//! counted by address (IPv6: by /64, what one subscriber gets) and by the prefix that the rate limit counts by too (/24
//! and /56), so that one network cannot take what others need. Who goes first:
//!
//! | When | Of which prefix | Of which client in it | Which of those |
//! |---|---|---|---|
//! | the client is at its limit | - | this one | see below |
//! | the prefix is at its limit | this one | with most open | see below |
//! | full, most were never used | with most never used | with most never used | longest idle of those never used |
//! | full otherwise | with most open | with most open | see below |
//!
//! Of one client, those that were never used go first while they are more than half of its connections; else, the
//! longest idle of all, so that a client that fills its places with connections that asked once does not evict the
//! new connection that is about to ask.
//!
//! So new connections always get in; a flood from few networks evicts its own, however fast it churns; and one from
//! very many that never ask evicts none that do.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use crate::answer::prefix_bits;

/// Open connections in all, by client and by prefix.
#[derive(Debug)]
pub(super) struct Registry<H> {
    entries: Vec<Option<Entry<H>>>,
    free: Vec<usize>,
    /// Connections by client; `None` are those behind a proxy that has not named the client yet.
    clients: Groups<Option<IpAddr>>,
    prefixes: Groups<Option<u64>>,
    /// Open connections that were never used.
    unused: usize,
    places: Places,
    /// Count of uses, which orders them; the smallest is the longest ago.
    tick: u64,
}

/// Limits of open connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// Most connections in all.
    pub(super) total_max: usize,
    /// Most connections of one client.
    pub(super) per_client_max: usize,
    /// Most connections of one prefix.
    pub(super) per_prefix_max: usize,
}

#[derive(Debug)]
struct Entry<H> {
    /// Index of its client's group.
    client: usize,
    /// Index of its prefix's group.
    prefix: usize,
    serial: u64,
    last_use: u64,
    is_used: bool,
    handle: Option<H>,
}

/// A place in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    slot: usize,
    serial: u64,
}

impl Ticket {
    /// Returns the index of the place: below the most that may be open, and unique while it is taken.
    pub(super) fn slot(self) -> usize {
        self.slot
    }
}

/// Ticket of a new connection, and the handle of the connection that is evicted for it.
#[derive(Debug)]
pub(super) struct Admission<H> {
    pub(super) ticket: Ticket,
    pub(super) evicted: Option<H>,
}

impl<H> Registry<H> {
    pub(super) fn new(places: Places) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            clients: Groups::default(),
            prefixes: Groups::default(),
            unused: 0,
            places,
            tick: 0,
        }
    }

    /// Admits a new connection, and returns the one that is evicted for it.
    pub(super) fn admit(&mut self, address: IpAddr) -> Admission<H> {
        let evicted = self.make_room(address).or_else(|| self.make_any_room());
        let ticket = self.enter(Some(address));
        Admission { ticket, evicted }
    }

    /// Admits a connection whose client a proxy has not named yet.
    pub(super) fn admit_unknown(&mut self) -> Admission<H> {
        let evicted = self.make_any_room();
        let ticket = self.enter(None);
        Admission { ticket, evicted }
    }

    /// Sets the client of a connection admitted as unknown; returns the connection that is evicted for it.
    pub(super) fn name(&mut self, ticket: Ticket, address: IpAddr) -> Option<H> {
        let unknown = self.clients.number_of(None)?;
        self.entry(ticket).filter(|entry| entry.client == unknown)?;
        let evicted = self.make_room(address);
        if let Some(entry) = self.remove(ticket.slot) {
            let (client, prefix) = self.count_in(Some(address), entry.is_used);
            self.free.pop();
            self.entries[ticket.slot] = Some(Entry {
                client,
                prefix,
                ..entry
            });
        }
        evicted
    }

    /// Makes room where a client or its prefix is at its limit.
    fn make_room(&mut self, address: IpAddr) -> Option<H> {
        let of_client = self.clients.number_of(Some(client_of(address)));
        let of_prefix = self.prefixes.number_of(Some(prefix_of(address)));
        if let Some(client) = of_client
            && self.clients.list[client].open >= self.places.per_client_max
        {
            return self.evict(|entry| entry.client == client);
        }
        let prefix = of_prefix?;
        if self.prefixes.list[prefix].open >= self.places.per_prefix_max {
            return self.evict(|entry| entry.prefix == prefix);
        }
        None
    }

    fn make_any_room(&mut self) -> Option<H> {
        if self.open() < self.places.total_max {
            return None;
        }
        self.evict_first()
    }

    fn enter(&mut self, address: Option<IpAddr>) -> Ticket {
        self.tick += 1;
        let (client, prefix) = self.count_in(address, false);
        let entry = Entry {
            client,
            prefix,
            serial: self.tick,
            last_use: self.tick,
            is_used: false,
            handle: None,
        };
        let slot = self.free.pop().unwrap_or(self.entries.len());
        if slot == self.entries.len() {
            self.entries.push(None);
        }
        self.entries[slot] = Some(entry);
        Ticket {
            slot,
            serial: self.tick,
        }
    }

    fn count_in(&mut self, address: Option<IpAddr>, is_used: bool) -> (usize, usize) {
        let unused = usize::from(!is_used);
        self.unused += unused;
        let client = self.clients.join(address.map(client_of), unused);
        let prefix = self.prefixes.join(address.map(prefix_of), unused);
        (client, prefix)
    }

    /// Gives the handle that can close the connection.
    pub(super) fn attach(&mut self, ticket: Ticket, handle: H) {
        if let Some(entry) = self.entry(ticket) {
            entry.handle = Some(handle);
        }
    }

    /// Marks the connection as used.
    pub(super) fn touch(&mut self, ticket: Ticket) {
        self.tick += 1;
        let tick = self.tick;
        let Some(entry) = self.entry(ticket) else {
            return;
        };
        entry.last_use = tick;
        let was_used = std::mem::replace(&mut entry.is_used, true);
        let (client, prefix) = (entry.client, entry.prefix);
        if !was_used {
            self.unused -= 1;
            self.clients.list[client].unused -= 1;
            self.prefixes.list[prefix].unused -= 1;
        }
    }

    /// Forgets a connection that ended; does nothing if it was evicted before.
    pub(super) fn release(&mut self, ticket: Ticket) {
        if self.entry(ticket).is_some() {
            self.remove(ticket.slot);
        }
    }

    /// Removes the connection that is first to be evicted and returns its handle.
    pub(super) fn evict_first(&mut self) -> Option<H> {
        self.evict(|_| true)
    }

    /// Returns how many connections are open.
    pub(super) fn open(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    fn entry(&mut self, ticket: Ticket) -> Option<&mut Entry<H>> {
        let entry = self.entries.get_mut(ticket.slot)?.as_mut()?;
        (entry.serial == ticket.serial).then_some(entry)
    }

    /// Scans all: some microseconds a thousand connections, and only for new connections while all places are taken.
    fn evict(&mut self, may_go: impl Fn(&Entry<H>) -> bool) -> Option<H> {
        let open = self.entries.iter().enumerate();
        let candidates = open.filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)));
        let (slot, _) = candidates
            .filter(|(_, entry)| may_go(entry))
            .max_by_key(|(_, entry)| self.rank(entry))?;
        self.remove(slot)?.handle
    }

    /// Returns the rank of a connection for eviction: the greatest goes first.
    fn rank(&self, entry: &Entry<H>) -> (usize, usize, usize, Reverse<u64>) {
        let client = &self.clients.list[entry.client];
        let prefix = &self.prefixes.list[entry.prefix];
        let is_unused = !entry.is_used;
        let idle = Reverse(entry.last_use);
        if self.unused * 2 > self.open() {
            (usize::from(is_unused), prefix.unused, client.unused, idle)
        } else {
            let goes_first = is_unused && client.unused * 2 > client.open;
            (prefix.open, client.open, usize::from(goes_first), idle)
        }
    }

    fn remove(&mut self, slot: usize) -> Option<Entry<H>> {
        let entry = self.entries[slot].take()?;
        self.free.push(slot);
        let unused = usize::from(!entry.is_used);
        self.unused -= unused;
        self.clients.leave(entry.client, unused);
        self.prefixes.leave(entry.prefix, unused);
        Some(entry)
    }
}

/// Connections counted by a key, as client or prefix; no more groups than connections.
#[derive(Debug)]
pub(super) struct Groups<K> {
    numbers: HashMap<K, usize>,
    list: Vec<Group<K>>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Group<K> {
    key: K,
    open: usize,
    unused: usize,
}

impl<K> Default for Groups<K> {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            list: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<K: Hash + Eq + Copy> Groups<K> {
    fn number_of(&self, key: K) -> Option<usize> {
        self.numbers.get(&key).copied()
    }

    /// Returns how many connections a group has.
    pub(super) fn open_of(&self, key: K) -> usize {
        self.number_of(key)
            .map_or(0, |number| self.list[number].open)
    }

    /// Returns whether there is no group.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Counts a connection and returns the number of its group.
    pub(super) fn join(&mut self, key: K, unused: usize) -> usize {
        let number = self.number_of(key).unwrap_or_else(|| self.found(key));
        self.list[number].open += 1;
        self.list[number].unused += unused;
        number
    }

    fn found(&mut self, key: K) -> usize {
        let group = Group {
            key,
            open: 0,
            unused: 0,
        };
        let number = match self.free.pop() {
            Some(number) => {
                self.list[number] = group;
                number
            }
            None => {
                self.list.push(group);
                self.list.len() - 1
            }
        };
        self.numbers.insert(key, number);
        number
    }

    /// Forgets a connection, and its group with the last one.
    pub(super) fn leave(&mut self, number: usize, unused: usize) {
        let group = &mut self.list[number];
        group.open -= 1;
        group.unused -= unused;
        if group.open == 0 {
            self.numbers.remove(&group.key);
            self.free.push(number);
        }
    }
}

/// Client that an address counts for: itself, or its /64 in IPv6, which is what one subscriber gets.
pub(super) fn client_of(address: IpAddr) -> IpAddr {
    // A socket for both families shows IPv4 clients as IPv4-mapped IPv6: one /64 for all of them.
    match address.to_canonical() {
        address @ IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

/// The prefix of an address, as the rate limit counts.
pub(super) fn prefix_of(address: IpAddr) -> u64 {
    prefix_bits(address.to_canonical())
}

#[cfg(test)]
mod tests;
