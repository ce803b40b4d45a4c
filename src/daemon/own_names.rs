//! Answers flattened targets that lie in our own zones from what is served now, without the network (rule a28).
//!
//! In: the current world, a name. Out: its addresses, its alias, or that it has none, as a client whose place nobody knows would
//! be told. Never here: a second way to decide; the engine is asked as `explain` asks it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::answer::World;
use crate::publish::Current;
use crate::resolver::{FoundSet, Own, OwnZones};
use crate::simulate::{
    Explanation, GivenClient, Question, ZoneState, explain, inputs_of_view, zone_holding,
};
use crate::wire::{Name, QueryName, Rtype, rdata_text};
use crate::zone::{Found, Policies};

/// Makes what answers names of our own zones.
pub(super) fn own_zones(current: Arc<Current>) -> OwnZones {
    Arc::new(move |name, rtype| look_up(&current.load(), name, rtype))
}

fn look_up(world: &World, name: &Name, rtype: Rtype) -> Own {
    let zones = world.snapshot.zones.iter();
    let Some(number) = zone_holding(zones.map(|served| &*served.zone), name) else {
        return Own::Elsewhere;
    };
    let served = &world.snapshot.zones[number];
    let mut query_name = QueryName::default();
    // What is delegated is not ours.
    if query_name.take(name.octets()) && matches!(served.zone.find(&query_name), Found::Cut(..)) {
        return Own::Elsewhere;
    }
    let policies = &served.zone.policies;
    let view = &world.view.zones[number];
    let stage = ZoneState {
        served,
        view,
        inputs: &inputs_of_view(policies, view),
        locations: &world.snapshot.locations,
        evidence: &|_| None,
    };
    let question = Question {
        name: name.clone(),
        rtype,
    };
    read(&explain(&stage, &question, GivenClient::Unknown), policies)
}

fn read(explanation: &Explanation, policies: &Policies) -> Own {
    let rtype = explanation.rtype;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for candidate in &explanation.candidates {
        if candidate.rtype == rtype {
            addresses.extend(
                candidate
                    .rdata
                    .iter()
                    .filter_map(|text| text.parse::<IpAddr>().ok()),
            );
        }
    }
    if !addresses.is_empty() {
        return Own::Found(FoundSet {
            via: sources(policies, rtype, &addresses),
            ttl: explanation.ttl,
            addresses,
        });
    }
    // The most probable comes first.
    let mut aliases = explanation.candidates.iter();
    if let Some(alias) = aliases.find(|candidate| candidate.rtype == Rtype::CNAME)
        && let Some(target) = alias.rdata.first()
        && let Ok(target) = Name::parse_absolute(target)
    {
        return Own::Alias(target, alias.ttl);
    }
    let why = match explanation.rcode {
        crate::wire::Rcode::NOERROR => format!("no {rtype} records"),
        other => other.to_string(),
    };
    Own::Nothing(why, explanation.ttl)
}

/// Finds the flattened targets that any of these addresses may have come from.
fn sources(policies: &Policies, rtype: Rtype, addresses: &[IpAddr]) -> BTreeSet<Name> {
    let mut sources = BTreeSet::new();
    for run in policies
        .runs
        .iter()
        .filter(|run| run.is_leased && run.rtype == rtype)
    {
        for member in 0..usize::from(run.len) {
            let Some(lease) = policies.lease_of(run.first_bit + member as u32) else {
                continue;
            };
            let text = rdata_text(rtype, policies.rdata(run, member));
            if text
                .parse()
                .is_ok_and(|address| addresses.contains(&address))
            {
                sources.insert(lease.target.clone());
            }
        }
    }
    sources
}
