//! Explains an answer: every candidate with its probability, every node passed, every member left out and why.

use crate::answer::{Answer, Any, Chain, Client, Hosts, Note, ZoneQuestion};
use crate::geo::Locations;
use crate::wire::{ClientSubnet, QueryName, Rcode};
use crate::zone::Zone;

use super::candidates::{add_shares, candidates_of, merge};
use super::explanation::{Explanation, GivenClient, Question, ZoneState};
use super::lister::{Lister, Visit, WAYS_MAX};
use super::trace::add_steps;

/// Extent of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// The answer.
    Answer,
    /// The answer, and each node passed.
    Steps,
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
