//! `leeward show`: zones with every default filled in, or the settings of a server file.

use crate::cli::arguments::ShowArguments;
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::config::server_file::show_server;
use crate::config::show::{show_name_as, show_zone};
use crate::daemon::{LoadedZone, ZoneSet};
use crate::geo::Locations;
use crate::wire::Name;
use crate::zonefile::{show_master, show_master_name};

use super::offline::{complain_of_refusals, load, read_config};

/// Runs `show`.
pub(in crate::cli) fn show(arguments: &ShowArguments, output: &mut Output) -> Outcome {
    if arguments
        .path
        .file_name()
        .is_some_and(|name| name == crate::cli::arguments::CONFIG_DEFAULT)
    {
        let (config, _) = read_config(&arguments.path, output.is_colour())?;
        output.line(&show_server(&config));
        return Ok(Exit::Fine);
    }
    let set = load(&arguments.path, &Locations::unknown())?;
    match &arguments.name {
        None => {
            for zone in &set.zones {
                output.line(&show_whole(zone));
            }
        }
        Some(text) => {
            let shown = show_names(&set, text, output);
            // The name may be in a file that is refused.
            if shown.is_err()
                && let Some(complaint) = complain_of_refusals(&set, output.is_colour())
            {
                return Err(complaint);
            }
            shown?;
        }
    }
    match complain_of_refusals(&set, output.is_colour()) {
        Some(complaint) => Err(complaint),
        None => Ok(Exit::Fine),
    }
}

/// Writes a zone in the form of its file.
fn show_whole(zone: &LoadedZone) -> String {
    if zone.is_master() {
        show_master(&zone.served.zone)
    } else {
        show_zone(&zone.model)
    }
}

/// Writes the records of the first of these names that a zone of a master file has.
fn show_records(zone: &LoadedZone, names: [&Name; 2], output: &mut Output) -> bool {
    let shown = names.map(|name| show_master_name(&zone.served.zone, name));
    let Some(text) = shown.iter().find(|text| !text.is_empty()) else {
        return false;
    };
    output.line(&format!("# zone {}", zone.model.apex));
    output.line(text);
    true
}

fn show_names(set: &ZoneSet, text: &str, output: &mut Output) -> Result<(), Complaint> {
    let mut is_found = false;
    for zone in &set.zones {
        let Ok(owner) = Name::parse(text, &zone.model.apex) else {
            continue;
        };
        let absolute = Name::parse_absolute(text).unwrap_or_else(|_| owner.clone());
        if zone.is_master() {
            is_found |= show_records(zone, [&absolute, &owner], output);
            continue;
        }
        for name in zone
            .model
            .names
            .iter()
            .filter(|name| name.owner == owner || name.owner == absolute)
        {
            is_found = true;
            output.line(&format!("# zone {}", zone.model.apex));
            output.line(&show_name_as(&zone.model, name, &name.owner));
        }
    }
    if is_found {
        Ok(())
    } else {
        Err(Complaint::usage(format!(
            "no zone here has a name `{text}`"
        )))
    }
}
