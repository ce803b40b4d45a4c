//! The task that looks names up, for flattened targets and for probes, a bounded number at once.
//!
//! In: names of flattened targets and of probes. Out: a report for each flattened target; for every name the answer,
//! and a signal to probes that wait. Never here: the time at which a flattened target is due, the use of an answer by a
//! probe.
//!
//! A name that is asked for by many is looked up once. Names whose servers are silent hold a place for as long as a
//! lookup may take; they never have all places, so that names which are answered at once do not wait for them.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};

use crate::clock::{Clock, Moment};
use crate::room::{Hold, Room, Taken};
use crate::wire::{Name, Rtype};

use super::answers::{Answers, BRIEF_MAX};
use super::entry::{LookedUp, LookupResult};
use super::lookup::{OwnZones, look_up};
use super::upstream::Upstreams;

/// Most names in the channel; beyond them flattened targets come again later, and probes wait.
const WAITING_MAX: usize = 1_024;

/// Settings of lookups.
#[derive(Clone, Debug)]
pub struct LookupSettings {
    /// The servers to ask.
    pub upstreams: Upstreams,
    /// Longest time for one answer of one server.
    pub timeout: Duration,
    /// Most lookups under way at once.
    pub concurrency: usize,
    /// Longest time for which probes use an answer without another lookup.
    pub ttl_max: Duration,
    /// Longest time for which probes use the last addresses of a name while lookups fail.
    pub keep: Duration,
}

/// Handle to the task: takes names, gives answers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LookupQueue {
    wanted: mpsc::Sender<Wanted>,
    answers: Arc<Answers>,
}

/// Name to look up, and the receiver of its result.
#[derive(Debug)]
pub(super) struct Wanted {
    name: Name,
    asker: Waiter,
}

#[derive(Debug)]
enum Waiter {
    /// Flattened targets, through the channel of reports.
    ResolvedTargets,
    /// A probe, which then reads the answer.
    Probe(oneshot::Sender<()>),
}

impl LookupQueue {
    /// Starts the task, which runs until `stopped` ends; reports of flattened targets go into `sink`.
    pub fn open(
        settings: LookupSettings,
        own: OwnZones,
        sink: mpsc::Sender<LookedUp>,
        clock: Clock,
        stopped: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let (wanted, waiting) = mpsc::channel(WAITING_MAX);
        let answers = Arc::new(Answers::new(settings.ttl_max, settings.keep));
        let work = Work {
            room: Room::new(settings.concurrency),
            settings,
            own,
            sink,
            clock,
            answers: Arc::clone(&answers),
            askers: HashMap::new(),
            running: JoinSet::new(),
            flights: HashMap::new(),
            begun: VecDeque::new(),
        };
        tokio::spawn(async move {
            tokio::select! {
                () = stopped => {}
                () = work.run(waiting) => {}
            }
        });
        Self { wanted, answers }
    }

    /// Hands in the name of a flattened target; returns whether there was room.
    pub fn look_up(&self, name: &Name) -> bool {
        let wanted = Wanted {
            name: name.clone(),
            asker: Waiter::ResolvedTargets,
        };
        self.wanted.try_send(wanted).is_ok()
    }

    /// Returns whether the task has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.wanted.is_closed()
    }

    /// Returns what is known.
    pub(super) const fn answers(&self) -> &Arc<Answers> {
        &self.answers
    }

    /// Hands a name in for a probe and waits until it was looked up, or cannot be.
    pub(super) async fn wait_for(&self, name: &Name) {
        let (told, done) = oneshot::channel();
        let wanted = Wanted {
            name: name.clone(),
            asker: Waiter::Probe(told),
        };
        if self.wanted.send(wanted).await.is_ok() {
            // A lookup that broke leaves no answer, which says enough.
            let _ = done.await;
        }
    }
}

/// State of the task.
struct Work {
    settings: LookupSettings,
    own: OwnZones,
    sink: mpsc::Sender<LookedUp>,
    clock: Clock,
    answers: Arc<Answers>,
    room: Room<Name>,
    /// Receivers of the result, for each name that is in line or under way.
    askers: HashMap<Name, Vec<Waiter>>,
    running: JoinSet<LookedUp>,
    flights: HashMap<Id, (Name, Taken)>,
    /// Lookups in the order in which they began, until they are old or ended.
    begun: VecDeque<(Moment, Id)>,
}

impl Work {
    async fn run(mut self, mut waiting: mpsc::Receiver<Wanted>) {
        loop {
            self.begin_next();
            tokio::select! {
                Some(ended) = self.running.join_next_with_id() => {
                    if !self.finish(ended).await {
                        return;
                    }
                }
                wanted = waiting.recv() => match wanted {
                    Some(wanted) => self.ask(wanted),
                    None => return,
                },
            }
        }
    }

    /// Puts a name in line, unless it is there or under way.
    fn ask(&mut self, wanted: Wanted) {
        let askers = self.askers.entry(wanted.name.clone()).or_default();
        let is_new = askers.is_empty();
        // Whoever gave up does not wait any more.
        askers.retain(|asker| !matches!(asker, Waiter::Probe(told) if told.is_closed()));
        askers.push(wanted.asker);
        if is_new {
            let hold = self.answers.hold(&wanted.name);
            self.room.push(0, hold, wanted.name);
        }
    }

    /// Begins lookups as far as there are places.
    fn begin_next(&mut self) {
        let now = self.clock.now();
        while let Some((began, id)) = self.begun.front().copied() {
            if self.flights.contains_key(&id) && now.since(began) < BRIEF_MAX {
                break;
            }
            self.begun.pop_front();
            if let Some((_, taken)) = self.flights.get_mut(&id) {
                self.room.lengthen(taken, Hold::Longest);
            }
        }
        while let Some((taken, name)) = self.room.start_next() {
            let (own, timeout) = (Arc::clone(&self.own), self.settings.timeout);
            let task = match self.settings.upstreams.now(now) {
                Ok(servers) => {
                    let lookup = look_up_both(name.clone(), servers, timeout, own, now);
                    self.running.spawn(lookup)
                }
                Err(why) => self
                    .running
                    .spawn(without_servers(name.clone(), why, own, now)),
            };
            self.begun.push_back((now, task.id()));
            self.flights.insert(task.id(), (name, taken));
        }
    }

    /// Records a result and reports it; returns whether the channel of reports is still open.
    async fn finish(&mut self, ended: Result<(Id, LookedUp), JoinError>) -> bool {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let Some((name, taken)) = self.flights.remove(&id) else {
            return true;
        };
        self.room.leave(taken);
        let askers = self.askers.remove(&name).unwrap_or_default();
        // A lookup that broke is due again after a while; so are flattened targets, and probes ask again.
        let Ok((_, report)) = ended else {
            return true;
        };
        self.answers.take(&report, self.clock.now());
        let mut is_for_book = false;
        for asker in askers {
            match asker {
                Waiter::ResolvedTargets => is_for_book = true,
                // Whoever gave up meanwhile finds the answer next time.
                Waiter::Probe(told) => drop(told.send(())),
            }
        }
        !is_for_book || self.sink.send(report).await.is_ok()
    }
}

async fn look_up_both(
    target: Name,
    servers: Vec<SocketAddr>,
    timeout: Duration,
    own: OwnZones,
    began: Moment,
) -> LookedUp {
    let ((ipv4, from_ipv4), (ipv6, from_ipv6)) = tokio::join!(
        look_up(&target, Rtype::A, &servers, timeout, &own),
        look_up(&target, Rtype::AAAA, &servers, timeout, &own),
    );
    LookedUp {
        target,
        sides: [ipv4, ipv6],
        from: [from_ipv4, from_ipv6],
        began,
    }
}

/// Looks a name up in our own zones alone; all others fail for `why`.
async fn without_servers(target: Name, why: String, own: OwnZones, began: Moment) -> LookedUp {
    let mut report = look_up_both(target, Vec::new(), Duration::ZERO, own, began).await;
    for side in &mut report.sides {
        if let LookupResult::Failed(words) = side {
            words.clone_from(&why);
        }
    }
    report
}
