//! A built zone as a canonical master file: absolute names in canonical order, one record a line, the SOA first.
//!
//! In: a zone. Out: text that [`read_master`](super::read_master) reads back to the same zone. Never here: policies,
//! whose answers are no records.

use crate::wire::{Name, QueryName, Rtype, rdata_text};
use crate::zone::{Entry, NodeAt, Piece, RR_FIXED, Zone};

/// Writes a zone as a master file.
pub fn show_master(zone: &Zone) -> String {
    show_master_with(zone, &mut |_, _| {})
}

/// Writes a zone as a master file; after the records of each name `add` may write more lines.
pub fn show_master_with(zone: &Zone, add: &mut dyn FnMut(&Name, &mut String)) -> String {
    let mut nodes: Vec<(Name, NodeAt)> = zone
        .nodes()
        .map(|node| (absolute(zone, zone.owner(node)), node))
        .collect();
    nodes.sort_by_cached_key(|(name, _)| canonical_key(name));
    let mut text = String::new();
    for (owner, node) in nodes {
        let mut entries: Vec<(Rtype, Entry<'_>)> = zone.entries(node).collect();
        entries.sort_by_key(|(rtype, _)| (*rtype != Rtype::SOA, *rtype));
        for (rtype, entry) in entries {
            if let Entry::Static(piece) = entry {
                for (ttl, rdata) in decode(zone, &piece) {
                    push_record(&mut text, (&owner, ttl), rtype, &rdata);
                }
            }
        }
        add(&owner, &mut text);
    }
    text
}

/// Writes the records of one name as lines of a master file; empty if the zone has no such name.
pub fn show_master_name(zone: &Zone, owner: &Name) -> String {
    let mut text = String::new();
    let mut query_name = QueryName::default();
    if !query_name.take(owner.octets()) || !zone.contains(&query_name) {
        return text;
    }
    // Glue and what a cut hides are shown as well: they stand in the file.
    let folded = owner.to_folded();
    let node = zone
        .nodes()
        .find(|node| absolute(zone, zone.owner(*node)).to_folded() == folded);
    for (rtype, entry) in node.into_iter().flat_map(|node| zone.entries(node)) {
        if let Entry::Static(piece) = entry {
            for (ttl, rdata) in decode(zone, &piece) {
                push_record(&mut text, (owner, ttl), rtype, &rdata);
            }
        }
    }
    text
}

/// Writes one record as a line of a master file.
pub fn push_record(text: &mut String, (owner, ttl): (&Name, u32), rtype: Rtype, rdata: &[u8]) {
    let rdata = rdata_text(rtype, rdata);
    text.push_str(&format!("{owner} {ttl} IN {rtype} {rdata}\n"));
}

fn absolute(zone: &Zone, relative: &[u8]) -> Name {
    let octets = [relative, zone.apex().octets()].concat();
    Name::from_wire(&octets).map_or_else(|_| zone.apex().clone(), |(name, _)| name)
}

/// Labels from the root, in lower case (RFC 4034, section 6.1).
fn canonical_key(name: &Name) -> Vec<Vec<u8>> {
    let mut labels: Vec<Vec<u8>> = name.labels().map(<[u8]>::to_ascii_lowercase).collect();
    labels.reverse();
    labels
}

/// Returns TTL and RDATA of each record of a piece, names whole again.
fn decode(zone: &Zone, piece: &Piece<'_>) -> Vec<(u32, Vec<u8>)> {
    let records = piece.records;
    let mut patches = piece.patches().peekable();
    let mut decoded = Vec::with_capacity(usize::from(piece.count));
    let mut at = 0;
    while let Some(fixed) = records.get(at..at + RR_FIXED) {
        let ttl = u32::from_be_bytes([fixed[6], fixed[7], fixed[8], fixed[9]]);
        let end = at + RR_FIXED + usize::from(u16::from_be_bytes([fixed[10], fixed[11]]));
        let mut from = at + RR_FIXED;
        let mut rdata = Vec::with_capacity(end - from);
        while let Some(patch) = patches.next_if(|patch| *patch < end) {
            rdata.extend_from_slice(&records[from..patch]);
            rdata.extend_from_slice(zone.apex().octets());
            from = patch + 2;
        }
        rdata.extend_from_slice(&records[from..end]);
        decoded.push((ttl, rdata));
        at = end;
    }
    decoded
}
