//! Time as values, and the only place that reads it.
//!
//! In: durations as text. Out: [`Moment`] (monotonic, tests can build it), [`WallTime`] (civil, for windows and log
//! stamps). Decisions take these as arguments; only [`Clock`] asks the system.

mod duration;
mod moment;

pub use duration::{DurationFault, format_duration, parse_duration};
pub use moment::{Clock, Moment, WallTime};
