//! Zones of a test, loaded as the server loads them.

use std::path::Path;
use std::sync::Arc;

use leeward::admin::Consent;
use leeward::clock::Clock;
use leeward::daemon::{Loading, Pace, Serials, ZoneSet, load_zones};
use leeward::geo::Locations;

/// Two regions behind a failover, a weighted name, a name by place, and one pool that stands alone.
pub(crate) const SHOP: &str = r#"
zone = "shop.example"
ttl = "30s"

[checks.web]
type = "http"

[pools.us]
check = "web"
at = "us-east-1"
members = ["192.0.2.1", "192.0.2.2"]

[pools.eu]
check = "web"
at = "eu-west-1"
members = ["198.51.100.1"]

[pools.lone]
check = "web"
site = "attic"
members = ["203.0.113.1", "203.0.113.2"]

[names]
"@".NS = "ns1.example.net."
www = { failover = ["us", "eu"] }
split = { weighted = { us = 75, eu = 25 } }
lone = { to = "lone" }
strict = { to = "lone", all-down = "nodata" }

[names.api.geo]
EU = { failover = ["eu", "us"] }
default = "us"
"#;

/// Loads zones that are given as texts.
pub(crate) fn load(texts: &[(&str, &str)]) -> ZoneSet {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in texts {
        std::fs::write(folder.path().join(name), text).expect("a writable folder");
    }
    load_folder(folder.path())
}

fn load_folder(folder: &Path) -> ZoneSet {
    let set = load_zones(Loading {
        folder,
        links: &[],
        previous: &ZoneSet::default(),
        kept: None,
        pace: Pace::AtOnce,
        consent: Consent::Open,
        serials: &mut Arc::new(Serials::default()),
        locations: &Locations::unknown(),
        are_locations_new: false,
        flattened: &leeward::compile::Flattened::assumed(),
        wall: Clock::start().wall(),
    });
    let set = set.expect("a folder that can be listed");
    let (found, _) = set.findings();
    assert!(set.refusals.is_empty(), "{found:#?}");
    set
}
