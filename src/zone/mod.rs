//! Zones, the owner-name table, RRsets, policies as flat programs, and the snapshot that holds them.
//!
//! In: builders' calls with names, types and RDATA. Out: immutable arenas that a query reads. Never here: sockets,
//! clocks, text formats.

mod arena;
mod build;
mod client_location;
mod find;
mod latency;
mod layout;
mod location;
mod location_map;
mod owner_table;
mod piece;
mod policy;
mod record_log;
mod snapshot;
mod soa;

pub use arena::{
    ANY_TYPE, Entry, FLAG_CUT, FLAG_DNAME, FLAG_DYNAMIC, FLAG_EMPTY, FLAG_OCCLUDED,
    FLAG_WILDCARD_CHILD, Zone,
};

pub use build::{ZoneBuilder, build_zone};
pub use client_location::{CHILDREN_MAX, ClientLocation};
pub use find::{Aim, Found};
pub use latency::{LatencyTable, RoundTrip};
pub use location::{LocationRows, ReadyRule};
pub use location_map::{LocationMap, build_maps};
pub use owner_table::{ALIKE_MAX, OwnerTable, TableFault};
pub use piece::NodeAt;
pub use piece::{
    ADDITIONAL_MAX, Host, HostSpec, OWNER_QUESTION, POSITION_OWNER, Piece, PieceOwner, PieceSpec,
    RR_FIXED,
};
pub use policy::*;
pub use record_log::{RecordLog, Row};
pub use snapshot::{ServedZone, Snapshot};
pub use soa::{BuildFault, Soa};
