//! Reports of the running server: status, explanations, simulations.
//!
//! In: snapshots of the state. Out: reports, on threads of their own. Never here: changes of the state; work on the task that
//! publishes, but for pointers that are copied into a snapshot.

mod explain_snapshot;
mod explanation;
mod rehearsal;
mod reporter;
mod state_snapshot;
mod status_report;
mod status_rows;

pub use rehearsal::premises_of;
pub(super) use reporter::Reporter;
pub(super) use state_snapshot::StateSnapshot;
pub(super) use status_report::StatusParts;
pub(super) use status_rows::{finding_text, refused_row, word};
