//! Client of a question: a resolver's address or a client subnet (RFC 7871); and its location as a root needs it.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::geo::{Locations, Place};
use crate::wire::ClientSubnet;
use crate::zone::{ClientLocation, LocationMap};

use super::root_location::RootLocation;

/// Longest scope that is sent (RFC 7871, section 11.1, recommends 24 and 56: longer ones identify single subscribers).
const SCOPE_MAX_V4: u8 = 24;
const SCOPE_MAX_V6: u8 = 56;

/// The client as far as a decision may know.
#[derive(Clone, Copy, Debug)]
pub enum Client<'a> {
    /// An address or prefix.
    Prefix {
        /// An address of the client's network, and how many of its bits count.
        prefix: IpNet,
        /// Location database, for prefixes that are too short for a location class.
        locations: &'a Locations,
    },
    /// A place alone, as expectations and explain give it.
    Place(Place),
    /// Unknown client: every location rule takes its default, or written order.
    Unknown,
}

#[inline]
fn asking_prefix(resolver: IpAddr, subnet: Option<ClientSubnet>) -> IpNet {
    let given = subnet.and_then(ClientSubnet::given_prefix);
    given.unwrap_or_else(|| IpNet::from(resolver))
}

/// Returns the address that an [`Client`] is known by.
#[inline]
pub(super) fn asking_address(resolver: IpAddr, subnet: Option<ClientSubnet>) -> IpAddr {
    asking_prefix(resolver, subnet).addr()
}

impl<'a> Client<'a> {
    /// Takes the client subnet, or without one (or with source length 0, `route53` 4.8) the resolver's address.
    #[inline]
    pub fn new(resolver: IpAddr, subnet: Option<ClientSubnet>, locations: &'a Locations) -> Self {
        Self::Prefix {
            prefix: asking_prefix(resolver, subnet),
            locations,
        }
    }

    /// Returns the location for a root's map, and the scope of an answer made from it.
    #[inline]
    pub fn location<'l>(
        &self,
        map: &'l LocationMap,
        known: &'l mut ClientLocation,
    ) -> (RootLocation<'l>, u8) {
        match *self {
            Self::Prefix { prefix, locations } => {
                let address = prefix.addr();
                let (class, scope) = map.lookup(address);
                // A block longer than the client's prefix does not match it (`route53` 2.8.4): no class speaks for it.
                if scope <= prefix.prefix_len() {
                    return (RootLocation::Class(map, class), scope);
                }
                let found = locations.locate(address);
                *known = ClientLocation {
                    place: found.place,
                    point: found.point,
                    prefix: Some(prefix),
                };
                let scope_max = if address.is_ipv4() {
                    SCOPE_MAX_V4
                } else {
                    SCOPE_MAX_V6
                };
                (RootLocation::Known(map, known), scope.min(scope_max))
            }
            Self::Unknown => {
                *known = ClientLocation::default();
                (RootLocation::Known(map, known), 0)
            }
            Self::Place(place) => {
                *known = ClientLocation {
                    place: Some(place),
                    point: Some(place.point()),
                    prefix: None,
                };
                (RootLocation::Known(map, known), 0)
            }
        }
    }
}
