//! Telemetry of the running server: metrics, events, alarms, signs of life, sampled questions.
//!
//! In: events, conditions that hold or do not, counters of workers, states of targets. Out: log lines, the timeline, alarms,
//! metrics, rows of the status report. Never here: what an event changes; publishing.

mod alarms;
mod history;
mod loads;
mod log_watch;
mod measure;
mod record;
mod transports;

pub(super) use loads::{record_load, record_start};
pub(super) use measure::{commands, names, probes, targets};
pub(super) use record::{TargetLabels, Telemetry};
