//! The parent zone: `example.`, which delegates Leeward's zones to Leeward.
//!
//! In: the apexes of the zones that are served, and the address of their server. Out: the parent zone as a published
//! world, for an engine of its own. Never here: sockets. Leeward serves it, since hickory's own zones give referrals
//! without glue.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use crate::compile::compile_zone;
use crate::config::{Files, read_zone};
use crate::diagnostic::{Source, render_text};
use crate::geo::Locations;
use crate::health::{Status, TargetId};
use crate::publish::{Current, Publisher, ZoneInputs};
use crate::wire::Name;
use crate::zone::{ServedZone, Snapshot};

/// Apex of the parent zone.
pub(super) const PARENT_ZONE: &str = "example";

/// The zone names no other files.
struct NoFiles;

impl Files for NoFiles {
    fn read(&self, relative: &Path) -> Result<String, String> {
        Err(format!("{} is not there", relative.display()))
    }
}

/// Writes the zone file of the parent: a delegation with glue for each apex below it. Name servers are called `ns1`
/// below the apex, as in the zone that ships.
fn zone_text(apexes: &[Name], server: IpAddr) -> String {
    let rtype = if server.is_ipv4() { "A" } else { "AAAA" };
    let mut text = format!(
        "# Delegations of a real parent last a day or two; these are learned anew every minute.\n\
         zone = \"{PARENT_ZONE}\"\nttl = \"1m\"\n\n[names]\n\"@\".NS = \"ns1\"\nns1.{rtype} = \"{server}\"\n"
    );
    let parent = Name::parse_absolute(PARENT_ZONE).ok();
    for apex in apexes {
        let below = parent.as_ref().map(|parent| apex.to_relative(parent));
        // A name that does not lie below stays absolute, and the parent itself is `@`.
        let Some(below) = below.filter(|below| !below.ends_with('.') && below != "@") else {
            continue;
        };
        text.push_str(&format!(
            "\"{below}\".NS = \"ns1.{below}\"\n\"ns1.{below}\".{rtype} = \"{server}\"\n"
        ));
    }
    text
}

/// Publishes the parent zone.
///
/// # Errors
/// The faults of the zone, as `leeward validate` writes them.
pub(super) fn publish_parent(apexes: &[Name], server: IpAddr) -> Result<Arc<Current>, String> {
    publish_text(zone_text(apexes, server)).map(|publisher| publisher.current())
}

/// Publishes one zone, with every target healthy.
///
/// # Errors
/// The faults of the zone, as `leeward validate` writes them.
pub(super) fn publish_text(text: String) -> Result<Publisher, String> {
    let source = Source {
        path: "parent.toml".into(),
        text,
    };
    let (model, found) = read_zone(&source, &NoFiles);
    let model = model.ok_or_else(|| render_text(&found, std::slice::from_ref(&source), false))?;
    let zone = compile_zone(&model, 1).map_err(|fault| fault.to_string())?;
    let policies = &zone.policies;
    let inputs = ZoneInputs {
        targets: (0..policies.targets.len() as u32).map(TargetId).collect(),
        switches: policies.switches.to_vec(),
        holds: policies.holds.to_vec(),
        leases: None,
    };
    let locations = Arc::new(Locations::unknown());
    let served = ServedZone::new(zone, &locations);
    let empty = Snapshot::new(Vec::new(), Arc::clone(&locations));
    let mut publisher = Publisher::new(empty);
    let snapshot = Snapshot::new(vec![served], locations);
    publisher.replace(snapshot, vec![inputs], |_| Status::Healthy);
    Ok(publisher)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delegates_every_zone_below_the_parent_and_no_other() {
        let names = ["lab.example", "a.shop.example", "example", "example.org"];
        let apexes = names.map(|name| Name::parse_absolute(name).expect("a name"));
        let server = IpAddr::from([127, 0, 0, 1]);
        let text = zone_text(&apexes, server);
        let delegations: Vec<&str> = text.lines().skip(7).collect();
        assert_eq!(
            delegations,
            [
                "\"lab\".NS = \"ns1.lab\"",
                "\"ns1.lab\".A = \"127.0.0.1\"",
                "\"a.shop\".NS = \"ns1.a.shop\"",
                "\"ns1.a.shop\".A = \"127.0.0.1\"",
            ],
            "{text}"
        );
        let current = publish_parent(&apexes, server).expect("no faults");
        assert_eq!(current.load().snapshot.zones.len(), 1);
    }
}
