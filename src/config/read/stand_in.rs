//! Bridges to places and RDATA: one `use` for the readers.
//!
//! In: text of zone files. Out: places, points and RDATA. Never here: positions in files.

use std::ops::Range;

use crate::place::{Continent, Coordinates, Place};
use crate::wire::{Name, Rtype};

/// Why a text is no place.
#[derive(Clone, Debug)]
pub(super) struct PlaceFault {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// Reads a place.
pub(super) fn parse_place(text: &str) -> Result<Place, PlaceFault> {
    let fault = || PlaceFault {
        message: format!("`{text}` is no place"),
        help: Some("write for example `EU`, `EU-DE`, `US` or `US-CA`".to_owned()),
    };
    let parts: Vec<&str> = text.split('-').collect();
    let continent = |part: &str| {
        Some(match part {
            "AF" => Continent::AF,
            "AN" => Continent::AN,
            "AS" => Continent::AS,
            "EU" => Continent::EU,
            "NA" => Continent::NA,
            "OC" => Continent::OC,
            "SA" => Continent::SA,
            _ => return None,
        })
    };
    let (continent, rest) = match continent(parts[0]) {
        Some(found) => (found, &parts[1..]),
        None => (
            if ["US", "CA", "MX"].contains(&parts[0]) {
                Continent::NA
            } else {
                Continent::EU
            },
            &parts[..],
        ),
    };
    let capitals = |part: &str| {
        part.bytes()
            .all(|o| o.is_ascii_uppercase() || o.is_ascii_digit())
    };
    let country = match rest.first() {
        None => None,
        Some(code) if code.len() == 2 && capitals(code) => {
            Some([code.as_bytes()[0], code.as_bytes()[1]])
        }
        Some(_) => return Err(fault()),
    };
    let subdivision = match rest.get(1) {
        None => None,
        Some(code) if (1..=3).contains(&code.len()) && capitals(code) => {
            let mut octets = [0; 3];
            octets[..code.len()].copy_from_slice(code.as_bytes());
            Some(octets)
        }
        Some(_) => return Err(fault()),
    };
    if rest.len() > 2 || (country.is_none() && parts.len() > 1) {
        return Err(fault());
    }
    Ok(Place {
        continent,
        country,
        subdivision,
    })
}

const REGIONS: &[(&str, f64, f64)] = &[
    ("us-east-1", 38.9, -77.4),
    ("us-west-2", 45.8, -119.7),
    ("eu-west-1", 53.3, -6.3),
    ("eu-central-1", 50.1, 8.7),
    ("ap-southeast-1", 1.3, 103.8),
];

/// Returns where a region lies.
pub(super) fn region_point(code: &str) -> Option<Coordinates> {
    REGIONS
        .iter()
        .find(|(known, ..)| *known == code)
        .map(|(_, latitude, longitude)| Coordinates {
            latitude: *latitude,
            longitude: *longitude,
        })
}

/// Lists the regions.
pub(super) fn known_regions() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().map(|(code, ..)| *code)
}

/// Explains codes of other clouds.
pub(super) fn foreign_region_hint(_code: &str) -> Option<String> {
    None
}

/// RDATA and what was written in it.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub(super) octets: Box<[u8]>,
    pub(super) names: Vec<WrittenName>,
}

/// A name in RDATA as written.
#[derive(Clone, Debug)]
pub(super) struct WrittenName {
    pub(super) name: Name,
    pub(super) is_relative: bool,
    pub(super) labels_written: usize,
    pub(super) text: String,
}

/// Why a text is no RDATA.
#[derive(Clone, Debug)]
pub(super) struct RdataFault {
    pub(super) message: String,
    pub(super) range: Option<Range<usize>>,
    pub(super) help: Option<String>,
}

/// Reads RDATA in master-file form.
pub(super) fn parse_rdata(rtype: Rtype, text: &str, origin: &Name) -> Result<Parsed, RdataFault> {
    let fault = |message: String| RdataFault {
        message,
        range: None,
        help: None,
    };
    let name_of = |text: &str| -> Result<WrittenName, RdataFault> {
        let name = Name::parse(text, origin).map_err(|f| fault(f.to_string()))?;
        let is_relative = !text.ends_with('.') && text != "@";
        Ok(WrittenName {
            labels_written: name.label_count().saturating_sub(origin.label_count()),
            name,
            is_relative,
            text: text.to_owned(),
        })
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let numbers_then_name = |count: usize| -> Result<Parsed, RdataFault> {
        if words.len() != count + 1 {
            return Err(fault(format!("{rtype} needs {} fields", count + 1)));
        }
        let mut octets = Vec::new();
        for word in &words[..count] {
            let number: u16 = word
                .parse()
                .map_err(|_| fault(format!("`{word}` is no number")))?;
            octets.extend(number.to_be_bytes());
        }
        let name = name_of(words[count])?;
        octets.extend(name.name.octets());
        Ok(Parsed {
            octets: octets.into(),
            names: vec![name],
        })
    };
    let address = |octets: Vec<u8>| Parsed {
        octets: octets.into(),
        names: Vec::new(),
    };
    match rtype {
        Rtype::A => text
            .parse::<std::net::Ipv4Addr>()
            .map(|a| address(a.octets().to_vec()))
            .map_err(|_| fault(format!("`{text}` is no IPv4 address"))),
        Rtype::AAAA => text
            .parse::<std::net::Ipv6Addr>()
            .map(|a| address(a.octets().to_vec()))
            .map_err(|_| fault(format!("`{text}` is no IPv6 address"))),
        Rtype::NS | Rtype::CNAME | Rtype::PTR | Rtype::DNAME => numbers_then_name(0),
        Rtype::MX => numbers_then_name(1),
        Rtype::SRV => numbers_then_name(3),
        _ => Ok(address(text.as_bytes().to_vec())),
    }
}

/// Makes TXT RDATA of strings of at most 255 octets.
pub(super) fn txt_rdata(strings: &[&[u8]]) -> Result<Box<[u8]>, RdataFault> {
    let mut octets = Vec::new();
    for string in strings {
        let length = u8::try_from(string.len()).map_err(|_| RdataFault {
            message: "a string of TXT is longer than 255 bytes".to_owned(),
            range: None,
            help: None,
        })?;
        octets.push(length);
        octets.extend_from_slice(string);
    }
    Ok(octets.into())
}
