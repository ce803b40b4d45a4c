//! Places for connections to the API, and the choice of the one to evict.
//!
//! In: connections with their address, kind of request, progress and end. Out: a place or none; the connection to
//! evict. Never here: sockets, requests, clocks.
//!
//! | Room | For | Places | When it is full |
//! |---|---|---|---|
//! | arrivals | connections whose request is not whole yet | 64 | the longest waiting one of the address that has most goes |
//! | health | /healthz, /readyz, /metrics | 16 | the one goes that has not read for longest; else the new one is refused |
//! | changes | POST | 256 | as above |
//! | reads | everything else | 16 | as above |
//!
//! One address has at most half of a room after arrivals, so that it does not fill it alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::clock::Moment;

/// Time without an octet after which a client that does not read its answer may be evicted. Chosen: far more than a
/// slow link pauses.
pub(super) const IDLE_MIN: Duration = Duration::from_millis(500);

/// Group of connections with places of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Room {
    /// Connections whose request is not whole yet.
    Arrivals,
    /// Health endpoints and metrics.
    Health,
    /// Requests that change something.
    Changes,
    /// All other requests.
    Reads,
}

impl Room {
    /// Returns its places (chosen): a thousand heartbeats a second from one address that wait a tenth of a second each
    /// for their save are a hundred changes; an answer to a read may take 40 MB.
    pub(super) const fn places(self) -> usize {
        match self {
            Self::Arrivals => 64,
            Self::Health | Self::Reads => 16,
            Self::Changes => 256,
        }
    }
}

/// Number of a connection.
pub(super) type Number = u64;

/// Side that has to act next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The client, since this moment.
    Client(Moment),
    /// The server itself.
    Server,
}

#[derive(Debug)]
struct Placed {
    room: Room,
    address: IpAddr,
    turn: Turn,
}

/// Open connections with their rooms.
#[derive(Debug, Default)]
pub(super) struct Places {
    all: HashMap<Number, Placed>,
    last: Number,
}

impl Places {
    /// Adds a new connection; returns its number, and the one that is evicted for it.
    pub(super) fn arrive(&mut self, address: IpAddr, now: Moment) -> (Number, Option<Number>) {
        let goes = if self.count(Room::Arrivals) >= Room::Arrivals.places() {
            self.longest_of_most()
        } else {
            None
        };
        if let Some(number) = goes {
            self.all.remove(&number);
        }
        self.last += 1;
        let placed = Placed {
            room: Room::Arrivals,
            address,
            turn: Turn::Client(now),
        };
        self.all.insert(self.last, placed);
        (self.last, goes)
    }

    /// Gives a connection a place in the room of its request; returns the one that is evicted for it.
    ///
    /// # Errors
    /// If there is no place, and none can be evicted; the connection stays where it is.
    pub(super) fn enter(
        &mut self,
        number: Number,
        room: Room,
        now: Moment,
    ) -> Result<Option<Number>, ()> {
        let Some(address) = self.all.get(&number).map(|placed| placed.address) else {
            return Err(());
        };
        let is_here = |placed: &Placed| placed.room == room;
        let is_own = |placed: &Placed| placed.room == room && placed.address == address;
        let own = self.all.values().filter(|placed| is_own(placed)).count();
        let goes = if own >= room.places().div_ceil(2) {
            Some(self.longest_idle(is_own, now).ok_or(())?)
        } else if self.count(room) >= room.places() {
            Some(self.longest_idle(is_here, now).ok_or(())?)
        } else {
            None
        };
        if let Some(goes) = goes {
            self.all.remove(&goes);
        }
        if let Some(placed) = self.all.get_mut(&number) {
            placed.room = room;
            placed.turn = Turn::Server;
        }
        Ok(goes)
    }

    /// Notes that a client took octets, or that the server waits for it from now on.
    pub(super) fn move_on(&mut self, number: Number, now: Moment) {
        if let Some(placed) = self.all.get_mut(&number)
            && placed.room != Room::Arrivals
        {
            placed.turn = Turn::Client(now);
        }
    }

    /// Removes a connection that ended.
    pub(super) fn leave(&mut self, number: Number) {
        self.all.remove(&number);
    }

    pub(super) fn count(&self, room: Room) -> usize {
        let all = self.all.values();
        all.filter(|placed| placed.room == room).count()
    }

    /// Finds the oldest arrival of the address with most arrivals.
    fn longest_of_most(&self) -> Option<Number> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        let arrivals = || {
            let all = self.all.iter();
            all.filter(|(_, placed)| placed.room == Room::Arrivals)
        };
        for (_, placed) in arrivals() {
            *counts.entry(placed.address).or_default() += 1;
        }
        // Numbers grow with time.
        let weight = |(number, placed): &(&Number, &Placed)| {
            (usize::MAX - counts[&placed.address], **number)
        };
        arrivals().min_by_key(weight).map(|(number, _)| *number)
    }

    /// Finds the connection whose client has been idle longest, for [`IDLE_MIN`] at least.
    fn longest_idle(&self, is_wanted: impl Fn(&Placed) -> bool, now: Moment) -> Option<Number> {
        let wanted = self.all.iter().filter(|(_, placed)| is_wanted(placed));
        let idle = wanted.filter_map(|(number, placed)| match placed.turn {
            Turn::Client(since) => Some((now.since(since), *number)),
            Turn::Server => None,
        });
        let idle = idle.filter(|(time, _)| *time >= IDLE_MIN);
        idle.max_by_key(|(time, number)| (*time, u64::MAX - number))
            .map(|(_, number)| number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::ZERO.after(Duration::from_millis(millis))
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    // X5.
    #[test]
    fn silent_arrivals_make_room_the_oldest_of_the_most_first() {
        let mut places = Places::default();
        let (honest, _) = places.arrive(address(1), at(0));
        let mut gone = Vec::new();
        for millis in 1..1_000 {
            gone.extend(places.arrive(address(2), at(millis)).1);
        }
        assert!(!gone.contains(&honest));
        assert!(gone.is_sorted(), "the longest waiting goes first");
        assert_eq!(places.count(Room::Arrivals), Room::Arrivals.places());
        assert_eq!(places.enter(honest, Room::Health, at(1_000)), Ok(None));
        assert_eq!(places.enter(gone[0], Room::Health, at(1_000)), Err(()));
    }

    #[test]
    fn who_does_not_read_makes_room_and_who_is_served_does_not() {
        let mut places = Places::default();
        let enter = |places: &mut Places, last: u8, millis: u64| {
            let (number, _) = places.arrive(address(last), at(millis));
            places
                .enter(number, Room::Reads, at(millis))
                .map(|goes| (number, goes))
        };
        let full = Room::Reads.places();
        let mut all = Vec::new();
        for each in 0..full {
            let last = u8::try_from(each).expect("small");
            all.push(enter(&mut places, last, 0).expect("room").0);
        }
        assert_eq!(enter(&mut places, 99, 1), Err(()), "all are being served");
        for placed in &all {
            places.move_on(*placed, at(100));
        }
        places.move_on(all[0], at(300));
        assert_eq!(enter(&mut places, 99, 500), Err(()), "all read");
        let (_, goes) = enter(&mut places, 99, 700).expect("room");
        assert_eq!(
            goes,
            Some(all[1]),
            "the longest idle, and the first of equals"
        );
        // The other rooms are not touched.
        let (change, _) = places.arrive(address(99), at(700));
        assert_eq!(places.enter(change, Room::Changes, at(700)), Ok(None));
    }

    #[test]
    fn one_address_has_half_of_a_room() {
        let mut places = Places::default();
        for each in 0..Room::Changes.places() {
            let (number, _) = places.arrive(address(1), at(0));
            let entered = places.enter(number, Room::Changes, at(0));
            assert_eq!(entered.is_ok(), each < Room::Changes.places() / 2, "{each}");
            if entered.is_err() {
                places.leave(number);
            }
        }
        let (other, _) = places.arrive(address(2), at(0));
        assert_eq!(places.enter(other, Room::Changes, at(0)), Ok(None));
    }
}
