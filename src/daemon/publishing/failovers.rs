//! Failovers that an operator asks to release.
//!
//! In: a name or pool, the zones in place. Out: the zone and the place of its failback, or why there is none. Never here: which
//! tier may take over; that is a rule of `health`.

use crate::admin::ReleaseRequest;
use crate::diagnostic::suggest::nearest;
use crate::wire::Name;

use crate::daemon::watching::hint;
use crate::daemon::zone_set::ZoneSet;

/// Places that a refusal names.
const PLACES_MAX: usize = 20;

/// Finds the zone and the owner or pool that a request is about.
pub(in crate::daemon) fn place_to_release(
    set: &ZoneSet,
    request: &ReleaseRequest,
) -> Result<(usize, String), String> {
    let (zone, place) = if request.name.starts_with("pool:") {
        (zone_of_pool(set, request)?, request.name.clone())
    } else {
        zone_of_name(set, request)?
    };
    let failbacks = &set.zones[zone].served.zone.policies.failbacks;
    if failbacks.iter().any(|failback| failback.place == place) {
        return Ok((zone, place));
    }
    let apex = &set.zones[zone].model.apex;
    let places = failbacks.iter().map(|failback| failback.place.as_str());
    let nearest = nearest(&place, places);
    let nearest = nearest.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    let known = failback_places(set, zone);
    let known = match known.len() {
        0 => "none has one".to_owned(),
        _ => format!("these have: {}", known.join(", ")),
    };
    Err(format!(
        "`{place}` has no failback to release{nearest}; in zone {apex} {known}"
    ))
}

fn zone_of_name(set: &ZoneSet, request: &ReleaseRequest) -> Result<(usize, String), String> {
    let read =
        |text: &str| Name::parse_absolute(text).map_err(|fault| format!("`{text}`: {fault}"));
    let name = read(&request.name)?;
    let zone = match &request.zone {
        None => set.holding(&name),
        Some(zone) => set.at_apex(&read(zone)?),
    };
    let zone = zone.ok_or_else(|| {
        let zones = set.zones.iter().map(|zone| zone.model.apex.to_string());
        let zones: Vec<String> = zones.collect();
        let written = request.zone.as_deref().unwrap_or(&request.name);
        let zones = zones.iter().map(String::as_str);
        format!(
            "`{name}` lies in no zone that is served{}",
            hint(written, zones, "zones")
        )
    })?;
    let apex = &set.zones[zone].model.apex;
    if name.is_at_or_below(apex) {
        Ok((zone, name.to_relative(apex)))
    } else {
        Err(format!("`{name}` does not lie in zone {apex}"))
    }
}

fn zone_of_pool(set: &ZoneSet, request: &ReleaseRequest) -> Result<usize, String> {
    if let Some(zone) = &request.zone {
        let apex = Name::parse_absolute(zone).map_err(|fault| format!("`{zone}`: {fault}"))?;
        return set
            .at_apex(&apex)
            .ok_or_else(|| format!("no zone `{apex}` is served"));
    }
    let mut holding = (0..set.zones.len()).filter(|&zone| {
        let failbacks = &set.zones[zone].served.zone.policies.failbacks;
        failbacks
            .iter()
            .any(|failback| failback.place == request.name)
    });
    match (holding.next(), holding.next()) {
        (Some(zone), None) => Ok(zone),
        (None, _) => {
            let zones = set.zones.iter();
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

fn failback_places(set: &ZoneSet, zone: usize) -> Vec<String> {
    let failbacks = &set.zones[zone].served.zone.policies.failbacks;
    let mut places: Vec<String> = failbacks
        .iter()
        .map(|failback| format!("`{}`", failback.place))
        .collect();
    places.sort_unstable();
    places.dedup();
    places.truncate(PLACES_MAX);
    places
}
