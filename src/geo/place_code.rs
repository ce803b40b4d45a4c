//! Places as zone files write them (rules a16, a17): `CONTINENT[-COUNTRY[-SUBDIVISION]]`.
//!
//! In: codes. Out: the long form, English names, points, and which place lies in which. Never here: text as people
//! write it (`place_text` reads that), addresses.

use std::fmt;

use super::continent::{Continent, Coordinates};
use super::country::find_country;
use super::subdivision::find_subdivision;

/// A continent, a country in it, or a subdivision of a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The continent.
    pub continent: Continent,
    /// ISO 3166-1 alpha-2 code in capitals.
    pub country: Option<[u8; 2]>,
    /// ISO 3166-2 part after the hyphen, one to three capitals or digits, padded with zero octets.
    pub subdivision: Option<[u8; 3]>,
}

impl Place {
    /// A continent as a whole.
    pub fn of_continent(continent: Continent) -> Self {
        Self {
            continent,
            country: None,
            subdivision: None,
        }
    }

    /// A country by its code in capitals, under Route 53's continent; `None` for a code that is not ISO 3166-1.
    pub fn of_country(code: &str) -> Option<Self> {
        let country = find_country(code)?;
        let octets = country.code.as_bytes();
        Some(Self {
            continent: country.continent,
            country: Some([octets[0], octets[1]]),
            subdivision: None,
        })
    }

    /// Returns the same country with a subdivision; `None` if the part is not one to three capitals or digits, or if
    /// there is no country.
    pub fn with_subdivision(self, part: &str) -> Option<Self> {
        self.country?;
        let octets = part.as_bytes();
        let is_code = (1..=3).contains(&octets.len())
            && octets
                .iter()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let mut padded = [0; 3];
        padded.get_mut(..octets.len())?.copy_from_slice(octets);
        is_code.then_some(Self {
            subdivision: Some(padded),
            ..self
        })
    }

    /// The country's code, if it has one.
    pub fn country_code(&self) -> Option<&str> {
        std::str::from_utf8(self.country.as_ref()?).ok()
    }

    /// The subdivision's part of its code, if it has one.
    pub fn subdivision_code(&self) -> Option<&str> {
        let text = std::str::from_utf8(self.subdivision.as_ref()?).ok()?;
        Some(text.trim_end_matches('\0'))
    }

    /// The English name: `California, United States`; a subdivision without a name keeps its code.
    pub fn english_name(&self) -> String {
        let Some(code) = self.country_code() else {
            return self.continent.english_name().to_owned();
        };
        let country = find_country(code).map_or(code, |c| c.name);
        match self.subdivision_code() {
            None => country.to_owned(),
            Some(part) => match find_subdivision(code, part) {
                Some(found) => format!("{}, {country}", found.name),
                None => format!("subdivision {part}, {country}"),
            },
        }
    }

    /// The point of the most specific part that has one (rule a20).
    pub fn point(&self) -> Coordinates {
        let Some(code) = self.country_code() else {
            return self.continent.point();
        };
        let part = self.subdivision_code();
        if let Some(found) = part.and_then(|part| find_subdivision(code, part)) {
            return found.point;
        }
        find_country(code).map_or_else(|| self.continent.point(), |c| c.point)
    }

    /// Returns whether the other place is this one or lies in it.
    pub fn contains(&self, other: &Self) -> bool {
        self.continent == other.continent
            && (self.country.is_none() || self.country == other.country)
            && (self.subdivision.is_none() || self.subdivision == other.subdivision)
    }

    /// Returns this place and the places around it, smallest first (`route53` 2.5.4).
    pub fn chain(&self) -> impl Iterator<Item = Self> + use<> {
        let this = *self;
        let country = Self {
            subdivision: None,
            ..this
        };
        let subdivision = this.subdivision.map(|_| this);
        let country = this.country.map(|_| country);
        subdivision
            .into_iter()
            .chain(country)
            .chain([Self::of_continent(this.continent)])
    }
}

/// Writes the long form (rule a17).
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.continent.code())?;
        for part in [self.country_code(), self.subdivision_code()]
            .into_iter()
            .flatten()
        {
            write!(f, "-{part}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        Place::parse(text).expect("a place of the cases")
    }

    #[test]
    fn chain_is_smallest_first() {
        let cases = [
            ("US-CA", "NA-US-CA NA-US NA"),
            ("EU-DE", "EU-DE EU"),
            ("AS", "AS"),
        ];
        for (text, wanted) in cases {
            let chain: Vec<_> = place(text).chain().map(|p| p.to_string()).collect();
            assert_eq!(chain.join(" "), wanted);
        }
    }

    #[test]
    fn a_place_contains_what_lies_in_it() {
        let cases = [
            ("NA", "US-CA", true),
            ("US", "US-CA", true),
            ("US-CA", "US-CA", true),
            ("US-CA", "US", false),
            ("CA", "US-CA", false),
            ("EU", "RU", true),
            ("AS", "RU", false),
        ];
        for (outer, inner, wanted) in cases {
            assert_eq!(
                place(outer).contains(&place(inner)),
                wanted,
                "{inner} in {outer}"
            );
        }
    }

    #[test]
    fn names_and_points_come_from_the_most_specific_part_known() {
        let cases = [
            ("US-CA", "California, United States", -119.4),
            ("FR-75", "subdivision 75, France", 2.5),
            ("AS-SA", "Saudi Arabia", 44.5),
            ("SA", "South America", -57.0),
        ];
        for (text, name, longitude) in cases {
            assert_eq!(place(text).english_name(), name);
            assert_eq!(place(text).point().longitude, longitude, "{text}");
        }
    }
}
