//! A bounded, ordered record of what moved: transitions, reloads, refusals, with evidence; and the alarms that last.
//!
//! In: events. Out: the newest of them, in order, filtered. Never here: logging, files, clocks; who records logs too.

mod alarm;
mod event;
mod ring;

pub use alarm::{ALARMS_MAX, Alarm, AlarmChange, AlarmKind, Alarms};
pub use event::{Event, EventKind};
pub use ring::{EVENTS_MAX, Timeline, Wanted};
