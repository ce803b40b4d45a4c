//! `leeward geo`: the place of an address, from local data alone.

use std::path::Path;

use serde_json::json;

use crate::cli::arguments::GeoArguments;
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::cli::values::ClientSource;
use crate::config::server_file::{GeoSettings, ServerConfig};
use crate::daemon::load_locations;
use crate::geo::{AddressReport, Place};

use super::offline::{find_config, read_config};

/// Runs `geo`.
pub(in crate::cli) fn geo(arguments: &GeoArguments, output: &mut Output) -> Outcome {
    let address = match &arguments.client {
        ClientSource::Address(address) => *address,
        ClientSource::Place(text) => return show_place(text, arguments.json, output),
    };
    let config = find_config(arguments.config.as_deref(), Path::new("."));
    let mut settings = match config {
        Some(path) => read_config(&path, false)?.0.geo,
        None => ServerConfig::default().geo,
    };
    if let Some(database) = &arguments.database {
        settings = GeoSettings {
            databases: vec![database.clone()],
            ..settings
        };
    }
    let locations =
        load_locations(&settings).map_err(|fault| Complaint::cannot_run(fault.to_string()))?;
    let report = AddressReport::of(&locations, address);
    if arguments.json {
        output.json(&report)?;
    } else {
        report.lines().iter().for_each(|line| output.line(line));
    }
    Ok(Exit::Fine)
}

fn show_place(text: &str, is_json: bool, output: &mut Output) -> Outcome {
    let place = Place::parse(text)
        .map_err(|fault| Complaint::usage(fault.message).with_help(fault.help))?;
    let point = place.point();
    let chain: Vec<String> = place.chain().map(|place| place.to_string()).collect();
    if is_json {
        output.json(&json!({
            "place": place.to_string(),
            "name": place.english_name(),
            "latitude": point.latitude,
            "longitude": point.longitude,
            "chain": chain,
        }))?;
    } else {
        output.line(&format!(
            "{place}: {}, taken to stand at {point}",
            place.english_name()
        ));
        output.line(&format!(
            "geo rules are tried in this order: {}, default",
            chain.join(", ")
        ));
    }
    Ok(Exit::Fine)
}
