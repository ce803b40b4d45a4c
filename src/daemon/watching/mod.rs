//! Watching targets while the server runs: their states, their prober, heartbeats, self-doubt.
//!
//! In: wanted targets, reports of probes, heartbeats, ticks. Out: transitions, held statuses, alarms, metrics. Never here:
//! publishing; the rules, which are those of `health`.

mod probing;
mod self_doubt;
mod watcher;

pub(super) use probing::{Shares, probe_settings, start_prober};
pub(super) use self_doubt::anchor_targets;
pub(super) use watcher::Watcher;
