//! Orders of operators and reports of their jobs: saved first, in force after, answered last.
//!
//! In: switches, releases and heartbeats that were found to be in order. Out: what is to be saved, put in force, refused. Never
//! here: rules of switches and failovers, files.
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

use crate::admin::{Kept, OrderFault, SwitchRow};
use crate::clock::Moment;
use crate::wire::Name;

use crate::daemon::watching::Switches;

/// Orders that wait for a save, further ones are refused. Chosen: more than the control API has connections.
const ORDERS_MAX: usize = 1_024;
/// Least time between two saves for heartbeats alone. Chosen: ten syncs a second at most, whoever reports.
const HEARTBEATS_INTERVAL: Duration = Duration::from_millis(100);

/// Where an answer goes.
pub(in crate::daemon) type Answer<T> = oneshot::Sender<Result<T, OrderFault>>;

/// An order that was found to be in order.
#[derive(Debug)]
pub(in crate::daemon) enum Order {
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
    pub(super) fn switches_at_last(&self, now: &Switches) -> Switches {
        self.next
            .clone()
            .unwrap_or_else(|| self.switches(now).clone())
    }

    /// Puts an order into the queue, with how switches stand once it is in force if it throws any; refuses it if there is no
    /// room. Says whether it waits.
    pub(super) fn queue(&mut self, order: Order, switches: Option<Switches>) -> bool {
        if self.waiting.len() >= ORDERS_MAX {
            refuse(order, &OrderFault::Busy);
            return false;
        }
        self.waiting.push(order);
        if switches.is_some() {
            self.next = switches;
        }
        true
    }

    /// Ends the save under way. Returns the orders that are saved, with how switches stand now; or refuses them, and all that
    /// counted on them.
    pub(super) fn end(&mut self, saved: &Result<(), String>) -> EndedOrders {
        let Some((mut orders, switches)) = self.under_way.take() else {
            return EndedOrders::default();
        };
        match saved {
            Ok(()) => EndedOrders { orders, switches },
            Err(cause) => {
                orders.append(&mut self.waiting);
                self.next = None;
                let fault = OrderFault::NotSaved(cause.clone());
                orders.into_iter().for_each(|order| refuse(order, &fault));
                EndedOrders::default()
            }
        }
    }
}

/// Orders that are saved, and are to be put in force and answered.
#[derive(Debug, Default)]
pub(in crate::daemon) struct EndedOrders {
    /// The orders, the oldest first.
    pub(in crate::daemon) orders: Vec<Order>,
    /// How switches stand from now on, if any was thrown.
    pub(in crate::daemon) switches: Option<Switches>,
}

/// Answers; a client that went away needs no answer.
pub(in crate::daemon) fn reply<T>(answer: Answer<T>, result: Result<T, OrderFault>) {
    let _ = answer.send(result);
}

fn refuse(order: Order, fault: &OrderFault) {
    match order {
        Order::Switch { answer, .. } => reply(answer, Err(fault.clone())),
        Order::Release { answer, .. } => reply(answer, Err(fault.clone())),
        Order::Heartbeat(answer) => reply(answer, Err(fault.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat() -> (Order, oneshot::Receiver<Result<Kept, OrderFault>>) {
        let (answer, answered) = oneshot::channel();
        (Order::Heartbeat(answer), answered)
    }

    fn release() -> Order {
        let zone = Name::parse_absolute("a.example.").expect("a name");
        let (answer, _) = oneshot::channel();
        Order::Release {
            zone,
            place: "www".to_owned(),
            answer,
        }
    }

    #[test]
    fn an_order_is_handed_out_only_after_its_save() {
        let now = Moment::from_secs(1);
        let mut orders = Orders::default();
        assert_eq!(orders.wait(now), None);
        assert!(orders.queue(release(), None));
        assert_eq!(orders.wait(now), Some(Duration::ZERO));
        let released = orders.begin(now);
        assert_eq!(released.len(), 1);
        // What comes meanwhile waits for the next save: this one was collected before it.
        let (order, mut answered) = heartbeat();
        assert!(orders.queue(order, None));
        assert_eq!(orders.wait(now), None, "a save is under way");
        let ended = orders.end(&Ok(()));
        assert!(matches!(ended.orders[..], [Order::Release { .. }]));
        assert!(answered.try_recv().is_err(), "it is not saved");
        assert_eq!(orders.wait(now), Some(HEARTBEATS_INTERVAL));
        assert!(orders.are_due(now.after(HEARTBEATS_INTERVAL)));
    }

    #[test]
    fn a_failed_save_refuses_all_that_counted_on_it() {
        let now = Moment::from_secs(1);
        let mut orders = Orders::default();
        let (first, mut first_answer) = heartbeat();
        let (second, mut second_answer) = heartbeat();
        orders.queue(first, None);
        orders.begin(now);
        orders.queue(second, Some(Switches::default()));
        let ended = orders.end(&Err("the disk is full".to_owned()));
        assert!(ended.orders.is_empty() && ended.switches.is_none());
        for answer in [&mut first_answer, &mut second_answer] {
            let answer = answer.try_recv().expect("an answer");
            assert!(matches!(answer, Err(OrderFault::NotSaved(_))), "{answer:?}");
        }
        assert!(!orders.are_waiting());
    }

    #[test]
    fn refuses_orders_beyond_the_bound() {
        let mut orders = Orders::default();
        let mut answers = Vec::new();
        for _ in 0..ORDERS_MAX {
            let (order, answer) = heartbeat();
            assert!(orders.queue(order, None));
            answers.push(answer);
        }
        let (order, mut answer) = heartbeat();
        assert!(!orders.queue(order, None));
        let answer = answer.try_recv().expect("an answer");
        assert!(matches!(answer, Err(OrderFault::Busy)), "{answer:?}");
    }
}
