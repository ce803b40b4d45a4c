//! Observations to statuses, and statuses to verdicts.
//!
//! In: what probes observed, with evidence, and the time. Out: the damped status of each target and the transitions
//! to record. Never here: DNS, sockets, clocks, logs. What a target is probed with ([`ProbeRecipe`]) is plain data
//! that `config` writes and `probe` reads.

mod target;

pub use target::{
    Damping, Endpoint, HttpProbe, ProbeKind, ProbeRecipe, Status, Target, TargetId, TcpProbe,
    Timeout, TlsProbe,
};
