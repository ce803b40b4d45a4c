//! The owner of saves: when the state is written, on threads of their own, and what is wrong while it cannot be.
//!
//! In: states of the owners, orders that wait. Out: files, orders that are saved, a gauge, an alarm. Never here: a wait of the
//! control loop; a slow disk delays no flip, only the answers to orders.
//!
//! At most one save of everything and one of orders are under way. What is to be written is collected only while no save of
//! orders is under way, so that everything that was answered is in whatever is written later.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::admin::Kept;
use crate::clock::{Moment, WallTime};
use crate::timeline::AlarmKind;
use crate::wire::Name;

use super::orders::{EndedOrders, Order, Orders};
use super::state::{self, Damage, FolderLock, Saved, SavedOrders};
use crate::daemon::loading::Serials;
use crate::daemon::publishing::ZonePublisher;
use crate::daemon::telemetry::Telemetry;
use crate::daemon::watching::{Switches, Watcher};

/// Time between two saves of everything.
const SAVE_INTERVAL: Duration = Duration::from_secs(10);
/// Least time between two saves of everything. Chosen; no standard value.
const SAVE_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Time until a save that failed is tried again. Chosen; no standard value.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// Time after which a save that has not ended is told. Chosen: a disk that is only busy takes less.
const SLOW: Duration = Duration::from_secs(30);

/// What became of a save.
#[derive(Debug)]
pub(in crate::daemon) enum Done {
    /// Of everything.
    Whole(Result<(), String>),
    /// Of orders.
    Orders(Result<(), String>),
}

/// What is saved: the states of the owners.
pub(in crate::daemon) struct Savable<'s> {
    pub(in crate::daemon) now: Moment,
    pub(in crate::daemon) wall: WallTime,
    pub(in crate::daemon) watching: &'s Watcher,
    pub(in crate::daemon) publishing: &'s mut ZonePublisher,
    pub(in crate::daemon) serials: &'s Arc<Serials>,
}

/// Saves under way and due, and the orders that wait for them.
#[derive(Debug)]
pub(in crate::daemon) struct Saver {
    orders: Orders,
    folder: Option<PathBuf>,
    lock: Arc<Mutex<FolderLock>>,
    done: mpsc::Sender<Done>,
    sequence: u64,
    is_due: bool,
    is_last: bool,
    /// Since when a save of everything is under way.
    whole: Option<Moment>,
    /// When the last save of everything began, and the last good one.
    began: Moment,
    good: Moment,
    /// Why the last save of everything failed, and the last of orders.
    whole_fault: Option<String>,
    orders_fault: Option<String>,
    /// Files that could not be read whole at the start.
    damages: Vec<Damage>,
}

impl Saver {
    /// Begins with what was read; the receiver says what became of saves.
    pub(in crate::daemon) fn start(
        folder: Option<PathBuf>,
        read: (u64, Vec<Damage>),
        now: Moment,
    ) -> (Self, mpsc::Receiver<Done>) {
        // One of each kind can be under way.
        let (done, saves) = mpsc::channel(2);
        let (sequence, damages) = read;
        let mut lock = FolderLock::default();
        // From the start on, so that a second server is told at once; the first save says why it is not held.
        let _ = folder.as_ref().map(|folder| lock.hold(folder));
        let saver = Self {
            orders: Orders::default(),
            is_due: folder.is_some(),
            folder,
            lock: Arc::new(Mutex::new(lock)),
            done,
            sequence,
            is_last: false,
            whole: None,
            began: now,
            good: now,
            whole_fault: None,
            orders_fault: None,
            damages,
        };
        (saver, saves)
    }

    /// Says whether anything is kept at all.
    fn is_on(&self) -> bool {
        self.folder.is_some()
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Says whether a save of everything should begin by itself.
    fn is_time(&self, now: Moment) -> bool {
        let failed = self.whole_fault.is_some() || self.orders_fault.is_some();
        let interval = if failed {
            RETRY_INTERVAL
        } else {
            SAVE_INTERVAL
        };
        now.since(self.began) > interval
    }

    /// Writes on a thread of its own, which may take as long as the disk does.
    fn write(
        &self,
        write: impl FnOnce(&Path) -> Result<(), String> + Send + 'static,
        as_done: fn(Result<(), String>) -> Done,
    ) {
        let Some(folder) = self.folder.clone() else {
            return;
        };
        let (lock, done) = (Arc::clone(&self.lock), self.done.clone());
        let started = std::thread::Builder::new()
            .name("save".to_owned())
            .spawn(move || {
                let held = lock
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .hold(&folder);
                // The control loop may have ended: at the end it waits for a time only.
                let _ = done.blocking_send(as_done(held.and_then(|()| write(&folder))));
            });
        if let Err(cause) = started {
            // There is room: one of each kind is under way at most.
            let _ = self
                .done
                .try_send(as_done(Err(format!("start a thread to save: {cause}"))));
        }
    }

    /// Says what is wrong with saving, if anything is.
    fn fault(&self, now: Moment) -> Option<String> {
        let fault = self.whole_fault.as_ref().or(self.orders_fault.as_ref());
        let slow = || {
            let time = now.since(self.whole?);
            (time > SLOW).then(|| format!("a save has not ended for {} s", time.as_secs()))
        };
        fault.cloned().or_else(slow)
    }

    /// Returns how orders are kept.
    pub(in crate::daemon) fn kept(&self) -> Kept {
        if self.is_on() {
            Kept::OnDisk
        } else {
            Kept::InMemory
        }
    }

    /// Returns how switches stand once all orders that wait are in force.
    pub(in crate::daemon) fn switches_at_last(&self, now: &Switches) -> Switches {
        self.orders.switches_at_last(now)
    }

    /// Returns how long orders have to wait before a save may begin, if any waits.
    pub(in crate::daemon) fn orders_wait(&self, now: Moment) -> Option<Duration> {
        self.orders.wait(now)
    }

    /// Takes an order, with how switches stand once it is in force if it throws any. Returns the orders that are in force at
    /// once, because nothing is saved.
    pub(in crate::daemon) fn order(
        &mut self,
        order: Order,
        switches: Option<Switches>,
        state: Savable<'_>,
    ) -> EndedOrders {
        if !self.orders.queue(order, switches) {
            return EndedOrders::default();
        }
        if self.is_on() {
            self.begin(state);
            return EndedOrders::default();
        }
        self.orders.begin(state.now);
        self.orders.end(&Ok(()))
    }

    /// Saves everything soon.
    pub(in crate::daemon) fn save_soon(&mut self, state: Savable<'_>) {
        self.is_due = self.is_on();
        self.begin(state);
    }

    /// Saves what failovers remember soon, but not with every report.
    pub(in crate::daemon) fn save_news(&mut self, state: Savable<'_>) {
        if state.publishing.is_unsaved() && state.now.since(self.began) >= SAVE_INTERVAL_MIN {
            self.save_soon(state);
        }
    }

    /// What saves do once a second.
    pub(in crate::daemon) fn tick(&mut self, state: Savable<'_>, telemetry: &mut Telemetry) {
        let now = state.now;
        // A failover that must not return by itself is not forgotten by a crash.
        if state.publishing.is_unsaved() || self.is_due || self.is_time(now) {
            self.save_soon(state);
        }
        let Some(folder) = &self.folder else {
            return;
        };
        let subject = folder.display().to_string();
        let age = now.since(self.good).as_secs_f64();
        let exposition = &telemetry.exposition;
        exposition.set("leeward_state_saved_age_seconds", &[], age);
        telemetry.set_alarm(AlarmKind::StateNotSaved, &subject, self.fault(now));
    }

    /// Begins the saves that are due and may begin.
    pub(in crate::daemon) fn begin(&mut self, mut state: Savable<'_>) {
        if !self.is_on() || self.orders.are_under_way() {
            return;
        }
        let now = state.now;
        if self.is_due && self.whole.is_none() {
            self.is_due = false;
            self.whole = Some(now);
            self.began = now;
            let sequence = self.next_sequence();
            let write = write_everything(sequence, &mut state, self.is_last);
            self.write(write, Done::Whole);
        }
        if self.orders.are_due(now) {
            let released: Vec<(Name, String)> = self.orders.begin(now);
            let saved = SavedOrders {
                switches: self.orders.switches(&state.watching.switches).save(),
                zones: state.publishing.save_with(&released),
                heartbeats: state.watching.heartbeats.save(),
            };
            let sequence = self.next_sequence();
            let write = move |folder: &Path| state::write_orders(folder, sequence, &saved);
            self.write(write, Done::Orders);
        }
    }

    /// Takes what became of a save. Returns the orders that are saved by it; after they are in force, [`Self::begin`] what is
    /// due.
    pub(in crate::daemon) fn take(&mut self, done: Done, telemetry: &mut Telemetry) -> EndedOrders {
        let (result, ended) = match done {
            Done::Whole(result) => {
                let began = self.whole.take().unwrap_or(self.began);
                if result.is_ok() {
                    self.good = began;
                    self.orders_fault = None;
                    self.look_at_damages(telemetry);
                }
                self.whole_fault = result.as_ref().err().cloned();
                (result, EndedOrders::default())
            }
            Done::Orders(result) => {
                // What was refused may stand on the disk all the same if syncing failed: the next save replaces it.
                self.is_due |= result.is_err();
                self.orders_fault = result.as_ref().err().cloned();
                let ended = self.orders.end(&result);
                (result, ended)
            }
        };
        let word = if result.is_ok() { "saved" } else { "failed" };
        let exposition = &telemetry.exposition;
        exposition.add("leeward_state_saves_total", &[("result", word)], 1);
        ended
    }

    /// Reports what of the saved state could not be read.
    pub(in crate::daemon) fn report_damages(&self, telemetry: &mut Telemetry) {
        let lost: usize = self.damages.iter().map(|damage| damage.lost).sum();
        let exposition = &telemetry.exposition;
        exposition.set("leeward_state_entries_lost", &[], lost as f64);
        for damage in &self.damages {
            let subject = damage.file.display().to_string();
            let text = Some(damage.text.clone());
            telemetry.set_alarm(AlarmKind::StateDamaged, &subject, text);
        }
    }

    /// Ends the alarm about a damaged file once an operator has moved away what was kept of it.
    fn look_at_damages(&mut self, telemetry: &mut Telemetry) {
        let is_there = |damage: &Damage| damage.kept.as_ref().is_some_and(|kept| kept.exists());
        self.damages.retain(is_there);
        let damages = self.damages.iter();
        let files: Vec<String> = damages
            .map(|damage| damage.file.display().to_string())
            .collect();
        telemetry.keep_alarms(AlarmKind::StateDamaged, |subject| {
            files.iter().any(|file| file == subject)
        });
    }

    /// Begins the next save of the end, the last one among them; an older save must not end after it. Says whether one is to
    /// be waited for.
    pub(in crate::daemon) fn begin_end(&mut self, state: Savable<'_>) -> bool {
        if self.whole.is_some() || self.orders.are_waiting() {
            self.orders.hurry();
            self.begin(state);
            return true;
        }
        if !self.is_last {
            self.is_last = true;
            self.save_soon(state);
        }
        self.whole.is_some()
    }

    /// Returns the fault of the last save of everything.
    pub(in crate::daemon) fn take_fault(&mut self) -> Option<String> {
        self.whole_fault.take()
    }
}

/// Collects everything that is saved but for the longest texts, which the thread that writes it makes.
fn write_everything(
    sequence: u64,
    state: &mut Savable<'_>,
    is_last: bool,
) -> impl FnOnce(&Path) -> Result<(), String> + Send + 'static {
    let (now, wall) = (state.now, state.wall);
    let orders = SavedOrders {
        switches: state.watching.switches.save(),
        zones: state.publishing.save(),
        heartbeats: state.watching.heartbeats.save(),
    };
    let targets = state.watching.targets.table().clone();
    let flattened = Arc::clone(state.publishing.flattening.targets());
    let serials = Arc::clone(state.serials);
    move |folder| {
        let saved = Saved {
            sequence,
            orders,
            statuses: targets.save(now, wall),
            flattened: flattened.save(now, wall),
            serials: Serials::clone(&serials),
            ..Saved::default()
        };
        state::write_whole(folder, &saved)?;
        if is_last {
            state::forget_orders(folder)?;
        }
        Ok(())
    }
}
