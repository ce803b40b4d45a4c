//! Policies as flat programs: nodes, runs of members, formulas of health, location rules.
//!
//! In: calls of the builder, children before parents. Out: arrays that a decision walks with indices. Never here:
//! what is healthy (that is the view's), who asks, draws.

mod build;
mod csr;
mod finish;
mod judge;
mod judged;
mod lease;
mod program;
mod reach;
mod spec;

pub use build::PolicyBuilder;
pub use csr::Csr;
pub use judge::{Hold, Judge, JudgeId};
pub use program::{
    AllDown, ClientTimes, Failback, LastKnown, Lease, LocationRule, MemberLabel, NONE, Node,
    NodeId, NodeKind, Options, Policies, Root, RootId, Run, RunId, TargetUse,
};
pub use spec::{MemberSpec, NodeSpec, RunSpec};
