//! Report of one address's location, for people: the content of `leeward geo ADDRESS`.
//!
//! In: an address and locations. Out: a report as plain values and as lines of text. Never here: printing.

use std::net::IpAddr;

use serde::Serialize;

use super::contents::Database;
use super::locations::{Locations, Source};

/// Location of one address, and its source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AddressReport {
    /// The address asked about; an IPv4-mapped one as IPv4.
    pub address: IpAddr,
    /// The place in its long form.
    pub place: Option<String>,
    /// The English name of the place.
    pub name: Option<String>,
    /// Latitude in degrees.
    pub latitude: Option<f64>,
    /// Longitude in degrees.
    pub longitude: Option<f64>,
    /// `networks`, `database` or `nowhere`.
    pub source: &'static str,
    /// The block that matched.
    pub block: String,
    /// Type of the database that was asked, if any.
    pub database: Option<String>,
    /// Date of that database, if it states one.
    pub built: Option<String>,
}

impl AddressReport {
    /// Looks an address up.
    pub fn of(locations: &Locations, address: IpAddr) -> Self {
        let address = address.to_canonical();
        let finding = locations.describe(address);
        let (source, database) = match finding.source {
            Source::Networks => ("networks", None),
            Source::Database(database) => ("database", Some(database)),
            Source::Nowhere(database) => ("nowhere", database),
        };
        let place = finding.info.place;
        let point = finding.info.point;
        Self {
            address,
            place: place.map(|place| place.to_string()),
            name: place.map(|place| place.english_name()),
            latitude: point.map(|point| point.latitude),
            longitude: point.map(|point| point.longitude),
            source,
            block: finding.block.to_string(),
            database: database.map(|database| database.kind.clone()),
            built: database.and_then(Database::built_date),
        }
    }

    /// Returns the report as lines for a terminal.
    pub fn lines(&self) -> Vec<String> {
        let place = match (&self.place, &self.name) {
            (Some(place), Some(name)) => format!("{place}  ({name})"),
            _ => "unknown; `default` answers".to_owned(),
        };
        let mut lines = vec![
            line("address", &self.address.to_string()),
            line("place", &place),
        ];
        if let (Some(latitude), Some(longitude)) = (self.latitude, self.longitude) {
            let point = super::Coordinates {
                latitude,
                longitude,
            };
            lines.push(line("point", &point.to_string()));
        }
        let database = match (&self.database, &self.built) {
            (Some(kind), Some(built)) => format!("{kind} of {built}"),
            (Some(kind), None) => kind.clone(),
            (None, _) => "no network or database here covers it".to_owned(),
        };
        let source = match self.source {
            "networks" => "networks of the server's configuration".to_owned(),
            "database" => format!("database {database}"),
            _ if self.database.is_some() => format!("not listed in database {database}"),
            _ => database,
        };
        lines.push(line("source", &source));
        lines.push(line("matched", &self.block));
        lines
    }
}

fn line(label: &str, text: &str) -> String {
    format!("{label:<8} {text}")
}

impl Database {
    /// Returns the day it was built, in UTC, as `2026-06-01`; `None` if the file states none, or nonsense.
    pub fn built_date(&self) -> Option<String> {
        let secs = i64::try_from(self.built_secs?).ok()?;
        let stamp = jiff::Timestamp::from_second(secs).ok()?;
        Some(stamp.strftime("%Y-%m-%d").to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LocationsBuilder, Network, Place};
    use super::*;

    fn locations() -> Locations {
        let network = Network {
            prefix: "203.0.113.0/24".parse().expect("a prefix"),
            place: Place::parse("US-CA").expect("a place"),
        };
        LocationsBuilder::new()
            .database(b"198.51.100.0,198.51.100.255,DE")
            .expect("a list")
            .networks(&[network])
            .build()
    }

    #[test]
    fn says_where_an_address_is_and_where_that_is_known_from() {
        let cases = [
            (
                "203.0.113.7",
                "address  203.0.113.7|place    NA-US-CA  (California, United States)|point    35.50 N, 119.40 W|\
                 source   networks of the server's configuration|matched  203.0.113.0/24",
            ),
            (
                "::ffff:198.51.100.7",
                "address  198.51.100.7|place    EU-DE  (Germany)|point    50.90 N, 9.50 E|\
                 source   database ranges as text|matched  198.51.100.0/24",
            ),
            (
                "192.0.2.1",
                "address  192.0.2.1|place    unknown; `default` answers|\
                 source   not listed in database ranges as text|matched  192.0.0.0/6",
            ),
            (
                "2001:db8::1",
                "address  2001:db8::1|place    unknown; `default` answers|\
                 source   no network or database here covers it|matched  ::/0",
            ),
        ];
        let locations = locations();
        for (address, wanted) in cases {
            let report = AddressReport::of(&locations, address.parse().expect("an address"));
            assert_eq!(report.lines().join("|"), wanted);
        }
    }

    #[test]
    fn the_date_of_a_database_is_a_day() {
        let mut database = locations().databases()[0].clone();
        let cases = [
            (None, None),
            (Some(1_780_000_000), Some("2026-05-28")),
            (Some(u64::MAX), None),
        ];
        for (built_secs, wanted) in cases {
            database.built_secs = built_secs;
            assert_eq!(database.built_date().as_deref(), wanted);
        }
    }
}
