//! What is known about where a client is, for rules that order children by it.
//!
//! In: place, point and prefix. Out: a plain value. Never here: rules.

use ipnet::IpNet;

use crate::geo::{Coordinates, Place};

/// Children of one location-dependent node (grammar: 400 places).
pub const CHILDREN_MAX: usize = 512;

/// Location of a client, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientLocation {
    /// The place.
    pub place: Option<Place>,
    /// The point; the place's centre where a database knows no better.
    pub point: Option<Coordinates>,
    /// The prefix asked for; bits after it do not count.
    pub prefix: Option<IpNet>,
}
