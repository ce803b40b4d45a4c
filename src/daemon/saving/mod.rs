//! Saving of the state, and the orders that wait for it.
//!
//! In: orders, states of the owners. Out: files, orders that are in force from now on. Never here: what an order changes; a wait of
//! the task that publishes.

mod orders;
mod salvage;
mod saver;
mod state;

pub(super) use orders::{Answer, EndedOrders, Order, reply};
pub(super) use saver::{Done, Savable, Saver};
pub(super) use state::{Saved, read};
#[cfg(fuzzing)]
pub(super) use state::{SavedOrders, write_whole};
