//! Location databases on disk.

use std::path::{Path, PathBuf};

use crate::config::server_file::GeoSettings;
use crate::geo::{Locations, LocationsBuilder, Network};

use crate::daemon::files::{Stamp, stamp};

/// Largest database in octets (a city database has some 150 MB).
const SIZE_MAX: u64 = 4 << 30;

/// Why a database cannot be used.
#[derive(Debug)]
pub struct LocationFault {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for LocationFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "location database {}: {}",
            self.path.display(),
            self.message
        )
    }
}

impl std::error::Error for LocationFault {}

/// Loads databases and the operator's networks.
///
/// # Errors
/// If a database cannot be read or understood.
pub fn load_locations(settings: &GeoSettings) -> Result<Locations, LocationFault> {
    match load_possible(settings) {
        (locations, None) => Ok(locations),
        (_, Some(fault)) => Err(fault),
    }
}

/// Loads the databases that can be used, and the operator's networks; returns the first fault of one that cannot.
pub(super) fn load_possible(settings: &GeoSettings) -> (Locations, Option<LocationFault>) {
    let mut builder = LocationsBuilder::new();
    let mut first = None;
    for path in &settings.databases {
        let added = read_database(path)
            .and_then(|octets| builder.add(&octets).map_err(|cause| cause.to_string()));
        if let Err(message) = added {
            let path = path.clone();
            first.get_or_insert(LocationFault { path, message });
        }
    }
    let networks = settings.networks.iter();
    let networks: Vec<Network> = networks
        .map(|&(prefix, place)| Network { prefix, place })
        .collect();
    (builder.networks(&networks).build(), first)
}

fn read_database(path: &Path) -> Result<Vec<u8>, String> {
    let len = std::fs::metadata(path)
        .map_err(|cause| cause.to_string())?
        .len();
    if len > SIZE_MAX {
        return Err(format!("it has {len} octets; the limit is {SIZE_MAX}"));
    }
    std::fs::read(path).map_err(|cause| cause.to_string())
}

/// Returns the stamps of the databases.
pub(super) fn stamps(settings: &GeoSettings) -> Vec<Option<Stamp>> {
    settings.databases.iter().map(|path| stamp(path)).collect()
}

/// Says in words what is known about clients.
pub(super) fn describe(locations: &Locations, settings: &GeoSettings) -> String {
    let databases: Vec<String> = locations
        .databases()
        .iter()
        .map(|database| {
            let built = database
                .built_date()
                .unwrap_or_else(|| "unknown date".to_owned());
            format!("{} of {built}", database.kind)
        })
        .collect();
    let networks = settings.networks.len();
    if databases.is_empty() && networks == 0 {
        "no location database and no networks: where clients are is unknown".to_owned()
    } else if databases.is_empty() {
        format!(
            "no location database: clients outside the {networks} configured networks are unknown"
        )
    } else {
        format!(
            "location database: {}; {networks} configured networks",
            databases.join(", ")
        )
    }
}
