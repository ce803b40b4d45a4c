//! Zones written by hand: several in one file, each after a line `; zone APEX`.
//!
//! In: text. Out: zones with their text and their owners, so that the same questions are asked about them. Never here:
//! a full reader of master files; owners are absolute and each record is on one line.

use super::zone::Zone;

/// Types that a line may hold, as static names.
const TYPES: [&str; 16] = [
    "A", "AAAA", "NS", "CNAME", "DNAME", "MX", "TXT", "SOA", "DS", "SRV", "HTTPS", "SVCB", "PTR",
    "CAA", "NAPTR", "TLSA",
];

/// Reads the zones of one file.
pub(crate) fn read(text: &str) -> Vec<Zone> {
    let mut zones: Vec<Zone> = Vec::new();
    for line in text.lines() {
        if let Some(apex) = line.strip_prefix("; zone ") {
            zones.push(Zone::new(apex.trim()));
            continue;
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with(';') {
            continue;
        }
        let zone = zones.last_mut().expect("a line `; zone APEX` comes first");
        let mut words = line.splitn(3, char::is_whitespace);
        let (owner, rtype, rdata) = (words.next(), words.next(), words.next());
        let (Some(owner), Some(rtype), Some(rdata)) = (owner, rtype, rdata) else {
            panic!("not `owner type rdata`: {line}");
        };
        let known = TYPES.iter().find(|name| **name == rtype);
        zone.add(
            owner,
            known.unwrap_or_else(|| panic!("no type {rtype}: {line}")),
            rdata,
        );
    }
    zones
}
