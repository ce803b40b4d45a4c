//! The owner of what is served: zones in place, the publisher of their views, addresses of flattened targets.
//!
//! In: loaded sets, transitions, switches, ticks. Out: worlds; metrics of publications. Never here: states of targets, files.

use std::sync::Arc;
use std::time::Duration;

use crate::answer::ServingOptions;
use crate::clock::{Clock, Moment, WallTime};
use crate::geo::Locations;
use crate::health::{Status, TargetId, Targets};
use crate::model::maintenance_ahead;
use crate::publish::{Current, Published, Publisher, SavedZone, Tick, ZoneInputs, held_nodes};
use crate::server::give_back_memory;
use crate::timeline::EventKind;
use crate::view::Fold;
use crate::wire::Name;
use crate::zone::Snapshot;

use super::flattening::{CompileJob, Compiled, Flattening};
use super::inputs::inputs_of;
use crate::daemon::telemetry::Telemetry;
use crate::daemon::watching::Switches;
use crate::daemon::zone_set::ZoneSet;

/// Zones in place, and their views.
pub(in crate::daemon) struct ZonePublisher {
    set: Arc<ZoneSet>,
    pub(super) publisher: Publisher,
    /// Addresses of flattened targets.
    pub(in crate::daemon) flattening: Flattening,
    /// Whether a load left memory that can go back to the system once the world before is gone.
    is_memory_due: bool,
}

/// A set that is put in place.
pub(in crate::daemon) struct Replacement<'r> {
    pub(in crate::daemon) set: Arc<ZoneSet>,
    pub(in crate::daemon) locations: Arc<Locations>,
    /// Target of each slot, by zone.
    pub(in crate::daemon) slots: Vec<Vec<TargetId>>,
    pub(in crate::daemon) targets: &'r Targets,
    pub(in crate::daemon) switches: &'r Switches,
    pub(in crate::daemon) now: Moment,
    pub(in crate::daemon) wall: WallTime,
}

impl ZonePublisher {
    /// Starts without zones, with the policy state that an earlier run saved.
    pub(in crate::daemon) fn new(saved: Vec<SavedZone>, flattening: Flattening) -> Self {
        let nothing = Snapshot::new(Vec::new(), Arc::new(Locations::unknown()));
        let mut publisher = Publisher::new(nothing);
        publisher.restore(saved);
        Self {
            set: Arc::default(),
            publisher,
            flattening,
            is_memory_due: false,
        }
    }

    /// Returns the zones in place.
    pub(in crate::daemon) const fn set(&self) -> &Arc<ZoneSet> {
        &self.set
    }

    /// Returns the world that is published.
    pub(in crate::daemon) fn current(&self) -> Arc<Current> {
        self.publisher.current()
    }

    /// Returns the location databases in use.
    pub(in crate::daemon) fn locations(&self) -> &Arc<Locations> {
        &self.publisher.snapshot().locations
    }

    /// Returns the fold of each zone with policies.
    pub(in crate::daemon) fn folds(&self) -> &[Option<Arc<Fold>>] {
        self.publisher.folds()
    }

    /// Returns the target of each slot, by zone.
    pub(in crate::daemon) fn slots(&self) -> &Arc<[Vec<TargetId>]> {
        self.publisher.slots()
    }

    /// Publishes the serving options.
    pub(in crate::daemon) fn serving(&mut self, serving: ServingOptions) {
        self.publisher.serving(serving);
    }

    /// Puts a set in place, and publishes it; returns the one before.
    pub(in crate::daemon) fn replace(
        &mut self,
        replacement: Replacement<'_>,
        telemetry: &mut Telemetry,
    ) -> Arc<ZoneSet> {
        let Replacement {
            set,
            locations,
            slots,
            targets,
            switches,
            now,
            wall,
        } = replacement;
        let inputs = slots.into_iter().enumerate().map(|(number, targets)| {
            let inputs = inputs_of(&set, number, wall, switches);
            ZoneInputs {
                targets,
                switches: inputs.switches,
                holds: inputs.holds,
                leases: self.flattening.leases(&set.zones[number], now),
            }
        });
        let inputs = inputs.collect();
        let served = set.zones.iter().map(|zone| zone.served.clone()).collect();
        let snapshot = Snapshot::new(served, locations);
        self.publisher.at(now, wall);
        let status = |id| targets.status(id);
        let published = self.publisher.replace(snapshot, inputs, status);
        telemetry.published(published.generation);
        // What reading took is many times what is kept, and the world before is about to go.
        self.is_memory_due = true;
        self.flattening.follow(&set, (now, wall), telemetry);
        std::mem::replace(&mut self.set, set)
    }

    /// Publishes new statuses of targets; `observed` is when the first of them was seen.
    pub(in crate::daemon) fn observe(
        &mut self,
        changes: &[(TargetId, Status)],
        observed: Moment,
        telemetry: &Telemetry,
    ) {
        if !changes.is_empty()
            && let Some(published) = self.publisher.observe(changes)
        {
            telemetry.flipped(observed);
            telemetry.published(published.generation);
        }
    }

    /// Follows a tick in all views: failbacks that are due, ramps, horizons.
    pub(in crate::daemon) fn tick_views(
        &mut self,
        targets: &Targets,
        (now, wall): (Moment, WallTime),
        telemetry: &Telemetry,
    ) {
        let set = Arc::clone(&self.set);
        let published = self.publisher.tick(&Tick {
            now,
            wall,
            targets,
            maintenance: &|zone| ahead(&set, zone, wall),
        });
        tell(published, telemetry);
    }

    /// Begins and ends maintenance (rule a49).
    pub(in crate::daemon) fn follow_maintenance(
        &mut self,
        switches: &Switches,
        wall: WallTime,
        telemetry: &mut Telemetry,
    ) {
        for number in 0..self.set.zones.len() {
            if self.set.zones[number].model.maintenance.is_empty()
                || !self.hold(number, switches, wall)
            {
                continue;
            }
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
            telemetry.record(EventKind::Maintenance {
                zone: zone.apex.to_string(),
                text,
            });
        }
    }

    /// Publishes switches and holds of a zone as they stand now; says whether any answer could change.
    pub(in crate::daemon) fn hold(
        &mut self,
        number: usize,
        switches: &Switches,
        wall: WallTime,
    ) -> bool {
        let inputs = inputs_of(&self.set, number, wall, switches);
        let published = self.publisher.hold(number, inputs.switches, inputs.holds);
        published.is_some()
    }

    /// Follows flattened targets: those too old, those due, how long their addresses may be answered.
    pub(in crate::daemon) fn tick_flattened(&mut self, now: Moment, telemetry: &mut Telemetry) {
        let leases = self.flattening.tick(&self.set, now, telemetry);
        tell(self.publisher.lease(&leases), telemetry);
        self.flattening.measure(&telemetry.exposition, now);
    }

    /// Collects what compiling zones with new addresses needs; nothing if no zone has any.
    pub(in crate::daemon) fn prepare_compile(&mut self, clock: Clock) -> Option<CompileJob> {
        let locations = Arc::clone(self.locations());
        self.flattening
            .prepare_compile(&self.set, &locations, clock)
    }

    /// Takes zones with new addresses; returns the set with them, if there are any.
    pub(in crate::daemon) fn take_compiled(
        &mut self,
        compiled: Compiled,
        now: Moment,
    ) -> Option<ZoneSet> {
        self.flattening.take_compiled(compiled, &self.set, now)
    }

    /// Lets the first healthy tiers of a name or pool take over; returns how many failovers changed.
    pub(in crate::daemon) fn release(
        &mut self,
        apex: &Name,
        place: &str,
        telemetry: &mut Telemetry,
    ) -> Result<usize, String> {
        let zone = self.set.at_apex(apex);
        let released = zone
            .and_then(|zone| self.publisher.release(zone, place))
            .ok_or_else(|| {
                format!("`{place}` of {apex} has no failback any more: the zone was loaded anew meanwhile")
            })?;
        if released > 0 {
            telemetry.record(EventKind::Released {
                zone: apex.to_string(),
                place: place.to_owned(),
            });
        }
        Ok(released)
    }

    /// Frees retired worlds, gives memory back, and counts what is held.
    pub(in crate::daemon) fn sweep(&mut self, telemetry: &Telemetry) {
        let retired = self.publisher.sweep();
        if retired == 0 && std::mem::take(&mut self.is_memory_due) {
            tokio::task::spawn_blocking(give_back_memory);
        }
        let exposition = &telemetry.exposition;
        exposition.set("leeward_worlds_retired", &[], retired as f64);
        let held = held_nodes(self.folds()).len() as f64;
        exposition.set("leeward_failbacks_held", &[], held);
    }

    /// Says whether policy state changed since the last save.
    pub(in crate::daemon) fn is_unsaved(&self) -> bool {
        self.publisher.is_unsaved()
    }

    /// Returns the policy state that must survive a restart, and notes that it is being saved.
    pub(in crate::daemon) fn save(&mut self) -> Vec<SavedZone> {
        self.publisher.mark_saved();
        self.publisher.save()
    }

    /// Returns the policy state that must survive a restart as it will be once failovers are released: zones, each with an
    /// owner or pool. A zone that is gone has none.
    pub(in crate::daemon) fn save_with(&self, released: &[(Name, String)]) -> Vec<SavedZone> {
        let places = released
            .iter()
            .filter_map(|(apex, place)| Some((self.set.at_apex(apex)?, place.as_str())));
        let places: Vec<(usize, &str)> = places.collect();
        self.publisher.save_with(&places)
    }
}

fn tell(published: Option<Published>, telemetry: &Telemetry) {
    if let Some(published) = published {
        telemetry.published(published.generation);
    }
}

/// Returns the time until the next maintenance of a zone begins, and until any begins or ends.
fn ahead(set: &ZoneSet, zone: usize, wall: WallTime) -> (Option<Duration>, Option<Duration>) {
    set.zones
        .get(zone)
        .map_or((None, None), |zone| maintenance_ahead(&zone.model, wall))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::Exposition;
    use crate::config::server_file::ResolverSettings;
    use crate::daemon::load::load_text;

    const ZONE: &str = "zone = \"a.example\"\n[checks.tcp]\ntype = \"tcp\"\nport = 80\n[pools]\n\
        one = { check = \"tcp\", members = [\"192.0.2.1\"] }\ntwo = { check = \"tcp\", members = [\"192.0.2.2\"] }\n\
        [names]\n\"@\".NS = \"ns.example.net.\"\nwww = { failover = [\"one\", \"two\"], failback = \"manual\" }\n";

    fn at(secs: u64) -> (Moment, WallTime) {
        let wall = WallTime::from_millis(1_800_000_000_000 + secs as i64 * 1_000);
        (Moment::from_secs(secs), wall)
    }

    #[test]
    fn a_flip_is_published_named_and_released_without_the_other_owners() {
        let mut telemetry = Telemetry::start(Clock::start(), Arc::new(Exposition::new()));
        let set = Arc::new(load_text(ZONE));
        let mut targets = Targets::default();
        let wanted = set.zones[0].served.zone.policies.targets.iter().cloned();
        targets.reconcile(wanted.clone(), at(0).0);
        let slots = wanted.map(|target| targets.id(&target).expect("it is wanted"));
        let slots: Vec<Vec<TargetId>> = vec![slots.collect()];
        let first = slots[0][0];
        let flattening = Flattening::new(&ResolverSettings::default(), Vec::new());
        let mut publishing = ZonePublisher::new(Vec::new(), flattening);
        let replacement = Replacement {
            set: Arc::clone(&set),
            locations: Arc::new(Locations::unknown()),
            slots,
            targets: &targets,
            switches: &Switches::default(),
            now: at(0).0,
            wall: at(0).1,
        };
        let before = publishing.replace(replacement, &mut telemetry);
        assert!(before.zones.is_empty());
        let name = publishing.name_of(first);
        assert_eq!(name.as_deref(), Some("a.example. one/192.0.2.1 tcp"));
        assert_eq!(publishing.labels_of(first).check, "tcp");

        // A snapshot that a reader holds stays as it is.
        let held = publishing.folds().to_vec();
        let generation = publishing.current().generation();
        publishing.observe(&[(first, Status::Unhealthy)], at(1).0, &telemetry);
        assert_eq!(publishing.current().generation(), generation + 1);
        let status = |folds: &[Option<Arc<Fold>>]| {
            let fold = folds[0].as_ref().expect("it has policies");
            fold.inputs().statuses[0]
        };
        assert_ne!(status(&held), Status::Unhealthy);
        assert_eq!(status(publishing.folds()), Status::Unhealthy);
        assert!(publishing.is_unsaved(), "the active tier outlives a crash");
        assert_eq!(publishing.save().len(), 1);
        assert!(!publishing.is_unsaved());

        publishing.observe(&[(first, Status::Healthy)], at(2).0, &telemetry);
        publishing.tick_views(&targets, at(3), &telemetry);
        assert_eq!(held_nodes(publishing.folds()).len(), 1);
        let apex = set.zones[0].model.apex.clone();
        let released = publishing.release(&apex, "www", &mut telemetry);
        assert_eq!(released, Ok(1));
        assert!(held_nodes(publishing.folds()).is_empty());
        assert!(publishing.release(&apex, "gone", &mut telemetry).is_err());
    }
}
