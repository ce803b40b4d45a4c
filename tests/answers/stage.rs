//! Zones from text to a served world, asked through the engine's entry.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use leeward::answer::{Exchange, Transport, Worker, World, respond};
use leeward::clock::Moment;
use leeward::compile::compile_zone;
use leeward::config::{Files, read_zone};
use leeward::diagnostic::{Severity, Source, render_text};
use leeward::geo::Locations;
use leeward::health::Status;
use leeward::model::ZoneModel;
use leeward::simulate::{Suppose, apply_references};
use leeward::view::{Fold, HealthView, Inputs};
use leeward::zone::{ServedZone, Snapshot, build_maps};

use super::ask::Case;

/// No files beside the zone.
struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> Result<String, String> {
        Err("there is none".to_owned())
    }
}

/// Zones as they are served.
pub(crate) struct Stage {
    models: Vec<ZoneModel>,
    snapshot: Arc<Snapshot>,
}

impl Stage {
    /// Reads and compiles zones; a fault in one is a mistake of the test.
    pub(crate) fn new(texts: &[&str]) -> Self {
        let locations = Arc::new(Locations::unknown());
        let (mut models, mut zones) = (Vec::new(), Vec::new());
        for text in texts {
            let source = Source {
                path: PathBuf::from("zone.toml"),
                text: (*text).to_owned(),
            };
            let (model, found) = read_zone(&source, &NoFiles);
            let faults: Vec<_> = found
                .into_iter()
                .filter(|found| found.severity == Severity::Fault)
                .collect();
            let shown = render_text(&faults, std::slice::from_ref(&source), false);
            let model = model.unwrap_or_else(|| panic!("the zone is at fault:\n{shown}"));
            let zone =
                compile_zone(&model, model.soa.serial.unwrap_or(1)).expect("the zone compiles");
            let maps = build_maps(&zone.policies, &locations);
            zones.push(ServedZone {
                zone: Arc::new(zone),
                maps,
            });
            models.push(model);
        }
        Self {
            models,
            snapshot: Arc::new(Snapshot::new(zones, locations)),
        }
    }

    /// Makes the world in which what a case says is down.
    pub(crate) fn world(&self, down: &[String]) -> World {
        let views = self.models.iter().zip(&self.snapshot.zones);
        let zones = views.map(|(model, served)| {
            let policies = &served.zone.policies;
            let mut inputs = Inputs::uniform(policies, Status::Healthy);
            let down = down.iter().map(String::as_str);
            apply_references(model, policies, down, Suppose::Down, &mut inputs);
            Fold::new(policies, inputs).view()
        });
        World {
            view: HealthView::new(zones),
            snapshot: self.snapshot.clone(),
            serving: Arc::default(),
            generation: 1,
        }
    }

    /// Sends a message; the reply is empty for silence.
    pub(crate) fn ask(&self, case: &Case, input: &[u8], seed: u64) -> Vec<u8> {
        let world = self.world(&case.down);
        let mut out = vec![0xaa; 65_535];
        let transport = if case.is_tcp {
            Transport::Tcp
        } else {
            Transport::Udp
        };
        let client = SocketAddr::new(case.from, 5353);
        let mut worker = Worker::new(seed);
        let mut batch = [Exchange::new(transport, client, input, &mut out)];
        respond(&world, &mut batch, &mut worker, Moment::ZERO);
        let len = batch[0].len;
        out.truncate(len);
        out
    }
}
