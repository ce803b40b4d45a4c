//! Places shared fairly among items that cannot all run at once.
//!
//! In: items, their expected holding times, their ends. Out: the items that may start. Never here: tasks, clocks.

mod places;

pub use places::{Hold, Room, Taken};
