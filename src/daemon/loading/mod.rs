//! Loading while the server runs: settings, zone files, location databases, cookie secrets.
//!
//! In: what the disk holds, what is served. Out: a new set beside what is served, or the reason why there is none. Never here:
//! putting a set in place; reading on the task that publishes.

mod change;
mod job;
mod load_queue;
mod loader;
mod locations;
mod looks;
mod serials;
mod server_file;
mod serving_options;
mod when;

pub(super) use change::Served;
pub(super) use job::{Beside, Failure, Loaded};
pub(super) use loader::Loader;
pub use locations::{LocationFault, load_locations};
pub(super) use looks::are_settled;
pub use serials::Serials;
pub(super) use serials::is_later;
pub(super) use server_file::{Reread, ServerFile};
pub(super) use serving_options::count_workers;
pub(super) use when::When;
