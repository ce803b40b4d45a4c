//! A small zone: its apex, and records under names of a tiny alphabet.
//!
//! In: owners and RDATA as text. Out: a master file with absolute names. Never here: draws, servers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// One zone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone {
    /// Absolute, with its final dot.
    pub(crate) apex: String,
    /// RDATA by owner (absolute) and type; a set keeps duplicates out.
    pub(crate) records: BTreeMap<String, BTreeMap<&'static str, BTreeSet<String>>>,
}

impl Zone {
    /// Begins a zone without records.
    pub(crate) fn new(apex: &str) -> Self {
        Self {
            apex: apex.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a record.
    pub(crate) fn add(&mut self, owner: &str, rtype: &'static str, rdata: impl Into<String>) {
        let types = self.records.entry(owner.to_owned()).or_default();
        types.entry(rtype).or_default().insert(rdata.into());
    }

    /// Says whether an owner has this type.
    pub(crate) fn has(&self, owner: &str, rtype: &str) -> bool {
        self.records
            .get(owner)
            .is_some_and(|types| types.contains_key(rtype))
    }

    /// Writes the zone as a master file (RFC 1035, section 5).
    pub(crate) fn master_file(&self) -> String {
        let mut text = String::new();
        let mut write = |owner: &str, rtype: &str, rdata: &str| {
            writeln!(text, "{owner} {} IN {rtype} {rdata}", ttl(owner, rtype)).expect("room");
        };
        let soa = &self.records[&self.apex]["SOA"];
        write(&self.apex, "SOA", soa.first().expect("an SOA record"));
        for (owner, types) in &self.records {
            for (rtype, set) in types.iter().filter(|(rtype, _)| **rtype != "SOA") {
                set.iter().for_each(|rdata| write(owner, rtype, rdata));
            }
        }
        text
    }

    /// Name of the master file.
    pub(crate) fn file(&self) -> String {
        match self.apex.trim_end_matches('.') {
            "" => "root.zone".to_owned(),
            apex => format!("{apex}.zone"),
        }
    }
}

/// A TTL that differs between RRsets, so that a wrong one is seen.
fn ttl(owner: &str, rtype: &str) -> u32 {
    let sum: u32 = owner.bytes().chain(rtype.bytes()).map(u32::from).sum();
    300 + sum % 7 * 100
}

/// Puts a label before a name.
pub(crate) fn below(label: &str, name: &str) -> String {
    match name {
        "." => format!("{label}."),
        _ => format!("{label}.{name}"),
    }
}

/// Takes the first label away; the root has none.
pub(crate) fn parent(name: &str) -> Option<&str> {
    let (_, rest) = name.split_once('.')?;
    match (name, rest) {
        (".", _) => None,
        (_, "") => Some("."),
        _ => Some(rest),
    }
}
