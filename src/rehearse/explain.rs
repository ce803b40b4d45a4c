//! Explains an answer: every candidate with its probability, every node passed, every member left out and why.

use std::net::IpAddr;

use crate::answer::{Answer, Asker, Gathering, Hosts, Inputs, Records, Section, ZoneView};
use crate::place::{Locations, Place};
use crate::wire::{ClientSubnet, Name, Rcode, Rtype, Scratch, rdata_text};
use crate::zone::{Policies, ServedZone};

use super::lister::{Leaf, Lister, WAYS_MAX, shares};
use super::steps::add_steps;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Name.
    pub name: Name,
    /// Type.
    pub rtype: Rtype,
}

/// Where the question comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Client {
    /// Nobody knows.
    Unknown,
    /// A place.
    Place(Place),
    /// A resolver without client subnet.
    Address(IpAddr),
    /// A client subnet: first address and length.
    Subnet(IpAddr, u8),
}

/// Everything an explanation reads.
pub struct Stage<'a> {
    /// The zone.
    pub served: &'a ServedZone,
    /// Its view.
    pub view: &'a ZoneView,
    /// What the view was folded from.
    pub inputs: &'a Inputs,
    /// What is known about addresses.
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
    /// In the answer, for members of equal weight; first in the answer, where weights differ.
    pub probability: f64,
    /// TTL in seconds.
    pub ttl: u32,
}

/// A candidate of a node passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepCandidate {
    /// Its label.
    pub label: String,
    /// Whether it is healthy (for this client).
    pub is_healthy: bool,
    /// Why not.
    pub why: Option<String>,
}

/// A node passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does: `failover`, `weighted`, `location`, `pool`, `reference`.
    pub policy: &'static str,
    /// Its label.
    pub label: String,
    /// From where candidates were taken: `healthy`, or a step of last resort.
    pub among: &'static str,
    /// Its candidates.
    pub candidates: Vec<StepCandidate>,
    /// Labels of those chosen on some way.
    pub chosen: Vec<String>,
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
    /// Smallest TTL of a candidate; the negative TTL without one.
    pub ttl: u32,
    /// Scope of client subnet.
    pub scope_len: u8,
    /// Probability of an answer without records.
    pub empty_probability: f64,
    /// Candidates, most probable first.
    pub candidates: Vec<Candidate>,
    /// How probable it is that a pool is among the answer (or first, where members are drawn by weight).
    pub pools: Vec<(String, f64)>,
    /// Nodes passed.
    pub steps: Vec<Step>,
    /// Aliases followed.
    pub aliases: Vec<String>,
}

/// Explains what a question at or below the zone's apex gets.
pub fn explain(stage: &Stage<'_>, question: &Question, client: Client) -> Explanation {
    let zone = &stage.served.zone;
    let mut explanation = Explanation {
        zone: zone.apex().clone(),
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
    };
    let mut name = Scratch::default();
    if !name.take(question.name.octets()) {
        return explanation;
    }
    let gathering = Gathering {
        served: stage.served,
        view: stage.view,
        asker: asker(client, stage.locations),
        rtype: question.rtype,
        hosts: Hosts::Leave,
    };
    let mut lister = Lister::default();
    let mut chain = Scratch::default();
    let mut answer = Answer::room();
    let mut empty_rcode = None;
    for _ in 0..WAYS_MAX {
        lister.begin();
        gathering.gather(&name, &mut chain, &mut lister, &mut answer);
        explanation.scope_len = explanation.scope_len.max(answer.scope_len);
        let found = candidates_of(stage, &answer, &lister, &mut explanation.aliases);
        if found.is_empty() {
            explanation.empty_probability += lister.probability;
            empty_rcode = empty_rcode.or(Some(answer.rcode));
        }
        if let (Some(leaf), false) = (lister.leaves.last(), found.is_empty()) {
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
        add_steps(stage, &lister.visits, &mut explanation.steps);
        if !lister.advance() {
            break;
        }
    }
    conclude(stage, empty_rcode, &mut explanation);
    explanation
}

/// Sets response code and TTL from the candidates, and puts the most probable first.
fn conclude(stage: &Stage<'_>, empty_rcode: Option<Rcode>, explanation: &mut Explanation) {
    if explanation.candidates.is_empty() {
        explanation.rcode = empty_rcode.unwrap_or(Rcode::NOERROR);
        let soa = stage.served.zone.negative_piece();
        explanation.ttl = u32::from_be_bytes([
            soa.records[6],
            soa.records[7],
            soa.records[8],
            soa.records[9],
        ]);
    } else {
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

fn asker(client: Client, locations: &Locations) -> Asker {
    match client {
        Client::Unknown => Asker::Unknown,
        Client::Place(place) => Asker::Place(place),
        Client::Address(address) => Asker::new(address, None, locations),
        Client::Subnet(address, source_len) => Asker::new(
            address,
            Some(ClientSubnet {
                address,
                source_len,
            }),
            locations,
        ),
    }
}

/// Adds the share of each pool of a leaf.
fn add_shares(policies: &Policies, leaf: &Leaf, probability: f64, pools: &mut Vec<(String, f64)>) {
    let mut of_leaf: Vec<(String, f64)> = Vec::new();
    let is_drawn = leaf.is_weighted && leaf.members.len() > leaf.answers;
    for (member, share) in shares(&leaf.members) {
        let label = &policies.labels[(leaf.first_bit + u32::from(member)) as usize];
        let pool = &policies.pools[label.pool as usize];
        let share = if is_drawn { share } else { 1.0 };
        match of_leaf.iter_mut().find(|(known, _)| known == pool) {
            Some((_, known)) => *known = (*known + share).min(1.0),
            None => of_leaf.push((pool.clone(), share)),
        }
    }
    for (pool, share) in of_leaf {
        match pools.iter_mut().find(|(known, _)| *known == pool) {
            Some((_, known)) => *known += share * probability,
            None => pools.push((pool, share * probability)),
        }
    }
}

/// Adds a candidate, or its probability to an equal one.
fn merge(candidates: &mut Vec<Candidate>, new: Candidate) {
    match candidates
        .iter_mut()
        .find(|known| known.pool == new.pool && known.rdata == new.rdata)
    {
        Some(known) => {
            known.probability += new.probability;
            known.ttl = known.ttl.min(new.ttl);
        }
        None => candidates.push(new),
    }
}

/// Reads the candidates of one way off its answer: the last RRset of the answer section.
fn candidates_of(
    stage: &Stage<'_>,
    answer: &Answer<'_>,
    lister: &Lister,
    aliases: &mut Vec<String>,
) -> Vec<Candidate> {
    let policies = &stage.served.zone.policies;
    let in_answer = answer.counts()[Section::Answer as usize];
    for part in &answer.parts()[..in_answer.saturating_sub(1)] {
        note_alias(stage, answer, &part.records, aliases);
    }
    let Some(last) = in_answer
        .checked_sub(1)
        .and_then(|at| answer.parts().get(at))
    else {
        return Vec::new();
    };
    match &last.records {
        Records::Members(_, run, _, _, ttl) => {
            let Some(leaf) = lister.leaves.last() else {
                return Vec::new();
            };
            let member_rdata =
                |member: u16| rdata_text(run.rtype, policies.rdata(run, usize::from(member)));
            together(
                policies,
                leaf,
                lister.probability,
                run.rtype,
                *ttl,
                &member_rdata,
            )
        }
        Records::Stored(piece, _) => {
            let records = read_records(stage, piece);
            let Some((rtype, ttl)) = records.first().map(|(rtype, ttl, _)| (*rtype, *ttl)) else {
                return Vec::new();
            };
            let rdata = records.into_iter().map(|(_, _, text)| text).collect();
            vec![Candidate {
                pool: None,
                rdata,
                rtype,
                probability: lister.probability,
                ttl,
            }]
        }
        Records::Synthesised(ttl, start, len) => {
            let rdata = vec![rdata_text(Rtype::CNAME, answer.made(*start, *len))];
            vec![Candidate {
                pool: None,
                rdata,
                rtype: Rtype::CNAME,
                probability: lister.probability,
                ttl: *ttl,
            }]
        }
    }
}

/// Groups the members of a leaf: one candidate a pool if all are answered together, else one a member.
fn together(
    policies: &Policies,
    leaf: &Leaf,
    probability: f64,
    rtype: Rtype,
    ttl: u32,
    rdata: &dyn Fn(u16) -> String,
) -> Vec<Candidate> {
    let pool_of = |member: u16| {
        let label = &policies.labels[(leaf.first_bit + u32::from(member)) as usize];
        policies.pools[label.pool as usize].clone()
    };
    let one = |member: u16, share: f64| Candidate {
        pool: Some(pool_of(member)),
        rdata: vec![rdata(member)],
        rtype,
        probability: probability * share,
        ttl,
    };
    if leaf.members.len() <= leaf.answers {
        let mut grouped: Vec<Candidate> = Vec::new();
        for (member, _) in &leaf.members {
            let candidate = one(*member, 1.0);
            match grouped
                .iter_mut()
                .find(|known| known.pool == candidate.pool)
            {
                Some(known) => known.rdata.extend(candidate.rdata),
                None => grouped.push(candidate),
            }
        }
        return grouped;
    }
    if leaf.is_weighted {
        return shares(&leaf.members)
            .into_iter()
            .map(|(member, share)| one(member, share))
            .collect();
    }
    let share = leaf.answers as f64 / leaf.members.len() as f64;
    leaf.members
        .iter()
        .map(|(member, _)| one(*member, share))
        .collect()
}

fn note_alias(
    stage: &Stage<'_>,
    answer: &Answer<'_>,
    records: &Records<'_>,
    aliases: &mut Vec<String>,
) {
    let text = match records {
        Records::Stored(piece, _) => read_records(stage, piece)
            .pop()
            .map(|(rtype, _, text)| format!("{rtype} {text}")),
        Records::Synthesised(_, start, len) => Some(format!(
            "CNAME {}",
            rdata_text(Rtype::CNAME, answer.made(*start, *len))
        )),
        Records::Members(policies, run, start, len, _) => {
            answer.picks(*start, *len).first().map(|&member| {
                format!(
                    "CNAME {}",
                    rdata_text(Rtype::CNAME, policies.rdata(run, usize::from(member)))
                )
            })
        }
    };
    if let Some(text) = text
        && !aliases.contains(&text)
    {
        aliases.push(text);
    }
}

/// Reads type, TTL and text of the records of a stored piece, its pointers to the apex written out.
fn read_records(stage: &Stage<'_>, piece: &crate::zone::Piece<'_>) -> Vec<(Rtype, u32, String)> {
    let apex = stage.served.zone.apex().octets();
    let patches: Vec<usize> = piece.patches().collect();
    let mut records = Vec::new();
    let mut at = 0;
    while let Some(fixed) = piece.records.get(at..at + 12) {
        let rtype = Rtype(u16::from_be_bytes([fixed[2], fixed[3]]));
        let ttl = u32::from_be_bytes([fixed[6], fixed[7], fixed[8], fixed[9]]);
        let end = at + 12 + usize::from(u16::from_be_bytes([fixed[10], fixed[11]]));
        let mut rdata = Vec::new();
        let mut from = at + 12;
        for &patch in patches.iter().filter(|&&patch| patch >= at && patch < end) {
            rdata.extend_from_slice(&piece.records[from..patch]);
            rdata.extend_from_slice(apex);
            from = patch + 2;
        }
        rdata.extend_from_slice(&piece.records[from..end]);
        records.push((rtype, ttl, rdata_text(rtype, &rdata)));
        at = end;
    }
    records
}
