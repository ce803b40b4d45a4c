//! Tasks, one a thread, that start probes when they are due and report how they ended.
//!
//! In: targets to begin and stop, through a [`Handle`]. Out: reports, through a bounded channel. Never here: what a
//! probe does, what its result means.

use std::collections::HashMap;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot::error::RecvError;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::crew::{Crew, Job, usual_threads};
use super::exec::CommandSettings;
use super::kit::{Prepared, ProbeKit};
use super::once::run;
use super::reach::Reach;
use super::schedule::{Schedule, Turn};
use super::watch::{Watches, watch};
use crate::clock::{Clock, Moment};
use crate::health::{Finding, Observation, Outcome, Phases, Target, TargetId};

/// Settings of a prober.
#[derive(Clone, Debug)]
pub struct ProbeConfig {
    /// Most probes under way at once. A probe that must wait for its turn starts late; it never fails for that.
    pub in_flight_max: usize,
    /// What HTTP probes call themselves.
    pub user_agent: String,
    /// What may be probed.
    pub reach: Reach,
    /// How commands are run; none runs no commands.
    pub commands: Option<CommandSettings>,
    /// Threads that probe, each with targets of its own.
    pub threads: NonZeroUsize,
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self {
            // Each holds a descriptor and some 30 kB while it waits; 2,000 a second may hang for 2 s within this.
            in_flight_max: 4_096,
            user_agent: concat!("leeward/", env!("CARGO_PKG_VERSION")).to_owned(),
            reach: Reach::default(),
            commands: None,
            threads: usual_threads(),
        }
    }
}

/// The end of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which target.
    pub target: TargetId,
    /// What was observed.
    pub observation: Observation,
}

/// Probes targets, each on its own schedule. See [`Prober::start`].
#[derive(Debug)]
pub struct Prober {
    kit: Arc<ProbeKit>,
    in_flight_max: usize,
    schedule: Schedule<Active>,
    running: JoinSet<()>,
    /// Which target each task works for.
    tasks: HashMap<tokio::task::Id, (TargetId, Turn)>,
    sink: mpsc::Sender<Report>,
    shared: Arc<Mailbox>,
    watches: Arc<Watches>,
    watching: JoinSet<()>,
    /// What this thread added to the gauges, which all threads share.
    targets: Gauged,
    in_flight: Gauged,
}

#[derive(Debug)]
struct Active {
    prepared: Arc<Prepared>,
    probe: Option<AbortHandle>,
    watch: Option<AbortHandle>,
}

/// Reaches a prober that was started.
#[derive(Debug)]
pub struct Handle {
    kit: Arc<ProbeKit>,
    /// One for each thread.
    shared: Vec<Arc<Mailbox>>,
    crew: Crew,
}

/// What handle and one thread share.
#[derive(Debug, Default)]
struct Mailbox {
    /// Updates in order. Bounded by the reloads within one wake-up of the task.
    updates: Mutex<Vec<Update>>,
    is_filled: Notify,
    counters: Arc<ProbeCounters>,
}

#[derive(Debug, Default)]
struct Update {
    added: Vec<(TargetId, Arc<Target>)>,
    removed: Vec<TargetId>,
}

/// Counts of a prober since its start. Cheap to read at any time.
#[derive(Debug, Default)]
pub struct ProbeCounters {
    targets: AtomicU64,
    in_flight: AtomicU64,
    started: AtomicU64,
    good: AtomicU64,
    bad: AtomicU64,
    no_evidence: AtomicU64,
    late: AtomicU64,
    lateness_nanos: AtomicU64,
    skipped: AtomicU64,
    watched: AtomicU64,
    confirming: AtomicU64,
}

/// What [`ProbeCounters`] show at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeCounts {
    /// Targets on schedule.
    pub targets: u64,
    /// Probes under way.
    pub in_flight: u64,
    /// Probes started.
    pub started: u64,
    /// Probes that passed.
    pub good: u64,
    /// Probes that failed.
    pub bad: u64,
    /// Probes that said nothing about their target.
    pub no_evidence: u64,
    /// Probes that started more than a tenth of a second late.
    pub late: u64,
    /// Sum of how late all probes started, nanoseconds.
    pub lateness_nanos: u64,
    /// Starts that were left out because the probe before took too long.
    pub skipped: u64,
    /// Targets that are watched by a quiet connection, or whose connection is being made.
    pub watched: u64,
    /// Probes that ran because a quiet connection ended.
    pub confirming: u64,
}

/// A start so much after its time is counted as late.
const LATE_AFTER: Duration = Duration::from_millis(100);

/// Starts are put off by up to so much, to be made several at a time: to wake a thread costs as much as half a probe.
const START_GRAIN: Duration = Duration::from_millis(5);

impl Prober {
    /// Starts a prober on threads of its own. It stops when `shutdown` completes or all of `sink`'s receivers are gone;
    /// probes under way are broken off then, and report nothing.
    pub fn start(
        config: ProbeConfig,
        sink: mpsc::Sender<Report>,
        clock: Clock,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Handle {
        let kit = ProbeKit::with_commands(&config.user_agent, config.reach, clock, config.commands);
        let watches = Arc::new(Watches::default());
        let counters = Arc::new(ProbeCounters::default());
        let (stop, stopping) = watch::channel(false);
        let (mut shared, mut jobs): (Vec<_>, Vec<Job>) = (Vec::new(), Vec::new());
        let threads = config.threads.get();
        for _ in 0..threads {
            let mailbox = Arc::new(Mailbox {
                counters: Arc::clone(&counters),
                ..Mailbox::default()
            });
            let prober = Self {
                kit: Arc::clone(&kit),
                in_flight_max: (config.in_flight_max / threads).max(1),
                // Without a source of chance the clock must do; it only spreads starts.
                schedule: Schedule::new(getrandom::u64().unwrap_or_else(|_| clock.now().nanos())),
                running: JoinSet::new(),
                tasks: HashMap::new(),
                sink: sink.clone(),
                shared: Arc::clone(&mailbox),
                watches: Arc::clone(&watches),
                watching: JoinSet::new(),
                targets: Gauged::default(),
                in_flight: Gauged::default(),
            };
            shared.push(mailbox);
            let mut stopping = stopping.clone();
            jobs.push(Box::pin(prober.run(async move {
                // An error says that nobody can tell any more.
                let _ = stopping.wait_for(|stops| *stops).await;
            })));
        }
        let crew = Crew::start(jobs, async move {
            shutdown.await;
            stop.send_replace(true);
        });
        Handle { kit, shared, crew }
    }

    async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let shared = Arc::clone(&self.shared);
        let sink = self.sink.clone();
        loop {
            self.start_due();
            let wake = self.next_wake();
            tokio::select! {
                () = &mut shutdown => break,
                () = sink.closed() => break,
                () = shared.is_filled.notified() => self.apply_updates(),
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => {
                    self.finish(ended);
                    while let Some(ended) = self.running.try_join_next_with_id() {
                        self.finish(ended);
                    }
                }
                () = sleep_until(wake), if wake.is_some() => {}
            }
        }
        self.watching.shutdown().await;
        self.running.shutdown().await;
        self.in_flight.show(&shared.counters.in_flight, 0);
    }

    /// Starts what is due, as far as the bound allows.
    fn start_due(&mut self) {
        let now = self.kit.clock.now();
        let counters = &self.shared.counters;
        while self.running.len() < self.in_flight_max {
            let Some(start) = self.schedule.take_due(now) else {
                break;
            };
            let lateness = now.since(start.due);
            add(&counters.started, 1);
            add(&counters.lateness_nanos, nanos(lateness));
            add(&counters.late, u64::from(lateness > LATE_AFTER));
            let (id, turn) = (start.id, start.turn);
            let probe = probe_and_report(
                Arc::clone(&self.kit),
                Arc::clone(&start.payload.prepared),
                id,
                self.sink.clone(),
                Arc::clone(counters),
            );
            let task = self.running.spawn(probe);
            self.tasks.insert(task.id(), (id, turn));
            start.payload.probe = Some(task);
        }
        self.in_flight.show(&counters.in_flight, self.running.len());
        let watched = self.watches.count() as u64;
        counters.watched.store(watched, Ordering::Relaxed);
    }

    fn next_wake(&mut self) -> Option<tokio::time::Instant> {
        if self.running.len() >= self.in_flight_max {
            return None;
        }
        let due = self.schedule.next_due()?;
        // Up to the next multiple: starts that are close together share one waking of the thread.
        let grain = nanos(START_GRAIN);
        let wake = Moment::from_nanos(due.nanos().next_multiple_of(grain));
        Some(self.kit.clock.instant(wake).into())
    }

    fn finish(&mut self, ended: Result<(tokio::task::Id, ()), JoinError>) {
        let task = match &ended {
            Ok((task, ())) => *task,
            Err(error) => error.id(),
        };
        let Some((id, turn)) = self.tasks.remove(&task) else {
            return;
        };
        let now = self.kit.clock.now();
        if let Some(active) = self.schedule.payload(id, turn) {
            active.probe = None;
        }
        let Some(skipped) = self.schedule.finish(id, turn, now) else {
            return;
        };
        add(&self.shared.counters.skipped, u64::from(skipped));
        if ended.is_err_and(|error| error.is_panic()) {
            self.report_failure(id, now);
        }
    }

    /// A prober that fails is an observation, not a crash.
    fn report_failure(&self, target: TargetId, now: Moment) {
        let finding = Finding::NotFeasible("the prober failed; this is a fault of Leeward".into());
        let observation = Observation::new(finding.into(), Phases::default(), now);
        add(&self.shared.counters.no_evidence, 1);
        // If the channel is full, the next probe says the same.
        let _ = self.sink.try_send(Report {
            target,
            observation,
        });
    }

    fn apply_updates(&mut self) {
        let now = self.kit.clock.now();
        for update in self.shared.take() {
            for id in update.removed {
                self.stop(id);
            }
            let together = update.added.len();
            for (id, target) in update.added {
                self.stop(id);
                let interval = target.probe.interval;
                let prepared = Arc::new(self.kit.prepare(target));
                let watch = self.begin_watch(id, &prepared);
                let active = Active {
                    prepared,
                    probe: None,
                    watch,
                };
                self.schedule.add(id, interval, active, together, now);
            }
        }
        self.targets
            .show(&self.shared.counters.targets, self.schedule.len());
        // Those that ended: stopped ones, and those for which there was no room.
        while self.watching.try_join_next().is_some() {}
    }

    /// Begins to watch a target whose check asks for it.
    fn begin_watch(&mut self, target: TargetId, prepared: &Arc<Prepared>) -> Option<AbortHandle> {
        if !prepared.target.probe.watch || prepared.plan.is_err() {
            return None;
        }
        let (sink, shared) = (self.sink.clone(), Arc::clone(&self.shared));
        let report = async move |observation: Observation| {
            add(&shared.counters.confirming, 1);
            shared.counters.count(observation.outcome);
            // Nobody listens any more only when the whole prober stops.
            let _ = sink
                .send(Report {
                    target,
                    observation,
                })
                .await;
        };
        let (kit, watches) = (Arc::clone(&self.kit), Arc::clone(&self.watches));
        let watched = watch(kit, Arc::clone(prepared), watches, report);
        Some(self.watching.spawn(watched))
    }

    fn stop(&mut self, id: TargetId) {
        let Some(stopped) = self.schedule.remove(id) else {
            return;
        };
        for task in [stopped.probe, stopped.watch].into_iter().flatten() {
            task.abort();
        }
    }
}

/// Waits until a moment. Without one the branch that calls this is switched off.
async fn sleep_until(wake: Option<tokio::time::Instant>) {
    if let Some(wake) = wake {
        tokio::time::sleep_until(wake).await;
    }
}

async fn probe_and_report(
    kit: Arc<ProbeKit>,
    prepared: Arc<Prepared>,
    target: TargetId,
    sink: mpsc::Sender<Report>,
    counters: Arc<ProbeCounters>,
) {
    let observation = run(&kit, &prepared).await;
    counters.count(observation.outcome);
    // Nobody listens any more only when the whole prober stops.
    let _ = sink
        .send(Report {
            target,
            observation,
        })
        .await;
}

impl Handle {
    /// Stops and begins targets. Never waits; the prober sees it within microseconds.
    pub fn update(&self, added: Vec<(TargetId, Arc<Target>)>, removed: Vec<TargetId>) {
        let mut parts: Vec<Update> = self.shared.iter().map(|_| Update::default()).collect();
        let thread = |id: TargetId| id.0 as usize % self.shared.len();
        for (id, target) in added {
            parts[thread(id)].added.push((id, target));
        }
        for id in removed {
            parts[thread(id)].removed.push(id);
        }
        for (mailbox, part) in self.shared.iter().zip(parts) {
            if !part.added.is_empty() || !part.removed.is_empty() {
                mailbox.lock().push(part);
                mailbox.is_filled.notify_one();
            }
        }
    }

    /// Returns the counts of the prober, to be read at any time.
    pub fn counters(&self) -> Arc<ProbeCounters> {
        Arc::clone(&self.shared[0].counters)
    }

    /// Returns what its probes share, for [`probe_once`](super::probe_once).
    pub fn kit(&self) -> Arc<ProbeKit> {
        Arc::clone(&self.kit)
    }

    /// Waits until the prober has stopped.
    ///
    /// # Errors
    /// Says so if one of the prober's threads panicked.
    pub async fn join(self) -> Result<(), RecvError> {
        self.crew.join().await
    }
}

impl Mailbox {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Update>> {
        // Updates are pushed whole, so a poisoned list is as good as any.
        self.updates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<Update> {
        std::mem::take(&mut *self.lock())
    }
}

impl ProbeCounters {
    fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Good => &self.good,
            Outcome::Bad => &self.bad,
            Outcome::NoEvidence => &self.no_evidence,
        };
        add(counter, 1);
    }

    /// Reads all counts.
    pub fn read(&self) -> ProbeCounts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProbeCounts {
            targets: load(&self.targets),
            in_flight: load(&self.in_flight),
            started: load(&self.started),
            good: load(&self.good),
            bad: load(&self.bad),
            no_evidence: load(&self.no_evidence),
            late: load(&self.late),
            lateness_nanos: load(&self.lateness_nanos),
            skipped: load(&self.skipped),
            watched: load(&self.watched),
            confirming: load(&self.confirming),
        }
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// One thread's part of a gauge.
#[derive(Debug, Default)]
struct Gauged(u64);

impl Gauged {
    fn show(&mut self, gauge: &AtomicU64, count: usize) {
        let count = count as u64;
        // Wraps around where the part shrinks, which comes to the same.
        gauge.fetch_add(count.wrapping_sub(self.0), Ordering::Relaxed);
        self.0 = count;
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
