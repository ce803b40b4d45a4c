//! Observations to statuses, and statuses to verdicts.
//!
//! In: what probes observed, with evidence, and the time. Out: the damped status of each target and the transitions
//! to record. Never here: DNS, sockets, clocks, logs. What a target is probed with ([`ProbeRecipe`]) is plain data
//! that `config` writes and `probe` reads.

mod evidence;
mod finding;
mod registry;
mod saved;
mod step;
mod target;
mod wording;

pub use evidence::{Evidence, Observation, Outcome, Phase, Phases};
pub use finding::{CertificateFault, Family, Finding, Searched, Wanted};
pub use registry::{Changes, ID_REST, Row, SAVED_AGE_MAX, Targets};
pub use saved::{SavedStatus, fingerprint};
pub use step::{CheckState, Counted, Input, SILENT_INTERVALS_MAX, Transition, step};
pub use target::{
    CertificateProbe, Damping, DnsProbe, Endpoint, ExecProbe, ExpectedRecord, GrpcProbe,
    HeartbeatProbe, HttpProbe, MetricProbe, ProbeKind, ProbeRecipe, Status, Target, TargetId,
    TcpProbe, Threshold, Timeout, TlsProbe,
};
