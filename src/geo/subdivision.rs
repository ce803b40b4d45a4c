//! The table of subdivisions: ISO 3166-2 codes of some countries with English names and points.
//!
//! In: nothing. Out: a row for a code or for a name, as some databases write names only. Never here: countries that
//! are not listed; their subdivisions are taken as written and stand at the country's point.

use std::sync::LazyLock;

use super::built_in::{point, rows};
use super::continent::Coordinates;

/// A subdivision as `geo` knows it.
pub(super) struct Subdivision {
    /// ISO 3166-2 code, country included.
    pub(super) code: &'static str,
    /// English name, without accents.
    pub(super) name: &'static str,
    /// Point of its clients: the place where most people live.
    pub(super) point: Coordinates,
}

impl Subdivision {
    /// The part of the code after the country and its hyphen.
    pub(super) fn part(&self) -> &'static str {
        &self.code[3..]
    }
}

/// All listed subdivisions of a country; empty if its subdivisions are not listed. Listed means listed completely.
pub(super) fn subdivisions_of(country: &str) -> &'static [Subdivision] {
    let start = SUBDIVISIONS.partition_point(|row| &row.code[..2] < country);
    let end = SUBDIVISIONS.partition_point(|row| &row.code[..2] <= country);
    &SUBDIVISIONS[start..end]
}

/// Finds a listed subdivision by country and code.
pub(super) fn find_subdivision(country: &str, part: &str) -> Option<&'static Subdivision> {
    let rows = subdivisions_of(country);
    rows.iter().find(|row| row.part() == part)
}

/// Finds a listed subdivision by its English name, as databases without codes write it.
pub(super) fn find_subdivision_by_name(country: &str, name: &str) -> Option<&'static Subdivision> {
    let rows = subdivisions_of(country);
    rows.iter().find(|row| row.name.eq_ignore_ascii_case(name))
}

/// Subdivisions sorted by code; read once, at the first use.
static SUBDIVISIONS: LazyLock<Box<[Subdivision]>> = LazyLock::new(|| {
    let read = |[code, latitude, longitude, name]: [&'static str; 4]| Subdivision {
        code,
        name,
        point: point(latitude, longitude),
    };
    let text = include_str!("data/subdivisions.tsv");
    rows(text).map(read).collect()
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::country::find_country;

    #[test]
    fn subdivisions_are_sorted_and_belong_to_a_country() {
        assert_eq!(SUBDIVISIONS.len(), 119);
        for pair in SUBDIVISIONS.windows(2) {
            assert!(pair[0].code < pair[1].code, "{}", pair[1].code);
        }
        for row in SUBDIVISIONS.iter() {
            assert!(find_country(&row.code[..2]).is_some(), "{}", row.code);
            let found = find_subdivision(&row.code[..2], row.part());
            assert_eq!(found.map(|f| f.name), Some(row.name));
        }
    }

    #[test]
    fn finds_by_code_and_by_name_within_the_country_only() {
        assert_eq!(subdivisions_of("US").len(), 51);
        assert_eq!(subdivisions_of("CA").len(), 13);
        assert!(subdivisions_of("FR").is_empty());
        assert_eq!(
            find_subdivision("US", "CA").map(|s| s.name),
            Some("California")
        );
        let found = find_subdivision_by_name("CA", "british columbia");
        assert_eq!(found.map(Subdivision::part), Some("BC"));
        assert!(find_subdivision_by_name("US", "British Columbia").is_none());
    }
}
