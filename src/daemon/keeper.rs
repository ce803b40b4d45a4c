//! The keeper: the one task that owns targets, publisher, loaded zones and timeline, and turns events into worlds.
//!
//! | Event | What follows |
//! |---|---|
//! | reports of probes | state machine, then one publication for all that crossed a threshold |
//! | second tick | silence is noticed, maintenance begins and ends, retired worlds are freed, metrics are copied |
//! | poll, SIGHUP, request | files are compared, loaded beside, swapped |
//! | question of control | an answer from the state |

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use crate::answer::Inputs;
use crate::clock::{Clock, Moment, WallTime};
use crate::config::server_file::ServerConfig;
use crate::control::{Ask, ExplainRequest, Exposition, Pulse, ServerRow, StatusReport};
use crate::health::{Outcome, Status, TargetId, Targets, Transition};
use crate::metrics::QueryCounters;
use crate::place::{AddressReport, Locations, Place};
use crate::probe::{Handle, Report};
use crate::publish::{Publisher, ZoneInputs};
use crate::rehearse::{
    Client, Question, Stage, Suppose, apply_maintenance, apply_references, explain,
    explanation_json,
};
use crate::timeline::{Event, EventKind, Timeline};
use crate::wire::{Name, Rtype};
use crate::zone::{Snapshot, TargetUse};

use super::files::Stamp;
use super::load::{Loading, ZoneSet, load_zones};
use super::locations::{describe, load_locations, stamps};
use super::overview::{TargetsAt, name_rows, names_max, pool_rows, refused_rows, word, zone_rows};
use super::serials::Serials;
use super::{measure, state};

/// Reports taken in one turn before a publication.
const REPORTS_MAX: usize = 1_024;
/// Time between two saves of the state.
const SAVE_INTERVAL: Duration = Duration::from_secs(10);
/// Time after which the server counts as ready although first probes are under way.
const READY_WAIT: Duration = Duration::from_secs(15);

/// What the keeper owns from the start.
pub(super) struct Keeper {
    pub(super) clock: Clock,
    pub(super) config: ServerConfig,
    pub(super) set: Arc<ZoneSet>,
    pub(super) serials: Serials,
    pub(super) locations: Arc<Locations>,
    pub(super) location_stamps: Vec<Option<Stamp>>,
    pub(super) targets: Targets,
    /// Targets of each zone by slot, in the order of the set.
    pub(super) ids: Vec<Vec<TargetId>>,
    pub(super) publisher: Publisher,
    pub(super) prober: Option<Handle>,
    pub(super) timeline: Timeline,
    pub(super) latencies: HashMap<TargetId, Duration>,
    pub(super) exposition: Arc<Exposition>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) counters: Vec<Arc<QueryCounters>>,
    pub(super) listen: Vec<String>,
    pub(super) started: Moment,
    pub(super) saved_at: Moment,
    /// The save that began last.
    pub(super) saving: Option<JoinHandle<()>>,
    pub(super) is_ready: bool,
}

/// What came of a load in the background.
type Loaded = Result<(ZoneSet, Serials, Option<Arc<Locations>>, Vec<Option<Stamp>>), String>;

/// Where events come from.
pub(super) struct Sources {
    pub(super) reports: mpsc::Receiver<Report>,
    pub(super) asks: mpsc::Receiver<Ask>,
    pub(super) reloads: mpsc::Receiver<()>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Keeper {
    /// Runs until told to stop; saves the state at the end.
    pub(super) async fn run(mut self, mut sources: Sources) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let poll_interval = self
            .config
            .poll
            .unwrap_or(Duration::from_secs(86_400 * 365));
        let mut poll = tokio::time::interval(poll_interval);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        poll.reset();
        let mut reports = Vec::with_capacity(REPORTS_MAX);
        let mut waiting: Vec<oneshot::Sender<Value>> = Vec::new();
        let (loaded_to, mut loaded) = mpsc::channel::<Loaded>(1);
        let mut is_loading = false;
        // Requests that came during a load wait for the next one; the first `in_turn` wait for this one.
        let mut is_asked_again = false;
        let mut in_turn = 0;
        loop {
            tokio::select! {
                biased;
                _ = sources.stop.wait_for(|stop| *stop) => break,
                count = sources.reports.recv_many(&mut reports, REPORTS_MAX) => {
                    if count == 0 {
                        error!("the prober ended; statuses stay as they are");
                        break;
                    }
                    self.take_reports(&mut reports);
                }
                Some(result) = loaded.recv() => {
                    let answer = self.take_loaded(result);
                    if is_asked_again {
                        // Whoever asked meanwhile may have changed what this load had read already.
                        is_asked_again = false;
                        self.begin_load(false, &loaded_to);
                        waiting.drain(..in_turn).for_each(|asker| drop(asker.send(answer.clone())));
                        in_turn = waiting.len();
                    } else {
                        is_loading = false;
                        waiting.drain(..).for_each(|asker| drop(asker.send(answer.clone())));
                        in_turn = 0;
                    }
                }
                Some(ask) = sources.asks.recv() => match ask {
                    Ask::Reload(answer) => {
                        waiting.push(answer);
                        is_asked_again = is_loading;
                        in_turn += usize::from(!is_loading);
                        is_loading = self.begin_load(is_loading, &loaded_to);
                    }
                    other => self.answer(other),
                },
                Some(()) = sources.reloads.recv() => {
                    is_asked_again = is_loading;
                    is_loading = self.begin_load(is_loading, &loaded_to);
                }
                _ = poll.tick(), if self.config.poll.is_some() => {
                    if !is_loading && self.is_stale() {
                        is_loading = self.begin_load(is_loading, &loaded_to);
                    }
                }
                _ = second.tick() => self.tick(),
            }
        }
        self.save_at_end().await;
    }

    /// Takes probe reports in, then publishes once for all of them.
    fn take_reports(&mut self, reports: &mut Vec<Report>) {
        let now = self.clock.now();
        let mut changes: Vec<(TargetId, Status)> = Vec::new();
        let mut earliest = now;
        let mut transitions = Vec::new();
        for report in reports.drain(..) {
            self.measure_probe(&report);
            let at = report.observation.at;
            if let Some(transition) = self.targets.observe(report.target, report.observation, now) {
                changes.push((report.target, transition.to));
                earliest = earliest.min(at);
                transitions.push((report.target, transition));
            }
        }
        self.publish(&changes, earliest);
        for (target, transition) in transitions {
            self.tell_transition(target, &transition);
        }
    }

    fn publish(&mut self, changes: &[(TargetId, Status)], observed: Moment) {
        if changes.is_empty() {
            return;
        }
        if let Some(published) = self.publisher.observe(changes) {
            let seconds = self.clock.now().since(observed).as_secs_f64();
            self.exposition.record("leeward_flip_seconds", &[], seconds);
            self.exposition
                .set("leeward_world_generation", &[], published.generation as f64);
        }
    }

    fn measure_probe(&mut self, report: &Report) {
        let outcome = match report.observation.outcome {
            Outcome::Good => "good",
            Outcome::Bad => "bad",
            Outcome::NoEvidence => "no-evidence",
        };
        let check = self.check_of(report.target).unwrap_or_default();
        self.exposition.add(
            "leeward_probes_total",
            &[("check", &check), ("outcome", outcome)],
            1,
        );
        if let Some(total) = report.observation.phases.total {
            self.latencies.insert(report.target, total);
            self.exposition.record(
                "leeward_probe_duration_seconds",
                &[("check", &check)],
                total.as_secs_f64(),
            );
        }
    }

    /// Returns the first use of a target, with the number of its zone.
    fn use_of(&self, target: TargetId) -> Option<(usize, &TargetUse)> {
        self.publisher.uses(target).find_map(|(zone, slot)| {
            let uses = self.set.zones.get(zone)?.served.zone.policies.uses_of(slot);
            uses.first().map(|used| (zone, used))
        })
    }

    fn check_of(&self, target: TargetId) -> Option<String> {
        self.use_of(target).map(|(_, used)| used.check.clone())
    }

    /// Names a target by its first use, and says in how many more zones it is used.
    fn name_of(&self, target: TargetId) -> String {
        let Some((zone, used)) = self.use_of(target) else {
            return format!("target {}", target.0);
        };
        let apex = &self.set.zones[zone].model.apex;
        let member = if used.pool.is_empty() {
            String::new()
        } else {
            format!("{}/{} ", used.pool, used.member)
        };
        let more = self.publisher.uses(target).count().saturating_sub(1);
        let more = if more == 0 {
            String::new()
        } else {
            format!(" and {more} more zones")
        };
        format!("{apex} {member}{}{more}", used.check)
    }

    fn tell_transition(&mut self, target: TargetId, transition: &Transition) {
        let (from, to) = (word(transition.from), word(transition.to));
        let kind = EventKind::Transition {
            target: self.name_of(target),
            from: from.to_owned(),
            to: to.to_owned(),
            evidence: transition.evidence.to_string(),
            counted: transition.counted.to_string(),
        };
        self.exposition
            .add("leeward_transitions_total", &[("to", to)], 1);
        if transition.to == Status::Healthy {
            info!("{kind}");
        } else {
            warn!("{kind}");
        }
        self.record(kind);
    }

    fn record(&mut self, kind: EventKind) {
        let at = self.clock.wall().to_string();
        self.timeline.record(Event { at, kind });
    }

    /// What happens once a second.
    fn tick(&mut self) {
        let now = self.clock.now();
        self.pulse.beat(now.nanos() / 1_000_000_000);
        let silent = self.targets.tick(now);
        let changes: Vec<(TargetId, Status)> = silent
            .iter()
            .map(|(target, moved)| (*target, moved.to))
            .collect();
        self.publish(&changes, now);
        for (target, transition) in silent {
            self.tell_transition(target, &transition);
        }
        self.follow_maintenance();
        let retired = self.publisher.sweep();
        self.exposition
            .set("leeward_worlds_retired", &[], retired as f64);
        measure::queries(&self.exposition, &self.counters);
        measure::targets(&self.exposition, &self.set, &self.ids, &self.targets, now);
        if let Some(prober) = &self.prober {
            measure::probes(&self.exposition, prober.counters().read());
        }
        self.exposition.upkeep();
        if !self.is_ready && (self.are_first_probes_done() || now.since(self.started) > READY_WAIT)
        {
            self.is_ready = true;
            self.pulse.ready();
        }
        if now.since(self.saved_at) > SAVE_INTERVAL {
            self.save();
        }
    }

    fn are_first_probes_done(&self) -> bool {
        self.targets
            .rows()
            .all(|row| row.state.last_probe_at.is_some())
    }

    /// Begins and ends maintenance (rule a49).
    fn follow_maintenance(&mut self) {
        let wall = self.clock.wall();
        for number in 0..self.set.zones.len() {
            if self.set.zones[number].model.maintenance.is_empty() {
                continue;
            }
            let inputs = inputs_of(&self.set, number, wall);
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
                info!("{kind}");
                self.record(kind);
            }
        }
    }

    fn is_stale(&self) -> bool {
        let are_databases_new = stamps(&self.config.geo) != self.location_stamps;
        match self.set.is_stale(&self.config.zones) {
            Ok(is_stale) => is_stale || are_databases_new,
            // The load says what is wrong.
            Err(_) => true,
        }
    }

    /// Begins a load beside what is served, unless one is under way; says whether one is.
    fn begin_load(&mut self, is_loading: bool, done: &mpsc::Sender<Loaded>) -> bool {
        if is_loading {
            return true;
        }
        let set = Arc::clone(&self.set);
        let mut serials = self.serials.clone();
        let (config, old) = (self.config.clone(), Arc::clone(&self.locations));
        let (wall, done) = (self.clock.wall(), done.clone());
        let known_stamps = self.location_stamps.clone();
        tokio::task::spawn_blocking(move || {
            let found_stamps = stamps(&config.geo);
            let new = if found_stamps == known_stamps {
                Ok(None)
            } else {
                load_locations(&config.geo).map(|locations| Some(Arc::new(locations)))
            };
            let result = new.map_err(|fault| fault.to_string()).and_then(|new| {
                let loading = Loading {
                    folder: &config.zones,
                    previous: &set,
                    serials: &mut serials,
                    locations: new.as_ref().unwrap_or(&old),
                    are_locations_new: new.is_some(),
                    wall,
                };
                let loaded = load_zones(loading).map_err(|fault| fault.to_string())?;
                Ok((loaded, serials, new, found_stamps))
            });
            // The keeper may have stopped meanwhile.
            let _ = done.blocking_send(result);
        });
        true
    }

    /// Puts a loaded set in place; on failure everything stays as it is.
    fn take_loaded(&mut self, loaded: Loaded) -> Value {
        let (set, serials, locations, found_stamps) = match loaded {
            Ok(loaded) => loaded,
            Err(message) => {
                error!("reload: {message}; everything is served as before");
                self.exposition
                    .add("leeward_reloads_total", &[("result", "failed")], 1);
                return json!({ "result": "failed", "error": message });
            }
        };
        let before = std::mem::replace(&mut self.set, Arc::new(set));
        self.serials = serials;
        self.location_stamps = found_stamps;
        if let Some(locations) = locations {
            info!("{}", describe(&locations, &self.config.geo));
            self.locations = locations;
        }
        self.put_in_place();
        let changed = self.tell_changes(&before);
        let refused: Vec<String> = self
            .set
            .refusals
            .iter()
            .map(|refusal| refusal.path.display().to_string())
            .collect();
        let result = if refused.is_empty() {
            "loaded"
        } else {
            "loaded-with-refusals"
        };
        self.exposition
            .add("leeward_reloads_total", &[("result", result)], 1);
        json!({ "result": result, "changed": changed, "zones": self.set.zones.len(), "refused": refused })
    }

    /// Tells refusals, mended files and changed zones, each once.
    fn tell_changes(&mut self, before: &ZoneSet) -> Vec<String> {
        let was_refused =
            |path: &std::path::Path| before.refusals.iter().find(|refusal| refusal.path == path);
        let mut events = Vec::new();
        for refusal in &self.set.refusals {
            let is_known = was_refused(&refusal.path).is_some_and(|known| {
                known.source.text == refusal.source.text && known.diagnostics == refusal.diagnostics
            });
            if is_known {
                continue;
            }
            let row = refused_rows(&ZoneSet {
                zones: Vec::new(),
                refusals: vec![refusal.clone()],
            })
            .remove(0);
            let first = row.faults.first().cloned().unwrap_or_default();
            events.push(EventKind::Refused {
                file: row.file,
                faults: row.faults.len(),
                first,
            });
        }
        let mut mended = Vec::new();
        for refusal in &before.refusals {
            if !self
                .set
                .refusals
                .iter()
                .any(|still| still.path == refusal.path)
            {
                mended.push(refusal.path.display().to_string());
            }
        }
        events.extend(
            mended
                .iter()
                .map(|file| EventKind::Mended { file: file.clone() }),
        );
        measure::zones(&self.exposition, &self.set, &mended);
        let same = |zone: &super::load::LoadedZone| {
            before
                .zones
                .iter()
                .any(|known| Arc::ptr_eq(&known.served.zone, &zone.served.zone))
        };
        let changed: Vec<String> = self
            .set
            .zones
            .iter()
            .filter(|zone| !same(zone))
            .map(|zone| zone.model.apex.to_string())
            .collect();
        events.push(EventKind::Reload {
            changed: changed.clone(),
            zones: self.set.zones.len(),
        });
        for kind in events {
            match &kind {
                EventKind::Refused { .. } => error!("{kind}"),
                _ => info!("{kind}"),
            }
            self.record(kind);
        }
        changed
    }

    /// Publishes the set: targets are reconciled by identity, so equal ones keep their state.
    pub(super) fn put_in_place(&mut self) {
        let now = self.clock.now();
        let wall = self.clock.wall();
        let wanted = self
            .set
            .zones
            .iter()
            .flat_map(|zone| zone.served.zone.policies.targets.iter().cloned());
        let changes = self.targets.reconcile(wanted, now);
        changes.removed.iter().for_each(|gone| {
            self.latencies.remove(gone);
        });
        if let Some(prober) = &self.prober {
            prober.update(changes.added, changes.removed);
        }
        self.ids = self
            .set
            .zones
            .iter()
            .map(|zone| {
                let targets = zone.served.zone.policies.targets.iter();
                targets
                    .map(|target| self.targets.id(target).unwrap_or(TargetId(u32::MAX)))
                    .collect()
            })
            .collect();
        let inputs = (0..self.set.zones.len()).map(|number| {
            let inputs = inputs_of(&self.set, number, wall);
            ZoneInputs {
                targets: self.ids[number].clone(),
                switches: inputs.switches,
                holds: inputs.holds,
            }
        });
        let inputs = inputs.collect();
        let served = self
            .set
            .zones
            .iter()
            .map(|zone| zone.served.clone())
            .collect();
        let snapshot = Snapshot::new(served, Arc::clone(&self.locations));
        let targets = &self.targets;
        let published = self
            .publisher
            .replace(snapshot, inputs, |id| targets.status(id));
        self.exposition
            .set("leeward_world_generation", &[], published.generation as f64);
        measure::zones(&self.exposition, &self.set, &[]);
    }

    fn answer(&self, ask: Ask) {
        // An asker that went away needs no answer.
        match ask {
            Ask::Status(answer) => drop(answer.send(self.status())),
            Ask::Explain(request, answer) => drop(answer.send(self.explain(&request))),
            Ask::Timeline(filter, limit, answer) => {
                drop(answer.send(json!(self.timeline.newest(&filter, limit))))
            }
            Ask::Geo(address, answer) => {
                let report = AddressReport::of(&self.locations, address);
                drop(answer.send(json!(report)));
            }
            Ask::Reload(answer) => drop(answer.send(Value::Null)),
        }
    }

    fn evidence(&self, zone: usize, slot: u32) -> Option<String> {
        let row = self.targets.row(*self.ids.get(zone)?.get(slot as usize)?)?;
        Some(row.state.last_evidence.to_string())
    }

    fn status(&self) -> StatusReport {
        let now = self.clock.now();
        let at = TargetsAt {
            targets: &self.targets,
            now,
            wall: self.clock.wall(),
            latencies: &self.latencies,
        };
        let mut report = StatusReport {
            server: ServerRow {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                uptime_s: now.since(self.started).as_secs(),
                generation: self.publisher.current().generation(),
                listen: self.listen.clone(),
                targets: self.targets.len(),
                location: describe(&self.locations, &self.config.geo),
            },
            zones: zone_rows(&self.set),
            files_refused: refused_rows(&self.set),
            ..StatusReport::default()
        };
        let mut room = names_max();
        for (number, zone) in self.set.zones.iter().enumerate() {
            let fold = self.publisher.fold(number);
            report.targets.extend(at.rows(zone, &self.ids[number]));
            report.pools.extend(pool_rows(zone, fold));
            let evidence = |slot: u32| self.evidence(number, slot);
            report
                .names
                .extend(name_rows(zone, fold, &self.locations, &evidence, &mut room));
        }
        report
    }

    fn explain(&self, request: &ExplainRequest) -> Result<Value, String> {
        let name = Name::parse_absolute(&request.name)
            .map_err(|fault| format!("`{}`: {fault}", request.name))?;
        let rtype = request.rtype.as_deref().unwrap_or("A");
        let rtype = Rtype::parse(rtype).ok_or_else(|| format!("`{rtype}` is no record type"))?;
        let client = parse_client(request.from.as_deref(), request.subnet.as_deref())?;
        let number = zone_of(&self.set, &name)
            .ok_or_else(|| format!("{name} lies in no zone that is served (REFUSED)"))?;
        let zone = &self.set.zones[number];
        let policies = &zone.served.zone.policies;
        let fold = self.publisher.fold(number);
        let mut inputs = fold.map_or_else(
            || inputs_of(&self.set, number, self.clock.wall()),
            |fold| fold.inputs().clone(),
        );
        for (list, suppose) in [(&request.down, Suppose::Down), (&request.up, Suppose::Up)] {
            let references = list
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty());
            let faults = apply_references(&zone.model, policies, references, suppose, &mut inputs);
            if let Some(fault) = faults.first() {
                return Err(fault.to_string());
            }
        }
        let view = crate::answer::Fold::new(policies, inputs.clone()).view();
        let evidence = |slot: u32| self.evidence(number, slot);
        let stage = Stage {
            served: &zone.served,
            view: &view,
            inputs: &inputs,
            locations: &self.locations,
            evidence: &evidence,
        };
        let explanation = explain(&stage, &Question { name, rtype }, client);
        let mut value = explanation_json(&explanation);
        value["text"] = Value::String(crate::rehearse::explanation_text(&explanation));
        Ok(value)
    }

    /// Begins to save beside the work: a slow disk must not hold up a flip. One save at a time.
    fn save(&mut self) {
        self.saved_at = self.clock.now();
        let Some(folder) = self.config.state.clone() else {
            return;
        };
        if self
            .saving
            .as_ref()
            .is_some_and(|saving| !saving.is_finished())
        {
            return;
        }
        let statuses = self.targets.save(self.saved_at, self.clock.wall());
        let serials = self.serials.clone();
        self.saving = Some(tokio::task::spawn_blocking(move || {
            if let Err(message) = state::write(&folder, statuses, serials) {
                warn!(
                    "save state: {message}; answers go on, but a restart would start from an older state"
                );
            }
        }));
    }

    /// Saves for the last time, after a save that is under way.
    async fn save_at_end(mut self) {
        if let Some(saving) = self.saving.take() {
            let _ = saving.await;
        }
        self.save();
        if let Some(saving) = self.saving.take() {
            let _ = saving.await;
        }
    }
}

/// Finds the loaded zone with the longest apex at or above a name.
pub(super) fn zone_of(set: &ZoneSet, name: &Name) -> Option<usize> {
    let holding = set
        .zones
        .iter()
        .enumerate()
        .filter(|(_, zone)| name.is_at_or_below(&zone.model.apex));
    holding
        .max_by_key(|(_, zone)| zone.model.apex.label_count())
        .map(|(number, _)| number)
}

/// Returns switches and holds of a zone as its file has them now, maintenance included.
pub(super) fn inputs_of(set: &ZoneSet, number: usize, wall: WallTime) -> Inputs {
    let zone = &set.zones[number];
    let policies = &zone.served.zone.policies;
    let mut inputs = Inputs::uniform(policies, Status::Unknown);
    // References that mean nothing were refused when the file was read.
    let _ = apply_maintenance(&zone.model, policies, wall, &mut inputs);
    inputs
}

/// Reads where a question comes from.
fn parse_client(from: Option<&str>, subnet: Option<&str>) -> Result<Client, String> {
    if let Some(subnet) = subnet {
        let (address, len) = subnet
            .split_once('/')
            .ok_or_else(|| format!("`{subnet}` is no prefix: write ADDRESS/LENGTH"))?;
        let address = address
            .parse()
            .map_err(|_| format!("`{address}` is no address"))?;
        let len = len
            .parse()
            .map_err(|_| format!("`{len}` is no prefix length"))?;
        return Ok(Client::Subnet(address, len));
    }
    let Some(from) = from else {
        return Ok(Client::Unknown);
    };
    if let Ok(address) = from.parse() {
        return Ok(Client::Address(address));
    }
    Place::parse(from)
        .map(Client::Place)
        .map_err(|fault| fault.message)
}
