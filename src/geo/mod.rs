//! Client address or client subnet to place.
//!
//! In: location databases, the operator's networks, prefixes. Out: a [`Place`], coordinates, and class maps that a
//! query reads with one or two loads. Never here: DNS, files (the caller hands in octets), policies.

mod built_in;
mod cells;
mod class_map;
mod contents;
mod continent;
mod country;
mod database;
mod locations;
mod maxmind;
mod palette;
mod place_code;
mod place_table;
mod place_text;
mod prefix_table;
mod range_text;
mod refine;
mod region;
mod report;
mod runs;
mod subdivision;
mod times_for;

pub use class_map::ClassMap;
pub use contents::{Database, DatabaseFault};
pub use continent::{Continent, Coordinates};
pub use locations::{Finding, Locations, LocationsBuilder, Network, Source};
pub use place_code::Place;
pub use place_table::{KnownPlace, PlaceId};
pub use place_text::PlaceFault;
pub use prefix_table::PrefixTable;
pub use refine::{ClassRuns, ClientAt, refine};
pub use region::{biased, foreign_region_hint, great_circle_km, known_regions, region_point};
pub use report::AddressReport;
pub use times_for::TimesFor;
