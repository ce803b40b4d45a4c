//! A bounded, ordered record of what moved: transitions, reloads, refusals, with evidence.
//!
//! In: events. Out: the newest of them, in order, filtered. Never here: logging, files, clocks; who records logs too.

mod event;
mod ring;

pub use event::{Event, EventKind};
pub use ring::{EVENTS_MAX, Timeline, Wanted};
