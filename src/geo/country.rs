//! The table of countries: ISO 3166-1 codes, Route 53's continent for each, English names and points.
//!
//! In: nothing. Out: a row for a code. Never here: borders; a point is where most people of the country live, to about
//! 100 km, because it stands for clients and not for land.

use std::sync::LazyLock;

use super::built_in::{point, rows};
use super::continent::{Continent, Coordinates};

/// A country as `geo` knows it.
pub(super) struct Country {
    /// ISO 3166-1 alpha-2 code.
    pub(super) code: &'static str,
    /// Route 53's continent (`route53` 2.5.8): Turkey, Russia and Cyprus in Europe, Georgia in Asia.
    pub(super) continent: Continent,
    /// English short name.
    pub(super) name: &'static str,
    /// Point of clients of which no more is known (rule a20).
    pub(super) point: Coordinates,
}

/// Countries sorted by code; read once, at the first use.
static COUNTRIES: LazyLock<Box<[Country]>> = LazyLock::new(|| {
    let read = |[code, continent, latitude, longitude, name]: [&'static str; 5]| Country {
        code,
        continent: Continent::from_code(continent).expect("the table names continents"),
        name,
        point: point(latitude, longitude),
    };
    rows(include_str!("data/countries.tsv")).map(read).collect()
});

/// Returns all countries, sorted by code.
pub(super) fn countries() -> &'static [Country] {
    &COUNTRIES
}

/// Finds a country by its code in capitals.
pub(super) fn find_country(code: &str) -> Option<&'static Country> {
    let found = COUNTRIES.binary_search_by(|country| country.code.cmp(code));
    found.ok().map(|i| &COUNTRIES[i])
}

/// Codes that people write and that ISO 3166-1 spells differently.
pub(super) const MISTAKEN_CODES: [(&str, &str); 2] = [("EL", "GR"), ("UK", "GB")];

#[cfg(test)]
mod tests {
    use super::super::continent::Continent::{AF, AN, AS, EU, NA, OC};
    use super::*;

    #[test]
    fn countries_are_sorted_and_points_are_on_the_globe() {
        assert_eq!(COUNTRIES.len(), 250);
        for pair in COUNTRIES.windows(2) {
            assert!(pair[0].code < pair[1].code, "{}", pair[1].code);
        }
        for country in countries() {
            assert!(find_country(country.code).is_some(), "{}", country.code);
            assert!(country.point.latitude.abs() <= 90.0, "{}", country.code);
            assert!(country.point.longitude.abs() <= 180.0, "{}", country.code);
        }
    }

    #[test]
    fn continents_are_those_of_route_53() {
        let cases = [
            ("RU", EU),
            ("TR", EU),
            ("CY", EU),
            ("GE", AS),
            ("AM", AS),
            ("AZ", AS),
            ("GS", AN),
            ("TF", AN),
            ("MX", NA),
            ("PA", NA),
            ("UM", OC),
            ("SA", AS),
            ("NA", AF),
            ("EG", AF),
        ];
        for (code, continent) in cases {
            assert_eq!(
                find_country(code).map(|c| c.continent),
                Some(continent),
                "{code}"
            );
        }
    }
}
