//! The table of subdivisions: ISO 3166-2 codes of some countries with English names and points.
//!
//! In: nothing. Out: a row for a code or for a name, as some databases write names only. Never here: countries that
//! are not listed; their subdivisions are taken as written and stand at the country's point.

use super::place_code::Coordinates;

/// A subdivision as `place` knows it.
pub(super) struct Subdivision {
    /// ISO 3166-2 code, country included.
    pub(super) code: &'static str,
    /// English name, without accents.
    pub(super) name: &'static str,
    /// Where its clients stand: where most people live.
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

const fn s(code: &'static str, name: &'static str, latitude: f64, longitude: f64) -> Subdivision {
    Subdivision {
        code,
        name,
        point: Coordinates {
            latitude,
            longitude,
        },
    }
}

/// Sorted by country, then code. Territories of the United States are countries of their own (`route53` 2.5.8).
#[rustfmt::skip]
static SUBDIVISIONS: [Subdivision; 119] = [
    s("AU-ACT", "Australian Capital Territory", -35.3, 149.1),
    s("AU-NSW", "New South Wales", -33.7, 151.0),
    s("AU-NT", "Northern Territory", -13.0, 131.2),
    s("AU-QLD", "Queensland", -26.8, 152.6),
    s("AU-SA", "South Australia", -34.9, 138.6),
    s("AU-TAS", "Tasmania", -42.2, 147.0),
    s("AU-VIC", "Victoria", -37.8, 145.0),
    s("AU-WA", "Western Australia", -31.9, 116.0),
    s("BR-AC", "Acre", -9.7, -68.3),
    s("BR-AL", "Alagoas", -9.6, -36.0),
    s("BR-AM", "Amazonas", -3.1, -60.2),
    s("BR-AP", "Amapa", 0.2, -51.1),
    s("BR-BA", "Bahia", -13.0, -39.6),
    s("BR-CE", "Ceara", -4.3, -38.9),
    s("BR-DF", "Federal District", -15.8, -47.9),
    s("BR-ES", "Espirito Santo", -20.2, -40.4),
    s("BR-GO", "Goias", -16.6, -49.3),
    s("BR-MA", "Maranhao", -3.9, -44.7),
    s("BR-MG", "Minas Gerais", -19.7, -44.3),
    s("BR-MS", "Mato Grosso do Sul", -21.0, -54.7),
    s("BR-MT", "Mato Grosso", -14.8, -55.9),
    s("BR-PA", "Para", -2.4, -49.2),
    s("BR-PB", "Paraiba", -7.1, -35.7),
    s("BR-PE", "Pernambuco", -8.2, -35.9),
    s("BR-PI", "Piaui", -5.5, -42.3),
    s("BR-PR", "Parana", -24.7, -50.9),
    s("BR-RJ", "Rio de Janeiro", -22.7, -43.0),
    s("BR-RN", "Rio Grande do Norte", -5.8, -35.8),
    s("BR-RO", "Rondonia", -10.3, -62.7),
    s("BR-RR", "Roraima", 2.8, -60.7),
    s("BR-RS", "Rio Grande do Sul", -29.5, -52.0),
    s("BR-SC", "Santa Catarina", -27.1, -49.6),
    s("BR-SE", "Sergipe", -10.8, -37.2),
    s("BR-SP", "Sao Paulo", -23.3, -47.0),
    s("BR-TO", "Tocantins", -9.0, -48.3),
    s("CA-AB", "Alberta", 52.3, -113.7),
    s("CA-BC", "British Columbia", 49.5, -122.4),
    s("CA-MB", "Manitoba", 50.2, -97.5),
    s("CA-NB", "New Brunswick", 46.1, -66.0),
    s("CA-NL", "Newfoundland and Labrador", 48.2, -54.0),
    s("CA-NS", "Nova Scotia", 45.0, -63.3),
    s("CA-NT", "Northwest Territories", 62.6, -114.6),
    s("CA-NU", "Nunavut", 65.5, -82.0),
    s("CA-ON", "Ontario", 43.9, -79.5),
    s("CA-PE", "Prince Edward Island", 46.3, -63.2),
    s("CA-QC", "Quebec", 45.9, -72.9),
    s("CA-SK", "Saskatchewan", 51.4, -105.7),
    s("CA-YT", "Yukon", 61.0, -135.1),
    s("DE-BB", "Brandenburg", 52.4, 13.4),
    s("DE-BE", "Berlin", 52.5, 13.4),
    s("DE-BW", "Baden-Wuerttemberg", 48.6, 9.0),
    s("DE-BY", "Bavaria", 48.7, 11.5),
    s("DE-HB", "Bremen", 53.2, 8.8),
    s("DE-HE", "Hesse", 50.3, 8.8),
    s("DE-HH", "Hamburg", 53.6, 10.0),
    s("DE-MV", "Mecklenburg-Western Pomerania", 53.8, 12.4),
    s("DE-NI", "Lower Saxony", 52.6, 9.3),
    s("DE-NW", "North Rhine-Westphalia", 51.4, 7.2),
    s("DE-RP", "Rhineland-Palatinate", 49.8, 7.6),
    s("DE-SH", "Schleswig-Holstein", 54.2, 9.9),
    s("DE-SL", "Saarland", 49.3, 7.0),
    s("DE-SN", "Saxony", 51.1, 13.2),
    s("DE-ST", "Saxony-Anhalt", 51.8, 11.8),
    s("DE-TH", "Thuringia", 50.9, 11.1),
    s("GB-ENG", "England", 52.5, -1.3),
    s("GB-NIR", "Northern Ireland", 54.6, -6.2),
    s("GB-SCT", "Scotland", 56.0, -3.8),
    s("GB-WLS", "Wales", 51.8, -3.4),
    s("US-AK", "Alaska", 61.2, -149.4),
    s("US-AL", "Alabama", 33.0, -86.8),
    s("US-AR", "Arkansas", 35.0, -92.7),
    s("US-AZ", "Arizona", 33.4, -111.9),
    s("US-CA", "California", 35.5, -119.4),
    s("US-CO", "Colorado", 39.5, -105.2),
    s("US-CT", "Connecticut", 41.5, -72.9),
    s("US-DC", "District of Columbia", 38.9, -77.0),
    s("US-DE", "Delaware", 39.4, -75.6),
    s("US-FL", "Florida", 27.8, -81.6),
    s("US-GA", "Georgia", 33.4, -83.9),
    s("US-HI", "Hawaii", 21.2, -157.6),
    s("US-IA", "Iowa", 42.0, -93.0),
    s("US-ID", "Idaho", 44.2, -115.1),
    s("US-IL", "Illinois", 41.3, -88.4),
    s("US-IN", "Indiana", 40.2, -86.3),
    s("US-KS", "Kansas", 38.5, -96.5),
    s("US-KY", "Kentucky", 37.8, -85.3),
    s("US-LA", "Louisiana", 30.7, -91.5),
    s("US-MA", "Massachusetts", 42.3, -71.4),
    s("US-MD", "Maryland", 39.1, -76.8),
    s("US-ME", "Maine", 44.3, -69.7),
    s("US-MI", "Michigan", 42.9, -84.2),
    s("US-MN", "Minnesota", 45.2, -93.6),
    s("US-MO", "Missouri", 38.4, -92.2),
    s("US-MS", "Mississippi", 32.6, -89.6),
    s("US-MT", "Montana", 46.8, -111.2),
    s("US-NC", "North Carolina", 35.5, -79.7),
    s("US-ND", "North Dakota", 47.4, -99.3),
    s("US-NE", "Nebraska", 41.2, -97.3),
    s("US-NH", "New Hampshire", 43.2, -71.5),
    s("US-NJ", "New Jersey", 40.4, -74.4),
    s("US-NM", "New Mexico", 34.6, -106.3),
    s("US-NV", "Nevada", 37.2, -116.3),
    s("US-NY", "New York", 41.5, -74.6),
    s("US-OH", "Ohio", 40.5, -82.7),
    s("US-OK", "Oklahoma", 35.6, -96.8),
    s("US-OR", "Oregon", 44.7, -122.6),
    s("US-PA", "Pennsylvania", 40.5, -77.1),
    s("US-RI", "Rhode Island", 41.8, -71.4),
    s("US-SC", "South Carolina", 34.0, -81.0),
    s("US-SD", "South Dakota", 44.0, -99.0),
    s("US-TN", "Tennessee", 35.8, -86.4),
    s("US-TX", "Texas", 30.9, -97.4),
    s("US-UT", "Utah", 40.4, -111.9),
    s("US-VA", "Virginia", 37.8, -77.8),
    s("US-VT", "Vermont", 44.1, -72.8),
    s("US-WA", "Washington", 47.3, -121.6),
    s("US-WI", "Wisconsin", 43.7, -89.0),
    s("US-WV", "West Virginia", 38.8, -80.8),
    s("US-WY", "Wyoming", 42.7, -107.0),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::country::find_country;

    #[test]
    fn subdivisions_are_sorted_and_belong_to_a_country() {
        for pair in SUBDIVISIONS.windows(2) {
            assert!(pair[0].code < pair[1].code, "{}", pair[1].code);
        }
        for row in &SUBDIVISIONS {
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
