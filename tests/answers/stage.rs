//! Zones from text to a served world, asked through the engine's entry.

use std::net::SocketAddr;
use std::sync::Arc;

use leeward::answer::{Exchange, Transport, Worker, World, respond};
use leeward::clock::Moment;
use leeward::geo::Locations;
use leeward::health::Status;
use leeward::model::ZoneModel;
use leeward::simulate::{Suppose, apply_references};
use leeward::view::{Fold, HealthView, Inputs};
use leeward::zone::Snapshot;

use super::ask::Case;
use crate::zones::{read, serve};

/// Zones as they are served.
pub(crate) struct Stage {
    models: Vec<ZoneModel>,
    snapshot: Arc<Snapshot>,
}

impl Stage {
    /// Reads and compiles zones; a fault in one is a mistake of the test.
    pub(crate) fn new(texts: &[&str]) -> Self {
        let locations = Arc::new(Locations::unknown());
        let models: Vec<ZoneModel> = texts.iter().map(|text| read(text)).collect();
        let zones = models
            .iter()
            .map(|model| serve(model, &locations))
            .collect();
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
