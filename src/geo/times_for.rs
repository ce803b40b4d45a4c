//! Clients that a line of measured round trips is for.
//!
//! In: a prefix or a place. Out: a value. Never here: the times.

use ipnet::IpNet;

use super::Place;

/// Which clients a line of measured times is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimesFor {
    /// Those of a prefix.
    Prefix(IpNet),
    /// Those of a place.
    Place(Place),
    /// All others.
    Default,
}
