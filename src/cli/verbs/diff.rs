//! `leeward diff`: whose answers differ between two folders of zone files.

use std::path::Path;

use crate::admin::get;
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::cli::simulate_arguments::DiffArguments;
use crate::clock::Clock;
use crate::daemon::{ZoneSet, premises_of};
use crate::geo::Locations;
use crate::simulate::{Observed, Side, diff as diff_answers, diff_text};

use super::offline::{complain_of_refusals, load, locations_for};

/// Runs `diff`. Ends with 1 if any answer differs.
pub(in crate::cli) fn diff(arguments: &DiffArguments, output: &mut Output) -> Outcome {
    let locations = locations_for(arguments.config.as_deref(), &arguments.new)?;
    let old = load_sound(&arguments.old, &locations, output)?;
    let new = load_sound(&arguments.new, &locations, output)?;
    let observed: Vec<Observed> = match arguments.server {
        None => Vec::new(),
        Some(server) => {
            let answer = get(server, "/api/queries")
                .map_err(|fault| Complaint::cannot_run(fault.to_string()))?;
            serde_json::from_str(&answer).map_err(|cause| {
                Complaint::cannot_run(format!("read the server's answer: {cause}"))
            })?
        }
    };
    let wall = Clock::start().wall();
    let (before, after) = (premises_of(&old, wall), premises_of(&new, wall));
    let side = |premises| Side {
        premises,
        locations: &locations,
    };
    let found = diff_answers(side(&before), side(&after), &observed);
    if arguments.json {
        output.json(&found)?;
    } else {
        output.line(&diff_text(&found));
    }
    Ok(if found.is_empty() {
        Exit::Fine
    } else {
        Exit::Faults
    })
}

fn load_sound(path: &Path, locations: &Locations, output: &Output) -> Result<ZoneSet, Complaint> {
    let set = load(path, locations)?;
    match complain_of_refusals(&set, output.is_colour()) {
        Some(complaint) => Err(complaint),
        None => Ok(set),
    }
}
