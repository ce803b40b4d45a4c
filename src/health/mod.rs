//! Observations to statuses, and statuses to verdicts.
//!
//! In: what probes observed, with evidence, and the time. Out: the damped status of each target and the transitions
//! to record. Never here: DNS, sockets, clocks, logs. What a target is probed with ([`ProbeRecipe`]) is plain data
//! that `config` writes and `probe` reads.

mod evidence;
mod failback;
mod finding;
mod registry;
mod saved;
mod self_doubt;
mod soft;
mod step;
mod target;
mod target_table;
mod window;
mod wording;

pub use evidence::{Evidence, Latest, Observation, Phases};
pub use failback::{FailbackRule, FailbackState, TIERS_MAX, release, step_failback};
pub use finding::{CertificateFault, Family, Finding, Outcome, Phase, Searched, Wanted};
pub use registry::{Changes, ID_REST, Restored, SAVED_AGE_MAX, Targets};
pub use saved::{SavedStatus, fingerprint};
pub use self_doubt::{Cause, Doubt, DoubtChange, Ending, HELD_MAX, Home, SelfDoubt, Uncounted};
pub use soft::{DegradedRule, RAMP_STEPS, Recent, ramp_step_left, ramp_tenths};
pub use step::{CheckState, Counted, Input, SILENT_INTERVALS_MAX, Transition, step};
pub use target::{
    CertificateProbe, Damping, DnsProbe, Endpoint, ExecProbe, ExpectedRecord, GrpcProbe,
    HeartbeatProbe, HttpProbe, MetricProbe, ProbeKind, ProbeRecipe, Status, Target, TargetId,
    TcpProbe, Threshold, Timeout, TlsProbe,
};
pub use target_table::{Row, TargetTable};
pub use window::WeeklyWindow;
