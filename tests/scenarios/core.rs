//! The core of the server in virtual time: zone texts to served zones, observations to published worlds.
//!
//! In: zone texts, observations, the time. Out: worlds and transitions. Never here: what a story or a storm demands.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use leeward::answer::World;
use leeward::clock::{Moment, WallTime};
use leeward::config::Files;
use leeward::geo::Locations;
use leeward::health::{
    Finding, Observation, Outcome, Phase, Phases, TargetId, Targets, Transition,
};
use leeward::model::ZoneModel;
use leeward::model::maintenance_ahead;
use leeward::publish::{Publisher, Tick, ZoneInputs};
use leeward::simulate::{Suppose, apply_references};
use leeward::view::{Fold, Inputs};
use leeward::zone::{Hold, Policies, ServedZone, Snapshot};

use crate::zones::{read_beside, serve};

/// The files that stand beside a zone: their texts by name.
pub(crate) type Beside = BTreeMap<String, String>;

struct Folder<'b>(&'b Beside);

impl Files for Folder<'_> {
    fn read(&self, relative: &Path) -> Result<String, String> {
        let text = relative.to_str().and_then(|name| self.0.get(name));
        text.cloned().ok_or_else(|| "no such file".to_owned())
    }
}

/// Reads a zone text.
///
/// # Errors
/// The diagnostics as text.
pub(crate) fn read(text: &str, beside: &Beside) -> Result<ZoneModel, String> {
    read_beside(text, &Folder(beside))
}

/// What a target does when it is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// It passes.
    Good,
    /// It refuses.
    Bad,
    /// It lets the probe wait until time is up.
    Timeout,
    /// The probe cannot be made.
    NoEvidence,
}

/// What an operator holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operator {
    /// References with what is supposed of them, in the order they were given.
    pub(crate) holds: Vec<(String, Suppose)>,
    /// Switches by check id and name in its panel (empty for a single switch).
    pub(crate) switches: Vec<(String, String, bool)>,
}

/// Zones, targets and the publisher, at one moment.
pub(crate) struct Core {
    pub(crate) models: Vec<ZoneModel>,
    pub(crate) targets: Targets,
    pub(crate) publisher: Publisher,
    pub(crate) operator: Operator,
    pub(crate) now: Moment,
    pub(crate) wall: WallTime,
    locations: Arc<Locations>,
}

impl Core {
    /// Starts with checked zones.
    pub(crate) fn new(models: Vec<ZoneModel>, locations: Locations, wall: WallTime) -> Self {
        let locations = Arc::new(locations);
        let mut core = Self {
            models: Vec::new(),
            targets: Targets::default(),
            publisher: Publisher::new(Snapshot::new(Vec::new(), Arc::clone(&locations))),
            operator: Operator::default(),
            now: Moment::from_secs(1_000),
            wall,
            locations,
        };
        core.publisher.at(core.now, core.wall);
        core.load(models);
        core
    }

    /// Replaces the zones as a reload does: targets that are the same keep their state.
    pub(crate) fn load(&mut self, models: Vec<ZoneModel>) {
        let served = models.iter().map(|model| serve(model, &self.locations));
        let served: Vec<ServedZone> = served.collect();
        let wanted: Vec<_> = served
            .iter()
            .flat_map(|served| served.zone.policies.targets.iter().cloned())
            .collect();
        self.targets.reconcile(wanted.into_iter(), self.now);
        self.models = models;
        let inputs = served
            .iter()
            .enumerate()
            .map(|(number, served)| {
                let policies = &served.zone.policies;
                let ids = policies.targets.iter();
                let ids = ids.map(|target| self.targets.id(target).expect("just reconciled"));
                let (switches, holds) = self.held(number, policies);
                ZoneInputs {
                    targets: ids.collect(),
                    switches,
                    holds,
                    leases: None,
                }
            })
            .collect();
        let snapshot = Snapshot::new(served, Arc::clone(&self.locations));
        let targets = &self.targets;
        self.publisher
            .replace(snapshot, inputs, |target| targets.status(target));
    }

    /// Switches and holds of a zone: the file's, the maintenance under way, the operator's.
    fn held(&self, zone: usize, policies: &Policies) -> (Vec<bool>, Vec<Hold>) {
        let model = &self.models[zone];
        let mut inputs = Inputs::uniform(policies, leeward::health::Status::Unknown);
        for work in &model.maintenance {
            if work.from <= self.wall && self.wall < work.until {
                for (list, suppose) in [
                    (&work.drain, Suppose::Drained),
                    (&work.down, Suppose::HeldDown),
                ] {
                    let references = list.iter().map(|(reference, _)| reference.as_str());
                    let faults =
                        apply_references(model, policies, references, suppose, &mut inputs);
                    assert!(faults.is_empty(), "maintenance: {faults:?}");
                }
            }
        }
        for (reference, suppose) in &self.operator.holds {
            let faults =
                apply_references(model, policies, [reference.as_str()], *suppose, &mut inputs);
            assert!(faults.is_empty(), "operator: {faults:?}");
        }
        for (slot, (check, index)) in policies.switch_names.iter().enumerate() {
            let check = &model.checks[*check];
            let name = switch_name(check, *index);
            for (id, switch, on) in &self.operator.switches {
                if *id == check.id && *switch == name {
                    inputs.switches[slot] = *on;
                }
            }
        }
        (inputs.switches, inputs.holds)
    }

    /// Publishes what is held now.
    pub(crate) fn follow_holds(&mut self) {
        let snapshot = Arc::clone(self.publisher.snapshot());
        for (number, served) in snapshot.zones.iter().enumerate() {
            let (switches, holds) = self.held(number, &served.zone.policies);
            self.publisher.hold(number, switches, holds);
        }
    }

    /// Takes one probe's end in, and publishes what follows.
    pub(crate) fn observe(&mut self, id: TargetId, conduct: Conduct) -> Option<Transition> {
        let finding = match conduct {
            Conduct::Good => Finding::Passed { status: 200 },
            Conduct::Bad => Finding::Refused,
            Conduct::Timeout => Finding::TimedOut {
                phase: Phase::Connect,
                after: Duration::from_secs(3),
            },
            Conduct::NoEvidence => Finding::OutOfDescriptors,
        };
        let observation = Observation::new(finding.into(), Phases::default(), self.now);
        let wanted = match conduct {
            Conduct::Good => Outcome::Good,
            Conduct::Bad | Conduct::Timeout => Outcome::Bad,
            Conduct::NoEvidence => Outcome::NoEvidence,
        };
        assert_eq!(observation.outcome, wanted);
        let transition = self.targets.observe(id, observation, self.now)?;
        self.publisher.observe(&[(id, transition.to)]);
        Some(transition)
    }

    /// Lets time pass for all targets, and publishes what follows.
    pub(crate) fn tick(&mut self) -> Vec<(TargetId, Transition)> {
        let transitions = self.targets.tick(self.now);
        let changes: Vec<_> = transitions
            .iter()
            .map(|(id, transition)| (*id, transition.to))
            .collect();
        self.publisher.observe(&changes);
        let (models, wall) = (&self.models, self.wall);
        self.publisher.tick(&Tick {
            now: self.now,
            wall,
            targets: &self.targets,
            maintenance: &|zone| maintenance_ahead(&models[zone], wall),
        });
        self.publisher.sweep();
        transitions
    }

    /// Moves both clocks on.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.wall = self.wall.after(time);
        self.publisher.at(self.now, self.wall);
    }

    /// Returns the current world.
    pub(crate) fn world(&self) -> Arc<World> {
        self.publisher.current().load()
    }

    /// Says whether the published views equal views folded anew from the same inputs and from the targets' statuses.
    pub(crate) fn assert_folded(&self) {
        let world = self.world();
        for (number, served) in world.snapshot.zones.iter().enumerate() {
            let Some(fold) = self.publisher.fold(number) else {
                continue;
            };
            let policies = &served.zone.policies;
            let known: Vec<_> = policies
                .targets
                .iter()
                .map(|target| {
                    let id = self.targets.id(target).expect("a served target is kept");
                    self.targets.status(id)
                })
                .collect();
            assert_eq!(fold.inputs().statuses, known, "statuses of zone {number}");
            let anew = Fold::new(policies, fold.inputs().clone()).view();
            assert_eq!(
                world.view.zones[number].layers, anew.layers,
                "bits of zone {number}"
            );
            let anew = fold.refolded(policies).view();
            assert_eq!(*world.view.zones[number], anew, "view of zone {number}");
        }
    }
}

/// Names a switch within its check: empty for a single one.
fn switch_name(check: &leeward::model::CheckModel, index: usize) -> String {
    use leeward::model::CheckKind;
    match &check.kind {
        CheckKind::Panel { switches, .. } => switches[index].0.clone(),
        _ => String::new(),
    }
}
