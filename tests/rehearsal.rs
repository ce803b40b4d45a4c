//! Rehearsals from files: simulated losses, and what a change of files changes for clients.

#[path = "rehearsal/diff.rs"]
mod diff;
#[path = "rehearsal/ground.rs"]
mod ground;
#[path = "rehearsal/simulate.rs"]
mod simulate;
