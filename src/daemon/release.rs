//! Failovers that are held: a list of them, and their release by an operator.
//!
//! In: a name or pool. Out: rows of the status report; a publication, an event. Never here: who may take over; that is a rule
//! of `health`.

use crate::admin::{HeldRow, ReleaseRequest};
use crate::diagnostic::suggest::nearest;
use crate::publish::HeldNode;
use crate::simulate::release_command;
use crate::timeline::EventKind;
use crate::wire::Name;

use super::answers::zone_of;
use super::heartbeats::hint;
use super::keeper::Keeper;

/// Places that a refusal names.
const PLACES_MAX: usize = 20;
/// Held failovers that one status report lists.
const HELD_ROWS_MAX: usize = 1_000;

impl Keeper {
    /// Finds the zone and the owner or pool that a request is about.
    pub(super) fn place_to_release(
        &self,
        request: &ReleaseRequest,
    ) -> Result<(usize, String), String> {
        let (zone, place) = if request.name.starts_with("pool:") {
            (self.zone_of_pool(request)?, request.name.clone())
        } else {
            self.zone_of_name(request)?
        };
        let failbacks = &self.set.zones[zone].served.zone.policies.failbacks;
        if failbacks.iter().any(|failback| failback.place == place) {
            return Ok((zone, place));
        }
        let apex = &self.set.zones[zone].model.apex;
        let places = failbacks.iter().map(|failback| failback.place.as_str());
        let nearest = nearest(&place, places);
        let nearest = nearest.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let known = self.failback_places(zone);
        let known = match known.len() {
            0 => "none has one".to_owned(),
            _ => format!("these have: {}", known.join(", ")),
        };
        Err(format!(
            "`{place}` has no failback to release{nearest}; in zone {apex} {known}"
        ))
    }

    /// Lets the first healthy tiers of a name or pool take over; says how many failovers changed.
    pub(super) fn release(&mut self, apex: &Name, place: &str) -> Result<usize, String> {
        let zone = self.zone_at(apex);
        let released = zone
            .and_then(|zone| self.publisher.release(zone, place))
            .ok_or_else(|| {
                format!("`{place}` of {apex} has no failback any more: the zone was loaded anew meanwhile")
            })?;
        if released > 0 {
            self.telemetry.record(EventKind::Released {
                zone: apex.to_string(),
                place: place.to_owned(),
            });
        }
        Ok(released)
    }

    fn zone_of_name(&self, request: &ReleaseRequest) -> Result<(usize, String), String> {
        let read =
            |text: &str| Name::parse_absolute(text).map_err(|fault| format!("`{text}`: {fault}"));
        let name = read(&request.name)?;
        let zone = match &request.zone {
            None => zone_of(&self.set, &name),
            Some(zone) => self.zone_at(&read(zone)?),
        };
        let zone = zone.ok_or_else(|| {
            let zones = self
                .set
                .zones
                .iter()
                .map(|zone| zone.model.apex.to_string());
            let zones: Vec<String> = zones.collect();
            let written = request.zone.as_deref().unwrap_or(&request.name);
            let zones = zones.iter().map(String::as_str);
            format!(
                "`{name}` lies in no zone that is served{}",
                hint(written, zones, "zones")
            )
        })?;
        let apex = &self.set.zones[zone].model.apex;
        if name.is_at_or_below(apex) {
            Ok((zone, name.to_relative(apex)))
        } else {
            Err(format!("`{name}` does not lie in zone {apex}"))
        }
    }

    fn zone_of_pool(&self, request: &ReleaseRequest) -> Result<usize, String> {
        if let Some(zone) = &request.zone {
            let apex = Name::parse_absolute(zone).map_err(|fault| format!("`{zone}`: {fault}"))?;
            return self
                .zone_at(&apex)
                .ok_or_else(|| format!("no zone `{apex}` is served"));
        }
        let mut holding = (0..self.set.zones.len()).filter(|&zone| {
            let failbacks = &self.set.zones[zone].served.zone.policies.failbacks;
            failbacks
                .iter()
                .any(|failback| failback.place == request.name)
        });
        match (holding.next(), holding.next()) {
            (Some(zone), None) => Ok(zone),
            (None, _) => {
                let zones = self.set.zones.iter();
                let failbacks = zones.flat_map(|zone| &zone.served.zone.policies.failbacks);
                let places = failbacks.map(|failback| failback.place.as_str());
                let pools = places.filter(|place| place.starts_with("pool:"));
                Err(format!(
                    "no zone that is served has a failback at `{}`{}",
                    request.name,
                    hint(&request.name, pools, "pools that have one")
                ))
            }
            (Some(_), Some(_)) => Err(format!(
                "several zones have a failback at `{}`: name the zone",
                request.name
            )),
        }
    }

    fn zone_at(&self, apex: &Name) -> Option<usize> {
        let mut zones = self.set.zones.iter();
        zones.position(|zone| zone.model.apex == *apex)
    }

    fn failback_places(&self, zone: usize) -> Vec<String> {
        let failbacks = &self.set.zones[zone].served.zone.policies.failbacks;
        let mut places: Vec<String> = failbacks
            .iter()
            .map(|failback| format!("`{}`", failback.place))
            .collect();
        places.sort_unstable();
        places.dedup();
        places.truncate(PLACES_MAX);
        places
    }

    /// Lists the failovers that are held, for the status report; and counts those that are not listed.
    pub(super) fn held_rows(&self) -> (Vec<HeldRow>, usize) {
        let held = self.publisher.held();
        let over = held.len().saturating_sub(HELD_ROWS_MAX);
        let held = held.into_iter().take(HELD_ROWS_MAX);
        let row = |held: HeldNode| {
            let zone = &self.set.zones[held.zone];
            let failback = &zone.served.zone.policies.failbacks[held.failback as usize];
            let tier = failback.tiers.get(usize::from(held.active.tier));
            HeldRow {
                zone: zone.model.apex.to_string(),
                name: failback.place.clone(),
                failover: failback.key.clone(),
                on: tier.map_or_else(String::new, ToString::to_string),
                since: held.active.since.to_string(),
                release: release_command(&zone.model.apex.to_string(), &failback.place),
            }
        };
        (held.map(row).collect(), over)
    }
}
