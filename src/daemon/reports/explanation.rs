//! Explanations of answers as JSON, for the control API.
//!
//! In: a snapshot, what is asked. Out: the explanation, or why there is none. Never here: deciding.

use std::cell::RefCell;

use serde_json::{Value, json};

use crate::admin::ExplainRequest;
use crate::geo::Place;
use crate::simulate::{
    GivenClient, Question, Suppose, ZoneState, apply_references, explain_across, explanation_json,
    explanation_text,
};
use crate::view::Inputs;
use crate::wire::{Name, Rtype};

use super::state_snapshot::StateSnapshot;

/// Explains one answer, under what the request supposes.
pub(super) fn explain(state: &StateSnapshot, request: &ExplainRequest) -> Result<Value, String> {
    let name = Name::parse_absolute(&request.name)
        .map_err(|fault| format!("`{}`: {fault}", request.name))?;
    let rtype = request.rtype.as_deref().unwrap_or("A");
    let rtype = Rtype::parse(rtype).ok_or_else(|| format!("`{rtype}` is no record type"))?;
    let client = parse_client(request.from.as_deref(), request.subnet.as_deref())?;
    let first = state
        .set
        .holding(&name)
        .ok_or_else(|| format!("{name} lies in no zone that is served (REFUSED)"))?;
    let fault = RefCell::new(String::new());
    let on_stage = |name: &Name, then: &mut dyn FnMut(&ZoneState<'_>)| {
        let Some(number) = state.set.holding(name) else {
            return;
        };
        // In zones that an alias leads to, a reference may mean nothing.
        match inputs_under(state, number, request) {
            (_, Some(found)) if number == first => *fault.borrow_mut() = found,
            (inputs, _) => state.show_stage(number, &inputs, then),
        }
    };
    let flattened = state.flattened_words(first, &name);
    let mut explanation = explain_across(&on_stage, &Question { name, rtype }, client)
        .ok_or_else(|| fault.borrow().clone())?;
    explanation.flattened = flattened;
    let mut value = explanation_json(&explanation);
    let mut text = explanation_text(&explanation);
    if let Some(doubt) = &state.doubt {
        text.push_str(&format!(
            "\nThis server doubts itself since {}, so every status is {}: {}.\n",
            doubt.since,
            doubt.held(),
            doubt.why
        ));
        value["self_doubt"] = json!(doubt);
    }
    value["text"] = Value::String(text);
    Ok(value)
}

/// Returns the inputs of a zone under what a request supposes, and the first reference that means nothing there.
fn inputs_under(
    state: &StateSnapshot,
    number: usize,
    request: &ExplainRequest,
) -> (Inputs, Option<String>) {
    let zone = &state.set.zones[number];
    let policies = &zone.served.zone.policies;
    let mut inputs = state.inputs_of(number);
    let mut fault = None;
    for (list, suppose) in [(&request.down, Suppose::Down), (&request.up, Suppose::Up)] {
        let references = list
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty());
        let faults = apply_references(&zone.model, policies, references, suppose, &mut inputs);
        fault = fault.or_else(|| faults.first().map(ToString::to_string));
    }
    (inputs, fault)
}

/// Reads where a question comes from.
fn parse_client(from: Option<&str>, subnet: Option<&str>) -> Result<GivenClient, String> {
    if let Some(subnet) = subnet {
        let prefix = subnet.parse().map(GivenClient::Subnet);
        return prefix.map_err(|_| format!("`{subnet}` is no prefix: write ADDRESS/LENGTH"));
    }
    let Some(from) = from else {
        return Ok(GivenClient::Unknown);
    };
    if let Ok(address) = from.parse() {
        return Ok(GivenClient::Address(address));
    }
    Place::parse(from)
        .map(GivenClient::Place)
        .map_err(|fault| fault.message)
}
