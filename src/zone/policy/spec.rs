//! Input of a builder: nodes, members and runs before they have numbers.

use crate::wire::Rtype;

use super::condition::{ConditionId, Hold};
use super::program::{MemberLabel, Node};

/// A node before it has a number: what a parent places into its block of children.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeSpec {
    /// The node itself.
    pub node: Node,
    /// Gate of the node; [`NONE`](super::NONE) for none.
    pub gate: u32,
    /// Label in traces.
    pub label: Box<str>,
}

/// A member before it has a bit.
#[derive(Clone, Debug)]
pub struct MemberSpec {
    /// RDATA, uncompressed.
    pub rdata: Box<[u8]>,
    /// Weight.
    pub weight: u16,
    /// Condition of its checks.
    pub condition: ConditionId,
    /// Hold written in the file.
    pub hold: Hold,
    /// TTL that it brings into a merged run, seconds.
    pub ttl: Option<u32>,
    /// Number of the lease that it is an address of, if it is one.
    pub lease: Option<u32>,
    /// Labels for explanations.
    pub label: MemberLabel,
}

/// A run before it has a number.
#[derive(Clone, Debug)]
pub struct RunSpec {
    /// Type of the records.
    pub rtype: Rtype,
    /// Members in written order.
    pub members: Vec<MemberSpec>,
}
