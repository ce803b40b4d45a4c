//! Names that have lost their final dot: owners that repeat the zone, names in data that lead nowhere inside it.
//!
//! In: validated records and the text that they come from. Out: warnings. Never here: names that are written with their
//! dot, which are meant so.

use std::ops::Range;

use crate::wire::{LostDot, Name, Rtype, find_lost_dot, rdata_name_ranges};
use crate::zone::Row;

use super::finding::warning;
use super::finding::{Findings, SourceText};
use super::records::{Records, place_of};

/// Characters of a record's text that are searched for a name; chosen, an SOA with its comments fits.
const SEARCHED_MAX: usize = 2_048;

/// Warns of names that were meant to be absolute.
pub(super) fn validate_dots(records: &Records, sources: &[SourceText], findings: &mut Findings) {
    let apex = records.log.names.octets(records.apex);
    // Without the root label, as the apex stands in the middle of a name.
    let Some(tail) = apex.strip_suffix(b"\0").filter(|tail| !tail.is_empty()) else {
        return;
    };
    let zone = Zone {
        records,
        sources,
        apex_len: apex.len(),
        tail,
    };
    zone.validate_owners(findings);
    for row in &records.log.rows {
        zone.validate_data(row, findings);
    }
}

struct Zone<'r> {
    records: &'r Records,
    sources: &'r [SourceText],
    apex_len: usize,
    tail: &'r [u8],
}

impl Zone<'_> {
    fn apex(&self) -> &[u8] {
        self.records.log.names.octets(self.records.apex)
    }

    fn validate_owners(&self, findings: &mut Findings) {
        let (names, apex) = (&self.records.log.names, self.apex());
        let doubtful: Vec<u32> = (0..names.len() as u32)
            .filter(|number| find_lost_dot(names.octets(*number), apex).is_some())
            .collect();
        if doubtful.is_empty() {
            return;
        }
        let is_one = |one: &Row, other: &Row| one.owner == other.owner;
        for rows in self.records.log.rows.chunk_by(is_one) {
            if doubtful.binary_search(&rows[0].owner).is_ok() {
                self.validate_owner(rows, findings);
            }
        }
    }

    fn validate_owner(&self, rows: &[Row], findings: &mut Findings) {
        let folded = self.records.log.names.octets(rows[0].owner);
        let repeats = find_lost_dot(folded, self.apex()) == Some(LostDot::RepeatsZone);
        let is_cut = rows.iter().any(|row| row.rtype == Rtype::NS);
        // Below a domain of one label, `com` in `com` is a name like others.
        if repeats && is_cut && self.tail.len() == 1 + usize::from(self.tail[0]) {
            return;
        }
        let owner = self.records.log.names.name(rows[0].owner);
        let text = owner.to_relative(&self.records.apex());
        let written = self.word_at(&rows[0]);
        if !repeats && !written.eq_ignore_ascii_case(&text) {
            return;
        }
        let (message, help) = if repeats {
            let whole =
                Name::parse_absolute(&text).map_or_else(|_| text.clone(), |name| name.to_string());
            let relative = text_without(&text, &self.records.apex().to_string());
            let message = format!("{owner} repeats the zone: `{text}` has no final dot");
            (message, format!("write `{whole}`, or `{relative}`"))
        } else {
            let message = format!("`{text}` is read as {owner}: it has no final dot");
            (
                message,
                format!(
                    "a name outside, `{text}.`, has no place in this zone; drop the line, or mend the name"
                ),
            )
        };
        findings.add(place_of(&rows[0]), warning("M040", message).help(help));
    }

    /// Returns the first word of the line of a row.
    fn word_at(&self, row: &Row) -> &str {
        let text = self.text_at(row);
        text.split_whitespace().next().unwrap_or_default()
    }

    fn text_at(&self, row: &Row) -> &str {
        let source = self.sources.get(usize::from(row.file));
        source
            .and_then(|source| source.text.get(row.at as usize..))
            .unwrap_or_default()
    }

    /// Validates the names in the data of a record.
    fn validate_data(&self, row: &Row, findings: &mut Findings) {
        let rdata = self.records.log.rdata(row);
        let plain = match row.rtype {
            Rtype::A | Rtype::AAAA | Rtype::TXT | Rtype::DS | Rtype::DNSKEY => return,
            Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3 | Rtype::CAA => return,
            Rtype::NS | Rtype::CNAME | Rtype::PTR | Rtype::DNAME => Some(0..rdata.len()),
            Rtype::MX => Some(2..rdata.len()),
            Rtype::SRV => Some(6..rdata.len()),
            _ => None,
        };
        if let Some(range) = plain {
            self.validate_name(row, rdata, range, findings);
            return;
        }
        for (number, name) in rdata_name_ranges(row.rtype, rdata).into_iter().enumerate() {
            let is_mailbox = row.rtype == Rtype::SOA && number == 1;
            let octets = rdata.get(name.range.clone()).unwrap_or_default();
            // A mailbox stands for no name: only what it ends in tells.
            if !is_mailbox || find_lost_dot(octets, self.apex()).is_some() {
                self.validate_name(row, rdata, name.range, findings);
            }
        }
    }

    fn validate_name(&self, row: &Row, rdata: &[u8], range: Range<usize>, findings: &mut Findings) {
        let Some(octets) = rdata.get(range) else {
            return;
        };
        // Most lead out of the zone, or to a name of one label in it.
        let Some((inner, apex)) =
            octets.split_at_checked(octets.len().saturating_sub(self.apex_len))
        else {
            return;
        };
        let has_labels = inner
            .first()
            .is_some_and(|length| inner.len() > usize::from(*length) + 1);
        let is_inside = apex
            .get(..self.tail.len())
            .is_some_and(|end| end.eq_ignore_ascii_case(self.tail));
        if !has_labels || !is_inside {
            return;
        }
        let folded = octets.to_ascii_lowercase();
        if find_lost_dot(octets, self.apex()).is_none() && self.has_relatives(&folded) {
            return;
        }
        let Ok((name, _)) = Name::from_wire(octets) else {
            return;
        };
        let text = name.to_relative(&self.records.apex());
        if !has_word(self.text_at(row), &text) {
            return;
        }
        let owner = self.records.log.names.name(row.owner);
        let message = format!(
            "{owner} {}: `{text}` is read as {name}: it has no final dot",
            row.rtype
        );
        let help = format!("write `{text}.`: only a dot at the end makes a name absolute");
        findings.add(place_of(row), warning("M040", message).help(help));
    }

    /// Returns whether a name, one above it inside the zone, or a wildcard for it is in the zone.
    fn has_relatives(&self, folded: &[u8]) -> bool {
        let mut rest = folded;
        while rest.len() > self.apex_len {
            if self.records.find(rest).is_some() {
                return true;
            }
            let length = usize::from(rest[0]);
            let above = rest.get(1 + length..).unwrap_or_default();
            let wildcard = [b"\x01*", above].concat();
            if self.records.find(&wildcard).is_some() {
                return true;
            }
            rest = above;
        }
        false
    }
}

/// Takes a name in text from the end of another; `@` if nothing is left.
fn text_without(text: &str, apex: &str) -> String {
    let apex = apex.trim_end_matches('.');
    let length = text.len().saturating_sub(apex.len());
    let rest = text.get(..length).unwrap_or_default().trim_end_matches('.');
    if rest.is_empty() {
        "@".to_owned()
    } else {
        rest.to_owned()
    }
}

/// Returns whether the text of a record has a word that stands alone: without a dot behind it, so that it is relative.
fn has_word(text: &str, word: &str) -> bool {
    let end = text
        .char_indices()
        .nth(SEARCHED_MAX)
        .map_or(text.len(), |(at, _)| at);
    let is_border = |c: char| c.is_whitespace() || "()\";".contains(c);
    text[..end]
        .split(is_border)
        .any(|found| found.eq_ignore_ascii_case(word))
}
