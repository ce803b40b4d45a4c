//! An explanation as short lines of ASCII, for `dig TXT _explain.NAME`.
//!
//! In: a zone state, the name behind the label, the client. Out: lines. Never here: messages, or access control.

use crate::health::Status;
use crate::view::{Inputs, ZoneView};
use crate::wire::{Name, QueryName, Rtype};
use crate::zone::{ANY_TYPE, Condition, Entry, Found, Hold, Policies, Zone};

use super::across::{OnStage, explain_across};
use super::explanation::{GivenClient, Question, ZoneState};
use super::report::explanation_text;

/// Types of one name that are explained in one answer.
const TYPES_MAX: usize = 4;

/// Explains a name of a zone, given as octets; `_TYPE.` before it asks for one type, else its dynamic types are
/// explained. Aliases are followed into other zones.
pub fn why_lines(
    zone_state: &ZoneState<'_>,
    on_stage: &OnStage<'_>,
    name: &[u8],
    client: GivenClient,
) -> Vec<String> {
    let zone = &zone_state.served.zone;
    let mut lines = vec![whence(zone_state, client)];
    let Some((name, rtype)) = read_name(zone, name) else {
        lines.push("no name of this zone stands behind _explain".to_owned());
        return lines;
    };
    let types = rtype.map_or_else(|| types_of(zone, &name), |rtype| vec![rtype]);
    for rtype in types {
        let question = Question {
            name: name.clone(),
            rtype,
        };
        if let Some(explanation) = explain_across(on_stage, &question, client) {
            lines.extend(explanation_text(&explanation).lines().map(ascii));
        }
    }
    lines
}

/// Writes the address that the answer is for, and its place.
fn whence(zone_state: &ZoneState<'_>, client: GivenClient) -> String {
    let (shown, address) = match client {
        GivenClient::Address(address) => (format!("asked from {address}"), address),
        GivenClient::Subnet(prefix) => (format!("asked for client subnet {prefix}"), prefix.addr()),
        GivenClient::Place(place) => return format!("asked from {place}"),
        GivenClient::Unknown => return "asked from an unknown place".to_owned(),
    };
    match zone_state.locations.locate(address).place {
        Some(place) => format!("{shown}, which is in {place}"),
        None => format!("{shown}, whose place is not known"),
    }
}

/// Reads `[_TYPE.]NAME`.
fn read_name(zone: &Zone, octets: &[u8]) -> Option<(Name, Option<Rtype>)> {
    let (name, _) = Name::from_wire(octets).ok()?;
    let label = name
        .labels()
        .next()
        .and_then(|label| label.strip_prefix(b"_"));
    let rtype = label
        .and_then(|label| std::str::from_utf8(label).ok())
        .and_then(Rtype::parse);
    if let (Some(rtype), Some(parent)) = (rtype, name.parent())
        && parent.is_at_or_below(zone.apex())
    {
        return Some((parent, Some(rtype)));
    }
    name.is_at_or_below(zone.apex()).then_some((name, None))
}

/// Returns the types that a policy decides at a name; A for others.
fn types_of(zone: &Zone, name: &Name) -> Vec<Rtype> {
    let mut query_name = QueryName::default();
    let found = query_name
        .take(name.octets())
        .then(|| zone.find(&query_name));
    let Some(Found::Exact(node) | Found::Wildcard(node)) = found else {
        return vec![Rtype::A];
    };
    let dynamic = zone.entries(node).filter_map(|(rtype, entry)| match entry {
        Entry::Dynamic(_) if rtype == ANY_TYPE => Some(Rtype::A),
        Entry::Dynamic(_) => Some(rtype),
        Entry::Static(_) => None,
    });
    let types: Vec<Rtype> = dynamic.take(TYPES_MAX).collect();
    if types.is_empty() {
        vec![Rtype::A]
    } else {
        types
    }
}

/// Tools show other octets as numbers.
fn ascii(line: &str) -> String {
    let line = line.trim_end().replace(" · ", ", ");
    line.chars()
        .map(|c| {
            if c.is_ascii_graphic() || c == ' ' {
                c
            } else {
                '?'
            }
        })
        .collect()
}

/// Reads inputs off a view, as far as it shows them: which members are out, and whether by an operator.
pub fn inputs_of_view(policies: &Policies, view: &ZoneView) -> Inputs {
    let mut inputs = Inputs::uniform(policies, Status::Healthy);
    inputs.leases.clone_from(&view.leases);
    let Some(first) = view.layers.first() else {
        return inputs;
    };
    for member in 0..policies.member_count() as u32 {
        if first.is_up(member) {
            continue;
        }
        match view.layers.as_slice() {
            [_, _, last] if !last.is_up(member) => inputs.holds[member as usize] = Hold::Down,
            [_, second, _] if second.is_up(member) => inputs.holds[member as usize] = Hold::Drained,
            _ => fail(policies, member, &mut inputs),
        }
    }
    inputs
}

/// Marks the target of a member whose health hangs on one target alone.
fn fail(policies: &Policies, member: u32, inputs: &mut Inputs) {
    let condition = policies.conditions[policies.member_conditions[member as usize] as usize];
    if let Condition::Member { of, .. } = condition
        && let Condition::Target { slot, .. } = policies.conditions[of as usize]
    {
        inputs.statuses[slot as usize] = Status::Unhealthy;
    }
}
