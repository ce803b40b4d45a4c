//! Zones of a test: from text to what is served.
//!
//! In: texts. Out: models, served zones. Never here: expectations.

use std::path::Path;

use leeward::compile::compile_zone;
use leeward::config::{Files, read_zone};
use leeward::diagnostic::{Severity, Source, render_text};
use leeward::geo::Locations;
use leeward::model::ZoneModel;
use leeward::zone::ServedZone;

/// No files beside a zone.
pub(crate) struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> Result<String, String> {
        Err("there is no such file".to_owned())
    }
}

/// Reads a zone without files beside it; a fault in it is a mistake of the test.
pub(crate) fn read(text: &str) -> ZoneModel {
    read_beside(text, &NoFiles).unwrap_or_else(|shown| panic!("the zone is at fault:\n{shown}"))
}

/// Reads a zone.
///
/// # Errors
/// Shows its faults as `leeward validate` does.
pub(crate) fn read_beside(text: &str, files: &dyn Files) -> Result<ZoneModel, String> {
    let source = Source {
        path: "zone.toml".into(),
        text: text.to_owned(),
    };
    let (model, mut found) = read_zone(&source, files);
    found.retain(|found| found.severity == Severity::Fault);
    model.ok_or_else(|| render_text(&found, std::slice::from_ref(&source), false))
}

/// Compiles a zone, to be served with these locations.
pub(crate) fn serve(model: &ZoneModel, locations: &Locations) -> ServedZone {
    let zone = compile_zone(model, model.soa.serial.unwrap_or(1)).expect("the zone compiles");
    ServedZone::new(zone, locations)
}
