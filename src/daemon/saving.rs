//! Saves: when the state is written, on threads of their own, and what is told while it cannot be.
//!
//! In: the keeper's state, orders that wait. Out: files written beside the keeper's loop, a gauge, an alarm. Never here: a
//! wait of the keeper; a slow disk delays no flip, only the answers to orders.
//!
//! At most one save of everything and one of orders are under way. What is to be written is collected only while no save of
//! orders is under way, so that everything that was answered is in whatever is written later.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::warn;

use crate::clock::Moment;
use crate::timeline::AlarmKind;

use super::flatten;
use super::keeper::Keeper;
use super::state::{self, Damage, FolderLock, Saved, SavedOrders};

/// Time between two saves of everything.
const SAVE_INTERVAL: Duration = Duration::from_secs(10);
/// Least time between two saves of everything. Chosen; no standard value.
const SAVE_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Time until a save that failed is tried again. Chosen; no standard value.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// Time after which a save that has not ended is told. Chosen: a disk that is only busy takes less.
const SLOW: Duration = Duration::from_secs(30);
/// Time that the last saves have at the end. Chosen: as long as answers have to drain.
const END_MAX: Duration = Duration::from_secs(5);

/// What became of a save.
#[derive(Debug)]
pub(super) enum Done {
    /// Of everything.
    Whole(Result<(), String>),
    /// Of orders.
    Orders(Result<(), String>),
}

/// The state of saves.
#[derive(Debug)]
pub(super) struct Saving {
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

impl Saving {
    /// Begins with what was read; the receiver says what became of saves.
    pub(super) fn begin(
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
        let saving = Self {
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
        (saving, saves)
    }

    /// Says whether anything is kept at all.
    pub(super) fn is_on(&self) -> bool {
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
        write: impl FnOnce(&std::path::Path) -> Result<(), String> + Send + 'static,
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
                // The keeper may have ended: at the end it waits for a time only.
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
}

impl Keeper {
    /// Saves everything soon.
    pub(super) fn save_soon(&mut self) {
        self.saving.is_due = self.saving.is_on();
        self.begin_saves();
    }

    /// Saves what failovers remember soon, but not with every report.
    pub(super) fn save_news(&mut self) {
        let now = self.clock.now();
        if self.publisher.is_unsaved() && now.since(self.saving.began) >= SAVE_INTERVAL_MIN {
            self.save_soon();
        }
    }

    /// What saves do once a second.
    pub(super) fn tick_saves(&mut self) {
        let now = self.clock.now();
        // A failover that must not return by itself is not forgotten by a crash.
        if self.publisher.is_unsaved() || self.saving.is_due || self.saving.is_time(now) {
            self.save_soon();
        }
        let Some(folder) = &self.saving.folder else {
            return;
        };
        let subject = folder.display().to_string();
        let age = now.since(self.saving.good).as_secs_f64();
        self.telemetry
            .exposition
            .set("leeward_state_saved_age_seconds", &[], age);
        self.telemetry
            .set_alarm(AlarmKind::StateNotSaved, &subject, self.saving.fault(now));
    }

    /// Begins the saves that are due and may begin.
    pub(super) fn begin_saves(&mut self) {
        if !self.saving.is_on() || self.orders.are_under_way() {
            return;
        }
        let now = self.clock.now();
        if self.saving.is_due && self.saving.whole.is_none() {
            self.saving.is_due = false;
            self.saving.whole = Some(now);
            self.saving.began = now;
            self.publisher.mark_saved();
            let saved = self.collect();
            let (serials, is_last) = (Arc::clone(&self.loading.serials), self.saving.is_last);
            let write = move |folder: &std::path::Path| {
                let saved = Saved {
                    serials: super::serials::Serials::clone(&serials),
                    ..saved
                };
                state::write_whole(folder, &saved)?;
                if is_last {
                    state::forget_orders(folder)?;
                }
                Ok(())
            };
            self.saving.write(write, Done::Whole);
        }
        if self.orders.are_due(now) {
            let released = self.orders.begin(now);
            let saved = SavedOrders {
                switches: self.orders.switches(&self.switches).save(),
                zones: self.publisher.save_with(&self.places_of(&released)),
                heartbeats: self.watching.heartbeats.save(),
            };
            let sequence = self.saving.next_sequence();
            let write =
                move |folder: &std::path::Path| state::write_orders(folder, sequence, &saved);
            self.saving.write(write, Done::Orders);
        }
    }

    /// Collects everything that is to be saved but the serials, which take a while to copy.
    fn collect(&mut self) -> Saved {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        Saved {
            sequence: self.saving.next_sequence(),
            orders: SavedOrders {
                switches: self.switches.save(),
                zones: self.publisher.save(),
                heartbeats: self.watching.heartbeats.save(),
            },
            statuses: self.watching.targets.save(now, wall),
            flattened: flatten::save(&self.flattening, now, wall),
            ..Saved::default()
        }
    }

    /// Takes in what became of a save.
    pub(super) fn take_saved(&mut self, done: Done) {
        let result = match done {
            Done::Whole(result) => {
                let began = self.saving.whole.take().unwrap_or(self.saving.began);
                if result.is_ok() {
                    self.saving.good = began;
                    self.saving.orders_fault = None;
                    self.look_at_damages();
                }
                self.saving.whole_fault = result.as_ref().err().cloned();
                result
            }
            Done::Orders(result) => {
                // What was refused may stand on the disk all the same if syncing failed: the next save replaces it.
                self.saving.is_due |= result.is_err();
                self.saving.orders_fault = result.as_ref().err().cloned();
                self.end_orders(&result);
                result
            }
        };
        let word = if result.is_ok() { "saved" } else { "failed" };
        self.telemetry
            .exposition
            .add("leeward_state_saves_total", &[("result", word)], 1);
        self.begin_saves();
    }

    /// Tells what of the saved state could not be read.
    pub(super) fn tell_damages(&mut self) {
        let lost: usize = self.saving.damages.iter().map(|damage| damage.lost).sum();
        self.telemetry
            .exposition
            .set("leeward_state_entries_lost", &[], lost as f64);
        for damage in self.saving.damages.clone() {
            let subject = damage.file.display().to_string();
            self.telemetry
                .set_alarm(AlarmKind::StateDamaged, &subject, Some(damage.text));
        }
    }

    /// Ends the alarm about a damaged file once an operator has moved away what was kept of it.
    fn look_at_damages(&mut self) {
        let is_there = |damage: &Damage| damage.kept.as_ref().is_some_and(|kept| kept.exists());
        self.saving.damages.retain(is_there);
        let files: Vec<String> = self
            .saving
            .damages
            .iter()
            .map(|damage| damage.file.display().to_string())
            .collect();
        self.telemetry
            .keep_alarms(AlarmKind::StateDamaged, |subject| {
                files.iter().any(|file| file == subject)
            });
    }

    /// Ends what is under way, and saves everything a last time; a restart begins with it. A disk that hangs does not hold up
    /// the end for good.
    pub(super) async fn finish_saves(&mut self, saves: &mut mpsc::Receiver<Done>) {
        let finish = async {
            // An older save must not end after the last one.
            while self.saving.whole.is_some() || self.orders.are_waiting() {
                self.orders.hurry();
                self.begin_saves();
                self.finish_one(saves).await;
            }
            self.saving.is_last = true;
            self.save_soon();
            while self.saving.whole.is_some() {
                self.finish_one(saves).await;
            }
        };
        let is_late = tokio::time::timeout(END_MAX, finish).await.is_err();
        let fault = if is_late {
            let seconds = END_MAX.as_secs();
            Some(format!("it did not end within {seconds} s"))
        } else {
            self.saving.whole_fault.take()
        };
        if let Some(fault) = fault {
            warn!("the last save: {fault}; a restart begins with an older state");
        }
    }

    async fn finish_one(&mut self, saves: &mut mpsc::Receiver<Done>) {
        match saves.recv().await {
            Some(done) => self.take_saved(done),
            // The sender lives as long as the keeper.
            None => std::future::pending().await,
        }
    }
}
