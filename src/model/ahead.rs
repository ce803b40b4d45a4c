//! How far the maintenance of a zone lies ahead (rule a49).

use std::time::Duration;

use crate::clock::WallTime;

use super::ZoneModel;

/// Returns how long until the next maintenance begins, and until any begins or ends.
pub fn maintenance_ahead(
    model: &ZoneModel,
    wall: WallTime,
) -> (Option<Duration>, Option<Duration>) {
    let ahead = |at: WallTime| (wall < at).then(|| at.since(wall));
    let begins = model.maintenance.iter().filter_map(|work| ahead(work.from));
    let ends = model
        .maintenance
        .iter()
        .filter_map(|work| ahead(work.until));
    let begins_in = begins.min();
    (begins_in, ends.chain(begins_in).min())
}
