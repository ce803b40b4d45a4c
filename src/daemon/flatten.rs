//! Flattened targets while the server runs: looked up in the background, compiled in when their addresses change.
//!
//! In: the leases of loaded zones, reports of lookups, ticks. Out: zones compiled anew and put in place as a reload puts
//! them, times left in the view. Never here: sockets; compiling on the keeper's own thread, once it runs.
//!
//! A zone is compiled anew at most once a second, and so that compiling takes at most a tenth of the time. It shares the
//! queue of loads, so that neither undoes the other.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tracing::{debug, error, warn};

use crate::admin::{Exposition, FlattenedRow};
use crate::clock::{Clock, Moment, WallTime};
use crate::compile::{FlatSet, Flattened, compile_zone_with};
use crate::config::server_file::ResolverSettings;
use crate::geo::Locations;
use crate::resolver::{
    LookedUp, LookupQueue, LookupSettings, OwnZones, ResolveLimits, ResolvedTargets, SavedLease,
    Upstreams,
};
use crate::timeline::{AlarmKind, EventKind};
use crate::wire::Name;
use crate::zone::{ServedZone, build_maps};

use super::keeper::Keeper;
use super::load_queue::LoadQueue;
use super::zone_set::{LoadedZone, ZoneSet};

/// Reports of lookups that wait for the keeper.
const LOOKUPS_MAX: usize = 1_024;
/// Names of a zone whose targets are told to questions by DNS (chosen: they are written down each second).
const NAMES_MAX: usize = 1_000;
/// How long the start waits for targets that nothing is known about: queries wait in the sockets meanwhile, and what
/// they would be told is cached by resolvers.
const FIRST_WAIT: Duration = Duration::from_secs(3);
/// Time between two compilations at least, and how many times as long as the last one took.
const COMPILE_INTERVAL: Duration = Duration::from_secs(1);
const COMPILE_SHARE: u32 = 10;

/// What the keeper knows of flattened targets.
#[derive(Debug)]
pub(super) struct Flattening {
    pub(super) targets: ResolvedTargets,
    queue: Option<LookupQueue>,
    /// Targets whose addresses are not compiled in yet.
    changed: BTreeSet<Name>,
    /// When compiling may begin again.
    compile_at: Moment,
    /// Zones in place that have flattened targets, by number.
    lenders: Vec<usize>,
    /// How often sets of addresses changed.
    pub(super) changes: u64,
}

/// Returns how names are looked up, so many at once.
pub fn lookup_settings(settings: &ResolverSettings, concurrency: usize) -> LookupSettings {
    LookupSettings {
        upstreams: Upstreams::new(&settings.servers),
        timeout: settings.timeout,
        concurrency,
        ttl_max: settings.ttl_max,
        keep: settings.keep,
    }
}

/// Zones compiled with new addresses, and how long that took.
pub(super) struct Compiled {
    zones: Vec<Arc<LoadedZone>>,
    took: Duration,
}

impl Flattening {
    /// Starts with what an earlier run saved.
    pub(super) fn new(settings: &ResolverSettings, saved: Vec<SavedLease>) -> Self {
        let limits = ResolveLimits {
            ttl_min: settings.ttl_min,
            ttl_max: settings.ttl_max,
            keep: settings.keep,
        };
        Self {
            targets: ResolvedTargets::new(limits, saved),
            queue: None,
            changed: BTreeSet::new(),
            compile_at: Moment::ZERO,
            lenders: Vec::new(),
            changes: 0,
        }
    }

    /// Opens the queue, which probes ask too; reports of flattened targets come out of the channel.
    pub(super) fn open_queue(
        &mut self,
        settings: LookupSettings,
        own: OwnZones,
        clock: Clock,
        mut stopping: watch::Receiver<bool>,
    ) -> (LookupQueue, mpsc::Receiver<LookedUp>) {
        let (sink, lookups) = mpsc::channel(LOOKUPS_MAX);
        let stopped = async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        let queue = LookupQueue::open(settings, own, sink, clock, stopped);
        self.queue = Some(queue.clone());
        (queue, lookups)
    }

    /// Returns what is known now.
    pub(super) fn known(&self) -> Flattened {
        let mut flattened = Flattened::default();
        for (target, rtype, addresses, is_usable) in self.targets.sets() {
            let set = FlatSet {
                addresses: Arc::clone(addresses),
                is_usable,
            };
            flattened.put(target, rtype, set);
        }
        flattened
    }

    /// Looks up again what other zones than before may answer otherwise.
    pub(super) fn hurry(&mut self, now: Moment) {
        self.targets.hurry(now);
        self.look_up_due(now);
    }

    /// Hands names that are due to the queue.
    fn look_up_due(&mut self, now: Moment) {
        let Some(queue) = &self.queue else { return };
        for name in self.targets.take_due(now) {
            if !queue.look_up(&name) {
                self.targets.put_back(&name);
            }
        }
    }

    /// Returns how long each lease of a zone lasts; more than any TTL of the zone is told as for ever.
    pub(super) fn leases(&self, zone: &LoadedZone, now: Moment) -> Option<Arc<[u32]>> {
        let policies = &zone.served.zone.policies;
        if policies.leases.is_empty() {
            return None;
        }
        let most = policies.ttl_max();
        let left = policies.leases.iter().map(|lease| {
            let left = self.targets.left_secs(&lease.target, lease.rtype, now);
            if left >= most { u32::MAX } else { left }
        });
        Some(left.collect())
    }
}

impl Keeper {
    /// Follows the targets that the zones in place name; new ones are looked up at once.
    pub(super) fn follow_flattened(&mut self) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let zones = self.set.zones.iter().enumerate();
        let lenders = zones.filter(|(_, zone)| !zone.served.zone.policies.leases.is_empty());
        let flattening = &mut self.flattening;
        flattening.lenders = lenders.map(|(number, _)| number).collect();
        let lenders = flattening.lenders.iter();
        let leases =
            lenders.flat_map(|&number| &self.set.zones[number].served.zone.policies.leases);
        let wanted: Vec<Name> = leases.map(|lease| lease.target.clone()).collect();
        let over = flattening.targets.follow(wanted, now, wall);
        flattening.look_up_due(now);
        let text = (over > 0).then(|| format!("{over} targets are too many and get no addresses"));
        self.telemetry
            .set_alarm(AlarmKind::FlattenedTargets, "", text);
    }

    /// Waits a moment for targets that nothing is known about, and compiles what is known in.
    pub(super) async fn resolve_first(&mut self, lookups: &mut mpsc::Receiver<LookedUp>) {
        let all = async {
            while !self.flattening.targets.is_settled() {
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
        if let Some(job) = self.prepare_compile() {
            let compiled = job.run();
            self.take_compiled(compiled);
        }
    }

    /// Takes what a lookup brought.
    pub(super) fn take_lookup(&mut self, report: LookedUp) {
        let now = self.clock.now();
        let flattening = &mut self.flattening;
        if let Some(change) = flattening.targets.take(report, now) {
            flattening.changes += 1;
            if change.is_grave {
                self.telemetry.record(EventKind::Flattened {
                    text: change.text,
                    is_worse: change.is_worse,
                });
            } else {
                debug!("{}", change.text);
            }
        }
    }

    /// What happens once a second.
    pub(super) fn tick_flattened(&mut self, now: Moment) {
        if self.flattening.targets.is_empty() {
            return;
        }
        for text in self.flattening.targets.age(now) {
            self.telemetry.record(EventKind::Flattened {
                text,
                is_worse: true,
            });
        }
        self.flattening.look_up_due(now);
        let lenders = self.flattening.lenders.iter();
        let leases: Vec<(usize, Arc<[u32]>)> = lenders
            .filter_map(|&number| {
                let leases = self.flattening.leases(&self.set.zones[number], now)?;
                Some((number, leases))
            })
            .collect();
        if let Some(published) = self.publisher.lease(&leases) {
            self.telemetry.published(published.generation);
        }
    }

    /// Begins to compile zones whose targets have new addresses, unless a load is under way.
    pub(super) fn compile_if_due(&mut self, queue: &mut LoadQueue, done: &mpsc::Sender<Compiled>) {
        if self.is_compile_due() && queue.look() && !self.begin_compile(done) {
            queue.finish(None);
        }
    }

    /// Says whether zones are to be compiled anew now.
    fn is_compile_due(&mut self) -> bool {
        let changed = self.flattening.targets.take_changed();
        self.flattening.changed.extend(changed);
        !self.flattening.changed.is_empty() && self.clock.now() >= self.flattening.compile_at
    }

    /// Collects what compiling needs; nothing if no zone lends from what changed.
    fn prepare_compile(&mut self) -> Option<CompileJob> {
        let fresh = self.flattening.targets.take_changed();
        self.flattening.changed.extend(fresh);
        let changed = std::mem::take(&mut self.flattening.changed);
        let lends = |zone: &&Arc<LoadedZone>| {
            let leases = &zone.served.zone.policies.leases;
            leases.iter().any(|lease| changed.contains(&lease.target))
        };
        let lenders = self.flattening.lenders.iter();
        let zones = lenders.map(|&number| &self.set.zones[number]);
        let zones: Vec<_> = zones.filter(lends).cloned().collect();
        (!zones.is_empty()).then(|| CompileJob {
            zones,
            flattened: self.flattening.known(),
            locations: Arc::clone(&self.loading.locations),
            clock: self.clock,
        })
    }

    /// Begins to compile beside what is served; says whether there is anything to compile.
    fn begin_compile(&mut self, done: &mpsc::Sender<Compiled>) -> bool {
        let Some(job) = self.prepare_compile() else {
            return false;
        };
        let done = done.clone();
        tokio::task::spawn_blocking(move || {
            // The keeper may have stopped meanwhile.
            let _ = done.blocking_send(job.run());
        });
        true
    }

    /// Puts zones with new addresses in place.
    pub(super) fn take_compiled(&mut self, compiled: Compiled) {
        let pause = (compiled.took * COMPILE_SHARE).max(COMPILE_INTERVAL);
        self.flattening.compile_at = self.clock.now().after(pause);
        if compiled.zones.is_empty() {
            return;
        }
        let mut set = ZoneSet::clone(&self.set);
        for zone in compiled.zones {
            if let Some(known) = set.zones.iter_mut().find(|known| known.path == zone.path) {
                *known = zone;
            }
        }
        let before = std::mem::replace(&mut self.set, Arc::new(set));
        self.put_in_place(&before);
    }

    /// Says what is known of the flattened targets of every name of a zone that has any.
    pub(super) fn flattened_of(&self, number: usize) -> HashMap<Name, Vec<String>> {
        let zone = &self.set.zones[number];
        if zone.served.zone.policies.leases.is_empty() {
            return HashMap::new();
        }
        let names = zone.model.names.iter().take(NAMES_MAX);
        let words = names.map(|name| {
            (
                name.owner.clone(),
                self.flattened_words(number, &name.owner),
            )
        });
        words.filter(|(_, words)| !words.is_empty()).collect()
    }

    /// Says what is known of each flattened target that a name of a zone leads to.
    pub(super) fn flattened_words(&self, number: usize, owner: &Name) -> Vec<String> {
        let zone = &self.set.zones[number];
        if zone.served.zone.policies.leases.is_empty() {
            return Vec::new();
        }
        let now = self.clock.now();
        let targets = crate::compile::flattened_below(&zone.model, owner);
        let words = targets.into_iter().map(|target| {
            let words = self.flattening.targets.words(&target, now);
            format!("{target} {words}")
        });
        words.collect()
    }
}

/// Everything that compiling in the background needs.
struct CompileJob {
    zones: Vec<Arc<LoadedZone>>,
    flattened: Flattened,
    locations: Arc<Locations>,
    clock: Clock,
}

impl CompileJob {
    fn run(self) -> Compiled {
        let began = self.clock.now();
        let compiled = self.zones.iter().filter_map(|zone| self.compile(zone));
        let zones = compiled.collect();
        Compiled {
            zones,
            took: self.clock.now().since(began),
        }
    }

    /// Compiles a zone with its serial as it is: addresses are no change of content (rule a54).
    fn compile(&self, zone: &LoadedZone) -> Option<Arc<LoadedZone>> {
        let before = &zone.served;
        let compiled = compile_zone_with(&zone.model, before.zone.serial(), &self.flattened);
        let new = match compiled {
            Ok(new) => new,
            Err(fault) => {
                error!(
                    "{}: with new addresses of its targets: {fault}; served as before",
                    zone.model.apex
                );
                return None;
            }
        };
        let maps = if new.policies.has_same_places(&before.zone.policies) {
            before.maps.clone()
        } else {
            build_maps(&new.policies, &self.locations)
        };
        Some(Arc::new(LoadedZone {
            served: ServedZone {
                zone: Arc::new(new),
                maps,
            },
            ..zone.clone()
        }))
    }
}

/// Writes how many targets stand how, and how lookups ended.
pub(super) fn measure(exposition: &Exposition, flattening: &Flattening, now: Moment) {
    let counts = flattening.targets.counts(now);
    let states = [
        ("fresh", counts.fresh),
        ("kept", counts.kept),
        ("too-old", counts.too_old),
        ("unresolved", counts.unresolved),
    ];
    for (state, count) in states {
        exposition.set("leeward_flatten_targets", &[("state", state)], count as f64);
    }
    let outcomes = [
        ("found", counts.found),
        ("empty", counts.empty),
        ("failed", counts.failed),
    ];
    for (outcome, count) in outcomes {
        let labels = [("outcome", outcome)];
        exposition.total("leeward_flatten_lookups_total", &labels, count);
    }
    exposition.total("leeward_flatten_changes_total", &[], flattening.changes);
}

/// Targets that one report lists; the rest is asked for by `explain` (chosen: it is written between two flips).
const ROWS_MAX: usize = 1_000;

/// Lists flattened targets for `status`, those that are not well first; and counts those that are not listed.
pub(super) fn rows(flattening: &Flattening, now: Moment) -> (Vec<FlattenedRow>, usize) {
    let mut states: Vec<(&Name, &str)> = flattening.targets.states(now).collect();
    states.sort_by_key(|(_, state)| *state == "fresh");
    let over = states.len().saturating_sub(ROWS_MAX);
    let states = states.into_iter().take(ROWS_MAX);
    let rows = states.map(|(target, state)| FlattenedRow {
        target: target.to_string(),
        state: state.to_owned(),
        says: flattening.targets.words(target, now),
    });
    (rows.collect(), over)
}

/// Names what is saved of flattened targets.
pub(super) fn save(flattening: &Flattening, now: Moment, wall: WallTime) -> Vec<SavedLease> {
    flattening.targets.save(now, wall)
}
