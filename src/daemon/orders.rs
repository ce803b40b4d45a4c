//! Orders of operators and reports of their jobs: saved first, in force after, answered last.
//!
//! In: switches, releases and heartbeats as control asks for them. Out: changed answers, events, and the answer to whoever
//! asked. Never here: rules of switches and failovers, files.
//!
//! | Order | In force | Answered when saved | Answered when it cannot be saved |
//! |---|---|---|---|
//! | switch, release | once it is saved | it is in force and kept | nothing is changed |
//! | heartbeat | at once: it is a fact | it is counted and kept | it is counted, and a restart will not know it |
//!
//! Without a state folder everything is in force at once, and the answer says that it is kept in memory only. Orders that
//! come while a save is under way share the next one: one sync serves them all. What no operator waits for waits a little
//! longer, so that a thousand heartbeats a second are a few saves.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::clock::Moment;
use crate::control::{HeartbeatReport, Kept, OrderFault, ReleaseRequest, SwitchRequest, SwitchRow};
use crate::timeline::EventKind;
use crate::wire::Name;

use super::keeper::Keeper;
use super::reload::inputs_of;
use super::switches::Switches;

/// Orders that wait for a save, further ones are refused. Chosen: more than the control API has connections.
const ORDERS_MAX: usize = 1_024;
/// Least time between two saves for heartbeats alone. Chosen: ten syncs a second at most, whoever reports.
const HEARTBEATS_INTERVAL: Duration = Duration::from_millis(100);

/// Where an answer goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T, OrderFault>>;

/// An order that was found to be in order.
#[derive(Debug)]
enum Order {
    Switch {
        zone: Name,
        check: String,
        /// What changes, in words; empty if all stood so before.
        text: String,
        answer: Answer<Vec<SwitchRow>>,
    },
    Release {
        zone: Name,
        place: String,
        answer: Answer<serde_json::Value>,
    },
    Heartbeat(Answer<Kept>),
}

/// Orders that are not yet answered.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// How switches stand once all that waits is in force.
    next: Option<Switches>,
    waiting: Vec<Order>,
    /// What is being saved, and how switches stand once it is.
    under_way: Option<(Vec<Order>, Option<Switches>)>,
    /// When the last save began.
    began: Option<Moment>,
}

impl Orders {
    pub(super) fn are_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Says whether any order is not answered yet.
    pub(super) fn are_waiting(&self) -> bool {
        self.are_under_way() || !self.waiting.is_empty()
    }

    /// Returns how long what waits has to wait before a save may begin; `None` if nothing waits, or a save is under way.
    pub(super) fn wait(&self, now: Moment) -> Option<Duration> {
        if self.waiting.is_empty() || self.are_under_way() {
            return None;
        }
        let is_report = |order: &Order| matches!(order, Order::Heartbeat(_));
        let wait = match self.began {
            Some(began) if self.waiting.iter().all(is_report) => {
                HEARTBEATS_INTERVAL.saturating_sub(now.since(began))
            }
            _ => Duration::ZERO,
        };
        Some(wait)
    }

    pub(super) fn are_due(&self, now: Moment) -> bool {
        self.wait(now).is_some_and(|wait| wait.is_zero())
    }

    /// Lets whatever waits begin at once.
    pub(super) fn hurry(&mut self) {
        self.began = None;
    }

    /// Begins a save of all that waits; returns what it releases.
    pub(super) fn begin(&mut self, now: Moment) -> Vec<(Name, String)> {
        self.began = Some(now);
        let orders = std::mem::take(&mut self.waiting);
        let released = orders.iter().filter_map(|order| match order {
            Order::Release { zone, place, .. } => Some((zone.clone(), place.clone())),
            Order::Switch { .. } | Order::Heartbeat(_) => None,
        });
        let released = released.collect();
        self.under_way = Some((orders, self.next.take()));
        released
    }

    /// Returns how switches stand once what is being saved is in force.
    pub(super) fn switches<'s>(&'s self, now: &'s Switches) -> &'s Switches {
        let under_way = self.under_way.as_ref();
        under_way
            .and_then(|(_, switches)| switches.as_ref())
            .unwrap_or(now)
    }

    /// Returns how switches stand once all that waits is in force.
    fn switches_at_last(&self, now: &Switches) -> Switches {
        self.next
            .clone()
            .unwrap_or_else(|| self.switches(now).clone())
    }
}

impl Keeper {
    /// Takes an order to throw switches of one check in one step.
    pub(super) fn take_switch(&mut self, request: &SwitchRequest, answer: Answer<Vec<SwitchRow>>) {
        let mut next = self.orders.switches_at_last(&self.switches);
        match next.change(&self.set, request) {
            Ok((number, text)) => {
                let order = Order::Switch {
                    zone: self.set.zones[number].model.apex.clone(),
                    check: request.check.clone(),
                    text,
                    answer,
                };
                if let Some(order) = self.queue(order) {
                    refuse(order, &OrderFault::Busy);
                } else {
                    self.orders.next = Some(next);
                    self.begin_orders();
                }
            }
            Err(message) => reply(answer, Err(OrderFault::Refused(message))),
        }
    }

    /// Takes an order to let the first healthy tiers of a name or pool take over.
    pub(super) fn take_release(
        &mut self,
        request: &ReleaseRequest,
        answer: Answer<serde_json::Value>,
    ) {
        match self.place_to_release(request) {
            Ok((zone, place)) => {
                let zone = self.set.zones[zone].model.apex.clone();
                let order = Order::Release {
                    zone,
                    place,
                    answer,
                };
                match self.queue(order) {
                    Some(order) => refuse(order, &OrderFault::Busy),
                    None => self.begin_orders(),
                }
            }
            Err(message) => reply(answer, Err(OrderFault::Refused(message))),
        }
    }

    /// Takes a heartbeat in; answers follow at once if it tips the scale.
    pub(super) fn take_heartbeat(&mut self, report: &HeartbeatReport, answer: Answer<Kept>) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        match self.watching.heartbeats.report(report, now, wall) {
            Ok(observed) => {
                self.take_reports(&mut vec![observed]);
                match self.queue(Order::Heartbeat(answer)) {
                    Some(order) => refuse(order, &OrderFault::Busy),
                    None => self.begin_orders(),
                }
            }
            Err(message) => reply(answer, Err(OrderFault::Refused(message))),
        }
    }

    /// Puts an order into the queue, or gives it back if there is no room.
    fn queue(&mut self, order: Order) -> Option<Order> {
        if self.orders.waiting.len() >= ORDERS_MAX {
            return Some(order);
        }
        self.orders.waiting.push(order);
        None
    }

    /// Begins a save of what waits, or puts it in force where nothing is saved.
    fn begin_orders(&mut self) {
        if self.saving.is_on() {
            self.begin_saves();
        } else {
            self.orders.begin(self.clock.now());
            self.end_orders(&Ok(()));
        }
    }

    /// Puts what was saved in force and answers it; or refuses it, with all that counted on it.
    pub(super) fn end_orders(&mut self, saved: &Result<(), String>) {
        let Some((mut orders, switches)) = self.orders.under_way.take() else {
            return;
        };
        match saved {
            Ok(()) => {
                if let Some(switches) = switches {
                    self.switches = switches;
                }
                orders
                    .into_iter()
                    .for_each(|order| self.put_in_force(order));
            }
            Err(cause) => {
                orders.append(&mut self.orders.waiting);
                self.orders.next = None;
                let fault = OrderFault::NotSaved(cause.clone());
                orders.into_iter().for_each(|order| refuse(order, &fault));
            }
        }
    }

    fn put_in_force(&mut self, order: Order) {
        let kept = if self.saving.is_on() {
            Kept::OnDisk
        } else {
            Kept::InMemory
        };
        match order {
            Order::Heartbeat(answer) => reply(answer, Ok(kept)),
            Order::Release {
                zone,
                place,
                answer,
            } => {
                let released = self.release(&zone, &place);
                let fields = |released| {
                    serde_json::json!({
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
                self.tell_overruled();
                let mut rows = self.switch_rows();
                let zone = zone.to_string();
                rows.retain(|row| row.zone == zone && row.check == check);
                reply(answer, Ok(rows));
            }
        }
    }

    /// Publishes the switches of a zone as they stand now.
    fn apply_switches(&mut self, zone: &Name, text: String) {
        // A reload may have taken the zone away; the switch is kept for when it comes back.
        let number = self
            .set
            .zones
            .iter()
            .position(|known| known.model.apex == *zone);
        if let Some(number) = number {
            let inputs = inputs_of(&self.set, number, self.clock.wall(), &self.switches);
            // A switch that no answer hangs on is thrown all the same.
            let _ = self.publisher.hold(number, inputs.switches, inputs.holds);
        }
        if !text.is_empty() {
            let zone = zone.to_string();
            self.telemetry.record(EventKind::Switched { zone, text });
        }
    }

    /// Lists every switch of every zone.
    pub(super) fn switch_rows(&self) -> Vec<SwitchRow> {
        let kept = if self.saving.is_on() {
            Kept::OnDisk
        } else {
            Kept::InMemory
        };
        let mut rows = self.switches.rows(&self.set);
        rows.iter_mut()
            .for_each(|row| kept.text().clone_into(&mut row.kept));
        rows
    }

    /// Returns the numbers of zones with what is to be released in them; a zone that is gone has none.
    pub(super) fn places_of<'p>(&self, released: &'p [(Name, String)]) -> Vec<(usize, &'p str)> {
        let number = |apex: &Name| {
            let mut zones = self.set.zones.iter();
            zones.position(|zone| zone.model.apex == *apex)
        };
        released
            .iter()
            .filter_map(|(apex, place)| Some((number(apex)?, place.as_str())))
            .collect()
    }
}

/// Answers; an asker that went away needs no answer.
fn reply<T>(answer: Answer<T>, result: Result<T, OrderFault>) {
    let _ = answer.send(result);
}

fn refuse(order: Order, fault: &OrderFault) {
    match order {
        Order::Switch { answer, .. } => reply(answer, Err(fault.clone())),
        Order::Release { answer, .. } => reply(answer, Err(fault.clone())),
        Order::Heartbeat(answer) => reply(answer, Err(fault.clone())),
    }
}
