//! Continents and points: what countries and subdivisions are described by.
//!
//! In: codes. Out: names and points. Never here: countries.

use std::fmt;

/// A continent by Route 53's code; the map of countries is Route 53's too (`route53` 2.5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Continent {
    /// Africa.
    AF,
    /// Antarctica.
    AN,
    /// Asia.
    AS,
    /// Europe.
    EU,
    /// North America, Central America included.
    NA,
    /// Oceania.
    OC,
    /// South America.
    SA,
}

impl Continent {
    /// All continents in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::AF,
        Self::AN,
        Self::AS,
        Self::EU,
        Self::NA,
        Self::OC,
        Self::SA,
    ];

    /// The two-letter code.
    pub fn code(self) -> &'static str {
        match self {
            Self::AF => "AF",
            Self::AN => "AN",
            Self::AS => "AS",
            Self::EU => "EU",
            Self::NA => "NA",
            Self::OC => "OC",
            Self::SA => "SA",
        }
    }

    /// The continent of a code in capitals.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.code() == code)
    }

    /// The English name.
    pub fn english_name(self) -> &'static str {
        match self {
            Self::AF => "Africa",
            Self::AN => "Antarctica",
            Self::AS => "Asia",
            Self::EU => "Europe",
            Self::NA => "North America",
            Self::OC => "Oceania",
            Self::SA => "South America",
        }
    }

    /// Returns the point of clients of which only the continent is known: about the middle of its people (rule a20).
    pub fn point(self) -> Coordinates {
        let (latitude, longitude) = match self {
            Self::AF => (6.0, 20.0),
            Self::AN => (-77.8, 166.7),
            Self::AS => (28.0, 93.0),
            Self::EU => (49.5, 13.0),
            Self::NA => (36.0, -93.0),
            Self::OC => (-32.0, 152.0),
            Self::SA => (-15.0, -57.0),
        };
        Coordinates {
            latitude,
            longitude,
        }
    }
}

/// A point on the globe in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinates {
    /// Latitude, -90 to 90.
    pub latitude: f64,
    /// Longitude, -180 to 180.
    pub longitude: f64,
}

/// Writes degrees with the letters of the compass: `37.50 N, 92.50 W`.
impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let north = if self.latitude < 0.0 { 'S' } else { 'N' };
        let east = if self.longitude < 0.0 { 'W' } else { 'E' };
        let (latitude, longitude) = (self.latitude.abs(), self.longitude.abs());
        write!(f, "{latitude:.2} {north}, {longitude:.2} {east}")
    }
}
