//! Start of a simulation: a zone, its health as it is or as it is supposed, and suppositions on top.
//!
//! In: references as operators write them. Out: inputs for a view. Never here: deciding, or changing what is served.

use crate::geo::Locations;
use crate::model::ZoneModel;
use crate::view::{Fold, Inputs, ZoneView};
use crate::zone::ServedZone;

use super::explanation::ZoneState;
use super::reference::{ReferenceFault, Suppose, apply_references};

/// A zone with the inputs of its view.
#[derive(Clone, Debug)]
pub struct SimulatedZone<'a> {
    /// Model of its file, for references.
    pub model: &'a ZoneModel,
    /// Zone and location maps.
    pub served: &'a ServedZone,
    /// Statuses, switches and holds.
    pub inputs: Inputs,
}

impl SimulatedZone<'_> {
    /// Folds the inputs.
    pub fn view(&self) -> ZoneView {
        Fold::new(&self.served.zone.policies, self.inputs.clone()).view()
    }

    /// Makes the state that an explanation reads.
    pub(super) fn zone_state<'s>(
        &'s self,
        view: &'s ZoneView,
        locations: &'s Locations,
    ) -> ZoneState<'s> {
        ZoneState {
            served: self.served,
            view,
            inputs: &self.inputs,
            locations,
            evidence: &|_| None,
        }
    }
}

/// Suppositions, in the order in which they are written; what should be up is applied last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suppositions {
    /// Drained by an operator.
    pub drain: Vec<String>,
    /// Probes fail.
    pub down: Vec<String>,
    /// Probes pass, and no operator holds it.
    pub up: Vec<String>,
}

impl Suppositions {
    /// Returns whether there are no suppositions.
    pub fn is_empty(&self) -> bool {
        self.drain.is_empty() && self.down.is_empty() && self.up.is_empty()
    }

    /// Writes them as the flags that make them.
    pub fn shown(&self) -> String {
        let lists = [
            ("drain", &self.drain),
            ("down", &self.down),
            ("up", &self.up),
        ];
        let flags = lists.iter().flat_map(|(flag, list)| {
            list.iter()
                .map(move |reference| format!("--{flag} {reference}"))
        });
        flags.collect::<Vec<_>>().join(" ")
    }

    /// Applies them to every zone that they name something in.
    ///
    /// # Errors
    /// If a reference matches nothing in any zone.
    pub fn apply(&self, premises: &mut [SimulatedZone<'_>]) -> Result<(), ReferenceFault> {
        let lists = [
            (&self.drain, Suppose::Drained),
            (&self.down, Suppose::Down),
            (&self.up, Suppose::Up),
        ];
        for (list, suppose) in lists {
            for reference in list {
                apply_somewhere(premises, reference, suppose)?;
            }
        }
        Ok(())
    }
}

fn apply_somewhere(
    premises: &mut [SimulatedZone<'_>],
    reference: &str,
    suppose: Suppose,
) -> Result<(), ReferenceFault> {
    let mut first = None;
    let mut is_known = false;
    for simulated in premises.iter_mut() {
        let policies = &simulated.served.zone.policies;
        let faults = apply_references(
            simulated.model,
            policies,
            [reference],
            suppose,
            &mut simulated.inputs,
        );
        match faults.into_iter().next() {
            None => is_known = true,
            Some(fault) => first = first.or(Some(fault)),
        }
    }
    match first {
        Some(fault) if !is_known => Err(fault),
        None if premises.is_empty() => Err(ReferenceFault::NoMatch(reference.to_owned())),
        _ => Ok(()),
    }
}
