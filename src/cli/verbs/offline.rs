//! Functions of several verbs: read the server file, load the zones of a folder, escape text for a URL.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::admin::Consent;
use crate::cli::arguments::CONFIG_DEFAULT;
use crate::cli::output::Complaint;
use crate::clock::Clock;
use crate::compile::Flattened;
use crate::config::server_file::{ServerConfig, read_server_file};
use crate::daemon::{Loading, Pace, Serials, ZoneSet, load_locations, load_zones};
use crate::diagnostic::{Severity, Source, render_text};
use crate::geo::Locations;

use super::strange::complain_of_name;

/// Reads a server file; returns its warnings as text too.
pub(super) fn read_config(
    path: &Path,
    is_colour: bool,
) -> Result<(ServerConfig, String), Complaint> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| Complaint::cannot_run(format!("read {}: {cause}", path.display())))?;
    let source = Source::new(path, text);
    let (config, diagnostics) = read_server_file(&source);
    let rendered = match diagnostics.as_slice() {
        [] => String::new(),
        found => render_text(found, std::slice::from_ref(&source), is_colour),
    };
    match config {
        Some(config)
            if diagnostics
                .iter()
                .all(|found| found.severity != Severity::Fault) =>
        {
            Ok((config, rendered))
        }
        _ => Err(Complaint {
            message: format!("the server file has faults\n{rendered}"),
            help: None,
            exit: crate::cli::output::Exit::Faults,
        }),
    }
}

/// Finds the server file that belongs to a folder of zones: the one named, else `leeward.toml` here or beside the
/// folder, else none.
pub(super) fn find_config(named: Option<&Path>, zones: &Path) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named.to_path_buf());
    }
    let beside = zones.parent().map(|parent| parent.join(CONFIG_DEFAULT));
    [Some(PathBuf::from(CONFIG_DEFAULT)), beside]
        .into_iter()
        .flatten()
        .find(|path| path.is_file())
}

/// Loads networks and databases of locations, by the server file that belongs to the zones.
pub(super) fn locations_for(named: Option<&Path>, zones: &Path) -> Result<Locations, Complaint> {
    match find_config(named, zones) {
        Some(path) => {
            let (config, _) = read_config(&path, false)?;
            load_locations(&config.geo).map_err(|fault| Complaint::cannot_run(fault.to_string()))
        }
        None => Ok(Locations::unknown()),
    }
}

/// Loads a folder of zones, or one zone file.
pub(super) fn load(zones: &Path, locations: &Locations) -> Result<ZoneSet, Complaint> {
    let config = find_config(None, zones).and_then(|path| read_config(&path, false).ok());
    let mut links = config
        .map(|(config, _)| config.zone_links)
        .unwrap_or_default();
    // Whoever names one file by hand means the file that a link leads to.
    let real = zones.is_file().then(|| zones.canonicalize().ok()).flatten();
    links.extend(
        real.as_deref()
            .and_then(Path::parent)
            .map(Path::to_path_buf),
    );
    load_within(zones, &links, locations)
}

/// Loads zones whose links may lead into further folders.
pub(super) fn load_within(
    zones: &Path,
    links: &[PathBuf],
    locations: &Locations,
) -> Result<ZoneSet, Complaint> {
    if let Some(complaint) = complain_of_name(zones) {
        return Err(complaint);
    }
    let mut serials = Arc::new(Serials::default());
    let loading = Loading {
        folder: zones,
        links,
        previous: &ZoneSet::default(),
        kept: None,
        pace: Pace::AtOnce,
        consent: Consent::Open,
        serials: &mut serials,
        locations,
        are_locations_new: false,
        flattened: &Flattened::assumed(),
        wall: Clock::start().wall(),
    };
    load_zones(loading).map_err(|fault| {
        Complaint::cannot_run(fault.to_string())
            .with_help("name a folder of zone files, or one zone file")
    })
}

/// Complains about refused files, if there are any.
pub(super) fn complain_of_refusals(set: &ZoneSet, is_colour: bool) -> Option<Complaint> {
    if set.refusals.is_empty() {
        return None;
    }
    let (mut diagnostics, sources) = set.findings();
    diagnostics.retain(|found| found.severity == Severity::Fault);
    Some(Complaint {
        message: format!(
            "{} zone file(s) have faults\n{}",
            set.refusals.len(),
            render_text(&diagnostics, &sources, is_colour)
        ),
        help: None,
        exit: crate::cli::output::Exit::Faults,
    })
}

/// Writes text so that it can stand in the query of a URL.
pub(super) fn escaped(text: &str) -> String {
    let safe = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
    text.bytes()
        .map(|octet| {
            if safe(octet) {
                char::from(octet).to_string()
            } else {
                format!("%{octet:02X}")
            }
        })
        .collect()
}
