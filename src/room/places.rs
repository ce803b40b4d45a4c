//! A bounded number of places, part of which is barred to items that may hold one for long.
//!
//! In: items with their group and expected holding time. Out: the items that may start. Never here: clocks; the
//! caller reports an item that took longer than expected.
//!
//! | Holds a place for | May use, together with all that hold longer |
//! |---|---|
//! | a moment | every place |
//! | up to some seconds | 15 of 16 |
//! | longer | 7 of 8 |
//! | longest | 3 of 4 |
//!
//! So items that hang never take the places of brief ones. Of those that wait, the briefest start first, and among
//! equals the group that has the fewest places; no group has more than seven of eight. One start in eight is for the
//! longest instead, so that none waits for ever.

use std::collections::{BTreeSet, HashMap, VecDeque};

/// Longest time for which an item is expected to hold a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// A moment, as the last time.
    #[default]
    Brief,
    /// Some seconds.
    Short,
    /// Longer than [`Self::Short`].
    Long,
    /// Longer than [`Self::Long`].
    Longest,
}

/// Number of holds.
const HOLDS: usize = 4;
/// All of them, the briefest first.
const ALL: [Hold; HOLDS] = [Hold::Brief, Hold::Short, Hold::Long, Hold::Longest];
/// Sixteenths of the places that a hold and all longer ones may use together.
const PARTS: [usize; HOLDS] = [16, 15, 14, 12];
/// Sixteenths that one group may use.
const GROUP_PART: usize = 14;
/// Interval, in starts, of the one that begins with the longest holds.
const TURN: u32 = 8;

/// A place that is taken; give it back with [`Room::leave`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    group: u64,
    hold: Hold,
}

impl Taken {
    /// Returns the expected hold.
    pub const fn hold(self) -> Hold {
        self.hold
    }
}

/// Places, and the items that wait for one.
#[derive(Debug)]
pub struct Room<T> {
    places: usize,
    /// Places taken, by hold.
    taken: [usize; HOLDS],
    groups: HashMap<u64, Group<T>>,
    /// Groups with an item that waits, by hold: places that the group has, and its number.
    waiting: [BTreeSet<(usize, u64)>; HOLDS],
    waiting_count: usize,
    starts: u32,
}

#[derive(Debug)]
struct Group<T> {
    taken: usize,
    waiting: [VecDeque<T>; HOLDS],
}

impl<T> Group<T> {
    fn is_idle(&self) -> bool {
        self.taken == 0 && self.waiting.iter().all(VecDeque::is_empty)
    }
}

impl<T> Default for Group<T> {
    fn default() -> Self {
        Self {
            taken: 0,
            waiting: std::array::from_fn(|_| VecDeque::new()),
        }
    }
}

impl<T> Room<T> {
    /// Makes a room of so many places, at least one.
    pub fn new(places: usize) -> Self {
        Self {
            places: places.max(1),
            taken: [0; HOLDS],
            groups: HashMap::new(),
            waiting: std::array::from_fn(|_| BTreeSet::new()),
            waiting_count: 0,
            starts: 0,
        }
    }

    /// Puts an item in line; [`Self::start_next`] starts it. The line is as long as there are items of the caller.
    pub fn push(&mut self, group: u64, hold: Hold, item: T) {
        let line = self.groups.entry(group).or_default();
        line.waiting[hold as usize].push_back(item);
        self.waiting[hold as usize].insert((line.taken, group));
        self.waiting_count += 1;
    }

    /// Takes a place for the next item, if there is one for any that wait.
    pub fn start_next(&mut self) -> Option<(Taken, T)> {
        if self.waiting_count == 0 {
            return None;
        }
        let mut order = ALL;
        if self.starts % TURN == TURN - 1 {
            order.reverse();
        }
        let hold = order.into_iter().find(|hold| self.may_start(*hold))?;
        let (_, number) = *self.waiting[hold as usize].first()?;
        let group = self.groups.get_mut(&number)?;
        let item = group.waiting[hold as usize].pop_front()?;
        self.waiting_count -= 1;
        self.starts = self.starts.wrapping_add(1);
        self.taken[hold as usize] += 1;
        let before = group.taken;
        self.regroup(number, before, before + 1);
        let taken = Taken {
            group: number,
            hold,
        };
        Some((taken, item))
    }

    /// Gives a place back.
    pub fn leave(&mut self, taken: Taken) {
        self.taken[taken.hold as usize] -= 1;
        if let Some(group) = self.groups.get(&taken.group) {
            let before = group.taken;
            self.regroup(taken.group, before, before - 1);
        }
    }

    /// Raises the hold of a place that is held for longer than expected.
    pub fn lengthen(&mut self, taken: &mut Taken, hold: Hold) {
        if hold > taken.hold {
            self.taken[taken.hold as usize] -= 1;
            self.taken[hold as usize] += 1;
            taken.hold = hold;
        }
    }

    /// Counts those that wait.
    pub const fn waiting(&self) -> usize {
        self.waiting_count
    }

    /// Counts the places.
    pub const fn places(&self) -> usize {
        self.places
    }

    /// Counts the places that are taken.
    pub fn taken(&self) -> usize {
        self.taken.iter().sum()
    }

    /// Counts the places that are held for longer than a moment.
    pub fn held_long(&self) -> usize {
        self.taken[1..].iter().sum()
    }

    /// Returns whether the first item that waits with this hold may start.
    fn may_start(&self, hold: Hold) -> bool {
        let Some((group_has, _)) = self.waiting[hold as usize].first() else {
            return false;
        };
        let part = |sixteenths: usize| (self.places * sixteenths / 16).max(1);
        let has_room = |from: usize| {
            let taken: usize = self.taken[from..].iter().sum();
            taken < part(PARTS[from])
        };
        *group_has < part(GROUP_PART) && (0..=hold as usize).all(has_room)
    }

    /// Moves a group, whose places changed, to its new position in every line.
    fn regroup(&mut self, number: u64, before: usize, after: usize) {
        let Some(group) = self.groups.get_mut(&number) else {
            return;
        };
        group.taken = after;
        for (line, waiting) in self.waiting.iter_mut().zip(&group.waiting) {
            line.remove(&(before, number));
            if !waiting.is_empty() {
                line.insert((after, number));
            }
        }
        if group.is_idle() {
            self.groups.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fill(room: &mut Room<u32>) -> Vec<(Taken, u32)> {
        std::iter::from_fn(|| room.start_next()).collect()
    }

    #[test]
    fn what_holds_long_leaves_places_for_what_is_brief() {
        let mut room = Room::new(32);
        (0..100).for_each(|item| room.push(1, Hold::Longest, item));
        assert_eq!(fill(&mut room).len(), 24);
        (0..100).for_each(|item| room.push(2, Hold::Long, item));
        assert_eq!(fill(&mut room).len(), 4);
        (0..100).for_each(|item| room.push(3, Hold::Short, item));
        assert_eq!(fill(&mut room).len(), 2);
        (0..100).for_each(|item| room.push(4, Hold::Brief, item));
        assert_eq!(fill(&mut room).len(), 2);
        assert_eq!((room.taken(), room.waiting()), (32, 368));
    }

    #[test]
    fn the_group_with_the_fewest_places_comes_first() {
        let mut room = Room::new(32);
        (0..100).for_each(|item| room.push(1, Hold::Long, item));
        let mut held = fill(&mut room);
        (100..103).for_each(|item| room.push(2, Hold::Long, item));
        for _ in 0..3 {
            let (taken, _) = held.pop().expect("it was taken");
            room.leave(taken);
            let next = room.start_next().expect("a place is free");
            assert!(next.1 >= 100, "{next:?}");
            held.insert(0, next);
        }
        let (taken, _) = held.pop().expect("it was taken");
        room.leave(taken);
        assert!(
            room.start_next().is_some_and(|(_, item)| item < 100),
            "in their order"
        );
    }

    #[test]
    fn one_group_never_has_all_places_and_one_place_is_enough() {
        let mut room = Room::new(16);
        (0..100).for_each(|item| room.push(1, Hold::Brief, item));
        assert_eq!(fill(&mut room).len(), 14);
        room.push(2, Hold::Brief, 200);
        assert_eq!(fill(&mut room).len(), 1);
        let mut room = Room::new(0);
        for (item, hold) in (0..).zip(ALL) {
            room.push(7, hold, item);
        }
        for _ in 0..4 {
            let (taken, _) = room.start_next().expect("the only place");
            assert_eq!(room.start_next(), None);
            room.leave(taken);
        }
        assert!(room.groups.is_empty());
    }

    #[test]
    fn a_place_that_is_held_longer_counts_as_such() {
        let mut room = Room::new(16);
        (0..12).for_each(|item| room.push(item.into(), Hold::Brief, item));
        let mut held = fill(&mut room);
        for (taken, _) in &mut held {
            room.lengthen(taken, Hold::Longest);
        }
        room.push(20, Hold::Longest, 20);
        assert_eq!(room.start_next(), None);
        room.push(21, Hold::Brief, 21);
        assert!(room.start_next().is_some());
        held.into_iter().for_each(|(taken, _)| room.leave(taken));
        assert!(room.start_next().is_some());
        assert_eq!(room.taken(), 2);
    }

    proptest! {
        /// Brief items find a place at once, whatever longer ones of other groups do; no item is lost.
        #[test]
        fn the_brief_never_wait_for_the_long(
            places in 16usize..200,
            steps in prop::collection::vec((0u64..4, 1usize..4, any::<bool>()), 1..400),
        ) {
            let mut room = Room::new(places);
            let (mut held, mut pushed, mut started) = (Vec::new(), 0, 0);
            for (group, hold, ends) in steps {
                room.push(group, ALL[hold], pushed);
                pushed += 1;
                let new = fill(&mut room);
                started += new.len();
                held.extend(new);
                room.push(9, Hold::Brief, pushed);
                pushed += 1;
                let (taken, _) = room.start_next().expect("a place for a moment");
                prop_assert_eq!(taken.hold(), Hold::Brief);
                started += 1;
                room.leave(taken);
                if ends && let Some((taken, _)) = held.pop() {
                    room.leave(taken);
                }
                prop_assert!(room.taken() <= places);
                prop_assert_eq!(started + room.waiting(), pushed as usize);
            }
            while let Some((taken, _)) = held.pop() {
                room.leave(taken);
                held.extend(fill(&mut room));
            }
            prop_assert_eq!((room.waiting(), room.groups.len()), (0, 0));
        }
    }
}
