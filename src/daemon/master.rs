//! Master files on disk to zones: the file and those that it includes read, judged, built.
//!
//! In: a path in the zones folder. Out: what a loaded zone needs, or the faults. Never here: the grammar; `master`
//! knows it. A master zone has a model with an SOA and nothing else, since its records are in the zone itself.

use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::model::{Span, TtlModel, ZoneModel};
use crate::config::{Diagnostic, Source};
use crate::convert::{diagnostic_of, soa_of};
use crate::master::{Inclusions, Records, build_master_zone, read_master};
use crate::wire::Name;
use crate::zone::{ServedZone, build_maps};

use super::files::{Stamp, ZoneFiles, read_octets, stamp};

/// What a master file gave.
pub(super) struct MasterLoad {
    /// Model, zone, and the hash of all contents; `None` if there is a fault among the diagnostics.
    pub(super) zone: Option<(ZoneModel, ServedZone)>,
    /// Hash of the file and all that it includes.
    pub(super) digest: u64,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The files that diagnostics point into, the zone's own first.
    pub(super) sources: Vec<Source>,
    pub(super) stamps: Vec<(PathBuf, Option<Stamp>)>,
}

/// Says whether a path names a master file.
pub(super) fn is_master_file(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "zone")
}

/// Reads included files, and remembers what was read.
struct Included<'f> {
    files: &'f ZoneFiles,
    hasher: DefaultHasher,
    stamps: Vec<(PathBuf, Option<Stamp>)>,
}

impl Inclusions for Included<'_> {
    fn include(&mut self, _from: &Path, named: &str) -> Result<(PathBuf, Vec<u8>), String> {
        let path = self.files.locate(Path::new(named))?;
        self.stamps.push((path.clone(), stamp(&path)));
        let octets = self.files.read_inside(&path)?;
        self.hasher.write(&octets);
        Ok((path, octets))
    }
}

/// Loads one master file.
pub(super) fn load_master(path: &Path, files: &ZoneFiles) -> MasterLoad {
    let mut included = Included {
        files,
        hasher: DefaultHasher::new(),
        stamps: vec![(path.to_path_buf(), stamp(path))],
    };
    let octets = match read_octets(path) {
        Ok(octets) => octets,
        Err(cause) => {
            let message = format!("cannot be read: {cause}");
            return refused(path, included.stamps, "D005", message);
        }
    };
    included.hasher.write(&octets);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let origin = match Name::parse_absolute(&stem) {
        Ok(origin) => origin,
        Err(fault) => {
            let mut message = format!("the file name `{stem}` is no domain name: {fault}");
            if let Some(help) = fault.help(&stem) {
                message.push_str("; ");
                message.push_str(&help);
            }
            return refused(path, included.stamps, "M002", message);
        }
    };
    let reading = read_master(path, octets, &origin, &mut included);
    let paths: Vec<&PathBuf> = reading.sources.iter().map(|source| &source.path).collect();
    let mut diagnostics: Vec<Diagnostic> = reading
        .findings
        .iter()
        .map(|finding| diagnostic_of(finding, &paths))
        .collect();
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
            let maps = build_maps(&zone.policies, &crate::place::Locations::unknown());
            (model, ServedZone { zone, maps })
        }),
        digest: included.hasher.finish(),
        diagnostics,
        sources,
        stamps: included.stamps,
    }
}

fn refused(
    path: &Path,
    stamps: Vec<(PathBuf, Option<Stamp>)>,
    code: &'static str,
    message: String,
) -> MasterLoad {
    let found = Diagnostic::fault(code, Span(0..0), "", message);
    MasterLoad {
        zone: None,
        digest: 0,
        diagnostics: vec![at_path(found, path)],
        sources: vec![Source {
            path: path.to_path_buf(),
            text: String::new(),
        }],
        stamps,
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
