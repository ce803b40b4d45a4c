//! Events of the running server, and which owners each of them concerns.
//!
//! In: channels and timers. Out: calls to the owners. Never here: requests of operators (see `control_requests`).
//!
//! | Event | What follows |
//! |---|---|
//! | reports of probes | state machine, then one publication for all that crossed a threshold |
//! | second tick | silence is noticed, maintenance begins and ends, retired worlds are freed, metrics are copied |
//! | poll, SIGHUP, request | files are compared, loaded beside, swapped |
//! | request of control | a snapshot for the thread that answers, or an order |

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use tracing::warn;

use crate::admin::Ask;
use crate::answer::Prefixes;
use crate::clock::Clock;
use crate::health::TargetId;
use crate::probe::Report;
use crate::resolver::LookedUp;
use crate::simulate::diff_summary;
use crate::timeline::AlarmKind;

use crate::daemon::listening::{self, Awaited, Came};
use crate::daemon::loading::{Beside, Failure, Loaded, Loader, Reread, Served, When};
use crate::daemon::notify::{Notifier, Word};
use crate::daemon::publishing::{Compiled, Replacement, ZonePublisher};
use crate::daemon::reports::{Reporter, StateSnapshot, StatusParts};
use crate::daemon::saving::{Done, Savable, Saver};
use crate::daemon::telemetry::{self, Telemetry, record_load, record_start};
use crate::daemon::watching::{Counted, Watcher};
use crate::daemon::zone_set::ZoneSet;

/// Reports taken in one turn before a publication.
const REPORTS_MAX: usize = 1_024;
/// How long the start waits for targets that nothing is known about: queries wait in the sockets meanwhile, and what
/// they would be told is cached by resolvers.
const FIRST_WAIT: Duration = Duration::from_secs(3);
/// Time that the last saves have at the end. Chosen: as long as answers have to drain.
pub(super) const END_MAX: Duration = Duration::from_secs(5);

/// The owners of the state.
pub(in crate::daemon) struct ControlLoop {
    pub(in crate::daemon) clock: Clock,
    /// Targets, heartbeats, switches, the prober.
    pub(in crate::daemon) watching: Watcher,
    /// Settings, files, loads.
    pub(in crate::daemon) loading: Loader,
    /// Zones in place, and their views.
    pub(in crate::daemon) publishing: ZonePublisher,
    /// Metrics, events, alarms.
    pub(in crate::daemon) telemetry: Telemetry,
    /// Status, explanations, simulations.
    pub(in crate::daemon) reports: Reporter,
    /// State files, and orders that wait for them.
    pub(in crate::daemon) saving: Saver,
    /// The service manager.
    pub(in crate::daemon) notifier: Notifier,
}

/// Channels that events come from.
pub(in crate::daemon) struct Sources {
    pub(in crate::daemon) reports: mpsc::Receiver<Report>,
    pub(in crate::daemon) lookups: mpsc::Receiver<LookedUp>,
    pub(in crate::daemon) asks: mpsc::Receiver<Ask>,
    pub(in crate::daemon) reloads: mpsc::Receiver<()>,
    pub(in crate::daemon) saves: mpsc::Receiver<Done>,
    pub(in crate::daemon) came: mpsc::Receiver<Came>,
    pub(in crate::daemon) stop: watch::Receiver<bool>,
}

/// Where work in the background sends its results.
pub(super) struct Results {
    loaded: mpsc::Sender<Loaded>,
    compiled: mpsc::Sender<Compiled>,
}

/// Makes the timer of looks at the files; without an interval nothing waits for it.
fn poll_timer(interval: Option<Duration>) -> tokio::time::Interval {
    let interval = interval.unwrap_or(Duration::from_secs(86_400 * 365));
    let mut poll = tokio::time::interval(interval);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    poll.reset();
    poll
}

impl ControlLoop {
    /// Runs until told to stop; saves the state at the end.
    pub(in crate::daemon) async fn run(mut self, mut sources: Sources) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut poll_interval = self.loading.config.poll;
        let mut poll = poll_timer(poll_interval);
        let mut reports = Vec::with_capacity(REPORTS_MAX);
        let (loaded_to, mut loaded) = mpsc::channel::<Loaded>(1);
        let (compiled_to, mut compiled) = mpsc::channel::<Compiled>(1);
        let results = Results {
            loaded: loaded_to,
            compiled: compiled_to,
        };
        let stopping = sources.stop.clone();
        loop {
            let orders_wait = self.saving.orders_wait(self.clock.now());
            let is_writing = self.reports.is_writing();
            tokio::select! {
                biased;
                _ = sources.stop.wait_for(|stop| *stop) => break,
                count = sources.reports.recv_many(&mut reports, REPORTS_MAX), if self.watching.probing.is_alive() => {
                    if count > 0 {
                        self.take_reports(&mut reports);
                    } else if !*stopping.borrow() {
                        self.watching.probing.end(&mut self.telemetry);
                    }
                }
                Some(result) = loaded.recv() => {
                    self.take_loaded(result, &results);
                    if self.loading.config.poll != poll_interval {
                        poll_interval = self.loading.config.poll;
                        poll = poll_timer(poll_interval);
                    }
                }
                Some(report) = sources.lookups.recv() => self.take_lookup(report),
                Some(result) = compiled.recv() => self.take_compiled(result, &results),
                Some(done) = sources.saves.recv() => self.take_saved(done),
                Some(came) = sources.came.recv() => self.take_came(came),
                () = tokio::time::sleep(orders_wait.unwrap_or_default()), if orders_wait.is_some() => self.begin_saves(),
                () = self.reports.end_status(), if is_writing => self.begin_report(),
                Some(ask) = sources.asks.recv(), if self.reports.has_room() => self.take_request(ask, &results),
                Some(()) = sources.reloads.recv() => {
                    self.notifier.begin_reload();
                    if self.loading.queue.ask(None) {
                        self.begin_load(When::Always, &results);
                    }
                }
                _ = poll.tick(), if self.loading.config.poll.is_some() => {
                    if self.loading.queue.look() {
                        self.begin_load(When::Changed, &results);
                    }
                }
                _ = second.tick() => {
                    self.tick();
                    self.compile_if_due(&results);
                }
                // Last: whatever happens is looked for again after each piece.
                () = std::future::ready(()), if self.telemetry.are_gauges_due() => {
                    self.telemetry.set_gauges(self.watching.targets.table());
                }
            }
        }
        self.notifier.tell(Word::Stopping);
        self.finish_saves(&mut sources.saves).await;
    }

    /// Puts the zones of the start in place, before the first query is read.
    pub(in crate::daemon) async fn begin_answers(
        &mut self,
        set: ZoneSet,
        awaited: &[Awaited],
        lookups: &mut mpsc::Receiver<LookedUp>,
    ) {
        record_start(&mut self.telemetry, &set);
        self.loading.report_start(&mut self.telemetry);
        self.loading.follow_kept(&mut self.telemetry);
        self.saving.report_damages(&mut self.telemetry);
        listening::report_awaited(awaited, &mut self.telemetry);
        self.publish_serving_options();
        self.put_in_place(Arc::new(set));
        self.report_overruled();
        self.resolve_first(lookups).await;
    }

    /// Takes probe reports in, then publishes once for all of them.
    fn take_reports(&mut self, reports: &mut Vec<Report>) {
        let now = self.clock.now();
        let settings = &self.loading.config.self_doubt;
        let telemetry = &mut self.telemetry;
        let counted = self.watching.count(reports, settings, now, telemetry);
        self.take_counted(counted);
    }

    /// Publishes what counted reports change. Answers first; measuring and recording can wait.
    pub(super) fn take_counted(&mut self, counted: Counted) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let observed = counted.earliest.unwrap_or(now);
        let telemetry = &self.telemetry;
        self.publishing
            .observe(&counted.changes(), observed, telemetry);
        if counted.is_news {
            let targets = &self.watching.targets;
            self.publishing.tick_views(targets, (now, wall), telemetry);
        }
        let (saving, state) = self.savable();
        saving.save_news(state);
        for (target, transition) in &counted.transitions {
            let labels = self.publishing.labels_of(*target);
            let name = self.name_of(*target);
            self.telemetry.record_transition(name, &labels, transition);
        }
        for (target, outcome, took) in counted.measured {
            let labels = self.publishing.labels_of(target);
            self.telemetry.count_probe(&labels, outcome, took);
        }
    }

    /// Names a target for people: by its first use, or as the anchor that it is.
    fn name_of(&self, target: TargetId) -> String {
        let by_use = self.publishing.name_of(target);
        by_use.unwrap_or_else(|| self.watching.anchor_name(target))
    }

    /// What happens once a second.
    fn tick(&mut self) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        self.notifier.tell(Word::Alive);
        if self.watching.probing.watch(now, &mut self.telemetry) {
            self.telemetry.pulse.beat(now.nanos() / 1_000_000_000);
        }
        let settings = &self.loading.config.self_doubt;
        let counted = self.watching.tick(settings, now, &mut self.telemetry);
        self.take_counted(counted);
        let (watching, publishing) = (&self.watching, &mut self.publishing);
        publishing.follow_maintenance(&watching.switches, wall, &mut self.telemetry);
        publishing.tick_views(&watching.targets, (now, wall), &self.telemetry);
        publishing.tick_flattened(now, &mut self.telemetry);
        publishing.sweep(&self.telemetry);
        let check_of = |target| {
            let by_use = self.publishing.check_of(target);
            by_use.unwrap_or_else(|| self.watching.anchor_name(target))
        };
        if let Some(silent) = self.watching.silent_checks(now, check_of) {
            self.telemetry.replace_alarms(AlarmKind::NoEvidence, silent);
        }
        let degraded = self.watching.count_degraded() as f64;
        let exposition = &self.telemetry.exposition;
        exposition.set("leeward_targets_degraded", &[], degraded);
        telemetry::targets(exposition, &self.watching.targets);
        self.loading.follow_kept(&mut self.telemetry);
        if let Some(certificates) = &self.loading.certificates {
            self.telemetry.watch_certificate(certificates);
        }
        self.telemetry.tick(now);
        self.renew_explain();
        let is_settled = self.publishing.flattening.targets().is_settled();
        let are_probed = is_settled && self.watching.are_first_probes_done();
        self.telemetry.follow_readiness(are_probed);
        let (clock, telemetry) = (self.clock, &mut self.telemetry);
        let state = Savable {
            now: clock.now(),
            wall,
            watching: &self.watching,
            publishing: &mut self.publishing,
            serials: &self.loading.serials,
        };
        self.saving.tick(state, telemetry);
    }

    /// Returns pointers to the state as it is now, for those who read it.
    pub(super) fn snapshot(&self) -> StateSnapshot {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        StateSnapshot {
            now,
            wall,
            set: Arc::clone(self.publishing.set()),
            folds: self.publishing.folds().to_vec(),
            slots: Arc::clone(self.publishing.slots()),
            targets: self.watching.targets.table().clone(),
            locations: Arc::clone(self.publishing.locations()),
            flattened: Arc::clone(self.publishing.flattening.targets()),
            doubt: self.watching.doubt_row(now, wall),
        }
    }

    /// Begins the status report that is wanted, if one is and none is under way.
    pub(super) fn begin_report(&mut self) {
        if !self.reports.is_due() {
            return;
        }
        let generation = self.publishing.current().generation();
        let targets = self.watching.targets.len();
        let location = self.loading.location_words();
        let parts = StatusParts {
            server: self.telemetry.server_row(generation, targets, location),
            alarms: self.telemetry.alarms(),
            reload_waiting: self.loading.waiting_row(),
        };
        let state = self.snapshot();
        self.reports.begin_status(state, parts);
    }

    /// Renews the snapshot that `_explain` questions read, if any may be asked.
    fn renew_explain(&self) {
        if !self.loading.config.explain.allow.is_empty() {
            self.reports.renew_explain(self.snapshot());
        }
    }

    /// Begins a load beside what is served.
    pub(super) fn begin_load(&mut self, when: When, results: &Results) {
        let beside = Beside {
            wall: self.clock.wall(),
            flattened: self.publishing.flattening.known(),
            served: Served {
                state: self.snapshot(),
                switches: self.watching.switches.clone(),
                observed: self.telemetry.observed(),
            },
            is_folder_faulty: self.telemetry.has_alarm(AlarmKind::ZonesFolder),
        };
        self.loading.begin(when, beside, &results.loaded);
    }

    /// Takes the result of a load, and begins the next one or what waited for it.
    fn take_loaded(&mut self, loaded: Loaded, results: &Results) {
        let answer = self.put_loaded_in_place(loaded);
        if self.loading.queue.finish(answer) {
            self.begin_load(When::Always, results);
        } else {
            self.notifier.end_reload();
            // What fell due while files were looked at would find the next look under way again.
            self.compile_if_due(results);
        }
    }

    /// Puts a loaded set in place; on failure everything stays as it is. Returns the answer to the request for it.
    fn put_loaded_in_place(&mut self, loaded: Loaded) -> Option<Value> {
        let mut brought = match loaded {
            Ok(Some(brought)) => *brought,
            Ok(None) => return None,
            Err(failure) => {
                let Failure { message, reread } = *failure;
                let server_file = self.take_server_file(reread);
                let telemetry = &mut self.telemetry;
                telemetry.set_alarm(AlarmKind::ZonesFolder, "", Some(message.clone()));
                let exposition = &telemetry.exposition;
                exposition.add("leeward_reloads_total", &[("result", "failed")], 1);
                return Some(json!({
                    "result": "failed", "error": message, "server_file": server_file,
                }));
            }
        };
        let server_file = self.take_server_file(brought.reread.take());
        let telemetry = &mut self.telemetry;
        if self.loading.take_secrets(&mut brought, telemetry) {
            self.publish_serving_options();
        }
        if let (Some(why), Some(change)) = (brought.must_wait.take(), brought.change.take()) {
            let telemetry = &mut self.telemetry;
            return Some(self.loading.wait(why, &change, brought, telemetry));
        }
        let answers = brought.change.as_ref().map(diff_summary);
        let names = std::mem::take(&mut brought.names);
        let set = self.loading.take(brought, &mut self.telemetry);
        self.telemetry.set_alarm(AlarmKind::ZonesFolder, "", None);
        let before = self.put_in_place(Arc::clone(&set));
        self.report_overruled();
        self.publishing.flattening.hurry(self.clock.now());
        let are_locations_well = self.loading.are_locations_well();
        let telemetry = &mut self.telemetry;
        let mut answer = record_load(
            telemetry,
            (&before, &set),
            &names,
            answers,
            are_locations_well,
        );
        self.loading.follow_kept(telemetry);
        answer["server_file"] = Value::Array(server_file);
        Some(answer)
    }

    /// Takes the present content of the server file; returns lines for the answer to a reload.
    fn take_server_file(&mut self, reread: Option<Reread>) -> Vec<Value> {
        let taken = self.loading.take_server_file(reread, &mut self.telemetry);
        let (lines, is_changed) = taken;
        if is_changed {
            self.publish_serving_options();
        }
        lines
    }

    /// Publishes the serving options.
    fn publish_serving_options(&mut self) {
        let mut serving = self.loading.serving_options();
        let allow = &self.loading.config.explain.allow;
        serving.reasons = (!allow.is_empty()).then(|| self.reports.reasons(Prefixes::new(allow)));
        self.publishing.serving(serving);
    }

    /// Publishes a set: targets are reconciled by identity, so equal ones keep their state. Returns the set before.
    fn put_in_place(&mut self, set: Arc<ZoneSet>) -> Arc<ZoneSet> {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let settings = &self.loading.config.self_doubt;
        let slots = self.watching.follow(&set, settings, now);
        let replacement = Replacement {
            set: Arc::clone(&set),
            locations: Arc::clone(&self.loading.locations),
            slots,
            targets: &self.watching.targets,
            switches: &self.watching.switches,
            now,
            wall,
        };
        let telemetry = &mut self.telemetry;
        let before = self.publishing.replace(replacement, telemetry);
        let targets = &self.watching.targets;
        self.publishing.tick_views(targets, (now, wall), telemetry);
        telemetry.follow_set((&set, &before), self.publishing.slots(), targets.table());
        self.renew_explain();
        before
    }

    /// Reports which switches do not count although they were set.
    pub(super) fn report_overruled(&mut self) {
        let overruled = self.watching.switches.overruled(self.publishing.set());
        self.telemetry
            .replace_alarms(AlarmKind::SwitchesOverruled, overruled);
    }

    /// Waits a moment for targets that nothing is known about, and compiles what is known in.
    async fn resolve_first(&mut self, lookups: &mut mpsc::Receiver<LookedUp>) {
        let all = async {
            while !self.publishing.flattening.targets().is_settled() {
                match lookups.recv().await {
                    Some(report) => self.take_lookup(report),
                    None => return,
                }
            }
        };
        if tokio::time::timeout(FIRST_WAIT, all).await.is_err() {
            warn!(
                "some flattened targets are not resolved yet; they have no addresses until they are"
            );
        }
        if let Some(job) = self.publishing.prepare_compile(self.clock) {
            self.put_compiled_in_place(job.run());
        }
    }

    fn take_lookup(&mut self, report: LookedUp) {
        let now = self.clock.now();
        let flattening = &mut self.publishing.flattening;
        flattening.take(report, now, &mut self.telemetry);
    }

    /// Begins to compile zones whose targets have new addresses beside what is served, unless a load is under way.
    fn compile_if_due(&mut self, results: &Results) {
        let is_due = self.publishing.flattening.is_compile_due(self.clock.now());
        if !is_due || !self.loading.queue.look() {
            return;
        }
        let Some(job) = self.publishing.prepare_compile(self.clock) else {
            self.loading.queue.finish(None);
            return;
        };
        let done = results.compiled.clone();
        tokio::task::spawn_blocking(move || {
            // The loop may have stopped meanwhile.
            let _ = done.blocking_send(job.run());
        });
    }

    fn take_compiled(&mut self, compiled: Compiled, results: &Results) {
        self.put_compiled_in_place(compiled);
        if self.loading.queue.finish(None) {
            self.begin_load(When::Always, results);
        }
    }

    fn put_compiled_in_place(&mut self, compiled: Compiled) {
        let now = self.clock.now();
        if let Some(set) = self.publishing.take_compiled(compiled, now) {
            self.put_in_place(Arc::new(set));
        }
    }

    /// Takes what became of an address that was missing at the start.
    fn take_came(&mut self, came: Came) {
        if let Some(certificates) = came.take(&mut self.telemetry) {
            self.loading.certificates = Some(certificates);
        }
    }
}
