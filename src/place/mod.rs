//! Client address or client subnet to place.
//!
//! In: location databases, the operator's networks, prefixes. Out: a [`Place`], coordinates, and class maps that a
//! query reads with one or two loads. Never here: DNS, files (the caller hands in octets), policies.

mod class_map;
mod country;
mod place_code;
mod place_text;
mod prefix_table;
mod region;
mod runs;
mod subdivision;

pub use class_map::ClassMap;
pub use place_code::{Continent, Coordinates, Place};
pub use place_text::PlaceFault;
pub use prefix_table::PrefixTable;
pub use region::{biased, foreign_region_hint, great_circle_km, known_regions, region_point};
