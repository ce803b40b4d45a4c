//! An explanation as data, and what is read for one.
//!
//! In: a zone with its inputs, a question, a client. Out: plain values. Never here: deciding.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::geo::{Locations, Place};
use crate::view::{Inputs, ZoneView};
use crate::wire::{Name, Rcode, Rtype};
use crate::zone::ServedZone;

/// A question to explain.
#[derive(Clone, Debug)]
pub struct Question {
    /// Name.
    pub name: Name,
    /// Type.
    pub rtype: Rtype,
}

/// Client of a question, as given by an operator or a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GivenClient {
    /// An unknown client.
    Unknown,
    /// A place.
    Place(Place),
    /// A resolver without client subnet.
    Address(IpAddr),
    /// A client subnet.
    Subnet(IpNet),
}

/// Zone, view, inputs and locations that an explanation reads.
pub struct ZoneState<'a> {
    /// The zone.
    pub served: &'a ServedZone,
    /// View of the zone.
    pub view: &'a ZoneView,
    /// Inputs that the view was folded from.
    pub inputs: &'a Inputs,
    /// Location database.
    pub locations: &'a Locations,
    /// Evidence of a target slot, as one line.
    pub evidence: &'a dyn Fn(u32) -> Option<String>,
}

/// Records that are answered together.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The pool; `None` for static records.
    pub pool: Option<String>,
    /// RDATA as text.
    pub rdata: Vec<String>,
    /// Type of the records: the type asked, or CNAME.
    pub rtype: Rtype,
    /// Probability in the answer, for members of equal weight; of the first place, where weights differ.
    pub probability: f64,
    /// TTL in seconds.
    pub ttl: u32,
}

/// A candidate of a node passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepCandidate {
    /// Label of the branch or member.
    pub label: String,
    /// True if it is healthy (for this client).
    pub is_healthy: bool,
    /// Reason why it is not healthy; of a healthy member, why it has less than its weight.
    pub why: Option<String>,
}

/// A node passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Kind of the node: `failover`, `weighted`, `location`, `pool`, `reference`.
    pub policy: &'static str,
    /// Label of the node.
    pub label: String,
    /// Source of the candidates: `healthy`, or a step of last resort.
    pub among: &'static str,
    /// Candidates of the node.
    pub candidates: Vec<StepCandidate>,
    /// Labels of those chosen on some way.
    pub chosen: Vec<String>,
    /// Facts about its draw beyond the weights: kept, trickling, spilling, measured times.
    pub notes: Vec<String>,
}

/// An explanation.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Zone that answers.
    pub zone: Name,
    /// Name asked.
    pub name: Name,
    /// Type asked.
    pub rtype: Rtype,
    /// Response code; of the ways with records, if any has.
    pub rcode: Rcode,
    /// Smallest TTL of a candidate, or the negative TTL without one, seconds.
    pub ttl: u32,
    /// Scope of client subnet, in bits.
    pub scope_len: u8,
    /// Probability of an answer without records.
    pub empty_probability: f64,
    /// Candidates, most probable first.
    pub candidates: Vec<Candidate>,
    /// Probability that a pool is among the answer (or first, where members are drawn by weight).
    pub pools: Vec<(String, f64)>,
    /// Nodes passed.
    pub steps: Vec<Step>,
    /// Aliases followed.
    pub aliases: Vec<String>,
    /// State of each flattened target that the name leads to (rule a28); empty here, filled in by the server.
    pub flattened: Vec<String>,
    /// Probability of records that some group gave on last resort (rule a12).
    pub last_resort: f64,
    /// Probability of records whose branch is given more than it can carry (rule a58).
    pub over_capacity: f64,
}

impl Explanation {
    pub(super) fn empty(zone: &Name, question: &Question) -> Self {
        Self {
            zone: zone.clone(),
            name: question.name.clone(),
            rtype: question.rtype,
            rcode: Rcode::NOERROR,
            ttl: 0,
            scope_len: 0,
            empty_probability: 0.0,
            candidates: Vec::new(),
            pools: Vec::new(),
            steps: Vec::new(),
            aliases: Vec::new(),
            flattened: Vec::new(),
            last_resort: 0.0,
            over_capacity: 0.0,
        }
    }
}
