//! What fuzz targets reach of the daemon: the saved state.
//!
//! In: the folder of a state file with any octets. Out: nothing. Never here: anything that a server runs; it is built for
//! fuzzing only.

use std::path::Path;

use super::saving::{self, Saved, SavedOrders};
use super::watching::{Heartbeats, Switches};
use crate::clock::{Moment, WallTime};
use crate::geo::LocationsBuilder;
use crate::health::Targets;
use crate::publish::Publisher;
use crate::zone::Snapshot;

/// Reads the state file of a folder, whole or by parts, lets everything restore what it says, and saves it again.
///
/// # Panics
/// If a file that was read whole counts as damaged, or what is saved is not read back whole and the same.
pub fn restore_any_state(folder: &Path) {
    let (saved, _) = saving::read(folder);
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
        orders: SavedOrders {
            switches: Switches::restore(saved.orders.switches).save(),
            zones: publisher.save(),
            heartbeats: Heartbeats::restore(saved.orders.heartbeats, now, wall).save(),
        },
        statuses: targets.table().save(now, wall),
        ..saved
    };
    saving::write_whole(folder, &again).expect("the folder is writable");
    let (read, damages) = saving::read(folder);
    assert_eq!(damages, [], "what was saved is whole");
    assert_eq!(read.orders, again.orders);
    assert_eq!(read.statuses, again.statuses);
}
