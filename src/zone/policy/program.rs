//! The arrays that a decision walks.

use ipnet::IpNet;

use crate::geo::{Coordinates, Place, TimesFor};
use crate::health::{FailbackRule, Target};
use crate::wire::{Name, Rtype};

use super::condition::{Condition, ConditionId, Hold};
use super::csr::Csr;

/// Number of a node; children have lower numbers than their parents.
pub type NodeId = u32;
/// Number of a root: one policy for one type or family.
pub type RootId = u32;
/// Number of a run: the members of one pool and type.
pub type RunId = u32;
/// Absent index.
pub const NONE: u32 = u32::MAX;

/// Kind of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum NodeKind {
    /// Members: `first` is the first of `n` runs, `extra` the least healthy members.
    Pool,
    /// First healthy child.
    First,
    /// Drawn by weight: `extra` is where `[tier, prefix sums]` stand in `sums`.
    Weighted,
    /// By location: `extra` is the location rule.
    Located,
    /// Another node: `first` is its number.
    Refer,
}

/// A node of a policy program, 16 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// Kind of the node.
    pub kind: NodeKind,
    /// True if the node or something below it needs the client's location.
    pub is_dependent: bool,
    /// Number of children, or of runs of a pool.
    pub n: u16,
    /// First child, first run, or the node referred to.
    pub first: u32,
    /// See [`NodeKind`]; for `Refer`, 1 if the health of the node referred to does not count (rule a43).
    pub extra: u32,
    /// Index into the options; 0 has none.
    pub options: u32,
}

const _: () = assert!(size_of::<Node>() == 16);

/// Options of a node that a decision reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// TTL bounds in seconds, if written.
    pub ttl: Option<(u32, u32)>,
    /// Most members in one answer; 0 if not written.
    pub answers: u8,
    /// Fallback when no candidate is healthy.
    pub all_down: AllDown,
    /// Prefix lengths for IPv4 and IPv6 by which draws below are kept (rule a46); 0 if not written.
    pub sticky: (u8, u8),
    /// Percent for the next healthy tier (rule a40).
    pub trickle_percent: u8,
    /// Start of the children's capacities in percent among those of the zone, if any is stated (rule a58).
    pub capacities: Option<u32>,
    /// Node that gets what is over all capacities.
    pub overflow: Option<NodeId>,
    /// Number of the failback that decides when an earlier tier is used again; `None` uses it at once.
    pub failback: Option<u32>,
}

/// `all-down` (rule a14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AllDown {
    /// Last resort (rule a12).
    #[default]
    LastResort,
    /// All candidates at once, without the steps of a12.
    All,
    /// The candidates that were healthy last, by the number among the zone's; all if none is known.
    Last(u32),
    /// NODATA.
    NoData,
    /// SERVFAIL.
    ServFail,
    /// Another node.
    Node(NodeId),
}

/// A failover that stays where it is until its rule allows more (rules a40, a41).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failback {
    /// Key of its state over reloads and restarts: owner or pool, type and key path.
    pub key: String,
    /// Owner relative to the zone, or `pool:x`: what an operator releases.
    pub place: String,
    /// The rule.
    pub rule: FailbackRule,
    /// Labels of the tiers, in order.
    pub tiers: Box<[Box<str>]>,
    /// The failover, once it is placed; [`NONE`] if nothing leads to it.
    pub node: NodeId,
}

/// A node with `all-down = "last"` (rule a14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastKnown {
    /// Key of its state over reloads and restarts.
    pub key: String,
    /// The node, once it is placed; [`NONE`] if nothing leads to it.
    pub node: NodeId,
}

/// Members of one pool and type: consecutive bits, consecutive RDATA, weight above 0 first.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Type of the records; CNAME for targets.
    pub rtype: Rtype,
    /// Number of members.
    pub len: u16,
    /// Number of members with weight above 0; they come first.
    pub weighted_len: u16,
    /// First member bit.
    pub first_bit: u32,
    /// Start of the RDATA: in octets if `stride` is set, else an index into the offsets.
    pub data: u32,
    /// Length of each RDATA in octets; 0 if they differ.
    pub stride: u16,
    /// Start of the prefix sums of `weighted_len` weights; [`NONE`] if the weights are equal.
    pub sums: u32,
    /// TTL that each member brings (multivalue over pools), as an index into `member_ttls`; else [`NONE`].
    pub ttls: u32,
    /// True if address hints of some member are open (rule a55).
    pub has_open_hints: bool,
    /// True if some member is an address of a flattened target, whose TTL runs out (rule a28).
    pub is_leased: bool,
}

/// A policy for one type or family.
#[derive(Clone, Copy, Debug)]
pub struct Root {
    /// Node that it starts at.
    pub node: NodeId,
    /// TTL where none is written on the path, seconds.
    pub ttl: u32,
    /// Least TTL that a horizon may cut it to, seconds; equal to `ttl` where it does not follow one.
    pub ttl_min: u32,
    /// First of its location rules in `root_rules`.
    pub rules_first: u32,
    /// Number of location rules that are reachable; 0 answers alike everywhere.
    pub rules_len: u16,
    /// Longest prefix lengths by which draws below are kept, for IPv4 and IPv6; 0 keeps nothing.
    pub sticky: (u8, u8),
    /// Index of its location map among the zone's maps; [`NONE`] without rules.
    pub map: u32,
}

/// Addresses of one family of a flattened target (rule a28): answered no longer than the view allows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The target.
    pub target: Name,
    /// A or AAAA.
    pub rtype: Rtype,
    /// True if its last lookups allow its addresses to be used; if not, its members are unhealthy.
    pub is_usable: bool,
}

/// Labels that name a member in explanations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberLabel {
    /// Index into the zone's pool names.
    pub pool: u32,
    /// The member as text: address, target or RDATA.
    pub text: String,
    /// Site of the member.
    pub site: String,
}

/// Use of a target by a check, for people and references.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TargetUse {
    /// Slot of the target.
    pub slot: u32,
    /// Id of the check.
    pub check: String,
    /// Id of the pool; empty for a gate.
    pub pool: String,
    /// The member as text; empty for a gate.
    pub member: String,
    /// Site of the member; empty for a gate.
    pub site: String,
}

/// Rule of one location-dependent node, by which the place of a client orders its children.
#[derive(Clone, Debug, PartialEq)]
pub enum LocationRule {
    /// Places and an optional default child.
    Geo {
        /// Child by place.
        places: Vec<(Place, u16)>,
        /// Index of the default child.
        default: Option<u16>,
    },
    /// Prefixes and an optional default child.
    Subnets {
        /// Child by prefix.
        prefixes: Vec<(IpNet, u16)>,
        /// Index of the default child.
        default: Option<u16>,
    },
    /// Points with bias, by distance.
    Nearest {
        /// Point and bias by child.
        points: Vec<(Coordinates, i8)>,
    },
    /// Points, and round trips as far as an operator has measured them.
    Latency {
        /// Point by child.
        points: Vec<Coordinates>,
        /// Times by client.
        times: std::sync::Arc<[ClientTimes]>,
    },
}

/// Measured round trips of some clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTimes {
    /// Whose they are.
    pub client: TimesFor,
    /// Child and microseconds.
    pub times: Box<[(u16, u32)]>,
}

/// The policies of a zone.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// Nodes, children before parents.
    pub nodes: Box<[Node]>,
    /// Gate of each node; [`NONE`] has none.
    pub gates: Box<[u32]>,
    /// Options; index 0 is empty.
    pub options: Box<[Options]>,
    /// Prefix sums of weights.
    pub sums: Box<[u32]>,
    /// Percent that children of weighted nodes can carry; 100 where none is stated.
    pub capacities: Box<[u8]>,
    /// Runs.
    pub runs: Box<[Run]>,
    /// RDATA of all members.
    pub data: Box<[u8]>,
    /// Offsets into `data` for runs without stride: start of each member, and the end.
    pub offsets: Box<[u32]>,
    /// TTLs that members of merged runs bring, seconds.
    pub member_ttls: Box<[u32]>,
    /// Leases of flattened targets, those without addresses included.
    pub leases: Box<[Lease]>,
    /// Lease of each member bit, or [`NONE`]; empty in zones without leases.
    pub lease_of_member: Box<[u32]>,
    /// Leases with the pools that have them as members.
    pub lease_uses: Box<[(u32, u32)]>,
    /// Roots.
    pub roots: Box<[Root]>,
    /// Rule numbers reachable from roots.
    pub root_rules: Box<[u32]>,
    /// Location rules.
    pub rules: Box<[LocationRule]>,
    /// Distinct lists of rules that a location map is built for.
    pub maps: Box<[Box<[u32]>]>,
    /// Formulas of health, each after what it refers to.
    pub conditions: Box<[Condition]>,
    /// Lists of `AtLeast` conditions.
    pub condition_children: Box<[u32]>,
    /// The `Member` condition of each member bit.
    pub member_conditions: Box<[ConditionId]>,
    /// Holds written in the file, by member bit.
    pub holds: Box<[Hold]>,
    /// Targets by slot.
    pub targets: Box<[Target]>,
    /// Uses of targets, by slot.
    pub uses: Box<[TargetUse]>,
    /// First values of the switches by slot.
    pub switches: Box<[bool]>,
    /// Check and index within its panel of each switch.
    pub switch_names: Box<[(usize, usize)]>,
    /// Labels by member bit.
    pub labels: Box<[MemberLabel]>,
    /// Pool names.
    pub pools: Box<[String]>,
    /// Branch labels by node, for traces.
    pub branch_labels: Box<[Box<str>]>,
    /// Conditions by target slot.
    pub conditions_of_target: Csr,
    /// Conditions by condition that they refer to.
    pub conditions_of_condition: Csr,
    /// Nodes by gate.
    pub nodes_of_gate: Csr,
    /// Pool nodes by run.
    pub nodes_of_run: Csr,
    /// Run by member bit.
    pub run_of_member: Box<[RunId]>,
    /// Parents by node, referring nodes included.
    pub parents: Csr,
    /// Failovers that stay where they are.
    pub failbacks: Box<[Failback]>,
    /// Nodes that answer as they did last.
    pub lasts: Box<[LastKnown]>,
    /// Time in which a member returns to its full weight, milliseconds by member bit; empty if none has a ramp.
    pub ramps: Box<[u32]>,
    /// Members by target slot, for targets that can be degraded; empty if none can.
    pub soft_members: Csr,
    /// Roots whose TTL follows the horizon.
    pub ranged_roots: Box<[RootId]>,
    /// True if the zone has maintenance, before which every TTL shrinks (rule a49).
    pub has_plans: bool,
}

impl Policies {
    /// Returns the RDATA of a member of a run.
    #[inline]
    pub fn rdata(&self, run: &Run, member: usize) -> &[u8] {
        if run.stride != 0 {
            let start = run.data as usize + member * usize::from(run.stride);
            return &self.data[start..start + usize::from(run.stride)];
        }
        let at = run.data as usize + member;
        &self.data[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }

    /// Counts the member bits.
    pub fn member_count(&self) -> usize {
        self.member_conditions.len()
    }

    /// Returns the lease of a member, if it is an address of a flattened target.
    pub fn lease_of(&self, member: u32) -> Option<&Lease> {
        let lease = *self.lease_of_member.get(member as usize)?;
        self.leases.get(lease as usize)
    }

    /// Returns the uses of a target slot.
    pub fn uses_of(&self, slot: u32) -> &[TargetUse] {
        let from = self.uses.partition_point(|used| used.slot < slot);
        let to = self.uses.partition_point(|used| used.slot <= slot);
        &self.uses[from..to]
    }

    /// Returns whether answers depend on more than bits: on history, degraded members, or a horizon.
    pub fn need_policy_state(&self) -> bool {
        !self.failbacks.is_empty()
            || !self.lasts.is_empty()
            || !self.ramps.is_empty()
            || !self.soft_members.is_empty()
            || !self.ranged_roots.is_empty()
            || self.has_plans
    }

    /// Returns whether the zone has no policy.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }
}
