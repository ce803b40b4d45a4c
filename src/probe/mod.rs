//! Probers for every protocol that checks speak, and their one schedule.
//!
//! In: targets to begin and stop. Out: one [`Report`] for each probe that ended. Never here: damping, statuses, logs.
//!
//! # What carries a probe
//!
//! HTTP goes through reqwest, with one client for each set of TLS settings, connection pool off: no check rides on a
//! connection of another. Three hooks give what reqwest itself does not: its resolver hands over the target's address
//! and its certificate verifier takes the expected name and keeps the validity, both from the `trace` of the
//! probe under way, which is a task-local; a connector layer marks when the connection stands. TCP checks use tokio and
//! tokio-rustls with the same verifier and the same trace. TLS sessions are never resumed: a resumed session shows no
//! certificate, and an expired one would go unnoticed.

mod certificate;
mod classify;
mod content;
mod dns;
mod dns_message;
mod exec;
mod grpc;
mod handshake;
mod http;
mod kit;
mod metric;
mod once;
mod prober;
mod resolve;
mod schedule;
mod tcp;
mod tls;
mod trace;
mod watch;

#[cfg(test)]
mod tests;

pub use exec::{CommandCounters, CommandSettings, Commands, serve_commands};
pub use kit::ProbeKit;
pub use once::probe_once;
pub use prober::{Handle, ProbeConfig, ProbeCounters, ProbeCounts, Prober, Report};
