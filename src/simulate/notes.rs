//! Notes of a trace about a draw: kept, trickling, spilling, by measured times.
//!
//! In: notes that the engine gave, and the table of times that it orders by. Out: sentences. Never here: drawing.

use ipnet::IpNet;

use crate::answer::Note;
use crate::clock::{WallTime, format_duration};
use crate::geo::TimesFor;
use crate::health::{FailbackRule, RAMP_STEPS};
use crate::view::{Horizon, HorizonCause};
use crate::zone::{
    CHILDREN_MAX, ClientLocation, LatencyTable, NONE, Node, NodeKind, Policies, RoundTrip,
};

use super::explanation::{GivenClient, ZoneState};

/// Writes a note as text.
pub(super) fn note_text(zone_state: &ZoneState<'_>, note: Note) -> String {
    match note {
        Note::Sticky(ipv4, ipv6) => {
            format!(
                "sticky: a client keeps its branch and members by /{ipv4} (IPv4) or /{ipv6} (IPv6)"
            )
        }
        Note::KeptFor(network) => {
            format!("kept for {network}: others may get something else")
        }
        Note::Trickle(percent) => format!("trickle: {percent} % go to the next healthy tier"),
        Note::Spill(0) => "shares are cut at the capacity of each branch".to_owned(),
        Note::Spill(percent) => {
            format!("every branch is at its capacity; {percent} % go to overflow")
        }
        Note::Held(number, since) => held_text(zone_state, number, since),
        Note::Horizon(horizon) => horizon_text(zone_state, horizon),
        Note::OverCapacity => {
            "over capacity: nothing can take the rest, so shares are by weight alone".to_owned()
        }
    }
}

/// Writes why an earlier tier waits, and the command that ends it.
fn held_text(zone_state: &ZoneState<'_>, number: u32, since: WallTime) -> String {
    let zone = &zone_state.served.zone;
    let Some(failback) = zone.policies.failbacks.get(number as usize) else {
        return String::new();
    };
    let state = zone_state.view.policy_state.as_deref();
    let active = state.and_then(|state| state.active_tiers.get(number as usize));
    let tier = active.and_then(|active| failback.tiers.get(usize::from(active.tier)));
    let rule = match failback.rule {
        FailbackRule::Manual => "failback is manual".to_owned(),
        FailbackRule::After(calm) => format!(
            "an earlier tier must be healthy for {} without a break",
            format_duration(calm)
        ),
        FailbackRule::Window(_) => "failback waits for its window".to_owned(),
    };
    format!(
        "held on {} since {since}: {rule}; `{}` ends it",
        tier.map_or("", |label| label),
        release_command(&zone.apex().to_string(), &failback.place)
    )
}

/// Writes the command that releases the failovers of an owner (relative to its zone) or pool (`pool:x`).
pub fn release_command(zone: &str, place: &str) -> String {
    let zone = zone.trim_end_matches('.');
    match place {
        "@" => format!("leeward release {zone}"),
        pool if pool.starts_with("pool:") => format!("leeward release {pool} --zone {zone}"),
        owner => format!("leeward release {owner}.{zone}"),
    }
}

/// Writes why a healthy member has less than its weight; `None` if it has all.
pub(super) fn reduced_text(zone_state: &ZoneState<'_>, member: u32) -> Option<String> {
    let policies = &zone_state.served.zone.policies;
    let id = policies.run_of_member[member as usize];
    let weights = zone_state.view.policy_state.as_deref()?.run_weights(id)?;
    let run = &policies.runs[id as usize];
    let at = (member - run.first_bit) as usize;
    let (reduced, candidate_at) = (*weights.reduced.get(at)?, *weights.tenths.get(at)?);
    let degraded = match (reduced.percent, candidate_at) {
        (100, _) => None,
        (_, 0) => Some("degraded, left out while enough others are not".to_owned()),
        (_, _) if run.sums == NONE => {
            Some("degraded, like too many others to leave it out".to_owned())
        }
        (percent, _) => Some(format!("degraded, {percent} % of its weight")),
    };
    let ramp = (reduced.tenths < RAMP_STEPS)
        .then(|| format!("healed lately, at {} tenths of its share", reduced.tenths));
    let parts: Vec<String> = degraded.into_iter().chain(ramp).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Writes the cause of the horizon that cuts the TTL.
fn horizon_text(zone_state: &ZoneState<'_>, horizon: Horizon) -> String {
    let policies = &zone_state.served.zone.policies;
    let what = match horizon.cause {
        HorizonCause::Target(slot) => {
            let used = policies.uses_of(slot).first();
            let name = used.map_or_else(String::new, |used| match used.pool.as_str() {
                "" => used.check.clone(),
                pool => format!("{pool}/{} {}", used.member, used.check),
            });
            format!("{name} could change its status")
        }
        HorizonCause::Failback(number) => {
            let place = policies.failbacks.get(number as usize);
            let place = place.map_or("", |failback| failback.place.as_str());
            format!("the failback of {place} could happen")
        }
        HorizonCause::Ramp(member) => {
            let label = &policies.labels[member as usize];
            format!("the ramp of {} takes its next step", label.text)
        }
        HorizonCause::Maintenance => "maintenance begins or ends".to_owned(),
    };
    format!(
        "the TTL is cut to the horizon: in {} s {what}",
        horizon.secs
    )
}

/// Writes the entries for this client in the table of a latency node.
pub(super) fn times_notes(
    zone_state: &ZoneState<'_>,
    client: GivenClient,
    node: &Node,
) -> Vec<String> {
    let policies = &zone_state.served.zone.policies;
    if node.kind != NodeKind::Located {
        return Vec::new();
    }
    let rule = zone_state
        .served
        .maps
        .iter()
        .find_map(|map| map.rule(node.extra));
    let Some(table) = rule.and_then(|rule| rule.latency()) else {
        return Vec::new();
    };
    list_times(policies, table, &client_location(zone_state, client), node)
}

fn list_times(
    policies: &Policies,
    table: &LatencyTable,
    client: &ClientLocation,
    node: &Node,
) -> Vec<String> {
    let mut times = [RoundTrip::Unknown; CHILDREN_MAX];
    let mut order = [0; CHILDREN_MAX];
    table.times(client, &mut times);
    let count = table.order(client, &mut order);
    let text = |&child: &u16| {
        let label = &policies.branch_labels[(node.first + u32::from(child)) as usize];
        let millis = |micros: u32| f64::from(micros) / 1000.0;
        match times[usize::from(child)] {
            RoundTrip::Measured(micros, TimesFor::Prefix(prefix)) => {
                format!("{label}: {} ms, measured for {prefix}", millis(micros))
            }
            RoundTrip::Measured(micros, TimesFor::Place(place)) => {
                format!("{label}: {} ms, measured for {place}", millis(micros))
            }
            RoundTrip::Measured(micros, TimesFor::Default) => {
                format!(
                    "{label}: {} ms, measured for everybody else",
                    millis(micros)
                )
            }
            RoundTrip::Estimated(micros) => {
                format!("{label}: about {:.0} ms by distance", millis(micros))
            }
            RoundTrip::Unknown => format!("{label}: no time known"),
        }
    };
    order[..count].iter().map(text).collect()
}

/// Returns the location of a client, as far as it is known.
fn client_location(zone_state: &ZoneState<'_>, client: GivenClient) -> ClientLocation {
    match client {
        GivenClient::Unknown => ClientLocation::default(),
        GivenClient::Place(place) => ClientLocation {
            place: Some(place),
            point: Some(place.point()),
            prefix: None,
        },
        GivenClient::Address(address) => within(zone_state, address.into()),
        GivenClient::Subnet(prefix) => within(zone_state, prefix),
    }
}

fn within(zone_state: &ZoneState<'_>, prefix: IpNet) -> ClientLocation {
    let known = zone_state.locations.locate(prefix.addr());
    ClientLocation {
        place: known.place,
        point: known.point,
        prefix: Some(prefix),
    }
}
