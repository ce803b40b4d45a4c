//! Reads places in their long form.

use crate::place::{Continent, Place};

/// Why a text is no place.
pub(super) struct PlaceFault {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// Reads `CONTINENT[-COUNTRY[-SUBDIVISION]]`.
pub(super) fn parse_place(text: &str) -> Result<Place, PlaceFault> {
    let fault = || PlaceFault {
        message: format!("`{text}` is no place"),
        help: Some("write `EU`, `EU-DE` or `NA-US-CA`".to_owned()),
    };
    let mut parts = text.split('-');
    let continent = match parts.next() {
        Some("AF") => Continent::AF,
        Some("AN") => Continent::AN,
        Some("AS") => Continent::AS,
        Some("EU") => Continent::EU,
        Some("NA") => Continent::NA,
        Some("OC") => Continent::OC,
        Some("SA") => Continent::SA,
        _ => return Err(fault()),
    };
    let country = match parts.next() {
        None => None,
        Some(code) => Some(<[u8; 2]>::try_from(code.as_bytes()).map_err(|_| fault())?),
    };
    let subdivision = match parts.next() {
        None => None,
        Some(code) if (1..=3).contains(&code.len()) => {
            let mut padded = [0; 3];
            padded[..code.len()].copy_from_slice(code.as_bytes());
            Some(padded)
        }
        Some(_) => return Err(fault()),
    };
    match parts.next() {
        None => Ok(Place {
            continent,
            country,
            subdivision,
        }),
        Some(_) => Err(fault()),
    }
}

/// Writes the long form.
pub(super) fn place_text(place: &Place) -> String {
    let mut text = format!("{:?}", place.continent);
    for part in [
        place.country.as_ref().map(<[u8; 2]>::as_slice),
        place.subdivision.as_ref().map(<[u8; 3]>::as_slice),
    ]
    .into_iter()
    .flatten()
    {
        text.push('-');
        text.extend(
            part.iter()
                .filter(|octet| **octet != 0)
                .map(|octet| char::from(*octet)),
        );
    }
    text
}
