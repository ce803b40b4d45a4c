//! Explains an answer: every candidate with its probability, every node passed, every member left out and why.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::answer::{Answer, Any, Chain, Client, Hosts, Note, ZoneQuestion};
use crate::geo::{Locations, Place};
use crate::view::{Inputs, ZoneView};
use crate::wire::{ClientSubnet, Name, QueryName, Rcode, Rtype};
use crate::zone::{ServedZone, Zone};

use super::candidates::{add_shares, candidates_of, merge};
use super::lister::{Lister, Visit, WAYS_MAX};
use super::trace::add_steps;

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

/// Extent of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// The answer.
    Answer,
    /// The answer, and each node passed.
    Steps,
}

impl Explanation {
    fn empty(zone: &Name, question: &Question) -> Self {
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

/// Explains the answer to a question at or below the zone's apex.
pub fn explain(
    zone_state: &ZoneState<'_>,
    question: &Question,
    client: GivenClient,
) -> Explanation {
    explain_with(zone_state, question, client, Detail::Steps)
}

/// Explains to the given extent: without texts for the nodes where only the answer is compared.
pub(super) fn explain_with(
    zone_state: &ZoneState<'_>,
    question: &Question,
    client: GivenClient,
    detail: Detail,
) -> Explanation {
    let zone = &zone_state.served.zone;
    let mut explanation = Explanation::empty(zone.apex(), question);
    let mut name = QueryName::default();
    if !name.take(question.name.octets()) {
        return explanation;
    }
    let gathering = ZoneQuestion {
        served: zone_state.served,
        view: zone_state.view,
        client: asking_client(client, zone_state.locations),
        rtype: question.rtype,
        hosts: Hosts::Leave,
        any: Any::One,
        world: None,
    };
    let mut lister = Lister::default();
    let mut chain = Chain::default();
    let mut answer = Answer::default();
    let (mut empty_rcode, mut full_rcode) = (None, None);
    for _ in 0..WAYS_MAX {
        lister.begin();
        answer.reset(name.len);
        gathering.gather(&name, &mut chain, &mut lister, &mut answer);
        explanation.scope_len = explanation.scope_len.max(answer.head.scope_len);
        let found = candidates_of(zone_state, &answer, &lister, &mut explanation.aliases);
        let is_empty = found.is_empty();
        if is_empty {
            explanation.empty_probability += lister.probability;
            empty_rcode = empty_rcode.or(Some(answer.head.rcode));
        } else {
            // An alias may lead to a name that does not exist (RFC 6604, section 3).
            full_rcode = full_rcode.or(Some(answer.head.rcode));
        }
        if let (Some(leaf), false) = (lister.leaf(), is_empty) {
            add_shares(
                &zone.policies,
                leaf,
                lister.probability,
                &mut explanation.pools,
            );
        }
        found
            .into_iter()
            .for_each(|candidate| merge(&mut explanation.candidates, candidate));
        if !is_empty {
            note_hazards(&lister, &mut explanation);
        }
        if detail == Detail::Steps {
            add_steps(zone_state, client, &lister.visits, &mut explanation.steps);
        }
        if !lister.advance() {
            break;
        }
    }
    finish(zone, &mut explanation, empty_rcode, full_rcode);
    explanation
}

/// Adds a way with records that are no good ones.
fn note_hazards(lister: &Lister, explanation: &mut Explanation) {
    if lister.visits.iter().any(|visit| visit.layer > 0) {
        explanation.last_resort += lister.probability;
    }
    let is_over = |visit: &Visit| visit.notes.contains(&Note::OverCapacity);
    if lister.visits.iter().any(is_over) {
        explanation.over_capacity += lister.probability;
    }
}

/// Draws the sums over all ways.
fn finish(
    zone: &Zone,
    explanation: &mut Explanation,
    empty_rcode: Option<Rcode>,
    full_rcode: Option<Rcode>,
) {
    if explanation.candidates.is_empty() {
        explanation.rcode = empty_rcode.unwrap_or(Rcode::NOERROR);
        explanation.ttl = negative_ttl(zone);
    } else {
        explanation.rcode = full_rcode.unwrap_or(Rcode::NOERROR);
        explanation.ttl = explanation
            .candidates
            .iter()
            .map(|candidate| candidate.ttl)
            .min()
            .unwrap_or(0);
    }
    explanation
        .candidates
        .sort_by(|a, b| b.probability.total_cmp(&a.probability));
}

/// Returns the TTL of the SOA in negative answers (RFC 2308, section 5).
fn negative_ttl(zone: &Zone) -> u32 {
    let records = zone.negative_piece().records;
    u32::from_be_bytes([records[6], records[7], records[8], records[9]])
}

fn asking_client(client: GivenClient, locations: &Locations) -> Client<'_> {
    match client {
        GivenClient::Unknown => Client::Unknown,
        GivenClient::Place(place) => Client::Place(place),
        GivenClient::Address(address) => Client::new(address, None, locations),
        GivenClient::Subnet(prefix) => {
            Client::new(prefix.addr(), Some(ClientSubnet::new(prefix)), locations)
        }
    }
}
