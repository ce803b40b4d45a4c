//! Requests of control: questions are answered from a snapshot elsewhere, orders are saved, put in force and answered here.
//!
//! In: requests, ends of saves. Out: snapshots for those who answer, orders for the saver, changes of answers. Never here: words
//! of explanations, rules of switches and failovers, files.
//!
//! An order is found to be in order, saved and synced, then in force, then acknowledged (see `saving`).

use serde_json::json;
use tokio::sync::mpsc;
use tracing::warn;

use crate::admin::{
    Ask, Consent, HeartbeatReport, Kept, OrderFault, ReleaseRequest, SwitchRequest, SwitchRow,
};
use crate::geo::AddressReport;
use crate::timeline::EventKind;
use crate::wire::Name;

use super::events::{ControlLoop, END_MAX, Results};
use crate::daemon::loading::When;
use crate::daemon::publishing::place_to_release;
use crate::daemon::reports::Reporter;
use crate::daemon::saving::{Answer, Done, EndedOrders, Order, Savable, Saver, reply};

impl ControlLoop {
    /// Takes a request. A client that went away needs no answer.
    pub(super) fn take_request(&mut self, ask: Ask, results: &Results) {
        match ask {
            Ask::Status(answer) => {
                self.reports.ask_status(answer);
                self.begin_report();
            }
            Ask::Explain(request, answer) => Reporter::explain(self.snapshot(), request, answer),
            Ask::Simulate(mut request, answer) => {
                request.observed = self.telemetry.observed();
                self.reports.simulate(self.snapshot(), *request, answer);
            }
            Ask::Timeline(wanted, answer) => {
                drop(answer.send(json!(self.telemetry.timeline.newest(&wanted))));
            }
            Ask::Geo(address, answer) => {
                let report = AddressReport::of(self.publishing.locations(), address);
                drop(answer.send(json!(report)));
            }
            Ask::Queries(answer) => drop(answer.send(self.telemetry.observed())),
            Ask::Switches(answer) => drop(answer.send(self.switch_rows())),
            Ask::Reload(consent, answer) => {
                if consent == Consent::Given {
                    self.loading.consent = consent;
                }
                if self.loading.queue.ask(Some(answer)) {
                    self.begin_load(When::Always, results);
                }
            }
            Ask::Switch(request, answer) => self.take_switch(&request, answer),
            Ask::Release(request, answer) => self.take_release(&request, answer),
            Ask::Heartbeat(report, answer) => self.take_heartbeat(&report, answer),
        }
    }

    /// Takes an order to throw switches of one check in one step.
    fn take_switch(&mut self, request: &SwitchRequest, answer: Answer<Vec<SwitchRow>>) {
        let mut next = self.saving.switches_at_last(&self.watching.switches);
        match next.change(self.publishing.set(), request) {
            Ok((number, text)) => {
                let order = Order::Switch {
                    zone: self.publishing.set().zones[number].model.apex.clone(),
                    check: request.check.clone(),
                    text,
                    answer,
                };
                let (saving, state) = self.savable();
                let ended = saving.order(order, Some(next), state);
                self.put_in_force(ended);
            }
            Err(message) => reply(answer, Err(OrderFault::Refused(message))),
        }
    }

    /// Takes an order to let the first healthy tiers of a name or pool take over.
    fn take_release(&mut self, request: &ReleaseRequest, answer: Answer<serde_json::Value>) {
        match place_to_release(self.publishing.set(), request) {
            Ok((number, place)) => {
                let zone = self.publishing.set().zones[number].model.apex.clone();
                let order = Order::Release {
                    zone,
                    place,
                    answer,
                };
                let (saving, state) = self.savable();
                let ended = saving.order(order, None, state);
                self.put_in_force(ended);
            }
            Err(message) => reply(answer, Err(OrderFault::Refused(message))),
        }
    }

    /// Takes a heartbeat in; answers follow at once if it changes a status.
    fn take_heartbeat(&mut self, report: &HeartbeatReport, answer: Answer<Kept>) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let settings = &self.loading.config.self_doubt;
        let telemetry = &mut self.telemetry;
        match self.watching.beat(report, settings, (now, wall), telemetry) {
            Ok(counted) => {
                self.take_counted(counted);
                let (saving, state) = self.savable();
                let ended = saving.order(Order::Heartbeat(answer), None, state);
                self.put_in_force(ended);
            }
            Err(message) => reply(answer, Err(OrderFault::Refused(message))),
        }
    }

    /// Puts saved orders in force and answers them.
    fn put_in_force(&mut self, ended: EndedOrders) {
        if let Some(switches) = ended.switches {
            self.watching.switches = switches;
        }
        let kept = self.saving.kept();
        for order in ended.orders {
            match order {
                Order::Heartbeat(answer) => reply(answer, Ok(kept)),
                Order::Release {
                    zone,
                    place,
                    answer,
                } => {
                    let telemetry = &mut self.telemetry;
                    let released = self.publishing.release(&zone, &place, telemetry);
                    let fields = |released| {
                        json!({
                            "zone": zone.to_string(), "name": place, "released": released,
                            "kept": kept.text(),
                        })
                    };
                    reply(answer, released.map(fields).map_err(OrderFault::Refused));
                }
                Order::Switch {
                    zone,
                    check,
                    text,
                    answer,
                } => {
                    self.apply_switches(&zone, text);
                    self.report_overruled();
                    let mut rows = self.switch_rows();
                    let zone = zone.to_string();
                    rows.retain(|row| row.zone == zone && row.check == check);
                    reply(answer, Ok(rows));
                }
            }
        }
    }

    /// Publishes the switches of a zone as they stand now.
    fn apply_switches(&mut self, zone: &Name, text: String) {
        // A reload may have taken the zone away; the switch is kept for when it comes back.
        if let Some(number) = self.publishing.set().at_apex(zone) {
            // A switch that no answer hangs on is thrown all the same.
            let _ = self
                .publishing
                .hold(number, &self.watching.switches, self.clock.wall());
        }
        if !text.is_empty() {
            let zone = zone.to_string();
            self.telemetry.record(EventKind::Switched { zone, text });
        }
    }

    /// Lists every switch of every zone.
    fn switch_rows(&self) -> Vec<SwitchRow> {
        let kept = self.saving.kept();
        let mut rows = self.watching.switches.rows(self.publishing.set());
        rows.iter_mut()
            .for_each(|row| kept.text().clone_into(&mut row.kept));
        rows
    }

    /// Returns the saver, and the states that it saves.
    pub(super) fn savable(&mut self) -> (&mut Saver, Savable<'_>) {
        let state = Savable {
            now: self.clock.now(),
            wall: self.clock.wall(),
            watching: &self.watching,
            publishing: &mut self.publishing,
            serials: &self.loading.serials,
        };
        (&mut self.saving, state)
    }

    /// Begins the saves that are due and may begin.
    pub(super) fn begin_saves(&mut self) {
        let (saving, state) = self.savable();
        saving.begin(state);
    }

    /// Takes what became of a save: orders that it saved are in force from now on.
    pub(super) fn take_saved(&mut self, done: Done) {
        let ended = self.saving.take(done, &mut self.telemetry);
        self.put_in_force(ended);
        self.begin_saves();
    }

    /// Ends what is under way, and saves everything a last time; a restart begins with it. A disk that hangs does not hold up
    /// the end for good.
    pub(super) async fn finish_saves(&mut self, saves: &mut mpsc::Receiver<Done>) {
        let finish = async {
            loop {
                let (saving, state) = self.savable();
                if !saving.begin_end(state) {
                    return;
                }
                match saves.recv().await {
                    Some(done) => self.take_saved(done),
                    // The sender lives as long as the loop.
                    None => std::future::pending().await,
                }
            }
        };
        let is_late = tokio::time::timeout(END_MAX, finish).await.is_err();
        let fault = if is_late {
            let seconds = END_MAX.as_secs();
            Some(format!("it did not end within {seconds} s"))
        } else {
            self.saving.take_fault()
        };
        if let Some(fault) = fault {
            warn!("the last save: {fault}; a restart begins with an older state");
        }
    }
}
