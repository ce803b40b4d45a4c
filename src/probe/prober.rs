//! Tasks, one a thread, that start probes when they are due and report their observations.
//!
//! In: targets to begin and stop, through a [`Handle`]. Out: reports, through a bounded channel. Never here: the work
//! of a probe, the meaning of its result.
//!
//! A probe that is due takes a place before it starts: of those for probes over the network, or of those for commands.
//! A target whose last probe was brief may have any place; one that hangs, or may, only a part of them, the smaller the
//! longer its `timeout` is ([`Room`]). So probes that hang delay each other alone.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use super::context::{Prepared, ProbeContext};
use super::counters::{Gauged, ProbeCounters, ROOMS, RoomGauges, add, nanos};
use super::exec::CommandSettings;
use super::handle::{Begun, Handle, Mailbox, Step};
use super::reach::Reach;
use super::run::run;
use super::schedule::{Schedule, Turn};
use super::threads::{Job, ProbeThreads, usual_threads};
use super::watch::{WATCHES_MAX, Watches, watch};
use crate::clock::{Clock, Moment};
use crate::health::{Finding, Observation, Outcome, Phases, ProbeKind, Target, TargetId, Timeout};
use crate::resolver::Names;
use crate::room::{Hold, Room, Taken};

/// Settings of a prober.
#[derive(Clone, Debug)]
pub struct ProbeConfig {
    /// Most probes under way at once. A probe that must wait for its place starts late; it never fails for that.
    pub in_flight_max: usize,
    /// Most targets that are watched by a quiet connection.
    pub watches_max: usize,
    /// Default `User-Agent` of HTTP probes.
    pub user_agent: String,
    /// Addresses that may be probed.
    pub reach: Reach,
    /// Settings of commands; `None` runs no commands.
    pub commands: Option<CommandSettings>,
    /// Lookups of host names; `None` asks the system's resolvers.
    pub names: Option<Names>,
    /// Threads that probe, each with targets of its own.
    pub threads: NonZeroUsize,
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self {
            // Each holds a descriptor and some 10 kB while it waits.
            in_flight_max: 4_096,
            watches_max: WATCHES_MAX,
            user_agent: concat!("leeward/", env!("CARGO_PKG_VERSION")).to_owned(),
            reach: Reach::default(),
            commands: None,
            names: None,
            threads: usual_threads(),
        }
    }
}

/// The end of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Id of the target.
    pub target: TargetId,
    /// The observation.
    pub observation: Observation,
    /// Delay of the start after it was due; `None` for a probe off schedule.
    pub late: Option<Duration>,
}

/// Probes targets, each on its own schedule. See [`Prober::start`].
#[derive(Debug)]
pub struct Prober {
    context: Arc<ProbeContext>,
    rooms: [Room<Waiting>; ROOMS],
    schedule: Schedule<Active>,
    running: JoinSet<Ended>,
    flights: HashMap<Id, Flight>,
    /// Probes in the order in which they began, until they are old or ended.
    begun: VecDeque<(Moment, Id)>,
    /// Remaining steps of updates.
    steps: VecDeque<Step>,
    sink: mpsc::Sender<Report>,
    shared: Arc<Mailbox>,
    watches: Arc<Watches>,
    watching: JoinSet<()>,
    /// This thread's part of the gauges, which all threads share.
    targets: Gauged,
    in_flight: Gauged,
    room_gauges: [RoomGauges; ROOMS],
    /// Number of rooms that this thread uses: commands belong to the first thread.
    rooms_used: usize,
}

#[derive(Debug)]
struct Active {
    prepared: Arc<Prepared>,
    group: u64,
    /// Expected time for which its next probe holds a place.
    hold: Hold,
    probe: Option<AbortHandle>,
    watch: Option<AbortHandle>,
}

/// A probe that is due.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    id: TargetId,
    turn: Turn,
    due: Moment,
    /// Moment at which it was put in line.
    since: Moment,
}

/// A probe under way.
#[derive(Debug)]
struct Flight {
    id: TargetId,
    turn: Turn,
    room: usize,
    taken: Taken,
}

/// Outcome of a probe, and the time for which it held its place.
type Ended = (Outcome, Duration);

/// Delay from which on a start is counted as late.
const LATE_AFTER: Duration = Duration::from_millis(100);

/// Longest deliberate delay of a start, to make several at a time: to wake a thread costs as much as half a probe.
const START_GRAIN: Duration = Duration::from_millis(5);

/// Longest time between two turns of the loop: a sign of life.
const TURN_INTERVAL: Duration = Duration::from_secs(1);

/// Longest time that an update takes at once: probes that are due start in between.
const UPDATE_SLICE: Duration = Duration::from_millis(5);

/// Longest duration of a brief probe: one that passes, one that fails.
const BRIEF_MAX: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(100));

/// Greatest timeouts with which a probe that hangs holds its place for short, and for long.
const HOLDS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));

impl Prober {
    /// Starts a prober on threads of its own. It stops when `shutdown` completes or all of `sink`'s receivers are gone;
    /// probes under way are broken off then, and report nothing.
    pub fn start(
        config: ProbeConfig,
        sink: mpsc::Sender<Report>,
        clock: Clock,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Handle {
        let commands_max = config.commands.as_ref().map_or(1, |each| each.concurrency);
        let context = ProbeContext::with_commands(
            &config.user_agent,
            config.reach,
            clock,
            config.commands,
            config.names,
        );
        let watches = Arc::new(Watches::new(config.watches_max));
        let counters = Arc::new(ProbeCounters::default());
        let (stop, stopping) = watch::channel(false);
        let (mut shared, mut jobs): (Vec<_>, Vec<Job>) = (Vec::new(), Vec::new());
        let threads = config.threads.get();
        let probes_max = config.in_flight_max / threads;
        for thread in 0..threads {
            let mailbox = Arc::new(Mailbox::new(Arc::clone(&counters), clock.now()));
            let prober = Self {
                context: Arc::clone(&context),
                rooms: [Room::new(probes_max), Room::new(commands_max)],
                // Without a source of chance the clock must do; it only spreads starts.
                schedule: Schedule::new(getrandom::u64().unwrap_or_else(|_| clock.now().nanos())),
                running: JoinSet::new(),
                flights: HashMap::new(),
                begun: VecDeque::new(),
                steps: VecDeque::new(),
                sink: sink.clone(),
                shared: Arc::clone(&mailbox),
                watches: Arc::clone(&watches),
                watching: JoinSet::new(),
                targets: Gauged::default(),
                in_flight: Gauged::default(),
                room_gauges: Default::default(),
                rooms_used: if thread == 0 { ROOMS } else { 1 },
            };
            shared.push(mailbox);
            let mut stopping = stopping.clone();
            jobs.push(Box::pin(prober.run(async move {
                let _ = stopping.wait_for(|stops| *stops).await;
            })));
        }
        let threads = ProbeThreads::start(jobs, async move {
            shutdown.await;
            stop.send_replace(true);
        });
        Handle {
            context,
            shared,
            threads,
        }
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
                () = shared.is_filled.notified() => self.steps.extend(shared.take()),
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => {
                    self.finish(ended);
                    while let Some(ended) = self.running.try_join_next_with_id() {
                        self.finish(ended);
                    }
                }
                // In slices, and whatever is ready meanwhile has its turn in between.
                () = tokio::task::yield_now(), if !self.steps.is_empty() => self.update(),
                () = tokio::time::sleep_until(wake) => {}
            }
        }
        self.watching.shutdown().await;
        self.running.shutdown().await;
        self.in_flight.show(&shared.counters.in_flight, 0);
    }

    /// Puts probes in line that are due, and starts those that get a place.
    fn start_due(&mut self) {
        let now = self.context.clock.now();
        self.shared.turn(now);
        while let Some(start) = self.schedule.take_due(now) {
            let waiting = Waiting {
                id: start.id,
                turn: start.turn,
                due: start.due,
                since: now,
            };
            let active = start.payload;
            self.rooms[active.room()].push(active.group, active.hold, waiting);
        }
        self.lengthen(now);
        for room in 0..ROOMS {
            while let Some((taken, waiting)) = self.rooms[room].start_next() {
                self.start_one(room, taken, waiting, now);
            }
        }
        self.show_gauges();
    }

    fn start_one(&mut self, room: usize, taken: Taken, waiting: Waiting, now: Moment) {
        let Waiting { id, turn, .. } = waiting;
        let Some(active) = self.schedule.payload(id, turn) else {
            // Stopped while it waited.
            self.rooms[room].leave(taken);
            return;
        };
        let late = now.since(waiting.due);
        let counters = &self.shared.counters;
        add(&counters.started, 1);
        add(&counters.lateness_nanos, nanos(late));
        if late > LATE_AFTER {
            add(&counters.late, 1);
            let is_crowded = now.since(waiting.since) > LATE_AFTER;
            add(&counters.rooms[room].crowded, u64::from(is_crowded));
        }
        let probe = probe_and_report(
            Arc::clone(&self.context),
            Arc::clone(&active.prepared),
            (id, late),
            self.sink.clone(),
            Arc::clone(counters),
        );
        let task = self.running.spawn(probe);
        self.begun.push_back((now, task.id()));
        let flight = Flight {
            id,
            turn,
            room,
            taken,
        };
        self.flights.insert(task.id(), flight);
        active.probe = Some(task);
    }

    /// Marks probes under way that are brief no longer.
    fn lengthen(&mut self, now: Moment) {
        while let Some((began, task)) = self.begun.front().copied() {
            if self.flights.contains_key(&task) && now.since(began) < BRIEF_MAX.0 {
                break;
            }
            self.begun.pop_front();
            let Some(flight) = self.flights.get_mut(&task) else {
                continue;
            };
            if let Some(active) = self.schedule.payload(flight.id, flight.turn) {
                let hold = hold_of(&active.prepared, None);
                self.rooms[flight.room].lengthen(&mut flight.taken, hold);
            }
        }
    }

    fn show_gauges(&mut self) {
        let counters = &self.shared.counters;
        self.in_flight.show(&counters.in_flight, self.running.len());
        let used = self.room_gauges.iter_mut().take(self.rooms_used);
        for (number, gauges) in used.enumerate() {
            gauges.show(&counters.rooms[number], &self.rooms[number]);
        }
        let watched = self.watches.count() as u64;
        counters.watched.store(watched, Ordering::Relaxed);
    }

    fn next_wake(&mut self) -> tokio::time::Instant {
        let clock = self.context.clock;
        let alive = clock.now().after(TURN_INTERVAL);
        // Up to the next multiple: starts that are close together share one waking of the thread.
        let grain = nanos(START_GRAIN);
        let due = self.schedule.next_due();
        let due = due.map(|due| Moment::from_nanos(due.nanos().next_multiple_of(grain)));
        clock
            .instant(due.map_or(alive, |due| due.min(alive)))
            .into()
    }

    fn finish(&mut self, ended: Result<(Id, Ended), JoinError>) {
        let task = match &ended {
            Ok((task, _)) => *task,
            Err(error) => error.id(),
        };
        let Some(flight) = self.flights.remove(&task) else {
            return;
        };
        self.rooms[flight.room].leave(flight.taken);
        let (id, turn) = (flight.id, flight.turn);
        let now = self.context.clock.now();
        if let Some(active) = self.schedule.payload(id, turn) {
            active.probe = None;
            let last = ended.as_ref().ok().map(|(_, ended)| *ended);
            active.hold = hold_of(&active.prepared, last);
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
            late: None,
        });
    }

    /// Runs a part of the remaining steps.
    fn update(&mut self) {
        let now = self.context.clock.now();
        while let Some(step) = self.steps.pop_front() {
            match step {
                Step::Stop(id) => self.stop(id),
                Step::Begin(begun, together) => self.begin(begun, together, now),
                #[cfg(test)]
                Step::Break => panic!("told to"),
            }
            if self.context.clock.now().since(now) > UPDATE_SLICE {
                break;
            }
        }
        self.targets
            .show(&self.shared.counters.targets, self.schedule.len());
        // Those that ended: stopped ones, and those for which there was no room.
        while self.watching.try_join_next().is_some() {}
    }

    fn begin(&mut self, begun: Begun, together: usize, now: Moment) {
        self.stop(begun.id);
        let interval = begun.target.probe.interval;
        let prepared = Arc::new(self.context.prepare(begun.target));
        let active = Active {
            watch: self.begin_watch(begun.id, &prepared),
            group: begun.group,
            hold: hold_of(&prepared, None),
            prepared,
            probe: None,
        };
        self.schedule.add(begun.id, interval, active, together, now);
    }

    /// Starts to watch a target whose check asks for it.
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
                    late: None,
                })
                .await;
        };
        let (context, watches) = (Arc::clone(&self.context), Arc::clone(&self.watches));
        let watched = watch(context, Arc::clone(prepared), watches, report);
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

impl Active {
    /// Returns the number of the room in which its probes have places.
    fn room(&self) -> usize {
        let is_command = matches!(self.prepared.target.probe.kind, ProbeKind::Exec(_));
        usize::from(is_command)
    }
}

/// Returns the expected time for which a probe holds its place, by the last one, or else by its time limit.
fn hold_of(prepared: &Prepared, last: Option<Ended>) -> Hold {
    let is_brief = last.is_some_and(|(outcome, took)| match outcome {
        Outcome::Good => took < BRIEF_MAX.0,
        Outcome::Bad | Outcome::NoEvidence => took < BRIEF_MAX.1,
    });
    hold_for(is_brief, &prepared.target)
}

fn hold_for(is_brief: bool, target: &Target) -> Hold {
    let longest = match target.probe.timeout {
        Timeout::Whole(whole) => whole,
        Timeout::Phases {
            connect,
            response,
            body,
        } => connect + response + body,
    };
    match longest {
        _ if is_brief => Hold::Brief,
        longest if longest <= HOLDS.0 => Hold::Short,
        longest if longest <= HOLDS.1 => Hold::Long,
        _ => Hold::Longest,
    }
}

async fn probe_and_report(
    context: Arc<ProbeContext>,
    prepared: Arc<Prepared>,
    (target, late): (TargetId, Duration),
    sink: mpsc::Sender<Report>,
    counters: Arc<ProbeCounters>,
) -> Ended {
    let observation = run(&context, &prepared).await;
    let ended = (
        observation.outcome,
        observation.phases.total.unwrap_or_default(),
    );
    counters.count(observation.outcome);
    // Nobody listens any more only when the whole prober stops.
    let _ = sink
        .send(Report {
            target,
            observation,
            late: Some(late),
        })
        .await;
    ended
}
