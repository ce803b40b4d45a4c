//! Watching targets while the server runs: their states, their prober, heartbeats, switches, self-doubt.
//!
//! In: wanted targets, reports of probes, heartbeats, orders, ticks. Out: transitions, held statuses, alarms, metrics. Never here:
//! publishing; the rules, which are those of `health`.

mod evidence;
mod heartbeats;
mod probing;
mod self_doubt;
mod switches;
mod watcher;

pub(super) use heartbeats::{Heartbeats, SavedBeat, hint};
pub use probing::{COMMANDS_VERB, command_settings};
pub(super) use probing::{Shares, probe_settings, start_prober};
pub(super) use switches::{SavedSwitch, Switches};
pub(super) use watcher::{Counted, Watcher};
