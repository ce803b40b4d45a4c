//! Latency from an operator's table: for a client and each branch a time, measured or estimated from the distance.
//!
//! In: times by client prefix or place, the points of the branches, where a client is. Out: a time a branch, and the order
//! of the branches. Never here: measuring; files; health.
//!
//! The time of a branch is that of the most specific line that names it: the longest covering prefix, then subdivision,
//! country, continent, then `default`. A branch that no such line names is estimated from its distance, so that a table
//! may be partial (`route53` 2.4.2 leaves the table to the operator).

use std::collections::HashMap;
use std::sync::Arc;

use crate::geo::{Coordinates, Place, PrefixTable, great_circle_km};

use super::client_location::{CHILDREN_MAX, ClientLocation};
use super::policy::ClientTimes;
use crate::geo::TimesFor;

/// Kilometres between client and branch that a millisecond of round trip stands for: light in fibre goes 100 km there and
/// back in a millisecond, and paths are about twice as long as the great circle (chosen after the usual stretch).
const KM_PER_MILLISECOND: f64 = 50.0;

/// A round trip from a client to a branch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RoundTrip {
    /// Time of the table, microseconds; the line that it is from.
    Measured(u32, TimesFor),
    /// Estimate from the distance, microseconds.
    Estimated(u32),
    /// The client's location is unknown.
    Unknown,
}

impl RoundTrip {
    /// Returns the time to sort by; the unknown come last.
    fn micros(self) -> u32 {
        match self {
            Self::Measured(micros, _) | Self::Estimated(micros) => micros,
            Self::Unknown => u32::MAX,
        }
    }
}

/// A table of times ready to be asked.
#[derive(Debug)]
pub struct LatencyTable {
    points: Vec<Coordinates>,
    lines: Arc<[ClientTimes]>,
    prefixes: PrefixTable<u32>,
    places: HashMap<Place, u32>,
    default: Option<u32>,
}

impl LatencyTable {
    /// Makes a table ready; of two lines for the same client the first counts.
    pub fn new(points: &[Coordinates], lines: &Arc<[ClientTimes]>) -> Self {
        let mut prefixes = Vec::new();
        let mut places = HashMap::new();
        let mut default = None;
        for (at, line) in lines.iter().enumerate() {
            let at = at as u32;
            match line.client {
                TimesFor::Prefix(prefix) => prefixes.push((prefix, at)),
                TimesFor::Place(place) => {
                    places.entry(place).or_insert(at);
                }
                TimesFor::Default => default = default.or(Some(at)),
            }
        }
        Self {
            points: points.to_vec(),
            lines: Arc::clone(lines),
            prefixes: PrefixTable::build(prefixes),
            places,
            default,
        }
    }

    /// Writes the children for a client in the order of their times, ties as written; returns how many.
    pub fn order(&self, client: &ClientLocation, out: &mut [u16; CHILDREN_MAX]) -> usize {
        let mut times = [RoundTrip::Unknown; CHILDREN_MAX];
        let count = self.times(client, &mut times);
        for (child, room) in out[..count].iter_mut().enumerate() {
            *room = child as u16;
        }
        out[..count].sort_unstable_by_key(|&child| (times[usize::from(child)].micros(), child));
        count
    }

    /// Writes the time of each child for a client; returns how many.
    pub fn times(&self, client: &ClientLocation, out: &mut [RoundTrip; CHILDREN_MAX]) -> usize {
        let count = self.points.len().min(CHILDREN_MAX);
        out[..count].fill(RoundTrip::Unknown);
        if let Some(prefix) = client.prefix {
            for line in self.prefixes.chain(prefix) {
                self.note(line, &mut out[..count]);
            }
        }
        for place in client.place.iter().flat_map(Place::chain) {
            if let Some(&line) = self.places.get(&place) {
                self.note(line, &mut out[..count]);
            }
        }
        if let Some(line) = self.default {
            self.note(line, &mut out[..count]);
        }
        if let Some(from) = client.point {
            for (time, point) in out[..count].iter_mut().zip(&self.points) {
                if *time == RoundTrip::Unknown {
                    let millis = great_circle_km(from, *point) / KM_PER_MILLISECOND;
                    *time = RoundTrip::Estimated((millis * 1000.0) as u32);
                }
            }
        }
        count
    }

    /// Takes the times of a line for children that no more specific line has named.
    fn note(&self, line: u32, out: &mut [RoundTrip]) {
        let line = &self.lines[line as usize];
        for &(child, micros) in &line.times {
            if let Some(time @ RoundTrip::Unknown) = out.get_mut(usize::from(child)) {
                *time = RoundTrip::Measured(micros, line.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::IpNet;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    const DUBLIN: Coordinates = Coordinates {
        latitude: 53.3,
        longitude: -6.3,
    };
    const FRANKFURT: Coordinates = Coordinates {
        latitude: 50.1,
        longitude: 8.7,
    };
    const SINGAPORE: Coordinates = Coordinates {
        latitude: 1.3,
        longitude: 103.8,
    };

    fn place(text: &str) -> TimesFor {
        TimesFor::Place(Place::parse(text).expect("a place"))
    }

    fn prefix(text: &str) -> TimesFor {
        TimesFor::Prefix(text.parse().expect("a prefix"))
    }

    fn line(client: TimesFor, times: &[(u16, u32)]) -> ClientTimes {
        ClientTimes {
            client,
            times: times.into(),
        }
    }

    fn at(prefix: &str, place: Option<&str>) -> ClientLocation {
        let place = place.map(|text| Place::parse(text).expect("a place"));
        ClientLocation {
            place,
            point: place.map(|place| place.point()),
            prefix: Some(prefix.parse().expect("a prefix")),
        }
    }

    fn order(table: &LatencyTable, client: &ClientLocation) -> Vec<u16> {
        let mut room = [0; CHILDREN_MAX];
        let count = table.order(client, &mut room);
        room[..count].to_vec()
    }

    #[test]
    fn the_most_specific_line_that_names_a_branch_counts() {
        // 0 is Dublin, 1 Frankfurt, 2 Singapore.
        let table = LatencyTable::new(
            &[DUBLIN, FRANKFURT, SINGAPORE],
            &Arc::from([
                line(place("EU"), &[(0, 30_000), (1, 20_000), (2, 160_000)]),
                line(place("EU-IE"), &[(0, 5_000)]),
                line(prefix("203.0.112.0/20"), &[(2, 9_000)]),
                line(prefix("203.0.113.0/24"), &[(1, 1_000)]),
                line(prefix("203.0.113.0/24"), &[(1, 99_000)]),
                line(TimesFor::Default, &[(2, 2_000)]),
            ]),
        );
        let cases = [
            (
                "a continent's line",
                at("192.0.2.1/32", Some("EU-DE")),
                [1, 0, 2],
            ),
            (
                "a country's line names one branch",
                at("192.0.2.1/32", Some("EU-IE")),
                [0, 1, 2],
            ),
            (
                "a block before the place",
                at("203.0.112.9/32", Some("EU-DE")),
                [2, 1, 0],
            ),
            (
                "the longest block",
                at("203.0.113.9/32", Some("EU-DE")),
                [1, 2, 0],
            ),
            (
                "a block longer than the prefix is none (2.8.4)",
                at("203.0.113.0/22", Some("EU-DE")),
                [2, 1, 0],
            ),
            // Estimates: Dublin about 0.1 s, Frankfurt 0.12 s from New York; the default says 2 ms for Singapore.
            (
                "default, and distance for the others",
                at("192.0.2.1/32", Some("NA-US-NY")),
                [2, 0, 1],
            ),
            (
                "default alone; the others as written",
                at("192.0.2.1/32", None),
                [2, 0, 1],
            ),
        ];
        for (title, client, wanted) in cases {
            assert_eq!(order(&table, &client), wanted, "{title}");
        }
    }

    #[test]
    fn without_lines_distance_decides_and_unknown_clients_take_written_order() {
        let table = LatencyTable::new(&[SINGAPORE, FRANKFURT, DUBLIN], &Arc::from([]));
        assert_eq!(order(&table, &at("192.0.2.1/32", Some("EU-IE"))), [2, 1, 0]);
        assert_eq!(order(&table, &at("192.0.2.1/32", None)), [0, 1, 2]);
    }

    #[test]
    fn says_where_each_time_is_from() {
        let lines = [line(place("EU-IE"), &[(1, 7_500)])];
        let table = LatencyTable::new(&[DUBLIN, FRANKFURT], &Arc::from(lines));
        let mut times = [RoundTrip::Unknown; CHILDREN_MAX];
        let count = table.times(&at("192.0.2.1/32", Some("EU-IE")), &mut times);
        assert_eq!(count, 2);
        assert!(
            matches!(times[0], RoundTrip::Estimated(0..6_000)),
            "{:?}",
            times[0]
        );
        assert_eq!(times[1], RoundTrip::Measured(7_500, place("EU-IE")));
    }

    proptest! {
        /// Law: every branch stands in the order once, times never fall along it, and a naive walk over all lines gives
        /// the same times.
        #[test]
        fn orders_all_branches_by_what_the_lines_say(
            lines in prop::collection::vec(((0u32..4, 0u8..=4), 0u16..4, 1u32..50), 0..40),
            key in 0u32..16,
        ) {
            let prefix = |bits: u32, len| {
                IpNet::new_assert(Ipv4Addr::from_bits(bits << 28).into(), len).trunc()
            };
            let lines: Vec<ClientTimes> = lines
                .into_iter()
                .map(|((bits, len), child, micros)| {
                    line(TimesFor::Prefix(prefix(bits, len)), &[(child, micros)])
                })
                .collect();
            let table = LatencyTable::new(&[DUBLIN; 4], &lines.into());
            let client = ClientLocation { prefix: Some(prefix(key, 32)), ..ClientLocation::default() };
            let mut times = [RoundTrip::Unknown; CHILDREN_MAX];
            table.times(&client, &mut times);
            let mut seen = order(&table, &client);
            let sorted = seen.windows(2).all(|pair| {
                times[usize::from(pair[0])].micros() <= times[usize::from(pair[1])].micros()
            });
            prop_assert!(sorted);
            seen.sort_unstable();
            prop_assert_eq!(seen, vec![0, 1, 2, 3]);
        }
    }
}
