//! `leeward simulate`: answers to clients under supposed losses.

use std::path::Path;

use crate::admin::get;
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::cli::simulate_arguments::SimulateArguments;
use crate::cli::values::Basis;
use crate::clock::Clock;
use crate::daemon::premises_of;
use crate::simulate::{
    Losses, SimulateRequest, Simulation, Suppositions, simulate as simulate_zones, simulation_text,
};

use super::offline::{complain_of_refusals, escaped, load, locations_for};

/// Runs `simulate`. Ends with 1 if a name ends worse than before.
pub(in crate::cli) fn simulate(arguments: &SimulateArguments, output: &mut Output) -> Outcome {
    let simulation = match arguments.basis() {
        Basis::Server(server) => {
            let answer = get(server, &path_of(arguments)).map_err(|fault| {
                Complaint::cannot_run(fault.to_string())
                    .with_help("without a server: leeward simulate --zones ZONES_DIR")
            })?;
            serde_json::from_str(&answer).map_err(|cause| {
                Complaint::cannot_run(format!("read the server's answer: {cause}"))
            })?
        }
        Basis::Zones(zones) => simulate_files(arguments, &zones, output)?,
    };
    if arguments.json {
        let mut json = serde_json::to_value(&simulation)
            .map_err(|cause| Complaint::cannot_run(format!("write JSON: {cause}")))?;
        json["basis"] = arguments.basis().to_string().into();
        output.json(&json)?;
    } else {
        output.line(&arguments.basis().to_string());
        output.line(&simulation_text(&simulation));
    }
    Ok(if simulation.has_hazards() {
        Exit::Faults
    } else {
        Exit::Fine
    })
}

fn simulate_files(
    arguments: &SimulateArguments,
    zones: &Path,
    output: &Output,
) -> Result<Simulation, Complaint> {
    let locations = locations_for(arguments.config.as_deref(), zones)?;
    let set = load(zones, &locations)?;
    if let Some(complaint) = complain_of_refusals(&set, output.is_colour()) {
        return Err(complaint);
    }
    let request = SimulateRequest {
        suppose: Suppositions {
            drain: arguments.drain.clone(),
            down: arguments.down.clone(),
            up: arguments.up.clone(),
        },
        names: arguments.name.clone(),
        from: arguments.from.clone(),
        losses: if arguments.every_single_loss {
            Losses::EverySingle
        } else {
            Losses::None
        },
        observed: Vec::new(),
    };
    let premises = premises_of(&set, Clock::start().wall());
    simulate_zones(&premises, &locations, &request)
        .map_err(|fault| Complaint::usage(fault.to_string()))
}

fn path_of(arguments: &SimulateArguments) -> String {
    let from = arguments
        .from
        .iter()
        .map(|asking| asking.label.clone())
        .collect();
    let lists = [
        ("down", &arguments.down),
        ("drain", &arguments.drain),
        ("up", &arguments.up),
        ("name", &arguments.name),
        ("from", &from),
    ];
    let mut path = format!(
        "/api/simulate?every-single-loss={}",
        arguments.every_single_loss
    );
    for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        path.push_str(&format!("&{key}={}", escaped(&list.join(","))));
    }
    path
}
