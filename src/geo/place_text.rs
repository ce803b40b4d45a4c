//! Reader of places as people write them (rules a16, a17), with advice on what to write instead.
//!
//! In: one text. Out: a [`Place`] or a [`PlaceFault`] for a diagnostic. Never here: positions in files.

use super::continent::Continent;
use super::country::{Country, MISTAKEN_CODES, countries, find_country};
use super::place_code::Place;
use super::subdivision::{find_subdivision, subdivisions_of};

/// Reason why a text is no place, with advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceFault {
    /// Fault, without a full stop.
    pub message: String,
    /// Advice on what to write instead.
    pub help: String,
}

/// Names this alike count as the same name misspelt (Jaro-Winkler); chosen: accepts one slip in a short name.
const ALIKE_MIN: f64 = 0.9;
/// Most places named in one hint.
const SUGGESTIONS_MAX: usize = 3;

impl Place {
    /// Reads `CONTINENT[-COUNTRY[-SUBDIVISION]]`, or the same without the continent unless the first part is the code
    /// of one (rule a16).
    ///
    /// # Errors
    /// The fault, with advice.
    pub fn parse(text: &str) -> Result<Self, PlaceFault> {
        let parts: Vec<&str> = text.split('-').collect();
        if let Some(fault) = fault_of_form(text, &parts) {
            return Err(fault);
        }
        let (country_code, subdivision) = match Continent::from_code(parts[0]) {
            Some(continent) => match parts[1..] {
                [] => return Ok(Self::of_continent(continent)),
                [country] => (country_under(continent, country, None)?, None),
                [country, part] => (country_under(continent, country, Some(part))?, Some(part)),
                _ => return Err(too_many_parts(text)),
            },
            None => match parts[..] {
                [country] => (country, None),
                [country, part] => (country, Some(part)),
                _ => return Err(three_parts_without_continent(text, &parts)),
            },
        };
        let country = Self::of_country(country_code).ok_or_else(|| unknown_code(country_code))?;
        match subdivision {
            None => Ok(country),
            Some(part) => read_subdivision(country, country_code, part),
        }
    }
}

/// Faults that show before any code is looked up: nothing, `default`, names, small letters, empty parts.
fn fault_of_form(text: &str, parts: &[&str]) -> Option<PlaceFault> {
    if matches!(text, "*" | "default" | "world") {
        let message = format!("{text:?} is no place");
        return Some(fault(
            message,
            "clients of no other key belong under `default`",
        ));
    }
    if let Some(place) = find_by_name(text) {
        let message = format!("places are written as codes, not as names: {text:?}");
        return Some(fault(message, format!("write {place}")));
    }
    if parts.iter().any(|part| part.is_empty()) {
        let message = format!("{text:?} lacks a part");
        return Some(fault(message, FORM_HELP));
    }
    let is_plain = text.bytes().all(|b| b == b'-' || b.is_ascii_alphanumeric());
    let capitals = text.to_ascii_uppercase();
    if is_plain && capitals != text {
        let message = format!("places are written in capitals: {text:?}");
        let help =
            Place::parse(&capitals).map_or_else(|fault| fault.help, |p| format!("write {p}"));
        return Some(fault(message, help));
    }
    let underscored = text.replace(['_', '/', '.', ' '], "-");
    if !is_plain && underscored != text {
        let message = format!("parts of a place are joined by hyphens: {text:?}");
        let help =
            Place::parse(&underscored).map_or_else(|fault| fault.help, |p| format!("write {p}"));
        return Some(fault(message, help));
    }
    None
}

const FORM_HELP: &str = "write a continent, country or subdivision such as EU, EU-DE or NA-US-CA";

/// The country's code if the country lies on the continent written before it.
fn country_under<'a>(
    continent: Continent,
    code: &'a str,
    part: Option<&str>,
) -> Result<&'a str, PlaceFault> {
    let tail = part.map_or_else(String::new, |part| format!("-{part}"));
    let Some(country) = find_country(code) else {
        return Err(unknown_under(continent, code, &tail));
    };
    if country.continent == continent {
        return Ok(code);
    }
    let right = country.continent;
    Err(fault(
        format!(
            "{} ({code}) is not in {} but in {}",
            country.name,
            continent.english_name(),
            right.english_name()
        ),
        format!("write {}-{code}{tail}", right.code()),
    ))
}

/// The fault of an unknown country under a continent, which may be a subdivision of the country of the same code.
fn unknown_under(continent: Continent, code: &str, tail: &str) -> PlaceFault {
    let meant = find_country(continent.code())
        .filter(|_| tail.is_empty())
        .and_then(|country| {
            Place::of_country(country.code)?
                .with_subdivision(code)
                .map(|p| (country, p))
        });
    let Some((country, place)) = meant else {
        return unknown_code(code);
    };
    fault(
        format!("{code:?} is not a country of {}", continent.english_name()),
        format!(
            "a first part {} is always {}; for {} write {place}",
            continent.code(),
            continent.english_name(),
            country.name
        ),
    )
}

fn read_subdivision(country: Place, code: &str, part: &str) -> Result<Place, PlaceFault> {
    let Some(place) = country.with_subdivision(part) else {
        return Err(fault(
            format!("{part:?} is no subdivision code"),
            "the part of ISO 3166-2 after the hyphen has one to three capitals or digits",
        ));
    };
    if subdivisions_of(code).is_empty() || find_subdivision(code, part).is_some() {
        return Ok(place);
    }
    Err(unknown_subdivision(code, part))
}

const US_TERRITORIES: [&str; 6] = ["AS", "GU", "MP", "PR", "UM", "VI"];

fn unknown_subdivision(code: &str, part: &str) -> PlaceFault {
    let name = country_name(code);
    let message = format!("{name} has no subdivision {part:?}");
    // Territories are countries in ISO 3166-1 and in Route 53 (`route53` 2.5.8).
    if code == "US"
        && US_TERRITORIES.contains(&part)
        && let Some(territory) = Place::of_country(part)
    {
        let help = format!(
            "{} is a country of its own: write {territory}",
            territory.english_name()
        );
        return fault(message, help);
    }
    let alike: Vec<String> = subdivisions_of(code)
        .iter()
        .filter(|row| row.part().starts_with(&part[..1]))
        .take(SUGGESTIONS_MAX)
        .map(|row| format!("{code}-{} ({})", row.part(), row.name))
        .collect();
    if alike.is_empty() {
        return fault(message, format!("write {code} for all of {name}"));
    }
    fault(message, format!("did you mean {}?", alike.join(", ")))
}

fn too_many_parts(text: &str) -> PlaceFault {
    fault(format!("{text:?} has more than three parts"), FORM_HELP)
}

fn three_parts_without_continent(text: &str, parts: &[&str]) -> PlaceFault {
    if parts.len() > 3 {
        return too_many_parts(text);
    }
    let message = format!("{:?} is no continent", parts[0]);
    let without_first = Place::parse(&parts[1..].join("-"));
    match without_first.or_else(|_| Place::parse(&parts[..2].join("-"))) {
        Ok(place) => fault(message, format!("write {place}")),
        Err(_) => fault(message, "the continents are AF AN AS EU NA OC SA"),
    }
}

fn unknown_code(code: &str) -> PlaceFault {
    let message = format!("{code:?} is no country code of ISO 3166-1");
    let mistaken = MISTAKEN_CODES.iter().find(|(wrong, _)| *wrong == code);
    if let Some((_, right)) = mistaken
        && let Some(place) = Place::of_country(right)
    {
        return fault(
            message,
            format!("write {place} for {}", place.english_name()),
        );
    }
    let alike: Vec<String> = countries_like(code)
        .take(SUGGESTIONS_MAX)
        .map(|country| {
            format!(
                "{}-{} ({})",
                country.continent.code(),
                country.code,
                country.name
            )
        })
        .collect();
    if alike.is_empty() {
        return fault(message, FORM_HELP);
    }
    fault(message, format!("did you mean {}?", alike.join(", ")))
}

/// Countries whose English name starts with a text written as a code: `JA` may be Jamaica or Japan.
fn countries_like(code: &str) -> impl Iterator<Item = &'static Country> {
    let code = code.to_owned();
    countries().iter().filter(move |country| {
        let start = country.name.get(..code.len());
        code.len() >= 2 && start.is_some_and(|start| start.eq_ignore_ascii_case(&code))
    })
}

/// The place of an English name, misspelt a little or not; too short texts are codes.
fn find_by_name(text: &str) -> Option<Place> {
    if text.len() < 4 || Continent::from_code(text.split('-').next()?).is_some() {
        return None;
    }
    let wanted = text.to_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &wanted);
    let continents = Continent::ALL
        .into_iter()
        .map(|c| (likeness(c.english_name()), Place::of_continent(c)));
    let countries = countries()
        .iter()
        .filter_map(|c| Some((likeness(c.name), Place::of_country(c.code)?)));
    let best = continents
        .chain(countries)
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= ALIKE_MIN).then_some(best.1)
}

fn country_name(code: &str) -> &str {
    find_country(code).map_or(code, |country| country.name)
}

fn fault(message: impl Into<String>, help: impl Into<String>) -> PlaceFault {
    PlaceFault {
        message: message.into(),
        help: help.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_long_and_the_short_form() {
        let cases = [
            ("EU", "EU"),
            ("EU-DE", "EU-DE"),
            ("NA-US-CA", "NA-US-CA"),
            ("US", "NA-US"),
            ("US-CA", "NA-US-CA"),
            ("DE-BY", "EU-DE-BY"),
            ("AS-SA", "AS-SA"),
            ("AF-NA", "AF-NA"),
            ("AS-AF", "AS-AF"),
            ("OC-AS", "OC-AS"),
            ("NA", "NA"),
            ("TR", "EU-TR"),
            ("RU-MOW", "EU-RU-MOW"),
            ("FR-75", "EU-FR-75"),
            ("XK", "EU-XK"),
        ];
        for (text, wanted) in cases {
            assert_eq!(
                Place::parse(text).map(|p| p.to_string()),
                Ok(wanted.to_owned())
            );
        }
    }

    #[test]
    fn says_what_to_write_instead() {
        let cases = [
            ("AS-TR", "not in Asia but in Europe", "write EU-TR"),
            ("EU-US-CA", "not in Europe", "write NA-US-CA"),
            ("UK", "no country code", "write EU-GB for United Kingdom"),
            ("JA", "no country code", "AS-JP (Japan)"),
            ("us-ca", "capitals", "write NA-US-CA"),
            ("US_CA", "hyphens", "write NA-US-CA"),
            ("Germany", "codes, not as names", "write EU-DE"),
            ("Germny", "codes, not as names", "write EU-DE"),
            ("Europe", "codes, not as names", "write EU"),
            ("US-ZZ", "no subdivision", "write US for all"),
            ("US-CX", "no subdivision", "US-CA (California)"),
            (
                "US-PR",
                "no subdivision",
                "Puerto Rico is a country of its own: write NA-PR",
            ),
            ("CA-OT", "no subdivision", "CA-ON (Ontario)"),
            (
                "SA-01",
                "not a country of South America",
                "for Saudi Arabia write AS-SA-01",
            ),
            ("US-CA-LA", "no continent", "write NA-US-CA"),
            ("QQ-QQ-CA", "no continent", "AF AN AS EU"),
            ("AM-US-CA", "no continent", "write NA-US-CA"),
            ("EU-DE-BY-1", "more than three", "EU-DE"),
            ("EU-DE-BAYERN", "no subdivision code", "one to three"),
            ("*", "no place", "default"),
            ("default", "no place", "default"),
            ("", "lacks a part", "EU-DE"),
            ("EU-", "lacks a part", "EU-DE"),
            ("\u{e9}\u{e9}", "no country code", "EU-DE"),
            ("ZZ", "no country code", "EU-DE"),
        ];
        for (text, message, help) in cases {
            let fault = Place::parse(text).expect_err(text);
            assert!(fault.message.contains(message), "{text}: {fault:?}");
            assert!(fault.help.contains(help), "{text}: {fault:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_reads_back_what_it_writes(text in "[A-Z]{2}(-[A-Z]{2})?(-[A-Z0-9]{1,3})?|.{0,12}") {
            if let Ok(place) = Place::parse(&text) {
                prop_assert_eq!(Place::parse(&place.to_string()), Ok(place));
            }
        }
    }
}
