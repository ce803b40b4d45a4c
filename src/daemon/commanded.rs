//! What operators and their jobs tell the server: switches thrown, heartbeats.
//!
//! In: requests of control. Out: changed answers at once, an event, the state saved. Never here: rules of panels and
//! heartbeats, which stand beside.

use crate::control::{HeartbeatReport, SwitchRequest, SwitchRow};
use crate::timeline::EventKind;

use super::keeper::Keeper;
use super::reload::inputs_of;

impl Keeper {
    /// Throws switches of one check in one step; answers follow at once.
    pub(super) fn switch(&mut self, request: &SwitchRequest) -> Result<Vec<SwitchRow>, String> {
        let (number, text) = self.switches.change(&self.set, request)?;
        let zone = self.set.zones[number].model.apex.to_string();
        if !text.is_empty() {
            let wall = self.clock.wall();
            let inputs = inputs_of(&self.set, number, wall, &self.switches);
            // A switch that no answer hangs on is thrown all the same.
            let _ = self.publisher.hold(number, inputs.switches, inputs.holds);
            self.record(EventKind::Switched {
                zone: zone.clone(),
                text,
            });
            self.save_in_background();
        }
        let mut rows = self.switches.rows(&self.set);
        rows.retain(|row| row.zone == zone && row.check == request.check);
        Ok(rows)
    }

    /// Takes a heartbeat in; answers follow at once if it tips the scale.
    pub(super) fn take_heartbeat(&mut self, report: &HeartbeatReport) -> Result<(), String> {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let observed = self.heartbeats.report(report, now, wall)?;
        self.take_reports(&mut vec![observed]);
        Ok(())
    }
}
