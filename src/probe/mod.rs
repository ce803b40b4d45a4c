//! Probers for every protocol that checks speak, and their one schedule.
//!
//! In: targets to begin and stop. Out: one [`Report`] for each probe that ended. Never here: damping, statuses, logs.
//!
//! # Connections of probes
//!
//! No check rides on a connection of another, and each drives its connection in its own task: HTTP/1 with a reader of
//! our own (`http1` says why), HTTP/2 through h2, TLS through tokio-rustls. The verifier of certificates takes the
//! expected name from the `trace` of the probe under way, which is a task-local, and keeps there what the peer showed.
//! TLS sessions are resumed for some minutes after a full handshake (`sessions`), but for those of `tls` checks, whose
//! aim is the certificate.

mod attempt;
mod classify;
mod content;
mod context;
mod counters;
mod dns;
mod driven;
mod exchange;
mod exec;
#[cfg(fuzzing)]
pub mod fuzz;
mod grpc;
mod handle;
mod handshake;
mod http;
mod http1;
mod metric;
mod prober;
mod reach;
mod resolve;
mod run;
mod schedule;
mod sessions;
mod stream;
mod tcp;
mod threads;
mod tls;
mod tls_fault;
mod trace;
mod watch;

pub use context::ProbeContext;
pub use counters::{ProbeCounters, ProbeCounts, RoomCounts};
pub use exec::{CommandCounters, CommandSettings, Commands, RunnerDeath, serve_commands};
pub use handle::{Begun, Handle};
pub use prober::{ProbeConfig, Prober, Report};
pub use reach::Reach;
pub use run::probe_once;
