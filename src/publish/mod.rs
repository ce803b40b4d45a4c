//! The current world: one publisher, many readers.
//!
//! In: snapshots, statuses of targets, switches and holds. Out: to each reader the newest [`World`](crate::answer::World), whole. Never
//! here: probing, loading files, deciding. A reader pays one atomic load a batch; the publisher's mutex is held for
//! the time of a pointer store or clone.

mod current;
mod passing;
mod publisher;

pub use current::{Current, Reader};
pub use passing::{HeldNode, Outlook, SavedZone};
pub use publisher::{Published, Publisher, ZoneInputs};
