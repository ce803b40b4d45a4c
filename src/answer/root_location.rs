//! A client's location as one root needs it: a class of its location map, or a place looked up for this query.

use crate::zone::{CHILDREN_MAX, ClientLocation, LocationMap};

/// A client's location for one decision.
#[derive(Clone, Copy, Debug)]
pub enum RootLocation<'a> {
    /// The root asks for no location.
    Anywhere,
    /// A class of the root's map: the usual way.
    Class(&'a LocationMap, u16),
    /// Known only by place, or by a prefix that is too short for a class.
    Known(&'a LocationMap, &'a ClientLocation),
}

impl RootLocation<'_> {
    /// Finds the first child of a located node, in the order they are tried for this client, that is wanted.
    #[inline]
    pub fn find(&self, rule: u32, mut is_wanted: impl FnMut(u16) -> bool) -> Option<u16> {
        match self {
            Self::Anywhere => None,
            Self::Class(map, class) => {
                let mut order = map.rows().order(*class, rule).iter().copied();
                order.find(|&child| is_wanted(child))
            }
            Self::Known(map, client) => find_on_the_spot(map, client, rule, is_wanted),
        }
    }
}

/// Orders the children first; a frame of its own keeps its room off the usual way.
#[inline(never)]
fn find_on_the_spot(
    map: &LocationMap,
    client: &ClientLocation,
    rule: u32,
    mut is_wanted: impl FnMut(u16) -> bool,
) -> Option<u16> {
    let mut room = [0; CHILDREN_MAX];
    let len = map.order_on_the_spot(rule, client, &mut room);
    room[..len].iter().copied().find(|&child| is_wanted(child))
}
