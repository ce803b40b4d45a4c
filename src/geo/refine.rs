//! The common refinement of places and prefixes: cuts the address space wherever a class may change.
//!
//! In: locations, prefixes and a function that classifies clients. Out: runs of classes for
//! [`ClassMap::build`](super::ClassMap::build). Never here: what decides a class.

use std::net::IpAddr;

use ipnet::IpNet;

use super::locations::Locations;
use super::place_table::{KnownPlace, PlaceId};
use super::runs::{Key, zip_runs};

/// A client by its location: all addresses of a run have one place and point, and the same prefixes cover them.
#[derive(Clone, Copy, Debug)]
pub struct ClientAt<'a> {
    /// The lowest address of the run.
    pub address: IpAddr,
    /// Id of the run's place and point; good as a key of a cache.
    pub place_id: PlaceId,
    /// Place and point of the run's addresses.
    pub info: &'a KnownPlace,
}

/// Runs of classes of both families, IPv4 first: first address and class, sorted, from the lowest address.
pub type ClassRuns = (Vec<(u32, u16)>, Vec<(u128, u16)>);

/// Asks for the class of every run between two borders of `locations` or `prefixes`, in order, IPv4 first.
///
/// The results are sorted, start at the lowest address, and neighbours differ. What the class of a client depends on
/// besides its place must be in `prefixes`; classes are right for full addresses, so client subnets shorter than a
/// prefix go through a [`PrefixTable`](super::PrefixTable).
pub fn refine(
    locations: &Locations,
    prefixes: &[IpNet],
    classify: &mut dyn FnMut(ClientAt<'_>) -> u16,
) -> ClassRuns {
    let mut classify_at = |address: IpAddr, place_id: PlaceId| {
        classify(ClientAt {
            address,
            place_id,
            info: locations.place_info(place_id),
        })
    };
    let v4 = refine_family(
        locations.v4_places(),
        &borders_of(prefixes),
        &mut classify_at,
    );
    let v6 = refine_family(
        locations.v6_places(),
        &borders_of(prefixes),
        &mut classify_at,
    );
    (v4, v6)
}

fn refine_family<K: Key>(
    places: impl Iterator<Item = (K, PlaceId)>,
    borders: &[K],
    classify_at: &mut impl FnMut(IpAddr, PlaceId) -> u16,
) -> Vec<(K, u16)> {
    let borders = borders.iter().map(|border| (*border, ()));
    let mut runs: Vec<(K, u16)> = Vec::new();
    for (start, place_id, ()) in zip_runs(places, borders) {
        let class = classify_at(start.address(), place_id);
        if runs.last().is_none_or(|(_, before)| *before != class) {
            runs.push((start, class));
        }
    }
    runs
}

/// First addresses of the prefixes of one family and of what follows each, sorted, with the lowest address.
fn borders_of<K: Key>(prefixes: &[IpNet]) -> Vec<K> {
    let mut borders = vec![K::FIRST];
    for prefix in prefixes {
        borders.extend(K::of(prefix.network()));
        borders.extend(K::of(prefix.broadcast()).and_then(Key::next));
    }
    borders.sort_unstable();
    borders.dedup();
    borders
}

#[cfg(test)]
mod tests {
    use super::super::{ClassMap, LocationsBuilder, Network, Place, PrefixTable};
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    /// A class that depends on the country and on the longest prefix.
    fn class_of(table: &PrefixTable<u16>, info: &KnownPlace, address: IpAddr) -> u16 {
        let country = info.place.and_then(|p| p.country);
        let by_place = match country.as_ref() {
            Some(b"DE") => 1,
            Some(b"US") => 2,
            Some(_) => 3,
            None => 0,
        };
        let by_prefix = table.chain(address.into()).next();
        by_place + by_prefix.map_or(0, |n| 4 * (n + 1))
    }

    fn map_of(locations: &Locations, prefixes: &[IpNet]) -> (ClassMap, PrefixTable<u16>) {
        let table = PrefixTable::build(prefixes.iter().copied().zip(0u16..));
        let (v4, v6) = refine(locations, prefixes, &mut |client| {
            class_of(&table, client.info, client.address)
        });
        (ClassMap::build(&v4, &v6), table)
    }

    #[test]
    fn a_prefix_inside_a_place_narrows_the_scope_around_it() {
        let network = Network {
            prefix: "198.51.0.0/16".parse().expect("a prefix"),
            place: Place::parse("DE").expect("a place"),
        };
        let locations = LocationsBuilder::new().networks(&[network]).build();
        let prefix = "198.51.100.0/24".parse().expect("a prefix");
        let (map, _) = map_of(&locations, &[prefix]);
        let cases = [
            ([198, 51, 100, 7], (5, 24)),
            ([198, 51, 101, 7], (1, 24)),
            ([198, 51, 0, 1], (1, 18)),
            ([8, 8, 8, 8], (0, 1)),
            ([203, 0, 113, 1], (0, 5)),
        ];
        for (octets, wanted) in cases {
            assert_eq!(map.lookup(octets.into()), wanted, "{octets:?}");
        }
    }

    fn any_network() -> impl Strategy<Value = IpNet> {
        let v4 = (any::<u32>(), 1u8..=32).prop_map(|(a, len)| {
            IpNet::new_assert(Ipv4Addr::from_bits(a & 0xf0f0_f0ff).into(), len)
        });
        let v6 = (any::<u128>(), 1u8..=128).prop_map(|(a, len)| {
            let address = Ipv6Addr::from_bits(a & (0xf0f1 << 112 | 0xff));
            IpNet::new_assert(address.into(), len)
        });
        prop_oneof![v4, v6]
    }

    proptest! {
        #[test]
        fn refined_and_built_equals_classified_directly(
            networks in prop::collection::vec((any_network(), 0usize..3), 0..80),
            prefixes in prop::collection::vec(any_network(), 0..80),
            asked in prop::collection::vec(any_network(), 40),
        ) {
            let networks: Vec<Network> = networks
                .into_iter()
                .map(|(prefix, i)| Network {
                    prefix,
                    place: Place::parse(["DE", "US", "JP"][i]).expect("a place"),
                })
                .collect();
            let locations = LocationsBuilder::new().networks(&networks).build();
            let (map, table) = map_of(&locations, &prefixes);
            for address in asked.iter().chain(&prefixes).map(IpNet::addr) {
                let wanted = class_of(&table, locations.locate(address), address);
                prop_assert_eq!(map.lookup(address).0, wanted, "{}", address);
                // Naive: the longest of the networks around the address.
                let naive = networks
                    .iter()
                    .rev()
                    .filter(|n| n.prefix.contains(&address))
                    .max_by_key(|n| n.prefix.prefix_len());
                prop_assert_eq!(locations.locate(address).place, naive.map(|n| n.place), "{}", address);
            }
        }
    }
}
