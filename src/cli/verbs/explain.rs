//! `leeward explain`: what a client would be answered, and why.

use crate::answer::Fold;
use crate::cli::explain_arguments::{ExplainArguments, ExplainSource};
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::cli::values::ClientSource;
use crate::clock::Clock;
use crate::control::get;
use crate::daemon::{LoadedZone, ZoneSet};
use crate::health::Status;
use crate::place::{Locations, Place};
use crate::rehearse::{
    Client, Explanation, Question, Stage, Suppose, apply_maintenance, apply_references,
    explain as explain_zone, explanation_json, explanation_text,
};
use crate::wire::Rcode;

use super::offline::{complain_of_refusals, escaped, load, locations_for};

/// Runs `explain`.
pub(in crate::cli) fn explain(arguments: &ExplainArguments, output: &mut Output) -> Outcome {
    match arguments.source() {
        ExplainSource::Server(server) => {
            let answer = get(server, &path_of(arguments)).map_err(|fault| {
                Complaint::cannot_run(fault.to_string())
                    .with_help("without a server: leeward explain NAME TYPE --zones ZONES_DIR")
            })?;
            print_server_answer(&answer, arguments.json, output)
        }
        ExplainSource::Zones(zones) => {
            let locations = locations_for(arguments.config.as_deref(), &zones)?;
            let set = load(&zones, &locations)?;
            explain_offline(arguments, &set, &locations, output)
        }
    }
}

fn print_server_answer(answer: &str, is_json: bool, output: &mut Output) -> Outcome {
    let mut value: serde_json::Value = serde_json::from_str(answer)
        .map_err(|cause| Complaint::cannot_run(format!("read the server's answer: {cause}")))?;
    let text = value
        .get("text")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if is_json {
        if let Some(object) = value.as_object_mut() {
            object.remove("text");
        }
        output.json(&value)?;
    } else {
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
    let holding = set
        .zones
        .iter()
        .filter(|zone| arguments.name.is_at_or_below(&zone.model.apex));
    let Some(zone) = holding.max_by_key(|zone| zone.model.apex.label_count()) else {
        if let Some(complaint) = complain_of_refusals(set, output.is_colour()) {
            return Err(complaint);
        }
        return tell_refused(arguments, set, output);
    };
    let explanation = explain_in(arguments, zone, locations)?;
    if arguments.json {
        output.json(&explanation_json(&explanation))?;
    } else {
        output.line(&explanation_text(&explanation));
    }
    Ok(Exit::Fine)
}

/// A name in no zone is answered REFUSED; that is an answer, and no fault.
fn tell_refused(arguments: &ExplainArguments, set: &ZoneSet, output: &mut Output) -> Outcome {
    if arguments.json {
        output.json(&serde_json::json!({
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
        output.line(&format!(
            "{} lies in no zone here: REFUSED (zones: {})",
            arguments.name,
            zones.join(", ")
        ));
    }
    Ok(Exit::Fine)
}

fn explain_in(
    arguments: &ExplainArguments,
    zone: &LoadedZone,
    locations: &Locations,
) -> Result<Explanation, Complaint> {
    let policies = &zone.served.zone.policies;
    let mut inputs = crate::answer::Inputs::uniform(policies, Status::Healthy);
    // References of the file were judged when it was read.
    let _ = apply_maintenance(&zone.model, policies, Clock::start().wall(), &mut inputs);
    for (list, suppose) in [
        (&arguments.down, Suppose::Down),
        (&arguments.up, Suppose::Up),
    ] {
        let references = list.iter().map(String::as_str);
        let faults = apply_references(&zone.model, policies, references, suppose, &mut inputs);
        if let Some(fault) = faults.first() {
            return Err(Complaint::usage(fault.to_string()));
        }
    }
    let view = Fold::new(policies, inputs.clone()).view();
    let stage = Stage {
        served: &zone.served,
        view: &view,
        inputs: &inputs,
        locations,
        evidence: &|_| None,
    };
    let question = Question {
        name: arguments.name.clone(),
        rtype: arguments.rtype,
    };
    Ok(explain_zone(&stage, &question, client(arguments)?))
}

fn client(arguments: &ExplainArguments) -> Result<Client, Complaint> {
    if let Some(subnet) = arguments.subnet.filter(|subnet| subnet.length > 0) {
        return Ok(Client::Subnet(subnet.address, subnet.length));
    }
    match &arguments.from {
        None => Ok(Client::Unknown),
        Some(ClientSource::Address(address)) => Ok(Client::Address(*address)),
        Some(ClientSource::Place(text)) => {
            let place = Place::parse(text);
            place
                .map(Client::Place)
                .map_err(|fault| Complaint::usage(fault.message).with_help(fault.help))
        }
    }
}
