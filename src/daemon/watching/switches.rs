//! Switches of `manual` checks as operators set them (rule a39): a panel changes in one step or not at all.
//!
//! In: the zones' first values, changes asked for, what was saved. Out: the value of each switch, or why a change is
//! refused. Never here: health, publication, files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::admin::{SwitchRequest, SwitchRow};
use crate::diagnostic::suggest::nearest;
use crate::model::{CheckKind, CheckModel, ZoneModel};

use super::heartbeats::hint;
use crate::daemon::zone_set::{LoadedZone, ZoneSet};

/// A switch: zone in small letters, check, and the switch of a panel; empty for a check that is one switch.
type Key = (String, String, String);

/// What operators set, beside what the files say.
#[derive(Clone, Debug, Default)]
pub(in crate::daemon) struct Switches(BTreeMap<Key, bool>);

/// A switch as it is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::daemon) struct SavedSwitch {
    zone: String,
    check: String,
    #[serde(default)]
    switch: String,
    on: bool,
}

fn zone_text(model: &ZoneModel) -> String {
    model.apex.to_string().to_ascii_lowercase()
}

/// Returns the switches of a check with their first values; the switch of a check that is one has no name.
fn first_values(check: &CheckModel) -> Vec<(&str, bool)> {
    match &check.kind {
        CheckKind::Manual { on } => vec![("", *on)],
        CheckKind::Panel { switches, .. } => switches
            .iter()
            .map(|(name, on)| (name.as_str(), *on))
            .collect(),
        _ => Vec::new(),
    }
}

/// Says why a panel may not stand so, if it may not.
fn fault_of(check: &CheckModel, values: &[(&str, bool)]) -> Option<String> {
    let CheckKind::Panel {
        at_least, at_most, ..
    } = &check.kind
    else {
        return None;
    };
    let on = values.iter().filter(|(_, on)| *on).count();
    (!(*at_least..=*at_most).contains(&on)).then(|| {
        let id = &check.id;
        format!("{on} switches of `{id}` would be on; it allows {at_least} to {at_most}, and nothing is changed")
    })
}

impl Switches {
    /// Takes what an earlier run saved.
    pub(in crate::daemon) fn restore(saved: Vec<SavedSwitch>) -> Self {
        let entries = saved.into_iter();
        Self(
            entries
                .map(|each| ((each.zone, each.check, each.switch), each.on))
                .collect(),
        )
    }

    /// Writes down what operators set.
    pub(in crate::daemon) fn save(&self) -> Vec<SavedSwitch> {
        let entries = self.0.iter();
        entries
            .map(|((zone, check, switch), on)| SavedSwitch {
                zone: zone.clone(),
                check: check.clone(),
                switch: switch.clone(),
                on: *on,
            })
            .collect()
    }

    /// Returns the values of a check's switches. A panel whose bounds the file has changed so that what was set breaks
    /// them stands as the file says.
    fn values<'m>(&self, zone: &str, check: &'m CheckModel) -> Vec<(&'m str, bool)> {
        let now = self.set_values(zone, check);
        match fault_of(check, &now) {
            None => now,
            Some(_) => first_values(check),
        }
    }

    /// Returns the values as they were set, whether the file allows them or not.
    fn set_values<'m>(&self, zone: &str, check: &'m CheckModel) -> Vec<(&'m str, bool)> {
        let set = |name: &str| {
            let key = (zone.to_owned(), check.id.clone(), name.to_owned());
            self.0.get(&key).copied()
        };
        let first = first_values(check).into_iter();
        first
            .map(|(name, on)| (name, set(name).unwrap_or(on)))
            .collect()
    }

    /// Lists the checks whose file overrules what was set: the check with its zone, and why.
    pub(in crate::daemon) fn overruled(&self, set: &ZoneSet) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if self.0.is_empty() {
            return found;
        }
        for zone in &set.zones {
            let text = zone_text(&zone.model);
            for check in &zone.model.checks {
                if let Some(why) = fault_of(check, &self.set_values(&text, check)) {
                    found.push((format!("{text} {}", check.id), why));
                }
            }
        }
        found
    }

    /// Puts the values into the switches of a zone by slot.
    pub(in crate::daemon) fn apply(&self, zone: &LoadedZone, switches: &mut [bool]) {
        if self.0.is_empty() {
            return;
        }
        let text = zone_text(&zone.model);
        let names = zone.served.zone.policies.switch_names.iter();
        for ((check, index), slot) in names.zip(switches) {
            let Some(check) = zone.model.checks.get(*check) else {
                continue;
            };
            if let Some((_, on)) = self.values(&text, check).get(*index) {
                *slot = *on;
            }
        }
    }

    /// Lists every switch of every zone.
    pub(in crate::daemon) fn rows(&self, set: &ZoneSet) -> Vec<SwitchRow> {
        let mut rows = Vec::new();
        for zone in &set.zones {
            let text = zone_text(&zone.model);
            for check in &zone.model.checks {
                let first = first_values(check);
                let values = self.values(&text, check);
                let (at_least, at_most) = match &check.kind {
                    CheckKind::Panel {
                        at_least, at_most, ..
                    } => (*at_least, *at_most),
                    _ => (0, 1),
                };
                rows.extend(values.into_iter().zip(first).map(|((name, on), (_, was))| {
                    SwitchRow {
                        zone: zone.model.apex.to_string(),
                        check: check.id.clone(),
                        switch: name.to_owned(),
                        on,
                        first: was,
                        at_least,
                        at_most,
                        kept: String::new(),
                    }
                }));
            }
        }
        rows
    }

    /// Changes switches of one check in one step. Returns the number of the zone and what is changed, in words.
    pub(in crate::daemon) fn change(
        &mut self,
        set: &ZoneSet,
        request: &SwitchRequest,
    ) -> Result<(usize, String), String> {
        let (number, check) = find(set, request)?;
        let zone = zone_text(&set.zones[number].model);
        let before = self.values(&zone, check);
        let mut after = before.clone();
        for (name, on) in wanted(&request.set)? {
            let known = after.iter_mut().find(|(known, _)| *known == name);
            let Some((_, value)) = known else {
                let names: Vec<&str> = before.iter().map(|(name, _)| *name).collect();
                return Err(match names.as_slice() {
                    [""] => format!("`{}` is one switch: set it to on or off", check.id),
                    names => {
                        let near = nearest(name, names.iter().copied());
                        let near = near
                            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                        format!(
                            "`{}` has no switch `{name}`, but {}{near}",
                            check.id,
                            names.join(", ")
                        )
                    }
                });
            };
            *value = on;
        }
        if let Some(fault) = fault_of(check, &after) {
            return Err(fault);
        }
        let mut words = Vec::new();
        for ((name, was), (_, is)) in before.iter().zip(&after) {
            let key = (zone.clone(), check.id.clone(), (*name).to_owned());
            self.0.insert(key, *is);
            if was != is {
                let slash = if name.is_empty() { "" } else { "/" };
                let state = if *is { "on" } else { "off" };
                words.push(format!("{}{slash}{name} {state}", check.id));
            }
        }
        Ok((number, words.join(", ")))
    }
}

/// Finds the check that a request is about.
fn find<'s>(set: &'s ZoneSet, request: &SwitchRequest) -> Result<(usize, &'s CheckModel), String> {
    let mut found = None;
    for (number, zone) in set.zones.iter().enumerate() {
        let apex = zone_text(&zone.model);
        let is_zone = |text: &str| {
            apex.trim_end_matches('.') == text.to_ascii_lowercase().trim_end_matches('.')
        };
        if !request.zone.as_deref().is_none_or(is_zone) {
            continue;
        }
        let checks = zone.model.checks.iter();
        for check in checks.filter(|check| check.id == request.check) {
            if first_values(check).is_empty() {
                return Err(format!("`{}` is no check of type manual", check.id));
            }
            if found.replace((number, check)).is_some() {
                return Err(format!(
                    "several zones have a check `{}`: name the zone",
                    check.id
                ));
            }
        }
    }
    found.ok_or_else(|| unknown(set, request))
}

/// Says that there is no such check, and which one may be meant.
fn unknown(set: &ZoneSet, request: &SwitchRequest) -> String {
    let check = &request.check;
    let having = |zone: &&LoadedZone| {
        let mut checks = zone.model.checks.iter();
        checks.any(|known| known.id == *check && !first_values(known).is_empty())
    };
    let zones = set.zones.iter().map(|zone| &**zone);
    if let Some(written) = &request.zone {
        let apexes: Vec<String> = zones
            .clone()
            .filter(having)
            .map(|zone| zone_text(&zone.model))
            .collect();
        if !apexes.is_empty() {
            let apexes = apexes.iter().map(String::as_str);
            let hint = hint(written, apexes, "zones that have it");
            return format!(
                "no zone that is served is `{written}` and has a check `{check}`{hint}"
            );
        }
    }
    let checks = zones.flat_map(|zone| &zone.model.checks);
    let manual = checks.filter(|known| !first_values(known).is_empty());
    let hint = hint(check, manual.map(|known| known.id.as_str()), "there are");
    format!("no zone that is served has a check `{check}`{hint}")
}

/// Reads `on`, `off`, or `blue:on,green:off`.
fn wanted(text: &str) -> Result<Vec<(&str, bool)>, String> {
    let items = text.split(',').map(str::trim);
    items
        .map(|item| {
            let (name, word) = item.rsplit_once(':').unwrap_or(("", item));
            match word.trim().to_ascii_lowercase().as_str() {
                "on" => Ok((name.trim(), true)),
                "off" => Ok((name.trim(), false)),
                _ => Err(format!(
                    "`{item}` is neither on nor off: write for example blue:on,green:off"
                )),
            }
        })
        .collect()
}
