//! Starts, reloads and stops; owns every task and every writer handle.
//!
//! In: a server configuration. Out: a running server, answers to what control asks, logs. Never here: decisions,
//! formats, printing.
//!
//! One task, `control_loop`, routes events between the owners of the state, each a struct in a folder of its own: `watching`
//! (targets, heartbeats, switches, self-doubt, the prober), `loading` (settings, files, loads), `publishing` (zones in place,
//! views, flattened targets), `telemetry` (metrics, events, alarms), `reports` (what readers share), `saving` (state files, orders
//! that wait for them).

mod certificate;
mod control_loop;
mod durable;
mod files;
#[cfg(fuzzing)]
pub mod fuzz;
mod last_good;
mod listening;
mod listing;
mod load;
mod loading;
mod master;
mod name_changes;
mod notify;
mod own_names;
mod owners;
mod publishing;
mod reading;
mod reports;
mod rivals;
mod running;
mod saving;
mod secrecy;
mod start_fault;
mod telemetry;
mod watching;
mod zone_files;
mod zone_set;

pub use files::{FolderCause, FolderFault, read_octets};
pub use last_good::LastGood;
pub use listing::find_zone_files;
pub use load::{Loading, load_zones};
pub use loading::{LocationFault, Serials, load_locations};
pub use publishing::lookup_settings;
pub use reports::premises_of;
pub use running::{Running, start, start_from};
pub use start_fault::StartFault;
pub use watching::{COMMANDS_VERB, command_settings};
pub use zone_files::ZoneFiles;
pub use zone_set::{Changes, LoadedZone, OldCause, Pace, Refusal, Standing, ZoneSet};
