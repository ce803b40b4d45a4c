//! The control loop: the one task that routes events between the owners of the running server's state.
//!
//! In: reports of probes, lookups, loads, saves, requests, ticks. Out: calls to the owners, in the order in which answers change.
//! Never here: state of its own, decisions, formats, waits for a disk or a reader.

mod control_requests;
mod events;

pub(super) use events::{ControlLoop, Sources};
