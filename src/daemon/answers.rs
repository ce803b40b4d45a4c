//! Answers to what control asks, from the keeper's state.
//!
//! In: requests. Out: explanations as data; reports of the whole state are chores. Never here: changes of state.

use std::cell::RefCell;

use serde_json::{Value, json};

use crate::control::{Ask, ExplainRequest};
use crate::place::{AddressReport, Place};
use crate::rehearse::{
    Client, Question, Stage, Suppose, apply_references, explain_across, explanation_json,
};
use crate::view::{Fold, Inputs};
use crate::wire::{Name, Rtype};

use super::keeper::Keeper;
use super::zone_set::ZoneSet;

impl Keeper {
    pub(super) fn answer(&mut self, ask: Ask) {
        // An asker that went away needs no answer.
        match ask {
            Ask::Status(answer) => self.chores.report_to(answer),
            Ask::Explain(request, answer) => drop(answer.send(self.explain(&request))),
            Ask::Simulate(request, answer) => self.simulate(*request, answer),
            Ask::Timeline(wanted, answer) => {
                drop(answer.send(json!(self.telemetry.timeline.newest(&wanted))))
            }
            Ask::Geo(address, answer) => {
                let report = AddressReport::of(&self.loading.locations, address);
                drop(answer.send(json!(report)));
            }
            Ask::Queries(answer) => drop(answer.send(self.telemetry.observed())),
            Ask::Switches(answer) => drop(answer.send(self.switch_rows())),
            Ask::Reload(_, answer) => drop(answer.send(Value::Null)),
            // These change the state, and are taken before.
            Ask::Switch(..) | Ask::Release(..) | Ask::Heartbeat(..) => {}
        }
    }

    pub(super) fn evidence(&self, zone: usize, slot: u32) -> Option<String> {
        let row = self
            .watching
            .targets
            .row(*self.ids.get(zone)?.get(slot as usize)?)?;
        Some(row.state.last_evidence.to_string())
    }

    fn explain(&self, request: &ExplainRequest) -> Result<Value, String> {
        let name = Name::parse_absolute(&request.name)
            .map_err(|fault| format!("`{}`: {fault}", request.name))?;
        let rtype = request.rtype.as_deref().unwrap_or("A");
        let rtype = Rtype::parse(rtype).ok_or_else(|| format!("`{rtype}` is no record type"))?;
        let client = parse_client(request.from.as_deref(), request.subnet.as_deref())?;
        let first = zone_of(&self.set, &name)
            .ok_or_else(|| format!("{name} lies in no zone that is served (REFUSED)"))?;
        let fault = RefCell::new(String::new());
        let on_stage = |name: &Name, then: &mut dyn FnMut(&Stage<'_>)| {
            let Some(number) = zone_of(&self.set, name) else {
                return;
            };
            // In zones that an alias leads to, a reference may mean nothing.
            match self.inputs_under(number, request) {
                (_, Some(found)) if number == first => *fault.borrow_mut() = found,
                (inputs, _) => self.show_stage(number, &inputs, then),
            }
        };
        let flattened = self.flattened_words(first, &name);
        let mut explanation = explain_across(&on_stage, &Question { name, rtype }, client)
            .ok_or_else(|| fault.borrow().clone())?;
        explanation.flattened = flattened;
        let mut value = explanation_json(&explanation);
        let mut text = crate::rehearse::explanation_text(&explanation);
        if let Some(doubt) = self.watching.doubt_row(self.clock.now(), self.clock.wall()) {
            text.push_str(&format!(
                "\nThis server doubts itself since {}, so every status is {}: {}.\n",
                doubt.since,
                doubt.held(),
                doubt.why
            ));
            value["self_doubt"] = json!(doubt);
        }
        value["text"] = Value::String(text);
        Ok(value)
    }
}

impl Keeper {
    /// Returns the inputs of a zone under what a request supposes, and the first reference that means nothing there.
    fn inputs_under(&self, number: usize, request: &ExplainRequest) -> (Inputs, Option<String>) {
        let zone = &self.set.zones[number];
        let policies = &zone.served.zone.policies;
        let mut inputs = self.inputs_of_zone(number);
        let mut fault = None;
        for (list, suppose) in [(&request.down, Suppose::Down), (&request.up, Suppose::Up)] {
            let references = list
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty());
            let faults = apply_references(&zone.model, policies, references, suppose, &mut inputs);
            fault = fault.or_else(|| faults.first().map(ToString::to_string));
        }
        (inputs, fault)
    }

    fn show_stage(&self, number: usize, inputs: &Inputs, then: &mut dyn FnMut(&Stage<'_>)) {
        let zone = &self.set.zones[number];
        let policies = &zone.served.zone.policies;
        let view = self.publisher.fold(number).map_or_else(
            || Fold::new(policies, inputs.clone()).view(),
            |fold| fold.supposing(policies, inputs).view(),
        );
        then(&Stage {
            served: &zone.served,
            view: &view,
            inputs,
            locations: &self.loading.locations,
            evidence: &|slot| self.evidence(number, slot),
        });
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

/// Reads where a question comes from.
fn parse_client(from: Option<&str>, subnet: Option<&str>) -> Result<Client, String> {
    if let Some(subnet) = subnet {
        let prefix = subnet.parse().map(Client::Subnet);
        return prefix.map_err(|_| format!("`{subnet}` is no prefix: write ADDRESS/LENGTH"));
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
