//! Probers for every protocol that checks speak, and their one schedule.
//!
//! In: targets to begin and stop. Out: one [`Report`] for each probe that ended. Never here: damping, statuses, logs.
//!
//! # What carries a probe
//!
//! No check rides on a connection of another. HTTP(S) checks drive a connection of hyper's themselves; those that follow
//! redirects, and queries to Prometheus, go through reqwest, with one client for each set of TLS settings, its pool off
//! (`exchange` says why there are two). Three hooks give what reqwest itself does not: its resolver hands over the target's
//! address and its certificate verifier takes the expected name and keeps the validity, both from the `trace` of the
//! probe under way, which is a task-local; a connector layer marks when the connection stands. All other checks use tokio
//! and tokio-rustls with the same verifier and the same trace. Their TLS sessions are resumed for some minutes after a full
//! handshake (`sessions`), but for those of `tls` checks, whose aim is the certificate, and those of reqwest.

mod certificate;
mod classify;
mod content;
mod counters;
mod crew;
mod dns;
mod dns_message;
mod exchange;
mod exec;
mod grpc;
mod handle;
mod handshake;
mod http;
mod kit;
mod metric;
mod once;
mod prober;
mod resolve;
mod schedule;
mod sessions;
mod stream;
mod tcp;
mod tls;
mod trace;
mod watch;

#[cfg(test)]
mod tests;

pub use counters::{ProbeCounters, ProbeCounts, RoomCounts};
pub use exec::{CommandCounters, CommandSettings, Commands, HelperDeath, serve_commands};
pub use handle::{Begun, Handle};
pub use kit::ProbeKit;
pub use once::probe_once;
pub use prober::{ProbeConfig, Prober, Report};
