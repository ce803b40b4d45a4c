//! Client address or client subnet to place.
//!
//! In: location databases, the operator's networks, prefixes. Out: a [`Place`], coordinates, and class maps that a
//! query reads with one or two loads. Never here: DNS, files (the caller hands in octets), policies.

mod place_code;

pub use place_code::{Continent, Coordinates, Place};
