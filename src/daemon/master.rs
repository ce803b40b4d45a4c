//! Master files on disk to zones: the file and those that it includes read, judged, built.
//!
//! In: a path in the zones folder. Out: what a loaded zone needs, or the faults. Never here: the grammar; `zonefile`
//! knows it. A master zone has a model with an SOA and nothing else, since its records are in the zone itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::convert::soa_of;
use crate::diagnostic::Span;
use crate::diagnostic::{Diagnostic, Source};
use crate::model::{TtlModel, ZoneModel};
use crate::wire::Name;
use crate::zone::{ServedZone, build_maps};
use crate::zonefile::{Inclusions, Records, build_master_zone, read_master};

use super::zone_files::ZoneFiles;

/// What a master file gave.
pub(super) struct MasterLoad {
    /// Model and zone; `None` if there is a fault among the diagnostics.
    pub(super) zone: Option<(ZoneModel, ServedZone)>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The files that diagnostics point into, the zone's own first.
    pub(super) sources: Vec<Source>,
}

/// Says whether a path names a master file.
pub(super) fn is_master_file(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "zone")
}

/// Reads included files.
struct Included<'f>(&'f ZoneFiles);

impl Inclusions for Included<'_> {
    fn include(&mut self, _from: &Path, named: &str) -> Result<(PathBuf, Vec<u8>), String> {
        let path = self.0.locate(Path::new(named))?;
        let octets = self.0.read_inside(&path)?;
        Ok((path, octets))
    }
}

/// Loads one master file.
pub(super) fn load_master(path: &Path, files: &ZoneFiles) -> MasterLoad {
    let octets = match files.take(path) {
        Ok(octets) => octets,
        Err(cause) => {
            let message = format!("cannot be read: {cause}");
            return refused(path, "D005", message);
        }
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let origin = match Name::parse_absolute(&stem) {
        Ok(origin) => origin,
        Err(fault) => {
            let mut message = format!("the file name `{stem}` is no domain name: {fault}");
            if let Some(help) = fault.help(&stem) {
                message.push_str("; ");
                message.push_str(&help);
            }
            return refused(path, "M002", message);
        }
    };
    let reading = read_master(path, octets, &origin, &mut Included(files));
    let mut diagnostics = reading.findings;
    let mut zone = None;
    if let Some(records) = reading.records {
        match build_master_zone(&records) {
            Ok(built) => zone = Some((bare_model(path, &records), Arc::new(built))),
            Err(fault) => {
                let found = Diagnostic::fault("M034", Span(0..0), "", fault.to_string());
                diagnostics.push(at_path(found, path));
            }
        }
    }
    // Text is kept for messages only: that of a clean zone is not needed again.
    let is_wanted = |known: &Path| diagnostics.iter().any(|found| found.path == known);
    let sources = reading.sources.into_iter().enumerate();
    let sources = sources
        .filter(|(number, source)| *number == 0 || is_wanted(&source.path))
        .map(|(_, source)| Source {
            text: if is_wanted(&source.path) {
                source.text.as_ref().to_owned()
            } else {
                String::new()
            },
            path: source.path,
        })
        .collect();
    MasterLoad {
        zone: zone.map(|(model, zone)| {
            let maps = build_maps(&zone.policies, &crate::geo::Locations::unknown());
            (model, ServedZone { zone, maps })
        }),
        diagnostics,
        sources,
    }
}

fn refused(path: &Path, code: &'static str, message: String) -> MasterLoad {
    let found = Diagnostic::fault(code, Span(0..0), "", message);
    MasterLoad {
        zone: None,
        diagnostics: vec![at_path(found, path)],
        sources: vec![Source {
            path: path.to_path_buf(),
            text: String::new(),
        }],
    }
}

fn at_path(mut diagnostic: Diagnostic, path: &Path) -> Diagnostic {
    diagnostic.path = path.to_path_buf();
    diagnostic
}

/// Makes the model of a zone without pools, checks and policies.
fn bare_model(path: &Path, records: &Records) -> ZoneModel {
    let soa = soa_of(records);
    ZoneModel {
        file: path.to_path_buf(),
        apex: records.apex(),
        ttl: TtlModel {
            min: soa.ttl,
            max: soa.ttl,
        },
        soa,
        checks: Vec::new(),
        pools: Vec::new(),
        names: Vec::new(),
        expects: Vec::new(),
        maintenance: Vec::new(),
    }
}
