//! Commands as probes: run on schedule by a helper process of our own, so that the server neither forks nor shares a
//! process with a command.
//!
//! In: a command and the address it is about, both allowed by the server file. Out: a finding. Never here: a shell.
//!
//! The helper is the same binary, started with a verb that help does not show. Server and helper speak frames over the
//! helper's standard input and output ([`frame`]): a request for each command, a report for each end. The helper ends
//! when its input ends, and ends all commands before. Every command leads a process group of its own, which is killed
//! when the time is up, and when the command has ended.

mod command_process;
mod frame;
mod group;
mod runner;
mod verdict;

pub use command_process::{CommandCounters, CommandSettings, Commands, RunnerDeath};
pub use runner::serve_commands;
pub(super) use verdict::probe_exec;
