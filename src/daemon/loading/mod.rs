//! Loading while the server runs: settings, zone files, location databases, cookie secrets.
//!
//! In: what the disk holds, what is served. Out: a new set beside what is served, or the reason why there is none. Never here:
//! putting a set in place; reading on the task that publishes.

mod job;
mod loader;
mod server_file;

pub(super) use job::{Beside, Failure, Loaded, When};
pub(super) use loader::Loader;
pub(super) use server_file::{Reread, ServerFile};
