//! Flattened targets while the server runs: looked up in the background, compiled in when their addresses change.
//!
//! In: the leases of loaded zones, reports of lookups, ticks. Out: zones compiled anew, times left for the view. Never here:
//! sockets, publishing; compiling on the task that publishes, once it runs.
//!
//! A zone is compiled anew at most once a second, and so that compiling takes at most a tenth of the time. It shares the
//! queue of loads, so that neither undoes the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tracing::{debug, error};

use crate::admin::Exposition;
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

use crate::daemon::telemetry::Telemetry;
use crate::daemon::zone_set::{LoadedZone, ZoneSet};

/// Reports of lookups that wait for the control loop.
const LOOKUPS_MAX: usize = 1_024;
/// Time between two compilations at least, and how many times as long as the last one took.
const COMPILE_INTERVAL: Duration = Duration::from_secs(1);
const COMPILE_SHARE: u32 = 10;

/// Resolved addresses of flattened targets, and which of them are not compiled in yet.
#[derive(Debug)]
pub(in crate::daemon) struct Flattening {
    /// The addresses. A clone of the pointer is a snapshot; what changes while one is held is copied first.
    targets: Arc<ResolvedTargets>,
    queue: Option<LookupQueue>,
    /// Targets whose addresses are not compiled in yet.
    changed: BTreeSet<Name>,
    /// When compiling may begin again.
    compile_at: Moment,
    /// Zones in place that have flattened targets, by number.
    lenders: Vec<usize>,
    /// How often sets of addresses changed.
    changes: u64,
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
pub(in crate::daemon) struct Compiled {
    zones: Vec<Arc<LoadedZone>>,
    took: Duration,
}

impl Flattening {
    /// Starts with what an earlier run saved.
    pub(in crate::daemon) fn new(settings: &ResolverSettings, saved: Vec<SavedLease>) -> Self {
        let limits = ResolveLimits {
            ttl_min: settings.ttl_min,
            ttl_max: settings.ttl_max,
            keep: settings.keep,
        };
        Self {
            targets: Arc::new(ResolvedTargets::new(limits, saved)),
            queue: None,
            changed: BTreeSet::new(),
            compile_at: Moment::ZERO,
            lenders: Vec::new(),
            changes: 0,
        }
    }

    /// Opens the queue, which probes ask too; reports of flattened targets come out of the channel.
    pub(in crate::daemon) fn open_queue(
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
    pub(in crate::daemon) fn known(&self) -> Flattened {
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
    pub(in crate::daemon) fn hurry(&mut self, now: Moment) {
        Arc::make_mut(&mut self.targets).hurry(now);
        self.look_up_due(now);
    }

    /// Hands names that are due to the queue.
    fn look_up_due(&mut self, now: Moment) {
        let Some(queue) = &self.queue else { return };
        let targets = Arc::make_mut(&mut self.targets);
        for name in targets.take_due(now) {
            if !queue.look_up(&name) {
                targets.put_back(&name);
            }
        }
    }

    /// Returns the addresses as they are now.
    pub(in crate::daemon) const fn targets(&self) -> &Arc<ResolvedTargets> {
        &self.targets
    }

    /// Follows the targets that the zones in place name; new ones are looked up at once.
    pub(super) fn follow(
        &mut self,
        set: &ZoneSet,
        (now, wall): (Moment, WallTime),
        telemetry: &mut Telemetry,
    ) {
        let zones = set.zones.iter().enumerate();
        let lenders = zones.filter(|(_, zone)| !zone.served.zone.policies.leases.is_empty());
        self.lenders = lenders.map(|(number, _)| number).collect();
        let lenders = self.lenders.iter();
        let leases = lenders.flat_map(|&number| &set.zones[number].served.zone.policies.leases);
        let wanted: Vec<Name> = leases.map(|lease| lease.target.clone()).collect();
        let over = Arc::make_mut(&mut self.targets).follow(wanted, now, wall);
        self.look_up_due(now);
        let text = (over > 0).then(|| format!("{over} targets are too many and get no addresses"));
        telemetry.set_alarm(AlarmKind::FlattenedTargets, "", text);
    }

    /// Takes what a lookup brought.
    pub(in crate::daemon) fn take(
        &mut self,
        report: LookedUp,
        now: Moment,
        telemetry: &mut Telemetry,
    ) {
        if let Some(change) = Arc::make_mut(&mut self.targets).take(report, now) {
            self.changes += 1;
            if change.is_grave {
                telemetry.record(EventKind::Flattened {
                    text: change.text,
                    is_worse: change.is_worse,
                });
            } else {
                debug!("{}", change.text);
            }
        }
    }

    /// Lets time pass, about once a second; returns how long the leases of each zone last.
    pub(super) fn tick(
        &mut self,
        set: &ZoneSet,
        now: Moment,
        telemetry: &mut Telemetry,
    ) -> Vec<(usize, Arc<[u32]>)> {
        if self.targets.is_empty() {
            return Vec::new();
        }
        for text in Arc::make_mut(&mut self.targets).age(now) {
            telemetry.record(EventKind::Flattened {
                text,
                is_worse: true,
            });
        }
        self.look_up_due(now);
        let lenders = self.lenders.iter();
        lenders
            .filter_map(|&number| Some((number, self.leases(&set.zones[number], now)?)))
            .collect()
    }

    /// Writes how many targets stand how, and how lookups ended.
    pub(super) fn measure(&self, exposition: &Exposition, now: Moment) {
        let counts = self.targets.counts(now);
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
        exposition.total("leeward_flatten_changes_total", &[], self.changes);
    }

    /// Says whether zones are to be compiled anew now.
    pub(in crate::daemon) fn is_compile_due(&mut self, now: Moment) -> bool {
        self.collect_changed();
        !self.changed.is_empty() && now >= self.compile_at
    }

    fn collect_changed(&mut self) {
        if self.targets.has_changed() {
            let changed = Arc::make_mut(&mut self.targets).take_changed();
            self.changed.extend(changed);
        }
    }

    /// Collects what compiling needs; nothing if no zone lends from what changed.
    pub(super) fn prepare_compile(
        &mut self,
        set: &ZoneSet,
        locations: &Arc<Locations>,
        clock: Clock,
    ) -> Option<CompileJob> {
        self.collect_changed();
        let changed = std::mem::take(&mut self.changed);
        let lends = |zone: &&Arc<LoadedZone>| {
            let leases = &zone.served.zone.policies.leases;
            leases.iter().any(|lease| changed.contains(&lease.target))
        };
        let zones = self.lenders.iter().map(|&number| &set.zones[number]);
        let zones: Vec<_> = zones.filter(lends).cloned().collect();
        (!zones.is_empty()).then(|| CompileJob {
            zones,
            flattened: self.known(),
            locations: Arc::clone(locations),
            clock,
        })
    }

    /// Takes zones with new addresses; returns the set with them, if there are any.
    pub(super) fn take_compiled(
        &mut self,
        compiled: Compiled,
        set: &ZoneSet,
        now: Moment,
    ) -> Option<ZoneSet> {
        let pause = (compiled.took * COMPILE_SHARE).max(COMPILE_INTERVAL);
        self.compile_at = now.after(pause);
        if compiled.zones.is_empty() {
            return None;
        }
        let mut set = set.clone();
        for zone in compiled.zones {
            if let Some(known) = set.zones.iter_mut().find(|known| known.path == zone.path) {
                *known = zone;
            }
        }
        Some(set)
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

/// Everything that compiling in the background needs.
pub(in crate::daemon) struct CompileJob {
    zones: Vec<Arc<LoadedZone>>,
    flattened: Flattened,
    locations: Arc<Locations>,
    clock: Clock,
}

impl CompileJob {
    /// Compiles; call it on a thread of its own.
    pub(in crate::daemon) fn run(self) -> Compiled {
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
