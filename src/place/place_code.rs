//! Places as zone files write them (rules a16, a17): `CONTINENT[-COUNTRY[-SUBDIVISION]]`.

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

/// A point on the globe in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinates {
    /// Latitude, -90 to 90.
    pub latitude: f64,
    /// Longitude, -180 to 180.
    pub longitude: f64,
}
