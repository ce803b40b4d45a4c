//! What fuzz targets reach of the daemon: the saved state.
//!
//! In: the folder of a state file with any octets. Out: nothing. Never here: anything that a server runs; it is built for
//! fuzzing only.

use std::path::Path;

use super::heartbeats::Heartbeats;
use super::state::{self, Saved, SavedOrders};
use super::switches::Switches;
use crate::clock::{Moment, WallTime};
use crate::health::Targets;
use crate::place::LocationsBuilder;
use crate::publish::Publisher;
use crate::zone::Snapshot;

/// Reads the state file of a folder and lets everything restore what it says, and save it again.
///
/// # Panics
/// If what was restored cannot be saved and read again.
pub fn restore_any_state(folder: &Path) {
    let (saved, _) = state::read(folder);
    let (now, wall) = (
        Moment::from_secs(100),
        WallTime::from_millis(1_800_000_000_000),
    );
    let mut targets = Targets::default();
    targets.restore(saved.statuses, now, wall);
    let locations = std::sync::Arc::new(LocationsBuilder::new().build());
    let mut publisher = Publisher::new(Snapshot::new(Vec::new(), locations));
    publisher.at(now, wall);
    publisher.restore(saved.orders.zones);
    let again = Saved {
        statuses: targets.save(now, wall),
        serials: saved.serials,
        orders: SavedOrders {
            zones: publisher.save(),
            switches: Switches::restore(saved.orders.switches).save(),
            heartbeats: Heartbeats::restore(saved.orders.heartbeats, now, wall).save(),
        },
        flattened: saved.flattened,
        ..Saved::default()
    };
    state::write_whole(folder, &again).expect("the folder is writable");
    let (_, damages) = state::read(folder);
    assert_eq!(damages, [], "what was just written");
}
