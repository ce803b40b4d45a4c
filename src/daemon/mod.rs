//! Starts, reloads and stops; owns every task and every writer handle.
//!
//! In: a server configuration. Out: a running server, answers to what control asks, logs. Never here: decisions,
//! formats, printing. One task, the keeper, routes events to the owners of state: `loading` (settings, files), `telemetry`
//! (metrics, events, alarms), `watching` (targets, self-doubt); it still holds publisher and reports itself.

mod answers;
mod certificate;
mod change;
mod chores;
mod conduct;
mod durable;
mod evidence;
mod files;
mod flatten;
#[cfg(fuzzing)]
pub mod fuzz;
mod heartbeats;
mod keeper;
mod last_good;
mod listening;
mod listing;
mod load;
mod load_queue;
mod loaded;
mod loading;
mod locations;
mod looks;
mod master;
mod name_changes;
mod notify;
mod orders;
mod overview;
mod own_names;
mod owners;
mod reading;
mod rehearsal;
mod release;
mod reload;
mod rivals;
mod running;
mod salvage;
mod saving;
mod secrecy;
mod serials;
mod state;
mod switches;
mod telemetry;
mod transitions;
mod watching;
mod why;
mod zone_files;
mod zone_set;

pub use files::{FolderCause, FolderFault, read_octets};
pub use flatten::lookup_settings;
pub use last_good::LastGood;
pub use listing::find_zone_files;
pub use load::{Loading, load_zones};
pub use locations::{LocationFault, load_locations};
pub use rehearsal::premises_of;
pub use running::{COMMANDS_VERB, Running, StartFault, command_settings, start, start_from};
pub use serials::Serials;
pub use zone_files::ZoneFiles;
pub use zone_set::{Changes, LoadedZone, OldCause, Pace, Refusal, Standing, ZoneSet};
