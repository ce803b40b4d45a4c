//! Places shared fairly: who may start when not everybody can be under way at once.
//!
//! In: who wants a place, how long it may be held, ends. Out: who starts next. Never here: tasks, sockets, clocks.

mod places;

pub use places::{Hold, Room, Taken};
