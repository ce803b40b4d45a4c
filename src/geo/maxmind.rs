//! Reads MaxMind-format databases: MaxMind's own record shape and the flat one of other makers.
//!
//! In: the octets of an `.mmdb` file. Out: [`Contents`]. Never here: memory maps (a file that is replaced under a map
//! kills the process); the octets are not needed after reading.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use maxminddb::{Reader, WithinOptions};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::contents::{
    Contents, Database, DatabaseFault, FORMATS_HELP, NETWORKS_MAX, RunList, block_text,
};
use super::continent::{Continent, Coordinates};
use super::place_code::Place;
use super::place_table::{Spot, SpotTable};
use super::range_text::{read_country, stands_for_unknown};
use super::runs::Key;
use super::subdivision::find_subdivision_by_name;

pub(super) const METADATA_MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// The format looks for its metadata in the last 128 KiB only.
const METADATA_WITHIN: usize = 128 * 1024;

/// Returns whether the octets end like a MaxMind-format database.
pub(super) fn has_metadata(octets: &[u8]) -> bool {
    let tail = &octets[octets.len().saturating_sub(METADATA_WITHIN)..];
    tail.windows(METADATA_MARK.len())
        .any(|window| window == METADATA_MARK)
}

/// Reads all networks of a database.
pub(super) fn read(octets: &[u8], spots: &mut SpotTable) -> Result<Contents, DatabaseFault> {
    let reader = Reader::from_source(octets).map_err(|e| unreadable(&e))?;
    let mut reading = Reading {
        v4: RunList::new(),
        v6: RunList::new(),
        numbers: HashMap::new(),
        spots,
        odd_records: 0,
    };
    let mut networks = 0;
    let all = reader
        .networks(WithinOptions::default())
        .map_err(|e| unreadable(&e))?;
    for found in all {
        let found = found.map_err(|e| unreadable(&e))?;
        networks += 1;
        if networks > NETWORKS_MAX {
            let message = format!("the database lists more than {NETWORKS_MAX} networks");
            return Err(DatabaseFault::new(message, FORMATS_HELP));
        }
        let network = found.network().map_err(|e| unreadable(&e))?;
        let (address, prefix_len) = (network.network(), network.prefix());
        let number = match found.offset().and_then(|at| reading.numbers.get(&at)) {
            Some(number) => *number,
            None => {
                let record: Option<Record> = found.decode().map_err(|e| {
                    let block = block_text(address, prefix_len);
                    unreadable(&format!("record of {block}: {e}"))
                })?;
                reading.number(found.offset(), record.unwrap_or_default())
            }
        };
        reading
            .push(address, prefix_len, number)
            .ok_or_else(|| unreadable(&"its networks overlap"))?;
    }
    let metadata = reader.metadata();
    Ok(Contents {
        database: Database {
            kind: metadata.database_type.clone(),
            built_secs: (metadata.build_epoch > 0).then_some(metadata.build_epoch),
            knows_v4: reading.v4.is_known(),
            knows_v6: reading.v6.is_known(),
            networks,
            odd_records: reading.odd_records,
        },
        v4: reading.v4,
        v6: reading.v6,
    })
}

fn unreadable(why: &dyn fmt::Display) -> DatabaseFault {
    DatabaseFault::new(
        format!("the MaxMind-format database cannot be read: {why}"),
        "fetch the file again; it may be cut short",
    )
}

/// State of reading: runs and records so far.
struct Reading<'a> {
    v4: RunList<u32>,
    v6: RunList<u128>,
    /// Spot number by the offset of the record, because few records serve many networks.
    numbers: HashMap<usize, u32>,
    spots: &'a mut SpotTable,
    odd_records: usize,
}

impl Reading<'_> {
    fn number(&mut self, offset: Option<usize>, record: Record) -> u32 {
        let (spot, is_odd) = record.into_spot();
        self.odd_records += usize::from(is_odd);
        let number = self.spots.number(spot);
        if let Some(offset) = offset {
            self.numbers.insert(offset, number);
        }
        number
    }

    /// Adds a network. One of IPv6 that holds all of `::/96` states the same for IPv4, by the format's convention.
    fn push(&mut self, address: IpAddr, prefix_len: u8, number: u32) -> Option<()> {
        match address {
            IpAddr::V4(a) => push_block(&mut self.v4, a.to_bits(), prefix_len, number),
            IpAddr::V6(a) => {
                if a.is_unspecified() && prefix_len <= 96 {
                    push_block(&mut self.v4, 0, 0, number)?;
                }
                push_block(&mut self.v6, a.to_bits(), prefix_len, number)
            }
        }
    }
}

fn push_block<K: Key>(list: &mut RunList<K>, key: K, prefix_len: u8, number: u32) -> Option<()> {
    list.push(key.first_of(prefix_len), key.last_of(prefix_len), number)
}

/// A record of either shape; unknown fields are passed over.
#[derive(Debug, Default, Deserialize)]
struct Record {
    // MaxMind's shape, except that `country` may also be a plain code or name.
    country: Option<Coded>,
    continent: Option<Coded>,
    subdivisions: Option<Vec<Coded>>,
    location: Option<Location>,
    // The flat shape.
    country_code: Option<String>,
    continent_code: Option<String>,
    state1: Option<String>,
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
}

#[derive(Debug, Default, Deserialize)]
struct Location {
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
}

impl Record {
    /// The spot, and whether the record names a country that does not exist.
    fn into_spot(self) -> (Spot, bool) {
        let nested = self.country.map(|c| c.0).filter(|code| code.len() == 2);
        let code = self.country_code.or(nested).unwrap_or_default();
        let country = read_country(&code);
        let is_odd = country.is_none() && !stands_for_unknown(&code);
        let continent = self.continent_code.or_else(|| self.continent.map(|c| c.0));
        // The continent of a country comes from our table, so that all databases agree.
        let place = country.or_else(|| {
            let continent = Continent::from_code(&continent?)?;
            Some(Place::of_continent(continent))
        });
        let place = place.map(|place| {
            let part = self.subdivisions.and_then(|s| s.into_iter().next());
            let part = part.map(|p| p.0).or_else(|| {
                let found = find_subdivision_by_name(place.country_code()?, &self.state1?)?;
                Some(found.part().to_owned())
            });
            let inner = part.and_then(|part| place.with_subdivision(&part));
            inner.unwrap_or(place)
        });
        let location = self.location.unwrap_or_default();
        let latitude = self.latitude.or(location.latitude).and_then(|d| d.0);
        let longitude = self.longitude.or(location.longitude).and_then(|d| d.0);
        let point = latitude
            .zip(longitude)
            .map(|(latitude, longitude)| Coordinates {
                latitude,
                longitude,
            });
        (Spot::new(place, point), is_odd)
    }
}

/// A code: plain text, or the `iso_code` or `code` of a map; empty if there is none.
#[derive(Debug, Default)]
struct Coded(String);

impl<'de> Deserialize<'de> for Coded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CodedVisitor;
        impl<'de> Visitor<'de> for CodedVisitor {
            type Value = Coded;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a code or a map with one")
            }
            fn visit_str<E>(self, text: &str) -> Result<Coded, E> {
                Ok(Coded(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Coded, A::Error> {
                let mut coded = Coded::default();
                while let Some(key) = map.next_key::<String>()? {
                    if matches!(key.as_str(), "iso_code" | "code") {
                        coded.0 = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(coded)
            }
        }
        deserializer.deserialize_any(CodedVisitor)
    }
}

/// Degrees as a number or as text; `None` for text that is no number.
#[derive(Debug)]
struct Degrees(Option<f64>);

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DegreesVisitor;
        impl Visitor<'_> for DegreesVisitor {
            type Value = Degrees;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("degrees")
            }
            fn visit_f64<E>(self, degrees: f64) -> Result<Degrees, E> {
                Ok(Degrees(Some(degrees)))
            }
            fn visit_i64<E>(self, degrees: i64) -> Result<Degrees, E> {
                Ok(Degrees(Some(degrees as f64)))
            }
            fn visit_u64<E>(self, degrees: u64) -> Result<Degrees, E> {
                Ok(Degrees(Some(degrees as f64)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Degrees, E> {
                Ok(Degrees(text.parse().ok()))
            }
        }
        deserializer.deserialize_any(DegreesVisitor)
    }
}
