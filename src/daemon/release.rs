//! Failovers that are held: a list of them, and their release by an operator.
//!
//! In: a name or pool. Out: rows of the status report; a publication, an event. Never here: who may take over; that is a rule
//! of `health`.

use crate::control::{HeldRow, ReleaseRequest};
use crate::publish::HeldNode;
use crate::rehearse::release_command;
use crate::timeline::EventKind;
use crate::wire::Name;

use super::answers::zone_of;
use super::keeper::Keeper;

/// Places that a refusal names.
const PLACES_MAX: usize = 20;
/// Held failovers that one status report lists.
const HELD_ROWS_MAX: usize = 1_000;

impl Keeper {
    /// Lets the first healthy tiers of a name or pool take over.
    pub(super) fn release(
        &mut self,
        request: &ReleaseRequest,
    ) -> Result<serde_json::Value, String> {
        let (zone, place) = if request.name.starts_with("pool:") {
            (self.zone_of_pool(request)?, request.name.clone())
        } else {
            self.zone_of_name(request)?
        };
        let apex = &self.set.zones[zone].model.apex;
        let released = self.publisher.release(zone, &place).ok_or_else(|| {
            let known = self.failback_places(zone);
            let known = match known.len() {
                0 => "none has one".to_owned(),
                _ => format!("these have: {}", known.join(", ")),
            };
            format!("`{place}` has no failback to release; in zone {apex} {known}")
        })?;
        let told = serde_json::json!({
            "zone": apex.to_string(), "name": place, "released": released,
        });
        if released > 0 {
            let zone = apex.to_string();
            self.record(EventKind::Released { zone, place });
        }
        Ok(told)
    }

    fn zone_of_name(&self, request: &ReleaseRequest) -> Result<(usize, String), String> {
        let read =
            |text: &str| Name::parse_absolute(text).map_err(|fault| format!("`{text}`: {fault}"));
        let name = read(&request.name)?;
        let zone = match &request.zone {
            None => zone_of(&self.set, &name),
            Some(zone) => self.zone_at(&read(zone)?),
        };
        let zone = zone.ok_or_else(|| format!("`{name}` lies in no zone that is served"))?;
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
            (None, _) => Err(format!(
                "no zone that is served has a failback at `{}`",
                request.name
            )),
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
            let tier = failback.tiers.get(usize::from(held.office.tier));
            HeldRow {
                zone: zone.model.apex.to_string(),
                name: failback.place.clone(),
                failover: failback.key.clone(),
                on: tier.map_or_else(String::new, ToString::to_string),
                since: held.office.since.to_string(),
                release: release_command(&zone.model.apex.to_string(), &failback.place),
            }
        };
        (held.map(row).collect(), over)
    }
}
