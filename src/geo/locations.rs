//! Locations of addresses: databases, with the operator's networks over them.
//!
//! In: octets of databases and a list of networks. Out: the place of an address and where it is known from. Never here:
//! files, policies; queries read class maps (`class_map`) that are made from this.

use std::net::IpAddr;

use ipnet::IpNet;

use super::database::read_database;

use super::contents::{Contents, Database, DatabaseFault, RunList};
use super::place_code::Place;
use super::place_table::{KnownPlace, PlaceId, Spot, SpotTable};
use super::prefix_table::PrefixTable;
use super::runs::{Key, Runs, zip_runs};

/// Places of all addresses of both families.
#[derive(Clone, Debug)]
pub struct Locations {
    infos: Box<[KnownPlace]>,
    v4: Runs<u32>,
    v6: Runs<u128>,
    networks: PrefixTable<PlaceId>,
    databases: Vec<Database>,
    /// Index of the database that each family comes from.
    v4_from: Option<usize>,
    v6_from: Option<usize>,
}

/// A network of the operator; these win over databases, and of nested ones the longest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Prefix; host bits are ignored.
    pub prefix: IpNet,
    /// Place of its clients.
    pub place: Place,
}

/// Place of an address, with its source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding<'a> {
    /// Place and point.
    pub info: &'a KnownPlace,
    /// Source of the place.
    pub source: Source<'a>,
    /// Block that matched: the network as listed, or the widest block around the address with the same place and point.
    pub block: IpNet,
}

/// Source of a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source<'a> {
    /// The operator's networks.
    Networks,
    /// A database that lists the address.
    Database(&'a Database),
    /// No source has the address; the database, if any, has others of its family.
    Nowhere(Option<&'a Database>),
}

impl Locations {
    /// Makes empty locations: every client is unknown.
    pub fn unknown() -> Self {
        LocationsBuilder::new().build()
    }

    /// Returns place and point of an address. An IPv4-mapped address counts as IPv6.
    pub fn locate(&self, address: IpAddr) -> &KnownPlace {
        self.place_info(self.place_id(address))
    }

    /// Returns the id of the place and point of an address; 0 is unknown.
    pub fn place_id(&self, address: IpAddr) -> PlaceId {
        match address {
            IpAddr::V4(a) => self.v4.value(a.to_bits()),
            IpAddr::V6(a) => self.v6.value(a.to_bits()),
        }
    }

    /// Returns place and point of an id.
    pub fn place_info(&self, id: PlaceId) -> &KnownPlace {
        // Ids come from these tables, and entry 0 always exists.
        self.infos.get(usize::from(id)).unwrap_or(&self.infos[0])
    }

    /// Returns all places and points that occur, by id; the first is the unknown one.
    pub fn place_infos(&self) -> &[KnownPlace] {
        &self.infos
    }

    /// Returns the place of an address, with its source.
    pub fn describe(&self, address: IpAddr) -> Finding<'_> {
        let from = match address {
            IpAddr::V4(_) => self.v4_from,
            IpAddr::V6(_) => self.v6_from,
        };
        let listed = self.networks.covering_blocks(address.into()).next();
        if let Some((prefix_len, id)) = listed {
            return Finding {
                info: self.place_info(id),
                source: Source::Networks,
                block: block_around(address, prefix_len),
            };
        }
        let (id, scope) = match address {
            IpAddr::V4(a) => self.v4.value_and_scope(a.to_bits()),
            IpAddr::V6(a) => self.v6.value_and_scope(a.to_bits()),
        };
        let database = from.and_then(|i| self.databases.get(i));
        let source = match database {
            Some(database) if id != 0 => Source::Database(database),
            other => Source::Nowhere(other),
        };
        Finding {
            info: self.place_info(id),
            source,
            block: block_around(address, scope),
        }
    }

    /// Returns the databases in use, in the order they were given.
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// Returns whether there is neither a database nor a network.
    pub fn is_unknown(&self) -> bool {
        self.databases.is_empty() && self.networks.is_empty()
    }

    /// Returns the numbers of runs of equal place, IPv4 and IPv6.
    pub fn runs(&self) -> (usize, usize) {
        (self.v4.len(), self.v6.len())
    }

    /// Returns the heap memory in use, octets.
    pub fn size_bytes(&self) -> usize {
        let runs = self.v4.size_bytes() + self.v6.size_bytes();
        runs + self.networks.size_bytes() + size_of_val(&*self.infos)
    }

    pub(super) fn v4_places(&self) -> impl Iterator<Item = (u32, PlaceId)> + '_ {
        self.v4.iter()
    }

    pub(super) fn v6_places(&self) -> impl Iterator<Item = (u128, PlaceId)> + '_ {
        self.v6.iter()
    }
}

/// Returns the block of a length around an address; lengths come from tables of the address's family.
fn block_around(address: IpAddr, prefix_len: u8) -> IpNet {
    let host = IpNet::from(address);
    IpNet::new(address, prefix_len).map_or(host, |block| block.trunc())
}

/// Gathers sources and makes [`Locations`] of them.
#[derive(Debug)]
pub struct LocationsBuilder {
    spots: SpotTable,
    v4: RunList<u32>,
    v6: RunList<u128>,
    v4_from: Option<usize>,
    v6_from: Option<usize>,
    databases: Vec<Database>,
    networks: Vec<Network>,
}

impl Default for LocationsBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl LocationsBuilder {
    /// Starts with no source.
    pub fn new() -> Self {
        Self {
            spots: SpotTable::new(),
            v4: RunList::new(),
            v6: RunList::new(),
            v4_from: None,
            v6_from: None,
            databases: Vec::new(),
            networks: Vec::new(),
        }
    }

    /// Adds a database: a MaxMind-format file or lines of `FIRST,LAST,CC`.
    ///
    /// Each family is taken from the first database that knows it, so that a file for IPv4 and one for IPv6 go together.
    ///
    /// # Errors
    /// If the octets cannot be read, or if earlier databases know the same families already.
    pub fn database(mut self, octets: &[u8]) -> Result<Self, DatabaseFault> {
        self.add(octets).map(|()| self)
    }

    /// Adds a database in place, as [`Self::database`] does; one that is refused changes nothing.
    ///
    /// # Errors
    /// Those of [`Self::database`].
    pub fn add(&mut self, octets: &[u8]) -> Result<(), DatabaseFault> {
        let Contents { database, v4, v6 } = read_database(octets, &mut self.spots)?;
        let index = self.databases.len();
        let takes_v4 = database.knows_v4 && self.v4_from.is_none();
        let takes_v6 = database.knows_v6 && self.v6_from.is_none();
        if !takes_v4 && !takes_v6 {
            return Err(DatabaseFault::new(
                format!(
                    "the database ({}) adds no family: earlier ones know it already",
                    database.kind
                ),
                "give one database, or one for IPv4 and one for IPv6",
            ));
        }
        if takes_v4 {
            (self.v4, self.v4_from) = (v4, Some(index));
        }
        if takes_v6 {
            (self.v6, self.v6_from) = (v6, Some(index));
        }
        self.databases.push(database);
        Ok(())
    }

    /// Adds the operator's networks. Of a network listed twice the first counts.
    #[must_use]
    pub fn networks(mut self, networks: &[Network]) -> Self {
        self.networks.extend_from_slice(networks);
        self
    }

    /// Lays the networks over the databases.
    pub fn build(mut self) -> Locations {
        let numbers: Vec<u32> = self
            .networks
            .iter()
            .map(|network| self.spots.number(Spot::of_place(network.place)))
            .collect();
        let (infos, ids) = self.spots.finish(usize::from(PlaceId::MAX) + 1);
        let id = |number: u32| ids[number as usize];
        let listed = self.networks.iter().zip(numbers);
        let networks = PrefixTable::build(listed.map(|(network, n)| (network.prefix, id(n))));
        Locations {
            v4: lay_over(&self.v4, networks.v4_runs(), id),
            v6: lay_over(&self.v6, networks.v6_runs(), id),
            infos: infos.into(),
            networks,
            databases: self.databases,
            v4_from: self.v4_from,
            v6_from: self.v6_from,
        }
    }
}

fn lay_over<K: Key>(
    below: &RunList<K>,
    above: impl Iterator<Item = (K, Option<PlaceId>)>,
    id: impl Fn(u32) -> PlaceId,
) -> Runs<K> {
    let zipped = zip_runs(below.runs.iter().copied(), above);
    Runs::new(zipped.map(|(start, number, network)| (start, network.unwrap_or_else(|| id(number)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use maxminddb_writer::Database as Writer;
    use maxminddb_writer::metadata::IpVersion;
    use maxminddb_writer::paths::IpAddrWithMask;
    use proptest::prelude::*;
    use serde_json::json;

    fn write(version: IpVersion, records: &[(&str, serde_json::Value)]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.metadata.ip_version = version;
        writer.metadata.database_type = "Test-City".to_owned();
        writer.metadata.binary_format_major_version = 2;
        writer.metadata.build_epoch = 1_780_000_000;
        for (prefix, record) in records {
            let value = writer
                .insert_value(record)
                .expect("a record that can be written");
            let path: IpAddrWithMask = prefix.parse().expect("a prefix");
            writer.insert_node(path, value);
        }
        writer.write_to(Vec::new()).expect("memory can be written")
    }

    fn mixed() -> Vec<u8> {
        write(
            IpVersion::V6,
            &[
                (
                    "::198.51.100.0/120",
                    json!({"country": {"iso_code": "DE"}, "continent": {"code": "EU"}}),
                ),
                (
                    "::203.0.113.0/120",
                    json!({
                        "country": {"iso_code": "US", "names": {"en": "United States"}},
                        "subdivisions": [{"iso_code": "CA"}],
                        "location": {"latitude": 37.75, "longitude": -122.42, "time_zone": "x"},
                    }),
                ),
                (
                    "2001:db8::/33",
                    json!({"country_code": "CA", "state1": "British Columbia"}),
                ),
                (
                    "2001:db8:8000::/33",
                    json!({"country_code": "SE", "latitude": "59.30", "longitude": "18.10"}),
                ),
                ("2001:db9::/32", json!({"continent": {"code": "AS"}})),
                ("2001:dba::/32", json!({"country_code": "QQ"})),
                (
                    "2001:dbb::/32",
                    json!({"country": "United States", "country_code": "US", "extra": [1, {"a": 2}]}),
                ),
            ],
        )
    }

    fn network(text: &str, place: &str) -> Network {
        Network {
            prefix: text.parse().expect("a prefix"),
            place: Place::parse(place).expect("a place"),
        }
    }

    fn place_of(locations: &Locations, address: &str) -> String {
        let info = locations.locate(address.parse().expect("an address"));
        info.place
            .map_or_else(|| "?".to_owned(), |place| place.to_string())
    }

    #[test]
    fn reads_both_record_shapes_and_both_families() {
        let built = LocationsBuilder::new()
            .database(&mixed())
            .expect("a database");
        let locations = built.build();
        let cases = [
            ("198.51.100.7", "EU-DE"),
            ("203.0.113.7", "NA-US-CA"),
            ("192.0.2.1", "?"),
            ("2001:db8::1", "NA-CA-BC"),
            ("2001:db8:8000::1", "EU-SE"),
            ("2001:db9::1", "AS"),
            ("2001:dba::1", "?"),
            ("2001:dbb::1", "NA-US"),
            ("::1", "?"),
        ];
        for (address, wanted) in cases {
            assert_eq!(place_of(&locations, address), wanted, "{address}");
        }
        let point = |address: &str| locations.locate(address.parse().expect("an address")).point;
        assert_eq!(point("203.0.113.7").map(|p| p.latitude), Some(37.75));
        assert_eq!(point("2001:db8:8000::1").map(|p| p.longitude), Some(18.1));
        assert_eq!(
            point("198.51.100.7"),
            Some(Place::parse("DE").expect("a place").point())
        );
        assert_eq!(point("192.0.2.1"), None);
        let database = &locations.databases()[0];
        assert_eq!(database.kind, "Test-City");
        assert_eq!(database.built_secs, Some(1_780_000_000));
        assert_eq!((database.networks, database.odd_records), (7, 1));
    }

    #[test]
    fn networks_win_over_the_database_and_the_longest_wins() {
        let locations = LocationsBuilder::new()
            .networks(&[
                network("203.0.113.128/25", "AS-IN"),
                network("203.0.113.192/26", "JP"),
            ])
            .database(&mixed())
            .expect("a database")
            .networks(&[network("10.0.0.0/8", "FR"), network("2001:db8::/48", "EU")])
            .build();
        let cases = [
            ("203.0.113.1", "NA-US-CA", "203.0.113.0/25", true),
            ("203.0.113.129", "AS-IN", "203.0.113.128/25", false),
            ("203.0.113.200", "AS-JP", "203.0.113.192/26", false),
            ("10.1.2.3", "EU-FR", "10.0.0.0/8", false),
            ("2001:db8::1", "EU", "2001:db8::/48", false),
            ("2001:db8:1::1", "NA-CA-BC", "2001:db8:1::/48", true),
        ];
        for (address, place, block, from_database) in cases {
            assert_eq!(place_of(&locations, address), place);
            let finding = locations.describe(address.parse().expect("an address"));
            assert_eq!(finding.block.to_string(), block, "{address}");
            assert_eq!(
                matches!(finding.source, Source::Database(_)),
                from_database,
                "{address}"
            );
        }
        let nowhere = locations.describe("192.0.2.1".parse().expect("an address"));
        assert!(matches!(nowhere.source, Source::Nowhere(Some(_))));
    }

    #[test]
    fn files_of_one_family_go_together() {
        let v4 = write(
            IpVersion::V4,
            &[("198.51.100.0/24", json!({"country_code": "DE"}))],
        );
        let v6 = b"2001:db8::,2001:db8::ff,FR\n";
        let builder = LocationsBuilder::new().database(&v4).expect("a database");
        assert_eq!(
            place_of(
                &LocationsBuilder::new().database(v6).expect("text").build(),
                "1.1.1.1"
            ),
            "?"
        );
        let locations = builder.database(v6).expect("the other family").build();
        assert_eq!(place_of(&locations, "198.51.100.7"), "EU-DE");
        assert_eq!(place_of(&locations, "2001:db8::7"), "EU-FR");
        let again = LocationsBuilder::new()
            .database(v6)
            .and_then(|b| b.database(v6));
        let fault = again.expect_err("no family is added");
        assert!(fault.message.contains("adds no family"), "{fault}");
    }

    #[test]
    fn a_database_cut_short_is_a_fault_or_the_truth_never_a_panic() {
        let whole = mixed();
        for len in 0..whole.len() {
            assert!(
                LocationsBuilder::new().database(&whole[..len]).is_err(),
                "{len} octets"
            );
        }
    }

    #[test]
    fn without_sources_everything_is_unknown() {
        let locations = Locations::unknown();
        assert!(locations.is_unknown());
        assert_eq!(place_of(&locations, "1.1.1.1"), "?");
        let finding = locations.describe("2001:db8::1".parse().expect("an address"));
        assert_eq!(
            (finding.source, finding.block.prefix_len()),
            (Source::Nowhere(None), 0)
        );
    }

    proptest! {
        #[test]
        fn octets_changed_at_random_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
            let mut octets = mixed();
            for (at, octet) in changes {
                let at = at.index(octets.len());
                octets[at] = octet;
            }
            if let Ok(builder) = LocationsBuilder::new().database(&octets) {
                let locations = builder.build();
                locations.describe(IpAddr::from([203, 0, 113, 7]));
            }
        }
    }
}
