//! The keeper: the one task that owns targets, publisher, loaded zones and timeline, and turns events into worlds.
//!
//! | Event | What follows |
//! |---|---|
//! | reports of probes | state machine, then one publication for all that crossed a threshold |
//! | second tick | silence is noticed, maintenance begins and ends, retired worlds are freed, metrics are copied |
//! | poll, SIGHUP, request | files are compared, loaded beside, swapped |
//! | question of control | an answer from the state |

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::clock::{Clock, Moment, WallTime};
use crate::config::maintenance_ahead;
use crate::control::{Ask, Consent};
use crate::health::{Status, TargetId, Uncounted};
use crate::probe::Report;
use crate::publish::{Publisher, Tick};
use crate::resolve::LookedUp;
use crate::server::give_back_memory;
use crate::timeline::{AlarmKind, EventKind};

use super::chores::Chores;
use super::flatten::{Compiled, Flattening};
use super::listening::{Awaited, Came};
use super::load_queue::LoadQueue;
use super::loading::{Loaded, Loader, When};
use super::notify::{Notifier, Word};
use super::orders::Orders;
use super::reload::inputs_of;
use super::saving::{Done, Saving};
use super::switches::Switches;
use super::telemetry::Telemetry;
use super::watching::Watcher;
use super::why::SharedSnapshot;
use super::zone_set::ZoneSet;
use super::{flatten, telemetry};

/// Reports taken in one turn before a publication.
const REPORTS_MAX: usize = 1_024;
/// Time after which the server counts as ready although first probes are under way.
const READY_WAIT: Duration = Duration::from_secs(15);

/// What the keeper owns from the start.
pub(super) struct Keeper {
    pub(super) clock: Clock,
    pub(super) set: Arc<ZoneSet>,
    pub(super) loading: Loader,
    pub(super) watching: Watcher,
    /// What operators set.
    pub(super) switches: Switches,
    /// What flattened targets are.
    pub(super) flattening: Flattening,
    /// Targets of each zone by slot, in the order of the set.
    pub(super) ids: Vec<Vec<TargetId>>,
    pub(super) publisher: Publisher,
    pub(super) telemetry: Telemetry,
    pub(super) started: Moment,
    /// What is not listened on yet, until that is told.
    pub(super) awaited: Vec<Awaited>,
    /// Saves of the state.
    pub(super) saving: Saving,
    /// Orders that wait for a save.
    pub(super) orders: Orders,
    /// The service manager.
    pub(super) notifier: Notifier,
    pub(super) is_ready: bool,
    /// What questions for reasons read.
    pub(super) shelf: SharedSnapshot,
    /// What is done while no event waits.
    pub(super) chores: Chores,
    /// Places for rehearsals under way.
    pub(super) rehearsals: Arc<Semaphore>,
    /// Whether a load left memory that can go back to the system once the world before is gone.
    pub(super) is_memory_due: bool,
}

/// Makes the timer of looks at the files; without an interval nothing waits for it.
fn poll_timer(interval: Option<Duration>) -> tokio::time::Interval {
    let interval = interval.unwrap_or(Duration::from_secs(86_400 * 365));
    let mut poll = tokio::time::interval(interval);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    poll.reset();
    poll
}

/// Where events come from.
pub(super) struct Sources {
    pub(super) reports: mpsc::Receiver<Report>,
    pub(super) lookups: mpsc::Receiver<LookedUp>,
    pub(super) asks: mpsc::Receiver<Ask>,
    pub(super) reloads: mpsc::Receiver<()>,
    pub(super) saves: mpsc::Receiver<Done>,
    pub(super) came: mpsc::Receiver<Came>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Keeper {
    /// Runs until told to stop; saves the state at the end.
    pub(super) async fn run(mut self, mut sources: Sources) {
        self.tell_damages();
        self.tell_awaited();
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut poll = poll_timer(self.loading.config.poll);
        let mut poll_interval = self.loading.config.poll;
        let mut reports = Vec::with_capacity(REPORTS_MAX);
        let (loaded_to, mut loaded) = mpsc::channel::<Loaded>(1);
        let (compiled_to, mut compiled) = mpsc::channel::<Compiled>(1);
        let mut queue = LoadQueue::default();
        let mut is_reload_told = false;
        let stopping = sources.stop.clone();
        loop {
            let orders_wait = self.orders.wait(self.clock.now());
            tokio::select! {
                biased;
                _ = sources.stop.wait_for(|stop| *stop) => break,
                count = sources.reports.recv_many(&mut reports, REPORTS_MAX), if self.watching.is_probing => {
                    if count > 0 {
                        self.take_reports(&mut reports);
                    } else if !*stopping.borrow() {
                        // Answers go on with the last statuses; the health endpoint turns red.
                        self.watching.is_probing = false;
                        self.telemetry.pulse.probes_ended();
                        let text = "the threads that probe have ended".to_owned();
                        self.telemetry.set_alarm(AlarmKind::ProberEnded, "", Some(text));
                    }
                }
                Some(result) = loaded.recv() => {
                    let answer = self.take_loaded(result);
                    if self.loading.config.poll != poll_interval {
                        poll_interval = self.loading.config.poll;
                        poll = poll_timer(poll_interval);
                    }
                    if queue.finish(answer) {
                        self.begin_load(When::Always, &loaded_to);
                    } else {
                        if std::mem::take(&mut is_reload_told) {
                            self.notifier.tell(Word::Ready);
                        }
                        // What fell due while files were looked at would find the next look under way again.
                        self.compile_if_due(&mut queue, &compiled_to);
                    }
                }
                Some(report) = sources.lookups.recv() => self.take_lookup(report),
                Some(result) = compiled.recv() => {
                    self.take_compiled(result);
                    if queue.finish(None) {
                        self.begin_load(When::Always, &loaded_to);
                    }
                }
                Some(done) = sources.saves.recv() => self.take_saved(done),
                Some(came) = sources.came.recv() => self.take_came(came),
                () = tokio::time::sleep(orders_wait.unwrap_or_default()), if orders_wait.is_some() => self.begin_saves(),
                Some(ask) = sources.asks.recv(), if self.chores.has_room() => match ask {
                    Ask::Reload(consent, asker) => {
                        if consent == Consent::Given {
                            self.loading.consent = consent;
                        }
                        if queue.ask(Some(asker)) {
                            self.begin_load(When::Always, &loaded_to);
                        }
                    }
                    Ask::Switch(request, answer) => self.take_switch(&request, answer),
                    Ask::Release(request, answer) => self.take_release(&request, answer),
                    Ask::Heartbeat(report, answer) => self.take_heartbeat(&report, answer),
                    other => self.answer(other),
                },
                Some(()) = sources.reloads.recv() => {
                    self.notifier.tell(Word::Reloading);
                    is_reload_told = true;
                    if queue.ask(None) {
                        self.begin_load(When::Always, &loaded_to);
                    }
                }
                _ = poll.tick(), if self.loading.config.poll.is_some() => {
                    if queue.look() {
                        self.begin_load(When::Changed, &loaded_to);
                    }
                }
                _ = second.tick() => {
                    self.tick();
                    self.compile_if_due(&mut queue, &compiled_to);
                }
                // Last: whatever happens is looked for again after each piece.
                () = std::future::ready(()), if self.chores.are_waiting() => self.do_chore(),
            }
        }
        self.notifier.tell(Word::Stopping);
        self.finish_saves(&mut sources.saves).await;
    }

    /// Takes probe reports in, then publishes once for all of them.
    pub(super) fn take_reports(&mut self, reports: &mut Vec<Report>) {
        let now = self.clock.now();
        let settings = &self.loading.config.self_doubt;
        let counted = self
            .watching
            .count(reports, settings, now, &mut self.telemetry);
        // Answers first; counting and telling can wait.
        self.publish(&counted.changes(), counted.earliest.unwrap_or(now));
        if counted.is_news {
            self.tick_views();
        }
        self.save_news();
        for (target, transition) in counted.transitions {
            self.tell_transition(target, &transition);
        }
        for (target, outcome, total) in counted.measured {
            self.measure_probe(target, outcome, total);
        }
    }

    fn publish(&mut self, changes: &[(TargetId, Status)], observed: Moment) {
        if changes.is_empty() {
            return;
        }
        if let Some(published) = self.publisher.observe(changes) {
            let seconds = self.clock.now().since(observed).as_secs_f64();
            self.telemetry
                .exposition
                .record("leeward_flip_seconds", &[], seconds);
            self.telemetry.published(published.generation);
        }
    }

    /// What happens once a second.
    fn tick(&mut self) {
        let now = self.clock.now();
        self.notifier.tell(Word::Alive);
        let are_alive = self.watching.watch_prober(now, &mut self.telemetry);
        if are_alive && self.watching.is_probing {
            self.telemetry.pulse.beat(now.nanos() / 1_000_000_000);
        }
        let settings = &self.loading.config.self_doubt;
        let none = Uncounted::default();
        self.watching
            .judge_self(&none, settings, now, &mut self.telemetry);
        let mut missed = self.watching.heartbeats.tick(now);
        self.take_reports(&mut missed);
        let silent = self.watching.targets.tick(now);
        let changes: Vec<(TargetId, Status)> = silent
            .iter()
            .map(|(target, moved)| (*target, moved.to))
            .collect();
        self.publish(&changes, now);
        for (target, transition) in silent {
            self.tell_transition(target, &transition);
        }
        self.follow_maintenance();
        self.tick_views();
        self.measure_policy_state();
        self.watch_evidence();
        self.tick_flattened(now);
        self.loading.follow_kept(&mut self.telemetry);
        let retired = self.publisher.sweep();
        if retired == 0 && std::mem::take(&mut self.is_memory_due) {
            tokio::task::spawn_blocking(give_back_memory);
        }
        self.telemetry
            .exposition
            .set("leeward_worlds_retired", &[], retired as f64);
        self.telemetry.tick(now);
        telemetry::targets(&self.telemetry.exposition, &self.watching.targets);
        flatten::measure(&self.telemetry.exposition, &self.flattening, now);
        self.chores.set_gauges();
        if let Some(certificates) = &self.loading.certificates {
            self.telemetry.watch_certificate(certificates);
        }
        self.write_book();
        let are_targets_known = self.flattening.targets.is_settled();
        let is_settled = are_targets_known && self.watching.are_first_probes_done();
        if !self.is_ready && (is_settled || now.since(self.started) > READY_WAIT) {
            self.is_ready = true;
            self.telemetry.pulse.ready();
        }
        self.tick_saves();
    }

    /// Follows a tick in all views: failbacks that are due, ramps, horizons.
    pub(super) fn tick_views(&mut self) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let set = Arc::clone(&self.set);
        let tick = Tick {
            now,
            wall,
            targets: &self.watching.targets,
            maintenance: &|zone| ahead(&set, zone, wall),
        };
        if let Some(published) = self.publisher.tick(&tick) {
            self.telemetry.published(published.generation);
        }
    }

    /// Counts the failovers that are held and the targets that are degraded, once a second.
    pub(super) fn measure_policy_state(&self) {
        let held = self.publisher.held().len() as f64;
        self.telemetry
            .exposition
            .set("leeward_failbacks_held", &[], held);
        let degraded = self.watching.count_degraded();
        self.telemetry
            .exposition
            .set("leeward_targets_degraded", &[], degraded as f64);
    }

    /// Begins and ends maintenance (rule a49).
    fn follow_maintenance(&mut self) {
        let wall = self.clock.wall();
        for number in 0..self.set.zones.len() {
            if self.set.zones[number].model.maintenance.is_empty() {
                continue;
            }
            let inputs = inputs_of(&self.set, number, wall, &self.switches);
            if self
                .publisher
                .hold(number, inputs.switches, inputs.holds)
                .is_some()
            {
                let zone = &self.set.zones[number].model;
                let under_way = zone
                    .maintenance
                    .iter()
                    .filter(|work| work.from <= wall && wall < work.until);
                let reasons: Vec<&str> = under_way.map(|work| work.reason.as_str()).collect();
                let text = if reasons.is_empty() {
                    "maintenance ended".to_owned()
                } else {
                    format!("maintenance: {}", reasons.join("; "))
                };
                let kind = EventKind::Maintenance {
                    zone: zone.apex.to_string(),
                    text,
                };
                self.telemetry.record(kind);
            }
        }
    }
}

/// Returns the time until the next maintenance of a zone begins, and until any begins or ends.
fn ahead(set: &ZoneSet, zone: usize, wall: WallTime) -> (Option<Duration>, Option<Duration>) {
    set.zones
        .get(zone)
        .map_or((None, None), |zone| maintenance_ahead(&zone.model, wall))
}
