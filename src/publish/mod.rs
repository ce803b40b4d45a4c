//! The current world: one publisher, many readers.
//!
//! In: snapshots, statuses of targets, switches and holds. Out: to each reader the newest
//! [`World`](crate::answer::World), whole. Never here: probing, loading files, deciding, how a view follows from
//! statuses (see [`view`](crate::view)). A reader pays one atomic load a batch; the publisher's mutex is held for the
//! time of a pointer store or clone.

mod current;
mod publisher;
mod tick;

pub use current::{Current, Reader};
pub use publisher::{Published, Publisher, ZoneInputs};
pub use tick::{HeldNode, SavedZone, Tick, held_nodes};
