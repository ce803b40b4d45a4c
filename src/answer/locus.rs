//! Where a client is, as far as one root asks: a class of its location map, or what is known on the spot.

use crate::zone::{LocationMap, Whereabouts};

pub(super) use crate::zone::CHILDREN_MAX;

/// A client's location for one decision.
#[derive(Clone, Copy, Debug)]
pub enum Locus<'a> {
    /// The root asks for no location.
    Anywhere,
    /// A class of the root's map: the usual way.
    Class(&'a LocationMap, u16),
    /// Known only by place, or by a prefix that is too short for a class.
    Known(&'a LocationMap, &'a Whereabouts),
}

impl<'a> Locus<'a> {
    /// Returns the children of a located node in the order they are tried for this client.
    #[inline]
    pub fn order<'r>(&self, rule: u32, room: &'r mut [u16; CHILDREN_MAX]) -> &'r [u16]
    where
        'a: 'r,
    {
        match self {
            Self::Anywhere => &[],
            Self::Class(map, class) => map.rows().order(*class, rule),
            Self::Known(map, client) => {
                let len = map.order_on_the_spot(rule, client, room);
                &room[..len]
            }
        }
    }
}
