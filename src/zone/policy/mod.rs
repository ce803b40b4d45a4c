//! Policies as flat programs: nodes, runs of members, formulas of health, location rules.
//!
//! In: calls of the builder, children before parents. Out: arrays that a decision walks with indices. Never here:
//! what is healthy (that is the view's), who asks, draws.

mod build;
mod condition;
mod csr;
mod damped;
mod finish;
mod lease;
mod program;
mod reach;
mod spec;

pub use build::PolicyBuilder;
pub use condition::{Condition, ConditionId, Hold};
pub use csr::Csr;
pub use program::{
    AllDown, ClientTimes, Failback, LastKnown, Lease, LocationRule, MemberLabel, NONE, Node,
    NodeId, NodeKind, Options, Policies, Root, RootId, Run, RunId, TargetUse,
};
pub use spec::{MemberSpec, NodeSpec, RunSpec};
