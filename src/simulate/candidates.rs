//! Candidates of an explanation: what one way of a decision answers, grouped by what is answered together.
//!
//! In: the answer of one way and what the lister saw. Out: candidates and shares with their probability. Never here:
//! choosing.

use crate::answer::{Answer, Records, Section, made_rdata};
use crate::wire::{Rtype, rdata_text};
use crate::zone::Policies;

use super::explanation::{Candidate, ZoneState};
use super::lister::{Leaf, Lister, shares};

/// Adds the share of each pool of a leaf.
pub(super) fn add_shares(
    policies: &Policies,
    leaf: &Leaf,
    probability: f64,
    pools: &mut Vec<(String, f64)>,
) {
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
pub(super) fn merge(candidates: &mut Vec<Candidate>, new: Candidate) {
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
pub(super) fn candidates_of(
    zone_state: &ZoneState<'_>,
    answer: &Answer<'_>,
    lister: &Lister,
    aliases: &mut Vec<String>,
) -> Vec<Candidate> {
    let policies = &zone_state.served.zone.policies;
    let parts = answer.parts();
    let in_answer = parts.filter(|part| part.section == Section::Answer);
    let mut sets: Vec<Records<'_, '_>> = in_answer.map(|part| part.records).collect();
    let Some(last) = sets.pop() else {
        return Vec::new();
    };
    for alias in sets {
        note_alias(zone_state, alias, aliases);
    }
    match last {
        Records::Picked { run, ttl, .. } => {
            let Some(leaf) = lister.leaf() else {
                return Vec::new();
            };
            let member_rdata =
                |member: u16| rdata_text(run.rtype, policies.rdata(run, usize::from(member)));
            let mut candidates = together(
                policies,
                leaf,
                lister.probability,
                run.rtype,
                ttl,
                &member_rdata,
            );
            if let Some(uncut) = lister
                .uncut_ttl
                .filter(|_| leaf.members.len() > leaf.answers)
            {
                cut_each(zone_state, leaf, uncut, &mut candidates);
            }
            candidates
        }
        Records::Stored { piece, .. } => {
            let records = read_records(zone_state, &piece);
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
        Records::Made {
            rtype, ttl, rdata, ..
        } => {
            let pool = lister.leaf().and_then(|leaf| {
                let (member, _) = leaf.members.first()?;
                let label = &policies.labels[(leaf.first_bit + u32::from(*member)) as usize];
                Some(policies.pools[label.pool as usize].clone())
            });
            vec![Candidate {
                // Records that stand by themselves are of no pool.
                pool: pool.filter(|pool| !pool.starts_with("name:")),
                rdata: made_rdata(rdata)
                    .map(|rdata| rdata_text(rtype, rdata))
                    .collect(),
                rtype,
                probability: lister.probability,
                ttl,
            }]
        }
        Records::Synthesised { target, ttl, .. } => vec![Candidate {
            pool: None,
            rdata: vec![rdata_text(Rtype::CNAME, target)],
            rtype: Rtype::CNAME,
            probability: lister.probability,
            ttl,
        }],
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

/// Cuts the TTL of each member that may be drawn to its own lease: the way was walked with the first of them alone.
fn cut_each(zone_state: &ZoneState<'_>, leaf: &Leaf, uncut: u32, candidates: &mut [Candidate]) {
    let policies = &zone_state.served.zone.policies;
    for (candidate, (member, _)) in candidates.iter_mut().zip(&leaf.members) {
        let bit = leaf.first_bit + u32::from(*member);
        let lease = policies.lease_of_member.get(bit as usize);
        let leases = zone_state.view.leases.as_ref();
        let left = lease.and_then(|&lease| leases?.get(lease as usize).copied());
        candidate.ttl = uncut.min(left.unwrap_or(u32::MAX));
    }
}

fn note_alias(zone_state: &ZoneState<'_>, records: Records<'_, '_>, aliases: &mut Vec<String>) {
    let target = |rdata: &[u8]| format!("CNAME {}", rdata_text(Rtype::CNAME, rdata));
    let text = match records {
        Records::Stored { piece, .. } => read_records(zone_state, &piece)
            .pop()
            .map(|(rtype, _, text)| format!("{rtype} {text}")),
        Records::Made { .. } => None,
        Records::Synthesised { target: rdata, .. } => Some(target(rdata)),
        Records::Picked {
            policies,
            run,
            members,
            ..
        } => members
            .first()
            .map(|&member| target(policies.rdata(run, usize::from(member)))),
    };
    if let Some(text) = text
        && !aliases.contains(&text)
    {
        aliases.push(text);
    }
}

/// Reads type, TTL and text of the records of a stored piece, its pointers to the apex written out.
fn read_records(
    zone_state: &ZoneState<'_>,
    piece: &crate::zone::Piece<'_>,
) -> Vec<(Rtype, u32, String)> {
    let apex = zone_state.served.zone.apex().octets();
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
