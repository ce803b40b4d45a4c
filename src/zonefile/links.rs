//! Remarks on targets of records: hosts that are aliases, name servers without addresses, hidden data.
//!
//! In: validated records. Out: warnings. Never here: faults; a zone with these loads.

use std::collections::HashMap;

use crate::wire::{Name, Rtype, additional_name};
use crate::zone::Row;

use super::finding::Findings;
use super::finding::warning;
use super::records::{Records, place_of};

/// Kinds of records at a name that matter to records pointing to it.
#[derive(Clone, Copy, Default)]
struct Standing {
    has_alias: bool,
    has_address: bool,
    is_cut: bool,
    has_dname: bool,
}

/// Warns of links that lead nowhere useful.
pub(super) fn validate_links(records: &Records, findings: &mut Findings) {
    let mut standings = vec![Standing::default(); records.log.names.len()];
    let mut has_hiding = false;
    for row in &records.log.rows {
        let standing = &mut standings[row.owner as usize];
        match row.rtype {
            Rtype::CNAME => standing.has_alias = true,
            Rtype::A | Rtype::AAAA => standing.has_address = true,
            Rtype::NS if row.owner != records.apex => standing.is_cut = true,
            Rtype::DNAME => standing.has_dname = true,
            _ => {}
        }
        has_hiding |= standing.is_cut || standing.has_dname;
    }
    for row in &records.log.rows {
        if matches!(row.rtype, Rtype::NS | Rtype::MX | Rtype::SRV) {
            validate_host(records, row, &standings, findings);
        }
    }
    if has_hiding {
        validate_hidden(records, &standings, findings);
    }
}

/// Validates the host of an NS, MX or SRV record (RFC 2181, section 10.3).
fn validate_host(records: &Records, row: &Row, standings: &[Standing], findings: &mut Findings) {
    let rdata = records.log.rdata(row);
    let Some(range) = additional_name(row.rtype, rdata) else {
        return;
    };
    let host = rdata[range].to_ascii_lowercase();
    let standing = records
        .find(&host)
        .map(|number| standings[number as usize])
        .unwrap_or_default();
    let Ok((name, _)) = Name::from_wire(&host) else {
        return;
    };
    let owner = || records.log.names.name(row.owner);
    if standing.has_alias {
        let message = format!(
            "{} {} points to {name}, which is an alias",
            owner(),
            row.rtype
        );
        let help = "name the host itself (RFC 2181, section 10.3)";
        findings.add(place_of(row), warning("M032", message).help(help));
    } else if row.rtype == Rtype::NS && !standing.has_address {
        let apex = records.apex();
        let scope = if row.owner == records.apex {
            apex
        } else {
            owner()
        };
        let is_covered = records.find(&wildcard_of(&host)).is_some();
        if name.is_at_or_below(&scope) && !is_covered {
            let message = format!("name server {name} has no address in the zone");
            let help = "add its A or AAAA record: nobody else can know it";
            findings.add(place_of(row), warning("M033", message).help(help));
        }
    }
}

/// Returns a name with `*` in place of its first label.
fn wildcard_of(name: &[u8]) -> Vec<u8> {
    let length = name.first().copied().map_or(0, usize::from);
    let mut octets = vec![1, b'*'];
    octets.extend_from_slice(name.get(1 + length..).unwrap_or_default());
    octets
}

/// Warns of records below a zone cut that are no addresses, and of anything below a DNAME.
fn validate_hidden(records: &Records, standings: &[Standing], findings: &mut Findings) {
    let apex_len = records.log.names.octets(records.apex).len();
    let mut known: HashMap<u32, Option<u32>> = HashMap::new();
    for row in &records.log.rows {
        let hiding = *known.entry(row.owner).or_insert_with(|| {
            let mut rest = records.log.names.octets(row.owner);
            let mut hiding = None;
            while rest.len() > apex_len {
                let length = usize::from(rest[0]);
                rest = &rest[1 + length..];
                let above = records.find(rest);
                let hides = |number: &u32| {
                    let standing = standings[*number as usize];
                    standing.is_cut || standing.has_dname
                };
                hiding = above.filter(hides).or(hiding);
            }
            hiding
        });
        let Some(above) = hiding else { continue };
        let is_glue = standings[above as usize].is_cut
            && matches!(
                row.rtype,
                Rtype::A | Rtype::AAAA | Rtype::RRSIG | Rtype::NSEC
            );
        if !is_glue {
            let what = if standings[above as usize].is_cut {
                "zone cut"
            } else {
                "DNAME"
            };
            let (owner, above) = (
                records.log.names.name(row.owner),
                records.log.names.name(above),
            );
            let message = format!("{owner} {} is hidden by the {what} at {above}", row.rtype);
            findings.add(
                place_of(row),
                warning("M031", message).help("drop it, or move it"),
            );
        }
    }
}
