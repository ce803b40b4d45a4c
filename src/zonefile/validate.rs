//! Rules that need the whole zone: the apex, records outside, RRsets, aliases (RFC 2181, sections 5 and 10).
//!
//! In: every record as read. Out: records grouped into RRsets, without duplicates; findings. Never here: text.

use std::collections::HashSet;
use std::ops::Range;

use crate::wire::{Name, Rtype, is_at_or_below, rdata_name_ranges};
use crate::zone::Row;

use super::apex::{SoaSource, validate_apex};
use super::build::minimum_of;
use super::dots::validate_dots;
use super::finding::{ALIKE_MAX, Findings, SourceText, fault, note, warning};
use super::links::validate_links;
use super::records::{Records, TTL_OPEN, place_of};

/// Inputs of validation apart from the records of a zone.
pub(super) struct Validation<'r> {
    /// Zone that the file is named for.
    pub(super) named: &'r Name,
    /// Words that the owner of the first SOA comes from.
    pub(super) soa: Option<&'r SoaSource>,
    pub(super) sources: &'r [SourceText],
}

/// Validates a zone and puts its records in order; returns how many lie outside and are left out.
pub(super) fn validate(
    records: &mut Records,
    by: &Validation<'_>,
    findings: &mut Findings,
) -> usize {
    let Some(soa) = records
        .log
        .rows
        .iter()
        .find(|row| row.rtype == Rtype::SOA)
        .copied()
    else {
        // Faults of lines may have hidden it.
        if !findings.has_fault() {
            let message = if records.is_empty() {
                "the file holds no records"
            } else {
                "the zone has no SOA"
            };
            let help = "write `@ IN SOA ns1 hostmaster 1 1h 15m 2w 5m`";
            findings.add((0, 0..0), fault("M020", message).help(help));
        }
        return 0;
    };
    records.apex = soa.owner;
    if let Some(file_state) = by.soa
        && !validate_apex(
            (&records.apex(), by.named),
            file_state,
            by.sources,
            findings,
        )
    {
        return 0;
    }
    let minimum = minimum_of(records.log.rdata(&soa)).min(0x7fff_ffff);
    let left_out = keep_inside(records, findings);
    for row in &mut records.log.rows {
        if row.ttl == TTL_OPEN {
            row.ttl = minimum;
        }
    }
    records.log.group();
    drop_duplicates(records, findings);
    level_ttls(records, findings);
    validate_owners(records, findings);
    // After a fault a record that others lead to may be missing here.
    if !findings.has_fault() {
        warn_of_automatic_ttls(records, findings);
        validate_dots(records, by.sources, findings);
        validate_links(records, findings);
    }
    left_out
}

/// Warns of TTLs of one second: exports of Cloudflare write so that the provider chooses.
fn warn_of_automatic_ttls(records: &Records, findings: &mut Findings) {
    let mut short = records.log.rows.iter().filter(|row| row.ttl == 1);
    let Some(first) = short.next() else { return };
    let count = 1 + short.count();
    let plural = if count == 1 {
        "record has"
    } else {
        "records have"
    };
    let message = format!("{count} {plural} a TTL of 1 second: resolvers ask again each second");
    let help = "in exports of Cloudflare 1 says `automatic`, which is 300: write that";
    findings.add(place_of(first), warning("M044", message).help(help));
}

/// Drops records outside the zone, as BIND and Knot do; returns how many.
fn keep_inside(records: &mut Records, findings: &mut Findings) -> usize {
    let apex = records.log.names.octets(records.apex);
    let is_inside: Vec<bool> = (0..records.log.names.len() as u32)
        .map(|number| is_at_or_below(records.log.names.octets(number), apex))
        .collect();
    if is_inside.iter().all(|inside| *inside) {
        return 0;
    }
    let apex = records.apex();
    let is_outside = |row: &&Row| !is_inside[row.owner as usize];
    let outside = || records.log.rows.iter().filter(is_outside);
    let count = outside().count();
    // One place is kept for how many they are.
    for row in outside().take(if count < ALIKE_MAX {
        count
    } else {
        ALIKE_MAX - 1
    }) {
        let owner = records.log.names.name(row.owner);
        let message = format!("{owner} lies outside {apex}; the record is left out");
        let help = "a dot at the end makes a name absolute; look at $ORIGIN too";
        findings.add(place_of(row), warning("M023", message).help(help));
    }
    if count >= ALIKE_MAX
        && let Some(row) = outside().nth(ALIKE_MAX - 1)
    {
        let message = format!(
            "{count} records lie outside {apex}, from here on without a line each; all are left out"
        );
        findings.add(place_of(row), warning("M023", message));
    }
    let all = records.log.rows.len();
    records.log.rows.retain(|row| is_inside[row.owner as usize]);
    all - records.log.rows.len()
}

/// Drops records that are written twice (RFC 2181, section 5).
fn drop_duplicates(records: &mut Records, findings: &mut Findings) {
    let mut dropped: Vec<usize> = Vec::new();
    let mut start = 0;
    while start < records.log.rows.len() {
        let first = records.log.rows[start];
        let length = records.log.rows[start..]
            .iter()
            .take_while(|row| (row.owner, row.rtype) == (first.owner, first.rtype))
            .count();
        if length > 1 {
            find_repeated(records, start..start + length, &mut dropped);
        }
        start += length;
    }
    for &at in &dropped {
        let row = &records.log.rows[at];
        let owner = records.log.names.name(row.owner);
        let message = format!("{owner} {} is written twice with the same RDATA", row.rtype);
        findings.add(place_of(row), note("M024", message));
    }
    if dropped.is_empty() {
        return;
    }
    let mut dropped = dropped.into_iter().peekable();
    let mut at = 0;
    records.log.rows.retain(|_| {
        let is_dropped = dropped.next_if_eq(&at).is_some();
        at += 1;
        !is_dropped
    });
}

/// Notes the rows of one RRset whose RDATA stands in a row before.
fn find_repeated(records: &Records, range: Range<usize>, repeated: &mut Vec<usize>) {
    let rows = &records.log.rows[range.clone()];
    let is_address = matches!(rows[0].rtype, Rtype::A | Rtype::AAAA);
    if is_address && rows.len() <= FEW {
        for (at, row) in rows.iter().enumerate() {
            let rdata = records.log.rdata(row);
            if rows[..at]
                .iter()
                .any(|before| records.log.rdata(before) == rdata)
            {
                repeated.push(range.start + at);
            }
        }
        return;
    }
    let mut seen = HashSet::with_capacity(rows.len());
    for (at, row) in range.zip(rows) {
        if !seen.insert(comparable(row.rtype, records.log.rdata(row))) {
            repeated.push(at);
        }
    }
}

/// Most records that are compared each with each instead of hashed. Chosen; no standard value.
const FEW: usize = 8;

/// Returns RDATA with the names in it in lower case: those compare without case (RFC 4034, section 6.2).
fn comparable(rtype: Rtype, rdata: &[u8]) -> Vec<u8> {
    let mut octets = rdata.to_vec();
    for name in rdata_name_ranges(rtype, rdata) {
        octets[name.range].make_ascii_lowercase();
    }
    octets
}

/// Gives the records of an RRset one TTL: the lowest (RFC 2181, section 5.2). Signatures belong to RRsets of their own.
fn level_ttls(records: &mut Records, findings: &mut Findings) {
    let mut uneven = Vec::new();
    let same = |one: &Row, other: &Row| (one.owner, one.rtype) == (other.owner, other.rtype);
    for rows in records.log.rows.chunk_by_mut(same) {
        let lowest = rows.iter().map(|row| row.ttl).min().unwrap_or(0);
        let Some(other) = rows.iter().find(|row| row.ttl != lowest).copied() else {
            continue;
        };
        rows.iter_mut().for_each(|row| row.ttl = lowest);
        if other.rtype != Rtype::RRSIG {
            uneven.push((other, lowest));
        }
    }
    for (row, lowest) in uneven {
        let owner = records.log.names.name(row.owner);
        let message = format!(
            "{owner} {} has TTLs {} and {lowest}; {lowest} is used",
            row.rtype, row.ttl
        );
        let help = "give all records of one name and type the same TTL (RFC 2181, section 5.2)";
        findings.add(place_of(&row), warning("M025", message).help(help));
    }
}

/// Validates the types at each name: aliases alone, one SOA, NS at the apex.
fn validate_owners(records: &Records, findings: &mut Findings) {
    let same = |one: &Row, other: &Row| one.owner == other.owner;
    let mut has_apex_ns = false;
    for rows in records.log.rows.chunk_by(same) {
        let is_apex = rows[0].owner == records.apex;
        has_apex_ns |= is_apex && rows.iter().any(|row| row.rtype == Rtype::NS);
        validate_soas(records, rows, is_apex, findings);
        validate_aliases(records, rows, findings);
    }
    if !has_apex_ns {
        let message = format!("{} has no NS records", records.apex());
        let help = "write `@ IN NS ns1.example.net.` with the names that the parent zone lists";
        findings.add((0, 0..0), warning("M030", message).help(help));
    }
}

fn validate_soas(records: &Records, rows: &[Row], is_apex: bool, findings: &mut Findings) {
    let mut soas = rows.iter().filter(|row| row.rtype == Rtype::SOA);
    if is_apex {
        soas.next();
        for row in soas {
            let message = format!("{} has a second SOA", records.apex());
            findings.add(place_of(row), fault("M021", message).help("keep one"));
        }
        return;
    }
    for row in soas {
        let owner = records.log.names.name(row.owner);
        let message = format!("{owner} has an SOA, but the zone is {}", records.apex());
        let help = "a zone below goes into a file of its own, with NS records here";
        findings.add(place_of(row), fault("M022", message).help(help));
    }
}

fn validate_aliases(records: &Records, rows: &[Row], findings: &mut Findings) {
    let owner = || records.log.names.name(rows[0].owner);
    for (code, rtype) in [("M027", Rtype::CNAME), ("M028", Rtype::DNAME)] {
        if let Some(second) = rows.iter().filter(|row| row.rtype == rtype).nth(1) {
            let message = format!("{} has more than one {rtype}", owner());
            findings.add(place_of(second), fault(code, message).help("keep one"));
        }
    }
    let Some(alias) = rows.iter().find(|row| row.rtype == Rtype::CNAME) else {
        return;
    };
    // RFC 1034, section 3.6.2; RFC 4034, section 3 and 4; RFC 6672, section 2.4.
    // RFC 2535, section 2.3.5: KEY may stand beside CNAME.
    let may_stay = |rtype| {
        matches!(
            rtype,
            Rtype::CNAME | Rtype::RRSIG | Rtype::NSEC | Rtype::KEY
        )
    };
    if let Some(other) = rows.iter().find(|row| !may_stay(row.rtype)) {
        let message = format!("{} has a CNAME and {} beside it", owner(), other.rtype);
        let help = "an alias has no other data: drop the CNAME, or move the rest to its target";
        findings.add(place_of(alias), fault("M026", message).help(help));
    }
}
