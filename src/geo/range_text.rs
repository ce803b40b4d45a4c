//! Reads lines of `FIRST,LAST,CC`, as IP-to-country lists and Tor's files have them.
//!
//! In: text. Out: [`Contents`]. Never here: country names, other columns than the first three.

use super::contents::{Contents, Database, DatabaseFault, FORMATS_HELP, NETWORKS_MAX, RunList};
use super::continent::Continent;
use super::place_code::Place;
use super::place_table::{Spot, SpotTable};
use super::runs::Key;
use std::net::{IpAddr, Ipv4Addr};

/// A range of addresses, with its line in the file.
struct Range<K> {
    first: K,
    last: K,
    number: u32,
    line: usize,
}

/// Reads the whole text. Empty lines and lines that start with `#` do not count; order does not matter.
pub(super) fn read(text: &str, spots: &mut SpotTable) -> Result<Contents, DatabaseFault> {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    let mut odd_records = 0;
    for (i, line) in text.lines().enumerate() {
        let (line, line_number) = (line.trim(), i + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (first, last, code) = read_line(line).ok_or_else(|| bad_line(line_number, line))?;
        let place = read_country(code);
        odd_records += usize::from(place.is_none() && !stands_for_unknown(code));
        let number = spots.number(Spot { place, point: None });
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => v4.push(Range {
                first: first.to_bits(),
                last: last.to_bits(),
                number,
                line: line_number,
            }),
            (IpAddr::V6(first), IpAddr::V6(last)) => v6.push(Range {
                first: first.to_bits(),
                last: last.to_bits(),
                number,
                line: line_number,
            }),
            _ => return Err(bad_line(line_number, line)),
        }
        if v4.len() + v6.len() > NETWORKS_MAX {
            let message = format!("more than {NETWORKS_MAX} ranges");
            return Err(DatabaseFault::new(message, FORMATS_HELP));
        }
    }
    let networks = v4.len() + v6.len();
    let (v4, v6) = (order(v4)?, order(v6)?);
    Ok(Contents {
        database: Database {
            kind: "ranges as text".to_owned(),
            built_secs: None,
            knows_v4: v4.is_known(),
            knows_v6: v6.is_known(),
            networks,
            odd_records,
        },
        v4,
        v6,
    })
}

/// First address, last address, country code.
fn read_line(line: &str) -> Option<(IpAddr, IpAddr, &str)> {
    let mut fields = line.split(',').map(|field| field.trim().trim_matches('"'));
    let first = read_address(fields.next()?)?;
    let last = read_address(fields.next()?)?;
    let code = fields.next()?;
    (first <= last).then_some((first, last, code))
}

/// An address, or an IPv4 address as a decimal number (Tor writes these).
fn read_address(text: &str) -> Option<IpAddr> {
    let decimal = || {
        text.parse::<u32>()
            .ok()
            .map(|bits| Ipv4Addr::from_bits(bits).into())
    };
    text.parse().ok().or_else(decimal)
}

/// The place of a database's country code. Old lists write the continents EU and AP for "somewhere there".
pub(super) fn read_country(code: &str) -> Option<Place> {
    let code = code.to_ascii_uppercase();
    match code.as_str() {
        "EU" => Some(Place::of_continent(Continent::EU)),
        "AP" => Some(Place::of_continent(Continent::AS)),
        "UK" => Place::of_country("GB"),
        code => Place::of_country(code),
    }
}

/// Returns whether a code is one of those that databases write for unknown.
pub(super) fn stands_for_unknown(code: &str) -> bool {
    matches!(
        code.to_ascii_uppercase().as_str(),
        "" | "??" | "-" | "--" | "ZZ" | "NONE" | "A1" | "A2" | "O1" | "XX" | "T1"
    )
}

fn order<K: Key>(mut ranges: Vec<Range<K>>) -> Result<RunList<K>, DatabaseFault> {
    ranges.sort_unstable_by_key(|range| (range.first, range.line));
    let mut list = RunList::new();
    for range in ranges {
        list.push(range.first, range.last, range.number)
            .ok_or_else(|| overlap(range.line, range.first.address()))?;
    }
    Ok(list)
}

fn overlap(line: usize, first: IpAddr) -> DatabaseFault {
    DatabaseFault::new(
        format!("line {line}: the range from {first} overlaps another one"),
        "list every address once",
    )
}

fn bad_line(line_number: usize, line: &str) -> DatabaseFault {
    const SHOWN_MAX: usize = 60;
    let shown: String = line.chars().take(SHOWN_MAX).collect();
    DatabaseFault::new(
        format!("line {line_number} is no range: {shown:?}"),
        "write FIRST,LAST,CC, for example 192.0.2.0,192.0.2.255,DE",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_numbers_quotes_and_both_families() {
        let text = "# list\n\n2001:db8::,2001:db8::ffff,SE,ignored\n\
                    \"1.0.1.0\",\"1.0.1.255\",\"CN\"\n16777216,16777471,AU\n1.0.2.0,1.0.2.255,??\n1.0.3.0,1.0.3.9,QQ\n";
        let contents = read(text, &mut SpotTable::new()).expect("a list");
        assert_eq!(
            contents.v4.runs,
            [(0, 0), (0x0100_0000, 3), (0x0100_0100, 2), (0x0100_0200, 0)]
        );
        assert_eq!(contents.v6.runs.len(), 3);
        assert!(contents.database.knows_v4 && contents.database.knows_v6);
        assert_eq!(
            (contents.database.networks, contents.database.odd_records),
            (5, 1)
        );
    }

    #[test]
    fn a_fault_names_the_line() {
        let cases = [
            ("1.0.0.0,1.0.0.255", "line 1 is no range"),
            ("# x\n1.0.0.9,1.0.0.1,DE", "line 2 is no range"),
            ("1.0.0.0,::1,DE", "line 1 is no range"),
            (
                "1.0.0.0,1.0.0.9,DE\n1.0.0.9,1.0.0.20,FR",
                "line 2: the range from 1.0.0.9",
            ),
        ];
        for (text, wanted) in cases {
            let fault = read(text, &mut SpotTable::new()).expect_err(wanted);
            assert!(fault.message.contains(wanted), "{fault}");
        }
    }
}
