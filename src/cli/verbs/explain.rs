//! `leeward explain`: the answer to a client, and the reasons.

use crate::admin::get;
use crate::cli::explain_arguments::ExplainArguments;
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::cli::values::{Basis, ClientSource};
use crate::clock::Clock;
use crate::compile::flattened_below;
use crate::daemon::{ZoneSet, premises_of};
use crate::geo::{Locations, Place};
use crate::simulate::{
    Explanation, GivenClient, Question, ReferenceFault, SimulatedZone, Suppose, ZoneState,
    apply_references, explain_across, explanation_json, explanation_text, zone_holding,
};
use crate::wire::{Name, Rcode};

use super::offline::{complain_of_refusals, escaped, load, locations_for};

/// Runs `explain`.
pub(in crate::cli) fn explain(arguments: &ExplainArguments, output: &mut Output) -> Outcome {
    match arguments.basis() {
        Basis::Server(server) => {
            let answer = get(server, &path_of(arguments)).map_err(|fault| {
                Complaint::cannot_run(fault.to_string())
                    .with_help("without a server: leeward explain NAME TYPE --zones ZONES_DIR")
            })?;
            print_server_answer(&answer, arguments, output)
        }
        Basis::Zones(zones) => {
            let locations = locations_for(arguments.config.as_deref(), &zones)?;
            let set = load(&zones, &locations)?;
            explain_offline(arguments, &set, &locations, output)
        }
    }
}

fn print_server_answer(answer: &str, arguments: &ExplainArguments, output: &mut Output) -> Outcome {
    let mut value: serde_json::Value = serde_json::from_str(answer)
        .map_err(|cause| Complaint::cannot_run(format!("read the server's answer: {cause}")))?;
    let text = value
        .get("text")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if arguments.json {
        if let Some(object) = value.as_object_mut() {
            object.remove("text");
            object.insert("basis".to_owned(), arguments.basis().to_string().into());
        }
        output.json(&value)?;
    } else {
        output.line(&arguments.basis().to_string());
        output.line(&text);
    }
    Ok(Exit::Fine)
}

fn path_of(arguments: &ExplainArguments) -> String {
    let mut path = format!(
        "/api/explain?name={}&type={}",
        escaped(&arguments.name.to_string()),
        arguments.rtype
    );
    let mut add = |key: &str, value: String| path.push_str(&format!("&{key}={}", escaped(&value)));
    if let Some(from) = &arguments.from {
        add("from", from.to_string());
    }
    if let Some(subnet) = &arguments.subnet {
        add("subnet", subnet.to_string());
    }
    if !arguments.down.is_empty() {
        add("down", arguments.down.join(","));
    }
    if !arguments.up.is_empty() {
        add("up", arguments.up.join(","));
    }
    path
}

fn explain_offline(
    arguments: &ExplainArguments,
    set: &ZoneSet,
    locations: &Locations,
    output: &mut Output,
) -> Outcome {
    let Some(explanation) = explain_files(arguments, set, locations)? else {
        if let Some(complaint) = complain_of_refusals(set, output.is_colour()) {
            return Err(complaint);
        }
        return tell_refused(arguments, set, output);
    };
    if arguments.json {
        let mut json = explanation_json(&explanation);
        json["basis"] = arguments.basis().to_string().into();
        output.json(&json)?;
    } else {
        output.line(&arguments.basis().to_string());
        output.line(&explanation_text(&explanation));
    }
    Ok(Exit::Fine)
}

/// Shows REFUSED for a name in no zone; that is an answer, and no fault.
fn tell_refused(arguments: &ExplainArguments, set: &ZoneSet, output: &mut Output) -> Outcome {
    if arguments.json {
        output.json(&serde_json::json!({
            "basis": arguments.basis().to_string(),
            "zone": null,
            "name": arguments.name.to_string(),
            "type": arguments.rtype.to_string(),
            "rcode": Rcode::REFUSED.to_string(),
            "outcome": "refused",
            "ttl": 0,
            "scope": 0,
            "candidates": [],
            "steps": [],
        }))?;
    } else {
        let zones: Vec<String> = set
            .zones
            .iter()
            .map(|zone| zone.model.apex.to_string())
            .collect();
        output.line(&arguments.basis().to_string());
        output.line(&format!(
            "{} lies in no zone here: REFUSED (zones: {})",
            arguments.name,
            zones.join(", ")
        ));
    }
    Ok(Exit::Fine)
}

/// Explains over all zones of the files; `None` if none holds the name.
fn explain_files(
    arguments: &ExplainArguments,
    set: &ZoneSet,
    locations: &Locations,
) -> Result<Option<Explanation>, Complaint> {
    let find = |name: &Name| zone_holding(set.zones.iter().map(|zone| &*zone.served.zone), name);
    let Some(first) = find(&arguments.name) else {
        return Ok(None);
    };
    let mut premises = premises_of(set, Clock::start().wall());
    let mut fault = None;
    for (number, premise) in premises.iter_mut().enumerate() {
        let faults = suppose(arguments, premise);
        // In zones that an alias leads to, a reference may mean nothing.
        if number == first {
            fault = faults.into_iter().next();
        }
    }
    if let Some(fault) = fault {
        return Err(Complaint::usage(fault.to_string()));
    }
    let on_stage = |name: &Name, then: &mut dyn FnMut(&ZoneState<'_>)| {
        let Some(premise) = find(name).and_then(|number| premises.get(number)) else {
            return;
        };
        then(&ZoneState {
            served: premise.served,
            view: &premise.view(),
            inputs: &premise.inputs,
            locations,
            evidence: &|_| None,
        });
    };
    let question = Question {
        name: arguments.name.clone(),
        rtype: arguments.rtype,
    };
    let mut explanation = explain_across(&on_stage, &question, client(arguments)?);
    if let Some(explanation) = &mut explanation {
        let targets = flattened_below(premises[first].model, &arguments.name);
        let words = |target: &Name| {
            format!(
                "{target} is not looked up here: one assumed address of each family stands for it"
            )
        };
        explanation.flattened = targets.iter().map(words).collect();
    }
    Ok(explanation)
}

/// Applies the suppositions to a zone; returns the references that mean nothing there.
fn suppose(arguments: &ExplainArguments, premise: &mut SimulatedZone<'_>) -> Vec<ReferenceFault> {
    let policies = &premise.served.zone.policies;
    let lists = [
        (&arguments.down, Suppose::Down),
        (&arguments.up, Suppose::Up),
    ];
    let mut faults = Vec::new();
    for (list, suppose) in lists {
        let references = list.iter().map(String::as_str);
        faults.extend(apply_references(
            premise.model,
            policies,
            references,
            suppose,
            &mut premise.inputs,
        ));
    }
    faults
}

fn client(arguments: &ExplainArguments) -> Result<GivenClient, Complaint> {
    if let Some(subnet) = arguments.subnet.filter(|subnet| subnet.prefix_len() > 0) {
        return Ok(GivenClient::Subnet(subnet));
    }
    match &arguments.from {
        None => Ok(GivenClient::Unknown),
        Some(ClientSource::Address(address)) => Ok(GivenClient::Address(*address)),
        Some(ClientSource::Place(text)) => {
            let place = Place::parse(text);
            place
                .map(GivenClient::Place)
                .map_err(|fault| Complaint::usage(fault.message).with_help(fault.help))
        }
    }
}
